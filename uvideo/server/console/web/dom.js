// Elements.  Text is only ever set as text: nothing here parses markup.

const MARKS = /([\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])/;
const numberOf = (mark) => `U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Text as nodes.  Marks that would change the direction of what follows them are shown by their number, each isolated
 * in an element of its own: a name must not look like another. */
function marked(text) {
  if (!MARKS.test(text)) return [text];
  return text.split(MARKS).filter(Boolean).map((part) => {
    if (!MARKS.test(part)) return part;
    const node = document.createElement("bdi");
    node.className = "mark";
    node.dataset.mark = numberOf(part);
    node.append(document.createTextNode(part));
    return node;
  });
}

/** The same for text that has no elements: tooltips, titles, and what is read out. */
export const spelled = (text) => text.split(MARKS).map((part) => (MARKS.test(part) ? `[${numberOf(part)}]` : part)).join("");

/** An element.  props: class, on<event>, aria-..., data-..., any attribute or property.  null and false are left out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in PROPERTIES) node[name] = value;
    else node.setAttribute(name, value === true ? "" : READ.test(name) ? spelled(String(value)) : value);
  }
  node.append(...contents(children));
  return node;
}

function contents(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .flatMap((child) => (typeof child === "string" ? marked(child) : child));
}

const READ = /^(title|alt|aria-label|placeholder)$/; // attributes that people see or hear
const PROPERTIES = { value: 1, checked: 1, disabled: 1, hidden: 1, selected: 1, indeterminate: 1, crossOrigin: 1, muted: 1 };

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const ICONS = {
  space: "M4 7.5 12 4l8 3.5v9L12 20l-8-3.5zM4 7.5l8 3.5 8-3.5M12 11v9",
  folder: "M3.5 6.5h6l2 2h9v10h-17z",
  file: "M6 3.5h8l4 4v13H6zM14 3.5v4h4",
  video: "M4 5.5h16v13H4zM10 9v6l5-3z",
  audio: "M9 17.5V6l10-2v11.500M9 17.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0zM19 15.500a2.500 2.500 0 1 1-5 0 2.500 2.500 0 0 1 5 0z",
  image: "M4 5h16v14H4zM4 16l4.500-4.500 4 4 2.500-2.500L20 17M15.500 9.500h.01",
  text: "M6 3.500h8l4 4v13H6zM9 11h6M9 14h6M9 17h4",
  pdf: "M6 3.500h8l4 4v13H6zM14 3.500v4h4M9 16.500v-4h1.500a1.300 1.300 0 0 1 0 2.600H9",
  chart: "M4 20h16M6.500 16.500v-4M12 16.500v-9M17.500 16.500v-6",
  transfer: "M8 20V6M8 6 4.500 9.500M8 6l3.500 3.500M16 4v14M16 18l-3.500-3.500M16 18l3.500-3.500",
  upload: "M12 16V5M12 5 8 9M12 5l4 4M4.500 15.500v4h15v-4",
  download: "M12 4v11M12 15l-4-4M12 15l4-4M4.500 15.500v4h15v-4",
  share: "M9.500 14.500 14.500 9.500M8 11l-2.500 2.500a3.540 3.540 0 0 0 5 5L13 16M16 13l2.500-2.500a3.540 3.540 0 0 0-5-5L11 8",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 12.500h8L17 7M10.500 10.500v6M13.500 10.500v6",
  rename: "M4.500 19.500h3.500L19 8.500 15.500 5 4.500 16zM13 7.500l3.500 3.500",
  copy: "M8.500 8.500h11v11h-11zM15.500 8.500v-4h-11v11h4",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  lock: "M6 11h12v8.500H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  globe: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM3.500 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  out: "M14 4.500H5v15h9M10 12h10M20 12l-3.500-3.500M20 12l-3.500 3.500",
  pause: "M8.500 5.500v13M15.500 5.500v13",
  play: "M7.500 5v14l11-7z",
  retry: "M19 12a7 7 0 1 1-2.200-5.100M19.500 3.500V8H15",
  check: "M5 12.500l4.500 4.500L19 7.500",
  list: "M4 6.500h16M4 12h16M4 17.500h16",
  tiles: "M4.500 4.500h6v6h-6zM13.500 4.500h6v6h-6zM4.500 13.500h6v6h-6zM13.500 13.500h6v6h-6z",
  tree: "M5 4.500h5v5H5zM14 8.500h5.500v4H14zM14 15.500h5.500v4H14zM7.500 9.500v8H14M7.500 10.500H14",
  search: "M10.500 4.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  up: "M12 19V5M12 5l-6 6M12 5l6 6",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  info: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 11v5.500M12 7.500h.01",
  snow: "M12 3v18M4.200 7.500l15.600 9M19.800 7.500l-15.600 9",
  terminal: "M4 5.500h16v13H4zM7.500 9.500l3 2.500-3 2.500M12.500 15h4",
  move: "M4 12h14M18 12l-5-5M18 12l-5 5",
  key: "M8 11.500a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12.500l8.500-8.500M15 8.500l3 3M17.500 6l2 2",
};

/** A drawn icon, which says nothing to a screen reader: the button around it does. */
export function icon(name, className = "icon") {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: className, "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] || ICONS.file }),
  );
}

/** The sign of uvideo. */
export function sign() {
  return s(
    "svg",
    { viewBox: "0 0 32 32", class: "sign", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8, class: "sign-ground" }),
    s("path", { d: "M9 8v9a7 7 0 0 0 14 0V8", class: "sign-line" }),
    s("path", { d: "M13.5 8.6v7.6l6-3.800z", class: "sign-mark" }),
  );
}

/** A button with an icon and a text; with `bare` the text is for screen readers and the tooltip only.  short: what a narrow
 * window, where nothing shows tooltips, writes instead. */
export function button(text, { iconName, bare, short, kind = "", ...props } = {}) {
  return h(
    "button",
    { type: "button", class: `button ${kind}${bare ? " bare" : ""}`, title: bare ? text : null, ...props },
    iconName ? icon(iconName) : null,
    h("span", { class: bare ? "unseen" : "" }, text),
    short ? h("span", { class: "short", "aria-hidden": "true" }, short) : null,
  );
}

/** A table that scrolls sideways; in a narrow window each row is a list of its cells with their headings, which `rows` has
 * for each row: its cells, each text or nodes.  foot: the last row.  numbers: the columns that hold numbers. */
export function table(name, heads, rows, { foot, numbers = [] } = {}) {
  const kind = (at) => (numbers.includes(at) ? "number" : null);
  const cell = (each, at) => h("td", { role: "cell", class: kind(at), "data-head": heads[at] }, each);
  const head = (each) => h("th", { role: "rowheader", scope: "row" }, each);
  return h(
    "div",
    { class: "table-port", tabindex: 0, role: "region", "aria-label": name },
    h(
      "table",
      { role: "table", "aria-label": name },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((text) => h("th", { role: "columnheader", scope: "col" }, text)))),
      h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map(cell)))),
      foot ? h("tfoot", { role: "rowgroup" }, h("tr", { role: "row" }, foot.map((each, at) => (at ? cell(each, at) : head(each))))) : null,
    ),
  );
}

/** A list of [name, value]; null is left out. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

export function replace(node, ...children) {
  node.replaceChildren(...contents(children));
}

let last = 0;

/** An id that no other element of the page has. */
export function freshId(name) {
  return `${name}-${++last}`;
}
