// An object over the whole window: played, shown or read, by signed URLs that are renewed before they end.

import { get, readUrl } from "./api.js";
import { attempt, discard } from "./dialogs.js";
import { button, freshId, h, icon, replace } from "./dom.js";
import { kindOf } from "./kind.js";
import { size, t } from "./language.js";
import { download, isFrozen, nameOf, remove } from "./objects.js";
import { hls, media } from "./player.js";
import { share } from "./share.js";
import { onSwipe } from "./swipe.js";

const SIGNED = 600; // seconds of a URL
const TEXT_LIMIT = 64 * 1024; // bytes of a text that are shown
const PDF_LIMIT = 64 * 1024 * 1024;

/** Show objects[at]; the others are the next and the previous ones.  moved(key): another one is shown.  removed(done): the
 * object was deleted, done as of remove().  closed(): the user closed it.  {show(key), close()}: the same from outside,
 * which calls neither. */
export function view(space, objects, at, { moved, removed, closed }) {
  const title = freshId("title");
  const name = h("h2", { id: title });
  const stage = h("div", { class: "stage" });
  const place = h("span", { class: "faint" });
  const act = (text, iconName, run) => button(t(text), { iconName, bare: true, short: t(text), kind: "quiet", onclick: run });
  const previous = act("previous", "left", () => go(at - 1));
  const next = act("next", "right", () => go(at + 1));
  const shareButton = act("share", "share", () =>
    attempt(async () => share(space, await get("object", { space, key: objects[at].key }, control.signal))),
  );
  const take = () =>
    attempt(async () => {
      const { key } = objects[at];
      const done = await remove(space, [objects[at]]);
      if (!done) return;
      objects = objects.filter((each) => each.key !== key);
      const open = dialog.open; // unless the browser went back meanwhile
      if (open && done.gone && objects.length) go(Math.min(at, objects.length - 1));
      else if (open) dialog.close();
      removed(done);
    });
  const before = document.activeElement;
  let control = new AbortController();
  const dialog = h(
    "dialog",
    { class: "viewer", "aria-labelledby": title },
    h(
      "header",
      { class: "viewer-head" },
      name,
      place,
      h(
        "div",
        { class: "viewer-actions" },
        previous,
        next,
        act("download", "download", () => download(space, [objects[at].key])),
        shareButton,
        act("delete", "trash", take),
      ),
      button(t("close"), { iconName: "close", bare: true, kind: "quiet", autofocus: true, onclick: () => dialog.close() }),
    ),
    stage,
  );
  const show = (index) => {
    at = index;
    previous.disabled = at === 0;
    next.disabled = at === objects.length - 1;
    shareButton.disabled = isFrozen(objects[at]);
    control.abort(new DOMException("left", "AbortError"));
    control = new AbortController();
    const object = objects[at];
    replace(name, nameOf(object.key));
    place.textContent = objects.length > 1 ? t("viewer.place", { at: at + 1, n: objects.length }) : "";
    stage.dataset.kind = kindOf(object.key, object.mime);
    replace(stage, h("p", { class: "stage-note", role: "status" }, t("loading")));
    fill(stage, space, object, control.signal);
  };
  const go = (index) => {
    if (index < 0 || index >= objects.length) return;
    show(index);
    moved(objects[index].key);
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("video,audio,iframe,pre,select") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") go(at - 1);
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "Delete") take();
  });
  onSwipe(stage, (step) => go(at + step));
  let outside = false;
  dialog.addEventListener("close", () => {
    control.abort(new DOMException("closed", "AbortError"));
    replace(stage);
    discard(dialog);
    if (before?.isConnected) before.focus();
    if (!outside) closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  show(at);
  return {
    show: (key) => {
      const index = objects.findIndex((each) => each.key === key);
      if (index >= 0 && index !== at) show(index);
      return index >= 0;
    },
    close: () => {
      outside = true;
      dialog.close();
    },
  };
}

async function fill(stage, space, object, signal) {
  const kind = kindOf(object.key, object.mime);
  const url = () => readUrl(space, object.key, { seconds: SIGNED, signal });
  const broken = (words) => message(stage, space, object, words);
  const how = { video: media, audio: media, hls, image, pdf, text }[kind];
  await attempt(async () => {
    try {
      if (isFrozen(object)) throw new Error(t("error.NotRestored"));
      if (!how) throw new Error(t("viewer.unknown"));
      await how(stage, { space, object, url, seconds: SIGNED, signal, kind, broken });
    } catch (failure) {
      if (!signal.aborted) broken(failure.message);
    }
  });
}

function message(stage, space, object, text) {
  replace(
    stage,
    h(
      "div",
      { class: "empty", role: "alert" },
      icon("info", "empty-icon"),
      h("p", {}, text),
      h("p", { class: "faint" }, `${object.mime} · ${size(object.size)}`),
      button(t("download"), { iconName: "download", onclick: () => download(space, [object.key]) }),
    ),
  );
}

async function image(stage, { object, url, signal }) {
  const picture = h("img", { alt: nameOf(object.key) });
  await new Promise((resolve, reject) => {
    picture.onload = resolve;
    picture.onerror = () => reject(new Error(t("viewer.unshowable")));
    url().then((found) => (picture.src = found), reject);
  });
  if (!signal.aborted) replace(stage, picture);
}

/** As a blob of this type and no other, whatever the server would say: a PDF viewer runs nothing of this page. */
async function pdf(stage, { object, url, signal }) {
  if (object.size > PDF_LIMIT) throw new Error(t("viewer.large", { size: size(PDF_LIMIT) }));
  const answer = await fetch(await url(), { signal });
  if (!answer.ok) throw new Error(t("viewer.unshowable"));
  const address = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: "application/pdf" }));
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  replace(stage, h("iframe", { src: address, title: nameOf(object.key) }));
}

async function text(stage, { object, url, signal }) {
  const address = await url();
  const cut = object.size > TEXT_LIMIT;
  const answer = await fetch(address, { signal, headers: cut ? { Range: `bytes=0-${TEXT_LIMIT - 1}` } : {} });
  if (!answer.ok) throw new Error(t("viewer.unshowable"));
  const words = new TextDecoder("utf-8").decode(await answer.arrayBuffer(), { stream: cut });
  replace(
    stage,
    h(
      "div",
      { class: "reader" },
      cut ? h("p", { class: "notice" }, icon("info"), t("viewer.cut", { size: size(TEXT_LIMIT), all: size(object.size) })) : null,
      h("pre", { tabindex: 0 }, words),
    ),
  );
}
