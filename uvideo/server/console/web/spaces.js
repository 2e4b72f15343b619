// All spaces of the account.

import { get, post } from "./api.js";
import { connect } from "./connect.js";
import { attempt, form, toast } from "./dialogs.js";
import { button, h, icon, replace } from "./dom.js";
import { date, day, size, t } from "./language.js";

/** The address of a space or of a folder in it.  shown: {details, view}: keys of the folder that are shown beside the
 * list or over it. */
export function addressOf(space, prefix = "", shown = {}) {
  const query = Object.entries(shown)
    .filter(([, key]) => key)
    .map(([name, key]) => `${name}=${encodeURIComponent(key.slice(prefix.length))}`);
  return `#/s/${[space, ...prefix.split("/")].map(encodeURIComponent).join("/")}${query.length ? `?${query.join("&")}` : ""}`;
}

export const TYPES = () => [
  ["private", t("space.private")],
  ["public", t("space.public")],
];

export function spaces(root) {
  const control = new AbortController();
  document.title = `${t("nav.spaces")} – uvideo`;
  const list = h("ul", { class: "cards", "aria-busy": "true" });
  const refresh = () =>
    attempt(async () => {
      const found = (await get("spaces", {}, control.signal)).spaces;
      list.removeAttribute("aria-busy");
      if (!found.length) {
        replace(list, h("li", { class: "empty-item" }, empty(refresh)));
        return;
      }
      const sizes = new Map();
      replace(list, found.map((space) => card(space, sizes, refresh)));
      for (const space of found) {
        const { stored } = await get("spaces/usage", { space: space.name }, control.signal);
        sizes.get(space.name).textContent = size(stored);
      }
    });
  replace(
    root,
    h(
      "div",
      { class: "head" },
      h("h1", {}, t("nav.spaces")),
      button(t("connect"), { iconName: "terminal", onclick: connect }),
      button(t("space.create"), { iconName: "plus", kind: "primary", onclick: () => create(refresh) }),
    ),
    list,
  );
  refresh();
  return { leave: () => control.abort(new DOMException("left", "AbortError")) };
}

function empty(refresh) {
  return h(
    "div",
    { class: "empty" },
    icon("space", "empty-icon"),
    h("h2", {}, t("spaces.empty")),
    h("p", {}, t("spaces.empty.text")),
    button(t("space.create"), { iconName: "plus", kind: "primary", onclick: () => create(refresh) }),
  );
}

function card(space, sizes, refresh) {
  const used = h("span", { class: "number" }, "…");
  sizes.set(space.name, used);
  const open = space.type === "public";
  return h(
    "li",
    { class: "card" },
    h("a", { class: "card-link", href: addressOf(space.name) }, icon("space"), h("span", { class: "card-name" }, space.name)),
    h(
      "div",
      { class: "card-facts" },
      h("span", { class: `tag${open ? " open" : ""}` }, icon(open ? "globe" : "lock"), t(open ? "space.public" : "space.private")),
      used,
      h("span", { class: "faint", title: date(space.created) }, day(space.created)),
    ),
    h(
      "div",
      { class: "card-actions" },
      button(t("space.change", { name: space.name }), { iconName: open ? "lock" : "globe", bare: true, short: t("space.who"), kind: "quiet", onclick: () => change(space, refresh) }),
      button(t("space.delete", { name: space.name }), { iconName: "trash", bare: true, short: t("delete"), kind: "quiet", onclick: () => remove(space, refresh) }),
    ),
  );
}

async function create(refresh) {
  const done = await form(
    t("space.create"),
    [
      { name: "space", label: t("space.name"), hint: t("space.name.hint"), invalid: t("error.SpaceNameInvalid"), required: true, minlength: 3, maxlength: 63, pattern: "[a-z0-9][a-z0-9\\-]*[a-z0-9]" },
      { name: "type", label: t("space.who"), options: TYPES(), value: "private", hint: t("space.who.hint") },
    ],
    t("create"),
    (values) => post("spaces/create", values),
  );
  if (done) refresh();
}

async function change(space, refresh) {
  const done = await form(
    t("space.who.of", { name: space.name }),
    [{ name: "type", label: t("space.who"), options: TYPES(), value: space.type, hint: t("space.who.hint") }],
    t("save"),
    ({ type }) => post("spaces/type", { space: space.name, type }),
  );
  if (done) {
    toast(t("saved"));
    refresh();
  }
}

async function remove(space, refresh) {
  const done = await form(
    t("space.delete", { name: space.name }),
    [{ name: "typed", label: t("confirm.type", { name: space.name }), must: space.name }],
    t("delete"),
    ({ typed }) => post("spaces/delete", { space: space.name, typed }),
    { danger: true, note: t("space.delete.note") },
  );
  if (done) {
    toast(t("space.deleted", { name: space.name }));
    refresh();
  }
}
