// The key pair that signed in, the tokens of its account, and temporary keys.  A secret is shown once, when it is made.

import { get, post } from "./api.js";
import { quoted, setUp } from "./connect.js";
import { attempt, confirm, copyText, field, form, open, toast } from "./dialogs.js";
import { button, facts, freshId, h, icon, replace, table } from "./dom.js";
import { date, t } from "./language.js";

const RIGHTS = [
  ["TOKEN_ALLOW_READ", "right.read"],
  ["TOKEN_ALLOW_WRITE", "right.write"],
  ["TOKEN_ALLOW_DELETE", "right.delete"],
  ["TOKEN_ALLOW_LIST", "right.list"],
  ["TOKEN_DENY_UPDATE", "right.keep"], // takes something away
];
const NO_RIGHTS = "TOKEN_ALLOW_NONE";
const ALL = "*";
const SPANS = [
  [3600, "share.span.3600"],
  [86400, "share.span.86400"],
  [604800, "share.span.604800"],
  [2592000, "token.span.2592000"],
  [7776000, "token.span.7776000"],
  [31536000, "token.span.31536000"],
];
const USUAL = "86400"; // seconds, as on the wire
const TEMPORARY_SPANS = [
  [900, "temporary.span.900"],
  [3600, "share.span.3600"],
  [43200, "temporary.span.43200"],
];
const ENTRIES = 100; // spaces, prefixes or addresses of a token
const OWNER = "default"; // the account of the server's own pair

export function keys(root) {
  const control = new AbortController();
  document.title = `${t("keys.title")} – uvideo`;
  const pair = h("section", { class: "uploads" });
  const list = h("section", { class: "uploads", "aria-busy": "true" });
  const refresh = () =>
    attempt(async () => {
      const found = await get("tokens", {}, control.signal);
      list.removeAttribute("aria-busy");
      replace(list, tokens(found, refresh));
    });
  const temporary = h(
    "section",
    { class: "uploads" },
    h("div", { class: "section-head" }, h("h2", {}, t("temporary.title")), button(t("temporary.create"), { iconName: "plus", onclick: assume })),
    h("p", { class: "note" }, t("temporary.note")),
  );
  replace(root, h("div", { class: "head" }, h("h1", {}, t("keys.title"))), pair, list, temporary);
  attempt(async () => replace(pair, ownPair(await get("key-pair", {}, control.signal))));
  refresh();
  return { leave: () => control.abort(new DOMException("left", "AbortError")) };
}

// The pair that signed in

const PLACES = { own: "pair.where.own", file: "pair.where.file", added: "pair.where.added" };
const CHANGES = { own: "pair.change.own", file: "pair.change.file", added: "pair.change.added" };

function commands({ kind, account, public_key: key }) {
  if (kind === "own") return ["uvideo admin keys DIR --replace"];
  if (kind === "file") return [];
  const of = account === OWNER ? "" : ` --account ${quoted(account)}`;
  return [`uvideo admin add-key DIR${of} --key-file new.json`, `uvideo admin remove-key DIR ${quoted(key)}`];
}

function ownPair(pair) {
  const lines = commands(pair);
  return [
    h("div", { class: "section-head" }, h("h2", {}, t("pair.title"))),
    facts([
      [t("signin.public"), h("code", {}, pair.public_key)],
      [t("pair.account"), pair.account],
      [t("pair.rights"), t("pair.rights.all")],
      [t("pair.where"), t(PLACES[pair.kind])],
      [t("pair.change"), t(CHANGES[pair.kind])],
    ]),
    lines.length ? setUp(t("pair.commands"), lines, 2) : null,
  ];
}

// Tokens

function tokens({ tokens: found, now }, refresh) {
  const heads = [t("token.name"), t("signin.public"), t("token.rights"), t("token.limits"), t("token.expires"), t("actions")];
  return [
    h("div", { class: "section-head" }, h("h2", {}, t("tokens.title")), button(t("token.create"), { iconName: "plus", kind: "primary", onclick: () => create(refresh) })),
    h("p", { class: "note" }, t("tokens.note")),
    found.length
      ? table(t("tokens.title"), heads, [...found].sort((a, b) => b.created - a.created).map((each) => row(each, now, refresh)))
      : h("p", { class: "faint" }, t("tokens.none")),
  ];
}

