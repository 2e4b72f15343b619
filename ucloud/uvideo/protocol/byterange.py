"""Range and Content-Range headers.  Positions are bytes from 0, both ends inclusive."""

from __future__ import absolute_import, division, print_function

import re

from .compat import NamedTuple
from .errors import InvalidRange


class ByteRange(NamedTuple("ByteRange", [("first", "int | None"), ("last", "int | None")])):
    """A wanted range: (0, 99) the first hundred bytes, (100, None) from 100 on, (None, 5) the last five."""

    __slots__ = ()


_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19}))[ \t]*\Z", re.I)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)[ \t]*\Z", re.I)


def parse(value):
    # type: (str | None) -> ByteRange | None
    """The ByteRange of a Range header; None if the header is to be ignored: absent, malformed, several ranges."""
    match = _RANGE.match(value.strip()) if value else None
    if not match:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return ByteRange(None, int(suffix))
    if last and int(last) < int(first):
        return None
    return ByteRange(int(first), int(last) if last else None)


def build(wanted):
    # type: (ByteRange) -> str
    """The Range header for a ByteRange."""
    first, last = wanted
    if first is None:
        return "bytes=-%d" % (last or 0)
    return "bytes=%d-%s" % (first, "" if last is None else last)


def resolve(wanted, size):
    # type: (ByteRange, int) -> tuple[int, int] | None
    """(first, length) within ``size`` bytes; None for the whole: an empty object requested from its start.

    InvalidRange if no byte of it exists.  Source: data-plane.md, GetFile.
    """
    first, last = wanted
    if size == 0 and ((first == 0 and last is None) or (first is None and last)):
        return None
    if first is None:
        if last == 0:
            raise InvalidRange()
        first = max(0, size - (last or 0))
        last = size - 1
    if first >= size:
        raise InvalidRange()
    last = size - 1 if last is None else min(last, size - 1)
    return first, last - first + 1


def mismatch(wanted, span, size):
    # type: (ByteRange | None, tuple[int, int] | None, int | None) -> str | None
    """What is wrong with a response to a range request, as text; None if it is right.

    ``wanted``: a ByteRange, None for all.  ``span``: (first, length) of a partial response, None for a whole one.
    ``size``: bytes of the object, None if the response does not say; a shorter response is then taken to end there.
    """
    if _agrees(wanted, span, size):
        return None
    if span is None:
        return u"the service sent the whole object although a range was requested"
    asked = u"all" if wanted is None else build(wanted)[len("bytes=") :]
    return u"bytes %s were requested, but %d-%d were sent" % (asked, span[0], span[0] + span[1] - 1)


def _agrees(wanted, span, size):
    # type: (ByteRange | None, tuple[int, int] | None, int | None) -> bool
    if wanted is None:
        return span is None or span == (0, size)
    first, last = wanted
    if size == 0 and not first:
        return span is None
    if size is not None:
        try:
            expected = resolve(wanted, size)
        except InvalidRange:
            return False
        return (span or (0, size)) == (expected or (0, size))
    if span is None:
        return False
    if first is None:
        return last is None or span[1] <= last
    return span[0] == first and (last is None or span[1] <= last - first + 1)


def build_content(first, length, size):
    # type: (int, int, int) -> str
    """The Content-Range header of a partial response."""
    return "bytes %d-%d/%d" % (first, first + length - 1, size)


def parse_content(value):
    # type: (str | None) -> tuple[int, int, int | None] | None
    """(first, last, total) of a Content-Range header, total None if unknown; None if there is no valid one."""
    match = _CONTENT_RANGE.match(value) if value else None
    if not match:
        return None
    first, last = int(match.group(1)), int(match.group(2))
    total = None if match.group(3) == "*" else int(match.group(3))
    if last < first or (total is not None and last >= total):
        return None
    return first, last, total
