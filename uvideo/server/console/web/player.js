// A film or a sound with its player: signed URLs that are renewed before they end, how fast it plays, its subtitles, and
// where it was left.

import { attempt } from "./dialogs.js";
import { button, h, replace } from "./dom.js";
import { playHls } from "./hls.js";
import { span, t } from "./language.js";
import { nameOf } from "./objects.js";
import { keepPosition, positionOf } from "./positions.js";
import { subtitles } from "./subtitles.js";

const RENEW = 60; // seconds before the end of a URL
const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const EVERY = 5; // seconds between two notes of the position

let rate = 1; // of the next film too, while the page is open

/** Play an object in `stage`.  url(): a signed URL that lasts `seconds`.  broken(text): it cannot be played. */
export async function media(stage, { space, object, url, seconds, signal, kind, broken }) {
  const { player, node } = made(kind, space, object, signal);
  await renewed(player, url, seconds, signal);
  player.addEventListener("error", () => {
    if (!signal.aborted && player.error && player.error.code !== 1) broken(t("viewer.unplayable"));
  });
  replace(stage, node);
  player.focus();
}

export async function hls(stage, { space, object, signal }) {
  const { player, node } = made("video", space, object, signal);
  replace(stage, node);
  await playHls(player, space, object, signal);
  player.focus();
}

function made(kind, space, object, signal) {
  const player = h(kind, { controls: true, playsinline: true, preload: "metadata", crossOrigin: "anonymous", autoplay: true, "aria-label": nameOf(object.key) });
  const speed = h("select", {}, RATES.map((each) => h("option", { value: String(each), selected: each === rate }, `${each}×`)));
  const words = h("select");
  const left = h("p", { class: "player-left", role: "status" });
  const set = () => {
    player.defaultPlaybackRate = rate; // which a new URL begins with
    player.playbackRate = rate;
  };
  speed.addEventListener("change", () => {
    rate = Number(speed.value);
    set();
  });
  player.addEventListener("ratechange", () => {
    if (RATES.includes(player.playbackRate)) speed.value = String((rate = player.playbackRate));
  });
  set();
  goOn(player, left, space, object, signal);
  if (kind === "video") attempt(() => subtitles(player, words, space, object.key, signal));
  const choice = (name, select, hidden) => h("label", { class: "player-choice", hidden }, h("span", {}, name), select);
  const node = h(
    "div",
    { class: `player kind-${kind}` },
    player,
    h("div", { class: "player-bar" }, left, choice(t("subtitles"), words, true), choice(t("player.speed"), speed, false)),
  );
  return { player, node };
}

/** Begin where it was left, and keep where it is. */
function goOn(player, left, space, object, signal) {
  let noted = positionOf(space, object);
  const note = () => {
    if (player.readyState < 2 || player.seeking) return;
    noted = player.currentTime;
    keepPosition(space, object, player.ended ? 0 : noted, player.duration);
  };
  if (noted) {
    const from = noted;
    const begin = () => {
      player.currentTime = 0;
      replace(left);
      player.focus();
    };
    player.addEventListener(
      "loadedmetadata",
      () => {
        player.currentTime = from;
        replace(left, t("player.left", { time: span(from) }), " ", button(t("player.begin"), { iconName: "retry", kind: "quiet", onclick: begin }));
      },
      { once: true },
    );
  }
  player.addEventListener("timeupdate", () => Math.abs(player.currentTime - noted) >= EVERY && note());
  for (const name of ["pause", "seeked", "ended"]) player.addEventListener(name, note);
  window.addEventListener("pagehide", note, { signal });
  signal.addEventListener("abort", note);
}

/** Give a player a signed URL, and another one before that ends, at the same place. */
async function renewed(player, url, seconds, signal) {
  const give = async () => {
    const next = await url();
    if (signal.aborted) return;
    const { currentTime, paused } = player;
    const goes = Boolean(player.src) && !paused;
    player.src = next;
    if (currentTime) {
      player.addEventListener(
        "loadedmetadata",
        () => {
          player.currentTime = currentTime;
          if (goes) player.play().catch(() => {});
        },
        { once: true },
      );
    }
    timer = setTimeout(() => attempt(give), (seconds - RENEW) * 1000);
  };
  let timer;
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    player.removeAttribute("src");
    player.load();
  });
  await give();
}