const mark = (text, title) => h("span", { class: "tag warn", title }, icon("info"), text);

function row(token, now, refresh) {
  const { name, public_key: key } = token;
  return [
    h("span", {}, name, token.void ? mark(t("token.void"), t("token.void.text")) : null, token.expires <= now ? mark(t("token.expired"), null) : null),
    h("span", { class: "with-copy" }, h("code", {}, key), copier(t("signin.public"), key)),
    h("span", { class: "some" }, rightsOf(token).join(", ")),
    h("ul", { class: "limits" }, limitsOf(token).map((text) => h("li", {}, text))),
    date(token.expires),
    h(
      "span",
      {},
      button(t("token.change", { name }), { iconName: "rename", bare: true, short: t("token.change.short"), kind: "quiet", onclick: () => change(token, refresh) }),
      button(t("token.delete", { name }), { iconName: "trash", bare: true, short: t("delete"), kind: "quiet", onclick: () => remove(token, refresh) }),
    ),
  ];
}

function rightsOf({ ops }) {
  const known = RIGHTS.filter(([op]) => ops.includes(op)).map(([, text]) => t(text));
  const others = ops.filter((op) => op !== NO_RIGHTS && !RIGHTS.some(([each]) => each === op));
  return known.length || others.length ? [...known, ...others] : [t("right.none")];
}

const isAll = (values) => values.includes(ALL);

function limitsOf(token) {
  const lines = [
    `${t("nav.spaces")}: ${isAll(token.spaces) ? t("token.all") : token.spaces.join(", ")}`,
    `${t("token.keys")}: ${isAll(token.prefixes) ? t("token.all") : token.prefixes.join(", ")}`,
  ];
  if (token.white_ips.length) lines.push(`${t("token.addresses")}: ${token.white_ips.join(", ")}`);
  if (token.black_ips.length) lines.push(`${t("token.addresses.not")}: ${token.black_ips.join(", ")}`);
  return lines;
}

/** A list of checkboxes.  items: [[value, text, checked], ...].  Its `chosen()` are the values that are checked. */
function choices(legend, items) {
  const inputs = items.map(([value, text, checked]) => [value, field({ name: freshId("choice"), label: text, type: "checkbox", value: checked })]);
  const node = h("fieldset", { class: "choices" }, h("legend", {}, legend), h("div", {}, inputs.map(([, each]) => each)));
  node.chosen = () => inputs.filter(([, each]) => each.querySelector("input").checked).map(([value]) => value);
  return node;
}

function several(name, label, hint, values) {
  const node = field({ name, label, hint, rows: 2, value: values.join("\n") });
  node.chosen = () => node.querySelector("textarea").value.split(/\r?\n/).filter(Boolean);
  return node;
}

/** The fields of a token, at first as in `token`, and a function that gives what is chosen, or says what is missing. */
function fieldsOf(token, spaces) {
  const names = [...new Set([...spaces, ...token.spaces])].filter((name) => name !== ALL);
  const rights = choices(t("token.rights"), RIGHTS.map(([op, text]) => [op, t(text), token.ops.includes(op)]));
  const where = choices(t("nav.spaces"), [[ALL, t("token.spaces.all"), isAll(token.spaces)], ...names.map((name) => [name, name, token.spaces.includes(name)])]);
  // A line break in a prefix would become two prefixes: it stays as it is.
  const kept = token.prefixes.some((each) => /[\r\n]/.test(each));
  const prefixes = kept ? null : several("prefixes", t("token.prefixes"), t("token.prefixes.hint"), isAll(token.prefixes) ? [] : token.prefixes);
  const addresses = several("addresses", t("token.from"), t("token.from.hint"), token.white_ips);
  const spans = [...(token.id ? [["", t("token.keep", { date: date(token.expires) })]] : []), ...SPANS.map(([seconds, text]) => [String(seconds), t(text)])];
  const span = field({ name: "span", label: t("temporary.seconds"), options: spans, value: token.id ? "" : USUAL });
  const read = () => {
    const others = token.ops.filter((op) => op !== NO_RIGHTS && !RIGHTS.some(([each]) => each === op));
    const ops = [...rights.chosen(), ...others];
    if (!ops.length) throw new Error(t("token.no.right"));
    const chosen = where.chosen();
    if (!chosen.length) throw new Error(t("token.no.space"));
    const lines = kept ? token.prefixes : prefixes.chosen();
    const given = { ops, spaces: isAll(chosen) ? [ALL] : chosen, prefixes: lines.length ? lines : [ALL], white_ips: addresses.chosen() };
    if (Object.values(given).some((each) => each.length > ENTRIES)) throw new Error(t("token.many", { n: ENTRIES }));
    const seconds = span.querySelector("select").value;
    return { ...given, seconds: seconds ? Number(seconds) : null };
  };
  return { more: h("div", { class: "form" }, rights, where, prefixes, addresses, span), read };
}

