// Light up tiles as the model reads them.
// What was read stays marked while another line takes the place of "Reading".
let readTiles = { of: "", done: 0 };
internvl.afterChange(() => {
  const status = document.querySelector("#status .status");
  const tray = document.querySelector("#tray .tray");
  if (!status || !tray) return;
  const pieces = Number(tray.dataset.pieces);
  const earlier = Number(status.dataset.total) - pieces; // less than 0: some are known already
  const names = [...tray.querySelectorAll(".sheet .name")].map((name) => name.textContent);
  const of = [pieces, ...names].join("/");
  const told = Number(status.dataset.total) > 0;
  if (told) readTiles = { of, done: Math.max(0, Number(status.dataset.done) - earlier) };
  const read = readTiles.of === of ? readTiles.done : 0;
  tray.querySelectorAll(".tile").forEach((tile, position) => {
    tile.classList.toggle("read", position < read);
    tile.classList.toggle("next", position === read && status.classList.contains("reading"));
  });
});
