// The panel that opens from the head, and from the line under the composer.
document.addEventListener("click", (event) => {
  const panel = document.querySelector("dialog.about");
  if (!panel || !event.target.closest) return;
  if (event.target.closest("[data-about], [data-caution]")) panel.showModal();
  if (event.target === panel || event.target.closest("[data-close], [data-chats]")) panel.close();
  if (event.target.closest("[data-chats]")) internvl.openChats();
});
