// Files that were pasted, dropped or photographed go to the pane that takes them.
(() => {
  const video = /\.(mp4|webm|mkv|mov|avi|m4v|flv|wmv)$/i;
  const isVideo = (file) => file.type.startsWith("video/") || video.test(file.name);
  const tabs = () => [...document.querySelectorAll('#panes button[role="tab"]')];
  const input = (pane) => document.querySelector(`#${pane}_tab .drop input[type="file"]`);
  const isOpen = (pane) => Boolean(document.querySelector(`#${pane}_tab`)?.offsetParent);

  async function hand(files, pane) {
    if (!isOpen(pane)) tabs()[["image", "images", "video"].indexOf(pane)]?.click();
    for (let tries = 0; !input(pane) && tries < 120; tries++) await new Promise(requestAnimationFrame);
    const field = input(pane);
    if (!field) return;
    const carried = new DataTransfer();
    files.forEach((file) => carried.items.add(file));
    field.files = carried.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Which pane takes a file, if any does; "" for others.
  internvl.paneOf = (file) =>
    isVideo(file) ? "video" : file.type.startsWith("image/") || file.type === "application/pdf" ? "image" : "";

  // Several pictures are several; one replaces the picture that is there, or joins several.
  internvl.deliver = async (files) => {
    const pictures = [...files].filter((file) => !isVideo(file));
    const videos = [...files].filter(isVideo);
    if (videos.length) await hand(videos.slice(0, 1), "video");
    if (pictures.length) await hand(pictures, pictures.length > 1 || isOpen("images") ? "images" : "image");
  };

  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    const typing = event.target.matches?.("textarea, input");
    const hasText = [...(event.clipboardData?.types ?? [])].includes("text/plain");
    if (!files?.length || (typing && hasText)) return; // cells of a sheet come as text and picture
    event.preventDefault();
    internvl.deliver(files);
  });

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true })); // no zone stays lit
    internvl.deliver(event.dataTransfer.files);
  }, true);
})();
