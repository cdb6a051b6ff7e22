// Light up tiles as the model reads them.
internvl.afterChange(() => {
  const status = document.querySelector("#status .status");
  const tray = document.querySelector("#tray .tray");
  if (!status || !tray) return;
  const pieces = Number(tray.dataset.pieces);
  const earlier = Number(status.dataset.total) - pieces;
  const read = Math.max(0, Number(status.dataset.done) - Math.max(0, earlier));
  tray.querySelectorAll(".tile").forEach((tile, position) => {
    tile.classList.toggle("read", position < read);
    tile.classList.toggle("next", position === read && status.classList.contains("reading"));
  });
});
