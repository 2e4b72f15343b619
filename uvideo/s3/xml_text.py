"""The texts of which XML documents are written.  Source: s3.md section 3.13."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from uvideo._core import compat, dates

__all__ = ["DECLARATION", "NAMESPACE", "element", "escape", "escape_all", "quote_all", "root", "time"]

#: Of every root but Error and PostResponse.
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

#: What every document begins with.
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

#: CR, which a parser would turn into LF, and what XML 1.0 forbids.  None of these characters is printable.
_nameless = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """Text for an element or an attribute.

    A character that XML 1.0 forbids becomes ``&#xN;``, as AWS sends it, though strict parsers refuse that.
    """
    named = _named(text)
    return named if text.isprintable() else _nameless.sub(_reference, named)


def _named(text: str) -> str:
    """Text in which the characters that have a name are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _reference(match: re.Match[str]) -> str:
    return "&#13;" if match[0] == "\r" else f"&#x{ord(match[0]):X};"


def escape_all(texts: Sequence[str]) -> Sequence[str]:
    """Each of many texts, escaped.  They are escaped together, which takes a tenth of the time."""
    together = "".join(texts)
    if together.isascii() and not together.encode().translate(None, _PLAIN):
        return texts
    if not together.isprintable():  # one of them may have a character without a name
        return [escape(text) for text in texts]
    return _named("\0".join(texts)).split("\0")


#: ASCII that stands for itself in a document.
_PLAIN = bytes({9, 10, *range(32, 128)} - set(b'&<>"'))


def quote_all(texts: Sequence[str]) -> Sequence[str]:
    """Each of many texts, percent-encoded for encoding-type=url: all but letters, digits and ``-_.~/``."""
    raw = "\0".join(texts).encode()
    if raw.count(0) >= len(texts):  # one of them has a NUL, or there is none
        return [compat.quote_query(text) for text in texts]
    rest = set(raw.translate(None, _UNQUOTED))
    if not rest:
        return texts
    raw = raw.replace(b"%", b"%25")  # first: the others make more of it
    for byte in rest.difference(b"%"):
        raw = raw.replace(b"%c" % byte, b"%%%02X" % byte)
    return raw.decode("ascii").split("\0")


_UNQUOTED = b"\0abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/"


def element(name: str, value: str | int | bool | None) -> str:
    """An element with this value as escaped text; "" for None."""
    if value is None:
        return ""
    text = escape(value) if isinstance(value, str) else str(value).lower()
    return f"<{name}>{text}</{name}>"


#: "04:05.000Z" for 4 * 60 + 5 seconds, and so on for an hour: a look-up is faster than a format.
_CLOCK = [f"{second // 60:02}:{second % 60:02}.000Z" for second in range(3600)]


def time(seconds: int) -> str:
    """Unix seconds as 2026-01-02T03:04:05.000Z."""
    return _hour(seconds // 3600) + _CLOCK[seconds % 3600]


@functools.lru_cache(maxsize=4096)
def _hour(number: int) -> str:
    """ "2026-01-02T03:" for a number of hours since 1970."""
    return dates.utc_text(number * 3600)[:14]


def root(name: str, *content: str, namespace: str = NAMESPACE) -> bytes:
    """A whole document: the root element, and in it ``content``, which is XML.  ``namespace``: "" for none."""
    start = f'{name} xmlns="{namespace}"' if namespace else name
    # Not joined before they are encoded: with one character beyond U+00FF all of a str takes twice the memory.
    return b"".join([f"{DECLARATION}<{start}>".encode(), *map(str.encode, content), f"</{name}>".encode()])
