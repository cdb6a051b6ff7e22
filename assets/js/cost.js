// The buttons of the cost line.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fit], [data-pin]");
  if (!button) return;
  const [action, name] = Object.entries(button.dataset)[0];
  trigger("click", { action, name });
});
internvl.keepFocus(element);
