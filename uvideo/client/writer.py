"""Writer: an object as a binary file for writing, stored and verified when it is closed, or not at all."""

from __future__ import annotations

import contextvars
import io
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from uvideo._core import threads
from uvideo.client.cancel import Cancel
from uvideo.errors import Cancelled, DeadlineExceeded, InvalidArgument, LocalFailure
from uvideo.models import Stored

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["Writer"]

_log = logging.getLogger("uvideo")

#: Bytes that may wait for the upload before `write` blocks.
ROOM = 4 << 20
#: Bytes: smaller writes are gathered.
PIECE = 64 * 1024


class _Pipe:
    """A bounded pipe from the writer's thread to the upload's thread.  Either end may give up."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces: deque[memoryview] = deque(memoryview(piece) for piece in pieces)
        self._size = sum(map(len, pieces))
        self._ended = self._abandoned = False
        self._error: BaseException | None = None  # of the upload's thread
        self._changed = threading.Condition()

    def check(self) -> None:
        """Raise the upload's error."""
        if self._error is not None:
            raise self._error

    def put(self, data: bytes) -> None:
        """Wait for room, then add ``data``."""
        with self._changed:
            while self._size >= ROOM and self._error is None:
                self._changed.wait()
            self.check()
            self._pieces.append(memoryview(data))
            self._size += len(data)
            self._changed.notify_all()

    def end(self, abandoned: bool = False) -> None:
        with self._changed:
            self._ended, self._abandoned = True, self._abandoned or abandoned
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = error
            self._pieces.clear()
            self._changed.notify_all()

    def read(self, size: int) -> memoryview:
        with self._changed:
            while not (self._pieces or self._ended):
                self._changed.wait()
            if self._abandoned:
                raise Cancelled("the writer was aborted")
            if not self._pieces:
                return memoryview(b"")
            piece = self._pieces.popleft()
            data, rest = piece[:size], piece[size:]
            if rest:
                self._pieces.appendleft(rest)
            self._size -= len(data)
            self._changed.notify_all()
            return data


