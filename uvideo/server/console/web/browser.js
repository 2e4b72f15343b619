// What is in a space: folders and objects of one prefix, any number of them.

import { get, post } from "./api.js";
import { ways } from "./connect.js";
import { details } from "./details.js";
import { attempt, confirm } from "./dialogs.js";
import { button, h, icon, replace, spelled } from "./dom.js";
import { folderPane } from "./folders.js";
import { ICON_OF, kindOf } from "./kind.js";
import { date, keep, kept, size, span, t } from "./language.js";
import { menu, onLongPress } from "./menu.js";
import { createFolder, download, downloadZip, moveInto, nameOf, remove, rename, restore, setClass, transfer } from "./objects.js";
import { hasPoster, poster } from "./poster.js";
import { Rows } from "./rows.js";
import { addressOf } from "./spaces.js";
import { add, events, filesOfDrop, filesOfInput } from "./upload.js";
import { view } from "./viewer.js";

const PAGE = 1000;
const AHEAD = 300; // entries before the end of what is loaded until more is asked for
const LINE = 40;
const TALL = 60; // a line that shows size and date below the name
const NARROW = 520; // CSS pixels; style.css draws tall lines in narrower lists
const TILE = 168;
const TILE_WIDTH = 160;
const SEARCHED = 100_000; // names that are searched at once while none of them matches
const WAIT = 250; // milliseconds after the last key until a search
const NAMING = 200; // milliseconds that an object is shown until the address names it: browsers refuse many changes at once

const SCOPES = [["inside", "search.inside"], ["begins", "search.begins"]]; // [what a search looks at, its text]

const COLUMNS = ["name", "size", "modified", "class"];

export function browser(root, { space, prefix, shown }) {
  const page = new Browser(root, space, prefix);
  page.start();
  page.update(shown);
  return { leave: () => page.close(), update: (other) => page.update(other) };
}

/** The keys that are chosen.  version: another number after every change. */
class Chosen extends Set {
  version = 0;

  add(key) {
    this.version++;
    return super.add(key);
  }

  delete(key) {
    this.version++;
    return super.delete(key);
  }

  clear() {
    this.version++;
    super.clear();
  }
}

class Browser {
  constructor(root, space, prefix) {
    this.root = root;
    this.space = space;
    this.prefix = prefix;
    this.search = "";
    this.scope = "inside";
    this.searched = 0; // names that were searched so far
    this.entries = [];
    this.next = "";
    this.more = true;
    this.loading = null;
    this.chosen = new Chosen();
    this.active = 0;
    this.anchor = 0;
    this.sort = null;
    this.tiles = kept("uvideo.view") === "tiles";
    this.shown = { details: null, view: null }; // keys of the objects that are shown beside the list and over it
    this.control = new AbortController();
  }

  start() {
    const first = this.ask(""); // on its way while the page is built
    this.build(this.title);
    this.stored = ({ detail }) => {
      if (detail.space === this.space && this.belongs(detail.key)) this.insert(detail);
    };
    events.addEventListener("stored", this.stored);
    this.moved = ({ detail }) => detail.space === this.space && this.reload({ keep: true });
    events.addEventListener("moved", this.moved);
    this.escape = (event) => this.leaveDetails(event);
    document.addEventListener("keydown", this.escape);
    this.reload({ first });
  }

  close() {
    this.control.abort(new DOMException("left", "AbortError"));
    events.removeEventListener("stored", this.stored);
    events.removeEventListener("moved", this.moved);
    document.removeEventListener("keydown", this.escape);
    clearTimeout(this.later);
    clearTimeout(this.typing);
    this.closeMenu?.();
    this.watcher.disconnect();
    this.rows.close();
    this.panel?.close();
    this.shown = {};
    this.viewer?.close();
    clearTimeout(this.naming);
  }

  /** Whether names are searched in all folders below. */
  get inside() {
    return Boolean(this.search) && this.scope === "inside";
  }

  belongs(key) {
    if (!this.inside) return key.startsWith(this.prefix + this.search);
    return key.startsWith(this.prefix) && nameOf(key).toLowerCase().includes(this.search.toLowerCase());
  }

  /** Pixels of a line of the list. */
  get line() {
    return this.area.clientWidth <= NARROW ? TALL : LINE;
  }

  get title() {
    return this.prefix ? nameOf(this.prefix) : this.space;
  }

  // What is shown beside the list and over it is a part of the address: the browser's Back, a reload and a copied address
  // find it.  What was opened here is closed by going back, so Back never opens it again.

  /** Show what the address says. */
  update(query) {
    const key = (name) => (query.get(name) === null ? null : this.prefix + query.get(name));
    const said = { details: key("details"), view: key("view") };
    if (!this.returning) {
      this.present(said);
      return;
    }
    this.returning = false;
    const opened = Object.keys(said).find((name) => this.shown[name] && !said[name]);
    if (opened || said.details !== this.shown.details || said.view !== this.shown.view) this.write(opened);
  }

