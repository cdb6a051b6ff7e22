// Presenter mode: large type, and a fresh session when nobody has touched the page for a while.
// `?presenter=5` in the address begins it with 5 idle minutes, `?presenter=0` ends it.
const KEY = "internvl-presenter";
const WARNING = 30;
const asked = new URLSearchParams(location.search).get("presenter");
const minutes = () => Number(localStorage.getItem(KEY)) || 0;
const words = () => element.querySelector(".presenter");
let touched = Date.now();
let begun = false;

function set(number) {
  const whole = Number.isFinite(number) ? Math.min(120, Math.max(0, number)) : 0;
  whole ? localStorage.setItem(KEY, whole) : localStorage.removeItem(KEY);
  touched = Date.now();
  show();
}

function fresh() {
  touched = Date.now();
  begun = true;
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  internvl.leaveChats();
  trigger("click", { action: "fresh" });
}

function show() {
  const bar = words();
  document.documentElement.classList.toggle("presenting", minutes() > 0);
  if (!bar) return;
  bar.hidden = !minutes();
  bar.querySelector("[data-on]").textContent = bar.querySelector("[data-on]").dataset.on.replace("{minutes}", minutes());
  if (minutes() && !bar.dataset.guest && !begun) fresh();
  if (bar.dataset.guest) begun = false;
}

function count() {
  const bar = words();
  if (!bar || !minutes()) return;
  if (document.querySelector("#stop")?.offsetParent) touched = Date.now(); // it is answering
  const left = Math.ceil(minutes() * 60 - (Date.now() - touched) / 1000);
  const soon = bar.querySelector(".soon");
  const heard = soon.querySelector("[data-soon]");
  const sentence = heard.dataset.soon.replace("{seconds}", Math.max(0, left));
  soon.hidden = left > WARNING;
  soon.querySelector(".counted").textContent = sentence;
  if (soon.hidden) heard.textContent = "";
  else if (!heard.textContent) heard.textContent = sentence; // said once, not every second
  if (left <= 0) fresh();
}

["pointerdown", "keydown", "wheel", "touchstart", "input"].forEach((kind) =>
  document.addEventListener(kind, () => (touched = Date.now()), { capture: true, passive: true }),
);
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-present]")) return;
  event.preventDefault();
  document.querySelector("dialog.about").close();
  set(Number(event.target.elements.minutes.value));
});
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-present-next]")) fresh();
  if (event.target.closest("[data-present-leave]")) {
    set(0);
    history.replaceState(null, "", location.pathname);
    trigger("click", { action: "leave" });
  }
});
if (asked !== null) set(Number(asked));
watch("value", show);
show();
setInterval(count, 500);
