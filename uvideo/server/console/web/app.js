// The frame of the console: signing in, where we are, and what is always there.

import { loadSession, onSignedOut, owner, session, signIn, signOut } from "./api.js";
import { browser } from "./browser.js";
import { dashboard } from "./dashboard.js";
import { attempt, confirm, field, isFilledIn, toast } from "./dialogs.js";
import { button, h, icon, replace, sign } from "./dom.js";
import { join, part, unnotedElsewhere } from "./elsewhere.js";
import { keys } from "./keys.js";
import { LANGUAGES, keep, language, loadLanguage, setLanguage, t } from "./language.js";
import { forgetPositions } from "./positions.js";
import { spaces } from "./spaces.js";
import { announce, onAnnounced } from "./tabs.js";
import { rate, transfers } from "./transfers.js";
import { abandon, events, forgetUploads, interrupted, isActive, notedUploads, tasks, unnotedUploads } from "./upload.js";

let leave = () => {};
let shown = {}; // what route() shows: {page, at, update}
let main;
let account = ""; // that this page is of

function theme() {
  return document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function switches() {
  const other = language() === "zh" ? "en" : "zh";
  const dark = theme() === "dark";
  return [
    button(LANGUAGES[other], {
      iconName: "globe",
      kind: "quiet",
      lang: other,
      onclick: async () => {
        await setLanguage(other);
        show();
      },
    }),
    button(t(dark ? "theme.light" : "theme.dark"), {
      iconName: dark ? "sun" : "moon",
      kind: "quiet",
      bare: true,
      onclick: () => {
        const next = theme() === "dark" ? "light" : "dark";
        document.documentElement.dataset.theme = next;
        keep("uvideo.theme", next);
        show();
      },
    }),
  ];
}

// Signing in

function showSignIn(reason = "") {
  part();
  leave();
  leave = () => {};
  shown = {};
  document.title = t("signin.title");
  const wrong = h("p", { class: "wrong", role: "alert", hidden: !reason }, reason);
  const submit = button(t("signin.submit"), { kind: "primary wide", type: "submit" });
  const form = h(
    "form",
    {
      class: "form",
      novalidate: true,
      onsubmit: async (event) => {
        event.preventDefault();
        if (!isFilledIn(form)) return;
        submit.disabled = true;
        try {
          await signIn({ public_key: form.elements.public_key.value.trim(), private_key: form.elements.private_key.value.trim() });
          announce("in");
          show();
        } catch (failure) {
          wrong.hidden = false;
          replace(wrong, failure.message);
        } finally {
          form.elements.private_key.value = "";
          submit.disabled = false;
        }
      },
    },
    field({ name: "public_key", label: t("signin.public"), required: true, autocomplete: "username", autofocus: true }),
    field({
      name: "private_key",
      label: t("signin.private"),
      type: "password",
      required: true,
      autocomplete: "current-password",
      hint: t("signin.hint"),
    }),
    wrong,
    submit,
  );
  replace(
    document.body,
    h(
      "main",
      { class: "signin", id: "main" },
      h("div", { class: "signin-card" }, h("div", { class: "brand" }, sign(), h("h1", {}, "uvideo")), h("p", { class: "note" }, t("signin.lead")), form),
      h("div", { class: "signin-foot" }, switches()),
    ),
  );
  form.elements.public_key.focus();
}

/** Sign out.  Nothing of the account stays in the page or in the browser's storage, unfinished uploads included. */
async function leaveAccount() {
  if (tasks.some(isActive)) throw new Error(t("signout.busy"));
  const n = notedUploads() + unnotedUploads() + unnotedElsewhere();
  if (n && !(await confirm(t("signout"), [t("signout.unfinished", { n })], t("signout"), { danger: true }))) return;
  try {
    await signOut();
  } catch (failure) {
    if (failure.status !== 401) throw failure; // the session had ended before
  }
  forgetAccount();
  announce("out");
  beginAnew();
}

function forgetAccount() {
  forgetPositions();
  forgetUploads();
}

/** Load the page without anything that it has in memory or in its address. */
function beginAnew() {
  part();
  abandon();
  location.replace(location.pathname + location.search);
}

/** Ask whether the session is still the one that this page shows: another tab signed in or out ("in", "out"), or the
 * page was away (""). */
async function checkSession(what) {
  const before = session.signed_in;
  try {
    await loadSession();
  } catch {
    return;
  }
  if (session.signed_in) {
    if (!before || account !== JSON.stringify(owner())) show();
    else if (!what) join();
  } else if (what === "out") {
    forgetAccount();
    beginAnew();
  } else if (before) endSession();
}

function endSession() {
  session.signed_in = false;
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  showSignIn(t("error.SignedOut"));
}

// The frame

const PLACES = [
  ["#/", "space", "nav.spaces"],
  ["#/transfers", "transfer", "nav.transfers"],
  ["#/keys", "key", "nav.keys"],
  ["#/dashboard", "chart", "nav.dashboard"],
];

function frame() {
  const badge = h("span", { class: "badge", hidden: true });
  const nav = h(
    "nav",
    { class: "places", "aria-label": t("nav.label") },
    PLACES.map(([place, iconName, text]) =>
      h("a", { href: place, class: "place" }, icon(iconName), h("span", {}, t(text)), place === "#/transfers" ? badge : null),
    ),
  );
  main = h("main", { class: "main", id: "main", tabindex: -1 });
  const dock = h("a", { href: "#/transfers", class: "dock", hidden: true });
  const said = h("div", { class: "unseen", "aria-live": "polite" });
  replace(
    document.body,
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      t("nav.skip"),
    ),
    h(
      "header",
      { class: "side" },
      h("a", { class: "brand", href: "#/", "aria-label": t("nav.home") }, sign(), h("span", { class: "brand-name" }, "uvideo")),
      nav,
      h(
        "div",
        { class: "side-foot" },
        h("div", { class: "who", title: session.public_key }, icon("lock"), h("span", {}, session.public_key)),
        h(
          "div",
          { class: "switches" },
          switches(),
          button(t("signout"), {
            iconName: "out",
            kind: "quiet",
            bare: true,
            short: t("signout"),
            onclick: () => attempt(leaveAccount),
          }),
        ),
      ),
    ),
    main,
    dock,
    said,
  );
  let before = 0;
  const tell = () => {
    const active = tasks.filter(isActive);
    badge.hidden = !active.length && !interrupted().length;
    badge.textContent = String(active.length || interrupted().length);
    dock.hidden = !active.length || location.hash === "#/transfers";
    if (active.length) {
      const all = active.reduce((sum, task) => sum + task.size, 0) || 1;
      const sent = active.reduce((sum, task) => sum + task.sent, 0);
      replace(
        dock,
        h("span", { class: "dock-text" }, [t("dock.text", { n: active.length, percent: Math.floor((100 * sent) / all) }), rate()].filter(Boolean).join(" · ")),
        h("progress", { max: all, value: sent, "aria-label": t("dock.label") }),
      );
    }
    if (before && !active.length) {
      const failed = tasks.filter((task) => task.state === "failed").length;
      said.textContent = failed ? t("dock.failed", { n: failed }) : t("dock.done");
      if (!failed && tasks.every((task) => task.state === "done" || task.state === "cancelled")) toast(t("dock.done"));
    }
    before = active.length;
  };
  events.addEventListener("change", tell);
  tell();
  return () => events.removeEventListener("change", tell);
}

