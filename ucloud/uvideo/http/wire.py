"""HTTP/1.1 framing: a request's head, a response's head, and where the response's body ends.

Bytes in, values out, without socket or clock, so threads and event loops share it.  Strict, as a lenient parser could
be deceived: one kind of line end, one length, nothing but HTTP/1.  Bytes that cannot become a response are refused at
once; otherwise the wait for the rest would end as a time-out.  Source: RFC 9112.
"""

from __future__ import absolute_import, division, print_function

import re

from ..protocol.compat import PY2, TYPE_CHECKING, to_bytes, to_text
from ..protocol.errors import InvalidArgument
from ..protocol.message import Headers

if TYPE_CHECKING:
    from typing import Callable  # noqa: F401

#: The most bytes of a response's head, fields in it, and 1xx responses before it.
HEAD_LIMIT, FIELD_LIMIT, INTERIM_LIMIT = 65536, 256, 16
_LINE_LIMIT = 4096  # the line with a chunk's size
_NAMES = {}  # type: dict[str, str]  # field names known to be valid: the same in lower case
_NAMES_LIMIT = 512
_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match
_is_status = re.compile(r"HTTP/1\.[01] [1-9][0-9][0-9](?: |\Z)").match
_is_length = re.compile(r"[0-9]{1,18}\Z").match
_is_size = re.compile(br"([0-9A-Fa-f]{1,15})[ \t]*(?:;|\Z)").match
_outside_target = re.compile(r"[^!-~]").search
_fold = re.compile(br"\r\n[ \t]+")


class Malformed(Exception):
    """The bytes are no HTTP/1 response, or one that two parsers could read differently."""


def request_head(method, target, pairs):
    # type: (str, str, list[tuple[str, str]]) -> bytes
    """The bytes of a request's head.  ``pairs``: [(name, value)], native; non-ASCII text is sent as UTF-8.

    InvalidArgument for a target or field with a line break, or for an invalid name.
    """
    if _outside_target(target):
        raise InvalidArgument(
            u"the request cannot be sent: its target contains a blank, a control character or a non-ASCII character"
        )
    for name, _ in pairs:
        if name not in _NAMES and not _learn(name):
            raise InvalidArgument(u"the request cannot be sent: %r is not a valid name of a header" % name)
    text = "".join(["%s %s HTTP/1.1\r\n" % (method, target)] + ["%s: %s\r\n" % pair for pair in pairs] + ["\r\n"])
    lines = len(pairs) + 2
    if "\0" in text or text.count("\r") != lines or text.count("\n") != lines:
        raise InvalidArgument(u"the request cannot be sent: a header contains a line break")
    try:
        return to_bytes(text)
    except UnicodeEncodeError:
        raise InvalidArgument(u"the request cannot be sent: a header cannot be encoded as UTF-8")


def _learn(name):
    # type: (str) -> bool
    """Whether it is a valid field name.  Valid names are cached, as there are few."""
    if not _is_name(name):
        return False
    if len(_NAMES) < _NAMES_LIMIT:
        _NAMES[name] = name.lower()
    return True


class Answer(object):
    """A response's head.  ``length``: bytes of the body; None if it is chunked or ends with the connection.

    ``keep``: whether the connection can be reused after the body.
    """

    __slots__ = ("status", "headers", "length", "chunked", "keep")

    def __init__(self, status, headers, length, chunked, keep):
        # type: (int, Headers, int | None, bool, bool) -> None
        self.status, self.headers, self.length, self.chunked, self.keep = status, headers, length, chunked, keep


def read_head(head, method):
    # type: (bytes, str) -> Answer
    """The Answer to a request of ``method``.  ``head``: the bytes without the empty line.  Malformed."""
    if PY2:
        text = head
    else:
        text = head.decode("utf-8", "replace")
    lines = text.split("\r\n")
    first = lines[0]
    breaks = len(lines) - 1
    if not _is_status(first):
        raise Malformed(_NO_STATUS)
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise Malformed(_NO_LINE)
    if breaks > FIELD_LIMIT:
        raise Malformed(u"the head has more than %d fields" % FIELD_LIMIT)
    pairs, index, again = [], {}, ""  # type: list[tuple[str, str]], dict[str, str], str
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        lower = _NAMES.get(name)
        if not colon or (lower is None and not _learn(name)):
            if pairs and line[:1] in (" ", "\t"):  # continues the field before.  Source: RFC 9112 section 5.2
                return read_head(_fold.sub(b" ", head), method)
            raise Malformed(u"a line of the head is not a field")
        value = value.strip(" \t")
        pairs.append((name, value))
        lower = lower or name.lower()
        if lower not in index:
            index[lower] = value
        elif lower == "connection":
            again += "," + value
        elif lower == "transfer-encoding" or (lower == "content-length" and index[lower] != value):
            raise Malformed(u"the head contains %s twice" % to_text(lower))
    status = int(first[9:12])
    length, chunked, keep = _framing(status, method, index)
    connection = index.get("connection")
    if connection is not None:
        connection = (connection + again).lower()
        keep = keep and "close" not in connection
    if first[7] == "0":
        keep = keep and connection is not None and "keep-alive" in connection
    return Answer(status, Headers(pairs, index), length, chunked, keep)


_NO_STATUS = u"the status line is not one of HTTP/1"
_NO_LINE = u"a line of the head does not end in CR and LF, or contains CR, LF or NUL"


