// Draw the grid for the slider's number at once, from the table that came with each picture; the
// server's own drawing follows.
const thumbnail = ({ source, caption }, number) => {
  const make = (name, values, ...inner) => {
    const made = Object.assign(document.createElement(name), values);
    made.append(...inner);
    return made;
  };
  const tile = make("div", { className: "tile" }, make("img", { src: source, alt: "" }), make("b", {}, number));
  return make("figure", { className: "thumbnail" }, tile, make("figcaption", {}, caption));
};

document.addEventListener("input", (event) => {
  if (!event.target.closest("#max_tiles")) return;
  const tray = document.querySelector("#tray .tray");
  const share = JSON.parse(tray?.dataset.shares || "[]")[Math.round(event.target.value) - 1];
  if (!share) return;
  tray.querySelectorAll(".sheet[data-looks]").forEach((sheet) => {
    const look = JSON.parse(sheet.dataset.looks)[share - 1];
    const whole = sheet.querySelector(".whole");
    if (!look) return;
    whole.style.setProperty("--columns", look.columns);
    whole.style.setProperty("--rows", look.rows);
    const tiles = Array.from({ length: look.columns * look.rows }, (_, position) => {
      const tile = document.createElement("span");
      tile.className = "tile";
      tile.append(Object.assign(document.createElement("b"), { textContent: position + 1 }));
      return tile;
    });
    whole.querySelector(".grid").replaceChildren(...tiles);
    const views = sheet.querySelector(".views");
    views.querySelector(".thumbnail")?.remove();
    if (look.tiles > 1) views.append(thumbnail(views.dataset, look.tiles));
    sheet.querySelector(".sum strong").textContent = look.sum;
    sheet.querySelector(".sum span").textContent = look.tokens;
    const facts = look.facts.map((fact) =>
      Object.assign(document.createElement("span"), { textContent: fact }),
    );
    sheet.querySelector(".facts").replaceChildren(...facts);
  });
});
