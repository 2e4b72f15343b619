"""Checks of callers' arguments: numbers, text, media types, headers, hosts.  For the SDK and the toolkit."""

from __future__ import absolute_import, division, print_function

import logging
import re

from ..protocol import media_type
from ..protocol.compat import TYPE_CHECKING, is_integer, is_text, native, to_text, whole
from ..protocol.errors import InvalidArgument
from ..protocol.field import META, OUTER_BLANK, has_outer_blank

if TYPE_CHECKING:
    from typing import Iterable, Mapping  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")
_warned = set()  # type: set[str]
_META = META.lower()


def warn_of_plain(hosts):
    # type: (Iterable[str]) -> None
    """Log a warning, once, for each public host that is used without TLS."""
    for host in hosts:
        if host not in _warned:
            _warned.add(host)
            _log.warning("%s is used without TLS; write https:// before it if it supports TLS", host)


def count(name, value, low=0, digits=False):
    # type: (str, object, int, bool) -> int | None
    """The argument as a whole number; None for None.  InvalidArgument.

    ``digits``: accept digits as text, as the official SDK does.
    """
    if value is None:
        return None
    found = whole(value.strip()) if digits and is_text(value) else value
    if not is_integer(found) or found < low:
        raise InvalidArgument(u"%s must be a whole number from %d, not %r" % (name, low, value))
    return found


def text(name, value):
    # type: (str, object) -> str | None
    """The argument as text; None for None.  InvalidArgument."""
    if value is None:
        return None
    if not is_text(value):
        raise InvalidArgument(u"%s is a %s; a str is needed" % (name, type(value).__name__))
    try:
        return to_text(value)
    except UnicodeError:
        raise InvalidArgument(u"%s must be UTF-8 text" % name)


_UNPRINTABLE = re.compile("[^ -~]").search


def mime_of(mime_type, key, path=u"", pairs=()):
    # type: (object, str, str, Iterable[tuple[str, str]]) -> str
    """A media type as text: as given, from the Content-Type in ``pairs``, or guessed from the key or the file name."""
    if mime_type is None:
        mime_type = next((value for name, value in pairs if name.lower() == "content-type"), None)
    if mime_type is None:
        return media_type.of_name(_name(key)) or media_type.of_name(_name(path)) or u"application/octet-stream"
    if not is_text(mime_type) or not mime_type.strip() or _UNPRINTABLE(native(mime_type)):
        raise InvalidArgument(u"mime_type must be text such as video/mp4")
    return to_text(mime_type)


def _name(value):
    # type: (str | bytes) -> str
    """A key or a path as text.  Of bytes that are not UTF-8, as a file may be called, the ending is kept."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def header_pairs(header):
    # type: (Mapping[str, object] | None) -> tuple[tuple[str, str], ...]
    """((name, value), ...) of a caller's header dict, which is not changed.  InvalidArgument."""
    if header is None:
        return ()
    try:
        pairs = [(native(name), native(value if is_text(value) else u"%s" % value)) for name, value in header.items()]
    except (AttributeError, TypeError, UnicodeError):
        raise InvalidArgument(u"header must be a dict of text")
    for name, value in pairs:
        if not name or any(char in "\r\n\0" for char in name + value):
            raise InvalidArgument(u"the header %r contains a line break or has no name" % name)
        if name.lower().startswith(_META) and has_outer_blank(value):
            raise InvalidArgument(u"the header %s %s" % (to_text(name), OUTER_BLANK))
    return tuple(pairs)
