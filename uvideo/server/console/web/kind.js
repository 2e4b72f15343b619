// What an object is, as far as looking at it goes.

import { BY_ENDING } from "./media_types.js";  // the server makes it of the table that SDK and command use

/** The media type that a file name stands for, "" if it is not known.  As ``of_name`` in the SDK. */
function typeOfName(name) {
  const [, ending] = /[^/]\.([^./]+)$/.exec(name) || [];
  return (ending && Object.hasOwn(BY_ENDING, ending.toLowerCase()) && BY_ENDING[ending.toLowerCase()]) || "";
}

/** The media type of a file to be uploaded.  The browser's, which depends on the machine, only if the name shows none. */
export function typeOfFile(file) {
  const type = typeOfName(file.name) || file.type;
  return /^[\x21-\x7e]+\/[\x21-\x7e]+$/.test(type) ? type : "application/octet-stream";
}

/** One of video, hls, audio, image, pdf, text, file. */
export function kindOf(key, mime) {
  const type = (!mime || mime === "application/octet-stream" ? typeOfName(key) : mime).split(";")[0].trim().toLowerCase();
  if (/mpegurl$/.test(type)) return "hls";
  if (type.startsWith("video/")) return "video";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("image/")) return "image";
  if (type === "application/pdf") return "pdf";
  if (type.startsWith("text/") || /^application\/(json|xml|javascript|x-sh|x-subrip|x-ndjson|x-yaml|yaml|toml|sql|.*\+(json|xml))$/.test(type)) return "text";
  return "file";
}

export const ICON_OF = { video: "video", hls: "video", audio: "audio", image: "image", pdf: "pdf", text: "text", file: "file" };
