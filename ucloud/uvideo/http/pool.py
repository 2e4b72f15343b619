"""HTTP requests over connections that are kept open, and the route to each origin.  Knows no header's meaning.

Written for speed: for a small request urllib3 takes twice as long, and requests six times.
"""

from __future__ import absolute_import, division, print_function

import copy
import logging
import os
import socket
import ssl
import sys
import threading

from ..protocol.compat import TYPE_CHECKING, native
from ..protocol.errors import BadAnswer, DeadlineExceeded, InvalidArgument, NoAnswer, UVideoError
from ..protocol.message import REFUSAL, Response
from ..protocol.provider import is_loopback
from . import failure_cause, mocks, race, socks, wire
from .address import ConnectError
from .connection import NESTS, Connection, Idle, Pace
from .proxy import chosen, split, stays_here, variables
from .trust import authorities, tls

if TYPE_CHECKING:
    from typing import Any, Callable, Protocol, TypeVar  # noqa: F401

    from ..protocol.message import Request  # noqa: F401
    from .proxy import Proxy  # noqa: F401
    from .trust import Certificate  # noqa: F401

    class Wish(Protocol):
        """An Interrupt or similar."""

        def is_set(self):
            # type: () -> bool
            pass

        def check(self):
            # type: () -> None
            pass

        def remember(self, __wake):
            # type: (Callable[[], object]) -> None
            pass

        def forget(self, __wake):
            # type: (Callable[[], object]) -> None
            pass

    class Body(Protocol):
        @property
        def length(self):
            # type: () -> int | None
            pass

        def read(self):
            # type: () -> bytes | memoryview
            pass

    B = TypeVar("B", bound="bytes | Body")


_log = logging.getLogger("ucloud.uvideo")

SMALL_ANSWER = 64 * 1024 * 1024
_PIECE = 65536  # Python 3.6 to 3.9 zeroes a buffer of the requested size before each read
_FAILURES = (EnvironmentError, socket.error, ssl.SSLError, ssl.CertificateError)
#: The most bytes of a body that are sent together with the head.
_TOGETHER = 16384

USER_AGENT = "Python/%d.%d" % sys.version_info[:2]


class TransportClosed(InvalidArgument):
    message = u"this client is closed: create a new one"


class Stream(object):
    """A response whose body is still to be read.  Close it when done.  For one thread at a time."""

    def __init__(self, exchange, answer, rest):
        # type: (ClientExchange, wire.Answer, bytes) -> None
        self._exchange = exchange
        self.status, self.headers = answer.status, answer.headers
        self._keep, self._left = answer.keep, answer.length
        self._chunks = wire.Chunks() if answer.chunked else None
        self._failure = None  # type: NoAnswer | None
        self._rest = memoryview(self._decoded(rest))  # body bytes received but not read yet

    def _decoded(self, data):
        # type: (bytes) -> bytes
        """The body bytes in received data."""
        if self._chunks is not None:
            try:
                data = self._chunks.feed(data)
            except wire.Malformed as error:
                raise self._exchange.broken(error)
            if self._chunks.ended:
                self._left = 0
                self._keep = self._keep and not self._chunks.rest
        elif self._left is not None:
            if len(data) > self._left:  # bytes beyond the body's end mean nothing
                data, self._keep = data[: self._left], False
            self._left -= len(data)
        return data

    def read(self, size):
        # type: (int) -> bytes
        """Up to ``size`` bytes as they came over the wire, b"" at the end.  NoAnswer if the connection breaks."""
        while True:
            if len(self._rest):
                data, self._rest = self._rest[:size].tobytes(), self._rest[size:]
                return data
            if self._left == 0:
                return b""
            if self._chunks is None:
                return self._took(self._exchange.receive(size if self._left is None else min(size, self._left)))
            self._unpack()

    def _took(self, data):
        # type: (bytes) -> bytes
        """Count ``data`` as the next bytes of an unchunked body, and return them."""
        if self._left is None:
            self._left = None if data else 0
        elif data:
            self._left -= len(data)
        else:
            raise self._exchange.broken()
        return data

    def _unpack(self):
        # type: () -> None
        """Receive more of a chunked body."""
        data = self._exchange.receive(_PIECE)
        if not data:
            raise self._exchange.broken()
        self._rest = memoryview(self._decoded(data))

    def readinto(self, view):
        # type: (memoryview) -> int
        """Fill a memoryview with bytes as they came over the wire.  The number of bytes, fewer only at the end.

        NoAnswer if the connection breaks; the bytes before that are returned first.
        """
        done = 0
        while done < len(view):
            if len(self._rest):
                piece = self._rest[: len(view) - done]
                view[done : done + len(piece)] = piece
                self._rest = self._rest[len(piece) :]
                done += len(piece)
                continue
            if self._failure is not None or self._left == 0:
                break
            try:
                done += self._receive(view[done:])
            except NoAnswer as error:
                self._failure = error
        if not done and self._failure is not None and len(view):
            raise self._failure
        return done

    def _receive(self, view):
        # type: (memoryview) -> int
        """The number of body bytes received into ``view``.  Further ones may be in the rest."""
        if self._chunks is not None:
            self._unpack()
            return 0
        length = self._exchange.receive_into(view if self._left is None else view[: self._left])
        if self._left is not None:
            if not length:
                raise self._exchange.broken()
            self._left -= length
        elif not length:
            self._left = 0
        return length

    def missing(self):
        # type: () -> int | None
        """Bytes of the body that are still unread; None if its length was not announced."""
        return None if self._left is None else self._left + len(self._rest)

    def limit(self, seconds):
        # type: (float | None) -> None
        """Let all further reads take ``seconds`` together; None: no limit."""
        self._exchange.limit(seconds)

    def broken(self, error):
        # type: (BaseException | None) -> UVideoError
        """The UVideoError for a failure while reading."""
        return self._exchange.broken(error)

    def close(self, reuse=False):
        # type: (bool) -> None
        """Close the response.  ``reuse``: the body was read to its end, so keep the connection."""
        self._exchange.end(reuse and self._keep and self._left == 0 and self._failure is None)


