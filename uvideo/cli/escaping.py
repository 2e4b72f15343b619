"""Names as they are printed: escaped on a terminal, as they are in a pipe."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["AS_BYTES", "escaped", "shown"]

#: Errors handler for a pipe: bytes of a name that are not UTF-8 come out as they are.
AS_BYTES = "uvideo.bytes"

#: What moves the cursor, ends the line, or changes the direction of the text after it; and bytes that are not UTF-8.
UNSAFE = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
#: Also a backslash that would otherwise be read as the beginning of an escape.
ESCAPED = re.compile(rf"[{UNSAFE}]|\\(?=[{UNSAFE}\\nrt]|x[0-9a-f]{{2}}|u[0-9a-f]{{4}})")


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char == "\\":
        return r"\\"
    if "\udc80" <= char <= "\udcff":  # how Python has a byte that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    if "\x80" <= char <= "\x9f":  # not \x80, which is such a byte
        return f"\\u{ord(char):04x}"
    return char.encode("unicode_escape", "surrogatepass").decode()


def shown(text: str) -> str:
    """Text that is safe on a terminal: on one line, and reversible.  ``\\xff`` is a byte that is not UTF-8."""
    return ESCAPED.sub(_escape, text)


def escaped(record: Mapping[str, Any], several: Collection[str] = ()) -> dict[str, Any]:
    """A record with all its text as ``shown``.  The fields of ``several`` keep their line breaks."""
    return {name: _value(value, name in several) for name, value in record.items()}


def _value(value: object, several: bool) -> object:
    if isinstance(value, str):
        return "\n".join(map(shown, value.split("\n"))) if several else shown(value)
    if isinstance(value, Mapping):
        return {shown(str(name)): _value(each, several) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(each, several) for each in value]
    return value


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char = error.object[error.start]
    if "\udc80" <= char <= "\udcff":
        return bytes([ord(char) - 0xDC00]), error.start + 1
    return shown(char) if "\ud800" <= char <= "\udfff" else char.encode("ascii", "backslashreplace"), error.start + 1


codecs.register_error(AS_BYTES, _as_bytes)
