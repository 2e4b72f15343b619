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
      dialog.remove();
      if (before && before.isConnected) before.focus();
      resolve(value);
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("[autofocus]") || dialog.querySelector("input,select,textarea");
    if (first) first.focus();
  });
}

/** True if the answer is yes. */
export async function confirm(title, lines, yes, { danger = false } = {}) {
  return (
    (await open(title, () => lines.map((line) => (typeof line === "string" ? h("p", {}, line) : line)), {
      actions: (close) => [
        button(t("cancel"), { onclick: () => close(false) }),
        button(yes, { kind: danger ? "danger" : "primary", onclick: () => close(true), autofocus: true }),
      ],
    })) === true
  );
}

/** A form of one or more fields.  run(values) does it, and its refusal is shown in the dialog.  True if it was done. */
export async function form(title, fields, yes, run, { danger = false, note } = {}) {
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
            onsubmit: async (event) => {
              event.preventDefault();
              submit.disabled = true;
              wrong.hidden = true;
              try {
                const values = Object.fromEntries(fields.map((each) => [each.name, valueOf(node.elements[each.name])]));
                await run(values);
                close(true);
              } catch (failure) {
                wrong.hidden = false;
                wrong.textContent = failure.message;
              } finally {
                submit.disabled = false;
                check();
              }
            },
            oninput: () => check(),
          },
          note ? h("p", { class: "note" }, note) : null,
          fields.map(field),
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

/** A labelled input: {name, label, value, type, options, rows, hint, must, ...attributes}. */
export function field({ name, label, value = "", type = "text", options, rows, hint, must, ...rest }) {
  const id = freshId("field");
  const hintId = hint ? freshId("hint") : null;
  const common = { id, name, "aria-describedby": hintId, ...rest };
  if (type === "checkbox") {
    return h("div", { class: "field check" }, h("input", { ...common, type, checked: value }), h("label", { for: id }, label));
  }
  const plain = { spellcheck: "false", autocapitalize: "off", autocomplete: "off", value };
  let input;
  if (options) input = h("select", common, options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
  else if (rows) input = h("textarea", { ...plain, ...common, rows });
  else input = h("input", { ...plain, type, ...common });
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint ? h("p", { class: "hint", id: hintId }, hint) : null);
}

let stack;

/** A line that goes by itself; a failure stays until it is closed. */
export function toast(text, { bad = false } = {}) {
  if (!stack || !stack.isConnected) {
    stack = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(stack);
  }
  const node = h(
    "div",
    { class: `toast${bad ? " bad" : ""}`, role: bad ? "alert" : null },
    icon(bad ? "info" : "check"),
    h("span", {}, text),
    button(t("close"), { iconName: "close", bare: true, kind: "quiet", onclick: () => node.remove() }),
  );
  stack.append(node);
  if (!bad) setTimeout(() => node.remove(), 5000);
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
