// What the server does, out of its own counters, and what uploads lie about unfinished.

import { get, post } from "./api.js";
import { attempt, confirm, toast } from "./dialogs.js";
import { button, h, icon, replace, s, table } from "./dom.js";
import { count, date, decimal, language, moment, since, size, span, t } from "./language.js";
import { addressOf } from "./spaces.js";

const EVERY = 5000; // milliseconds
const WIDEST = 560;
let width = WIDEST; // of a chart, so that its letters are as large as all others
const HEIGHT = 150;
const LEFT = 58;
const BOTTOM = 22;
const SHOWN = 100;

export function dashboard(root) {
  document.title = `${t("nav.dashboard")} – uvideo`;
  const control = new AbortController();
  const tiles = h("dl", { class: "figures" });
  const charts = h("div", { class: "charts" });
  const held = h("section", { class: "uploads", hidden: true });
  const asked = h("section", { class: "uploads", hidden: true });
  const errors = h("section", { class: "uploads" });
  const uploads = h("section", { class: "uploads" });
  let samples = [];
  let timer;
  const refresh = async () => {
    try {
      const after = samples.length ? Math.floor(samples[samples.length - 1].time - EVERY / 1000) : "";
      const said = await get("dashboard", { after }, control.signal);
      const added = said.samples.map((row) => Object.fromEntries(said.fields.map((name, at) => [name, row[at]])));
      const first = added.length ? added[0].time : Infinity;
      samples = [...samples.filter((each) => each.time < first && each.time > said.now - 3600), ...added];
      draw(tiles, charts, samples, said);
      drawHeld(held, said.spaces);
      drawOperations(asked, said.operations);
      drawErrors(errors, said);
    } catch (failure) {
      if (control.signal.aborted) return;
      if (!tiles.children.length) replace(charts, h("p", { class: "wrong", role: "alert" }, failure.message));
    }
    timer = setTimeout(refresh, EVERY);
  };
  replace(root, h("div", { class: "head" }, h("h1", {}, t("nav.dashboard"))), tiles, charts, held, asked, errors, uploads);
  refresh();
  attempt(() => drawUploads(uploads, control.signal));
  return {
    leave: () => {
      control.abort(new DOMException("left", "AbortError"));
      clearTimeout(timer);
    },
  };
}

function rates(samples, field) {
  const found = [];
  for (let at = 1; at < samples.length; at++) {
    const seconds = samples[at].time - samples[at - 1].time;
    if (seconds >= 0.5) found.push([samples[at].time, Math.max(0, samples[at][field] - samples[at - 1][field]) / seconds]);
  }
  return found;
}

function draw(tiles, charts, samples, said) {
  width = Math.min(WIDEST, Math.max(260, charts.clientWidth - 34));
  const now = samples[samples.length - 1];
  const last = (field) => rates(samples, field).slice(-2).reduce((sum, [, value], _, all) => sum + value / all.length, 0);
  const figure = (label, value, note = "") => h("div", { class: "figure" }, h("dt", {}, label), h("dd", {}, value, note ? h("span", { class: "faint" }, note) : null));
  const day = said.days[said.days.length - 1] || [0, 0, 0];
  replace(
    tiles,
    figure(t("dash.stored"), size(day[1])),
    said.disk ? figure(t("dash.free"), size(said.disk[0]), t("dash.of", { all: size(said.disk[1]) })) : null,
    figure(t("dash.requests"), t("per.second", { value: decimal(last("requests")) }), t("dash.total", { n: now.requests })),
    figure(t("dash.in"), `${size(last("received"))}/s`, size(now.received)),
    figure(t("dash.out"), `${size(last("sent"))}/s`, size(now.sent)),
    figure(t("dash.errors"), count(now.failed), t("dash.refused", { n: now.refused })),
    figure(t("dash.up"), span(said.now - said.started), t("dash.flight", { n: now.in_flight })),
  );
  replace(
    charts,
    lines(t("dash.throughput"), [["received", t("dash.in")], ["sent", t("dash.out")]].map(([field, name]) => ({ name, points: rates(samples, field) })), (value) => `${size(value)}/s`),
    lines(t("dash.requests"), [["requests", t("dash.all")], ["refused", t("dash.4xx")], ["failed", t("dash.5xx")]].map(([field, name]) => ({ name, points: rates(samples, field) })), (value) => t("per.second", { value: decimal(value) })),
    bars(t("dash.usage"), said.days.map(([time, stored]) => [time, stored]), size),
    bars(t("dash.served"), said.days.map(([time, , sent]) => [time, sent]), size),
  );
}

const same = (some, others) => JSON.stringify(some) === JSON.stringify(others);

