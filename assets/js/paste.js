// Pasted files go to the open pane.
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const input = [...document.querySelectorAll('.drop input[type="file"]')].find(
    (candidate) => candidate.closest('[role="tabpanel"]')?.offsetParent,
  );
  if (!files?.length || !input) return;
  event.preventDefault();
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