const NOTHING = { id: null, name: "", ops: [], spaces: [], prefixes: [ALL], white_ips: [] };

/** Ask for the fields of a token; what `save` is given is right, as far as the page knows. */
async function ask(title, token, yes, save) {
  const spaces = await attempt(async () => (await get("spaces")).spaces.map(({ name }) => name));
  if (!spaces) return false;
  const { more, read } = fieldsOf(token, spaces);
  const named = { name: "name", label: t("token.name"), value: token.name, required: true, maxlength: 128 };
  return form(title, [named], yes, ({ name }) => save({ name, ...read() }), { more });
}

async function create(refresh) {
  let made;
  const done = await ask(t("token.create"), NOTHING, t("create"), async (given) => {
    made = await post("tokens/create", given);
  });
  if (!done) return;
  refresh();
  await show(t("token.made", { name: made.token.name }), [
    [t("signin.public"), made.token.public_key],
    [t("signin.private"), made.private_key],
  ], made.token.expires);
}

async function change(token, refresh) {
  const done = await ask(t("token.change", { name: token.name }), token, t("save"), (given) => post("tokens/update", { id: token.id, ...given }));
  if (!done) return;
  toast(t("saved"));
  refresh();
}

const remove = ({ id, name }, refresh) =>
  attempt(async () => {
    if (!(await confirm(t("token.delete", { name }), [t("token.delete.ask", { name })], t("delete"), { danger: true }))) return;
    await post("tokens/delete", { id });
    toast(t("token.deleted", { name }));
    refresh();
  });

// Temporary keys

async function assume() {
  let made;
  const spans = TEMPORARY_SPANS.map(([seconds, text]) => [String(seconds), t(text)]);
  const done = await form(t("temporary.create"), [{ name: "seconds", label: t("temporary.seconds"), options: spans, value: "3600" }], t("create"), async ({ seconds }) => {
    made = await post("temporary-keys/create", { seconds: Number(seconds) });
  });
  if (!done) return;
  await show(t("temporary.title"), [
    [t("signin.public"), made.public_key],
    [t("signin.private"), made.private_key],
    [t("temporary.token"), made.security_token],
  ], made.expires);
}

// What was made

/** Show keys, each with a button that copies it.  They are nowhere but in this dialog. */
function show(title, values, expires) {
  return open(
    title,
    () => [h("p", { class: "note" }, t("secret.note")), values.map(([name, value]) => secret(name, value)), h("p", { class: "hint" }, t("secret.until", { date: date(expires) }))],
    { actions: (close) => [button(t("close"), { kind: "primary", onclick: () => close() })] },
  );
}

function secret(name, value) {
  const node = field({ name: freshId("secret"), label: name, value, readonly: true, class: "link" });
  node.append(button(t("copy.value", { name }), { iconName: "copy", onclick: () => copyText(value) }));
  return node;
}

const copier = (name, value) => button(t("copy.value", { name }), { iconName: "copy", bare: true, short: t("copy"), kind: "quiet", onclick: () => copyText(value) });