let unframe = () => {};

function route() {
  const [path, query] = (location.hash.replace(/^#/, "") || "/").split("?");
  const [, first, space, ...rest] = path.split("/");
  let place = "#/";
  let page = spaces;
  const arguments_ = {};
  if (first === "dashboard") [place, page] = ["#/dashboard", dashboard];
  else if (first === "keys") [place, page] = ["#/keys", keys];
  else if (first === "transfers") [place, page] = ["#/transfers", transfers];
  else if (first === "s" && space) {
    page = browser;
    try {
      arguments_.space = decodeURIComponent(space);
      arguments_.prefix = rest.map(decodeURIComponent).join("/");
      arguments_.shown = new URLSearchParams(query);
    } catch {
      page = spaces;
    }
  }
  for (const link of document.querySelectorAll(".place")) {
    if (link.getAttribute("href") === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // An object that is shown over or beside the same list is no other page.
  const at = JSON.stringify([arguments_.space, arguments_.prefix]);
  if (shown.update && shown.page === page && shown.at === at) {
    shown.update(arguments_.shown);
    return;
  }
  leave();
  replace(main);
  const made = page(main, arguments_);
  leave = made.leave;
  shown = { page, at, update: made.update };
  events.dispatchEvent(new Event("change"));
}

function show() {
  if (!session.signed_in) {
    showSignIn();
    return;
  }
  const now = JSON.stringify(owner());
  if (account && account !== now) {
    beginAnew();
    return;
  }
  account = now;
  join();
  leave();
  leave = () => {};
  shown = {};
  unframe();
  unframe = frame();
  route();
}

async function start() {
  // A one-time link is behind the #, which no server and no log ever sees.
  const link = /^#link=([\w.=-]+)$/.exec(location.hash);
  if (link) history.replaceState(null, "", location.pathname + location.search);
  const asked = link ? null : loadSession(); // beside the language
  asked?.catch(() => {});
  await loadLanguage().catch(() => loadLanguage("en"));
  onSignedOut(() => session.signed_in && endSession());
  onAnnounced(checkSession);
  events.addEventListener("lost", ({ detail: n }) => toast(t("resume.lost", { n })));
  window.addEventListener("pagehide", part);
  window.addEventListener("pageshow", ({ persisted }) => persisted && checkSession(""));
  let reason = "";
  try {
    if (link) {
      await signIn({ link: link[1] });
      announce("in");
    } else await asked.catch(loadSession); // once more: now there is a language for what is wrong
  } catch (failure) {
    reason = failure.message;
    if (link) await loadSession().catch(() => {});
  }
  if (session.signed_in) {
    show();
    const n = interrupted().length;
    if (n && location.hash !== "#/transfers") toast(t("resume.note", { n }));
  } else showSignIn(reason);
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#link=")) location.reload();
    else if (session.signed_in) route();
  });
}

start();
