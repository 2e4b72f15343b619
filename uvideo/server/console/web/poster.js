// A picture out of a video, made here: a few kilobytes of it are asked for, nothing is kept on the server.

import { readUrl } from "./api.js";

const WIDTH = 480;
const SECONDS = 12;
const LOOKS = 20;
const LOOK = 100; // milliseconds
const KEPT = 400;
const AT_ONCE = 2;

const made = new Map(); // etag -> promise of a blob URL, null if there is none
const queue = [];
let busy = 0;

/** A blob URL of a frame, or null.  signal: nobody waits any more. */
export function poster(space, object, signal) {
  const name = `${space}/${object.etag}`;
  if (!made.has(name)) {
    if (made.size >= KEPT) {
      const [oldest, picture] = made.entries().next().value;
      made.delete(oldest);
      picture.then((url) => url && URL.revokeObjectURL(url));
    }
    const found = turn(async () => (signal && signal.aborted ? undefined : frame(await readUrl(space, object.key))));
    made.set(
      name,
      found.then(
        (url) => {
          if (url === undefined) made.delete(name);
          return url || null;
        },
        () => null,
      ),
    );
  }
  return made.get(name);
}

async function turn(run) {
  if (busy >= AT_ONCE) await new Promise((resolve) => queue.push(resolve));
  else busy++;
  try {
    return await run();
  } finally {
    if (queue.length) queue.shift()();
    else busy--;
  }
}

function frame(url) {
  return new Promise((resolve, reject) => {
    const video = document.createElement("video");
    const end = (settle, value) => {
      clearTimeout(timer);
      video.removeAttribute("src");
      video.load();
      settle(value);
    };
    const timer = setTimeout(() => end(reject, new Error("no frame in time")), SECONDS * 1000);
    video.crossOrigin = "anonymous";
    video.muted = true;
    video.preload = "auto";
    video.onerror = () => end(reject, new Error("no video"));
    video.onloadedmetadata = () => {
      video.currentTime = Math.min(3, (video.duration || 0) / 10);
    };
    const draw = (looks) => {
      if (!video.videoWidth) return end(reject, new Error("no picture"));
      const canvas = document.createElement("canvas");
      canvas.width = Math.min(WIDTH, video.videoWidth);
      canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      // The frame may come a moment after the event; a film that is dark there is shown dark in the end.
      if (looks && isBlank(canvas)) return setTimeout(draw, LOOK, looks - 1);
      canvas.toBlob((blob) => end(blob ? resolve : reject, blob ? URL.createObjectURL(blob) : new Error("no picture")), "image/jpeg", 0.8);
    };
    video.onseeked = () => draw(LOOKS);
    video.src = url;
  });
}

/** Whether every pixel has the same colour. */
function isBlank(canvas) {
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return pixels.every((pixel) => pixel === pixels[0]);
}
