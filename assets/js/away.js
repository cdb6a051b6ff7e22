// Notices that the server is away, and when it is back; what was being typed survives the reload.
(() => {
  const EVERY = 4000;
  const TYPED = "internvl-typed";
  const box = () => document.querySelector("#question textarea");
  let missed = 0;
  let away = false;
  let next = 0;

  function reload() {
    sessionStorage.setItem(TYPED, box()?.value ?? "");
    location.reload();
  }

  // A card with one button; `title` may be empty.
  function card(title, sentence, label, act) {
    let shown = document.querySelector("#away");
    if (!shown) {
      shown = document.createElement("div");
      shown.id = "away";
      shown.className = "notice";
      (document.querySelector(".gradio-container") ?? document.body).append(shown);
    }
    shown.innerHTML = '<div role="alert"><strong></strong><p></p></div><div class="steps"></div>';
    shown.querySelector("strong").textContent = title;
    shown.querySelector("p").textContent = sentence;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", act);
    shown.querySelector(".steps").append(button);
  }

  async function answers() {
    try {
      const quick = { cache: "no-store", signal: AbortSignal.timeout(EVERY) };
      return (await fetch(new URL("favicon.ico", document.baseURI), quick)).status < 500;
    } catch {
      return false;
    }
  }

  async function look() {
    clearTimeout(next);
    const words = internvl.words();
    if (words && !document.hidden) {
      const there = await answers();
      missed = there ? 0 : missed + 1;
      if (missed >= 2 && !away) card(words.awayTitle, words.away, words.again, look);
      if (there && away) card("", words.back, words.reload, reload);
      if (missed >= 2) away = true;
      else if (there && away) return; // nothing more to look for: the page is to be reloaded
    }
    next = setTimeout(look, missed ? EVERY / 4 : EVERY);
  }

  internvl.afterChange(() => {
    const typed = sessionStorage.getItem(TYPED);
    if (!typed || !box() || !internvl.words()) return; // what the page opens with comes first
    sessionStorage.removeItem(TYPED);
    if (box().value) return;
    box().value = typed;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  });
  addEventListener("offline", () => (missed += 1));
  next = setTimeout(look, EVERY);
})();
