// The buttons in messages: some do their work here, the others are sent to the server.
(() => {
  const SCOPE = '[data-testid="bot"], .compared';

  // What is read of an answer without what this page put there.
  internvl.said = (message) => {
    const copy = message.cloneNode(true);
    copy.querySelectorAll(".receipt, .figure").forEach((part) => part.remove());
    copy.querySelectorAll(".katex").forEach((formula) => {
      formula.replaceWith(formula.querySelector("annotation")?.textContent ?? formula.textContent);
    });
    return copy.textContent.trim();
  };

  async function copy(button, text) {
    await navigator.clipboard.writeText(text);
    button.textContent = internvl.words().copied;
  }

  // Chips and boxes of one region light up together; a click keeps them lit.
  function light(button, name, on) {
    const scope = button.closest(SCOPE);
    scope?.querySelectorAll(`[name="light"][value="${button.value}"]`).forEach((part) => {
      part.classList.toggle(name, on);
    });
    scope?.querySelectorAll(".pointed").forEach((picture) => {
      picture.classList.toggle("some", !!picture.querySelector(".lit, .held"));
    });
  }

  const lamp = (event) => event.target.closest?.('[name="light"]');
  for (const [kind, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(kind, (event) => lamp(event) && light(lamp(event), "lit", on));
  }

  // Whoever opens a panel wants to write in it.
  let open = new Set();
  internvl.afterChange(() => {
    const shown = new Set([...document.querySelectorAll(".drawer")].filter((drawer) => drawer.offsetParent));
    shown.forEach((drawer) => {
      if (open.has(drawer)) return;
      drawer.querySelector("textarea, input[type=text]")?.focus();
      drawer.scrollIntoView({ block: "nearest" });
    });
    open = shown;
  });

  // What a click unfolds is brought into sight.
  document.addEventListener("toggle", ({ target }) => {
    if (target.open && target.closest?.("#chat")) target.scrollIntoView({ block: "nearest" });
  }, true);

  document.addEventListener("click", (event) => {
    // Taking back a question that waits for the model is Stop.
    if (event.target.closest("[data-stop]")) document.querySelector("#stop button, button#stop")?.click();
    const button = event.target.closest("button[name]");
    if (!button?.closest("#chat, .compared")) return;
    if (button.name === "light") {
      light(button, "held", !button.classList.contains("held"));
    } else if (button.name === "copy") {
      copy(button, internvl.said(button.closest(SCOPE)));
    } else if (button.name === "copy-text") {
      copy(button, button.value);
    } else {
      internvl.act(button.name, button.value);
    }
  });
})();
