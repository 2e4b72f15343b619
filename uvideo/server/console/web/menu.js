// A menu at a point of the window: of the right mouse button, of a long press, of the Menu key.

import { h, icon } from "./dom.js";

const EDGE = 8; // pixels between a menu and the edges of the window
const PRESS = 500; // milliseconds of a long press
const SHAKE = 10; // pixels that a finger moves during a long press at most

/** Show actions: [{text, iconName, run, disabled, danger}].  The focus goes to `home` afterwards.  Returns what closes it. */
export function menu(label, actions, { x, y }, home) {
  const control = new AbortController();
  const close = (refocus) => {
    if (control.signal.aborted) return;
    control.abort();
    list.remove();
    if (refocus) home.focus({ preventScroll: true });
  };
  const item = ({ text, iconName, run, disabled, danger }) =>
    h(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: `menu-item${danger ? " danger-text" : ""}`,
        tabindex: -1,
        "aria-disabled": disabled ? "true" : null,
        onclick: () => {
          if (disabled) return;
          close(true);
          run();
        },
      },
      icon(iconName),
      h("span", {}, text),
    );
  const items = actions.map(item);
  const go = (at) => items[(at + items.length) % items.length].focus();
  const key = (event) => {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 };
    if (event.key in to) go(to[event.key]);
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const list = h("div", { class: "menu", role: "menu", "aria-label": label, onkeydown: key, oncontextmenu: (event) => event.preventDefault() }, items);
  document.body.append(list);
  const fit = (at, length, room) => `${Math.max(EDGE, Math.min(at, room - length - EDGE))}px`;
  list.style.left = fit(x, list.offsetWidth, innerWidth);
  list.style.top = fit(y, list.offsetHeight, innerHeight);
  const { signal } = control;
  document.addEventListener("pointerdown", (event) => list.contains(event.target) || close(false), { signal, capture: true });
  document.addEventListener("focusin", (event) => list.contains(event.target) || close(false), { signal });
  addEventListener("resize", () => close(true), { signal });
  addEventListener("hashchange", () => close(false), { signal });
  go(0);
  return () => close(false);
}

/** Call open(event) after a long press of a finger in `area`; the click that follows it is not seen. */
export function onLongPress(area, open) {
  let timer, from, pressed;
  const stop = () => clearTimeout(timer);
  area.addEventListener("pointerdown", (event) => {
    pressed = false;
    stop();
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    from = event;
    timer = setTimeout(() => {
      pressed = true;
      open(event);
    }, PRESS);
  });
  area.addEventListener("pointermove", (event) => {
    if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > SHAKE) stop();
  });
  for (const name of ["pointerup", "pointercancel", "contextmenu"]) area.addEventListener(name, stop);
  const swallow = (event) => {
    if (!pressed) return;
    pressed = false;
    event.preventDefault();
    event.stopPropagation();
  };
  area.addEventListener("click", swallow, { capture: true });
}
