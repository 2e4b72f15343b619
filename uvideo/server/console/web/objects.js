// What can be done to one object, or to many and to folders of them.

import { get, post, sign } from "./api.js";
import { attempt, confirm, form, progress, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { size, t } from "./language.js";
import { folderTree } from "./tree.js";
import { events } from "./upload.js";

const PAGE = 1000;
const FOLDER = "application/x-directory"; // the media type of an object that stands for an empty folder
const ADDRESS = 7000; // characters of a URL that every proxy accepts
const COPIES_AT_ONCE = 6;
const DOWNLOADS = 20;
const COUNTED = 10_000; // objects that are counted at most before they are deleted

/** The last part of a key or prefix. */
export function nameOf(key) {
  return key.replace(/\/$/, "").split("/").pop() || key;
}

/** Whether an object has to be restored before it can be read. */
export const isFrozen = ({ class: name, restore }) => name === "ARCHIVE" && (!restore || restore === "Frozen" || restore === "Restoring");

/** Ask for a name and make a folder: an empty object whose key ends with a slash.  Its prefix; undefined if there is none. */
export async function createFolder(space, base) {
  let prefix;
  const done = await form(
    t("folder.create"),
    [{ name: "folder", label: t("folder.name"), required: true, pattern: "(?!\\.{1,2}$)[^\\/]+", invalid: t("folder.invalid") }],
    t("create"),
    async ({ folder }) => {
      const key = `${base}${folder}/`;
      if ((await get("objects", { space, prefix: key, limit: 1 })).objects.length) throw new Error(t("folder.exists"));
      const { urls } = await sign(space, "PUT", [{ key, mime: FOLDER }]);
      const answer = await fetch(urls[0], { method: "PUT", headers: { "Content-Type": FOLDER } });
      if (!answer.ok) throw new Error(t("upload.refused", { status: String(answer.status), text: (await answer.json()).ErrMsg }));
      prefix = key;
    },
  );
  return done ? prefix : undefined;
}

/** Pages of all keys below a prefix. */
async function* below(space, prefix, signal) {
  let marker = "";
  do {
    const page = await get("objects", { space, prefix, marker, limit: PAGE }, signal);
    yield page.objects.map(([key]) => key);
    marker = page.next;
  } while (marker);
}

/** Without what is in a chosen folder, as a search can find it: it goes with that. */
function outermost(chosen) {
  const folders = chosen.filter((each) => each.folder).map((each) => each.key);
  return chosen.filter(({ key }) => !folders.some((folder) => key !== folder && key.startsWith(folder)));
}

/** chosen: entries of a listing, folders among them (entry.folder).  Pages of all their keys. */
async function* keysOf(space, chosen, signal) {
  chosen = outermost(chosen);
  const loose = chosen.filter((each) => !each.folder).map((each) => each.key);
  for (let at = 0; at < loose.length; at += PAGE) yield loose.slice(at, at + PAGE);
  for (const each of chosen) if (each.folder) yield* below(space, each.key, signal);
}

function names(chosen) {
  const shown = chosen.slice(0, 5).map((each) => h("li", {}, nameOf(each.key) + (each.folder ? "/" : "")));
  if (chosen.length > 5) shown.push(h("li", { class: "faint" }, t("and.more", { n: chosen.length - 5 })));
  return h("ul", { class: "names" }, shown);
}

function report(failed) {
  const count = Object.keys(failed).length;
  if (count) toast(t("some.failed", { n: count, first: Object.keys(failed)[0] }), { bad: true });
  return count;
}

/** How many objects are in what was chosen: {count, more}.  more: there are more, which are not counted. */
async function counted(space, chosen) {
  let count = 0;
  for await (const keys of keysOf(space, chosen)) {
    count += keys.length;
    if (count > COUNTED) return { count: COUNTED, more: true };
  }
  return { count, more: false };
}

/** {gone}: the keys that are no more; false if the user did not want it; true if only the server knows. */
export async function remove(space, chosen) {
  const folders = chosen.filter((each) => each.folder).length;
  const lines = [t("delete.ask", { n: chosen.length }), names(chosen)];
  let count = chosen.length;
  if (folders) {
    const found = await counted(space, chosen);
    count = found.count;
    lines.push(t(found.more ? "delete.folders.more" : "delete.folders", { n: count }));
  }
  if (!(await confirm(t("delete"), lines, t("delete"), { danger: true, count }))) return false;
  const left = {};
  const whole = await attempt(() =>
    progress(t("deleting"), chosen.length, async (signal, advance) => {
      let total = folders ? 0 : chosen.length;
      let removed = 0;
      for await (const keys of keysOf(space, chosen, signal)) {
        if (!keys.length) continue;
        if (folders) total += keys.length;
        const { failed } = await post("objects/delete", { space, keys }, signal);
        advance(keys.length, total);
        removed += keys.length - report(failed);
        Object.assign(left, failed);
      }
      toast(t("deleted", { n: removed }));
      return true;
    }),
  );
  return whole && !Object.keys(left).length ? { gone: new Set(chosen.map((each) => each.key)) } : true;
}

export async function rename(space, key) {
  const done = await form(
    t("rename"),
    [
      { name: "new_key", label: t("rename.to"), value: key, required: true },
      { name: "force", label: t("replace.existing"), type: "checkbox" },
    ],
    t("rename"),
    ({ new_key, force }) => post("objects/rename", { space, key, new_key, force }),
  );
  if (done) toast(t("renamed"));
  return done;
}

/** Copy or move objects and folders to another prefix or space.  base: the prefix that is offered first. */
export async function transfer(space, base, chosen) {
  const spaces = (await get("spaces")).spaces.map((each) => [each.name, each.name]);
  let asked;
  const tree = folderTree(t("folders.of"), (prefix) => {
    const { elements } = tree.node.closest("form");
    elements.prefix.value = prefix;
  });
  tree.show(space, base);
  const done = await form(
    t("copy.title"),
    [
      { name: "what", label: t("copy.what"), options: [["copy", t("copy")], ["move", t("move")]], value: "copy" },
      { name: "to", label: t("copy.space"), options: spaces, value: space, onchange: (event) => tree.show(event.target.value) },
      { name: "force", label: t("replace.existing"), type: "checkbox" },
      { name: "prefix", label: t("copy.prefix"), value: base, hint: t("copy.prefix.hint"), oninput: (event) => tree.mark(event.target.value) },
    ],
    t("continue"),
    async (values) => {
      if (values.prefix && !values.prefix.endsWith("/")) values.prefix += "/";
      const landing = landingOf(space, chosen, values.to, values.prefix);
      if (!landing.length) throw new Error(t("copy.same"));
      asked = { ...values, landing };
    },
    { more: tree.node },
  );
  if (!done) return false;
  const { landing } = asked;
  const failed = await carry(space, placed(space, landing), { ...asked, total: landing.some((each) => each.folder) ? 0 : landing.length });
  if (failed) reportMove(failed);
  return true;
}

/** Move objects and folders to another prefix of their space.  Asks before something is replaced, and offers to move all
 * back that replaced nothing. */
export async function moveInto(space, chosen, prefix) {
  const landing = landingOf(space, chosen, space, prefix);
  if (!landing.length) return false;
  const [moved, replaced] = [[], []];
  const asked = { what: "move", to: space, prefix, force: false, total: 0, quiet: true };
  const failed = await carry(space, placed(space, landing), { ...asked, moved });
  if (failed) {
    const taken = failed.filter(({ code }) => code === "AlreadyExists");
    const left = failed.filter(({ code }) => code !== "AlreadyExists");
    const lines = [t("replace.ask", { n: taken.length }), names(taken)];
    // Without a yes they stay where they are.
    if (taken.length && (await confirm(t("replace.title"), lines, t("replace"), { danger: true }))) {
      left.push(...((await carry(space, [taken], { ...asked, force: true, moved: replaced })) || []));
    }
    reportMove(left);
  }
  const n = moved.length + replaced.length;
  const back = moved.length && { text: t("undo"), run: () => attempt(() => moveBack(space, moved)) };
  if (n) toast(t("moved.objects", { n }), { action: back || undefined });
  return true;
}

const KEPT_APART = [["PreconditionFailed", "undo.changed"], ["AlreadyExists", "undo.taken"], ["NotFound", "undo.gone"]];

/** Undo a move.  moved: what carry() noted.  An object that changed since stays, and nothing is replaced. */
async function moveBack(space, moved) {
  const pages = [moved.map(({ key, to, version }) => ({ key: to, name: key, version }))];
  const asked = { what: "move", to: space, prefix: "", force: false, total: moved.length, text: "moved.back" };
  const failed = (await carry(space, pages, asked)) || [];
  events.dispatchEvent(new CustomEvent("moved", { detail: { space } }));
  const parts = KEPT_APART.map(([code, text]) => [failed.filter((each) => each.code === code).length, text]);
  const other = failed.length - parts.reduce((sum, [n]) => sum + n, 0);
  const what = [...parts, [other, "undo.failed"]].filter(([n]) => n).map(([n, text]) => t(text, { n }));
  if (failed.length) toast(t("undo.left", { what: what.join(" · "), first: failed[0].key }), { bad: true });
}

/** The prefix that a key or a folder is in. */
const parentOf = (key) => key.slice(0, key.replace(/\/$/, "").lastIndexOf("/") + 1);

/** Those of the chosen that change their place: they land in the prefix by their own name, wherever a search found them.
 * Error if two would get the same name, or a folder would get into itself. */
function landingOf(space, chosen, to, prefix) {
  const landing = outermost(chosen).filter(({ key }) => to !== space || parentOf(key) !== prefix);
  if (to === space && landing.some((each) => each.folder && prefix.startsWith(each.key))) throw new Error(t("copy.inside"));
  const taken = new Set();
  for (const { key } of landing) {
    const name = key.slice(parentOf(key).length);
    if (taken.has(name)) throw new Error(t("copy.twice", { name }));
    taken.add(name);
  }
  return landing;
}

/** Pages of {key, name} of all objects in a landing.  name: with the path below the folder that was chosen. */
async function* placed(space, landing, signal) {
  const items = (keys, { key: top }) => keys.map((key) => ({ key, name: key.slice(parentOf(top).length) }));
  const loose = landing.filter((each) => !each.folder).flatMap((each) => items([each.key], each));
  for (let at = 0; at < loose.length; at += PAGE) yield loose.slice(at, at + PAGE);
  for (const each of landing) if (each.folder) for await (const keys of below(space, each.key, signal)) yield items(keys, each);
}

/** Tell what was not moved; apart what changed while it was moved, of which the newer content stayed. */
function reportMove(failed) {
  const changed = failed.filter(({ code }) => code === "PreconditionFailed");
  if (changed.length) toast(t("moved.changed", { n: changed.length, first: changed[0].key }), { bad: true });
  report(Object.fromEntries(failed.filter((each) => !changed.includes(each)).map(({ key, code }) => [key, code])));
}

/** Copy or move the objects of pages of {key, name, version}.  Those that were refused, with the code of the refusal;
 * undefined if it was stopped.  moved: a list for what was moved: {key, to, version}.  text: what to call them then. */
const carry = (space, pages, { what, to, prefix, force, total, moved = [], quiet = false, text = what === "copy" ? "copied.objects" : "moved.objects" }) =>
  attempt(() =>
    progress(t(what === "copy" ? "copying" : "moving"), total, async (signal, advance) => {
      const failed = [];
      const counts = !total;
      const one = async ({ key, name, version }) => {
        const to_key = prefix + name;
        try {
          const done = await post(`objects/${what}`, { space, key, to_space: to, to_key, force, version }, signal);
          moved.push({ key, to: to_key, version: done.version });
        } catch (failure) {
          if (signal.aborted || failure.status === 401) throw failure;
          failed.push({ key, name, code: failure.code });
        }
        advance(1, total);
      };
      for await (const page of pages) {
        signal.throwIfAborted();
        if (counts) total += page.length;
        const queue = [...page];
        const lane = async () => {
          while (queue.length && !signal.aborted) await one(queue.shift());
        };
        await Promise.all(Array.from({ length: COPIES_AT_ONCE }, lane));
        signal.throwIfAborted();
      }
      if (moved.length && !quiet) toast(t(text, { n: moved.length }));
      return failed;
    }),
  );

export async function setClass(space, keys) {
  const done = await form(
    t("class.title"),
    [{ name: "class", label: t("class"), options: [["IA", t("class.IA")], ["ARCHIVE", t("class.ARCHIVE")]], value: "IA", hint: t("class.hint") }],
    t("save"),
    async (values) => {
      const { failed } = await post("objects/class", { space, keys, ...values });
      if (Object.keys(failed).length === keys.length) throw new Error(t("class.failed"));
      report(failed);
    },
  );
  return done;
}

export const restore = (space, keys) =>
  attempt(async () => {
    const { failed } = await post("objects/restore", { space, keys });
    if (!report(failed)) toast(t("restore.asked", { n: keys.length }));
    return true;
  });

/** Let the browser save objects and folders as one archive, after a question: such a download cannot be continued. */
export const downloadZip = (space, base, chosen) =>
  attempt(async () => {
    const query = { space, prefix: base, names: JSON.stringify(chosen.map(({ key }) => key.slice(base.length))) };
    const address = new URL("api/zip", document.baseURI);
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    if (address.href.length > ADDRESS) throw new Error(t("zip.long"));
    const found = await get("zip/contents", query);
    if (found.more) throw new Error(t("zip.many"));
    if (!found.free) throw new Error(t("zip.busy"));
    const lines = [t("zip.ask", { n: found.objects, size: size(found.size) }), t("zip.note")];
    if (await confirm(t("zip"), lines, t("download"))) save(address.href);
  });

/** Let the browser save objects, one after the other. */
export const download = (space, keys) =>
  attempt(async () => {
    if (keys.length > DOWNLOADS) throw new Error(t("download.many", { n: DOWNLOADS }));
    const { urls } = await sign(space, "GET", keys.map((key) => ({ key, filename: nameOf(key) })));
    for (const url of urls) {
      save(url);
      if (urls.length > 1) await new Promise((resolve) => setTimeout(resolve, 400));
    }
  });

function save(url) {
  const link = h("a", { href: url, rel: "noopener noreferrer", download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
