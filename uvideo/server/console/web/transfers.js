// Everything that is being uploaded from this page or from another tab, and what an earlier page left unfinished.

import { attempt, confirm, toast } from "./dialogs.js";
import { button, h, icon, replace } from "./dom.js";
import { elsewhere, watch } from "./elsewhere.js";
import { count, size, span, t } from "./language.js";
import { nameOf } from "./objects.js";
import { addressOf } from "./spaces.js";
import { cancel, clear, drop, events, filesOfInput, firstOf, interrupted, isActive, pause, pauseAll, pickUp, resume, resumeAll, speed, tasks } from "./upload.js";

const SHOWN = 200; // lines in the page

export function transfers(root) {
  document.title = `${t("nav.transfers")} – uvideo`;
  const input = h("input", {
    type: "file",
    multiple: true,
    hidden: true,
    id: "again",
    onchange: () => {
      const { found, busy } = pickUp(filesOfInput(input).map(({ file }) => file));
      input.value = "";
      if (!found) toast(busy.length ? t("resume.busy", { name: busy[0] }) : t("resume.none"), { bad: true });
    },
  });
  const summary = h("p", { class: "state", role: "status" });
  const left = h("section", { class: "left" });
  const list = h("ul", { class: "tasks" });
  const others = h("section", { class: "elsewhere" }, h("h2"), h("p", { class: "note" }, t("elsewhere.note")), h("ul", { class: "tasks" }));
  const lines = new Map();
  const otherLines = new Map();
  const clearButton = button(t("transfers.clear"), { iconName: "check", onclick: clear });
  const pauseButton = button(t("transfers.pause"), { iconName: "pause", onclick: pauseAll });
  const resumeButton = button(t("transfers.resume"), { iconName: "play", onclick: resumeAll });
  const draw = () => {
    const active = tasks.filter(isActive);
    const rest = active.reduce((sum, task) => sum + task.size - task.sent, 0);
    summary.textContent = active.length
      ? [t("transfers.active", { n: active.length, rest: size(rest) }), rate(), speed.value ? span(rest / speed.value) : ""].filter(Boolean).join(" · ")
      : t("transfers.none");
    pauseButton.disabled = !active.length;
    resumeButton.disabled = !tasks.some((task) => task.state === "paused");
    clearButton.disabled = !tasks.some((task) => task.state === "done" || task.state === "cancelled");
    const unfinished = interrupted();
    left.hidden = !unfinished.length;
    const mark = unfinished.map(({ id }) => id).join();
    if (left.mark !== mark) {
      left.mark = mark;
      replace(left, leftovers(unfinished, input));
    }
    arrange(list, lines, firstOf(tasks, SHOWN), actionsOf);
    const { uploads, count: n } = elsewhere();
    others.hidden = !n;
    others.querySelector("h2").textContent = t("elsewhere.title", { n });
    arrange(others.querySelector("ul"), otherLines, uploads, () => ({}));
    nothing.hidden = Boolean(tasks.length || unfinished.length || n);
  };
  const nothing = h(
    "div",
    { class: "empty" },
    icon("transfer", "empty-icon"),
    h("h2", {}, t("transfers.empty")),
    h("p", {}, t("transfers.empty.text")),
    h("a", { class: "button primary", href: "#/" }, t("nav.spaces")),
  );
  replace(root, h("div", { class: "head" }, h("h1", {}, t("nav.transfers")), pauseButton, resumeButton, clearButton, input), summary, left, list, others, nothing);
  events.addEventListener("change", draw);
  const stop = watch(draw);
  return {
    leave: () => {
      stop();
      events.removeEventListener("change", draw);
    },
  };
}

/** Show uploads in this order in a list.  lines: {id: line} of what it shows.  actions: as actionsOf. */
function arrange(list, lines, order, actions) {
  const shown = new Set(order.map(({ id }) => id));
  for (const [id, line] of lines) {
    if (!shown.has(id)) {
      line.node.remove();
      lines.delete(id);
    }
  }
  order.forEach((task, at) => {
    let line = lines.get(task.id);
    if (!line) lines.set(task.id, (line = makeLine(task, actions(task))));
    if (list.children[at] !== line.node) list.insertBefore(line.node, list.children[at] || null);
    line.draw(task);
  });
}

/** How fast it goes; "" if nothing is on its way, so no rate can be said. */
export function rate() {
  if (!navigator.onLine) return t("rate.offline");
  return speed.value ? t("rate", { speed: size(speed.value) }) : "";
}

function leftovers(unfinished, input) {
  return [
    h("h2", {}, t("resume.title", { n: unfinished.length })),
    h("p", { class: "note" }, t("resume.text")),
    h(
      "ul",
      { class: "names" },
      unfinished.slice(0, 20).map((each) =>
        h(
          "li",
          {},
          h("span", { class: "task-name" }, `${each.space}/${each.key}`),
          h("span", { class: "faint" }, ` ${size(each.size)} `),
          button(t("resume.drop", { name: nameOf(each.key) }), {
            iconName: "trash",
            bare: true,
            short: t("resume.drop.short"),
            kind: "quiet",
            onclick: () =>
              attempt(async () => {
                if (await confirm(t("resume.drop.title"), [t("resume.drop.ask", { name: nameOf(each.key) })], t("resume.drop.title"), { danger: true })) await drop(each);
              }),
          }),
        ),
      ),
    ),
    button(t("resume.choose"), { iconName: "file", kind: "primary", onclick: () => input.click() }),
  ];
}

/** The buttons of an upload of this page. */
function actionsOf(task) {
  const act = (text, iconName, run) => button(t(text, { name: nameOf(task.key) }), { iconName, bare: true, short: t(`${text}.short`), kind: "quiet", onclick: run });
  return {
    pause: act("transfer.pause", "pause", () => pause(task)),
    resume: act("transfer.resume", "play", () => resume(task)),
    again: act("transfer.again", "retry", () => resume(task)),
    cancel: act("transfer.cancel", "close", () => cancel(task)),
  };
}

/** The line of an upload, with these buttons.  draw(task): show how far it is. */
function makeLine({ space, key, size: all }, buttons) {
  const bar = h("progress", { max: Math.max(1, all), value: 0, "aria-label": nameOf(key) });
  const state = h("span", { class: "task-state" });
  const error = h("p", { class: "wrong", hidden: true });
  const node = h(
    "li",
    { class: "task" },
    h("div", { class: "task-main" }, h("a", { class: "task-name", href: addressOf(space, key.slice(0, key.lastIndexOf("/") + 1)) }, `${space}/${key}`), state, bar, error),
    h("div", { class: "task-actions" }, Object.values(buttons)),
  );
  const draw = (task) => {
    node.dataset.state = task.state;
    bar.value = task.state === "done" ? bar.max : task.sent;
    const percent = task.size ? Math.floor((100 * task.sent) / task.size) : 0;
    const waits = task.state === "sending" && !navigator.onLine;
    state.textContent = [t(waits ? "state.offline" : `state.${task.state}`), task.state === "sending" ? `${count(percent)} %` : "", size(task.size), task.state === "done" ? t("verified") : ""]
      .filter(Boolean)
      .join(" · ");
    error.hidden = !task.error;
    if (error.shown !== task.error) replace(error, (error.shown = task.error));
    const shown = { pause: isActive(task), resume: task.state === "paused", again: task.state === "failed", cancel: !["done", "cancelled"].includes(task.state) };
    for (const [name, each] of Object.entries(buttons)) each.hidden = !shown[name];
  };
  return { node, draw };
}
