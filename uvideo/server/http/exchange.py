"""A request in flight, with its body and its answer, and the watchdog for all of them.

HTTP by means of aiohttp; no rules of the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http
import random
import socket
import struct
import time
from collections.abc import AsyncGenerator
from typing import Any, cast

from aiohttp import HttpVersion10, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from uvideo._core import dates, errors, field, message
from uvideo.server.auth.client_address import ClientAddress
from uvideo.server.http.cross_origin import Crossing
from uvideo.server.limits.memory_budget import FREE, LEAST_READ, Budget
from uvideo.server.ops.audit import AuditEntry
from uvideo.server.rules.objects import ObjectBody
from uvideo.storage.base import BlobReader, Damaged, FileRegion
from uvideo.storage.send_window import Window

__all__ = [
    "IDLE",
    "LEAST_RATE",
    "NAME",
    "BrokenOff",
    "Disconnected",
    "Exchange",
    "Unreadable",
    "Watchdog",
    "object_pieces",
]

LEAST_VERSION = HttpVersion10
SETTLE = 0.05  # seconds in which the requests take what came while the process stood still
IDLE = 60.0  # seconds without a byte after which a connection is aborted
LEAST_RATE = 16.0  # bytes a second; a client's `bandwidth` is 1,000 or more, and 62 of its transfers may share that
DIRECT = 64 * 1024  # bytes of a stored body that are joined into one write
#: For files without sendfile, as with TLS: bytes of one write, and bytes in memory of all answers.
PIECE = 32 * 1024
WINDOW = Window(1024 * 1024, least=8 * 1024)
LARGE = 64 * 1024  # bytes of an answer; not every connection may hold two of these
SENDFILE = 4 * 1024 * 1024  # bytes of one call of sendfile
DRAIN = 8 * 1024 * 1024  # bytes of a body that are discarded so that the client reads the answer and gets no reset
DRAIN_SECONDS = 10.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PHRASES = {status.value: status.phrase for status in http.HTTPStatus}
BODILESS = (204, 304)
#: errno values that only the file can cause in sendfile, not the socket: a failed disk, a damaged filesystem.
OF_THE_FILE = (errno.EIO, errno.ESTALE, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO))  # the last: Linux
NAME = "uvideo"  # in the Server header, without a version

_UUID_BITS = 4 << 76 | 2 << 62  # version 4 of the variant of RFC 9562
_UUID_MASK = ~(15 << 76 | 3 << 62)
_TCP_ACKED = 120  # offset of tcpi_bytes_acked in Linux' struct tcp_info
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close discards unsent bytes


class Disconnected(Exception):
    """The client disconnected, stalled or cut off its body.  An answer is not possible."""


class BrokenOff(Disconnected):
    """The server aborted the connection: the head announced bytes that could not be read."""


class Unreadable(Exception):
    """The object's bytes could not be read.  ``failure``: the driver's exception, not the connection's."""

    def __init__(self, failure: OSError) -> None:
        super().__init__(str(failure))
        self.failure = failure


async def object_pieces(content: ObjectBody) -> AsyncGenerator[bytes, None]:
    """The bytes of an ObjectBody that has a reader.  Unreadable.

    A file is read in small pieces, so a client that does not read costs the memory of one.  An object store gets one
    request for all bytes, and limits its memory itself.
    """
    reader, offset, end = content.reader, content.offset, content.offset + content.length
    assert reader is not None
    while offset < end:
        taken = WINDOW.take(min(PIECE, end - offset)) if reader.has_files else 0
        step = taken or content.length
        pieces = reader.read(offset, min(step, end - offset))
        try:
            async for piece in pieces:
                yield piece
        except OSError as failure:
            raise Unreadable(failure) from None
        finally:
            WINDOW.give(taken)
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        offset += step


def new_session() -> str:
    """A random UUID as text.  It is not secret, so it does not use os.urandom, which takes ten times as long."""
    digits = "%032x" % (random.getrandbits(128) & _UUID_MASK | _UUID_BITS)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def common(session: str) -> tuple[tuple[str, str], ...]:
    """The headers of every answer, on both ports."""
    return (
        (field.SESSION, session),
        ("Server", NAME),
        ("X-Content-Type-Options", "nosniff"),  # browsers must not guess another media type for an object
        ("Vary", "Origin"),  # always: a cache may give the answer to a page later
    )


class _Sent(web.StreamResponse):
    """Stands for an answer that is written already; aiohttp needs a response object."""

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self._keep = keep

    @property
    def keep_alive(self) -> bool:
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


SENT, SENT_LAST = _Sent(True), _Sent(False)


