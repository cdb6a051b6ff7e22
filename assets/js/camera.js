// A photo from the camera. It is asked for when the button is pressed, and let go with the dialog.
(() => {
  const reasons = { NotAllowedError: "denied", SecurityError: "denied" };

  async function open(dialog) {
    const view = dialog.querySelector("video");
    const said = dialog.querySelector(".said");
    view.hidden = true;
    dialog.querySelector(".take").disabled = true;
    said.textContent = dialog.dataset.asking;
    dialog.showModal();
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw Object.assign(new Error(), { name: "insecure" });
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } },
      });
      if (!dialog.open) return letGo(stream); // cancelled meanwhile
      view.srcObject = stream;
      await view.play();
      said.textContent = "";
      view.hidden = false;
      dialog.querySelector(".take").disabled = false;
    } catch (error) {
      said.textContent = dialog.dataset[error.name === "insecure" ? "insecure" : reasons[error.name] ?? "missing"];
    }
  }

  function letGo(stream) {
    stream?.getTracks().forEach((track) => track.stop());
  }

  function take(dialog) {
    const view = dialog.querySelector("video");
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: view.videoWidth, height: view.videoHeight });
    canvas.getContext("2d").drawImage(view, 0, 0);
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
    canvas.toBlob((blob) => {
      internvl.deliver([new File([blob], `photo ${time}.jpg`, { type: "image/jpeg" })]);
      dialog.close();
    }, "image/jpeg", 0.92);
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest(".camera-open");
    const dialog = opener ? opener.parentElement.querySelector("dialog") : event.target.closest("dialog.camera");
    if (opener) open(dialog);
    else if (event.target.closest(".take")) take(dialog);
    else if (event.target.closest(".cancel")) dialog?.close();
  });

  // Closed by a button or by Escape ("close" does not bubble).
  document.addEventListener("close", (event) => {
    if (!event.target.matches?.("dialog.camera")) return;
    const view = event.target.querySelector("video");
    letGo(view.srcObject);
    view.srcObject = null;
  }, true);
})();
