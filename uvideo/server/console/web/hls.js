// HLS from a private space: every address of the playlist is replaced by a signed URL.
//
// A browser that plays HLS itself is given the rewritten playlist.  Elsewhere segments of fragmented MP4 are fed to the
// browser's own decoder; MPEG transport streams would have to be converted, and are not.

import { readUrl, sign } from "./api.js";
import { t } from "./language.js";

const TYPE = "application/vnd.apple.mpegurl";
const SIGNED = 6 * 3600; // seconds; a playlist is read once
const TEXT_LIMIT = 8 * 1024 * 1024;
const AHEAD = 30; // seconds that are loaded before they are played
const AT_ONCE = 1000; // URLs of one call

/** Play the playlist; an Error in words if this browser cannot. */
export async function playHls(video, space, object, signal) {
  const native = video.canPlayType(TYPE) !== "";
  let key = object.key;
  let lines = await read(space, key, signal);
  if (lines.some((line) => line.startsWith("#EXT-X-STREAM-INF"))) {
    if (native) {
      await give(video, await master(space, key, lines, signal), signal);
      return;
    }
    key = resolve(key, best(lines));
    lines = await read(space, key, signal);
  }
  if (native) {
    await give(video, await signedLines(space, key, lines, signal), signal);
    return;
  }
  await feed(video, space, key, lines, signal);
}

async function read(space, key, signal) {
  const answer = await fetch(await readUrl(space, key, { signal }), { signal });
  const words = answer.ok && Number(answer.headers.get("Content-Length") || 0) <= TEXT_LIMIT ? await answer.text() : "";
  if (!words.startsWith("#EXTM3U")) throw new Error(t("hls.broken"));
  return words.split(/\r?\n/);
}

/** The key that an address in the playlist `from` means; null for one of another host. */
function resolve(from, address) {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(address)) return null;
  const path = address.split(/[?#]/)[0];
  const parts = path.startsWith("/") ? [] : from.split("/").slice(0, -1);
  let decoded;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    decoded = path;
  }
  for (const part of decoded.replace(/^\//, "").split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const isAddress = (line) => line.trim() !== "" && !line.startsWith("#");

/** The variant with the highest bandwidth. */
function best(lines) {
  let found = "";
  let most = -1;
  lines.forEach((line, at) => {
    const bandwidth = /^#EXT-X-STREAM-INF:.*?BANDWIDTH=(\d+)/.exec(line);
    if (bandwidth && Number(bandwidth[1]) > most) [most, found] = [Number(bandwidth[1]), (lines[at + 1] || "").trim()];
  });
  return found;
}

async function signedLines(space, key, lines, signal) {
  const places = [];
  lines.forEach((line, at) => {
    const inTag = /URI="([^"]+)"/.exec(line);
    const address = isAddress(line) ? line.trim() : inTag && inTag[1];
    const target = address ? resolve(key, address) : null;
    if (target) places.push({ at, address, target });
  });
  const written = [...lines];
  for (let first = 0; first < places.length; first += AT_ONCE) {
    const some = places.slice(first, first + AT_ONCE);
    const { urls } = await sign(space, "GET", some.map(({ target }) => ({ key: target })), SIGNED, signal);
    some.forEach(({ at, address }, number) => {
      written[at] = isAddress(lines[at]) ? urls[number] : lines[at].replace(`"${address}"`, () => `"${urls[number]}"`);
    });
  }
  return written;
}

/** A master playlist whose variants are rewritten playlists too. */
async function master(space, key, lines, signal) {
  const written = [...lines];
  for (const [at, line] of lines.entries()) {
    const inTag = /URI="([^"]+)"/.exec(line);
    const address = isAddress(line) ? line.trim() : inTag && inTag[1];
    const target = address ? resolve(key, address) : null;
    if (!target) continue;
    const inner = await signedLines(space, target, await read(space, target, signal), signal);
    const url = blobOf(inner, signal);
    written[at] = isAddress(line) ? url : line.replace(`"${address}"`, () => `"${url}"`);
  }
  return written;
}

function blobOf(lines, signal) {
  const url = URL.createObjectURL(new Blob([lines.join("\n")], { type: TYPE }));
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  return url;
}

function give(video, lines, signal) {
  return new Promise((done, reject) => {
    video.onloadedmetadata = done;
    video.onerror = () => reject(new Error(t("viewer.unplayable")));
    signal.addEventListener("abort", () => {
      video.removeAttribute("src");
      video.load();
    });
    video.src = blobOf(lines, signal);
  });
}