  /** The user opens or closes (null) the details or the view of an object, or goes on to another one. */
  show(name, key) {
    if (this.shown[name] === key) return;
    const opens = key && !this.shown[name];
    this.present({ ...this.shown, [name]: key });
    clearTimeout(this.naming);
    if (this.returning) return; // update() is called soon, and writes the address
    if (opens) this.write(name);
    else if (!key && history.state?.opened === name) {
      this.returning = true;
      history.back();
    } else if (key) this.naming = setTimeout(() => this.returning || this.write(), NAMING);
    else this.write();
  }

  /** The address of what is shown; in an entry of its own of the history if something was opened. */
  write(opened) {
    const address = addressOf(this.space, this.prefix, this.shown);
    if (opened) history.pushState({ opened }, "", address);
    else history.replaceState(history.state, "", address);
  }

  present(next) {
    const before = this.shown;
    this.shown = next;
    document.title = `${spelled(next.view ? nameOf(next.view) : this.title)} – uvideo`;
    if (next.details !== before.details) this.presentDetails(next.details);
    if (next.view !== before.view) this.presentView(next.view);
  }

  presentDetails(key) {
    this.panel?.close();
    this.panel = null;
    this.side.hidden = !key;
    replace(this.side);
    if (!key) {
      this.port.focus();
      return;
    }
    this.panel = details(this.side, this.space, key, {
      open: () => this.show("view", key),
      changed: (gone) => {
        if (gone) this.hideDetails();
        if (gone && gone.gone) this.takeAway(gone.gone);
        else this.reload({ keep: true });
      },
      close: () => this.hideDetails(),
    });
  }

  async presentView(key) {
    if (key && this.viewer?.show(key)) return;
    this.viewer?.close();
    this.viewer = null;
    if (!key) return;
    const find = () => {
      const objects = this.entries.filter((each) => !each.folder);
      return { objects, at: objects.findIndex((each) => each.key === key) };
    };
    let found = find();
    if (found.at < 0) {
      await this.loading;
      found = find();
    }
    if (found.at < 0) {
      const object = await attempt(() => get("object", { space: this.space, key }, this.control.signal)); // not loaded yet
      found = { objects: [object], at: 0 };
    }
    if (this.shown.view !== key || this.viewer) return;
    if (!found.objects[0]) {
      this.show("view", null);
      return;
    }
    this.viewer = view(this.space, found.objects, found.at, {
      moved: (other) => this.show("view", other),
      removed: (done) => {
        if (!done.gone) this.reload({ keep: true });
        else this.takeAway(done.gone);
        if (done.gone?.has(this.shown.details)) this.hideDetails();
      },
      closed: () => {
        this.viewer = null;
        this.show("view", null);
      },
    });
  }

