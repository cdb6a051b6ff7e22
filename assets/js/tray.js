// The tile view's buttons: their data goes to the server as the event's data.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove], [data-example], [data-leave], [data-bring]");
  if (!button) return;
  const [action, name] = Object.entries(button.dataset)[0];
  trigger("click", { action, name });
});
