// How far films and sounds were played, kept in this browser: the latest ones, each as long as its object is the same, and
// until the account signs out.

import { isOwn, owner, session } from "./api.js";
import { keep, kept } from "./language.js";

const NOTE = "uvideo.positions";
const MOST = 100; // films
const SHORTEST = 60; // seconds; a shorter one begins at its beginning
const EDGE = 5; // seconds; nearer to the beginning or the end nothing is kept

/** [{account, endpoint, name, etag, seconds}, ...], the latest last. */
function notes() {
  try {
    const found = JSON.parse(kept(NOTE) || "[]");
    return found.filter(({ account, name, etag, seconds }) => [account, name, etag].every((each) => typeof each === "string") && seconds > 0);
  } catch {
    return [];
  }
}

function write(space, key, more) {
  const name = `${space}/${key}`;
  keep(NOTE, JSON.stringify([...notes().filter((each) => !isOwn(each) || each.name !== name), ...more].slice(-MOST)));
}

/** The seconds at which an object was left; 0 for one that was not, or that was changed since, which is then forgotten. */
export function positionOf(space, { key, etag }) {
  const found = notes().find((each) => isOwn(each) && each.name === `${space}/${key}`);
  if (!found) return 0;
  if (found.etag === etag) return found.seconds;
  write(space, key, []);
  return 0;
}

/** Keep how far an object was played; nothing once nobody is signed in. */
export function keepPosition(space, { key, etag }, seconds, duration) {
  if (!session.signed_in) return;
  const inside = duration >= SHORTEST && seconds > EDGE && seconds < duration - EDGE;
  const noted = { ...owner(), name: `${space}/${key}`, etag, seconds: Math.floor(seconds) };
  if (inside || positionOf(space, { key, etag })) write(space, key, inside ? [noted] : []);
}

/** Forget those of the account. */
export function forgetPositions() {
  const others = notes().filter((each) => !isOwn(each));
  keep(NOTE, others.length ? JSON.stringify(others) : null);
}