  build(title) {
    const filesInput = h("input", { type: "file", multiple: true, hidden: true, id: "files", onchange: (event) => this.take(event.target) });
    const folderInput = h("input", { type: "file", webkitdirectory: true, hidden: true, id: "folder", onchange: (event) => this.take(event.target) });
    this.find = h("input", {
      type: "search",
      class: "search-input",
      placeholder: t("search.placeholder"),
      "aria-label": t("search.label"),
      maxlength: 1000,
      spellcheck: "false",
      oninput: () => this.searchSoon(WAIT),
      onkeydown: (event) => {
        if (event.key === "ArrowDown") this.port.focus();
      },
    });
    this.scopes = h(
      "select",
      {
        class: "search-scope",
        "aria-label": t("search.scope"),
        onchange: (event) => {
          this.scope = event.target.value;
          if (this.find.value) this.searchSoon(0);
        },
      },
      SCOPES.map(([scope, text]) => h("option", { value: scope }, t(text))),
    );
    this.state = h("p", { class: "state", role: "status" });
    this.bar = h("div", { class: "bar" });
    this.headings = COLUMNS.map((name) =>
      h(
        "div",
        { role: "columnheader", class: `cell ${name}` },
        h("button", { type: "button", class: "sort", onclick: () => this.sortBy(name) }, t(`column.${name}`)),
      ),
    );
    const unseen = (text) => h("span", { class: "unseen" }, text);
    this.heading = h(
      "div",
      { role: "rowgroup", class: "grid-head" },
      h(
        "div",
        { role: "row", class: "row heading", "aria-rowindex": 1 },
        h("div", { role: "columnheader", class: "cell pick" }, unseen(t("select"))),
        this.headings,
        h("div", { role: "columnheader", class: "cell act" }, unseen(t("actions"))),
      ),
    );
    this.port = this.grid = h(
      "div",
      {
        class: "grid",
        role: "grid",
        tabindex: 0,
        "aria-label": t("list.of", { name: title }),
        "aria-multiselectable": "true",
        onkeydown: (event) => this.key(event),
      },
      this.heading,
    );
    this.rows = new Rows(this.port, {
      height: LINE,
      head: () => this.heading.offsetHeight,
      make: () => this.make(),
      draw: (cell, index) => this.draw(cell, index),
      onscroll: () => this.scrolled(),
    });
    this.blank = h("div", { class: "blank", hidden: true });
    this.drop = h("div", { class: "drop", hidden: true }, h("div", { class: "drop-card" }, icon("upload", "empty-icon"), h("p", {}, t("drop.here", { name: `${this.space}/${this.prefix}` }))));
    this.area = h("div", { class: "list-area" }, this.grid, this.blank, this.drop);
    this.side = h("aside", { class: "panel", hidden: true, "aria-label": t("details") });
    this.folders = folderPane(this.space, this.prefix);
    this.viewButton = button("", { bare: true, kind: "quiet", onclick: () => this.switchView() });
    replace(
      this.root,
      h(
        "div",
        { class: "head" },
        this.crumbs(title),
        h(
          "div",
          { class: "head-actions" },
          button(t("upload.files"), { iconName: "upload", kind: "primary", onclick: () => filesInput.click() }),
          button(t("upload.folder"), { iconName: "folder", onclick: () => folderInput.click() }),
          filesInput,
          folderInput,
        ),
      ),
      h("div", { class: "tools" }, this.folders.switch, h("div", { class: "search" }, icon("search"), this.find), this.scopes, this.state, this.viewButton),
      this.bar,
      h("div", { class: "split" }, this.folders.node, this.area, this.side),
    );
    this.folders.show();
    this.showView();
    this.acceptDrops();
    this.area.addEventListener("dblclick", (event) => this.atEvent(event, (index) => this.open(index)));
    this.grid.addEventListener("contextmenu", (event) => this.menuAt(event));
    this.moveByDrag();
    onLongPress(this.grid, (event) => this.menuAt(event));
    this.watcher = new ResizeObserver(() => (this.tiles || this.line !== this.rows.height) && this.showRows());
    this.watcher.observe(this.port);
  }

  crumbs(title) {
    const parts = this.prefix.split("/").slice(0, -1);
    const links = [h("li", {}, h("a", { href: "#/" }, t("nav.spaces")))];
    const at = [[this.space, ""], ...parts.map((part, number) => [part || "/", `${parts.slice(0, number + 1).join("/")}/`])];
    at.forEach(([name, prefix], number) => {
      const last = number === at.length - 1;
      links.push(h("li", {}, last ? h("h1", { title }, name) : h("a", { href: addressOf(this.space, prefix), "data-prefix": prefix }, name)));
    });
    return h("nav", { class: "crumbs", "aria-label": t("crumbs") }, h("ol", {}, links));
  }

  // Loading