class ClientExchange(object):
    """One request and its response on one connection of a Route.

    The steps are connecting, sending, answering, body and ended.  A failure ends any of them; ``broken`` names its
    error.

    - connecting (``resume``, else the route's ``connect``): take an idle connection or open a new one.  - sending
    (``send``): bytes that arrive meanwhile, of TLS or HTTP, are read.  A 1xx response changes nothing.  The response,
    or the end, stops the sending, and the connection is not reused.  After a failed write the response is still looked
    for, as it may have come before.  - answering (``answer``): 1xx responses are skipped, up to wire.INTERIM_LIMIT per
    exchange.  A 101 was not requested and is no response.  The response's head may have come during sending.  - body:
    read through a Stream.  The connection is reused if request and response were both complete.

    Each wait lasts as long as the pace allows, and ends with any byte in either direction.
    """

    __slots__ = ("route", "_held", "_connection", "_interrupt", "_pace", "_reused", "_reader")

    def __init__(self, route, pace, interrupt, method):
        # type: (Route, Pace, Wish | None, str) -> None
        self.route, self._pace, self._interrupt = route, pace, interrupt
        self._held, self._reused = None, False  # type: Connection | race.Race | None, bool
        self._reader = wire.Head(method)

    def resume(self):
        # type: () -> bool
        """Take an idle connection.  False if there is none."""
        found = self.route.idle.take()
        if found is None:
            return False
        self._reused = True
        self.hold(found)
        return True

    def limit(self, seconds):
        # type: (float | None) -> None
        """As Stream.limit."""
        self._pace = self._pace.anew(seconds)

    def hold(self, connection):
        # type: (Connection | race.Race) -> None
        """Set the Connection, or the race for one, that an interrupt ends.  The one before is closed."""
        held, self._held = self._held, connection
        if isinstance(connection, Connection):
            self._connection = connection
        if held is connection:
            return
        if self._interrupt is not None:
            if held is not None:
                self._interrupt.forget(held.abort)
            self._interrupt.remember(connection.abort)
        if held is not None:
            held.close()

    def send(self, head, body, chunked):
        # type: (bytes, bytes | Body, bool) -> bool
        """True when everything was sent.  False if the response, or the end, came first."""
        connection, pace, reader = self._connection, self._pace, self._reader
        if isinstance(body, bytes):
            if len(body) <= _TOGETHER:
                return connection.send(head + body, pace, reader)
            return connection.send(head, pace, reader) and connection.send(body, pace, reader)
        if not connection.send(head, pace, reader):
            return False
        if not chunked and hasattr(body, "piece") and connection.can_send_files:
            sent = self._send_file(body)
            if sent is not None:
                return sent
        for data in iter(body.read, b""):
            pace.check()
            if connection.is_answered(pace, reader):
                return False
            if chunked:
                before, after = wire.chunk(data)
                pieces = [before, data, after]
            else:
                pieces = [data]
            for piece in pieces:
                if not connection.send(piece, pace, reader):
                    return False
        return not chunked or connection.send(wire.LAST_CHUNK, pace, reader)

    def _send_file(self, body):
        # type: (Any) -> bool | None  # body: has piece() and moved()
        """As ``send``; None if the system cannot do it, and the rest must be read and sent."""
        for piece in iter(body.piece, None):
            self._pace.check()
            if self._connection.is_answered(self._pace, self._reader):
                return False
            sent = self._connection.send_file(piece, self._pace, self._reader)
            if sent is None:
                return False
            if sent < 0:
                return None
            body.moved(sent)
        return True

    def answer(self, whole):
        # type: (bool) -> tuple[wire.Answer, bytes]
        """(Answer, the bytes after its head).  ``whole``: the request was sent completely."""
        reader = self._reader
        found = reader.found
        while found is None:
            data = self._connection.receive(_PIECE, self._pace)
            if not data:
                raise self._connection.failure or EOFError()
            found = reader.feed(data)
        found.keep = found.keep and whole
        return found, reader.rest

    def receive(self, size):
        # type: (int) -> bytes
        try:
            self._pace.check()
            return self._connection.receive(size, self._pace)
        except _FAILURES as error:
            raise self.broken(error)

    def receive_into(self, view):
        # type: (memoryview) -> int
        try:
            self._pace.check()
            return self._connection.receive_into(view, self._pace)
        except _FAILURES as error:
            raise self.broken(error)

    def broken(self, error=None, leg=failure_cause.REQUEST):
        # type: (BaseException | None, int) -> UVideoError
        """The UVideoError for a failure; the interrupt's error if that caused it."""
        if self._interrupt is not None and self._interrupt.is_set():
            try:
                self._interrupt.check()
            except UVideoError as wished:
                return wished
        begun = self._reused or self._reader.begun()
        found = failure_cause.judged(error, leg, self.route, self._pace.is_over(), begun)
        if self._reused and not self._reader.begun() and found.cause == "broken":
            found.stale = True  # closed while idle: the other idle ones are probably closed, too
            self.route.idle.shut()
        return found

    def security(self):
        # type: () -> tuple[str | None, dict[str, Any] | None]
        return self._connection.security()

    def end(self, keep):
        # type: (bool) -> None
        held, self._held = self._held, None
        if held is None:
            return
        if self._interrupt is not None:
            self._interrupt.forget(held.abort)
            keep = keep and not self._interrupt.is_set()
        if keep:
            self.route.take_back(self._connection)
        else:
            held.close()


