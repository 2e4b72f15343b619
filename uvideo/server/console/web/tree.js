// The folders of a space as a tree.  What is in a folder is loaded when it is opened.

import { get } from "./api.js";
import { attempt } from "./dialogs.js";
import { h, icon, replace } from "./dom.js";
import { t } from "./language.js";

const PAGE = 1000;

/** choose(prefix): the user chose a folder.  The element (each item has its data-prefix) and what can be done with it. */
export function folderTree(label, choose) {
  const node = h("div", { class: "tree", role: "tree", "aria-label": label, onkeydown: (event) => key(event) });
  let root, active, chosen, space;
  let generation = 0;

  const folder = (prefix, parent) => ({ prefix, parent, name: parent ? prefix.slice(parent.prefix.length, -1) || "/" : space, open: false, folders: null, next: "" });

  /** Two clicks on a slow line load a page once. */
  async function load(at) {
    at.loading ||= loadPage(at).finally(() => (at.loading = null));
    await at.loading;
  }

  async function loadPage(at) {
    const now = generation;
    const found = await attempt(() => get("objects", { space, prefix: at.prefix, marker: at.next, delimiter: "/", limit: PAGE }));
    if (!found || now !== generation) return;
    at.folders = [...(at.folders || []), ...found.prefixes.map((prefix) => folder(prefix, at))];
    at.next = found.next;
  }

  async function unfold(at) {
    if (!at.folders) await load(at);
    at.open = true;
  }

  /** The items in their order: a folder, or {more: folder} behind what is loaded of it. */
  function visible(at = root) {
    if (!at.open) return [at];
    return [at, ...(at.folders || []).flatMap((each) => visible(each)), ...(at.next ? [{ more: at, parent: at }] : [])];
  }

  const level = (at) => (at.parent ? level(at.parent) + 1 : 1);

  function item(at) {
    const { more } = at;
    const leaf = more || (at.folders && !at.folders.length && !at.next);
    const twist = h("span", { class: "twist", onclick: (event) => [event.stopPropagation(), toggle(at)] }, leaf ? null : icon("right"));
    at.node = h(
      "div",
      {
        class: "tree-item",
        role: "treeitem",
        tabindex: at === active ? 0 : -1,
        "aria-level": level(at),
        "aria-expanded": leaf ? null : String(at.open),
        "aria-selected": String(at.prefix === chosen),
        "data-prefix": more ? null : at.prefix,
        onclick: () => take(at),
      },
      twist,
      icon(more ? "more" : at.prefix ? "folder" : "space"),
      h("span", { class: "label" }, more ? t("tree.more") : at.name),
    );
    at.node.style.paddingLeft = `${6 + 18 * (level(at) - 1)}px`;
    return at.node;
  }

  /** The focus stays in the tree if it is there; if the user went elsewhere meanwhile, it stays there. */
  function draw() {
    const held = node.contains(document.activeElement);
    const items = visible();
    if (!items.includes(active)) active = items[0];
    replace(node, items.map(item));
    if (held) active.node.focus();
  }

  async function toggle(at) {
    active = at;
    if (at.open) at.open = false;
    else await unfold(at);
    draw();
  }

  async function take(at) {
    active = at;
    if (at.more) {
      const before = at.more.folders.length;
      await load(at.more);
      active = at.more.folders[before] || at.more;
    } else {
      chosen = at.prefix;
      choose(chosen);
    }
    draw();
  }

  function key(event) {
    const items = visible();
    const at = items.indexOf(active);
    const go = (to) => {
      active = items[Math.max(0, Math.min(items.length - 1, to))];
      draw();
    };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(at - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(items.length - 1);
    else if (event.key === "Enter" || event.key === " ") take(active);
    else if (event.key === "ArrowRight") {
      if (!active.more && !active.open) toggle(active);
      else if (active.open && active.folders?.length) go(at + 1);
    } else if (event.key === "ArrowLeft") {
      if (active.open) toggle(active);
      else if (active.parent) go(items.indexOf(active.parent));
    } else return;
    event.preventDefault();
  }

  /** Show the folders of a space, opened down to a prefix, which is chosen.  What was open stays open if it is the same space,
   * and is shown until all is loaded again. */
  async function show(name, prefix = "") {
    const now = ++generation;
    const again = name === space;
    const open = new Set(again ? visible().filter((at) => at.open).map((at) => at.prefix) : []);
    const before = again ? active.prefix : prefix;
    space = name;
    chosen = prefix;
    const top = folder("", null);
    let next = top;
    const unfoldAll = async (at) => {
      await unfold(at);
      if (at.prefix === before) next = at;
      for (const each of at.folders || []) {
        if (now !== generation) return;
        if (prefix.startsWith(each.prefix) || open.has(each.prefix)) await unfoldAll(each);
        else if (each.prefix === before) next = each;
      }
    };
    if (!again) {
      root = active = top;
      draw();
    }
    await unfoldAll(top);
    if (now !== generation) return;
    const moved = again && active.prefix !== before ? active.prefix : null; // by a key, meanwhile
    root = top;
    active = (moved !== null && visible().find((at) => at.prefix === moved)) || next;
    draw();
  }

  return {
    node,
    show,
    /** Choose another folder of what is shown. */
    mark: (prefix) => {
      chosen = prefix;
      draw();
    },
    focus: () => active.node.focus(),
  };
}
