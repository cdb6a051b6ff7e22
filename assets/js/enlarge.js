// A picture of the chat, large: to check an answer against it.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".enlarge");
  if (!button) return;
  const root = (window.gradio_config?.root ?? "").replace(/\/$/, "");
  const { alt } = button.querySelector("img");
  const picture = Object.assign(document.createElement("img"), { alt, src: `${root}/pictures/${button.value}` });
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: internvl.words().close });
  const dialog = Object.assign(document.createElement("dialog"), { className: "large" });
  dialog.setAttribute("aria-label", alt);
  dialog.append(close, picture);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.querySelector("#main").append(dialog);
  dialog.showModal();
});