class Route(object):
    """How to reach an origin, "http://host:port", and its idle connections.  Safe to share between threads.

    ``proxy``: a Proxy or None.  ``context``: the SSLContext for TLS, or None.
    ``said``: the environment's proxy settings when this was made; None if they do not apply.
    ``names``: the settings' names, from failure_cause.names.
    """

    def __init__(
        self,
        origin,  # type: str
        proxy,  # type: Proxy | None
        context,  # type: ssl.SSLContext | None
        connect_timeout,  # type: float
        pool,  # type: int
        said=None,  # type: tuple[str | bytes | None, ...] | None
        names=None,  # type: dict[str, str] | None
    ):
        # type: (...) -> None
        scheme, _, host = origin.partition("://")
        self.origin, self.proxy, self.context, self.said = origin, proxy, context, said
        self._connect_timeout, self._pool, self.names = connect_timeout, pool, names or {}
        self.is_tls = scheme == "https"
        #: Whether nobody on the way can change a response.
        self.is_sure = self.is_tls or stays_here(origin, proxy)
        self.name, port = split(host)
        self.port = port or (443 if self.is_tls else 80)
        self.address = self.name  # the host to connect to; *.localhost seldom resolves
        if is_loopback(host) and self.name.endswith("localhost"):
            self.address = "127.0.0.1"
        self.fields = [("Host", host), ("Accept-Encoding", "identity")]
        self.prefix = ""  # the beginning of each request's target
        if proxy is not None and proxy.socks is None and not self.is_tls:
            self.prefix = origin
            self.fields += proxy.fields
        self.idle = Idle()
        self._pid, self.closed = os.getpid(), False

    def connect(self, pace, exchange):
        # type: (Pace, ClientExchange) -> None
        """Open a connection for the exchange.  NoAnswer, with nothing sent.

        Lookup, TCP, proxy and TLS together take at most connect_timeout, and no longer than ``pace`` allows.
        """
        pace = pace.within(self._connect_timeout)
        proxy = self.proxy
        name, port = (self.address, self.port) if proxy is None else (proxy.name, proxy.port)
        leg = failure_cause.HOST
        if self.is_tls and proxy is not None and proxy.is_tls and not NESTS:
            raise exchange.broken(NotImplementedError(), failure_cause.TLS)
        try:
            if proxy is not None:
                there = self._destination(pace, exchange)
                leg = failure_cause.PROXY
            made = race.connect(name, port, pace, exchange.hold)
            exchange.hold(made)
            if proxy is not None and proxy.is_tls:
                leg = failure_cause.PROXY_TLS
                made.encrypt(self.context, proxy.name, pace)
            if proxy is not None and proxy.socks is not None:
                leg = failure_cause.SOCKS
                self._pass_on(made, there, pace)
            elif proxy is not None and self.is_tls:
                leg = failure_cause.TUNNEL
                self._tunnel(made, pace)
            if self.is_tls:
                leg = failure_cause.TLS
                made.encrypt(self.context, self.name, pace)
        except _FAILURES + (EOFError, ConnectError, failure_cause.Denied, socks.SocksError, wire.Malformed) as error:
            raise exchange.broken(error, leg)

    def tunnel(self):
        # type: () -> bytes
        """The bytes of the CONNECT request.  Like HEAD, its success response has no body."""
        target = "%s:%d" % (self.name if ":" not in self.name else "[%s]" % self.name, self.port)
        return wire.request_head("CONNECT", target, [("Host", target)] + (self.proxy.fields if self.proxy else []))

    def _tunnel(self, connection, pace):
        # type: (Connection, Pace) -> None
        reader = wire.Head("HEAD")
        connection.send(self.tunnel(), pace, reader)
        while reader.found is None:
            data = connection.receive(_PIECE, pace)
            if not data:
                raise connection.failure or EOFError()
            reader.feed(data)
        if not 200 <= reader.found.status <= 299:
            raise failure_cause.Denied(reader.found.status)

    def handshake(self, connected, pace, name):
        # type: (socket.socket, Pace, str) -> socks.Handshake
        """The Handshake by which the SOCKS proxy connects a socket to the host."""
        assert self.proxy is not None and self.proxy.socks is not None
        return socks.Handshake(connected, self.proxy.socks, name, self.port, pace)

    def _destination(self, pace, exchange):
        # type: (Pace, ClientExchange) -> str
        """The host or address to give to a SOCKS proxy."""
        told = self.proxy and self.proxy.socks
        if not told or told.resolves:
            return self.address
        return socks.destination(told, race.addresses(self.address, self.port, pace, exchange.hold))

    def _pass_on(self, connection, name, pace):
        # type: (Connection, str, Pace) -> None
        handshake = self.handshake(connection.socket, pace, name)
        try:
            handshake.run()
        finally:
            handshake.close()
            connection.socket.setblocking(False)

    def take_back(self, connection):
        # type: (Connection) -> None
        """Keep an idle connection, if this is still the same process."""
        if self.closed or len(self.idle) >= self._pool or self._pid != os.getpid():
            connection.close()
        else:
            self.idle.put(connection)

    def close(self):
        # type: () -> None
        """Close the idle connections, and each busy one when it becomes idle."""
        self.closed = True
        self.idle.shut()


