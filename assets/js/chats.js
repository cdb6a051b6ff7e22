// The list of chats: opening, searching, and what its buttons ask of the server. The server draws
// the list anew after each change; what was open and typed is put back.
const seen = { query: "", acts: "" };
const panel = () => element.querySelector("details.history");

// "yesterday 21:05": people look for yesterday's chat, not for a date.
function inWords(moment, language) {
  const midnight = (day) => new Date(day).setHours(0, 0, 0, 0);
  const ago = Math.max(0, Math.round((midnight(Date.now()) - midnight(moment)) / 864e5));
  if (ago > 1) return moment.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-ago, "day");
  return `${day} ${moment.toLocaleTimeString(language, { timeStyle: "short" })}`;
}

function filter() {
  const wanted = seen.query.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  element.querySelectorAll("li").forEach((row) => {
    row.hidden = !wanted.every((word) => row.dataset.words.includes(word));
    left += !row.hidden;
  });
  const none = element.querySelector(".none");
  none.textContent = left ? "" : none.dataset.none;
}

function unfold(id) {
  seen.acts = id;
  element.querySelectorAll("li").forEach((row) => {
    const open = row.dataset.chat === id;
    row.querySelector(".acts").hidden = !open;
    row.querySelector(".more").setAttribute("aria-expanded", open);
  });
}

function close(focus) {
  panel().open = false;
  unfold("");
  if (focus) panel().querySelector("summary").focus();
}

function restore() {
  if (!panel()) return;
  panel().open = Boolean(seen.open);
  element.querySelector("input[type=search]").value = seen.query;
  filter();
  unfold(seen.acts);
  element.querySelectorAll("time").forEach((time) => {
    const language = internvl.words()?.lang ?? document.documentElement.lang;
    time.textContent = inWords(new Date(time.dateTime), language);
  });
  const again = seen.focus && element.querySelector(seen.focus);
  if (again) again.focus();
  seen.focus = "";
}

element.addEventListener("toggle", (event) => {
  if (event.target === panel()) seen.open = panel().open;
}, true);

element.addEventListener("input", (event) => {
  if (event.target.type !== "search") return;
  seen.query = event.target.value;
  filter();
});

element.addEventListener("submit", (event) => {
  event.preventDefault();
  const chat = event.target.closest("[data-chat]").dataset.chat;
  seen.focus = `[data-chat="${chat}"] .more`;
  seen.acts = "";
  trigger("edit", { chat, form: "", title: event.target.elements.title.value });
});

element.addEventListener("click", (event) => {
  // The list may be drawn anew before "toggle" tells that it was opened.
  if (event.target.closest("summary")?.parentElement === panel()) seen.open = !panel().open;
  const more = event.target.closest(".more");
  if (more) {
    const id = more.closest("[data-chat]").dataset.chat;
    unfold(seen.acts === id ? "" : id);
  }
  if (event.target.closest("[data-import]")) {
    document.querySelector("#imported input[type=file]").click();
  }
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const { do: act, form = "" } = button.dataset;
  const chat = button.closest("[data-chat]")?.dataset.chat ?? "";
  if (act === "delete") Object.assign(seen, { acts: "", focus: "input[type=search]" });
  if (act === "select" || act === "clear") {
    seen.query = "";
    close(true);
    seen.focus = "summary";
  }
  trigger(act, { chat, form, title: "" });
});

element.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel().open) {
    event.stopPropagation();
    close(true);
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".open, input[type=search]")) return;
  const rows = [...element.querySelectorAll("li:not([hidden]) .open")];
  rows[rows.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});

document.addEventListener("pointerdown", (event) => {
  if (panel()?.open && !element.contains(event.target)) close(false);
});

internvl.openChats = () => {
  panel().open = true;
  element.querySelector("input[type=search]").focus();
};
// Whoever comes next finds no search words of the last person.
internvl.leaveChats = () => {
  Object.assign(seen, { query: "", acts: "", open: false });
  restore();
};
watch("value", restore);
restore();