  searchSoon(wait) {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      this.search = this.find.value;
      this.reload();
    }, wait);
  }

  reload(how) {
    if (how?.keep) this.folders.show();
    const loading = (this.loading = this.loadFirst(how).finally(() => {
      if (this.loading !== loading) return;
      this.loading = null;
      this.ahead();
    }));
    return loading;
  }

  /** keep: load as much as before, and stay there.  first: the first page, which was asked for already. */
  async loadFirst({ keep: keepPlace = false, first } = {}) {
    this.generation = (this.generation || 0) + 1;
    const { generation } = this;
    const wanted = keepPlace ? Math.max(this.entries.length, 1) : 1;
    const searched = keepPlace ? this.searched : 0;
    const [before, begun] = [this.active, this.anchor].map((index) => this.entries[index]?.key);
    const found = [];
    let next = "";
    let more = true;
    this.searched = 0;
    if (!keepPlace) {
      this.entries = [];
      this.chosen.clear();
      this.active = this.anchor = 0;
      if (!first) this.port.scrollTop = 0; // which lays the page out
      this.more = true;
      this.note(true);
    }
    try {
      do {
        const page = await (first || this.ask(next));
        first = null;
        if (generation !== this.generation) return;
        found.push(...page.entries);
        next = page.next;
        more = Boolean(next);
        this.searched += page.searched;
      } while (more && (this.inside ? this.searched < searched : found.length < wanted));
    } catch (failure) {
      if (generation !== this.generation || failure.name === "AbortError") return;
      this.failed(failure);
      return;
    }
    this.entries = found;
    this.next = next;
    this.more = more;
    this.whole = !more; // then folders come first; otherwise what is loaded later would move what is seen
    const keys = new Set(found.map((entry) => entry.key));
    for (const key of this.chosen) if (!keys.has(key)) this.chosen.delete(key);
    this.order();
    const at = (key) => this.entries.findIndex((entry) => entry.key === key);
    this.active = Math.max(0, at(before));
    this.anchor = at(begun) < 0 ? this.active : at(begun);
    this.showRows();
  }

  /** Another page: {entries, next, searched}. */
  async ask(marker) {
    if (!this.inside) {
      const found = await get("objects", { space: this.space, prefix: this.prefix + this.search, marker, delimiter: "/", limit: PAGE }, this.control.signal);
      return { entries: this.entriesOf(found), next: found.next, searched: 0 };
    }
    const { prefix, search, generation } = this;
    let [next, searched] = [marker, 0];
    while (true) {
      const found = await get("objects/search", { space: this.space, prefix, text: search, marker: next, limit: PAGE }, this.control.signal);
      const entries = this.entriesOf(found);
      next = found.next;
      searched += found.searched;
      if (!next || entries.length || searched >= SEARCHED || generation !== this.generation) return { entries, next, searched };
    }
  }

  entriesOf(found) {
    const entries = [
      ...found.prefixes.map((key) => ({ key, name: key.slice(this.prefix.length), folder: true })),
      ...found.objects
        .filter(([key]) => key !== this.prefix)
        .map(([key, bytes, modified, mime, cls, restored, etag]) => ({
          key, name: key.slice(this.prefix.length), size: bytes, modified, mime, class: cls, restore: restored, etag, kind: kindOf(key, mime),
        })),
    ];
    if (found.prefixes.length && found.objects.length) entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return entries;
  }

  scrolled() {
    if (this.rows.cells.has(this.active)) this.port.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.port.removeAttribute("aria-activedescendant");
    this.ahead();
  }

  /** Show what was just uploaded from this page, without asking for all again. */
  insert({ key, size: bytes, mime, etag }) {
    const rest = key.slice(this.prefix.length);
    const folder = !this.inside && rest.includes("/");
    const name = folder ? rest.slice(0, rest.indexOf("/") + 1) : rest;
    const at = this.entries.findIndex((entry) => entry.key === this.prefix + name);
    if (folder ? at >= 0 : this.more && at < 0 && key > this.next) return; // there already, or comes with its page
    const entry = { key: this.prefix + name, name, folder };
    if (!folder) Object.assign(entry, { size: bytes, modified: Date.now() / 1000, mime, class: "STANDARD", etag, kind: kindOf(key, mime) });
    this.entries.splice(at < 0 ? this.entries.length : at, at < 0 ? 0 : 1, entry);
    this.grown ||= folder;
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      if (this.grown) this.folders.show();
      this.grown = false;
      this.order();
      this.showRows();
    }, 100);
  }

  /** Load another page if the end of what is loaded comes near. */
  ahead() {
    if (this.more && !this.inside && !this.loading && this.rows.lastSeen > this.entries.length - AHEAD) this.loadMore();
  }

  async loadMore() {
    const { generation } = this;
    this.note(true);
    const loading = (this.loading = attempt(async () => {
      const page = await this.ask(this.next);
      if (generation !== this.generation) return;
      this.entries.push(...page.entries);
      this.next = page.next;
      this.more = Boolean(page.next);
      this.searched += page.searched;
      if (this.sort) this.order();
      this.showRows();
      return true;
    }));
    const done = await loading;
    if (this.loading !== loading) return;
    this.loading = null;
    this.note();
    if (done) this.ahead();
  }

  /** Go on with a search where it stopped. */
  async searchOn() {
    await (this.loading || this.loadMore());
    (this.state.querySelector("button") || (this.grid.hidden ? this.find : this.port)).focus();
  }

  async loadAll() {
    const { generation } = this;
    while (this.more && generation === this.generation) {
      const before = this.entries.length;
      await (this.loading || this.loadMore());
      if (this.entries.length === before && this.more && !this.loading) return;
    }
  }

  failed(failure) {
    this.more = false;
    this.note();
    this.blank.hidden = false;
    this.grid.hidden = true;
    replace(
      this.blank,
      h("div", { class: "empty" }, icon("info", "empty-icon"), h("h2", {}, t("list.failed")), h("p", {}, failure.message), button(t("retry"), { iconName: "retry", onclick: () => this.reload() })),
    );
  }

  note(busy = false) {
    this.grid.setAttribute("aria-busy", String(busy));
    const n = this.entries.length;
    const parts = [];
    if (this.inside) {
      parts.push(busy ? t("search.busy") : t("search.found", { n, all: this.searched }));
    } else if (n || !busy) parts.push(t(this.more && n ? "list.loaded" : "list.count", { n }));
    else parts.push(t("loading"));
    if (this.sort && this.more) parts.push(t("list.sorted"));
    if (this.inside) {
      replace(this.state, parts.join(" · "), this.more && !busy ? [" ", h("button", { type: "button", class: "text-button", onclick: () => this.searchOn() }, t("search.more"))] : []);
      return;
    }
    replace(
      this.state,
      parts.join(" · "),
      this.more && n ? [" ", h("button", { type: "button", class: "text-button", onclick: () => this.loadAll() }, t("list.all"))] : [],
    );
  }

  // Order and form

  sortBy(name) {
    const down = this.sort && this.sort.name === name && !this.sort.down;
    const off = this.sort && this.sort.name === name && this.sort.down;
    this.sort = off ? null : { name, down: Boolean(down) };
    const key = this.entries[this.active]?.key;
    this.order();
    this.active = Math.max(0, this.entries.findIndex((entry) => entry.key === key));
    this.port.scrollTop = 0;
    this.showRows();
  }

  order() {
    const { name, down } = this.sort || { name: "key", down: false };
    const sign = down ? -1 : 1;
    const value = (entry) => (entry.folder ? (typeof entry[name] === "string" ? entry[name] : -1) : entry[name] ?? "");
    this.entries.sort((a, b) => {
      if ((this.sort || this.whole) && Boolean(a.folder) !== Boolean(b.folder)) return a.folder ? -1 : 1;
      const [x, y] = [value(a), value(b)];
      return x === y ? (a.key < b.key ? -1 : 1) : (x < y ? -1 : 1) * sign;
    });
    COLUMNS.forEach((column, at) => {
      const sorted = this.sort && this.sort.name === column;
      this.headings[at].setAttribute("aria-sort", sorted ? (down ? "descending" : "ascending") : "none");
    });
  }

  switchView() {
    this.tiles = !this.tiles;
    keep("uvideo.view", this.tiles ? "tiles" : "list");
    this.showView();
    this.showRows();
    this.rows.show(this.active);
  }

  showView() {
    const text = t(this.tiles ? "view.list" : "view.tiles");
    replace(this.viewButton, icon(this.tiles ? "list" : "tiles"), h("span", { class: "unseen" }, text));
    this.viewButton.title = text;
    this.grid.classList.toggle("as-tiles", this.tiles);
    this.rows.drop();
  }

  showRows() {
    const columns = this.tiles ? Math.max(1, Math.floor(this.port.clientWidth / TILE_WIDTH)) : 1;
    const nothing = !this.entries.length && (!this.more || this.inside);
    this.blank.hidden = !nothing;
    this.grid.hidden = nothing;
    if (nothing) this.showBlank();
    this.grid.setAttribute("aria-rowcount", String(this.more ? -1 : this.entries.length + 1));
    this.rows.set(this.entries.length, { columns, height: this.tiles ? TILE : this.line });
    this.mark();
    this.note();
    this.ahead();
  }

  showBlank() {
    const searched = Boolean(this.search);
    replace(
      this.blank,
      h(
        "div",
        { class: "empty" },
        icon(searched ? "search" : "folder", "empty-icon"),
        h("h2", {}, t(searched ? "list.nothing" : "list.empty")),
        h("p", {}, !searched ? t("list.empty.text") : this.inside ? t("search.nothing", { text: this.search }) : t("list.nothing.text", { prefix: this.prefix + this.search })),
        searched ? null : button(t("upload.files"), { iconName: "upload", kind: "primary", onclick: () => document.getElementById("files").click() }),
        searched || this.prefix ? null : ways(this.space),
      ),
    );
  }

  // Cells

  make() {
    const pick = h("input", { type: "checkbox", tabindex: -1 });
    const picture = h("span", { class: "picture" });
    const label = h("span", { class: "label" });
    const menu = button(t("details"), { iconName: "info", bare: true, short: t("details"), kind: "quiet", tabindex: -1 });
    const cell = h(
      "div",
      { role: "row", class: "row", draggable: "true" },
      h("div", { role: "gridcell", class: "cell pick" }, pick),
      h("div", { role: "gridcell", class: "cell name" }, picture, label),
      h("div", { role: "gridcell", class: "cell size number" }),
      h("div", { role: "gridcell", class: "cell modified" }),
      h("div", { role: "gridcell", class: "cell class" }),
      h("div", { role: "gridcell", class: "cell act" }, menu),
    );
    cell.parts = { pick, picture, label, menu, size: cell.children[2], modified: cell.children[3], class: cell.children[4] };
    cell.addEventListener("click", (event) => this.click(event, cell.index));
    return cell;
  }

  draw(cell, index) {
    const entry = this.entries[index];
    if (!entry) return;
    const { parts } = cell;
    cell.index = index;
    cell.id = `row-${index}`;
    cell.setAttribute("aria-rowindex", String(index + 2));
    const picked = this.chosen.has(entry.key);
    cell.setAttribute("aria-selected", String(picked));
    cell.classList.toggle("active", index === this.active);
    parts.pick.checked = picked;
    parts.pick.setAttribute("aria-label", spelled(t("select.one", { name: entry.name })));
    replace(parts.label, entry.name);
    parts.label.title = spelled(entry.name);
    parts.size.textContent = entry.folder ? "" : size(entry.size);
    parts.modified.textContent = entry.folder ? "" : date(entry.modified);
    const cold = entry.class && entry.class !== "STANDARD";
    replace(parts.class, cold ? h("span", { class: "tag" }, entry.class === "ARCHIVE" ? icon("snow") : null, t(`class.${entry.class}`)) : "");
    parts.menu.hidden = Boolean(entry.folder);
    if (cell.shown !== entry || cell.tiled !== this.tiles) {
      cell.shown = entry;
      cell.tiled = this.tiles;
      replace(parts.picture, icon(entry.folder ? "folder" : ICON_OF[entry.kind], `icon kind-${entry.folder ? "folder" : entry.kind}`));
      if (this.tiles && hasPoster(entry) && entry.class !== "ARCHIVE") this.showPoster(cell, entry);
    }
  }

  async showPoster(cell, entry) {
    const seen = () => cell.shown === entry;
    const found = await poster(this.space, entry, entry.kind, this.control.signal, seen);
    if (!found || !seen()) return;
    replace(
      cell.parts.picture,
      h("img", { src: found.url, alt: "", draggable: "false", decoding: "async" }),
      Number.isFinite(found.seconds) && found.seconds ? h("span", { class: "length" }, span(found.seconds)) : null,
    );
  }

  mark() {
    for (const [index, cell] of this.rows.cells) {
      const entry = this.entries[index];
      if (!entry) continue;
      const picked = this.chosen.has(entry.key);
      cell.classList.toggle("active", index === this.active);
      cell.setAttribute("aria-selected", String(picked));
      cell.parts.pick.checked = picked;
    }
    if (this.rows.cells.has(this.active)) this.port.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.port.removeAttribute("aria-activedescendant");
    this.showBar();
  }

  atEvent(event, run) {
    const cell = event.target.closest(".row");
    if (cell && cell.index !== undefined && !event.target.closest("input,button")) run(cell.index);
  }

  click(event, index) {
    const entry = this.entries[index];
    if (!entry) return;
    const before = this.anchor;
    this.active = index;
    if (event.target.closest("button")) {
      this.showDetails(index);
    } else if (event.shiftKey) {
      this.range(before, index);
      getSelection().removeAllRanges();
    } else if (event.target.closest(".pick") || event.ctrlKey || event.metaKey) {
      this.toggle(entry);
      this.anchor = index;
    } else {
      this.anchor = index;
      if (event.target.closest(".label,.picture")) this.open(index);
      else this.showDetails(index);
    }
    if (!event.target.closest("button") && !document.querySelector("dialog[open]")) this.port.focus({ preventScroll: true });
    this.mark();
  }

  toggle(entry) {
    if (!this.chosen.delete(entry.key)) this.chosen.add(entry.key);
  }

  /** All that is loaded, and then the rest, page by page. */
  async chooseAll() {
    const { generation } = this;
    const choose = () => {
      for (const each of this.entries) this.chosen.add(each.key);
      this.mark();
    };
    choose();
    if (!this.more || this.inside) return;
    await this.loadAll();
    if (generation === this.generation) choose();
  }

  range(from, to) {
    this.chosen.clear();
    for (let at = Math.min(from, to); at <= Math.max(from, to); at++) this.chosen.add(this.entries[at].key);
  }

  go(index, extend) {
    this.active = Math.max(0, Math.min(this.entries.length - 1, index));
    if (extend) this.range(this.anchor, this.active);
    else this.anchor = this.active;
    this.rows.show(this.active);
    this.ahead();
    this.mark();
    if (this.panel && !this.entries[this.active].folder) this.showDetails(this.active);
  }

  key(event) {
    if (event.target.closest("button") || !this.entries.length || event.altKey) return;
    const asksMenu = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    const entry = this.entries[this.active];
    const step = this.rows.columns;
    const moves = { ArrowDown: step, ArrowUp: -step, PageDown: this.rows.perPage, PageUp: -this.rows.perPage, Home: -Infinity, End: Infinity };
    if (this.tiles) Object.assign(moves, { ArrowRight: 1, ArrowLeft: -1 });
    if (event.key in moves) {
      const last = this.entries.length - 1;
      this.go(Math.max(0, Math.min(last, this.active + moves[event.key])), event.shiftKey);
    } else if (event.key === " ") {
      this.toggle(entry);
      this.anchor = this.active;
      this.mark();
    } else if (asksMenu) this.menuOfActive();
    else if (event.key === "Enter") this.open(this.active);
    else if (event.key === "i") this.showDetails(this.active);
    else if (event.key === "Backspace") this.up();
    else if (event.key === "Delete") this.act((chosen) => remove(this.space, chosen));
    else if (event.key === "F2" && !entry.folder) this.act(() => rename(this.space, entry.key));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.chooseAll();
    else if (event.key === "Escape" && !this.panel && this.chosen.size) {
      this.chosen.clear();
      this.mark();
    } else if (event.key === "/") this.find.focus();
    else return;
    event.preventDefault();
  }

  up() {
    const parts = this.prefix.split("/");
    location.hash = this.prefix ? addressOf(this.space, parts.slice(0, -2).map((part) => `${part}/`).join("")) : "#/";
  }

  open(index) {
    const entry = this.entries[index];
    if (!entry) return;
    if (entry.folder) {
      location.hash = addressOf(this.space, entry.key);
      return;
    }
    this.show("view", entry.key);
  }

  // Doing

  get picked() {
    return this.entries.filter((entry) => this.chosen.has(entry.key));
  }

  /** Do something to what is chosen, or else to what is active; look again afterwards if it was done. */
  async act(run) {
    const chosen = this.chosen.size ? this.picked : [this.entries[this.active]].filter(Boolean);
    const done = chosen.length ? await attempt(() => run(chosen)) : false;
    if (done) {
      this.chosen.clear();
      if (this.panel) this.hideDetails();
      if (done.gone) this.takeAway(done.gone);
      else await this.reload({ keep: true });
    }
    this.port.focus();
  }

  takeAway(gone) {
    const folders = [...gone].filter((key) => key.endsWith("/"));
    this.entries = this.entries.filter((entry) => !gone.has(entry.key) && !folders.some((folder) => entry.key.startsWith(folder)));
    for (const key of gone) this.chosen.delete(key);
    this.active = this.anchor = Math.max(0, Math.min(this.active, this.entries.length - 1));
    this.showRows();
  }

  /** What can be done with what is chosen, or else here: [{text, iconName, run, disabled, danger}].  The bar and the menu
   * show the same. */
  get actions() {
    if (!this.chosen.size) {
      const all = () => {
        this.port.focus({ preventScroll: true });
        this.chooseAll();
      };
      const create = async () => {
        const made = await createFolder(this.space, this.prefix);
        if (made) location.hash = addressOf(this.space, made);
      };
      return [
        { text: t("folder.create"), iconName: "plus", run: create },
        { text: t("select.all"), iconName: "check", run: all, disabled: !this.entries.length },
        { text: t("zip.folder"), iconName: "download", run: () => downloadZip(this.space, this.prefix, [{ key: this.prefix }]), disabled: !this.entries.length },
      ];
    }
    const { picked } = this;
    const objects = picked.filter((entry) => !entry.folder);
    const only = objects.length === picked.length;
    const keys = objects.map((entry) => entry.key);
    const archived = objects.filter((entry) => entry.class === "ARCHIVE").map((entry) => entry.key);
    const action = (text, iconName, run, more) => ({ text, iconName, run: () => this.act(run), ...more });
    return [
      action(t("download"), "download", () => download(this.space, keys).then(() => false), { disabled: !only }),
      action(t("zip"), "download", (chosen) => downloadZip(this.space, this.prefix, chosen)),
      action(t("copy.or.move"), "move", (chosen) => transfer(this.space, this.prefix, chosen)),
      picked.length === 1 && only ? action(t("rename"), "rename", () => rename(this.space, keys[0])) : null,
      action(t("class.change"), "snow", () => setClass(this.space, keys), { disabled: !only }),
      archived.length ? action(t("restore"), "retry", () => restore(this.space, archived)) : null,
      action(t("delete"), "trash", (chosen) => remove(this.space, chosen), { danger: true }),
    ].filter(Boolean);
  }

  /** The menu of a right click or a long press. */
  menuAt(event) {
    event.preventDefault();
    const index = event.target.closest(".rows .row")?.index;
    const key = this.entries[index]?.key;
    if (key === undefined || !this.chosen.has(key)) this.chosen.clear();
    if (key !== undefined) this.active = this.anchor = index;
    this.openMenu(key, { x: event.clientX, y: event.clientY });
  }

  /** The menu of the keyboard, for what is chosen or else for what is active. */
  menuOfActive() {
    const { left, bottom } = (this.rows.cells.get(this.active) || this.port).getBoundingClientRect();
    this.openMenu(this.chosen.size ? undefined : this.entries[this.active]?.key, { x: left + LINE, y: bottom });
  }

  /** Choose a key, if there is one, and show what can be done. */
  openMenu(key, point) {
    if (key !== undefined) this.chosen.add(key);
    this.mark();
    this.closeMenu?.();
    this.closeMenu = menu(t("actions"), this.actions, point, this.port);
  }

  showBar() {
    const n = this.chosen.size;
    const state = `${this.chosen.version} ${n || this.entries.length > 0}`;
    if (this.bar.state === state) return;
    this.bar.state = state;
    this.bar.classList.toggle("chosen", n > 0);
    const buttons = this.actions.map(({ text, iconName, run, disabled, danger }) =>
      button(text, { iconName, kind: `quiet${danger ? " danger-text" : ""}`, title: n ? text : null, disabled, onclick: run }),
    );
    if (!n) {
      replace(this.bar, buttons);
      return;
    }
    const picked = this.picked;
    const bytes = picked.some((entry) => entry.folder) ? null : picked.reduce((sum, entry) => sum + entry.size, 0);
    replace(
      this.bar,
      h("p", { class: "bar-count", role: "status" }, t("selected", { n }), bytes === null ? null : h("span", { class: "faint" }, size(bytes))),
      h("div", { class: "bar-actions" }, buttons),
      button(t("select.none"), {
        iconName: "close",
        bare: true,
        kind: "quiet",
        onclick: () => {
          this.chosen.clear();
          this.mark();
          this.port.focus();
        },
      }),
    );
  }

  showDetails(index) {
    const entry = this.entries[index];
    if (entry && !entry.folder) this.show("details", entry.key);
  }

  /** Escape closes the details wherever the keyboard is, unless it means something nearer: a dialog, a search. */
  leaveDetails(event) {
    if (event.key !== "Escape" || !this.panel || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.target === this.find && this.find.value) return;
    event.preventDefault();
    this.hideDetails();
  }

  hideDetails() {
    this.show("details", null);
  }

  // Moving

  /** Rows can be dragged onto folders of the list, of the path above it and of the tree beside it. */
  moveByDrag() {
    let dragged = false;
    let target;
    /** A row that was scrolled away never says that its drag ended: what comes then may be files. */
    const isOurs = (event) => dragged && !event.dataTransfer.types.includes("Files");
    const aim = (node) => {
      target?.classList.remove("aimed");
      target = node;
      target?.classList.add("aimed");
    };
    /** The element and the prefix of the folder below the pointer. */
    const folderAt = (event) => {
      const named = event.target.closest("[data-prefix]");
      if (named) return [named, named.dataset.prefix];
      const cell = event.target.closest(".rows .row");
      const entry = this.entries[cell?.index];
      return entry?.folder && !this.chosen.has(entry.key) ? [cell, entry.key] : [];
    };
    this.grid.addEventListener("dragstart", (event) => {
      const entry = this.entries[event.target.closest?.(".rows .row")?.index];
      if (!entry) return;
      if (!this.chosen.has(entry.key)) this.chosen.clear();
      this.chosen.add(entry.key);
      this.mark();
      dragged = true;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", [...this.chosen].join("\n"));
    });
    for (const area of [this.grid, this.root.querySelector(".crumbs"), this.folders.node]) {
      area.addEventListener("dragover", (event) => {
        if (!isOurs(event)) return;
        const [node] = folderAt(event);
        aim(node);
        if (!node) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "move";
      });
      area.addEventListener("dragleave", () => aim());
      area.addEventListener("drop", (event) => {
        const [, prefix] = folderAt(event);
        if (!isOurs(event) || prefix === undefined) return;
        event.preventDefault();
        dragged = false;
        aim();
        this.act((chosen) => moveInto(this.space, chosen, prefix));
      });
    }
    this.grid.addEventListener("dragend", () => {
      dragged = false;
      aim();
    });
  }

  // Uploading

  acceptDrops() {
    let depth = 0;
    const has = (event) => [...event.dataTransfer.types].includes("Files");
    this.area.addEventListener("dragenter", (event) => {
      if (!has(event)) return;
      event.preventDefault();
      depth++;
      this.drop.hidden = false;
    });
    this.area.addEventListener("dragover", (event) => {
      if (has(event)) event.preventDefault();
    });
    this.area.addEventListener("dragleave", () => {
      depth = Math.max(0, depth - 1);
      this.drop.hidden = depth === 0;
    });
    this.area.addEventListener("drop", (event) => {
      if (!has(event)) return;
      event.preventDefault();
      depth = 0;
      this.drop.hidden = true;
      attempt(async () => this.upload(await filesOfDrop(event.dataTransfer)));
    });
  }

  take(input) {
    const found = filesOfInput(input);
    input.value = "";
    attempt(() => this.upload(found));
  }

  /** Queue files, after asking about those that would replace something. */
  async upload(found) {
    let items = found.map(({ file, path }) => ({ file, key: this.prefix + path }));
    const there = {};
    for (let at = 0; at < items.length; at += PAGE) {
      const { exist } = await post("objects/exist", { space: this.space, keys: items.slice(at, at + PAGE).map(({ key }) => key) });
      Object.assign(there, exist);
    }
    const taken = Object.keys(there);
    if (taken.length) {
      const lines = [
        t("replace.ask", { n: taken.length }),
        h("ul", { class: "names" }, taken.slice(0, 5).map((key) => h("li", {}, key))),
        t("replace.note"),
      ];
      if (!(await confirm(t("replace.title"), lines, t("replace"), { danger: true }))) {
        items = items.filter(({ key }) => !(key in there));
      }
    }
    if (items.length) add(this.space, items);
  }
}
