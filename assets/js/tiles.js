// Light up tiles as the model reads them: in the tile view, and once it was sent in the question.
// What was read stays marked while another line takes the place of "Reading".
(() => {
  let known = { of: "", done: 0 };

  function light(place, done, reading) {
    place.querySelectorAll(".tile").forEach((tile, position) => {
      tile.classList.toggle("read", position < done);
      tile.classList.toggle("next", position === done && reading);
    });
  }

  internvl.afterChange(() => {
    const status = document.querySelector("#status .status");
    if (!status) return;
    const question = [...document.querySelectorAll('#chat [data-testid="user"]')].at(-1);
    // A short answer may be there before its beginning was seen.
    const begun = /answer(ing|ed)/.test(status.className);
    if (question && begun) light(question, Infinity, false);
    const asking = document.querySelector("#stop") && !begun;
    const place = asking ? question : document.querySelector("#tray");
    if (!place) return;
    const tiles = place.querySelectorAll(".tile").length;
    const of = [tiles, ...[...place.querySelectorAll(".name")].map((name) => name.textContent)].join("/");
    const total = Number(status.dataset.total);
    // Of more tiles than these, the last are these; of fewer, the first of these were known already.
    if (total) known = { of, done: Math.max(0, Number(status.dataset.done) - total + tiles) };
    light(place, known.of === of ? known.done : 0, status.classList.contains("reading"));
  });
})();
