"""Text within an XML document."""

from __future__ import annotations

import re

__all__ = ["DECLARATION", "escape"]

#: What every document begins with.
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
#: Those, CR, which a parser would turn into LF, and what XML 1.0 forbids.
_special = re.compile('[&<>"\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]')


def escape(text: str) -> str:
    """Text for an element or an attribute.

    A character that XML 1.0 forbids becomes ``&#xN;``, as AWS sends it, though strict parsers refuse that.
    """
    return _special.sub(_reference, text) if _special.search(text) else text


def _reference(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMED.get(char) or ("&#13;" if char == "\r" else f"&#x{ord(char):X};")
