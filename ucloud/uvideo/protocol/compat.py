"""Bytes, text and percent-escapes on Python 2.7 and 3.  The only protocol module that checks the version.

*text* is str on Python 3 and unicode on 2.7; *native* is str on both.  Keys and space names are text, header names and
values are native.
"""

from __future__ import absolute_import, division, print_function

import re
import sys
from collections import namedtuple

TYPE_CHECKING = False  # type checkers take it as True; the imports below it are only for them
if TYPE_CHECKING:
    from typing import Iterable  # noqa: F401
    from typing import NamedTuple as NamedTuple
    from typing import overload as overload

    from typing_extensions import TypeIs  # noqa: F401
else:  # 2.7 has no typing

    def NamedTuple(name, fields):
        """namedtuple with typed fields: [("offset", "int")]."""
        return namedtuple(name, [field for field, _ in fields])

    def overload(function):
        """Marks a signature for type checkers.  The definition after it replaces it."""
        return function


PY2 = sys.version_info[0] == 2

if PY2:
    string_types = (basestring,)  # noqa: F821
    integer_types = (int, long)  # noqa: F821
else:
    string_types = (str,)
    integer_types = (int,)


def to_text(value):
    # type: (str | bytes) -> str
    """Text of a text or UTF-8 bytes.  UnicodeDecodeError if the bytes are not UTF-8."""
    if not isinstance(value, bytes):
        return value
    if PY2:
        found = _SURROGATE_BYTES.search(value)
        if found:
            raise UnicodeDecodeError("utf-8", value, found.start(), found.end(), "surrogates not allowed")
    return value.decode("utf-8")


def to_bytes(value):
    # type: (str | bytes) -> bytes
    """UTF-8 bytes of a text or bytes.  UnicodeEncodeError for a lone surrogate."""
    if isinstance(value, bytes):
        return value
    if PY2 and _SURROGATE.search(_PAIR.sub(u"", value)):
        raise UnicodeEncodeError("utf-8", value, 0, 1, "surrogates not allowed")
    return value.encode("utf-8")


#: A narrow build stores a character beyond U+FFFF as a pair: one character, not two lone surrogates.
_PAIR = re.compile(u"[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile(u"[\ud800-\udfff]")
#: 2.7 decodes these as surrogates; they are not valid UTF-8.
_SURROGATE_BYTES = re.compile(b"\xed[\xa0-\xbf]")
#: Control characters, and those that turn or break a line: with one of these a name can look like another.
_UNPRINTABLE = re.compile(
    u"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    + (u"|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]" if PY2 else u"|[\ud800-\udfff]")
)


def printable(value):
    # type: (str) -> str
    """Text for logs and display: each control character and lone surrogate of ``value`` becomes a blank."""
    return _UNPRINTABLE.sub(u" ", value)


#: The str of this Python: UTF-8 bytes on 2.7, text on 3.
if PY2:
    native = to_bytes
else:
    native = to_text


def is_text(value):
    # type: (object) -> TypeIs[str]
    """True for text that a caller may pass: str, and on 2.7 unicode or UTF-8 bytes."""
    return isinstance(value, string_types)


_DECIMAL = re.compile(u"[0-9]{1,18}\\Z").match


def whole(value):
    # type: (str) -> int | None
    """The int for ASCII decimal digits, at most 18, or None.  str.isdigit also accepts digits that int() refuses."""
    return int(value) if _DECIMAL(value) else None


def is_integer(value):
    # type: (object) -> TypeIs[int]
    """True for a whole number, but not for a bool."""
    return isinstance(value, integer_types) and not isinstance(value, bool)


def _table(safe):
    # type: (str) -> list[str]
    plain = frozenset(bytearray(safe.encode("ascii")))
    return [chr(byte) if byte in plain else "%%%02X" % byte for byte in range(256)]


_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_PATH = _table(_ALNUM + "/!$&'()*,;=:@+")
_QUERY = _table(_ALNUM + "/")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-_.~/!$&'()*,;=:@+]*\Z").match
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9\-_.~/]*\Z").match


def _quote(value, table):
    # type: (str, list[str]) -> str
    return "".join([table[byte] for byte in bytearray(to_bytes(value))])


def quote_path(value):
    # type: (str) -> str
    """A key as part of a request target.  Source: signing.md section 1, "Key"."""
    return str(value) if _PLAIN_PATH(value) else _quote(value, _PATH)


def quote_query(value):
    # type: (str) -> str
    """A name or value as part of a query; a blank becomes %20."""
    return str(value) if _PLAIN_QUERY(value) else _quote(value, _QUERY)


_HEX = re.compile(b"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(b"%(?![0-9A-Fa-f]{2})")
_BYTE = dict((("%02X" % i).encode("ascii"), bytes(bytearray([i]))) for i in range(256))


def unquote(value):
    # type: (str) -> str
    """Text with percent-escapes decoded once, bytewise; "+" is kept.

    ValueError (or its subclass UnicodeDecodeError) for an escape without two hex digits or bytes that are not UTF-8.
    """
    if "%" not in value:
        return to_text(value) if PY2 else _strict(value)
    raw = _latin(value)
    if _BAD_ESCAPE.search(raw):
        raise ValueError("a percent sign without two hexadecimal digits")
    return to_text(_HEX.sub(lambda match: _BYTE[match.group(1).upper()], raw))


def _latin(value):
    # type: (str) -> bytes
    """The wire's bytes of a target or header value, which http libraries decode as UTF-8 with surrogateescape."""
    return to_bytes(value) if PY2 else value.encode("utf-8", "surrogateescape")


def _strict(value):
    # type: (str) -> str
    return value if value.isascii() else _latin(value).decode("utf-8")


if sys.version_info < (3, 7):  # str.isascii came with 3.7

    def _strict(value):
        # type: (str) -> str
        return _latin(value).decode("utf-8")


def parse_query(query):
    # type: (str) -> list[tuple[str, str]]
    """[(name, value)] in order of appearance, all text.  "+" means a blank; a name without "=" has the value "".

    ValueError as unquote.
    """
    pairs = []
    for field in query.replace("+", " ").split("&"):
        if field:
            name, _, value = field.partition("=")
            pairs.append((unquote(name), unquote(value)))
    return pairs


def build_query(pairs):
    # type: (Iterable[tuple[str, str | None]]) -> str
    """ "a=1&b" for [("a", "1"), ("b", None)]: None makes a name without "="."""
    fields = []
    for name, value in pairs:
        fields.append(quote_query(name) if value is None else quote_query(name) + "=" + quote_query(value))
    return "&".join(fields)
