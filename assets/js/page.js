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

  return { words, afterChange: (follower) => followers.push(follower) };
})();
