// What an object is, as far as looking at it goes.

const BY_ENDING = {
  mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", webm: "video/webm", mkv: "video/x-matroska", ogv: "video/ogg",
  ts: "video/mp2t", m4s: "video/iso.segment", m3u8: "application/vnd.apple.mpegurl", mpd: "application/dash+xml",
  flv: "video/x-flv", avi: "video/x-msvideo", mp3: "audio/mpeg", m4a: "audio/mp4", aac: "audio/aac", ogg: "audio/ogg",
  opus: "audio/ogg", wav: "audio/wav", flac: "audio/flac", jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png",
  gif: "image/gif", webp: "image/webp", avif: "image/avif", svg: "image/svg+xml", bmp: "image/bmp", pdf: "application/pdf",
  txt: "text/plain", md: "text/markdown", csv: "text/csv", log: "text/plain", json: "application/json", xml: "text/xml",
  html: "text/html", htm: "text/html", css: "text/css", js: "text/javascript", py: "text/x-python", sh: "text/x-sh",
  yaml: "text/yaml", yml: "text/yaml", toml: "text/plain", ini: "text/plain", srt: "text/plain", vtt: "text/vtt",
  zip: "application/zip", gz: "application/gzip", tar: "application/x-tar",
};

/** The media type that a file name stands for, "" if it is not known. */
export function typeOfName(name) {
  return BY_ENDING[name.split(".").pop().toLowerCase()] || "";
}

/** The media type of a file to be uploaded. */
export function typeOfFile(file) {
  const type = file.type || typeOfName(file.name);
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
  if (type.startsWith("text/") || /^application\/(json|xml|javascript|x-sh|x-yaml|toml|dash\+xml)$/.test(type)) return "text";
  return "file";
}

export const ICON_OF = { video: "video", hls: "video", audio: "audio", image: "image", pdf: "pdf", text: "text", file: "file" };
