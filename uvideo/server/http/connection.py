"""Connections of both ports, and what one of them may hold before anybody knows who sends.

aiohttp bounds a line and the number of fields of a head, not the head, and it parses heads ahead of their turn.
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

from uvideo._core import error_response, errors, message
from uvideo.server.auth.client_address import ClientAddress, TrustedProxies
from uvideo.server.http.exchange import Exchange, Watchdog, common, new_session
from uvideo.server.http.request_heads import Heads
from uvideo.server.limits.memory_budget import LEAST_READ, READ
from uvideo.server.ops.metrics import Metrics

__all__ = ["HEAD_FIELDS", "HEAD_LIMIT", "KEEP_ALIVE", "Server", "ServerConnection", "address_of"]

HANDSHAKE = 60.0  # seconds that asyncio gives to TLS
LOOK_EVERY = 0.02  # seconds between two looks at what is still in flight
KEEP_ALIVE = 75.0  # seconds until a connection without a request, or with half a head, is closed
HEAD_LIMIT = 64 * 1024  # bytes of a head; and of those behind it that wait for their turn
HEAD_LINE, HEAD_FIELDS = 16 * 1024, 128  # bytes of a line, number of header fields
SMALL_HEAD = 16 * 1024  # bytes of heads that every connection may hold
LARGE_HEADS = 64  # connections that hold more at once
QUEUED = 4  # heads that aiohttp parses ahead
WRITTEN = 16 * 1024  # bytes that may wait in a connection before more is written; with TLS asyncio would allow 512 KiB
TLS_BUFFER = 16 * 1024  # bytes that asyncio sets aside for each connection with TLS; it would take 16 times as many

#: What all connections of the process read into, one at a time.  What came is copied to as much memory as it needs:
#: bytes that are made for a whole read and cut to what came leave holes, which took several times as much.
_INCOMING = memoryview(bytearray(READ))

log = logging.getLogger("uvideo.server")


def _said(error: errors.Refused) -> bytes:
    """A whole answer, for whoever has not sent a whole request."""
    response = error_response.encode_error(error)
    pairs = [*response.headers, *common(new_session())]
    pairs += [("Content-Length", str(len(response.body))), ("Connection", "close")]
    phrase = {400: "Bad Request", 503: "Service Unavailable"}[response.status]
    lines = [f"HTTP/1.1 {response.status} {phrase}", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + response.body


MALFORMED = errors.BadRequest("the request is malformed, or its head is too large")
LARGE = errors.Unavailable("too many large requests at once", retry_after=1)
CROWDED = errors.Unavailable("too many connections", retry_after=1)
CROWDED_ADDRESS = errors.Unavailable("too many connections from this address", retry_after=1)


class ServerConnection(web.RequestHandler, asyncio.BufferedProtocol):
    """aiohttp's connection; what does not even parse is refused in this protocol's form.

    It knows where heads begin and end, so that the bytes of those that are not answered yet can be bounded: at most
    HEAD_LIMIT, and more than SMALL_HEAD only while there is one of LARGE_HEADS places.
    """

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=server.keep_alive,
            lingering_time=0.0,  # exchange drains what is worth draining
            auto_decompress=False,
            read_bufsize=LEAST_READ // 2,
            access_log=None,  # type: ignore[arg-type]  # it takes None for no log, whatever its types say
            logger=log,
            max_line_size=HEAD_LINE,
            max_field_size=HEAD_LINE,
            max_headers=HEAD_FIELDS,
        )
        self._max_msg_queue_size, self._msg_queue_resume_size = QUEUED, QUEUED // 2  # aiohttp's own: it stops to read
        self._server = server
        self._payload: StreamReader | None = None  # of the last head; None before the first
        self._left: int | None = 0  # bytes of that which have not come; None if it has no length or is complete
        self._heads = Heads()
        self._seen = 0  # heads
        self._half = 0  # bytes of a head that has not ended
        self._behind = b""  # what came while aiohttp takes no more heads
        self._waiting: deque[int] = deque()  # bytes of each head that waits for its turn
        self._answering = 0  # bytes of the head that is being answered
        self._has_place = False
        self._read = SMALL_HEAD  # bytes that are read at once
        self.refusal: errors.Refused | None = None  # what the next request is told
        self.said: str | None = None  # before all else: whose it is, as ``proxy_protocol.address``
        self.introduction: asyncio.Task[str | None] | None = None  # that waits for it
        self._sender = ClientAddress("")
        self._name = ""  # whom it is counted as
        self.since = server.expect(self)

    # From asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        for each in (transport, beneath(transport)):
            cast(asyncio.WriteTransport, each).set_write_buffer_limits(high=WRITTEN)
        self._server.expected.discard(self)
        self._sender = self._server.proxies.of_connection(address_of(transport.get_extra_info("peername")), self.said)
        self._name = "" if self._sender.is_near or self._sender.is_proxy else self._sender.name  # these stand for many
        refusal = self._server.came(self._name)
        if refusal is not None:
            cast(asyncio.Transport, transport).write(_said(refusal))
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
        if not data:  # aiohttp takes heads again
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
            else:  # in chunks: where they end is known to aiohttp only
                piece, data = data[:SMALL_HEAD], data[SMALL_HEAD:]
                super().data_received(piece)
                self._look(0)
                self._heads.passed(piece, self._in_head())
        self._settle()

    def sender_of(self, headers: message.Headers) -> ClientAddress:
        """Who sent a request with these headers."""
        return self._server.proxies.of_request(self._sender, headers)

    # What it holds

    def _in_head(self) -> bool:
        return not self._left if self._left is not None else self._payload is None or self._payload.is_eof()

    def _is_full(self) -> bool:
        return len(self._messages) >= QUEUED

    def _is_closing(self) -> bool:
        return self._close or self._force_close or self.refusal is not None

    def _look(self, size: int) -> None:
        """Count what has come: ``size`` bytes of heads, of which some may have ended by now."""
        fresh, self._seen = self._request_count - self._seen, self._request_count
        if not fresh:
            self._half += size
            return
        self._heads.begin()
        if self._payload is not None and not self._payload.is_eof() and self._left is None:
            # Within a body aiohttp has met what it cannot parse.  Its parser in C does not tell who reads the body.
            self._payload.set_exception(web.RequestPayloadError("the body is malformed"))
        most, self._half = self._half + size, 0
        for head, payload in list(self._messages)[-fresh:]:
            self._waiting.append(most if fresh == 1 and most <= SMALL_HEAD else _size_of(head))
            self._payload = payload
            length = getattr(head, "headers", {}).get("Content-Length", "")
            # The body of a CONNECT is none to aiohttp's parser in C, whatever its length says: heads follow.
            has_length = not payload.is_eof() and length.isascii() and length.isdigit()
            self._left = int(length) - payload.total_bytes if has_length else None

    def _settle(self) -> None:
        """Take or give back a place for large heads; what is too large ends the connection."""
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
        """No more is read.  What is being answered is answered; else it is said why."""
        self._half, self._behind = 0, b""
        if self._is_closing() or self.transport is None:
            return
        if self._answering:
            self.close()
        elif self._waiting:
            self.refusal = error
        else:
            self.transport.write(_said(error))
            self.force_close()

    def begin(self) -> None:
        """The first of the heads that wait is answered now."""
        self._answering = self._waiting.popleft() if self._waiting else 1

    def end(self) -> None:
        """It is answered."""
        self._answering, self._read = 0, SMALL_HEAD
        self._settle()

    def read_at_once(self, body: StreamReader, size: int) -> None:
        """Read at most so much at once, and no more while so much of the ``body`` waits for who reads it."""
        self._read = min(size, READ)
        body._low_water, body._high_water = self._read // 2, self._read  # aiohttp's own can only be raised

    # To aiohttp

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was already begun")
        if status < 500:  # never the parser's own text: it quotes headers
            return self.refused(request, MALFORMED)
        log.error("a request failed outside of the service", exc_info=exc)
        return self.refused(request, errors.InternalError())

    def refused(self, request: web.BaseRequest, error: errors.Refused) -> web.StreamResponse:
        """The answer that says an error and ends the connection."""
        response = error_response.encode_error(error)
        pairs = [*response.headers, *common(Exchange(request).session), ("Connection", "close")]
        refused = web.Response(status=response.status, headers=pairs, body=response.body)
        refused.force_close()
        return refused


def beneath(transport: asyncio.BaseTransport) -> asyncio.BaseTransport:
    """Where TLS writes what it has encrypted; asyncio has no public name for that.  Without TLS the same transport."""
    return getattr(getattr(transport, "_ssl_protocol", None), "_transport", None) or transport


def address_of(peer: object) -> str | None:
    """That in a socket's name of its peer; None of a socket that has no address."""
    return str(peer[0]) if isinstance(peer, tuple) else None