def _framing(status, method, index):
    # type: (int, str, dict[str, str]) -> tuple[int | None, bool, bool]
    """(length, chunked, keep) of a response's body."""
    if method == "HEAD" or status == 204 or status == 304 or status < 200:
        return 0, False, True
    length, coding = index.get("content-length"), index.get("transfer-encoding")
    if length is not None and not _is_length(length):
        raise Malformed(u"the length of the body is not a number")
    if coding is not None:
        if coding.lower() != "chunked":
            raise Malformed(u"the transfer coding is not chunked")
        return None, True, length is None  # with both, a proxy on the way may have used the other one
    if length is None:
        return None, False, False
    return int(length), False, True


class Head(object):
    """Collects the head of the response to a request of ``method``, and skips 1xx responses before it.

    ``found``: the Answer once it is complete.  ``rest``: the bytes after its head.
    """

    __slots__ = ("_method", "_buffer", "_interim", "found", "rest")

    def __init__(self, method):
        # type: (str) -> None
        self._method, self._buffer, self._interim = method, b"", 0
        self.found, self.rest = None, b""  # type: Answer | None, bytes

    def feed(self, data):
        # type: (bytes) -> Answer | None
        """The Answer; None while it is incomplete.  Malformed."""
        if self._buffer:
            data = self._buffer + data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if data[:7] != b"HTTP/1."[: len(data)]:
                    raise Malformed(u"it does not begin like HTTP/1")
                if len(data) > HEAD_LIMIT:
                    raise Malformed(u"the head is longer than %d bytes" % HEAD_LIMIT)
                _check_lines(data)
                self._buffer = data
                return None
            if end > HEAD_LIMIT:
                raise Malformed(u"the head is longer than %d bytes" % HEAD_LIMIT)
            found = read_head(data[:end], self._method)
            data = data[end + 4 :]
            if found.status >= 200:
                self.found, self.rest, self._buffer = found, data, b""
                return found
            self._interim += 1
            if found.status == 101 or self._interim > INTERIM_LIMIT:
                raise Malformed(u"it switches the protocol, or sends too many interim answers")

    def begun(self):
        # type: () -> bool
        """Whether any byte of a response came."""
        return bool(self._buffer) or self._interim > 0 or self.found is not None


def _check_lines(data):
    # type: (bytes) -> None
    """Malformed if an incomplete head cannot become a valid one."""
    breaks = data.count(b"\r\n")
    loose = data.count(b"\r") - (data[-1:] == b"\r")  # the byte after the last one has not come yet
    if data.count(b"\n") != breaks or loose != breaks or b"\0" in data:
        raise Malformed(_NO_LINE)
    if breaks:
        first = data[: data.find(b"\r\n")]
        if PY2:
            line = first
        else:
            line = first.decode("utf-8", "replace")
        if not _is_status(line):
            raise Malformed(_NO_STATUS)


class Chunks(object):
    """Decodes a chunked body, in pieces of any length.

    ``ended``: the body is complete.  ``rest``: the bytes after it.
    """

    __slots__ = ("ended", "rest", "_state", "_left", "_line", "_trailer")

    def __init__(self):
        # type: () -> None
        self.ended, self.rest = False, b""
        self._state, self._left, self._line, self._trailer = self._size, 0, b"", 0

    def feed(self, data):
        # type: (bytes) -> bytes
        """The body bytes in ``data``, b"" if there are none.  Malformed."""
        pieces = []  # type: list[bytes]
        while data and not self.ended:
            data = self._state(data, pieces)
        if self.ended:
            self.rest += data
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _whole(self, data):
        # type: (bytes) -> tuple[bytes | None, bytes]
        """(line or None, the rest): one line, collected over pieces."""
        end = data.find(b"\n")
        line = self._line + (data if end < 0 else data[: end + 1])
        if len(line) > _LINE_LIMIT:
            raise Malformed(u"a line of the chunks is too long")
        if end < 0:
            self._line = line
            return None, b""
        self._line = b""
        if line[-2:] != b"\r\n" or b"\r" in line[:-2]:
            raise Malformed(u"a line of the chunks does not end in CR and LF")
        return line[:-2], data[end + 1 :]

    def _size(self, data, pieces):
        # type: (bytes, list[bytes]) -> bytes
        line, data = self._whole(data)
        if line is not None:
            found = _is_size(line)
            if not found:
                raise Malformed(u"the size of a chunk is not a number")
            self._left = int(found.group(1), 16)
            self._state = self._content if self._left else self._trailers
        return data

    def _content(self, data, pieces):
        # type: (bytes, list[bytes]) -> bytes
        piece = data[: self._left]
        pieces.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._state = self._end
        return data[len(piece) :]

    def _end(self, data, pieces):
        # type: (bytes, list[bytes]) -> bytes
        line, data = self._whole(data)
        if line is not None:
            if line:
                raise Malformed(u"a chunk is longer than announced")
            self._state = self._size
        return data

    def _trailers(self, data, pieces):
        # type: (bytes, list[bytes]) -> bytes
        line, data = self._whole(data)
        if line is not None:
            self._trailer += len(line)
            if self._trailer > HEAD_LIMIT:
                raise Malformed(u"the trailer is longer than %d bytes" % HEAD_LIMIT)
            self.ended = not line
        return data


def chunk(data):
    # type: (bytes | memoryview) -> tuple[bytes, bytes]
    """(before, after): the bytes to send around a chunk of non-empty data."""
    return ("%x\r\n" % len(data)).encode("ascii"), b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"
