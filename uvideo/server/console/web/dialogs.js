// Questions, and news that go by themselves.

import { button, freshId, h, icon, replace } from "./dom.js";
import { t } from "./language.js";

/** A modal dialog.  build(close) gives its body; close(value) ends it.  Resolves to that value, undefined by Escape. */
export function open(title, build, { kind = "", actions } = {}) {
  return new Promise((resolve) => {
    const id = freshId("title");
    const dialog = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": id });
    let value;
    const close = (given) => {
      value = given;
      dialog.close();
    };
    const before = document.activeElement;
    const body = h("div", { class: "dialog-body" });
    dialog.append(
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id }, title),
        button(t("close"), { iconName: "close", bare: true, kind: "quiet", onclick: () => close() }),
      ),
      body,
    );
    replace(body, build(close));
    if (actions) dialog.append(h("footer", { class: "dialog-foot" }, actions(close)));
    dialog.addEventListener("close", () => {
      discard(dialog);
      if (before && before.isConnected) before.focus();
      resolve(value);
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("[autofocus]") || dialog.querySelector("input,select,textarea");
    if (first) first.focus();
  });
}

const MANY = 100; // things; above, their number has to be typed before they are gone

const paragraphs = (lines) => lines.map((line) => (typeof line === "string" ? h("p", {}, line) : line));

/** True if the answer is yes.  danger: yes destroys something, so Enter says no.  count: how many things it destroys. */
export async function confirm(title, lines, yes, { danger = false, count = 0 } = {}) {
  if (danger && count > MANY) {
    const number = String(count);
    const typed = { name: "typed", label: t("confirm.type", { name: number }), must: number, inputmode: "numeric" };
    return form(title, [typed], yes, () => {}, { danger, lines });
  }
  return (
    (await open(title, () => paragraphs(lines), {
      actions: (close) => [
        button(t("cancel"), { onclick: () => close(false), autofocus: danger }),
        button(yes, { kind: danger ? "danger" : "primary", onclick: () => close(true), autofocus: !danger }),
      ],
    })) === true
  );
}

/** A form of one or more fields.  run(values) does it, and its refusal is shown in the dialog.  True if it was done.
 * more: an element below the fields. */
export async function form(title, fields, yes, run, { danger = false, note, lines = [], more = null } = {}) {
  const id = freshId("form");
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const submit = button(yes, { kind: danger ? "danger" : "primary", type: "submit", form: id });
  return (
    (await open(
      title,
      (close) => {
        const node = h(
          "form",
          {
            id,
            class: "form",
            novalidate: true,
            onsubmit: async (event) => {
              event.preventDefault();
              if (!isFilledIn(node)) return;
              submit.disabled = true;
              wrong.hidden = true;
              try {
                const values = Object.fromEntries(fields.map((each) => [each.name, valueOf(node.elements[each.name])]));
                await run(values);
                close(true);
              } catch (failure) {
                wrong.hidden = false;
                replace(wrong, failure.message);
              } finally {
                submit.disabled = false;
                check();
              }
            },
            oninput: () => check(),
          },
          note ? h("p", { class: "note" }, note) : null,
          paragraphs(lines),
          fields.map(field),
          more,
          wrong,
        );
        const check = () => {
          submit.disabled = fields.some((each) => each.must !== undefined && node.elements[each.name].value !== each.must);
        };
        check();
        return node;
      },
      { actions: (close) => [button(t("cancel"), { onclick: () => close() }), submit] },
    )) === true
  );
}

function valueOf(input) {
  return input.type === "checkbox" ? input.checked : input.value;
}

/** Whether all fields of a form (with novalidate) have what they must have; otherwise it says what is missing, beside
 * the field and in the language of the page: a browser would say it in its own. */
export function isFilledIn(node) {
  let first;
  for (const input of node.elements) {
    const wrong = input.name && document.getElementById(`${input.id}-wrong`);
    if (!wrong) continue;
    const { valueMissing, valid } = input.validity;
    wrong.hidden = valid;
    wrong.textContent = valid ? "" : valueMissing ? t("field.missing") : input.dataset.invalid;
    input.setAttribute("aria-invalid", String(!valid));
    if (!valid) first ||= input;
  }
  first?.focus();
  return !first;
}

