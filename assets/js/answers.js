// The copy button under an answer.
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".receipt .copy");
  if (!button) return;
  const answer = button.closest('[data-testid="bot"]').cloneNode(true);
  answer.querySelector(".receipt").remove();
  await navigator.clipboard.writeText(answer.textContent.trim());
  button.textContent = internvl.words().copied;
});