class Exchange:
    """A request and its answer.  It is the ``Body`` that the service reads.

    ``received``, ``sent``: bytes of the bodies so far.  ``waiting``: whether the server waits for the client.
    ``operation``: its name, "" while that is not known.  ``ret_code``: of an error.
    ``account``: whose valid signature the request has, "" while that is not known, or if it has none.
    ``budget``: for memory other than that of a stored body; None: no limit.
    ``crossing``: the page of another origin that may read the answer, or None.
    ``sender``: the client.
    ``entry``: the entry for the audit log until it is written, or None.
    ``least_rate``: bytes a second that this client must keep up if the server expects less of all clients.
    """

    __slots__ = (
        "_asked",
        "_begun",
        "_content",
        "_held",
        "account",
        "before",
        "budget",
        "closing",
        "crossing",
        "entry",
        "expects",
        "headers",
        "key",
        "least_rate",
        "length",
        "mark",
        "operation",
        "owed",
        "received",
        "request",
        "ret_code",
        "sender",
        "sent",
        "session",
        "since",
        "space",
        "status",
        "waiting",
    )

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.session = new_session()
        self.headers = message.Headers(request.headers.items())
        self.sender: ClientAddress = cast(Any, request.protocol).sender_of(self.headers)
        self._content = request.content
        self.received = self.sent = 0
        self.status = 499
        self.space = self.key = self.operation = self.account = ""
        self.ret_code: int | None = None
        self.crossing: Crossing | None = None
        self.entry: AuditEntry | None = None
        self.waiting = self.closing = self._asked = False
        self._begun: tuple[web.StreamResponse, bytes] | None = None
        self.mark: tuple[int, int, int] | None = None
        self.since = self.owed = self.least_rate = 0.0
        self.before: int | None = None
        self.budget: Budget | None = None
        self._held = 0
        self.length: int | None = 0
        if request.body_exists:
            announced = request.headers.get("Content-Length")
            self.length = int(announced) if announced is not None else None
        self.expects = "Expect" in request.headers and request.headers["Expect"].strip().lower() == "100-continue"

    # Body

    async def chunk(self) -> bytes:
        """As ``body_buffer.Body``.  BadRequest for a malformed chunked body; Disconnected."""
        if not self._asked:
            self._ask()
        self.waiting = True
        try:
            data = await self._content.readany()
        except (web.RequestPayloadError, HttpProcessingError):  # the latter comes from aiohttp's Python parser
            self.closing = True
            raise errors.BadRequest("the body is not transferred as its headers say") from None
        except OSError:
            raise Disconnected() from None
        except Exception as error:  # the transport or the parser set it on the stream
            if self.request.transport is None:
                raise Disconnected() from error
            raise
        finally:
            self.waiting = False
        self.received += len(data)
        return data

    async def small(self, limit: int) -> bytes:
        """The whole body; TooLarge if it is longer than ``limit`` bytes.  Unavailable as ``hold``."""
        if self.length is not None and self.length > limit:
            raise errors.TooLarge(f"the body is longer than {limit} bytes")
        body, free = bytearray(), FREE
        while data := await self.chunk():
            body += data
            if len(body) > limit:
                raise errors.TooLarge(f"the body is longer than {limit} bytes")
            if len(body) > free:
                self.hold(len(body) - free + LEAST_READ)
                free = len(body) + LEAST_READ
        return bytes(body)

    async def skip(self) -> None:
        """Read and discard the whole body: a client that is disconnected while it sends does not read the answer.

        There is no limit, so check the request's signature before.
        """
        while await self.chunk():
            pass

    def read_at_once(self, size: int) -> None:
        """As ``body_buffer.Body``."""
        connection = self.request.protocol
        if hasattr(connection, "read_at_once"):
            connection.read_at_once(self._content, size)

    def hold(self, size: int) -> None:
        """Reserve memory, in bytes, until the request ends.  Unavailable if all requests together hold too much."""
        if self.budget is None:
            return
        if not self.budget.take(size):
            raise errors.Unavailable("too many large requests at once", retry_after=1, cause="requests")
        self._held += size

    def release(self, size: int) -> None:
        """Give back reserved memory, in bytes."""
        if self.budget is not None:
            self.budget.give(size)
            self._held -= size

    def end(self) -> None:
        """The request ends, and gives all its memory back."""
        self.release(self._held)

    def _ask(self) -> None:
        self._asked = True
        if self.expects and self.request.transport is not None and self.request.version >= (1, 1):
            self.request.transport.write(CONTINUE)

    def _rest(self) -> int:
        """How many bytes of the body to discard after the answer: all of a short body, otherwise at most DRAIN.

        A client that waits for "100 Continue" sends nothing.
        """
        if self._content.is_eof():
            return 0
        if self.expects and not self._asked:
            self.closing = True
            return 0
        if self.length is None or self.length - self.received > DRAIN:
            self.closing = True
        return DRAIN

    async def _drain(self, rest: int) -> None:
        self.waiting = True
        while rest > 0:
            data = await self._content.readany()
            if not data:
                return
            rest -= len(data)

    # Answer

    async def answer(self, response: message.Response, content: ObjectBody | None = None) -> web.StreamResponse:
        """Send a response, and the content if there is one.  Disconnected; Unreadable."""
        self.status = 200 if self.is_begun else response.status  # as it was sent
        rest = self._rest()
        try:
            carried = await (self._send(response, content) if self._begun is None else self._finish(response))
        except (OSError, RuntimeError) as error:
            if isinstance(error, OSError) or self.is_gone():
                raise Disconnected() from None
            raise
        finally:
            self.waiting = False
        if rest:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._drain(rest), DRAIN_SECONDS)
            self.waiting = False
        return carried

    @property
    def is_begun(self) -> bool:
        """Whether ``begin`` was called."""
        return self._begun is not None

    async def begin(self, headers: message.Headers, first: bytes) -> None:
        """Send the head of an answer with the status 200, and the first bytes of its body, before the rest is known.

        ``answer`` then sends only the rest of the body.  OSError, RuntimeError if the connection is lost.
        """
        carried = web.StreamResponse(headers=self._head(message.Response(200, headers, b"")))
        if self.request.version < (1, 1):
            carried.force_close()  # the end of the connection ends the body
        self._begun = carried, first
        await carried.prepare(self.request)
        await self.send_more(first)

    async def send_more(self, data: bytes) -> None:
        """Send more bytes of an answer that is begun.  Errors as ``begin``."""
        assert self._begun is not None
        await self._write(self._begun[0], data)

    async def _finish(self, response: message.Response) -> web.StreamResponse:
        """Send the body of a response but for the bytes that ``begin`` sent.  Its status and headers cannot be sent."""
        assert self._begun is not None
        carried, first = self._begun
        if self.closing:
            carried.force_close()
        self.waiting = True
        await self._write(carried, response.body.removeprefix(first))
        await carried.write_eof()
        return carried

    def _head(self, response: message.Response) -> CIMultiDict[str]:
        """The headers of a response, with those of every answer.  A preflight keeps its own Vary."""
        headers = CIMultiDict[str](response.headers.pairs)
        for name, value in common(self.session):
            headers.setdefault(name, value)
        if self.crossing is not None:
            headers.extend(self.crossing.answer(list(headers)))
        return headers

    async def _send(self, response: message.Response, content: ObjectBody | None) -> web.StreamResponse:
        headers = self._head(response)
        body: bytes = response.body
        if content is not None:
            if content.reader is None:
                assert content.inline is not None
                body = content.inline[content.offset : content.offset + content.length]
            elif content.length <= DIRECT:
                body = b"".join([piece async for piece in object_pieces(content)])
            else:
                return await self._send_bulk(web.StreamResponse(status=response.status, headers=headers), content)
        return await self._send_whole(response.status, headers, body)

    async def _send_whole(self, status: int, headers: CIMultiDict[str], body: bytes) -> web.StreamResponse:
        """Send head and body in one write.  web.Response would take as long as everything else together."""
        request, writer = self.request, self.request.writer
        keep, version = request.keep_alive and not self.closing, request.version
        if version[0] < LEAST_VERSION[0]:
            version = HttpVersion10
        if status in BODILESS:
            headers.popall("Content-Length", None)
            body = b""
        elif body or request.method != "HEAD":
            headers.setdefault("Content-Length", str(len(body)))
        headers.setdefault("Date", dates.http_date(time.time()))
        if keep != (version >= (1, 1)):  # differs from the default of this HTTP version
            headers["Connection"] = "keep-alive" if keep else "close"
        if request.method == "HEAD":
            body = b""
        if len(body) > LARGE:
            self.hold(len(body))
        self.waiting = True
        await writer.write_headers(f"HTTP/{version[0]}.{version[1]} {status} {PHRASES.get(status, '')}", headers)
        await writer.write_eof(body)
        self.sent += len(body)
        return SENT if keep else SENT_LAST

    async def _send_bulk(self, carried: web.StreamResponse, content: ObjectBody) -> web.StreamResponse:
        reader = content.reader
        assert reader is not None
        if self.closing:
            carried.force_close()
        transport = self.request.transport
        if transport is None:
            raise Disconnected()
        in_files = reader.has_files and transport.get_extra_info("sslcontext") is None
        async with contextlib.aclosing(object_pieces(content)) as pieces:
            first = b"" if in_files else await anext(pieces)  # no head is sent: an error can be answered
            self.waiting = True
            await carried.prepare(self.request)
            try:
                if in_files:
                    await self._send_files(transport, reader, content)
                else:
                    await self._write(carried, first)
                    first = b""
                    async for piece in pieces:
                        await self._write(carried, piece)
                await carried.write_eof()
            except BaseException:  # the head announced more bytes: only closing the connection can report it
                self.abort()
                raise
        return carried

    async def _write(self, carried: web.StreamResponse, piece: bytes) -> None:
        """Write a piece, and wait until the connection's buffer is below its limit."""
        await carried.write(piece)
        await self.request.writer.drain()  # aiohttp waits after each 64 KiB
        self.sent += len(piece)

    async def _send_files(self, transport: asyncio.Transport, reader: BlobReader, content: ObjectBody) -> None:
        """As ``_sendfile``, for each of the content's files."""
        async with contextlib.aclosing(reader.files(content.offset, content.length)) as regions:
            while True:
                try:
                    region = await anext(regions, None)
                except OSError as failure:
                    raise Unreadable(failure) from None
                if region is None:
                    return
                await self._sendfile(transport, region)

    async def _sendfile(self, transport: asyncio.Transport, region: FileRegion) -> None:
        """OSError of the connection; Unreadable if the file fails or ends too early."""
        loop = asyncio.get_running_loop()
        offset, end = region.offset, region.offset + region.length
        while offset < end:
            try:
                count = await loop.sendfile(transport, region.file, offset, min(SENDFILE, end - offset))
            except OSError as failure:
                if failure.errno in OF_THE_FILE:
                    raise Unreadable(failure) from None
                raise
            if not count:
                raise Unreadable(Damaged(f"the blob {region.blob} became shorter: it ends before byte {offset}"))
            offset += count
            self.sent += count

    # Watchdog

    def progress(self) -> tuple[int, int, int]:
        """(bytes received, bytes sent, bytes acknowledged by the peer since it connected or 0 if unknown)."""
        transport = self.request.transport
        acked = 0
        if transport is not None:
            with contextlib.suppress(Exception):  # not TCP, or not Linux
                info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
                (acked,) = struct.unpack_from("Q", info, _TCP_ACKED)
        return self.received, self.sent, acked

    def is_gone(self) -> bool:
        """Whether the connection is lost."""
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def abort(self) -> None:
        """Abort the connection.  Everything that waits for it gets an error.

        It does not close the transport: a sendfile that waits for the socket would not notice.
        """
        transport = self.request.transport
        found = transport.get_extra_info("socket") if transport is not None else None
        if found is not None:
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                found.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """Aborts connections of slow clients.  Only the time counts in which the server waits for the client.

    A connection is aborted after ``idle`` seconds without a byte, or, once the server has waited ``idle`` seconds in
    total, if it was slower than ``rate`` bytes a second.  There is one timer for all requests.
    """

    def __init__(self, idle: float, rate: float = 0.0) -> None:
        self._idle, self._rate = idle, rate
        self.active: set[Exchange] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looked, self._is_late = 0.0, False

    def change(self, idle: float, rate: float) -> None:
        """Set other limits, for requests in progress too."""
        self.stop()
        self._idle, self._rate = idle, rate
        self.start()

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._idle / 4, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked > self._idle / 2 and not self._is_late:
            # This process stood still.  What has come meanwhile is taken first.
            self._is_late = True
            self._timer = asyncio.get_running_loop().call_later(SETTLE, self._look)
            return
        self._is_late = False
        passed, self._looked = now - self._looked, now
        for exchange in self.active:
            mark = exchange.progress() if exchange.waiting else None
            if mark is not None and exchange.mark is not None:
                exchange.owed += passed
            if mark is not None and self._is_slow(exchange, mark):
                exchange.abort()
            if mark is None or mark != exchange.mark:
                exchange.mark, exchange.since = mark, now
            elif now - exchange.since >= self._idle:
                exchange.abort()
        self.start()

    def _is_slow(self, exchange: Exchange, mark: tuple[int, int, int]) -> bool:
        """Whether the client is too slow: all bytes received, and the bytes sent since the first check."""
        received, sent, acked = mark
        if exchange.before is None:
            exchange.before = acked or sent
        moved = received + (acked or sent) - exchange.before
        return exchange.owed > self._idle and moved < max(self._rate, exchange.least_rate) * exchange.owed