/** A labelled input: {name, label, value, type, options, rows, hint, must, invalid, ...attributes}.
 * invalid: what to say of a value that does not fit the attributes. */
export function field({ name, label, value = "", type = "text", options, rows, hint, must, invalid, ...rest }) {
  const id = freshId("field");
  const hintId = hint ? freshId("hint") : null;
  if (type === "checkbox") {
    return h("div", { class: "field check" }, h("input", { id, name, type, checked: value, ...rest }), h("label", { for: id }, label));
  }
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const common = { id, name, "aria-describedby": [wrong.id, hintId].filter(Boolean).join(" "), "data-invalid": invalid, ...rest };
  const plain = { spellcheck: "false", autocapitalize: "off", autocomplete: "off", value };
  let input;
  if (options) input = h("select", common, options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
  else if (rows) input = h("textarea", { ...plain, ...common, rows });
  else input = h("input", { ...plain, type, ...common });
  return h("div", { class: "field" }, h("label", { for: id }, label), input, wrong, hint ? h("p", { class: "hint", id: hintId }, hint) : null);
}

let stack;

/** Where toasts are seen and can be closed: in the dialog on top, if there is one. */
function putStack(gone) {
  const open = [...document.querySelectorAll("dialog[open]")].filter((each) => each !== gone);
  const home = open.pop() || document.body;
  if (stack.parentNode !== home) home.append(stack);
}

/** Take a dialog out of the page, but not the toasts in it. */
export function discard(dialog) {
  if (stack && dialog.contains(stack)) putStack(dialog);
  dialog.remove();
}

/** A line that goes by itself; a failure stays until it is closed.  action: {text, run} of a button in it. */
export function toast(text, { bad = false, action } = {}) {
  if (!stack || !stack.isConnected) stack = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  putStack();
  const node = h(
    "div",
    { class: `toast${bad ? " bad" : ""}`, role: bad ? "alert" : null },
    icon(bad ? "info" : "check"),
    h("span", {}, text),
    action ? h("button", { type: "button", class: "text-button", onclick: () => [node.remove(), action.run()] }, action.text) : null,
    button(t("close"), { iconName: "close", bare: true, kind: "quiet", onclick: () => node.remove() }),
  );
  stack.append(node);
  if (!bad) setTimeout(() => node.remove(), action ? 20_000 : 5000);
  while (stack.children.length > 4) stack.firstChild.remove();
}

/** Run something; its refusal becomes a toast.  The result, or undefined. */
export async function attempt(run) {
  try {
    return await run();
  } catch (failure) {
    if (failure && failure.name === "AbortError") return undefined;
    if (failure && failure.status !== 401) toast(failure.message, { bad: true });
    return undefined;
  }
}

/** Put text on the clipboard, also where the page is not served securely. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", value: text });
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(t("copied"));
}

/** Work through many things with a bar and a way out.  each(signal, advance) does it. */
export function progress(title, total, each) {
  const control = new AbortController();
  const bar = h("progress", { max: Math.max(1, total), value: 0, "aria-label": title });
  const text = h("p", { class: "note", role: "status" }, t("progress.of", { n: 0, total }));
  return new Promise((resolve, reject) => {
    let done = 0;
    const advance = (number, of = total) => {
      done += number;
      bar.max = Math.max(1, of);
      bar.value = done;
      text.textContent = t("progress.of", { n: done, total: of });
    };
    open(
      title,
      (close) => {
        each(control.signal, advance).then(
          (value) => {
            close();
            resolve(value);
          },
          (failure) => {
            close();
            reject(failure);
          },
        );
        return [bar, text];
      },
      { actions: () => [button(t("stop"), { onclick: () => control.abort(new DOMException("stopped", "AbortError")) })] },
    ).then(() => control.abort(new DOMException("stopped", "AbortError")));
  });
}
