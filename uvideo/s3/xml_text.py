"""The texts of which XML documents are written.  Source: s3.md section 3.13."""

from __future__ import annotations

import functools
import re

from uvideo._core import dates

__all__ = ["DECLARATION", "NAMESPACE", "element", "escape", "is_plain", "root", "time"]

#: Of every root but Error.
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

#: What every document begins with.
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
#: Those, CR, which a parser would turn into LF, and what XML 1.0 forbids.
_special = re.compile('[&<>"\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]')


def is_plain(text: str) -> bool:
    """Whether a text can stand in a document as it is."""
    return _special.search(text) is None


def escape(text: str) -> str:
    """Text for an element or an attribute.

    A character that XML 1.0 forbids becomes ``&#xN;``, as AWS sends it, though strict parsers refuse that.
    """
    return _special.sub(_reference, text) if _special.search(text) else text


def _reference(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMED.get(char) or ("&#13;" if char == "\r" else f"&#x{ord(char):X};")


def element(name: str, value: str | int | bool | None) -> str:
    """An element with this value as escaped text; "" for None."""
    if value is None:
        return ""
    text = escape(value) if isinstance(value, str) else str(value).lower()
    return f"<{name}>{text}</{name}>"


#: "04:" for 4, "05.000Z" for 5: faster than a format.
_MINUTES = [f"{number:02}:" for number in range(60)]
_SECONDS = [f"{number:02}.000Z" for number in range(60)]


def time(seconds: float) -> str:
    """Unix seconds as 2026-01-02T03:04:05.000Z.  Fractions are cut off, so that it is the second of the headers."""
    hour, rest = divmod(int(seconds), 3600)
    minute, second = divmod(rest, 60)
    return _hour(hour) + _MINUTES[minute] + _SECONDS[second]


@functools.lru_cache(maxsize=4096)
def _hour(number: int) -> str:
    """ "2026-01-02T03:" for a number of hours since 1970."""
    return dates.utc_text(number * 3600)[:14]


def root(name: str, *content: str) -> bytes:
    """A whole document: the root element with the namespace of S3, and in it ``content``, which is XML."""
    return "".join([f'{DECLARATION}<{name} xmlns="{NAMESPACE}">', *content, f"</{name}>"]).encode()
