// Workers: what would hold the page for too long is done beside it.

const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("uvideo", { createScriptURL: (url) => (FILES.some((file) => url === addressOf(file)) ? url : "") })
  : { createScriptURL: (url) => url };
const FILES = ["hasher.js", "shrinker.js"];

function addressOf(file) {
  return new URL(file, import.meta.url).href;
}

/** What a worker says of a question; another error means that no worker looked at it. */
export class Refused extends Error {}

/** `count` workers with the code of a file, started when the first question is asked. */
export class Aside {
  constructor(file, count = 1) {
    this.file = file;
    this.count = count;
    this.workers = null;
    this.next = 0;
    this.waiting = new Map();
  }

  /** The answer of a worker to an object: an object.  Refused with what it said if it failed. */
  ask(question) {
    this.workers ||= Array.from({ length: this.count }, () => this.start());
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.workers[id % this.count].postMessage({ ...question, id });
    });
  }

  start() {
    const worker = new Worker(policy.createScriptURL(addressOf(this.file)), { type: "module" });
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.failure) reject(new Refused(data.failure));
      else resolve(data);
    };
    worker.onerror = (event) => {
      if (!this.workers?.includes(worker)) return;
      for (const each of this.workers) each.terminate();
      this.workers = null; // a worker whose file could not be loaded never answers: the next question starts new ones
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "a worker failed"));
      this.waiting.clear();
    };
    return worker;
  }
}
