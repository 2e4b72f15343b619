"""Bytes over HTTP: connections kept open, and where an origin is reached; knows no meaning of a header.

All of it is ours: urllib3 takes twice as long for a small request, and requests six times.
"""

from __future__ import absolute_import, division, print_function

import logging
import os
import socket
import ssl
import sys
import threading

from ..protocol.compat import TYPE_CHECKING, native
from ..protocol.errors import BadAnswer, DeadlineExceeded, NoAnswer, UVideoError
from ..protocol.message import REFUSAL, Response
from ..protocol.provider import is_loopback
from . import failure_cause, mocks, race, socks, wire
from .address import Refusal
from .connection import NESTS, Connection, Idle, Pace
from .proxy import chosen, split, stays_here, variables
from .trust import authorities, tls

if TYPE_CHECKING:
    from typing import Any, Callable, Protocol, TypeVar  # noqa: F401

    from ..protocol.message import Request  # noqa: F401
    from .proxy import Proxy  # noqa: F401
    from .trust import Certificate  # noqa: F401

    class Wish(Protocol):
        """An Interrupt, or like one."""

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
_PIECE = 65536  # Python 3.6 to 3.9 fills a buffer of the size asked for with zeros before it reads
_FAILURES = (EnvironmentError, socket.error, ssl.SSLError, ssl.CertificateError)
#: Bytes of a body that go out together with the head.
_TOGETHER = 16384

USER_AGENT = "Python/%d.%d" % sys.version_info[:2]


