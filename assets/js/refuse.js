// Files that this page does not take are told to the server, whose card says so: Gradio would say it
// in the browser's language, if at all. And numbers stay within what their fields allow.
(() => {
  const fits = (file, wanted) =>
    wanted.endsWith("/*") ? file.type.startsWith(wanted.slice(0, -1)) : file.name.toLowerCase().endsWith(wanted);

  function problem(files, accept) {
    const large = files.find((file) => file.size > Number(internvl.words().most));
    if (large) return ["size", large];
    const wanted = accept.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const strange = wanted.length && files.find((file) => !wanted.some((kind) => fits(file, kind)));
    return strange ? ["kind", strange] : null;
  }

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.type !== "file" || !internvl.words()) return;
    const found = problem([...field.files], field.accept);
    if (!found) return;
    event.stopImmediatePropagation();
    const files = [...field.files];
    field.value = "";
    const pane = field.closest("#image, #images, #video, #imported")?.id ?? "";
    const own = internvl.paneOf(found[1]);
    if (found[0] === "kind" && pane !== "imported" && files.every(internvl.paneOf) && !pane.startsWith(own)) {
      internvl.deliver(files); // chosen in another pane than the one that takes it
      return;
    }
    internvl.touch("refused", [found[0], pane, found[1].size, found[1].name].join(":"));
  }, true);

  document.addEventListener("input", (event) => {
    const { type, value, min, max } = event.target;
    if (type !== "number" || value === "") return;
    const within = Math.min(max === "" ? Infinity : max, Math.max(min === "" ? -Infinity : min, value));
    if (within !== Number(value)) event.target.value = within;
  }, true);
})();
