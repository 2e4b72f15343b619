// Subtitles of a film: WebVTT files beside it, film.vtt or film.LANGUAGE.vtt.  Only the chosen one is read.

import { get, readUrl } from "./api.js";
import { attempt, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { keep, kept, language, t } from "./language.js";
import { nameOf } from "./objects.js";

const CHOICE = "uvideo.subtitles"; // "off", or the language that was chosen
const SIZE_LIMIT = 4 * 1024 * 1024; // bytes of a file
const MOST = 50; // files
const ENDING = /^\.(?:([a-z]{2,3}(?:[-_][a-z0-9]{2,8})*)\.)?vtt$/i;

/** [{key, code}] of the files beside a film; code: "" or the language in the name. */
async function beside(space, key, signal) {
  const stem = key.replace(/(?<=[^/])\.[^./]*$/, "");
  const { objects } = await get("objects", { space, prefix: `${stem}.`, delimiter: "/" }, signal);
  return objects
    .map(([each, size]) => ({ key: each, size, found: ENDING.exec(each.slice(stem.length)) }))
    .filter(({ found, size }) => found && size <= SIZE_LIMIT)
    .slice(0, MOST)
    .map(({ key: each, found }) => ({ key: each, code: (found[1] || "").replaceAll("_", "-") }));
}

function nameOfLanguage(code) {
  if (!code) return t("subtitles.plain");
  try {
    return new Intl.DisplayNames(document.documentElement.lang, { type: "language" }).of(code);
  } catch {
    return code;
  }
}

const primary = (code) => code.split("-")[0].toLowerCase();

/** The one to begin with: what was chosen last, else that of the page's language, else that without one. */
function first(files) {
  const choice = kept(CHOICE);
  if (choice === "off") return undefined;
  const of = (code) => files.find((each) => each.code === code) || files.find((each) => code && primary(each.code) === primary(code));
  return (choice !== null && of(choice)) || of(language()) || of("");
}

/** Give a player the subtitles of its film, and `select` their names; it is shown if there are any. */
export async function subtitles(player, select, space, key, signal) {
  const files = await beside(space, key, signal);
  if (!files.length || signal.aborted) return;
  const tracks = files.map(({ key: each, code }) => {
    const node = h("track", { kind: "subtitles", label: nameOfLanguage(code), srclang: code || "und" });
    node.addEventListener("error", () => signal.aborted || !node.src || toast(t("subtitles.broken", { name: nameOf(each) }), { bad: true }));
    return { node, key: each, code };
  });
  const read = async ({ node, key: each }) => {
    node.begun = true;
    const answer = await fetch(await readUrl(space, each, { signal }), { signal });
    if (!answer.ok) throw new Error(t("subtitles.broken", { name: nameOf(each) }));
    const address = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: "text/vtt" }));
    signal.addEventListener("abort", () => URL.revokeObjectURL(address));
    node.src = address;
  };
  let shown;
  const show = (chosen) => {
    shown = chosen;
    for (const { node } of tracks) {
      const mode = node === shown?.node ? "showing" : "disabled";
      if (node.track.mode !== mode) node.track.mode = mode;
    }
    select.value = shown ? shown.key : "";
    if (shown && !shown.node.begun) attempt(() => read(shown));
  };
  // The menu of the browser changes what is shown, too.  Before somebody touched the player it was the browser itself, which
  // adds subtitles of its own choice.
  let touched = false;
  for (const name of ["pointerdown", "keydown"]) player.addEventListener(name, () => (touched = true));
  const look = () => show(touched ? tracks.find(({ node }) => node.track.mode === "showing") : shown);
  player.append(...tracks.map(({ node }) => node));
  select.append(h("option", { value: "" }, t("subtitles.off")), ...tracks.map(({ node, key: each }) => h("option", { value: each }, node.label)));
  select.addEventListener("change", () => {
    const chosen = tracks.find((each) => each.key === select.value);
    keep(CHOICE, chosen ? chosen.code : "off");
    show(chosen);
  });
  player.textTracks.addEventListener("change", look);
  const begun = first(files);
  show(begun && tracks.find((each) => each.key === begun.key));
  select.closest("label").hidden = false;
}
