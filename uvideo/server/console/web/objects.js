// What can be done to one object, or to many and to folders of them.

import { get, post, sign } from "./api.js";
import { attempt, confirm, form, progress, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { size, t } from "./language.js";
import { folderTree } from "./tree.js";

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

/** chosen: entries of a listing, folders among them (entry.folder).  Pages of all their keys. */
async function* keysOf(space, chosen, signal) {
  const folders = chosen.filter((each) => each.folder).map((each) => each.key);
  chosen = chosen.filter(({ key }) => !folders.some((folder) => key !== folder && key.startsWith(folder))); // as in a search
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

/** Copy or move objects and folders to another prefix or space.  base: the prefix that they were chosen in. */
export async function transfer(space, base, chosen) {
  const spaces = (await get("spaces")).spaces.map((each) => [each.name, each.name]);
  let asked;
  const tree = folderTree(t("copy.folders"), (prefix) => {
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
      if (values.to === space && values.prefix === base) throw new Error(t("copy.same"));
      if (values.to === space && isWithin(chosen, values.prefix)) throw new Error(t("copy.inside"));
      asked = values;
    },
    { more: tree.node },
  );
  if (!done) return false;
  const failed = await carry(space, base, keysOf(space, chosen), { ...asked, total: chosen.some((each) => each.folder) ? 0 : chosen.length });
  if (failed) reportMove(failed);
  return true;
}

/** Move objects and folders to another prefix of their space.  Asks before something is replaced. */
export async function moveInto(space, base, chosen, prefix) {
  if (prefix === base) return false;
  if (isWithin(chosen, prefix)) throw new Error(t("copy.inside"));
  const asked = { what: "move", to: space, prefix, force: false, total: 0 };
  const failed = await carry(space, base, keysOf(space, chosen), asked);
  if (!failed) return true;
  const taken = Object.keys(failed).filter((key) => failed[key] === "AlreadyExists");
  const lines = [t("replace.ask", { n: taken.length }), names(taken.map((key) => ({ key })))];
  if (taken.length && (await confirm(t("replace.title"), lines, t("replace"), { danger: true }))) {
    for (const key of taken) delete failed[key];
    Object.assign(failed, await carry(space, base, [taken], { ...asked, force: true }));
  } else for (const key of taken) delete failed[key]; // they stay where they are, as the user wanted it
  reportMove(failed);
  return true;
}

/** Tell what was not moved; apart what changed while it was moved, of which the newer content stayed. */
function reportMove(failed) {
  const changed = Object.keys(failed).filter((key) => failed[key] === "PreconditionFailed");
  if (changed.length) toast(t("moved.changed", { n: changed.length, first: changed[0] }), { bad: true });
  report(Object.fromEntries(Object.entries(failed).filter(([, code]) => code !== "PreconditionFailed")));
}

const isWithin = (chosen, prefix) => chosen.some((each) => each.folder && prefix.startsWith(each.key));

/** Copy or move the keys of pages.  {key: code of the refusal} of those that were refused; undefined if it was stopped. */
const carry = (space, base, pages, asked) =>
  attempt(() =>
    progress(t(asked.what === "copy" ? "copying" : "moving"), asked.total, async (signal, advance) => {
      const failed = {};
      let { total } = asked;
      let moved = 0;
      const one = async (key) => {
        const to = asked.prefix + key.slice(base.length);
        try {
          await post(`objects/${asked.what}`, { space, key, to_space: asked.to, to_key: to, force: asked.force }, signal);
          moved++;
        } catch (failure) {
          if (signal.aborted || failure.status === 401) throw failure;
          failed[key] = failure.code;
        }
        advance(1, total);
      };
      for await (const keys of pages) {
        signal.throwIfAborted();
        if (!asked.total) total += keys.length;
        const queue = [...keys];
        const lane = async () => {
          while (queue.length && !signal.aborted) await one(queue.shift());
        };
        await Promise.all(Array.from({ length: COPIES_AT_ONCE }, lane));
        signal.throwIfAborted();
      }
      if (moved) toast(t(asked.what === "copy" ? "copied.objects" : "moved.objects", { n: moved }));
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
