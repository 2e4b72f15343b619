// What the tabs of a browser tell each other: that somebody signed in or out.  They share the session's cookie.

const channel = new BroadcastChannel("uvideo.session");

/** Tell the other tabs.  what: "in" or "out".  Nothing about the account is in it: each tab asks the server. */
export function announce(what) {
  channel.postMessage(what);
}

/** Called with "in" or "out" if somebody signed in or out in another tab. */
export function onAnnounced(listener) {
  channel.addEventListener("message", ({ data }) => listener(data));
}
