// Uploads: files in blocks straight to the data port, several at a time, hashed here and compared there.
//
// The admin port begins, finishes and aborts an upload and signs the URL that all its parts go to; the key pair stays
// there.  What is unfinished is noted on this computer, so that after a reload the same file goes on with what is missing.

import { get, isOwn, owner, post, session, sign } from "./api.js";
import { BLOCK, hash, objectEtag, partEtag } from "./etag.js";
import { typeOfFile } from "./kind.js";
import { keep, kept, t } from "./language.js";

const FILES_AT_ONCE = 3;
const PARTS_AT_ONCE = 4; // requests in flight, of all files together
const TRIES = 12;
const STALL = 60_000; // milliseconds without a byte until a request is given up
const SIGNED = 900; // seconds that a signed URL lasts
const RENEW = 60; // seconds before its end
const BEAT = 5_000; // milliseconds between two signs of life of a tab that uploads
const DEAD = 150_000; // milliseconds after the last of them: the timers of a hidden tab may run once a minute
const NOTES = "uvideo.uploads";

class Stopped extends Error {}

/** One file on its way.  state: waiting, checking, sending, paused, done, failed, cancelled. */
class Task {
  constructor(file, space, key) {
    this.id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    this.file = file;
    this.space = space;
    this.key = key;
    this.size = file.size;
    this.mime = typeOfFile(file);
    this.state = "waiting";
    this.stored = 0; // bytes that the server has
    this.flying = new Map(); // part -> bytes sent of it so far
    this.sent = 0; // the most that stored and flying came to: what is lost on the way is sent again, not shown again
    this.error = "";
    this.uploadId = null;
    this.requests = new Set();
  }

  /** Count what the server has and what is on its way there; how many bytes more there are than ever before. */
  advance() {
    let sum = this.stored;
    for (const bytes of this.flying.values()) sum += bytes;
    const more = Math.max(0, Math.min(sum, this.size) - this.sent);
    this.sent += more;
    return more;
  }
}

export const tasks = [];
export const events = new EventTarget();
let telling = 0;

/** Tell whoever shows tasks, soon and once for many changes: there may be thousands of files. */
function changed() {
  telling ||= setTimeout(() => {
    telling = 0;
    events.dispatchEvent(new Event("change"));
  }, 50);
}

/** Bytes a second of the last seconds, for all uploads. */
export const speed = { value: 0, marks: [] };
let moved = 0;
setInterval(() => {
  const now = performance.now();
  speed.marks.push([now, moved]);
  while (speed.marks.length > 6) speed.marks.shift();
  const [then, before] = speed.marks[0];
  speed.value = navigator.onLine && now > then ? ((moved - before) * 1000) / (now - then) : 0;
  if (tasks.some((task) => task.state === "sending")) changed();
}, 1000);

/** Without a network nothing is sent, and what was sent before says nothing of the next network. */
function restart() {
  speed.value = 0;
  speed.marks = [];
  changed();
}

window.addEventListener("offline", restart);
window.addEventListener("online", restart);

export const isActive = (task) => ["waiting", "checking", "sending"].includes(task.state);
const BEFORE = { failed: 0, sending: 1, checking: 1, paused: 2, waiting: 3, done: 4, cancelled: 5 };

/** The first of some uploads in the order in which they are shown. */
export const firstOf = (some, n) => [...some].sort((a, b) => BEFORE[a.state] - BEFORE[b.state]).slice(0, n);
const isOver = (task) => ["done", "cancelled"].includes(task.state);

/** Put files in the queue.  items: [{file, key}]. */
export function add(space, items) {
  const unfinished = interrupted();
  for (const { file, key } of items) {
    const task = new Task(file, space, key);
    const before = unfinished.find((each) => each.space === space && each.key === key && isSame(file, each));
    if (before) takeUp(task, before.id);
    tasks.push(task);
  }
  changed();
  pump();
}

export function pause(task) {
  if (!isActive(task)) return;
  task.state = "paused";
  halt(task);
  changed();
  pump();
}

