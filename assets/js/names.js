// Names for screen readers: the chat's messages and the places where files land.
(() => {
  const named = new WeakMap(); // messages, by what was in them: most stay as they are
  const spoken = (message) => message.querySelector(".said")?.textContent ?? internvl.said(message);

  internvl.afterChange(() => {
    const words = internvl.words();
    if (!words) return;
    document.querySelectorAll('#chat [data-testid="user"], #chat [data-testid="bot"]').forEach((message) => {
      const form = message.dataset.testid === "user" ? words.you : words.model;
      const whole = form + message.textContent;
      if (named.get(message) === whole) return;
      named.set(message, whole);
      message.setAttribute("aria-label", form.replace("{text}", () => spoken(message).trim().slice(0, 200)));
    });
    const log = document.querySelector("#chat [aria-live]");
    if (log?.getAttribute("aria-live") === "polite") log.setAttribute("aria-live", "off");
    if (log && log.getAttribute("aria-label") !== words.chat) log.setAttribute("aria-label", words.chat);
  });
})();

internvl.afterChange(() => {
  const words = internvl.words();
  if (!words) return;
  if (document.documentElement.lang !== words.lang) document.documentElement.lang = words.lang;
  document.querySelectorAll(".drop button").forEach((zone) => {
    const label = zone.closest(".drop").querySelector("label")?.innerText.trim() ?? "";
    const several = zone.closest("#images") ? "Several" : "";
    const how = words[`${matchMedia("(hover: none)").matches ? "pick" : "drop"}${several}`];
    const name = `${label}: ${how}`;
    zone.dataset.drop = how;
    if (zone.getAttribute("aria-label") !== name) zone.setAttribute("aria-label", name);
  });
});

// What is to be heard is said by one place that is there from the start, once for each stage: a
// place that arrives with its words is often not heard.
(() => {
  let heard = "";
  internvl.afterChange(() => {
    const status = document.querySelector("#status .status");
    if (!status) return;
    let voice = document.querySelector("#voice");
    if (!voice) {
      voice = Object.assign(document.createElement("p"), { id: "voice", className: "heard", role: "status" });
      document.body.append(voice);
    }
    if (status.className === heard) return;
    heard = status.className;
    voice.textContent = status.dataset.spoken ?? "";
  });
})();

// Gradio's disclosures don't say whether they are open.
(() => {
  const say = () => document.querySelectorAll(".gr-accordion > button").forEach((button) => {
    button.setAttribute("aria-expanded", button.classList.contains("open"));
    button.querySelector(".icon")?.setAttribute("aria-hidden", true);
  });
  internvl.afterChange(say);
  document.addEventListener("click", () => requestAnimationFrame(say));
})();

// Gradio names the parts of a slider in English, whatever the page speaks.
internvl.afterChange(() => {
  document.querySelectorAll('[aria-label^="number input for "], [aria-label^="range slider for "]').forEach((field) => {
    field.setAttribute("aria-label", field.getAttribute("aria-label").split(" for ").slice(1).join(" for "));
  });
  const reset = internvl.words()?.reset;
  document.querySelectorAll(".reset-button").forEach((button) => {
    if (reset && button.getAttribute("aria-label") !== reset) button.setAttribute("aria-label", reset);
  });
});

// Gradio gives each choice of a radio a name of its own, so that arrow keys don't move between them.
internvl.afterChange(() => {
  document.querySelectorAll("#language input").forEach((choice) => {
    if (choice.name !== "language") choice.name = "language";
  });
});