class Transport(object):
    """Connections to any host, kept open and shared.  Safe to share between threads; usable after a fork.

    ``timeout``: seconds that the other side may be silent; also the limit for connecting unless ``connect_timeout`` is
    given.  ``pool``: connections kept for each host.  ``authorities``: file or folder of CA certificates in place of
    the environment's.  ``certificate``: a trust.Certificate that the service may ask for.  ``proxy``: as in ``chosen``.
    If the environment decides on proxy or CA certificates, a change applies from the next connection on.
    """

    def __init__(
        self,
        timeout,  # type: float
        pool=32,  # type: int
        connect_timeout=None,  # type: float | None
        authorities=None,  # type: str | None
        certificate=None,  # type: Certificate | None
        proxy=None,  # type: str | None
    ):
        # type: (...) -> None
        self._timeout, self._connect_timeout = timeout, connect_timeout or timeout
        self._authorities, self._certificate = authorities, certificate
        self._proxy = None if proxy is None else native(proxy)
        self._pool = pool
        self.pace = Pace(timeout)
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._routes = {}  # type: dict[str, Route]
        self._context, self._trusted = None, None  # type: ssl.SSLContext | None, str | None
        self._is_shut = self._keeps_none = False

    def route(self, origin, anew=False):
        # type: (str, bool) -> Route
        """The Route to an origin.  ``anew``: for a new connection; all settings are looked up again.

        ConfigurationError if a mock of requests would have to answer.  TransportClosed after ``shut``.
        """
        self.check_open()
        mocks.check(origin)
        if self._pid != os.getpid():  # a child process must not share its parent's connections
            old, self._lock, self._routes, self._pid = self._routes, threading.Lock(), {}, os.getpid()
            for route in old.values():
                route.close()
        found = self._routes.get(origin)
        if found is None or anew or (found.said is not None and found.said != variables()):
            with self._lock:
                found = self._looked(origin, self._routes.get(origin))
        return found

    def is_sure(self, origin):
        # type: (str) -> bool
        """Whether nobody on the way to an origin can change a response."""
        found = self._routes.get(origin)
        return found is not None and found.is_sure

    def _looked(self, origin, known):
        # type: (str, Route | None) -> Route
        """The current Route: ``known``, unless a setting changed."""
        url, said = chosen(origin, self._proxy)
        proxy = None if url is None else failure_cause.proxy(url, origin, self._names())
        context = None
        if origin.startswith("https://") or (proxy is not None and proxy.is_tls):
            context = self._tls()
        if known is not None and getattr(known.proxy, "url", None) == url and known.context is context:
            known.said = said
            return known
        made = Route(origin, proxy, context, self._connect_timeout, self._pool, said, self._names())
        if self._keeps_none:
            made.close()
        self._routes[origin] = made
        if known is not None:
            known.close()
        return made

    def _names(self):
        # type: () -> dict[str, str]
        return failure_cause.names(self._authorities, self._proxy)

    def _tls(self):
        # type: () -> ssl.SSLContext
        trusted = self._authorities or authorities()
        if self._context is None or self._trusted != trusted:
            self._context, self._trusted = tls(trusted, self._certificate), trusted
        return self._context

    def open(self, request, body=None, seconds=None, interrupt=None):
        # type: (Request, bytes | Body | None, float | None, Wish | None) -> Stream
        """Send a Request with ``body`` and return the Stream of its response.  Redirects are returned like any
        response.

        body: bytes, by default the request's own; or an object with ``read()``, which gives bytes until b"", and
        ``length``, None to send it chunked.  A UVideoError from ``read`` is raised unchanged.  If it has ``piece()``,
        (descriptor, offset, length) of a file or None at the end, the system may send those bytes itself; ``moved(n)``
        then reports how many.  NoAnswer if there is no response; its ``stale`` means that an idle connection was
        closed.  ``seconds``: the limit from connecting to the last byte of the response's body; Stream.limit changes it
        for the body.  ``interrupt``: an Interrupt that ends any wait; its error is raised.
        """
        pace = self.pace
        if seconds is not None:
            if seconds <= 0:
                raise DeadlineExceeded()
            pace = pace.anew(seconds)
        exchange = ClientExchange(self.route(request.origin), pace, interrupt, request.method)
        try:
            reused = exchange.resume()
            if not reused:
                exchange.route = self.route(request.origin, anew=True)
            body, head, chunked = message(exchange.route, request, body)
            if not reused:
                exchange.route.connect(pace, exchange)
            whole = exchange.send(head, body, chunked)
            answer, rest = exchange.answer(whole)
            if answer.status == 407:
                raise failure_cause.wants_password(exchange.route)
            if _log.isEnabledFor(logging.DEBUG):
                path = request.target.partition("?")[0]
                _log.debug("%s %s%s: %d", request.method, request.origin, path, answer.status)
            return Stream(exchange, answer, rest)
        except (wire.Malformed, EOFError) + _FAILURES as error:
            found = exchange.broken(error)
            exchange.end(False)
            raise found
        except BaseException:
            exchange.end(False)
            raise

    def send(self, request, body=None, seconds=None, interrupt=None):
        # type: (Request, bytes | Body | None, float | None, Wish | None) -> Response
        """Send a Request and return its Response with the whole body, at most 64 MiB.

        Of an error response only the beginning is read.
        """
        stream = self.open(request, body, seconds, interrupt)
        try:
            pieces, size, refused = [], 0, stream.status >= 300
            for piece in iter(lambda: stream.read(_PIECE), b""):
                pieces.append(piece)
                size += len(piece)
                if size >= SMALL_ANSWER:
                    raise BadAnswer(u"the answer is longer than %d bytes" % SMALL_ANSWER)
                if stream.missing() == 0 or (refused and size >= REFUSAL):  # else one more read would report the end
                    break
            content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except BaseException:
            stream.close()
            raise
        stream.close(reuse=True)
        return Response(stream.status, stream.headers, content)

    def probe(self, origin, seconds):
        # type: (str, float) -> tuple[str | None, dict[str, Any] | None]
        """(TLS version, the host's certificate) of a new connection, as Connection.security.  The connection is closed.

        UVideoError as in ``open``.  ``seconds``: the limit.
        """
        route, pace = self.route(origin, anew=True), self.pace.anew(seconds)
        exchange = ClientExchange(route, pace, None, "HEAD")
        try:
            route.connect(pace, exchange)
            return exchange.security()
        finally:
            exchange.end(False)

    def close(self):
        # type: () -> None
        """Close the idle connections.  The next request opens new ones."""
        routes, self._routes = self._routes, {}
        for route in routes.values():
            route.close()

    def shut(self):
        # type: () -> None
        """Close the connections for good: each later request raises TransportClosed."""
        self._is_shut = True
        self.close()

    def is_shut(self):
        # type: () -> bool
        return self._is_shut

    def check_open(self):
        # type: () -> None
        """TransportClosed after ``shut``."""
        if self._is_shut:
            raise TransportClosed()

    def reopened(self):
        # type: () -> Transport
        """A Transport like this one that can be used although this one is shut.  It keeps no connection open."""
        made = copy.copy(self)
        made._lock, made._routes = threading.Lock(), {}
        made._is_shut, made._keeps_none = False, True
        return made


def message(route, request, body=None):
    # type: (Route, Request, B | None) -> tuple[bytes | B, bytes, bool]
    """(body, bytes of the head, whether the body is chunked) of a Request."""
    content, pairs, chunked = framed(route.fields, request, body)
    return content, wire.request_head(request.method, route.prefix + request.target, pairs), chunked


def framed(fields, request, body=None):
    # type: (list[tuple[str, str]], Request, B | None) -> tuple[bytes | B, list[tuple[str, str]], bool]
    """(body, (name, value) of the head, whether the body is chunked) of a Request.  ``fields``: the route's headers."""
    pairs = fields + request.headers.pairs
    if request.headers.get("accept-encoding") is not None:
        pairs.remove(("Accept-Encoding", "identity"))
    chunked = False
    content = request.body if body is None else body
    if isinstance(content, bytes):
        if content or request.method in ("PUT", "POST"):
            pairs.append(("Content-Length", "%d" % len(content)))
    elif content.length is None:
        chunked = True
        pairs.append(("Transfer-Encoding", "chunked"))
    else:
        pairs.append(("Content-Length", "%d" % content.length))
    return content, pairs, chunked