/** Pause all that is active; first what waits, or it would begin in the place of what is paused. */
export function pauseAll() {
  const active = tasks.filter(isActive);
  for (const task of active) if (task.state === "waiting") pause(task);
  for (const task of active) pause(task);
}

export function resumeAll() {
  for (const task of tasks) if (task.state === "paused") resume(task);
}

export function resume(task) {
  if (!["paused", "failed"].includes(task.state)) return;
  task.state = "waiting";
  task.error = "";
  changed();
  pump();
}

/** Give an upload up; its parts are removed on the server. */
export async function cancel(task) {
  if (isOver(task)) return;
  task.state = "cancelled";
  halt(task);
  changed();
  pump();
  await forget(task);
}

export function clear() {
  for (let at = tasks.length - 1; at >= 0; at--) {
    if (isOver(tasks[at])) tasks.splice(at, 1);
  }
  changed();
}

/** Stop everything and forget it in this page, for the account signed out: another one may sign in. */
export function abandon() {
  for (const task of tasks) {
    if (!isOver(task)) task.state = "paused";
    halt(task);
  }
  tasks.length = 0;
}

function halt(task) {
  task.attempt = null;
  for (const request of task.requests) request.abort();
  task.flying.clear();
}

async function forget(task) {
  const { uploadId } = task;
  note(task, null);
  task.uploadId = null;
  task.stored = task.sent = 0;
  if (!uploadId) return;
  try {
    await post("uploads/abort", { space: task.space, key: task.key, upload_id: uploadId });
  } catch (failure) {
    if (failure.code !== "UploadNotFound") {
      task.error = failure.message;
      changed();
    }
  }
}

function pump() {
  let room = FILES_AT_ONCE - tasks.filter((task) => ["checking", "sending"].includes(task.state)).length;
  for (const task of tasks) {
    if (room <= 0) break;
    if (task.state !== "waiting") continue;
    room--;
    task.state = "checking";
    run(task).catch(() => {});
  }
  changed();
}

/** One attempt at a task.  After a pause there is another, and whatever of the old one still wakes up stops. */
async function run(task) {
  const attempt = (task.attempt = { task });
  try {
    task.etag = task.size <= BLOCK && !task.uploadId ? await small(attempt) : await large(attempt);
    task.stored = task.sent = task.size;
    task.state = "done";
    note(task, null);
    events.dispatchEvent(new CustomEvent("stored", { detail: task }));
  } catch (failure) {
    if (task.attempt !== attempt || failure instanceof Stopped || !isActive(task)) return;
    task.state = "failed";
    task.error = failure.message;
    halt(task);
    if (failure.final) await forget(task);
  } finally {
    pump();
  }
}

function fail(key, values, final = false) {
  const error = new Error(t(key, values));
  error.final = final;
  return error;
}

function check(attempt) {
  if (attempt.task.attempt !== attempt || !isActive(attempt.task)) throw new Stopped();
}

function lengthOf(task, number) {
  return Math.min(BLOCK, task.size - number * BLOCK);
}

/** A block's {digest, buffer}; an error in words if the file cannot be read any more. */
async function block({ task }, number) {
  try {
    return await hash(task.file.slice(number * BLOCK, Math.min(task.size, (number + 1) * BLOCK)));
  } catch {
    throw fail("upload.unreadable");
  }
}

async function small(attempt) {
  const { task } = attempt;
  const { digest, buffer } = await block(attempt, 0);
  check(attempt);
  task.state = "sending";
  const etag = objectEtag(task.size ? [digest] : []);
  const answer = await slot(() => send(attempt, 0, buffer, ""));
  if (task.size && answer !== etag) throw fail("upload.differs");
  return etag;
}

