// A finger that strokes sideways.

const FAR = 60; // CSS pixels
const CONTROLS = 72; // CSS pixels of a player's controls at its lower edge, where a finger seeks

/** Call run(1) for a stroke to the left, which goes on, and run(-1) for one to the right. */
export function onSwipe(node, run) {
  let from = null;
  node.addEventListener(
    "touchstart",
    ({ touches, target }) => {
      const [{ clientX, clientY }] = touches;
      const player = target.closest("video,audio");
      const seeks = player && clientY > player.getBoundingClientRect().bottom - CONTROLS;
      const other = seeks || touches.length > 1 || target.closest("button,select,input") || visualViewport.scale > 1.01;
      from = other ? null : [clientX, clientY];
    },
    { passive: true },
  );
  node.addEventListener("touchcancel", () => (from = null), { passive: true });
  node.addEventListener(
    "touchend",
    ({ changedTouches, touches }) => {
      if (!from || touches.length) return;
      const [x, y] = [changedTouches[0].clientX - from[0], changedTouches[0].clientY - from[1]];
      from = null;
      if (Math.abs(x) >= FAR && Math.abs(x) > 2 * Math.abs(y) && getSelection().isCollapsed) run(x < 0 ? 1 : -1);
    },
    { passive: true },
  );
}
