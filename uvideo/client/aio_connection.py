"""One connection for an event loop: sends a request and returns the whole response, parsed by the SDK's wire."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

from uvideo._core import connection, message, wire

__all__ = ["AsyncConnection"]

#: While bytes are unsent: how often, within the allowed silence, to check whether some were sent.
LOOKS = 20
SLICE = 256 * 1024  # bytes given to the loop at a time

ticks = time.monotonic  # a loop's own clock may stand still while it is busy, as uvloop's does


class Silence(Exception):
    """The other side was silent for too long.  ``late``: the time for the whole request is over instead."""

    def __init__(self, late: bool = False) -> None:
        super().__init__()
        self.late = late


class TooLong(Exception):
    """The response's body is longer than allowed."""


class AsyncConnection(asyncio.Protocol):
    """Carries one request at a time.  ``used``: when it became idle, on the loop's clock.

    The steps are those of the SDK's ClientExchange, except that sending and reading run side by side.  The loop gets
    only as much of a request as it can send soon, so that a response can stop the rest.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.transport: Any = None
        self._readable: Any = None
        self._future: asyncio.Future[Any] | None = None
        self._head: Any = None
        self.answer: Any = None
        self._chunks: Any = None
        self._pieces: list[bytes] = []
        self._left: int | None = 0
        self.lowest: Any = None  # the transport below TLS
        self._rest = memoryview(b"")  # of the request, not yet given to the loop
        self.is_full = False  # whether the loop takes no more now
        self._went = False  # whether a piece of a long request was sent
        self.is_lost = False  # whether the loop has closed it
        self._failure: Exception | None = None  # the reason, if there was one
        self._size = self._unsent = 0
        self._most: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        self._timeout = self._quiet = 0.0  # the allowed silence, and when the current one began
        self._until: float | None = None
        self.used = 0.0
        self.begun = False  # whether any byte of the response came

    def is_idle(self) -> bool:
        """Whether it can be reused: it is open, and no bytes came unasked, read by the loop or not."""
        if self.is_closing():
            return False
        if self._readable is None:
            self._readable = connection.readable(self.transport.get_extra_info("socket").fileno())
        return not self._readable(0)

    async def exchange(
        self, data: bytes, method: str, most: int | None, timeout: float, until: float | None
    ) -> tuple[message.Response, bool]:
        """(Response, whether the connection can be reused).  ``most``: the most bytes of the body, or None.

        ``timeout``: seconds of silence.  ``until``: when it must end, in ticks.  Raises Silence, TooLong, EOFError,
        OSError or wire.Malformed.
        """
        if self.is_lost:  # it ended, or bytes came, before the request
            raise self._failure or EOFError
        self._future = future = self._loop.create_future()
        self._head, self.answer, self._chunks, self.begun = wire.Head(method), None, None, False
        self._pieces, self._left, self._size, self._most = [], 0, 0, most
        self._rest, self._went = self._rest[:0], False
        self._timeout, self._until, self._quiet = timeout, until, ticks()
        if self.is_closing():  # as above; the loop will report the reason
            pass
        elif len(data) <= SLICE:
            self.transport.write(data)
        else:
            self._rest = memoryview(data)
            self._go_on()
        self._unsent = self.left_to_send()
        if self.timer is None or self._unsent or until is not None:
            self.look()
        try:
            found: tuple[message.Response, bool] = await future
            return found
        finally:
            self._future = None

    def left_to_send(self) -> int:
        """Bytes of the request that the system has not taken yet."""
        waiting: int = 0 if self.lowest.is_closing() else self.transport.get_write_buffer_size()
        return waiting + len(self._rest)

    def is_closing(self) -> bool:
        """Whether no more can be sent.  On Python 3.10 a TLS transport that is closing cannot tell."""
        closing: bool = self.lowest.is_closing() or self.transport.is_closing()
        return closing

    def _go_on(self) -> None:
        """Give the loop as much of the request as it takes."""
        while self._rest and not self.is_full:
            piece, self._rest = self._rest[:SLICE], self._rest[SLICE:]
            self.transport.write(piece)
            if self.lowest.is_closing():  # it failed
                self._rest = self._rest[:0]
                self._read_on()
            else:
                self._went = True

    def look(self) -> None:
        """End the request if the other side was silent for too long.

        One timer serves all requests of a connection: a timer left from an earlier request fires no later than this
        one's silence may end.  No callback reports sent bytes, so unsent bytes are checked here.
        """
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self._future is None or self._future.done():
            return
        now = ticks()
        unsent = self.left_to_send()
        if unsent < self._unsent:  # the other side receives
            self._unsent, self._quiet = unsent, now
        end, late = self._quiet + self._timeout, False
        if self._until is not None and self._until <= end:
            end, late = self._until, True
        if now >= end:
            self._fail(Silence(late))
            return
        seconds = end - now
        if unsent:
            seconds = min(seconds, self._timeout / LOOKS)
        self.timer = self._loop.call_later(seconds, self.look)

    def _fail(self, error: BaseException) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)
        self._abort()

    def close(self) -> None:
        """Close it."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self._abort()

    def _abort(self) -> None:
        if not self.is_lost:  # else asyncio's transport would raise
            self.transport.abort()

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.lowest = self.lowest or transport

    def data_received(self, data: bytes) -> None:
        if self._future is None or self._future.done():  # unasked
            self._abort()
            return
        self._quiet = ticks()
        self.begun = True
        try:
            if self.answer is None:
                self.answer = self._head.feed(data)
                if self.answer is None:
                    return
                if self._rest:  # the response came: drop the rest of the request
                    self._rest, self.answer.keep = self._rest[:0], False
                data = self._head.rest
                self._left = self.answer.length
                if self.answer.chunked:
                    self._chunks = wire.Chunks()
            self._body(data)
        except (wire.Malformed, TooLong) as error:
            self._fail(error)

    def _body(self, data: bytes) -> None:
        keep = self.answer.keep and self.transport.get_write_buffer_size() == 0
        if self._chunks is not None:
            data = self._chunks.feed(data)
            ended = self._chunks.ended
            keep = keep and not self._chunks.rest
        elif self._left is None:
            ended = False
        else:
            if len(data) > self._left:
                data, keep = data[: self._left], False
            self._left -= len(data)
            ended = self._left == 0
        if data:
            self._pieces.append(data)
            self._size += len(data)
            if self.answer.status >= 300:
                if self._size >= message.REFUSAL and not ended:
                    self._done(False)  # a stranger's response may have no end
                    return
            elif self._most is not None and self._size > self._most:
                raise TooLong
        if ended:
            self._done(keep)

    def _done(self, keep: bool) -> None:
        if self._future is not None and not self._future.done():
            content = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._future.set_result((message.Response(self.answer.status, self.answer.headers, content), keep))

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self._go_on()

    def _read_on(self) -> None:
        """Read what arrived before sending failed, as the loop does not.  Not possible with uvloop."""
        if not self._went:  # the bytes came before the request, so they are no response to it
            return
        receiver = self.lowest.get_protocol()
        try:
            with self.lowest.get_extra_info("socket").dup() as left:
                left.setblocking(False)
                while data := left.recv(65536):
                    if isinstance(receiver, asyncio.BufferedProtocol):  # TLS
                        _fill(receiver, data)
                    else:
                        receiver.data_received(data)
        except (OSError, TypeError, AttributeError):  # there are no more bytes, or this loop's socket cannot be copied
            pass

    def eof_received(self) -> None:
        if self._is_whole():
            self._done(False)

    def _is_whole(self) -> bool:
        """Whether the connection's end is also the response's end.

        Under TLS, the other side must have sent its closing message: an attacker could have caused TCP's end.
        """
        if self.answer is None or self._left is not None or self._chunks is not None:
            return False
        tls = self.transport.get_extra_info("ssl_object")
        try:
            return tls is None or not tls.read(1)
        except ssl.SSLError as error:
            return isinstance(error, ssl.SSLZeroReturnError)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost, self._failure = True, error
        self._rest = self._rest[:0]
        if error is not None and self._future is not None and not self._future.done():
            self._read_on()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self._future is not None and not self._future.done():
            if error is None and self._is_whole():
                self._done(False)
            else:
                self._future.set_exception(error or EOFError())


def _fill(receiver: asyncio.BufferedProtocol, data: bytes) -> None:
    """Give a receiver bytes, as a transport does."""
    while data:
        buffer = memoryview(receiver.get_buffer(len(data)))[: len(data)]
        buffer[:], data = data[: len(buffer)], data[len(buffer) :]
        receiver.buffer_updated(len(buffer))
