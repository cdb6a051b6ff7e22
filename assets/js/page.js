// What every script of the page shares: the words it needs, and a call after every change.
window.internvl = (() => {
  const followers = [];
  let waiting = false;

  // The words of the page in the visitor's language, once they are there.
  const words = () => document.querySelector("#words [data-you]")?.dataset;

  function follow() {
    waiting = false;
    followers.forEach((follower) => follower());
  }

  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(follow);
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });

  // The button that has the focus has it still when the server has drawn what is around it anew.
  function keepFocus(element) {
    let focused = "";
    element.addEventListener("focusin", ({ target }) => {
      const [[name, value] = []] = Object.entries(target.dataset);
      focused = name ? `[data-${name}="${CSS.escape(value)}"]` : "";
    });
    element.addEventListener("focusout", ({ target }) => {
      queueMicrotask(() => target.isConnected && (focused = ""));
    });
    new MutationObserver(() => {
      if (focused && document.activeElement === document.body) element.querySelector(focused)?.focus();
    }).observe(element, { childList: true, subtree: true });
  }

  return { words, keepFocus, afterChange: (follower) => followers.push(follower) };
})();
