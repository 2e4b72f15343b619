// The etag of an object, worked out here: base64url(u32 block count || SHA-1, or SHA-1 of the blocks' SHA-1s).

import { Aside } from "./aside.js";
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

const hashers = new Aside("hasher.js", 2);

/** {digest, buffer} of a Blob of at most one block, read and hashed in a worker.  Error if it cannot be read. */
export const hash = (blob) => hashers.ask({ blob });
