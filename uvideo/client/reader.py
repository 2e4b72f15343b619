"""Reader: an object as a binary file for reading.  Seekable, buffered, of one version, verified if read to its end."""

from __future__ import annotations

import errno
import io
import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from uvideo._core import byterange, etag, objects, operation, pool, retry
from uvideo._core import carrier as carriers
from uvideo._core import multipart_upload as machines
from uvideo.client import operations
from uvideo.client.lookup import looked_up
from uvideo.errors import IntegrityError, NoAnswer, ObjectChanged, PreconditionFailed, UVideoError
from uvideo.models import ObjectInfo, T
from uvideo.transfer.copy import finished
from uvideo.transfer.limit import Limit

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from uvideo.client.carrier import Carrier
    from uvideo.client.operations import DataCall

Stream = pool.Stream
Attempts = retry.Attempts

__all__ = ["Reader", "opened"]

#: Bytes of a cache block, and of the first request at a new position.
BLOCK = 64 * 1024
#: The most bytes in a reader's cache.
CACHE = 8 << 20
#: Bytes of one read; limit, cancel and deadline are checked after each.
PIECE = 256 * 1024


class _Object(io.RawIOBase):
    """The unbuffered object: its position, its open request, and its cache.

    A request fetches one block.  Each request that continues the last one fetches four times as much, and its body is
    read as needed.  A request at another position starts again with one block.
    """

    def __init__(
        self, carrier: Carrier, expires: int | None, info: ObjectInfo, cache: int, limit: Limit | None, verify: bool
    ) -> None:
        super().__init__()
        self._carrier, self._expires, self._limit = carrier, expires, limit
        self.info, self.name, self.mode = info, info.key, "rb"
        self._place = 0
        self.stream: Stream | None = None
        self._at, self._until = -1, -1  # position and end of the stream
        self._streak = 0  # requests in a row that each began where the last one ended
        self.blocks: OrderedDict[int, bytes] = OrderedDict()  # number: bytes, the last used at the end
        self._most = max(1, cache // BLOCK)
        self._hash = etag.Etag() if verify and etag.is_etag(info.etag) else None
        self._hashed = 0  # bytes hashed, from the start
        self._wrong: UVideoError | None = None
        self.verified = False
        self._attempts: Attempts | None = None
        self._since = 0  # bytes received since a try failed
        self._deadline: float | None = None  # of the current call, in the carrier's ticks
        self._pid = os.getpid()
        if not info.size:
            self._verify()

    def begin(self) -> None:
        """Begin a call.  Its total time counts from now."""
        self._deadline = self._carrier.attempts(None).deadline

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check_open()
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check_open()
        if whence not in (io.SEEK_SET, io.SEEK_CUR, io.SEEK_END):
            raise ValueError(f"whence is {whence}; it must be 0, 1 or 2")
        place = offset + (0, self._place, self.info.size)[whence]
        if place < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = place
        return place

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._check()
        view = memoryview(buffer).cast("B")
        if not view or self._place >= self.info.size:
            return 0
        number, offset = divmod(self._place, BLOCK)
        block = self.blocks.get(number)
        if block is not None:
            self.blocks.move_to_end(number)
        elif self._place == self._at or len(view) > BLOCK:
            block, offset = self._take(self._place, len(view)), 0
        else:
            block = self._block(number)
        data = memoryview(block)[offset : offset + len(view)]
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def readall(self) -> bytes:
        self._check()
        pieces = []
        while (left := self.info.size - self._place) > 0:
            pieces.append(self._take(self._place, left))
            self._place += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        if not self.closed:
            self._leave()
            self.blocks.clear()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    def _check(self) -> None:
        """ValueError if the file is closed.  An error that cannot pass is raised again at each call."""
        self._check_open()
        if self._wrong is not None:
            raise self._wrong

    def _block(self, number: int) -> bytes:
        """A block of the object, which is then cached."""
        start = number * BLOCK
        pieces, missing = [], min(BLOCK, self.info.size - start)
        while missing:
            pieces.append(self._take(start, missing))
            start += len(pieces[-1])
            missing -= len(pieces[-1])
        found = self.blocks[number] = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        while len(self.blocks) > self._most:
            self.blocks.popitem(last=False)
        return found

    def _take(self, at: int, most: int) -> bytes:
        """At least one byte of the object from ``at`` on, at most ``most``.  Retries failures that may pass."""
        while True:
            op = operations.get(self.info.space, self.info.key)
            try:
                self._carrier.check()
                limit = self._carrier.limit(self._deadline)
                if self.stream is not None and limit is not None:
                    self.stream.limit(limit)
                self._stand(at, most)
                return self._receive(min(most, PIECE))
            except UVideoError as error:
                self._leave()
                carriers.described(error, op)
                if isinstance(error, PreconditionFailed):
                    raise self._changed() from error
                if self._attempts is None or self._since >= PIECE:  # progress was made
                    self._attempts, self._since = self._carrier.attempts(op), 0
                if self._deadline is not None:
                    self._attempts.deadline = self._deadline
                if not self._carrier.pause(self._attempts, error, op):
                    raise
            except BaseException:
                self._leave()
                raise

    def _stand(self, at: int, most: int) -> None:
        """Move the stream to ``at``: read on in the open one if it is near, else open another."""
        if self._pid != os.getpid():  # after a fork the stream is the parent's
            self.stream, self._pid = None, os.getpid()
        if self.stream is not None and self._at <= at < self._until and at - self._at <= BLOCK:
            while self._at < at:
                self._receive(at - self._at)
            return
        self._drain()
        self._streak = self._streak + 1 if at == self._at else 0
        length = max(most + BLOCK if most > BLOCK else BLOCK, BLOCK << 2 * min(self._streak, 20))
        end = min(self.info.size, at + length)
        op = operations.get(self.info.space, self.info.key, at, end, self.info.etag)
        stream = self._carrier.open(op, self._expires, (), self._deadline)
        try:
            self._until = self._checked(objects.decode_info(stream.headers, stream.status), at, end)
        except BaseException:
            stream.close()
            raise
        self.stream, self._at = stream, at

    def _checked(self, found: operation.ObjectInfo, at: int, end: int) -> int:
        """The end of a response to a request for the bytes from ``at`` up to ``end`` of this version."""
        if found.etag != self.info.etag or found.size not in (None, self.info.size):
            raise self._changed()
        wrong = byterange.mismatch(byterange.ByteRange(at, end - 1), found.span, self.info.size)
        if wrong is not None:
            raise IntegrityError(wrong)
        return end

    def _receive(self, most: int) -> bytes:
        """At least one byte of the stream, at most ``most``; usually fewer."""
        if self._limit is not None:
            most = min(most, machines.paced(self._limit, 1))
        assert self.stream is not None
        data: bytes = self.stream.read(min(most, self._until - self._at))
        if not data:
            raise NoAnswer(f"the body ended {self._until - self._at} bytes early")
        if self._hash is not None and self._at <= self._hashed < self._at + len(data):
            fresh = data[self._hashed - self._at :]
            self._hash.update(fresh)
            self._hashed += len(fresh)
            self._verify()
        self._at += len(data)
        self._since += len(data)
        if self._at == self._until:
            self._leave()
        if self._limit is not None:
            self._carrier.wait(self._limit.reserve(len(data), self._carrier.ticks()))
        return data

    def _verify(self) -> None:
        """Compare the etag, if every byte was hashed."""
        if self._hash is None or self._hashed < self.info.size:
            return
        actual = self._hash.value()
        self._hash = None
        if not etag.same(str(self.info.etag), actual, self.info.size):
            self._wrong = self._about(IntegrityError(etag.mismatch(self.info.etag, actual, self.info.headers.items())))
            raise self._wrong
        self.verified = True

    def _changed(self) -> UVideoError:
        self._wrong = self._about(ObjectChanged("the object changed since it was opened: open it again"))
        return self._wrong

    def _about(self, error: UVideoError) -> UVideoError:
        error.operation, error.space, error.key = "GetObject", self.info.space, self.info.key
        return error

    def _drain(self) -> None:
        """Leave the stream.  If little of its body is left, read it, so that the connection can be reused."""
        if self.stream is not None and self._until - self._at <= BLOCK:
            try:
                while self.stream is not None:
                    self._receive(BLOCK)
            except NoAnswer:
                pass
        self._leave()

    def _leave(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None and self._pid == os.getpid():
            stream.close(reuse=self._at == self._until)


class Reader(io.BufferedReader):
    """An object as a binary file for reading, like the result of open(path, "rb"), for zipfile, tarfile and so on.

    size: bytes.  etag: of the version that was opened.  info: the object's ObjectInfo.  verified: whether every byte
    was read and the etag compared.  Reading raises UVideoError: ObjectChanged if the object changes after opening,
    IntegrityError if the bytes, read from the start without a gap, have another etag.  A body that breaks off is
    continued from that byte.  Memory: the cache and 320 KiB.  Threads may share it: calls run one after the other, with
    one position.
    """

    def __init__(self, source: _Object) -> None:
        super().__init__(source, BLOCK)
        self._object = source

    @property
    def info(self) -> ObjectInfo:
        return self._object.info

    @property
    def size(self) -> int:
        return self._object.info.size

    @property
    def etag(self) -> str | None:
        return self._object.info.etag

    @property
    def verified(self) -> bool:
        return self._object.verified

    def __repr__(self) -> str:
        return f"<Reader of {self.info.space}/{self.info.key}, {self.size} bytes>"


class _TimedReader(Reader):
    """A Reader of a client with a total time, which applies to each of these calls."""

    def read(self, size: int | None = -1, /) -> bytes:
        self._object.begin()
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        self._object.begin()
        return super().read1(size)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._object.begin()
        return super().readinto(buffer)

    def readinto1(self, buffer: WriteableBuffer, /) -> int:
        self._object.begin()
        return super().readinto1(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._object.begin()
        return super().readline(size)

    def peek(self, size: int = 0, /) -> bytes:
        self._object.begin()
        return super().peek(size)


def opened(
    carrier: Carrier, expires: int | None, space: str, key: str, cache: int, limit: Limit | None, verify: bool
) -> Reader:
    """A Reader of an object's current version.  NotFound."""

    async def ask(call: DataCall[T]) -> T:
        return call.convert(carrier.call(call.operation)[0])

    info = finished(looked_up(ask, space, key))
    kind = Reader if carrier.retry.total_seconds is None else _TimedReader
    return kind(_Object(carrier, expires, info, cache, limit, verify))
