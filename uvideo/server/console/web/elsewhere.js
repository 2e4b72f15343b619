// What other tabs of this browser upload for the same account.  A tab that shows it asks every second, and the others
// answer, also hidden ones, whose own timers are slow.  How many uploads end with a tab, each tab tells at once, because
// nobody waits for an answer when he signs out.

import { owner, session } from "./api.js";
import { events, firstOf, tab, tasks, unnotedUploads } from "./upload.js";

const EVERY = 1000; // milliseconds
const SILENCE = 10; // questions without an answer after which a tab counts as gone
const SHOWN = 200; // uploads of an answer

let channel = null;
let draw = null; // of the page that shows it
const found = new Map(); // tab -> {uploads, count, silence}
const unnoted = new Map(); // tab -> how many uploads only it knows
let told = 0; // the last number that this tab told

/** Take part, as the account that is signed in. */
export function join() {
  part();
  const mine = (channel = new BroadcastChannel(`uvideo.uploads ${JSON.stringify(owner())}`));
  mine.onmessage = ({ data }) => {
    if (!session.signed_in || mine !== channel) return;
    if (data.ask) answer();
    if ("unnoted" in data) unnoted.set(data.tab, data.unnoted);
    if (draw && data.uploads) take(data);
  };
  told = 0;
  mine.postMessage({ ask: true });
  tell();
}

/** Tell the number of uploads that only this tab knows, if it is another one. */
function tell() {
  const now = unnotedUploads();
  if (!channel || now === told) return;
  told = now;
  channel.postMessage({ tab, unnoted: now });
}

events.addEventListener("change", tell);

/** How many unfinished uploads only other tabs know. */
export const unnotedElsewhere = () => [...unnoted.values()].reduce((sum, each) => sum + each, 0);

/** Say and hear nothing more. */
export function part() {
  if (channel) {
    channel.postMessage({ tab, uploads: [], count: 0, unnoted: 0 });
    channel.close();
  }
  channel = null;
  found.clear();
  unnoted.clear();
}

function answer() {
  const uploads = firstOf(tasks, SHOWN).map(({ id, space, key, size, sent, state }) => ({ id, space, key, size, sent, state }));
  channel.postMessage({ tab, uploads, count: tasks.length, unnoted: unnotedUploads() });
}

function take({ tab: from, uploads, count }) {
  if (count) found.set(from, { uploads, count, silence: 0 });
  else found.delete(from);
  draw();
}

/** Ask as long as a page shows it; `drawn` is called after each change.  Returns how to stop. */
export function watch(drawn) {
  draw = drawn;
  const ask = () => {
    for (const [from, each] of found) {
      if (each.silence++ < SILENCE) continue;
      found.delete(from);
      unnoted.delete(from);
    }
    channel?.postMessage({ ask: true });
    drawn();
  };
  const timer = setInterval(ask, EVERY);
  ask();
  return () => {
    clearInterval(timer);
    draw = null;
    found.clear();
  };
}

/** {uploads: [{id, space, key, size, sent, state}], count} of all other tabs. */
export function elsewhere() {
  const all = [...found.values()];
  return { uploads: firstOf(all.flatMap(({ uploads }) => uploads), SHOWN), count: all.reduce((sum, { count }) => sum + count, 0) };
}