/** What each space holds.  It is drawn anew only if it changed: somebody may be reading or scrolling it. */
function drawHeld(root, spaces) {
  if (!spaces || !spaces.length || same(root.spaces, spaces)) return;
  root.spaces = spaces;
  root.hidden = false;
  const sums = spaces[0].map((_, at) => (at ? spaces.reduce((sum, each) => sum + each[at], 0) : t("dash.sum")));
  const some = (n, bytes) => (n ? `${count(n)} (${size(bytes)})` : count(0));
  const numbers = ([, objects, stored, unfinished, inUploads, sent, received, infrequent, inInfrequent, archived, inArchive]) =>
    [count(objects), size(stored), some(infrequent, inInfrequent), some(archived, inArchive), some(unfinished, inUploads), size(received), size(sent)];
  const heads = [t("dash.space"), t("dash.objects"), t("dash.stored"), t("class.IA"), t("class.ARCHIVE"), t("uploads.title"), t("dash.in"), t("dash.out")];
  replace(
    root,
    h("div", { class: "section-head" }, h("h2", {}, t("dash.spaces")), spaces.length > SHOWN ? h("span", { class: "faint" }, t("dash.largest", { n: SHOWN })) : null),
    table(t("dash.spaces"), heads, spaces.slice(0, SHOWN).map((each) => [h("a", { href: addressOf(each[0]) }, each[0]), ...numbers(each)]), {
      foot: [sums[0], ...numbers(sums)],
      numbers: [1, 2, 3, 4, 5, 6, 7],
    }),
  );
}

/** Put a table in a section; of one that is there already only the rows are replaced, for somebody may be scrolling it. */
function putTable(root, made) {
  const there = root.querySelector(`.table-port[aria-label="${CSS.escape(made.getAttribute("aria-label"))}"]`);
  if (there) there.querySelector("tbody").replaceWith(made.querySelector("tbody"));
  else root.append(made);
}

/** Requests to the data port by operation; "-" could not be recognised. */
function drawOperations(root, operations) {
  if (!operations.length || same(root.shown, operations)) return;
  if (!root.shown) replace(root, h("div", { class: "section-head" }, h("h2", {}, t("dash.operations"))));
  root.shown = operations;
  root.hidden = false;
  const heads = [t("dash.operation"), t("dash.requests"), t("dash.4xx"), t("dash.5xx")];
  const rows = operations.map(([name, ...counts]) => [name === "-" ? t("dash.unknown") : name, ...counts.map(count)]);
  putTable(root, table(t("dash.operations"), heads, rows, { numbers: [1, 2, 3] }));
}

/** Errors by code, and the last ones in the spaces of the account. */
function drawErrors(root, { errors, last_errors: last }) {
  if (same(root.shown, [errors, last])) return;
  root.shown = [errors, last];
  if (!errors.length) {
    replace(root, h("div", { class: "section-head" }, h("h2", {}, t("dash.failures"))), h("p", { class: "faint" }, t("dash.failures.none")));
    return;
  }
  if (!root.querySelector("table")) replace(root, h("div", { class: "section-head" }, h("h2", {}, t("dash.failures"))));
  const code = (name, number) => (number ? `${name} (${number})` : name);
  putTable(root, table(t("dash.failures"), [t("dash.code"), t("dash.requests")], errors.map(([number, name, n]) => [code(name, number), count(n)]), { numbers: [1] }));
  if (!last.length) return;
  if (!root.querySelector("h3")) root.append(h("h3", {}, t("dash.last")));
  const heads = [t("dash.object"), t("dash.code"), t("dash.operation"), t("dash.when"), t("dash.session")];
  const rows = last.map(([time, status, name, number, operation, space, key, session]) => [
    space ? h("a", { href: addressOf(space, key.slice(0, key.lastIndexOf("/") + 1)) }, key ? `${space}/${key}` : space) : "–",
    h("span", {}, `${status} ${code(name, number)}`),
    operation || t("dash.unknown"),
    moment(time),
    h("code", {}, session),
  ]);
  putTable(root, table(t("dash.last"), heads, rows));
}

function frame(title, top, form, legend = []) {
  const picture = s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": title });
  for (let step = 0; step <= 2; step++) {
    const y = 8 + ((HEIGHT - BOTTOM - 8) * step) / 2;
    picture.append(
      s("line", { x1: LEFT, x2: width, y1: y, y2: y, class: "rule" }),
      s("text", { x: LEFT - 6, y: y + 4, class: "axis", "text-anchor": "end" }, form((top * (2 - step)) / 2)),
    );
  }
  const node = h("figure", { class: "chart" }, h("figcaption", {}, h("h2", {}, title), h("ul", { class: "legend" }, legend.map((name, at) => h("li", { class: `series-${at}` }, name)))), picture);
  return { node, picture };
}

const yOf = (value, top) => 8 + (HEIGHT - BOTTOM - 8) * (1 - value / top);

function niceTop(most, least) {
  const value = Math.max(most, least);
  const power = 2 ** Math.floor(Math.log2(value));
  return [1, 1.5, 2].map((each) => each * power).find((each) => each >= value);
}

