// Notices that the server is away, and when it is back; what was being typed survives the reload.
(() => {
  const EVERY = 4000;
  const TYPED = "internvl-typed";
  const box = () => document.querySelector("#question textarea");
  let missed = 0;
  let away = false;

  function card(sentence, reload) {
    const words = internvl.words();
    let shown = document.querySelector("#away");
    if (!shown) {
      shown = document.createElement("div");
      shown.id = "away";
      shown.className = "notice";
      (document.querySelector(".gradio-container") ?? document.body).append(shown);
    }
    shown.innerHTML = '<div role="alert"><strong></strong><p></p></div><div class="steps"></div>';
    shown.querySelector("strong").textContent = reload ? "" : words.awayTitle;
    shown.querySelector("p").textContent = sentence;
    if (!reload) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.reload;
    button.addEventListener("click", () => {
      sessionStorage.setItem(TYPED, box()?.value ?? "");
      location.reload();
    });
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
    const words = internvl.words();
    if (words && !document.hidden) {
      const there = await answers();
      missed = there ? 0 : missed + 1;
      if (missed >= 2 && !away) card(words.away);
      if (there && away) card(words.back, true);
      if (missed >= 2) away = true;
      else if (there && away) return; // nothing more to look for: the page is to be reloaded
    }
    setTimeout(look, missed ? EVERY / 4 : EVERY);
  }

  internvl.afterChange(() => {
    const typed = sessionStorage.getItem(TYPED);
    if (!typed || !box()) return;
    sessionStorage.removeItem(TYPED);
    if (box().value) return;
    box().value = typed;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  });
  addEventListener("offline", () => (missed += 1));
  setTimeout(look, EVERY);
})();
