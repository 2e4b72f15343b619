// A worker: reads a block of a file and hashes it.  The very bytes that were hashed go back, to be sent.

import { sha1 } from "./sha1.js";

self.onmessage = async ({ data: { id, blob } }) => {
  try {
    const buffer = await blob.arrayBuffer();
    const digest = self.crypto && self.crypto.subtle ? new Uint8Array(await self.crypto.subtle.digest("SHA-1", buffer)) : sha1(buffer);
    self.postMessage({ id, digest, buffer }, [buffer]);
  } catch (failure) {
    self.postMessage({ id, failure: String(failure) });
  }
};