class Stream(object):
    """An answer whose body is still to be read.  Close it when done; one thread at a time."""

    def __init__(self, exchange, answer, rest):
        # type: (Exchange, wire.Answer, bytes) -> None
        self._exchange = exchange
        self.status, self.headers = answer.status, answer.headers
        self._keep, self._left = answer.keep, answer.length
        self._chunks = wire.Chunks() if answer.chunked else None
        self._failure = None  # type: NoAnswer | None
        self._rest = memoryview(self._decoded(rest))  # of the body, received and not yet read

    def _decoded(self, data):
        # type: (bytes) -> bytes
        """The body's bytes in what was received."""
        if self._chunks is not None:
            try:
                data = self._chunks.feed(data)
            except wire.Malformed as error:
                raise self._exchange.broken(error)
            if self._chunks.ended:
                self._left = 0
                self._keep = self._keep and not self._chunks.rest
        elif self._left is not None:
            if len(data) > self._left:  # behind its end nobody knows what it is
                data, self._keep = data[: self._left], False
            self._left -= len(data)
        return data

    def read(self, size):
        # type: (int) -> bytes
        """At most ``size`` bytes as they came over the wire, b"" at the end.  NoAnswer if the connection breaks."""
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
        """``data``, which is the next of a body without chunks."""
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
        """Fill a memoryview with bytes as they came over the wire; how many, fewer than it holds only at the end.

        NoAnswer if the connection breaks; what came before that is given first.
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
        """How many bytes of the body were received into ``view``; others may be in the rest now."""
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
        """Bytes of the body that were announced and not yet read; None if that was not said."""
        return None if self._left is None else self._left + len(self._rest)

    def limit(self, seconds):
        # type: (float | None) -> None
        """Let all that is read from now on take so many seconds at most, None for any number."""
        self._exchange.limit(seconds)

    def broken(self, error):
        # type: (BaseException | None) -> UVideoError
        """The UVideoError of a failure while it is read."""
        return self._exchange.broken(error)

    def close(self, reuse=False):
        # type: (bool) -> None
        """End it.  ``reuse``: the body was read to its end, so the connection can serve again."""
        self._exchange.end(reuse and self._keep and self._left == 0 and self._failure is None)


class Exchange(object):
    """One request and its answer on one connection of a Route.

    connecting -> sending -> answering -> body -> ended; each ends early by a failure, which is ``broken``'s to name.

    - connecting (``resume``, else the route's ``connect``): an idle connection, or a new one.
    - sending (``send``): whatever comes meanwhile is read, TLS's own or HTTP's.  An answer 1xx changes nothing.  The
      answer, or an end, stops the body for good, and the connection does not serve again.  After a failure to send
      the answer is still looked for, as it may have come before.
    - answering (``answer``): answers 1xx are passed over, up to wire.INTERIM_LIMIT of them from the beginning on; 101
      was not asked for and is no answer.  The answer's head may have come while the request was sent.
    - body: of a Stream.  The connection serves again if request and answer were both carried to their ends.

    Each wait for bytes that come or go lasts as long as the pace allows; any byte in either direction ends it.
    """

    __slots__ = ("route", "_held", "_connection", "_interrupt", "_pace", "_reused", "_reader")

    def __init__(self, route, pace, interrupt, method):
        # type: (Route, Pace, Wish | None, str) -> None
        self.route, self._pace, self._interrupt = route, pace, interrupt
        self._held, self._reused = None, False  # type: Connection | race.Race | None, bool
        self._reader = wire.Head(method)

    def resume(self):
        # type: () -> bool
        """Take an idle connection; False if there is none."""
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
        """From now on this, a Connection or the race for one, is what an interrupt ends; what was held is closed."""
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
        """True when all was sent, False if the answer, or an end, came before that."""
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
        # type: (Any) -> bool | None  # body: one that has piece and moved
        """As ``send``; None if the system cannot, and what is left has to be read."""
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
        """(Answer, what came behind its head).  ``whole``: the request was sent to its end."""
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
        """The UVideoError of a failure; Cancelled and its like if the interrupt is what led to it."""
        if self._interrupt is not None and self._interrupt.is_set():
            try:
                self._interrupt.check()
            except UVideoError as wished:
                return wished
        found = failure_cause.judged(error, leg, self.route, self._pace.is_over())
        if self._reused and not self._reader.begun() and found.cause == "broken":
            found.stale = True  # it was closed while it was idle; the others will be no better
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
    """How an origin, "http://host:port", is reached, and its idle connections.  Safe to share between threads.

    ``proxy``: a Proxy or None.  ``context``: the SSLContext for whoever speaks TLS, None if nobody does.
    ``said``: what the environment said of proxies when it was asked for this one; None if it has no say.
    ``names``: what the settings are called, as failure_cause.names gives it.
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
        #: Whether nobody on the way can change what comes.
        self.is_sure = self.is_tls or stays_here(origin, proxy)
        self.name, port = split(host)
        self.port = port or (443 if self.is_tls else 80)
        self.address = self.name  # what is connected to; *.localhost seldom resolves
        if is_loopback(host) and self.name.endswith("localhost"):
            self.address = "127.0.0.1"
        self.fields = [("Host", host), ("Accept-Encoding", "identity")]
        self.prefix = ""  # of a request's target
        if proxy is not None and proxy.socks is None and not self.is_tls:
            self.prefix = origin
            self.fields += proxy.fields
        self.idle = Idle()
        self._pid, self.closed = os.getpid(), False

    def connect(self, pace, exchange):
        # type: (Pace, Exchange) -> None
        """Give the exchange a new connection.  NoAnswer; nothing was sent then.

        Look-up, TCP, proxy and TLS together take connect_timeout at most, and no longer than ``pace`` allows.
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
        except _FAILURES + (EOFError, Refusal, failure_cause.Denied, socks.Unfit, wire.Malformed) as error:
            raise exchange.broken(error, leg)

    def tunnel(self):
        # type: () -> bytes
        """Bytes that ask the proxy for a way through; its answer has no body when it says yes, like that to HEAD."""
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
        """The Handshake that lets the SOCKS proxy connect a socket on to the host."""
        assert self.proxy is not None and self.proxy.socks is not None
        return socks.Handshake(connected, self.proxy.socks, name, self.port, pace)

    def _destination(self, pace, exchange):
        # type: (Pace, Exchange) -> str
        """What a SOCKS proxy is to connect to."""
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
        """Keep a connection that is idle now, for this process only."""
        if self.closed or len(self.idle) >= self._pool or self._pid != os.getpid():
            connection.close()
        else:
            self.idle.put(connection)

    def close(self):
        # type: () -> None
        """Close the idle connections, and each other one when it becomes idle."""
        self.closed = True
        self.idle.shut()


class Transport(object):
    """Connections to any host, kept open and shared.  Safe to share between threads; usable after a fork.

    ``timeout``: seconds that the other side may be silent, and to connect unless ``connect_timeout`` says otherwise.
    ``pool``: connections kept a host.  ``authorities``: file or folder of certificates instead of the environment's.
    ``certificate``: a trust.Certificate that the service may ask for.  ``proxy``: as ``chosen`` takes it.
    Where the environment decides on proxy or authorities, a change of it counts from the next connection on.
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

    def route(self, origin, anew=False):
        # type: (str, bool) -> Route
        """The Route to an origin.  ``anew``: for a new connection, for which everything is looked up again.

        ConfigurationError where a mock of requests expects to be asked instead.
        """
        mocks.check(origin)
        if self._pid != os.getpid():  # a child must not share its parent's connections
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
        """Whether nobody on the way by which an answer came could change it."""
        found = self._routes.get(origin)
        return found is not None and found.is_sure

    def _looked(self, origin, known):
        # type: (str, Route | None) -> Route
        """The Route that counts now: the known one unless something changed."""
        url, said = chosen(origin, self._proxy)
        proxy = None if url is None else failure_cause.proxy(url, origin, self._names())
        context = None
        if origin.startswith("https://") or (proxy is not None and proxy.is_tls):
            context = self._tls()
        if known is not None and getattr(known.proxy, "url", None) == url and known.context is context:
            known.said = said
            return known
        made = Route(origin, proxy, context, self._connect_timeout, self._pool, said, self._names())
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
        """Send a Request with ``body`` and return the Stream of its answer.

        body: bytes, default the request's own; or something that gives bytes by ``read()`` until b"" and says its
        ``length``, None to send it chunked.  What its reading raises comes out as it is, if a UVideoError.  Where it
        has ``piece()``, (descriptor, offset, length) of a file or None at the end, the system may send those bytes
        itself, and ``moved(n)`` says how many it did.
        NoAnswer if there is none; its ``stale`` says that a connection was closed while nobody used it.  Redirects are
        answers like any other.  ``seconds``: for all of it, from the connection to the last byte of the answer's body;
        Stream.limit sets others for that.  ``interrupt``: an Interrupt that ends any wait; its error is raised.
        """
        pace = self.pace
        if seconds is not None:
            if seconds <= 0:
                raise DeadlineExceeded()
            pace = pace.anew(seconds)
        exchange = Exchange(self.route(request.origin), pace, interrupt, request.method)
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
        """Send a Request and return its Response with the whole body, which is at most 64 MiB.

        Of an answer that says no only the beginning is read.
        """
        stream = self.open(request, body, seconds, interrupt)
        try:
            pieces, size, refused = [], 0, stream.status >= 300
            for piece in iter(lambda: stream.read(_PIECE), b""):
                pieces.append(piece)
                size += len(piece)
                if size >= SMALL_ANSWER:
                    raise BadAnswer(u"the answer is longer than %d bytes" % SMALL_ANSWER)
                if stream.missing() == 0 or (refused and size >= REFUSAL):  # another read would only say so
                    break
            content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except BaseException:
            stream.close()
            raise
        stream.close(reuse=True)
        return Response(stream.status, stream.headers, content)

    def probe(self, origin, seconds):
        # type: (str, float) -> tuple[str | None, dict[str, Any] | None]
        """(version of TLS, certificate of the host), as Connection.security, of a new connection, which is closed.

        UVideoError as ``open``; ``seconds``: for all of it.
        """
        route, pace = self.route(origin, anew=True), self.pace.anew(seconds)
        exchange = Exchange(route, pace, None, "HEAD")
        try:
            route.connect(pace, exchange)
            return exchange.security()
        finally:
            exchange.end(False)

    def close(self):
        # type: () -> None
        """Close the idle connections; the next request opens new ones."""
        routes, self._routes = self._routes, {}
        for route in routes.values():
            route.close()


def message(route, request, body=None):
    # type: (Route, Request, B | None) -> tuple[bytes | B, bytes, bool]
    """(body, bytes of the head, whether the body goes chunked) of a Request."""
    content, pairs, chunked = framed(route.fields, request, body)
    return content, wire.request_head(request.method, route.prefix + request.target, pairs), chunked


def framed(fields, request, body=None):
    # type: (list[tuple[str, str]], Request, B | None) -> tuple[bytes | B, list[tuple[str, str]], bool]
    """(body, (name, value) of the head, whether the body goes chunked) of a Request.  ``fields``: of the way to it."""
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
