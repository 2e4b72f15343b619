"""A file's modification time as metadata of its object, under the name and in the form of rclone and other S3 tools.

The text has seconds since 1970 with up to nine decimals: 1354040105.123456789.  Times are in nanoseconds since 1970.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping

from uvideo._core import field

__all__ = ["NAME", "completed", "decoded", "encoded", "restore", "stored", "with_time"]

_log = logging.getLogger("uvideo")

#: The name of the metadata.
NAME = "mtime"
SECOND = 1_000_000_000
_FORM = re.compile(r"(-?)(\d{1,12})(?:\.(\d*))?")


def encoded(ns: int) -> str:
    """The text of a time, without trailing zeros."""
    seconds, rest = divmod(abs(ns), SECOND)
    return f"{'-' if ns < 0 else ''}{seconds}" + (f".{rest:09}".rstrip("0") if rest else "")


def decoded(text: str) -> int | None:
    """The time of a text; None if it is none.  Decimals after the ninth do not count."""
    match = _FORM.fullmatch(text) if text.isascii() else None
    if match is None:
        return None
    sign, seconds, decimals = match.groups(default="")
    ns = int(seconds) * SECOND + int(decimals[:9].ljust(9, "0"))
    return -ns if sign else ns


def stored(metadata: Mapping[str, str]) -> int | None:
    """The time in an object's metadata; None if there is none that can be read."""
    text = metadata.get(NAME)
    return None if text is None else decoded(text)


def completed(metadata: Mapping[str, str] | None, text: str, headers: int = 0) -> Mapping[str, str]:
    """The metadata with the text of a time, unless it has one.  headers: number of headers to be stored besides.

    Metadata for which the service would then have no room is returned as it is, with a warning in the log.
    """
    given = metadata or {}
    if any(name.lower() == NAME for name in given):
        return given
    made = {**given, NAME: text}
    length = sum(len(name) + len(value.encode("utf-8", "replace")) for name, value in made.items())
    if length > field.METADATA_LIMIT or len(made) + headers > field.STORED_COUNT:
        _log.warning("the metadata has no room for the modification time, which is not stored")
        return given
    return made


def with_time(metadata: Mapping[str, str] | None, path: str, headers: int = 0) -> Mapping[str, str] | None:
    """As ``completed``, with the modification time of a file.  Without a file the metadata is returned as it is."""
    try:
        text = encoded(os.stat(path).st_mtime_ns)
    except (OSError, ValueError):  # the upload meets it too and reports it
        return metadata
    return completed(metadata, text, headers)


def restore(path: str, text: str) -> None:
    """Give a file the time of a text.  A warning in the log if the text is no time, or if the system refuses it."""
    ns = decoded(text)
    if ns is None:
        _log.warning("%s: the stored modification time %.40r is no number of seconds and is ignored", path, text)
        return
    try:
        os.utime(path, ns=(os.stat(path).st_atime_ns, ns))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        _log.warning("%s: the stored modification time %s cannot be set: %s", path, text, reason)
