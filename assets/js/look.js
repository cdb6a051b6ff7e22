// Light or dark: as the system says, until the visitor says otherwise in this browser.
(() => {
  const KEY = "internvl-look";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light")) === "dark";

  function apply() {
    if (!document.body) return;
    if (document.body.classList.contains("dark") !== dark()) document.body.classList.toggle("dark", dark());
    const button = document.querySelector("[data-look]");
    if (!button) return;
    const { dark: night, light: day, label } = button.dataset;
    const other = dark() ? day : night;
    const name = button.querySelector("span");
    if (name.textContent === other) return;
    name.textContent = other;
    button.setAttribute("aria-label", label.replace("{look}", other));
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-look]")) return;
    const wanted = dark() ? "light" : "dark";
    const same = (wanted === "dark") === system.matches;
    same ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, wanted);
    apply();
  });
  system.addEventListener("change", () => setTimeout(apply));
  internvl.afterChange(apply);
})();
