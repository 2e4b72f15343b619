// Texts, numbers and times in the language of the reader.  The dictionaries are en.json and zh.json.

export const LANGUAGES = { en: "English", zh: "中文" };

let words = {};
let chosen = "en";
let sizes, whole, dates, moments, days, ago, plural;

/** Load the language that was chosen here before, or the browser's. */
export async function loadLanguage(name = stored() || preferred()) {
  const answer = await fetch(new URL(`${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`${name}.json: ${answer.status}`);
  words = await answer.json();
  chosen = name;
  const locale = name === "zh" ? "zh-CN" : "en";
  document.documentElement.lang = locale;
  sizes = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  whole = new Intl.NumberFormat(locale);
  dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  days = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
  ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  plural = new Intl.PluralRules(locale);
}

export async function setLanguage(name) {
  await loadLanguage(name);
  keep("uvideo.language", name);
}

export function language() {
  return chosen;
}

function stored() {
  const name = kept("uvideo.language");
  return name in LANGUAGES ? name : null;
}

function preferred() {
  return (navigator.languages || []).some((each, at) => at === 0 && each.toLowerCase().startsWith("zh")) ? "zh" : "en";
}

/** The text of a key with {name} filled in.  With n, "<key>.one" is taken for one if the dictionary has it. */
export function t(key, values = {}) {
  let text = words[key];
  if ("n" in values && typeof values.n === "number") {
    if (plural.select(values.n) === "one" && words[`${key}.one`]) text = words[`${key}.one`];
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? whole.format(value) : String(value ?? "");
  });
}

/** Whether the dictionary has this key. */
export function has(key) {
  return key in words;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${sizes.format(unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes)} ${UNITS[unit]}`;
}

export function count(number) {
  return whole.format(number);
}

export function decimal(number) {
  return sizes.format(number);
}

/** A date and time of unix seconds. */
export function date(seconds) {
  return seconds ? dates.format(seconds * 1000) : "–";
}

/** A date and time with seconds, to be looked up in a log. */
export function moment(seconds) {
  return moments.format(seconds * 1000);
}

/** The day of unix seconds. */
export function day(seconds) {
  return days.format(seconds * 1000);
}

/** "3 hours ago" of unix seconds. */
export function since(seconds, now = Date.now() / 1000) {
  const past = Math.max(0, now - seconds);
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (past >= length) return ago.format(-Math.floor(past / length), unit);
  }
  return ago.format(-Math.floor(past), "second");
}

/** "1:02:03" of seconds. */
export function span(seconds) {
  const all = Math.max(0, Math.round(seconds));
  const rest = `${String(Math.floor(all / 60) % 60).padStart(all >= 3600 ? 2 : 1, "0")}:${String(all % 60).padStart(2, "0")}`;
  return all >= 3600 ? `${Math.floor(all / 3600)}:${rest}` : rest;
}

/** What was kept on this computer, or null; storage may be switched off or full. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
    return true;
  } catch {
    return false;
  }
}
