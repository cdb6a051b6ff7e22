// On a phone the talk lies below the tile view: a question that has been asked, or a chat that was
// opened, comes into sight and stays there while the answer grows, until the visitor scrolls. A new
// chat begins at the top, where pictures are added.
(() => {
  const narrow = matchMedia("(max-width: 860px)");
  let count = 0;
  let following = false;
  let measured = null;
  const leave = () => (following = false);
  document.addEventListener("touchmove", leave, { passive: true });
  document.addEventListener("wheel", leave, { passive: true });

  // The page ends above the composer, however much is told there, and so does what is written in.
  const measure = new ResizeObserver(([{ target }]) => {
    document.documentElement.style.setProperty("--composer", `${target.offsetHeight}px`);
    if (narrow.matches) document.activeElement.closest(".drawer")?.scrollIntoView({ block: "nearest" });
  });

  internvl.afterChange(() => {
    const composer = document.querySelector("#composer");
    if (composer && composer !== measured) measure.observe((measured = composer));
    const asked = [...document.querySelectorAll('#chat [data-testid="user"]')];
    if (narrow.matches && count && !asked.length) scrollTo({ top: 0 });
    if (asked.length !== count) following = asked.length > count;
    count = asked.length;
    if (narrow.matches && following) asked.at(-1).scrollIntoView({ block: "start" });
    const answer = [...document.querySelectorAll('#chat [data-testid="bot"]')].at(-1);
    if (answer?.querySelector(".receipt")) leave();
  });
})();
