// What the page can't do with Gradio alone: light up tiles as the model reads them, take pasted
// files, name the chat's messages for screen readers, copy an answer.
(() => {
  const element = (id) => document.getElementById(id);

  function lightTiles() {
    const status = document.querySelector("#status .status");
    const tray = document.querySelector("#tray .tray");
    if (!status || !tray) return;
    const pieces = Number(tray.dataset.pieces);
    const earlier = Number(status.dataset.total) - pieces;
    const read = Math.max(0, Number(status.dataset.done) - Math.max(0, earlier));
    tray.querySelectorAll(".tile").forEach((tile, position) => {
      tile.classList.toggle("read", position < read);
      tile.classList.toggle("next", position === read && status.classList.contains("reading"));
    });
  }

  function nameMessages() {
    const words = element("words")?.querySelector("[data-you]")?.dataset;
    if (!words) return;
    document.querySelectorAll('#chat [data-testid="user"], #chat [data-testid="bot"]').forEach((message) => {
      const form = message.dataset.testid === "user" ? words.you : words.model;
      const name = form.replace("{text}", message.innerText.trim().slice(0, 200));
      if (message.getAttribute("aria-label") !== name) message.setAttribute("aria-label", name);
    });
    const log = document.querySelector("#chat [aria-live]");
    if (log?.getAttribute("aria-live") === "polite") log.setAttribute("aria-live", "off");
  }

  function sayWords() {
    const words = element("words")?.querySelector("[data-you]");
    if (!words) return;
    if (document.documentElement.lang !== words.lang) document.documentElement.lang = words.lang;
    document.querySelectorAll(".drop button").forEach((zone) => {
      const label = zone.closest(".drop").querySelector("label")?.innerText.trim() ?? "";
      const name = `${label}: ${words.dataset.drop}`;
      zone.dataset.drop = words.dataset.drop;
      if (zone.getAttribute("aria-label") !== name) zone.setAttribute("aria-label", name);
    });
  }

  function follow() {
    lightTiles();
    nameMessages();
    sayWords();
  }

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      follow();
    });
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });

  // Pasted files go to the open pane.
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    const input = [...document.querySelectorAll('.drop input[type="file"]')].find(
      (candidate) => candidate.closest('[role="tabpanel"]')?.offsetParent,
    );
    if (!files?.length || !input) return;
    event.preventDefault();
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".receipt .copy");
    if (!button) return;
    const answer = button.closest('[data-testid="bot"]').cloneNode(true);
    answer.querySelector(".receipt").remove();
    await navigator.clipboard.writeText(answer.textContent.trim());
    button.textContent = element("words").querySelector("[data-you]").dataset.copied;
  });
})();
