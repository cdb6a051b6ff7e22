// The buttons of a card: some are for the server, the others are done here.
const fields = { find: "find_text", ask_anew: "edit_text" };
const field = (asked) =>
  document.querySelector(`#${fields[asked] ?? "question"} :is(textarea, input)`);

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  const { step, number, asked } = button.dataset;
  const here = {
    reload: () => location.reload(),
    write: () => field(asked).focus(),
    chats: () => internvl.openChats(),
    choose: () =>
      [...document.querySelectorAll(".drop button")].find((zone) => zone.offsetParent)?.click(),
  };
  if (here[step]) return here[step]();
  trigger("click", { step, number: Number(number), asked });
  field()?.focus();
});
