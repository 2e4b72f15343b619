// One object, beside the list: what it is, and what can be changed of it.

import { get, post, readUrl } from "./api.js";
import { attempt, copyText, form, toast } from "./dialogs.js";
import { button, facts, h, icon, replace } from "./dom.js";
import { ICON_OF, kindOf } from "./kind.js";
import { date, size, span, t } from "./language.js";
import { download, isFrozen, nameOf, remove, rename, restore, setClass, transfer } from "./objects.js";
import { hasPoster, poster } from "./poster.js";
import { share } from "./share.js";

/** Fill `root`.  on: {open, changed(gone), close}. */
export function details(root, space, key, on) {
  const control = new AbortController();
  replace(root, head(key, on), h("p", { class: "note", role: "status" }, t("loading")));
  const load = () =>
    attempt(async () => {
      let found;
      try {
        found = await get("object", { space, key }, control.signal);
      } catch (failure) {
        if (failure.name === "AbortError") return;
        replace(root, head(key, on), h("p", { class: "wrong", role: "alert" }, failure.message));
        return;
      }
      draw(root, space, found, { ...on, reload: load, signal: control.signal });
    });
  load();
  return { close: () => control.abort(new DOMException("closed", "AbortError")) };
}

function head(key, on) {
  return h(
    "div",
    { class: "panel-head" },
    h("h2", { title: key }, nameOf(key)),
    button(t("close"), { iconName: "close", bare: true, kind: "quiet", onclick: on.close }),
  );
}

function draw(root, space, object, on) {
  const { key } = object;
  const kind = kindOf(key, object.mime);
  const frozen = isFrozen(object);
  const after = (gone) => async (done) => {
    const what = await done;
    if (!what) return;
    on.changed(gone && what);
    if (!gone) on.reload();
  };
  const shown = ["video", "audio", "image", "pdf", "text", "hls"].includes(kind);
  replace(
    root,
    head(key, on),
    preview(space, object, kind, frozen, on),
    h(
      "div",
      { class: "panel-actions" },
      shown ? button(t(["video", "audio", "hls"].includes(kind) ? "play" : "view"), { iconName: ["video", "audio", "hls"].includes(kind) ? "play" : ICON_OF[kind], kind: "primary", disabled: frozen, onclick: on.open }) : null,
      button(t("download"), { iconName: "download", disabled: frozen, onclick: () => download(space, [key]) }),
      button(t("share"), { iconName: "share", disabled: frozen, onclick: () => share(space, object) }),
    ),
    frozen ? notice(object, () => after(false)(restore(space, [key]))) : null,
    facts([
      [t("column.key"), key],
      [t("column.size"), `${size(object.size)} (${t("bytes", { n: object.size })})`],
      [t("column.mime"), object.mime],
      ["ETag", h("span", { class: "etag" }, object.etag)],
      [t("class"), t(`class.${object.class}`)],
      object.restore ? [t("restored"), t("restored.until", { date: date(object.expires) })] : null,
      [t("column.created"), date(object.created)],
      [t("column.modified"), date(object.modified)],
      [t("acl"), t(object.public ? "acl.public" : "acl.private")],
      ...Object.entries(object.headers),
    ]),
    section(
      t("metadata"),
      Object.keys(object.metadata).length
        ? facts(Object.entries(object.metadata))
        : h("p", { class: "faint" }, t("metadata.none")),
      button(t("metadata.edit"), { iconName: "rename", onclick: () => after(false)(edit(space, object)) }),
    ),
    Object.keys(object.tags).length ? section(t("tags"), facts(Object.entries(object.tags))) : null,
    section(
      t("actions"),
      h(
        "div",
        { class: "panel-list" },
        button(t("rename"), { iconName: "rename", onclick: () => after(true)(rename(space, key)) }),
        button(t("copy.or.move"), { iconName: "move", onclick: () => attempt(() => after(false)(transfer(space, key.slice(0, key.lastIndexOf("/") + 1), [object]))) }),
        button(t("class.change"), { iconName: "snow", disabled: object.class === "ARCHIVE", onclick: () => after(false)(setClass(space, [key])) }),
        button(t("acl.change"), { iconName: "globe", onclick: () => after(false)(access(space, object)) }),
        button(t("etag.copy"), { iconName: "copy", onclick: () => copyText(object.etag) }),
        button(t("delete"), { iconName: "trash", kind: "danger-text", onclick: () => after(true)(remove(space, [object])) }),
      ),
    ),
  );
}

function preview(space, object, kind, frozen, on) {
  const picture = h("div", { class: `preview kind-${kind}` }, icon(ICON_OF[kind], "preview-icon"));
  if (frozen) return picture;
  if (!hasPoster({ kind, size: object.size })) return picture;
  const measures = h("p", { class: "faint" });
  poster(space, object, kind, on.signal).then((found) => {
    if (on.signal.aborted) return;
    const show = (url) => replace(picture, h("img", { src: url, alt: "" }));
    if (!found) {
      if (kind === "image") readUrl(space, object.key, { signal: on.signal }).then(show, () => {}); // such as SVG
      return;
    }
    show(found.url);
    const { seconds, width, height } = found;
    replace(measures, [Number.isFinite(seconds) && seconds ? span(seconds) : "", `${width} × ${height}`].filter(Boolean).join(" · "));
  });
  return [picture, measures];
}

function notice(object, ask) {
  const restoring = object.ready > Date.now() / 1000;
  return h(
    "div",
    { class: "notice" },
    icon("snow"),
    h("p", {}, restoring ? t("archive.restoring", { date: date(object.ready) }) : t("archive.frozen")),
    restoring ? null : button(t("restore"), { onclick: ask }),
  );
}

function section(title, ...children) {
  return h("section", { class: "panel-section" }, h("h3", {}, title), children);
}

function access(space, object) {
  return form(
    t("acl.change"),
    [{ name: "acl", label: t("acl"), options: [["default", t("acl.default")], ["public-read", t("acl.public-read")]], value: object.acl, hint: t("acl.hint") }],
    t("save"),
    ({ acl }) => post("objects/acl", { space, key: object.key, acl }),
  );
}

/** Type and metadata, a line for each: name: value. */
async function edit(space, object) {
  const lines = Object.entries(object.metadata).map(([name, value]) => `${name}: ${value}`);
  const done = await form(
    t("metadata.edit"),
    [
      { name: "mime", label: t("column.mime"), value: object.mime, required: true },
      { name: "lines", label: t("metadata"), value: lines.join("\n"), rows: 6, hint: t("metadata.hint") },
    ],
    t("save"),
    async ({ mime, lines }) => {
      const metadata = {};
      for (const line of lines.split("\n").filter((each) => each.trim())) {
        const at = line.indexOf(":");
        if (at < 1) throw new Error(t("metadata.line", { line }));
        const value = line.slice(at + 1).replace(/^ /, "");
        if (/^[ \t]|[ \t]$/.test(value)) throw new Error(t("metadata.blank", { line }));
        metadata[line.slice(0, at).trim().toLowerCase()] = value;
      }
      await post("objects/metadata", { space, key: object.key, mime: mime.trim(), metadata });
    },
    { note: t("metadata.note") },
  );
  if (done) toast(t("saved"));
  return done;
}