/** Segments of fragmented MP4, one after the other, into the browser's decoder. */
async function feed(video, space, key, lines, signal) {
  const map = /#EXT-X-MAP:.*?URI="([^"]+)"/.exec(lines.join("\n"));
  if (!map || !window.MediaSource) throw new Error(t("hls.transport"));
  if (lines.some((line) => /^#EXT-X-(KEY:(?!METHOD=NONE)|BYTERANGE)/.test(line)) || !lines.includes("#EXT-X-ENDLIST")) throw new Error(t("hls.feature"));
  let start = 0;
  const segments = [];
  lines.forEach((line, at) => {
    const length = /^#EXTINF:([\d.]+)/.exec(line);
    if (!length) return;
    const address = lines.slice(at + 1).find(isAddress);
    segments.push({ key: resolve(key, address.trim()), start, end: (start += Number(length[1])) });
  });
  const bytes = async (name) => {
    const answer = await fetch(await readUrl(space, name, { signal }), { signal });
    if (!answer.ok) throw new Error(t("hls.missing", { name }));
    return answer.arrayBuffer();
  };
  const head = await bytes(resolve(key, map[1]));
  const type = `video/mp4; codecs="${codecsOf(new DataView(head)).join(",")}"`;
  if (!MediaSource.isTypeSupported(type)) throw new Error(t("viewer.unplayable"));
  const source = new MediaSource();
  const address = URL.createObjectURL(source);
  signal.addEventListener("abort", () => {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  });
  video.src = address;
  await event(source, "sourceopen");
  const buffer = source.addSourceBuffer(type);
  source.duration = start;
  const append = async (data) => {
    buffer.appendBuffer(data);
    await event(buffer, "updateend");
  };
  await append(head);
  const loaded = new Set();
  let busy = false;
  const fill = async () => {
    if (busy || signal.aborted) return;
    busy = true;
    try {
      for (;;) {
        const now = video.currentTime;
        const next = segments.findIndex((each, at) => !loaded.has(at) && each.end > now && each.start < now + AHEAD);
        if (next < 0) break;
        const data = await bytes(segments[next].key);
        const old = [...loaded].filter((at) => segments[at].end < video.currentTime - AHEAD);
        if (old.length > 2) {
          buffer.remove(0, segments[Math.max(...old)].end);
          await event(buffer, "updateend");
          old.forEach((at) => loaded.delete(at));
        }
        await append(data);
        loaded.add(next);
      }
      if (loaded.has(segments.length - 1) && source.readyState === "open" && !buffer.updating) source.endOfStream();
    } catch (failure) {
      if (!signal.aborted && source.readyState === "open") source.endOfStream("network");
      video.dispatchEvent(new CustomEvent("broken", { detail: failure }));
    } finally {
      busy = false;
    }
  };
  video.addEventListener("timeupdate", fill);
  video.addEventListener("seeking", fill);
  await fill();
  video.play().catch(() => {});
}

function event(target, name) {
  return new Promise((done, reject) => {
    target.addEventListener(name, done, { once: true });
    target.addEventListener("error", () => reject(new Error(t("viewer.unplayable"))), { once: true });
  });
}

/** The codecs of an init segment, out of its sample descriptions. */
function codecsOf(view) {
  const found = [];
  const hex = (at) => view.getUint8(at).toString(16).padStart(2, "0");
  const name = (at) => String.fromCharCode(...[0, 1, 2, 3].map((step) => view.getUint8(at + step)));
  const walk = (at, end) => {
    while (at + 8 <= end) {
      const length = view.getUint32(at);
      const box = name(at + 4);
      if (length < 8 || at + length > end) return;
      if (["moov", "trak", "mdia", "minf", "stbl"].includes(box)) walk(at + 8, at + length);
      else if (box === "stsd") {
        const entry = name(at + 20);
        const inner = { avc1: 78, avc3: 78, hvc1: 78, hev1: 78, av01: 78, vp09: 78, mp4a: 28 }[entry];
        const config = inner === undefined ? null : child(at + 16 + 8 + inner, at + length);
        if ((entry === "avc1" || entry === "avc3") && config) found.push(`${entry}.${hex(config + 9)}${hex(config + 10)}${hex(config + 11)}`);
        else if (entry === "mp4a") found.push("mp4a.40.2");
        else if (entry === "Opus") found.push("opus");
        else found.push(entry);
      }
      at += length;
    }
  };
  const child = (at, end) => {
    while (at + 8 <= end) {
      if (name(at + 4) === "avcC") return at;
      const length = view.getUint32(at);
      if (length < 8) return null;
      at += length;
    }
    return null;
  };
  walk(0, view.byteLength);
  return found;
}
