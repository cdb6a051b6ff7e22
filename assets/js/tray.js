// The tile view's buttons and the order of its pictures: what is wanted goes to the server.
const known = "[data-remove], [data-example], [data-leave], [data-bring], [data-tiles], [data-move], [data-part]";
let moved = "";

element.addEventListener("click", (event) => {
  const button = event.target.closest(known);
  if (!button) return;
  const [action, name] = Object.entries(button.dataset)[0];
  if (action === "move") moved = button.className;
  trigger("click", { action, name });
});

internvl.keepFocus(element);
internvl.touch = (action, name) => trigger("click", { action, name });

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

// A box dragged on a picture whose "look closer" is open asks for that part.
let marking = null;
const share = (value, length) => Math.round(1000 * Math.min(1, Math.max(0, value / length)));
const marked = (event) => {
  const frame = marking.whole.getBoundingClientRect();
  const across = [marking.x, event.clientX].map((x) => share(x - frame.left, frame.width));
  const down = [marking.y, event.clientY].map((y) => share(y - frame.top, frame.height));
  return [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
};
element.addEventListener("pointerdown", (event) => {
  const whole = event.target.closest(".whole");
  if (!whole?.closest(".sheet").querySelector(".closer[open]")) return;
  event.preventDefault();
  const box = Object.assign(document.createElement("i"), { className: "marked" });
  whole.append(box);
  marking = { whole, box, x: event.clientX, y: event.clientY };
  whole.setPointerCapture(event.pointerId);
});
element.addEventListener("pointermove", (event) => {
  if (!marking) return;
  const [left, top, right, bottom] = marked(event).map((value) => value / 10);
  Object.assign(marking.box.style, {
    left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`,
  });
});
element.addEventListener("pointerup", (event) => {
  if (!marking) return;
  const part = marked(event);
  const { whole, box } = marking;
  marking = null;
  box.remove();
  if (part[2] - part[0] < 20 || part[3] - part[1] < 20) return tileAt(whole, event)?.click();
  trigger("click", { action: "part", name: [whole.dataset.position, ...part].join(":") });
});
element.addEventListener("pointercancel", () => {
  marking?.box.remove();
  marking = null;
});

// The button of the tile, or the quarter, that a click on the picture meant.
function tileAt(whole, event) {
  const frame = whole.getBoundingClientRect();
  const x = share(event.clientX - frame.left, frame.width);
  const y = share(event.clientY - frame.top, frame.height);
  return [...whole.closest(".sheet").querySelectorAll(".closer [data-part]")].find((button) => {
    const [, left, top, right, bottom] = button.dataset.part.split(":").map(Number);
    return left <= x && x <= right && top <= y && y <= bottom;
  });
}