async function large(attempt) {
  const { task } = attempt;
  const count = Math.max(1, Math.ceil(task.size / BLOCK));
  const there = task.uploadId ? await partsOf(attempt) : new Map();
  check(attempt);
  if (!task.uploadId) {
    const begun = await retried(attempt, () => post("uploads/begin", { space: task.space, key: task.key, mime: task.mime }));
    task.uploadId = begun.upload_id;
    if (task.state === "cancelled") await forget(task);
    else note(task, "begun");
    if (begun.block_size !== BLOCK) throw fail("upload.block", {}, true);
    check(attempt);
  }
  note(task, "begun");
  task.state = "sending";
  task.stored = 0;
  for (const number of there.keys()) task.stored += lengthOf(task, number);
  task.advance();
  const digests = new Array(count);
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const number = next++;
      await slot(() => part(attempt, number, digests, there));
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, lane));
  check(attempt);
  return finish(attempt, digests);
}

async function part(attempt, number, digests, there) {
  const { task } = attempt;
  check(attempt);
  const { digest, buffer } = await block(attempt, number);
  check(attempt);
  const { byteLength } = buffer;
  const etag = partEtag(digest);
  digests[number] = digest;
  const known = there.get(number);
  if (known !== undefined && known !== etag) throw fail("upload.other", { name: task.file.name });
  if (known === undefined) {
    const answer = await send(attempt, number, buffer, `&uploadId=${encodeURIComponent(task.uploadId)}&partNumber=${number}`);
    if (answer !== etag) throw fail("upload.differs", {}, true);
    check(attempt);
    task.stored += byteLength;
    moved += task.advance();
  }
  changed();
}

async function finish(attempt, digests) {
  const { task } = attempt;
  const etag = objectEtag(digests);
  const { space, key, uploadId } = task;
  let finished;
  try {
    finished = await retried(attempt, () =>
      post("uploads/finish", { space, key, upload_id: uploadId, etags: digests.map(partEtag), etag }),
    );
  } catch (failure) {
    if (failure.code !== "UploadNotFound") throw failure;
    // The answer to a Finish may be lost although it was done.
    finished = await get("object", { space, key });
    if (finished.etag !== etag) throw failure;
  }
  if (finished.etag !== etag) throw fail("upload.differs");
  return etag;
}

/** part -> etag of what the server has already; a new upload if it does not know this one any more. */
async function partsOf(attempt) {
  const { task } = attempt;
  const found = new Map();
  let from = 0;
  try {
    do {
      const page = await retried(attempt, () => get("uploads/parts", { space: task.space, upload_id: task.uploadId, from }));
      for (const [part, etag] of page.parts) found.set(part, etag);
      from = page.next;
    } while (from !== null);
  } catch (failure) {
    if (failure.code !== "UploadNotFound") throw failure;
    note(task, null);
    task.uploadId = null;
    task.sent = 0;
    found.clear();
  }
  return found;
}

let flying = 0;
const queue = [];

/** Run while one of the requests that all files share is free. */
async function slot(run) {
  if (flying >= PARTS_AT_ONCE) await new Promise((resolve) => queue.push(resolve));
  else flying++;
  try {
    return await run();
  } finally {
    if (queue.length) queue.shift()();
    else flying--;
  }
}

/** The signed URL for PUT of a task's key, renewed before it ends. */
async function target({ task }) {
  if (!task.target || performance.now() > task.target.until) {
    const until = performance.now() + (SIGNED - RENEW) * 1000;
    const { urls } = await sign(task.space, "PUT", [{ key: task.key, mime: task.mime }], SIGNED);
    task.target = { url: urls[0], until };
  }
  return task.target.url;
}

/** Send bytes until they are stored; the etag of the answer. */
function send(attempt, number, buffer, query) {
  return retried(attempt, async () => {
    const url = (await target(attempt)) + query;
    check(attempt);
    return put(attempt, number, url, buffer);
  });
}

async function retried(attempt, run) {
  for (let tries = 1; ; tries++) {
    check(attempt);
    try {
      return await run();
    } catch (failure) {
      if (failure instanceof Stopped || !failure.retryable || tries >= TRIES) throw failure;
      check(attempt);
      if (failure.expired) attempt.task.target = null;
      if (navigator.onLine) await rest(tries, failure.wait || 0);
      else tries = await online();
    }
  }
}

