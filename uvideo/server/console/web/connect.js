// What other programs need to reach this server: its addresses, a key, and the lines that set up two S3 clients, or that
// upload a file with the command or the SDK.

import { session } from "./api.js";
import { copyText, open } from "./dialogs.js";
import { button, facts, h } from "./dom.js";
import { t } from "./language.js";

const REGION = "cn-bj"; // of every space; the server accepts any

/** A word of a command for a shell. */
export function quoted(text) {
  return /^[\w./+=@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The last line asks for the private key, which `command` finds in the environment, and then runs `command`. */
function typed(command, name = "AWS_SECRET_ACCESS_KEY") {
  return `printf '%s ' ${quoted(t("connect.prompt"))} && read -rs ${name} && export ${name} && ${command}`;
}

function aws() {
  return [
    `export AWS_ENDPOINT_URL=${quoted(session.s3)} AWS_DEFAULT_REGION=${REGION}`,
    `export AWS_ACCESS_KEY_ID=${quoted(session.public_key)}`,
    typed("aws s3 ls"),
  ];
}

function rclone() {
  return [
    `rclone config create uvideo s3 provider=Other env_auth=true endpoint=${quoted(session.s3)} region=${REGION}`,
    `export AWS_ACCESS_KEY_ID=${quoted(session.public_key)}`,
    typed("rclone lsd uvideo:"),
  ];
}

function command(space) {
  return [
    `export UVIDEO_ENDPOINT=${quoted(session.endpoint)}`,
    `export UVIDEO_PUBLIC_KEY=${quoted(session.public_key)}`,
    typed(`uvideo cp film.mp4 uvideo://${space}/`, "UVIDEO_PRIVATE_KEY"),
  ];
}

function sdk(space) {
  return [
    "from getpass import getpass",
    "from pathlib import Path",
    "from uvideo import Client",
    "",
    `with Client(endpoint=${JSON.stringify(session.endpoint)}, public_key=${JSON.stringify(session.public_key)}, private_key=getpass()) as client:`,
    `    client.upload(${JSON.stringify(space)}, "film.mp4", Path("film.mp4"))`,
  ];
}

/** How programs upload a file to a space. */
export function ways(space) {
  return h(
    "div",
    { class: "ways" },
    h("p", { class: "note" }, t("connect.ways")),
    setUp(t("connect.command"), command(space)),
    setUp(t("connect.sdk"), sdk(space)),
  );
}

/** Lines of a program under its name, and a button that copies them. */
export function setUp(name, lines, rows = 6) {
  const text = lines.join("\n");
  const area = h("textarea", { class: "link", readonly: true, rows, spellcheck: "false", "aria-label": name, value: text });
  area.setSelectionRange(0, 0); // a dialog that opens shows the first line
  return h(
    "section",
    { class: "connect-program" },
    h("h3", {}, name),
    area,
    button(t("connect.copy", { name }), { iconName: "copy", onclick: () => copyText(text) }),
  );
}

export function connect() {
  const pairs = [
    [t("connect.s3"), session.s3 || t("connect.none")],
    [t("connect.ufile"), session.endpoint],
    [t("connect.access"), session.public_key],
    [t("connect.secret"), t("connect.secret.text")],
  ];
  return open(
    t("connect"),
    () => [
      facts(pairs),
      h("p", { class: "note" }, t("connect.keys")),
      ...(session.s3
        ? [h("p", { class: "note" }, t("connect.lines")), setUp(t("connect.aws"), aws()), setUp(t("connect.rclone"), rclone())]
        : []),
    ],
    { kind: "wide" },
  );
}