def _size_of(head: object) -> int:
    """Bytes of a head, or nearly so."""
    fields = getattr(head, "raw_headers", ())
    return len(getattr(head, "path", "")) + sum(len(name) + len(value) + 4 for name, value in fields) + 16


class Server(web.Server):
    """What asyncio's create_server takes.  ``handler``: answers a request.  ``proxies``: None trusts no proxy.

    ``most``: connections at once; ``each``: of them from one address; 0 for any number.  One more is told so and
    closed.  ``counted``: whether the metrics tell how many are open.  ``places``: how many connections may begin to
    hold large heads.
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
        self._open = 0  # all of them together
        self.places = LARGE_HEADS
        self.expected = weakref.WeakSet[ServerConnection]()  # accepted, and TLS is not agreed on yet
        self._counted = counted
        if counted:
            metrics.set("uvideo_connections_limit", most)

    def change(self, most: int, each: int) -> None:
        """Other limits for the connections that come from now on."""
        self._most, self._each = most, each
        if self._counted:
            self._metrics.set("uvideo_connections_limit", most)

    @property
    def is_crowded(self) -> bool:
        """Whether one more connection would be refused."""
        return bool(self._most) and self._open >= self._most

    def expect(self, connection: ServerConnection) -> float:
        """A connection is accepted; when that is, by the loop's clock."""
        self.expected.add(connection)
        return self._here.time()

    def count_open(self) -> int:
        """How many connections there are, with those on which TLS is not agreed on yet."""
        since = self._here.time() - HANDSHAKE
        return len(self.connections) + sum(each.since > since for each in self.expected)

    async def drained(self, watch: Watchdog, deadline: Callable[[], float | None], *, keep_idle: bool = False) -> bool:
        """Wait until the requests in flight are answered, and connections closed; False if the deadline came first.

        ``watch``: knows them.  The caller has stopped listening.  ``deadline``: by the loop's clock, asked again and
        again; None for no end.  ``keep_idle``: while there is none, a connection without a request stays as long as
        it may, as its client may be sending one now.  Otherwise those are closed at once.
        """
        keep_until = self._here.time() + KEEP_ALIVE if keep_idle else 0.0
        await asyncio.sleep(0)  # what was taken in this turn of the loop is expected from the next one on
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
        """Count a connection; the error that it is told if it is one too many, else None."""
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
        """A connection that ``came`` is gone."""
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