/** Wait as long as there is no network; no try is counted meanwhile. */
function online() {
  return new Promise((resolve) => window.addEventListener("online", () => resolve(0), { once: true }));
}

/** Wait before another try, longer each time and never the same; a network that comes back ends it. */
function rest(tries, seconds) {
  const most = Math.min(30_000, 500 * 2 ** tries);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(seconds * 1000, Math.random() * most));
    window.addEventListener("online", end);
  });
}

function put(attempt, number, url, buffer) {
  const { task } = attempt;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALL);
    };
    const end = (settle, value) => {
      clearTimeout(timer);
      task.requests.delete(request);
      if (task.attempt === attempt) task.flying.delete(number);
      settle(value);
    };
    const refuse = (text, retryable, expired = false) =>
      end(reject, Object.assign(new Error(text), { retryable, expired }));
    request.upload.onprogress = ({ loaded }) => {
      alive();
      if (task.attempt !== attempt) return;
      task.flying.set(number, loaded);
      moved += task.advance();
    };
    request.onload = () => {
      const { status } = request;
      if (status === 200) {
        end(resolve, (request.getResponseHeader("ETag") || "").replaceAll('"', ""));
        return;
      }
      let said = {};
      try {
        said = JSON.parse(request.responseText);
      } catch {
        // not this server's answer: a proxy's page
      }
      const again = status >= 500 || status === 429 || status === 408 || status === 401;
      refuse(t("upload.refused", { status: String(status), text: String(said.ErrMsg || "") }), again, status === 401);
    };
    request.onerror = request.onabort = () => refuse(t("error.NoAnswer"), true);
    task.requests.add(request);
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", task.mime);
    alive();
    request.send(buffer);
  });
}

// What is unfinished, noted on this computer.  Nothing of it is secret: names, sizes and the upload's id.

export const tab = Math.random().toString(36).slice(2);
let left = false; // whether the page was left: what still runs in it does not claim its uploads

function notes() {
  try {
    return JSON.parse(kept(NOTES) || "{}") || {};
  } catch {
    return {};
  }
}

/** By what a file that is chosen again is recognised. */
function noted({ name, size, lastModified }) {
  return { name, size, modified: lastModified };
}

function note(task, state) {
  const all = notes();
  const name = task.noteId || task.uploadId;
  if (state === null) {
    task.isNoted = false;
    if (!name || !(name in all)) return;
    delete all[name];
  } else {
    if (!session.signed_in) return;
    task.noteId = task.uploadId;
    all[task.uploadId] = {
      ...owner(),
      space: task.space,
      key: task.key,
      ...noted(task.file),
      tab,
      beat: left ? 0 : Date.now(),
    };
  }
  task.isNoted = keep(NOTES, JSON.stringify(all)) && state !== null;
}

/** How many notes of the account there are: of what is paused here, was interrupted, or is uploaded by another tab. */
export const notedUploads = () => Object.values(notes()).filter(isOwn).length;

/** How many unfinished uploads only this page knows: small ones, and those that have not begun. */
export const unnotedUploads = () => tasks.filter((task) => !isOver(task) && !task.noteId).length;

/** Forget the notes of the account. */
export function forgetUploads() {
  const others = Object.entries(notes()).filter(([, each]) => !isOwn(each));
  keep(NOTES, others.length ? JSON.stringify(Object.fromEntries(others)) : null);
}

/** Go on with an interrupted upload.  From now on it is this tab's. */
function takeUp(task, id) {
  task.uploadId = task.noteId = id;
  note(task, "begun");
}

/** Whether another tab uploads what this note is of. */
const isElsewhere = (each) => each.tab !== tab && Date.now() - each.beat <= DEAD;

/** Give the notes of this tab's uploads a time; 0 says that no tab uploads them. */
function beat(time) {
  const all = notes();
  const mine = tasks.filter((task) => task.noteId && !isOver(task) && all[task.noteId] && !isElsewhere(all[task.noteId]));
  if (!mine.length) return;
  for (const task of mine) Object.assign(all[task.noteId], { tab, beat: time });
  keep(NOTES, JSON.stringify(all));
}

