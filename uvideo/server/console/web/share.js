// A link for whoever has no keys, as text and as a picture.

import { readUrl } from "./api.js";
import { attempt, copyText, field, open } from "./dialogs.js";
import { button, h, replace } from "./dom.js";
import { date, t } from "./language.js";
import { qr } from "./qr.js";

const SPANS = [3600, 86400, 3 * 86400, 7 * 86400];

/** Ask how long, and show the link.  object: {key, public, url} as the server says it. */
export function share(space, object) {
  const name = object.key.split("/").pop() || object.key;
  return open(
    t("share.title"),
    () => {
      const link = h("textarea", { class: "link", readonly: true, rows: 4, "aria-label": t("share.link") });
      const picture = h("div", { class: "qr" });
      const until = h("p", { class: "hint", role: "status" });
      const options = SPANS.map((seconds) => [String(seconds), t(`share.span.${seconds}`)]);
      if (object.public && object.url) options.push(["0", t("share.span.0")]);
      const span = field({ name: "span", label: t("share.expires"), options, value: "86400" });
      const download = field({ name: "download", label: t("share.download"), type: "checkbox" });
      let latest = 0;
      const make = () =>
        attempt(async () => {
          const mine = ++latest;
          const seconds = Number(span.querySelector("select").value);
          const saved = download.querySelector("input").checked;
          link.value = "";
          replace(picture);
          if (seconds) {
            const made = await readUrl(space, object.key, { seconds, filename: saved ? name : undefined });
            if (mine !== latest) return; // other options were chosen meanwhile
            link.value = made;
            until.textContent = t("share.until", { date: date(Date.now() / 1000 + seconds) });
          } else {
            link.value = object.url + (saved ? `?ufileattname=${encodeURIComponent(name)}` : "");
            until.textContent = t("share.public");
          }
          replace(picture, qr(link.value, t("share.qr")));
        });
      span.addEventListener("change", make);
      download.addEventListener("change", make);
      make();
      return [
        h("p", { class: "note name" }, object.key),
        h("div", { class: "share-options" }, span, download),
        h(
          "div",
          { class: "share-result" },
          h("div", { class: "share-link" }, link, button(t("copy.text"), { iconName: "copy", kind: "primary", onclick: () => copyText(link.value) }), until),
          picture,
        ),
      ];
    },
    { kind: "wide" },
  );
}
