"""A file's media type: by its name, else by its first bytes."""

from __future__ import annotations

from uvideo import media_type

__all__ = ["by_content", "by_name", "guess"]

HEAD = 64

#: (offset, bytes, type)
SIGNS = (
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"WAVE", "audio/wav"),
    (8, b"WEBP", "image/webp"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (0, b"<?xml", "text/xml"),
)


def by_name(*names: str) -> str | None:
    """The media type for the first of the names that has a known one; None if none has."""
    for name in names:
        found = media_type(name)
        if found:
            return found
    return None


def by_content(head: bytes) -> str | None:
    """The media type for the first bytes of a file; None if unknown."""
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    for offset, sign, found in SIGNS:
        if head[offset : offset + len(sign)] == sign:
            return found
    return None


def guess(key: str, path: str) -> str | None:
    """The media type for a file to upload; None if neither name nor content shows it."""
    found = by_name(key, path)
    if found is None:
        try:
            with open(path, "rb") as file:
                found = by_content(file.read(HEAD))
        except OSError:
            return None  # the reader of the file raises the reason
    return found