class Writer(io.BufferedIOBase):
    """An object as a binary file for writing, of any length, with little memory.

    ``close`` stores it; before that nobody sees it.  ``stored`` is then the stored object.  Up to the settings'
    multipart_threshold the bytes are kept in memory and sent in one request; beyond it, parts are sent while more is
    written.  If the upload fails, the next write or close raises its error, and nothing is stored.  A ``with`` block
    that raises aborts: nothing is stored, and nothing is left at the service.  The same holds for a ``close`` while an
    error raised since opening is being handled, as io.TextIOWrapper and ``finally`` close in any case.  A writer that
    is garbage-collected without ``close`` is aborted, too.  For one thread at a time.
    """

    mode = "wb"

    def __init__(
        self,
        upload: Callable[..., Stored],
        space: str,
        key: str,
        threshold: int,
        ticks: Callable[[], float],
        cancel: Cancel | None,
        deadline: float | None,
    ) -> None:
        """``upload(source, cancel=, deadline=)``: Client.upload of this object with its options."""
        super().__init__()
        self.space, self.key, self.name = space, key, key
        self.stored: Stored | None = None
        self._upload, self._threshold, self._ticks = upload, threshold, ticks
        self._until = None if deadline is None else ticks() + deadline
        self._outer, self._cancel = cancel, Cancel()
        self._size = self._kept = 0
        self._gathered = bytearray()
        self._pieces: list[bytes] = []  # written before the upload begins, ``_kept`` bytes
        self._pipe: _Pipe | None = None
        self._future: Future[Stored] = Future()
        self._thread: threading.Thread | None = None
        self._handled = sys.exc_info()[1]
        self._pid = os.getpid()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check_open()
        return self._size

    def flush(self) -> None:
        """Does nothing: ``close`` stores the object as a whole."""
        self._check_open()

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of ``data``.  Waits while the network is slower."""
        self._check()
        view = memoryview(data).cast("B")
        if len(view) < PIECE:
            self._gathered += view
        else:
            self._hand_over(self._rest())
            self._hand_over(data if isinstance(data, bytes) else bytes(view))
        if len(self._gathered) >= PIECE:
            self._hand_over(self._rest())
        self._size += len(view)
        return len(view)

    def close(self) -> None:
        """Store what was written.  A second call does nothing.  Raises the upload's error."""
        if self.closed:
            return
        handled = sys.exc_info()[1]
        if handled is not None and handled is not self._handled:
            _log.warning("%s/%s is closed because of an error and not stored", self.space, self.key)
            self.abort()
            return
        try:
            self._check()
            self.stored = self._finish()
        except BaseException:
            self.abort()
            raise
        super().close()

    def abort(self) -> None:
        """Store nothing, and free the uploaded parts at the service.  Does nothing after ``close``."""
        if self.closed:
            return
        try:
            if os.getpid() == self._pid:
                self._give_up()
                if self._thread is not None:
                    self._thread.join()
        finally:
            super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
        else:
            self.close()

    def __del__(self) -> None:
        if not self.closed:
            if os.getpid() == self._pid:
                _log.warning("the writer of %s/%s was never closed: nothing is stored", self.space, self.key)
                self._give_up()  # the upload's thread does the rest
            super().close()

    def __repr__(self) -> str:
        return f"<Writer of {self.space}/{self.key}, {self._size} bytes so far>"

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("write to closed file")

    def _check(self) -> None:
        self._check_open()
        if os.getpid() != self._pid:
            raise InvalidArgument(f"this writer belongs to process {self._pid}: after a fork, open another one")
        if self._outer is not None:
            self._outer.check()
        self._left()
        if self._pipe is not None:
            self._pipe.check()

    def _left(self) -> float | None:
        """Seconds until the deadline.  DeadlineExceeded if it is over."""
        if self._until is None:
            return None
        left = self._until - self._ticks()
        if left <= 0:
            raise DeadlineExceeded(space=self.space, key=self.key)
        return left

    def _rest(self) -> bytes:
        """The bytes that were gathered and not passed on."""
        data, self._gathered = bytes(self._gathered), bytearray()
        return data

    def _hand_over(self, data: bytes) -> None:
        if not data:
            return
        if self._pipe is not None:
            self._pipe.put(data)
            return
        self._pieces.append(data)
        self._kept += len(data)
        if self._kept > self._threshold:
            self._begin()

    def _begin(self) -> None:
        """Start the upload's thread.  It holds no reference to this writer, which may be garbage-collected."""
        pipe = _Pipe(self._pieces)
        given = (self._upload, pipe, self._outer, self._cancel, self._left(), self._future)
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(_drive, *given), name="uvideo-writer", daemon=True)
        try:
            threads.start(thread)
        except threads.NoThread as error:
            raise LocalFailure(f"no thread can be started: {error}") from None
        self._pieces, self._pipe, self._thread = [], pipe, thread

    def _finish(self) -> Stored:
        rest = self._rest()
        if self._pipe is None:
            data, self._pieces = b"".join([*self._pieces, rest]), []
            return _led(self._upload, data, self._outer, self._cancel, self._left())
        if rest:
            self._pipe.put(rest)
        self._pipe.end()
        return self._future.result()

    def _give_up(self) -> None:
        self._pieces, self._gathered = [], bytearray()
        self._cancel.set()
        if self._pipe is not None:
            self._pipe.end(abandoned=True)


def _led(
    upload: Callable[..., Stored], source: bytes | _Pipe, outer: Cancel | None, cancel: Cancel, deadline: float | None
) -> Stored:
    with nullcontext() if outer is None else outer.leading(cancel):
        return upload(source, cancel=cancel, deadline=deadline)


def _drive(
    upload: Callable[..., Stored],
    pipe: _Pipe,
    outer: Cancel | None,
    cancel: Cancel,
    deadline: float | None,
    future: Future[Stored],
) -> None:
    """The upload's thread."""
    try:
        stored = _led(upload, pipe, outer, cancel, deadline)
    except BaseException as error:
        pipe.fail(error)
        future.set_exception(error)
    else:
        future.set_result(stored)
