// How far films and sounds were played, kept in this browser: the latest ones, each as long as its object is the same.

import { keep, kept } from "./language.js";

const NOTE = "uvideo.positions";
const MOST = 100; // films
const SHORTEST = 60; // seconds; a shorter one begins at its beginning
const EDGE = 5; // seconds; nearer to the beginning or the end nothing is kept

/** [[name, etag, seconds], ...], the latest last. */
function notes() {
  try {
    const found = JSON.parse(kept(NOTE) || "[]");
    return found.filter(([name, etag, seconds]) => typeof name === "string" && typeof etag === "string" && seconds > 0);
  } catch {
    return [];
  }
}

function write(space, key, more) {
  const name = `${space}/${key}`;
  keep(NOTE, JSON.stringify([...notes().filter((each) => each[0] !== name), ...more].slice(-MOST)));
}

/** The seconds at which an object was left; 0 for one that was not, or that was changed since, which is then forgotten. */
export function positionOf(space, { key, etag }) {
  const found = notes().find(([name]) => name === `${space}/${key}`);
  if (!found) return 0;
  if (found[1] === etag) return found[2];
  write(space, key, []);
  return 0;
}

export function keepPosition(space, { key, etag }, seconds, duration) {
  const inside = duration >= SHORTEST && seconds > EDGE && seconds < duration - EDGE;
  if (inside || positionOf(space, { key, etag })) write(space, key, inside ? [[`${space}/${key}`, etag, Math.floor(seconds)]] : []);
}
