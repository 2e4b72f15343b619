// The calls of the admin port.  All addresses are relative, so a proxy may put any path before them.

import { has, t } from "./language.js";

const SECONDS = 60;

/** What the server said no to.  code: for programs.  message: for people, in their language. */
export class Refused extends Error {
  constructor(code, text, status, wait = 0) {
    super(has(`error.${code}`) ? t(`error.${code}`, { n: wait }) : text);
    this.code = code;
    this.status = status;
    this.retryable = status === 0 || status === 429 || status >= 500;
  }
}

export const session = { signed_in: false, csrf: "", endpoint: "", s3: "", public_key: "", version: "" };

/** Whose something is that this browser keeps: the account that signed in last, at this server. */
export const owner = () => ({ account: session.public_key, endpoint: session.endpoint });
export const isOwn = ({ account, endpoint }) => account === session.public_key && endpoint === session.endpoint;

let signedOut = () => {};

/** Called whenever an answer says that the session is over. */
export function onSignedOut(listener) {
  signedOut = listener;
}

async function ask(method, name, { query, body, signal } = {}) {
  const address = new URL(`api/${name}`, document.baseURI);
  for (const [key, value] of Object.entries(query || {})) {
    if (value !== null && value !== undefined && value !== "") address.searchParams.set(key, value);
  }
  const headers = {};
  if (method === "POST") {
    headers["Content-Type"] = "application/json";
    headers["X-CSRF-Token"] = session.csrf;
  }
  const timeout = AbortSignal.timeout(SECONDS * 1000);
  let answer, said;
  try {
    answer = await fetch(address, {
      method,
      headers,
      body: method === "POST" ? JSON.stringify(body || {}) : undefined,
      credentials: "same-origin",
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    said = await answer.json();
  } catch (failure) {
    if (signal && signal.aborted) throw signal.reason;
    throw new Refused("NoAnswer", String(failure), 0);
  }
  if (answer.ok) return said;
  const refused = new Refused(said.error, String(said.message || said.error), answer.status, said.wait || 0);
  if (answer.status === 401) signedOut();
  throw refused;
}

export const get = (name, query, signal) => ask("GET", name, { query, signal });
export const post = (name, body, signal) => ask("POST", name, { body, signal });

/** Take over what the server says of the session. */
export async function loadSession() {
  Object.assign(session, { signed_in: false, csrf: "" }, await get("session"));
  return session.signed_in;
}

/** credentials: {public_key, private_key} or {link}.  Nothing of them is kept. */
export async function signIn(credentials) {
  Object.assign(session, await post("session", credentials));
}

export async function signOut() {
  await post("sign-out");
  session.signed_in = false;
  session.csrf = "";
}

/** Signed URLs of keys of one space: {urls, expires}.  items: [{key, mime?, filename?}]. */
export const sign = (space, method, items, seconds = 600, signal) =>
  post("sign", { space, method, items, seconds }, signal);

/** One signed URL to read a key. */
export async function readUrl(space, key, { seconds = 600, filename, signal } = {}) {
  const item = filename === undefined ? { key } : { key, filename };
  return (await sign(space, "GET", [item], seconds, signal)).urls[0];
}
