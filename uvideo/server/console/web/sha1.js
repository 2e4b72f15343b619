// SHA-1 for pages that are not served securely, where the browser hides its own.

/** The digest of an ArrayBuffer as Uint8Array of 20 bytes. */
export function sha1(buffer) {
  const data = new Uint8Array(buffer);
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  const words = new Int32Array(80);
  const whole = data.length & ~63;
  for (let at = 0; at < whole; at += 64) mix(state, words, data, at);
  const rest = data.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(data.subarray(whole));
  tail[rest] = 0x80;
  const view = new DataView(tail.buffer);
  view.setUint32(tail.length - 8, Math.floor(data.length / 0x20000000));
  view.setUint32(tail.length - 4, data.length << 3);
  for (let at = 0; at < tail.length; at += 64) mix(state, words, tail, at);
  const digest = new DataView(new ArrayBuffer(20));
  state.forEach((word, number) => digest.setInt32(4 * number, word));
  return new Uint8Array(digest.buffer);
}

function mix(state, words, data, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    words[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
  }
  for (let i = 16; i < 80; i++) {
    const word = words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16];
    words[i] = (word << 1) | (word >>> 31);
  }
  let [a, b, c, d, e] = state;
  for (let i = 0; i < 80; i++) {
    let f, k;
    if (i < 20) (f = (b & c) | (~b & d)), (k = 0x5a827999);
    else if (i < 40) (f = b ^ c ^ d), (k = 0x6ed9eba1);
    else if (i < 60) (f = (b & c) | (b & d) | (c & d)), (k = 0x8f1bbcdc);
    else (f = b ^ c ^ d), (k = 0xca62c1d6);
    const next = (((a << 5) | (a >>> 27)) + f + e + k + words[i]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}
