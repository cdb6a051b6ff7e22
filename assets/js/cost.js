// The button of the cost line.
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-fit]")) trigger("click", { action: "fit" });
});
