"""An upload in one request: the body from a file or a stream, and the etag to expect."""

from __future__ import absolute_import, division, print_function

import hashlib
import logging
from contextlib import closing

from ..protocol import etag
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import IntegrityError, LocalFailure, SourceChanged
from ..protocol.message import Slice
from .carrier import described
from .multipart_upload import Hashing
from .upload_source import READ, StreamSource, shown

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator  # noqa: F401

    from ..protocol.message import Response  # noqa: F401
    from ..protocol.operation import PutObject, Stored  # noqa: F401
    from .carrier import Carrier, Pairs  # noqa: F401
    from .upload_source import FileSource, Readable  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Bytes kept of a stream of unknown length.  A stream that is no longer is sent with its length, and can be retried.
HEAD = 1024 * 1024


class _Body(object):
    """A request body, as Transport.open takes it.  ``length``: bytes, or None.  For one thread; close it at the end."""

    length = None  # type: int | None

    def __init__(self):
        # type: () -> None
        self.sent = 0
        self._hashing = None  # type: Hashing | None

    def _next(self):
        # type: () -> bytes
        raise NotImplementedError

    def read(self, size=READ):
        # type: (int) -> bytes
        """The next bytes, b"" at the end: up to READ bytes whatever ``size`` is, as http libraries choose it small."""
        data = self._next()
        if data:
            if self._hashing is None:
                self._hashing = Hashing(self.length)
            self._hashing.update(data)
            self.sent += len(data)
        elif self.length is not None and self.sent < self.length:
            raise SourceChanged(u"the source ended after %d of %d bytes" % (self.sent, self.length))
        return data

    def __iter__(self):
        # type: () -> Iterator[bytes]
        return iter(self.read, b"")

    def rewind(self):
        # type: () -> bool
        """Go back to the first byte.  False if that is not possible."""
        self.close()
        self.sent = 0
        return True

    def md5(self):
        # type: () -> str | None
        """The MD5 of all bytes in hex, which reads them once more; None if they can be read only once."""
        if self.length is None:
            return None
        digest = hashlib.md5()
        done = 0
        while done < self.length:
            data = self._next()
            if not data:
                raise SourceChanged(u"the source ended after %d of %d bytes" % (done, self.length))
            digest.update(data)
            done += len(data)
            self.sent = done
        if not self.rewind():
            raise LocalFailure(u"the stream cannot be read a second time")
        return digest.hexdigest()

    def etag(self):
        # type: () -> str
        """The etag of the bytes read since the beginning."""
        return etag.Etag().value() if self._hashing is None else self._hashing.value()

    def close(self):
        # type: () -> None
        """End the hashing.  The source stays open."""
        if self._hashing is not None:
            self._hashing.close()
            self._hashing = None


class FileBody(_Body):
    """The bytes of a FileSource.  SourceChanged as soon as the file changes."""

    def __init__(self, source):
        # type: (FileSource) -> None
        super(FileBody, self).__init__()
        self._source = source
        self.length = source.size

    def _next(self):
        # type: () -> bytes
        where = Slice(self.sent, min(READ, self._source.size - self.sent))
        return self._source.read(where) if where.length else b""


class StreamBody(_Body):
    """The bytes of a stream, from its position to its end.

    A seekable stream is read again for another try.  Of any other stream the first HEAD bytes are kept: a stream that
    is no longer has a known length; a longer one is sent chunked, and is retried only if no further bytes were read.
    """

    def __init__(self, stream):
        # type: (Readable) -> None
        super(StreamBody, self).__init__()
        self._source, self._stream = StreamSource(stream), stream  # type: StreamSource, Any
        self._head, self._beyond = b"", 0
        self._start = _position(stream)
        if self._start is not None:
            self.length = _remaining(stream, self._start)
        else:
            self._head = self._source.block(HEAD)
            if len(self._head) < HEAD:
                self.length = len(self._head)

    def _next(self):
        # type: () -> bytes
        if self._start is None and self.sent < len(self._head):
            return self._head[self.sent : self.sent + READ]
        if self.length is not None and (self._start is None or self.sent >= self.length):
            return b""
        data = self._source.block(READ if self.length is None else min(READ, self.length - self.sent))
        self._beyond += len(data)
        return data

    def rewind(self):
        # type: () -> bool
        if self._beyond:
            if self._start is None:
                return False
            try:
                self._stream.seek(self._start)
            except (EnvironmentError, ValueError):
                return False
            self._beyond = 0
        return super(StreamBody, self).rewind()


def _position(stream):
    # type: (Any) -> int | None  # stream: any object
    """A stream's position, if it can seek back to it; else None."""
    try:
        if hasattr(stream, "seekable") and not stream.seekable():
            return None
        position = stream.tell()  # type: int
        stream.seek(position)
        return position
    except (AttributeError, EnvironmentError, ValueError, TypeError):
        return None


def _remaining(stream, start):
    # type: (Any, int) -> int | None  # stream: one that can seek
    """The bytes from ``start``, the stream's position, to its end; None if it cannot seek there."""
    try:
        stream.seek(0, 2)
        end = stream.tell()
    except (EnvironmentError, ValueError, TypeError):
        end = None
    try:
        stream.seek(start)
    except (EnvironmentError, ValueError) as error:
        raise LocalFailure(u"the stream cannot be read: %s" % shown(str(error)))
    return None if end is None else max(0, end - start)


def put(carrier, op, body, headers=()):
    # type: (Carrier, PutObject, _Body, Pairs) -> tuple[Stored, Response, bool]
    """(Stored, Response, verified) of a PutObject sent with a _Body.  verified: the etag was compared and is equal.

    IntegrityError if the service stored other bytes.  An etag of unknown form is not compared.
    """
    with closing(body):
        small = body.length is not None and body.length <= READ  # as one piece it costs the http libraries less
        stored, response = carrier.call(op, b"".join(body) if small else body, headers)
        actual, size = body.etag(), body.sent
    known = etag.is_etag(stored.etag)
    if not known:
        _log.warning("the service gave no etag of the stored object that can be verified")
    elif not etag.same(stored.etag or u"", actual, size):
        wrong = u"the stored object has etag %s but the source has %s" % (stored.etag, actual)
        raise described(IntegrityError(wrong, status=response.status), op, response)
    return stored, response, known


def file_etag(source):
    # type: (FileSource) -> str
    """The etag of a FileSource's bytes."""
    with closing(FileBody(source)) as body:
        for _ in body:
            pass
        return body.etag()
