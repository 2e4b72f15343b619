// The etag of an object, worked out here: base64url(u32 block count || SHA-1, or SHA-1 of the blocks' SHA-1s).

import { sha1 } from "./sha1.js";

export const BLOCK = 4 * 1024 * 1024;

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** The etag of one part. */
export const partEtag = (digest) => base64url(digest);

/** The etag of an object of blocks with these digests.  Without any it is empty. */
export function objectEtag(digests) {
  const all = new Uint8Array(20 * digests.length);
  digests.forEach((digest, number) => all.set(digest, 20 * number));
  const joined = new Uint8Array(24);
  new DataView(joined.buffer).setUint32(0, digests.length, true);
  joined.set(digests.length === 1 ? digests[0] : sha1(all.buffer), 4);
  return base64url(joined);
}

const HASHERS = 2;
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("uvideo", { createScriptURL: (url) => (url === hasherUrl() ? url : "") })
  : { createScriptURL: (url) => url };
let workers = null;
let next = 0;
const waiting = new Map();

function hasherUrl() {
  return new URL("hasher.js", import.meta.url).href;
}

function start() {
  workers = Array.from({ length: HASHERS }, () => {
    const worker = new Worker(policy.createScriptURL(hasherUrl()), { type: "module" });
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.failure) reject(new Error(data.failure));
      else resolve(data);
    };
    worker.onerror = (event) => {
      for (const { reject } of waiting.values()) reject(new Error(event.message || "the hashing worker failed"));
      waiting.clear();
    };
    return worker;
  });
}

/** {digest, buffer} of a Blob of at most one block, read and hashed in a worker.  Error if it cannot be read. */
export function hash(blob) {
  if (!workers) start();
  const id = ++next;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    workers[id % HASHERS].postMessage({ id, blob });
  });
}
