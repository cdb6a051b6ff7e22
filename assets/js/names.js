// Names for screen readers: the chat's messages and the places where files land.
internvl.afterChange(() => {
  const words = internvl.words();
  if (!words) return;
  document.querySelectorAll('#chat [data-testid="user"], #chat [data-testid="bot"]').forEach((message) => {
    const form = message.dataset.testid === "user" ? words.you : words.model;
    const name = form.replace("{text}", message.innerText.trim().slice(0, 200));
    if (message.getAttribute("aria-label") !== name) message.setAttribute("aria-label", name);
  });
  const log = document.querySelector("#chat [aria-live]");
  if (log?.getAttribute("aria-live") === "polite") log.setAttribute("aria-live", "off");
});

internvl.afterChange(() => {
  const words = internvl.words();
  if (!words) return;
  if (document.documentElement.lang !== words.lang) document.documentElement.lang = words.lang;
  document.querySelectorAll(".drop button").forEach((zone) => {
    const label = zone.closest(".drop").querySelector("label")?.innerText.trim() ?? "";
    const how = matchMedia("(hover: none)").matches ? words.pick : words.drop;
    const name = `${label}: ${how}`;
    zone.dataset.drop = how;
    if (zone.getAttribute("aria-label") !== name) zone.setAttribute("aria-label", name);
  });
});

// Gradio gives each choice of a radio a name of its own, so that arrow keys don't move between them.
internvl.afterChange(() => {
  document.querySelectorAll("#language input").forEach((choice) => {
    if (choice.name !== "language") choice.name = "language";
  });
});
