// Hands over a file that the server has sent with the page; nothing of it lies on the server.
watch("value", () => {
  const sent = element.querySelector("[data-content]");
  if (!sent) return;
  const bytes = Uint8Array.from(atob(sent.dataset.content), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: sent.dataset.kind }));
  link.download = sent.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  sent.remove();
});
