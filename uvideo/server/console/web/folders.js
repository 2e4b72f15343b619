// The folders of a space beside its list: to go to, and to drag rows onto.

import { button, h } from "./dom.js";
import { keep, kept, t } from "./language.js";
import { addressOf } from "./spaces.js";
import { folderTree } from "./tree.js";

let last = {}; // {space, tree, used}: what is open stays open from folder to folder of a space.  used: the keyboard is in it

function treeOf(space) {
  if (last.space !== space) {
    const go = (prefix) => {
      last.used = true;
      location.hash = addressOf(space, prefix);
    };
    last = { space, tree: folderTree(t("folders.of"), go), used: false };
  }
  last.tree.node.setAttribute("aria-label", t("folders.of"));
  return last.tree;
}

/** node: the tree, in which a prefix is chosen.  switch: the button that shows and hides it.  show(): loads it, if it is to be
 * seen; again after a change of the space. */
export function folderPane(space, prefix) {
  const tree = treeOf(space);
  const node = h("div", { class: "folders" }, tree.node);
  const toggle = button(t("folders"), { iconName: "tree", kind: "quiet folders-switch", onclick: () => turn() });

  function reveal(seen) {
    node.hidden = !seen;
    toggle.setAttribute("aria-pressed", String(seen));
  }

  function turn() {
    reveal(node.hidden);
    keep("uvideo.folders", node.hidden ? "" : "shown");
    show();
  }

  async function show() {
    if (node.hidden) return;
    const { used } = last;
    last.used = false;
    const shown = tree.show(space, prefix);
    if (used) tree.focus();
    await shown;
    node.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  reveal(kept("uvideo.folders") === "shown");
  return { node, switch: toggle, show };
}
