// A small picture of a video or a picture, made here and kept while the page is open; nothing is kept on the server.  Of a
// video a few kilobytes are asked for; a picture is decoded and made smaller in a worker.

import { readUrl } from "./api.js";
import { Aside, Refused } from "./aside.js";

const WIDTH = 480;
const SECONDS = 12;
const LOOKS = 20;
const LOOK = 100; // milliseconds
const KEPT = 400;
const PICTURE_LIMIT = 16 * 1024 * 1024; // bytes of a picture that is made smaller
const AT_ONCE = 2;
const [PAUSE, LONGEST] = [4000, 300_000]; // milliseconds until what failed is tried again: first, and at most

// Name of an object with its etag -> {picture, askers, failures, again}.  picture: promise of a poster, null if there is
// none.  askers: until its turn comes, functions that say whether somebody still wants it.  again: when it may be tried
// again, by Date.now().
const made = new Map();
const shrinkers = new Aside("shrinker.js", AT_ONCE);
const queue = [];
let busy = 0;

/** Whether an object of a listing may have a poster. */
export const hasPoster = ({ kind, size }) => kind === "video" || (kind === "image" && size <= PICTURE_LIMIT);

/** What was read is no picture, and will not be one at another time. */
class NoPicture extends Error {}

/** {url, width, height, seconds}: a blob URL of a small picture, the size of the whole one, and how long a video is;
 * null if there is none.  What could not be read is tried again when it is asked for later, after pauses that grow.  signal: nobody waits any more.  wanted(): whether it is still to be seen when its turn comes. */
export function poster(space, object, kind, signal, wanted = () => true) {
  const name = `${space}/${object.key}/${object.etag}`;
  const asks = () => !signal.aborted && wanted();
  const known = made.get(name);
  if (known && !(known.again <= Date.now())) {
    known.askers?.push(asks);
    return known.picture;
  }
  if (made.size >= KEPT) {
    const [oldest, { picture }] = made.entries().next().value;
    made.delete(oldest);
    picture.then((found) => found && URL.revokeObjectURL(found.url));
  }
  const entry = { askers: [asks], failures: known?.failures || 0 };
  const make = kind === "video" ? frame : smaller;
  const found = turn(async () => {
    const wants = entry.askers.some((each) => each());
    entry.askers = null;
    return wants ? make(await readUrl(space, object.key)) : undefined;
  });
  entry.picture = found.then(
    (picture) => {
      if (picture === undefined && made.get(name) === entry) made.delete(name);
      return picture || null;
    },
    (failure) => {
      if (!(failure instanceof NoPicture)) entry.again = Date.now() + Math.min(LONGEST, PAUSE * 2 ** entry.failures++);
      return null;
    },
  );
  made.set(name, entry);
  return entry.picture;
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

async function smaller(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(SECONDS * 1000) });
  if (!answer.ok) throw new Error("no answer");
  const blob = await answer.blob();
  const { small, width, height } = await shrinkers.ask({ blob, most: WIDTH }).catch((failure) => {
    throw failure instanceof Refused ? new NoPicture(failure.message) : failure;
  });
  return { url: URL.createObjectURL(small), width, height, seconds: 0 };
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
    video.onerror = () => end(reject, video.error.code === MediaError.MEDIA_ERR_DECODE ? new NoPicture("no video") : new Error("no answer"));
    video.onloadedmetadata = () => {
      video.currentTime = Math.min(3, (video.duration || 0) / 10);
    };
    const draw = (looks) => {
      if (!video.videoWidth) return end(reject, new NoPicture("no picture"));
      const canvas = document.createElement("canvas");
      canvas.width = Math.min(WIDTH, video.videoWidth);
      canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      // The frame may come a moment after the event; a film that is dark there is shown dark in the end.
      if (looks && isBlank(canvas)) return setTimeout(draw, LOOK, looks - 1);
      const { videoWidth: width, videoHeight: height, duration: seconds } = video;
      canvas.toBlob(
        (blob) => (blob ? end(resolve, { url: URL.createObjectURL(blob), width, height, seconds }) : end(reject, new Error("no picture"))),
        "image/jpeg",
        0.8,
      );
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