function lines(title, series, form) {
  const all = series.flatMap(({ points }) => points);
  const top = niceTop(Math.max(0, ...all.map(([, value]) => value)), 1);
  const from = Math.min(...all.map(([time]) => time), Date.now() / 1000 - 300);
  const to = Math.max(...all.map(([time]) => time), from + 1);
  const x = (time) => LEFT + ((width - LEFT) * (time - from)) / (to - from);
  const { node, picture } = frame(title, top, form, series.map(({ name }) => name));
  series.forEach(({ points }, number) => {
    if (!points.length) return;
    const path = points.map(([time, value], at) => `${at ? "L" : "M"}${x(time).toFixed(1)} ${yOf(value, top).toFixed(1)}`).join("");
    picture.append(s("path", { d: path, class: `curve series-${number}` }));
  });
  const clock = new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en", { timeStyle: "short" });
  for (const [time, anchor] of [[from, "start"], [(from + to) / 2, "middle"], [to, "end"]]) {
    picture.append(s("text", { x: x(time), y: HEIGHT - 5, class: "axis", "text-anchor": anchor }, clock.format(time * 1000)));
  }
  return node;
}

function bars(title, days, form) {
  const top = niceTop(Math.max(0, ...days.map(([, value]) => value)), 1024);
  const { node, picture } = frame(title, top, form);
  const step = (width - LEFT) / Math.max(1, days.length);
  const short = new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en", { month: "short", day: "numeric", timeZone: "UTC" });
  days.forEach(([time, value], at) => {
    const y = yOf(value, top);
    const bar = s("rect", { x: LEFT + at * step + 1.5, y, width: Math.max(1, step - 3), height: Math.max(0, HEIGHT - BOTTOM - y), rx: 1.5, class: "bar-of-day" });
    bar.append(s("title", {}, `${short.format(time * 1000)}: ${form(value)}`));
    picture.append(bar);
    if ((days.length - 1 - at) % 7 === 0) {
      const last = at === days.length - 1;
      const x = last ? width : LEFT + (at + 0.5) * step;
      picture.append(s("text", { x, y: HEIGHT - 5, class: "axis", "text-anchor": last ? "end" : "middle" }, short.format(time * 1000)));
    }
  });
  return node;
}

async function drawUploads(root, signal) {
  const { uploads, more } = await get("uploads", {}, signal);
  const stale = uploads.filter((each) => each.stale);
  const again = () => attempt(() => drawUploads(root, signal));
  const abort = async (some) => {
    for (const { space, key, upload_id } of some) {
      try {
        await post("uploads/abort", { space, key, upload_id });
      } catch (failure) {
        if (failure.code !== "UploadNotFound") throw failure;
      }
    }
    toast(t("uploads.aborted", { n: some.length }));
  };
  const ask = (some) =>
    attempt(async () => {
      if (await confirm(t("uploads.abort"), [t("uploads.abort.ask", { n: some.length })], t("uploads.abort"), { danger: true, count: some.length })) {
        await abort(some);
        await again();
      }
    });
  replace(
    root,
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, t("uploads.title")),
      h("span", { class: "faint" }, t(more ? "uploads.more" : "uploads.count", { n: uploads.length })),
      stale.length ? button(t("uploads.abort.stale", { n: stale.length }), { iconName: "trash", onclick: () => ask(stale) }) : null,
      button(t("refresh"), { iconName: "retry", bare: true, short: t("refresh"), kind: "quiet", onclick: again }),
    ),
    uploads.length
      ? table(t("uploads.title"), [t("column.key"), t("uploads.begun"), t("uploads.parts"), t("actions")], uploads.slice(0, SHOWN).map((each) => uploadRow(each, ask, signal)), { numbers: [2] })
      : h("p", { class: "faint" }, t("uploads.none")),
  );
}

function uploadRow(each, ask, signal) {
  const parts = h("span");
  const countParts = async () => {
    let n = 0;
    let bytes = 0;
    let from = 0;
    do {
      const page = await get("uploads/parts", { space: each.space, upload_id: each.upload_id, from }, signal);
      n += page.parts.length;
      bytes += page.parts.reduce((sum, [, , length]) => sum + length, 0);
      from = page.next;
    } while (from !== null);
    replace(parts, t("uploads.parts.of", { n, size: size(bytes) }));
  };
  replace(parts, h("button", { type: "button", class: "text-button", onclick: () => attempt(countParts) }, t("uploads.look")));
  return [
    h("a", { href: addressOf(each.space, each.key.slice(0, each.key.lastIndexOf("/") + 1)) }, `${each.space}/${each.key}`),
    h("span", { title: date(each.started) }, since(each.started), each.stale ? h("span", { class: "tag warn" }, icon("info"), t("uploads.stale")) : null),
    parts,
    button(t("uploads.abort.one", { name: each.key }), { iconName: "trash", bare: true, short: t("uploads.abort"), kind: "quiet", onclick: () => ask([each]) }),
  ];
}
