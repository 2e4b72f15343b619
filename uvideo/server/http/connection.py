"""Connections of both ports, and the limits on their memory before a request is authenticated.

aiohttp limits the length of a line and the number of fields in a head, but not the whole head, and it parses several
heads in advance.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto as sslproto
import logging
import weakref
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import StreamReader, web

from uvideo._core import errors, message
from uvideo.server.auth.client_address import ClientAddress, TrustedProxies
from uvideo.server.http.error_responses import encoded
from uvideo.server.http.exchange import Exchange, Watchdog, common, new_session
from uvideo.server.http.request_heads import Heads
from uvideo.server.limits.memory_budget import LEAST_READ, READ
from uvideo.server.ops.metrics import Metrics

__all__ = ["HEAD_FIELDS", "HEAD_LIMIT", "KEEP_ALIVE", "Server", "ServerConnection", "address_of"]

HANDSHAKE = 60.0  # seconds; asyncio's limit for a TLS handshake
LOOK_EVERY = 0.02  # seconds between two checks for requests in flight
KEEP_ALIVE = 75.0  # seconds until a connection without a request, or with half a head, is closed
HEAD_LIMIT = 64 * 1024  # bytes of a head, and of all heads that wait behind it
HEAD_LINE, HEAD_FIELDS = 16 * 1024, 128  # bytes of a line, number of header fields
SMALL_HEAD = 16 * 1024  # bytes of heads that every connection may buffer
LARGE_HEADS = 64  # connections that may buffer more at the same time
QUEUED = 4  # heads that aiohttp parses in advance
WRITTEN = 16 * 1024  # bytes of a connection's write buffer; with TLS asyncio would allow 512 KiB
TLS_BUFFER = 16 * 1024  # bytes of asyncio's buffer for each TLS connection; the default is 16 times as large

#: All connections of the process read into this buffer, one at a time.  The bytes are then copied to an object of their
#: size: large objects that are cut down fragment the memory, which took several times as much.
_INCOMING = memoryview(bytearray(READ))

log = logging.getLogger("uvideo.server")


def _said(error: errors.Refused, only_s3: bool) -> bytes:
    """A complete answer as bytes, for a client whose request is incomplete."""
    session = new_session()
    response = encoded(error, session, only_s3)
    pairs = [*response.headers, *common(session)]
    pairs += [("Content-Length", str(len(response.body))), ("Connection", "close")]
    phrase = {400: "Bad Request", 503: "Service Unavailable"}[response.status]
    lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + response.body


MALFORMED = errors.BadRequest("the request is malformed, or its head is too large")
LARGE = errors.Unavailable("too many large requests at once", retry_after=1)
CROWDED = errors.Unavailable("too many connections", retry_after=1)
CROWDED_ADDRESS = errors.Unavailable("too many connections from this address", retry_after=1)


class ServerConnection(web.RequestHandler, asyncio.BufferedProtocol):
    """aiohttp's connection.  It answers malformed requests with errors of this protocol.

    It tracks where heads begin and end, to limit the bytes of heads that are not answered yet: to HEAD_LIMIT, and to
    SMALL_HEAD unless one of LARGE_HEADS places is free.
    """

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=server.keep_alive,
            lingering_time=0.0,  # Exchange drains the rest of a body
            auto_decompress=False,
            read_bufsize=LEAST_READ // 2,
            access_log=None,  # type: ignore[arg-type]  # it takes None for no log, whatever its types say
            logger=log,
            max_line_size=HEAD_LINE,
            max_field_size=HEAD_LINE,
            max_headers=HEAD_FIELDS,
        )
        self._max_msg_queue_size, self._msg_queue_resume_size = QUEUED, QUEUED // 2  # aiohttp's: it then stops reading
        self._server = server
        self._payload: StreamReader | None = None  # of the last head; None before the first
        self._left: int | None = 0  # bytes of it still to come; None if it has no length or is complete
        self._heads = Heads()
        self._seen = 0  # number of heads
        self._half = 0  # bytes of an incomplete head
        self._behind = b""  # received while aiohttp accepts no more heads
        self._waiting: deque[int] = deque()  # bytes of each waiting head
        self._answering = 0  # bytes of the head of the current request
        self._has_place = False
        self._read = SMALL_HEAD  # bytes of one read
        self.only_s3 = False  # whether it came to the port that serves only S3
        self.refusal: errors.Refused | None = None  # the answer to the next request
        self.said: str | None = None  # the client's address, from ``proxy_protocol.address``
        self.introduction: asyncio.Task[str | None] | None = None  # waits for ``said``
        self._sender = ClientAddress("")
        self._name = ""  # the client's name for limits
        self.since = server.expect(self)

    # From asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        for each in (transport, beneath(transport)):
            cast(asyncio.WriteTransport, each).set_write_buffer_limits(high=WRITTEN)
        self._server.expected.discard(self)
        self._sender = self._server.proxies.of_connection(address_of(transport.get_extra_info("peername")), self.said)
        self._name = self._sender.counted
        refusal = self._server.came(self._name)
        if refusal is not None:
            cast(asyncio.Transport, transport).write(_said(refusal, self.only_s3))
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.went(self._name)
        self._behind, self._half, self._answering = b"", 0, 0
        self._waiting.clear()
        self._settle()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _INCOMING[: self._read]

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(_INCOMING[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp accepts heads again
            super().data_received(b"")
            self._look(0)
            data, self._behind = self._behind, b""
        while data and not self._is_closing():
            if self._behind or self._is_full():
                self._behind += data
                break
            if self._in_head():
                piece, data = self._heads.cut(data, SMALL_HEAD)
                piece = self._heads.in_ascii(piece)
                super().data_received(piece)
                self._look(len(piece))
            elif self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                super().data_received(piece)
                self._look(0)
            else:  # in chunks: only aiohttp knows where they end
                piece, data = data[:SMALL_HEAD], data[SMALL_HEAD:]
                super().data_received(piece)
                self._look(0)
                self._heads.passed(piece, self._in_head())
        self._settle()

    def sender_of(self, headers: message.Headers) -> ClientAddress:
        """The client of a request with these headers."""
        return self._server.proxies.of_request(self._sender, headers)

    # Buffered heads

    def _in_head(self) -> bool:
        return not self._left if self._left is not None else self._payload is None or self._payload.is_eof()

    def _is_full(self) -> bool:
        return len(self._messages) >= QUEUED

    def _is_closing(self) -> bool:
        return self._close or self._force_close or self.refusal is not None

    def _look(self, size: int) -> None:
        """Count ``size`` received bytes of heads; some of the heads may be complete now."""
        fresh, self._seen = self._request_count - self._seen, self._request_count
        if not fresh:
            self._half += size
            return
        self._heads.begin()
        if self._payload is not None and not self._payload.is_eof() and self._left is None:
            # aiohttp found an error within a body.  Its C parser does not report it to the reader of the body.
            self._payload.set_exception(web.RequestPayloadError("the body is malformed"))
        most, self._half = self._half + size, 0
        for head, payload in list(self._messages)[-fresh:]:
            self._waiting.append(most if fresh == 1 and most <= SMALL_HEAD else _size_of(head))
            self._payload = payload
            length = getattr(head, "headers", {}).get("Content-Length", "")
            # aiohttp's C parser ignores the body of a CONNECT, whatever its length: heads follow.
            has_length = not payload.is_eof() and length.isascii() and length.isdigit()
            self._left = int(length) - payload.total_bytes if has_length else None

    def _settle(self) -> None:
        """Take or give back a place for large heads.  Heads that are too large end the connection."""
        queued = sum(self._waiting) + len(self._behind)
        if self._half > HEAD_LIMIT or queued > HEAD_LIMIT:
            self._refuse(MALFORMED)
        needs = self._answering + queued + self._half > SMALL_HEAD
        if needs and not self._has_place:
            if not self._server.places:
                self._refuse(LARGE)
                return
            self._server.places -= 1
            self._has_place = True
        elif self._has_place and not needs:
            self._server.places += 1
            self._has_place = False

    def _refuse(self, error: errors.Refused) -> None:
        """Stop reading.  The current request is still answered; if there is none, send the error."""
        self._half, self._behind = 0, b""
        if self._is_closing() or self.transport is None:
            return
        if self._answering:
            self.close()
        elif self._waiting:
            self.refusal = error
        else:
            self.transport.write(_said(error, self.only_s3))
            self.force_close()

    def begin(self) -> None:
        """The request of the first waiting head begins."""
        self._answering = self._waiting.popleft() if self._waiting else 1

    def end(self) -> None:
        """The current request is answered."""
        self._answering, self._read = 0, SMALL_HEAD
        self._settle()

    def read_at_once(self, body: StreamReader, size: int) -> None:
        """Limit one read to ``size`` bytes, and pause while as many bytes of the ``body`` are unread."""
        self._read = min(size, READ)
        body._low_water, body._high_water = self._read // 2, self._read  # aiohttp's method can only raise them

    # Called by aiohttp

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was already begun")
        if status < 500:  # never the parser's text: it quotes headers
            return self.refused(request, MALFORMED)
        log.error("a request failed outside of the service", exc_info=exc)
        return self.refused(request, errors.InternalError())

    def refused(self, request: web.BaseRequest, error: errors.Refused) -> web.StreamResponse:
        """Send the error as an answer, and end the connection."""
        session = Exchange(request).session
        response = encoded(error, session, self.only_s3)
        pairs = [*response.headers, *common(session), ("Connection", "close")]
        refused = web.Response(status=response.status, headers=pairs, body=response.body)
        refused.force_close()
        return refused


def beneath(transport: asyncio.BaseTransport) -> asyncio.BaseTransport:
    """The transport below TLS, for which asyncio has no public name.  Without TLS the transport itself."""
    return getattr(getattr(transport, "_ssl_protocol", None), "_transport", None) or transport


def address_of(peer: object) -> str | None:
    """The address in the result of getpeername; None for a socket without an address."""
    return str(peer[0]) if isinstance(peer, tuple) else None


def _size_of(head: object) -> int:
    """The approximate size of a head in bytes."""
    fields = getattr(head, "raw_headers", ())
    return len(getattr(head, "path", "")) + sum(len(name) + len(value) + 4 for name, value in fields) + 16


class Server(web.Server):
    """A protocol factory for asyncio's create_server.  ``handler``: answers a request.  ``proxies``: None: no proxies.

    ``most``: open connections; ``each``: open connections from one address; 0: any number.  A connection above the
    limit gets an error and is closed.  ``counted``: whether metrics show the number of open connections.  ``places``:
    connections that may buffer large heads.
    """

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        metrics: Metrics,
        proxies: TrustedProxies | None = None,
        *,
        most: int = 0,
        each: int = 0,
        keep_alive: float = KEEP_ALIVE,
        counted: bool = False,
    ) -> None:
        super().__init__(self._handle)
        if hasattr(sslproto.SSLProtocol, "max_size"):  # since Python 3.11
            sslproto.SSLProtocol.max_size = TLS_BUFFER
        self._handler, self._metrics = handler, metrics
        self.proxies, self.keep_alive = proxies or TrustedProxies(), keep_alive
        self._most, self._each = most, each
        self._here = asyncio.get_running_loop()
        self._count: Counter[str] = Counter()
        self._open = 0  # from all addresses
        self.places = LARGE_HEADS
        self.expected = weakref.WeakSet[ServerConnection]()  # accepted, TLS handshake not complete
        self._counted = counted
        if counted:
            metrics.set("uvideo_connections_limit", most)

    def change(self, most: int, each: int) -> None:
        """Set other limits for new connections."""
        self._most, self._each = most, each
        if self._counted:
            self._metrics.set("uvideo_connections_limit", most)

    @property
    def is_crowded(self) -> bool:
        """Whether another connection would be refused."""
        return bool(self._most) and self._open >= self._most

    def expect(self, connection: ServerConnection) -> float:
        """Note an accepted connection; returns the time on the loop's clock."""
        self.expected.add(connection)
        return self._here.time()

    def count_open(self) -> int:
        """The number of connections, including those in their TLS handshake."""
        since = self._here.time() - HANDSHAKE
        return len(self.connections) + sum(each.since > since for each in self.expected)

    async def drained(self, watch: Watchdog, deadline: Callable[[], float | None], *, keep_idle: bool = False) -> bool:
        """Wait until requests in flight are answered and connections closed.  False if the deadline passes first.

        ``watch``: has the requests.  The caller has stopped listening.  ``deadline``: gives the time on the loop's
        clock, or None for no deadline; it is called repeatedly.  ``keep_idle``: while there is no deadline, keep idle
        connections for their usual time, because a client may be sending a request.  Otherwise they are closed at once.
        """
        keep_until = self._here.time() + KEEP_ALIVE if keep_idle else 0.0
        await asyncio.sleep(0)  # connections accepted now are in ``expected`` from the next turn of the loop on
        while True:
            busy = {exchange.request.protocol for exchange in watch.active}
            due, now = deadline(), self._here.time()
            keeps = due is None and now < keep_until
            if not keeps:
                for connection in self.connections:
                    if connection not in busy:
                        connection.force_close()
                for expected in list(self.expected):
                    if expected.introduction is not None:
                        expected.introduction.cancel()
            if not (self.count_open() if keeps else busy):
                return True
            if due is not None and now > due:
                return False
            await asyncio.sleep(LOOK_EVERY)

    def came(self, address: str) -> errors.Refused | None:
        """Count a connection.  The error to answer with if there are too many, else None."""
        self._count[address] += 1
        self._tell(self._open + 1)
        if self._most and self._open > self._most:
            refusal = CROWDED
        elif self._each and address and self._count[address] > self._each:
            refusal = CROWDED_ADDRESS
        else:
            return None
        self._metrics.add("uvideo_connections_refused_total")
        return refusal

    def went(self, address: str) -> None:
        """Count the end of a connection."""
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]
        self._tell(self._open - 1)

    def _tell(self, count: int) -> None:
        self._open = count
        if self._counted:
            self._metrics.set("uvideo_connections_open", count)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(ServerConnection, request.protocol)
        connection.begin()
        try:
            if connection.refusal is not None:
                return connection.refused(request, connection.refusal)
            return await self._handler(request)
        finally:
            connection.end()

    def __call__(self) -> ServerConnection:
        return ServerConnection(self, self._here)
