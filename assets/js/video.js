// Players: one in the tile view, and one over the talk that shows the frames named in answers.
(() => {
  const players = new Map(); // by place and clip: kept while the page around them is redrawn
  const silent = new Map(); // clips that can't be played here: "unplayable" or "gone"
  let dock = null;

  function makePlayer(clip, label) {
    const player = document.createElement("video");
    Object.assign(player, { controls: true, preload: "metadata", playsInline: true });
    player.setAttribute("aria-label", label);
    player.src = `${(window.gradio_config?.root ?? "").replace(/\/$/, "")}/clips/${clip}`;
    const fail = async () => {
      const there = await fetch(player.src, { method: "HEAD" }).then((answer) => answer.ok, () => false);
      silent.set(clip, there ? "unplayable" : "gone");
      showSilence();
    };
    player.addEventListener("error", fail);
    // Sound without a picture: the container is known here, the codec is not.
    player.addEventListener("loadedmetadata", () => player.videoWidth || fail());
    player.addEventListener("timeupdate", () => markFrame(player));
    return player;
  }

  function playerFor(place, clip, label) {
    const name = `${place} ${clip}`;
    if (!players.has(name)) players.set(name, makePlayer(clip, label));
    return players.get(name);
  }

  function moveTo(player, seconds) {
    player.pause();
    player.currentTime = seconds + 0.001; // else rounding can show the frame before
  }

  // The frame that the player shows, or has shown last.
  function markFrame(player) {
    const frames = [...(player.closest(".sheet")?.querySelectorAll(".frames .tile") ?? [])];
    const now = frames.filter((frame) => Number(frame.dataset.time) <= player.currentTime + 0.002).at(-1);
    frames.forEach((frame) => frame.classList.toggle("now", frame === now && player.currentTime > 0));
  }

  function showSilence() {
    document.querySelectorAll(".player[data-clip]").forEach((place) => {
      const why = silent.get(place.dataset.clip);
      const unplayable = Boolean(why);
      const sentence = place.querySelector(".unplayable");
      const gone = internvl.words()?.gone;
      if (why === "gone" && sentence.textContent !== gone) sentence.textContent = gone;
      if (sentence.hidden === unplayable) sentence.hidden = !unplayable;
      if (unplayable) place.querySelector("video")?.remove();
      place.closest(".sheet")?.classList.toggle("silent", unplayable);
    });
  }

  function makeDock() {
    const made = document.createElement("section");
    made.className = "dock";
    made.innerHTML = '<header><p role="status"></p><button type="button" class="close">×</button></header><div class="player"><p class="unplayable" hidden></p></div>';
    made.addEventListener("click", (event) => event.target.closest(".close") && closeDock());
    made.addEventListener("keydown", (event) => event.key === "Escape" && closeDock());
    document.querySelector("#left").prepend(made); // beside the talk: it covers no answer
    return made;
  }

  function closeDock() {
    const opener = dock.opener;
    dock.querySelector("video")?.pause();
    dock.remove();
    dock = null;
    if (opener?.isConnected) opener.focus();
  }

  function showInDock(link) {
    const [clip, time] = link.value.split(" "); // the chat box lets no data attributes through
    const named = link.title;
    if (!dock?.isConnected) dock = makeDock();
    dock.opener = link;
    const words = internvl.words();
    const place = dock.querySelector(".player");
    dock.setAttribute("aria-label", named);
    dock.querySelector("header p").textContent = named;
    dock.querySelector(".close").setAttribute("aria-label", words.closePlayer);
    dock.querySelector(".unplayable").textContent = words.unplayable;
    const player = playerFor("dock", clip, named);
    if (place.dataset.clip !== clip) {
      place.querySelector("video")?.remove();
      place.dataset.clip = clip;
    }
    if (!silent.has(clip) && !player.isConnected) place.prepend(player);
    if (time !== "play") moveTo(player, Number(time));
    else if (player.isConnected) player.play().catch(() => {}); // what can't be played is said below it
    showSilence();
    if (matchMedia("(max-width: 860px)").matches) showBetween(link, dock, document.querySelector("#composer"));
  }

  // On a phone the player stands over the talk, and the composer under it.
  function showBetween(link, above, below) {
    link.style.scrollMargin = `${above.offsetHeight + 24}px 0 ${below.offsetHeight + 24}px`;
    link.scrollIntoView({ block: "nearest" });
  }

  // Another chat is on the page: what was shown belongs to none of its videos.
  function closeStray() {
    const clip = dock?.querySelector(".player").dataset.clip;
    if (!dock || document.querySelector(`#chat .frame-link[value^="${clip} "]`)) return;
    closeDock();
  }

  internvl.afterChange(() => {
    document.querySelectorAll("#tray .player[data-clip]").forEach((place) => {
      const { clip, label } = place.dataset;
      const player = playerFor("tray", clip, label);
      if (!silent.has(clip) && player.parentElement !== place) {
        place.prepend(player);
        markFrame(player);
      }
    });
    showSilence();
    closeStray();
  });

  document.addEventListener("click", (event) => {
    const moment = event.target.closest("#tray [data-seek]");
    const player = moment?.closest(".sheet").querySelector("video");
    if (player) moveTo(player, Number(moment.dataset.seek));
    const link = event.target.closest(".frame-link");
    if (link) showInDock(link);
  });
})();
