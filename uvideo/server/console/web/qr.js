// QR codes of bytes, error correction level L, versions 1 to 40 (ISO/IEC 18004).

import { s } from "./dom.js";

// By version from 1: error correction codewords of a block, and blocks, of level L.
const CHECK = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25];

/** An SVG picture of a text; a label says to screen readers what it is. */
export function qr(text, label) {
  const modules = matrix(new TextEncoder().encode(text));
  const size = modules.length;
  let path = "";
  modules.forEach((row, y) => row.forEach((dark, x) => (path += dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  return s(
    "svg",
    { viewBox: `0 0 ${size + 8} ${size + 8}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    s("rect", { width: size + 8, height: size + 8, fill: "#fff" }),
    s("path", { d: path, fill: "#000" }),
  );
}

/** Codewords of a version, data and correction together: the area without all that is not data, in bytes. */
function capacity(version) {
  const size = 17 + 4 * version;
  const marks = version === 1 ? 0 : Math.floor(version / 7) + 2;
  let bits = size * size - 3 * 64 - 2 * (size - 16) - 31; // finders, timing, format and the dark module
  if (marks) bits -= (marks * marks - 3) * 25 - 2 * (marks - 2) * 5;
  if (version >= 7) bits -= 36;
  return bits >> 3;
}

/** Rows of true for dark.  Error if there are more than 2,953 bytes. */
export function matrix(bytes) {
  let version = 1;
  const room = () => capacity(version) - CHECK[version - 1] * BLOCKS[version - 1];
  const head = () => (version < 10 ? 12 : 20);
  while (version <= 40 && bytes.length * 8 + head() > room() * 8) version++;
  if (version > 40) throw new Error("too long for a QR code");
  const words = interleave(encode(bytes, version < 10 ? 8 : 16, room()), version);
  let best = null;
  for (let mask = 0; mask < 8; mask++) {
    const grid = draw(words, version, mask);
    const cost = penalty(grid);
    if (!best || cost < best.cost) best = { grid, cost };
  }
  return best.grid;
}

/** Mode, length, bytes, end and padding. */
function encode(bytes, lengthBits, room) {
  const bits = [];
  const put = (value, count) => {
    for (let at = count - 1; at >= 0; at--) bits.push((value >> at) & 1);
  };
  put(4, 4);
  put(bytes.length, lengthBits);
  for (const byte of bytes) put(byte, 8);
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const words = [];
  for (let at = 0; at < bits.length; at += 8) words.push(bits.slice(at, at + 8).reduce((sum, bit) => 2 * sum + bit, 0));
  for (let pad = 0xec; words.length < room; pad ^= 0xec ^ 0x11) words.push(pad);
  return words;
}

const EXP = [];
const LOG = [];
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = value;
  LOG[value] = power;
  value = value << 1;
  if (value > 255) value ^= 0x11d;
}
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

/** The remainder of data * x^count by the product of (x - 2^i). */
function correction(data, count) {
  let divisor = [1];
  for (let i = 0; i < count; i++) {
    divisor = [...divisor, 0].map((each, at) => each ^ (at ? times(divisor[at - 1], EXP[i]) : 0));
  }
  const rest = [...data, ...new Array(count).fill(0)];
  for (let at = 0; at < data.length; at++) {
    const factor = rest[at];
    if (factor) divisor.forEach((each, shift) => (rest[at + shift] ^= times(each, factor)));
  }
  return rest.slice(data.length);
}

/** Blocks of data, the longer ones last, a codeword of each in turn; then their corrections likewise. */
function interleave(data, version) {
  const blocks = BLOCKS[version - 1];
  const short = Math.floor(data.length / blocks);
  const longer = data.length % blocks;
  const parts = [];
  for (let number = 0, at = 0; number < blocks; number++) {
    const length = short + (number >= blocks - longer ? 1 : 0);
    parts.push(data.slice(at, at + length));
    at += length;
  }
  const checks = parts.map((part) => correction(part, CHECK[version - 1]));
  const woven = [];
  for (const rows of [parts, checks]) {
    const longest = Math.max(...rows.map((row) => row.length));
    for (let at = 0; at < longest; at++) for (const row of rows) if (at < row.length) woven.push(row[at]);
  }
  return woven;
}

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Value and its remainder by a generator, as the code of format and version wants it. */
function guarded(value, count, generator, degree) {
  let rest = value << degree;
  for (let bit = count + degree - 1; bit >= degree; bit--) if ((rest >> bit) & 1) rest ^= generator << (bit - degree);
  return (value << degree) | rest;
}

function marksOf(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = 10 + 4 * version;
  const step = version === 32 ? 26 : Math.ceil((last - 6) / (count - 1) / 2) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, at) => last - (count - 2 - at) * step)];
}

function draw(words, version, mask) {
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const set = (x, y, dark) => {
    if (x >= 0 && y >= 0 && x < size && y < size) grid[y][x] = dark;
  };
  const square = (cx, cy, radius, dark) => {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) set(cx + dx, cy + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  for (let at = 0; at < size; at++) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  const marks = marksOf(version);
  const end = marks.length - 1;
  marks.forEach((x, i) =>
    marks.forEach((y, j) => {
      if (!((i === 0 && (j === 0 || j === end)) || (i === end && j === 0))) square(x, y, 2, (ring) => ring !== 1);
    }),
  );
  const format = guarded((1 << 3) | mask, 5, 0x537, 10) ^ 0x5412; // level L is 01
  for (let bit = 0; bit < 15; bit++) {
    const dark = ((format >> bit) & 1) === 1;
    set(8, bit < 6 ? bit : bit < 8 ? bit + 1 : size - 15 + bit, dark);
    set(bit < 8 ? size - 1 - bit : bit === 8 ? 7 : 14 - bit, 8, dark);
  }
  set(8, size - 8, true);
  if (version >= 7) {
    const code = guarded(version, 6, 0x1f25, 12);
    for (let bit = 0; bit < 18; bit++) {
      const dark = ((code >> bit) & 1) === 1;
      set(size - 11 + (bit % 3), Math.floor(bit / 3), dark);
      set(Math.floor(bit / 3), size - 11 + (bit % 3), dark);
    }
  }
  let at = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const upward = ((right + 1) & 2) === 0;
      const y = upward ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== null) continue;
        const bit = at < words.length * 8 && ((words[at >> 3] >> (7 - (at & 7))) & 1) === 1;
        at++;
        grid[y][x] = bit !== MASKS[mask](x, y);
      }
    }
  }
  return grid;
}

/** How hard it would be to read: runs, squares, what looks like a finder, and too much of one colour. */
function penalty(grid) {
  const size = grid.length;
  let cost = 0;
  let dark = 0;
  const finder = (line, at) =>
    "10111010000".split("").every((bit, step) => line[at + step] === (bit === "1")) ||
    "00001011101".split("").every((bit, step) => line[at + step] === (bit === "1"));
  for (const lines of [grid, grid[0].map((_, x) => grid.map((row) => row[x]))]) {
    for (const line of lines) {
      for (let at = 0, run = 0; at <= size; at++) {
        if (at && line[at] === line[at - 1]) run++;
        else {
          if (run >= 5) cost += run - 2;
          run = 1;
        }
        if (at <= size - 11 && finder(line, at)) cost += 40;
      }
    }
  }
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      dark += grid[y][x];
      if (x && y && grid[y][x] === grid[y][x - 1] && grid[y][x] === grid[y - 1][x] && grid[y][x] === grid[y - 1][x - 1]) cost += 3;
    }
  }
  return cost + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10));
}
