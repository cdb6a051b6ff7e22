// The tile view's buttons and the order of its pictures: what is wanted goes to the server.
const known = "[data-remove], [data-example], [data-leave], [data-bring], [data-tiles], [data-move]";
let moved = "";

element.addEventListener("click", (event) => {
  const button = event.target.closest(known);
  if (!button) return;
  const [action, name] = Object.entries(button.dataset)[0];
  if (action === "move") moved = button.className;
  trigger("click", { action, name });
});

// A picture is dragged by its head onto another one.
let dragged = null;
element.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("header[draggable]")?.closest(".sheet") ?? null;
  dragged?.classList.add("dragged");
});
element.addEventListener("dragover", (event) => {
  if (dragged && event.target.closest(".sheet[data-position]")) event.preventDefault();
});
element.addEventListener("drop", (event) => {
  const onto = event.target.closest(".sheet[data-position]");
  if (!dragged || !onto || onto === dragged) return;
  event.preventDefault();
  event.stopPropagation();
  trigger("click", { action: "move", name: `${dragged.dataset.position}:${onto.dataset.position}` });
});
element.addEventListener("dragend", () => {
  dragged?.classList.remove("dragged");
  dragged = null;
});

// The button that moved a picture keeps the focus, where the picture is now.
new MutationObserver(() => {
  const tray = element.querySelector(".tray");
  if (!moved || !tray?.dataset.moved) return;
  const sheet = tray.querySelector(`.sheet[data-position="${tray.dataset.moved}"]`);
  const buttons = [sheet?.querySelector(`.${moved.replace(" ", ".")}`), sheet?.querySelector(".move:enabled")];
  moved = "";
  requestAnimationFrame(() => buttons.find((button) => button && !button.disabled)?.focus());
}).observe(element, { attributes: true, childList: true, subtree: true });