/** Give up the uploads that another tab took while this page was away, or slept.  back: the page was away, so what has no
 * note any more was finished or discarded meanwhile. */
function giveUp(back = false) {
  const all = notes();
  const isGone = (task) => (all[task.noteId] ? isElsewhere(all[task.noteId]) : back && task.isNoted);
  const lost = tasks.filter((task) => task.noteId && !isOver(task) && isGone(task));
  if (!lost.length) return;
  for (const task of lost) {
    task.state = "cancelled"; // here only: the parts stay on the server
    halt(task);
    tasks.splice(tasks.indexOf(task), 1);
  }
  changed();
  pump();
  events.dispatchEvent(new CustomEvent("lost", { detail: lost.length }));
}

let known = 0;

/** Whoever shows interrupted uploads hears of those that other tabs leave behind, or take up. */
function look() {
  const count = interrupted().length;
  if (count !== known) changed();
  known = count;
}

setInterval(() => {
  if (!left) {
    giveUp();
    beat(Date.now());
  }
  look();
}, BEAT);
window.addEventListener("storage", ({ key }) => {
  if (key !== NOTES) return;
  giveUp();
  look();
});

// A page that is left gives its uploads free: after a reload, and in any other tab, they can be gone on with at once.
window.addEventListener("pagehide", () => {
  left = true;
  beat(0);
});
// One that comes back out of the back/forward cache keeps those that nobody took.
window.addEventListener("pageshow", ({ persisted }) => {
  left = false;
  if (!persisted) return;
  giveUp(true);
  beat(Date.now());
});

/** Unfinished uploads of this account that no task of this page has: [{id, space, key, name, size, live}].
 * live: another tab uploads it. */
function others() {
  const mine = new Set(tasks.map((task) => task.noteId));
  return Object.entries(notes())
    .filter(([id, each]) => isOwn(each) && !mine.has(id))
    .map(([id, each]) => ({ id, ...each, live: isElsewhere(each) }));
}

/** Those that a reload or a crash cut off. */
export const interrupted = () => others().filter((each) => !each.live);

const isSame = (file, { name, size, modified }) => file.name === name && file.size === size && file.lastModified === modified;

/** Go on with files that were chosen again: {found, busy}.  found: how many of the interrupted uploads they are.
 * busy: names of those that are being uploaded already, here or in another tab. */
export function pickUp(files) {
  const all = others();
  const busy = files
    .filter((file) => all.some((each) => each.live && isSame(file, each)) || tasks.some((task) => task.noteId && !isOver(task) && isSame(file, noted(task.file))))
    .map((file) => file.name);
  let found = 0;
  for (const each of all) {
    const file = each.live ? null : files.find((one) => isSame(one, each));
    if (!file) continue;
    const task = new Task(file, each.space, each.key);
    takeUp(task, each.id);
    tasks.push(task);
    found++;
  }
  changed();
  pump();
  return { found, busy };
}

/** Give an interrupted upload up. */
export async function drop(each) {
  const all = notes();
  delete all[each.id];
  keep(NOTES, JSON.stringify(all));
  changed();
  try {
    await post("uploads/abort", { space: each.space, key: each.key, upload_id: each.id });
  } catch (failure) {
    if (failure.code !== "UploadNotFound") throw failure;
  }
}

window.addEventListener("beforeunload", (event) => {
  if (tasks.some(isActive)) event.preventDefault();
});

// Files and folders as they are dropped or chosen

/** [{file, path}] of a drop, folders read through. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => (item.webkitGetAsEntry ? item.webkitGetAsEntry() : null));
  const loose = [...transfer.files];
  if (entries.every((entry) => !entry)) return loose.map((file) => ({ file, path: file.name }));
  const found = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: path + entry.name });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const page = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!page.length) return;
      for (const each of page) await walk(each, `${path}${entry.name}/`);
    }
  };
  for (const entry of entries) if (entry) await walk(entry, "");
  return found;
}

/** [{file, path}] of an input, with the folder's own name where a folder was chosen. */
export const filesOfInput = (input) =>
  [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
