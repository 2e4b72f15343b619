"""One connection over TCP or TLS, direct or through a proxy.  Every wait on it has a limit."""

from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
import ssl
import time
from collections import deque

from ..protocol.compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar  # noqa: F401

    from .wire import Head  # noqa: F401

    T = TypeVar("T")

ticks = getattr(time, "monotonic", time.time)
_READ, _WRITE = 1, 2
_BLOCKED = (errno.EAGAIN, errno.EWOULDBLOCK)
_BROKEN = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ECONNABORTED, errno.ETIMEDOUT, errno.EHOSTUNREACH)
#: Milliseconds: safely below the most that poll takes.
LONGEST = 10 ** 9
_FAILURES = (EnvironmentError, socket.error, ssl.SSLError)
#: The most bytes given to the system in one call.
_SLICE = 1024 * 1024
#: Whether TLS within TLS is possible; not on Python 2.7.
NESTS = hasattr(ssl, "MemoryBIO")


class Pace(object):
    """The limits of waits: ``timeout`` seconds for each, and ``seconds`` from now for all together.

    The one place that turns limits into waits: code that waits for the other side asks a Pace how long.
    """

    __slots__ = ("_timeout", "_until")

    def __init__(self, timeout, seconds=None):
        # type: (float, float | None) -> None
        self._timeout = timeout
        self._until = None if seconds is None else ticks() + seconds  # type: float | None

    def anew(self, seconds):
        # type: (float | None) -> Pace
        """The same ``timeout``, with ``seconds`` from now for all waits."""
        return Pace(self._timeout, seconds)

    def within(self, seconds):
        # type: (float) -> Pace
        """A Pace for a part of the work, whose waits together take ``seconds`` at most."""
        return Pace(seconds, seconds if self._until is None else min(seconds, self._until - ticks()))

    def left(self):
        # type: () -> float
        """Seconds for a wait that begins now.  socket.timeout if no time is left."""
        if self._until is None:
            return self._timeout
        self.check()
        return max(0.0, min(self._timeout, self._until - ticks()))

    def milliseconds(self):
        # type: () -> int
        """As ``left``, rounded up."""
        return min(LONGEST, int(self.left() * 1000) + 1)

    def is_over(self):
        # type: () -> bool
        """Whether the time for all waits is over."""
        return self._until is not None and ticks() >= self._until

    def check(self):
        # type: () -> None
        """socket.timeout if the time is over.  For work that never waits because its bytes arrive fast."""
        if self.is_over():
            raise socket.timeout("timed out")


def _poller(descriptor, events):
    # type: (int, int) -> Callable[[int], object]
    """A function of milliseconds that waits and returns whether one of the events happened."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, (select.POLLIN if events & _READ else 0) | (select.POLLOUT if events & _WRITE else 0))
        return poll.poll
    # On Windows, and where eventlet removed poll.
    reading, writing = [descriptor] if events & _READ else [], [descriptor] if events & _WRITE else []
    return lambda milliseconds: any(select.select(reading, writing, [], milliseconds / 1000.0))


def readable(descriptor):
    # type: (int) -> Callable[[int], object]
    """A function of milliseconds that waits and returns whether there are bytes to read, or the end."""
    return _poller(descriptor, _READ)


class Connection(object):
    """A connected socket.  For one thread at a time, except ``abort``.

    Raises socket.timeout if a wait was too long, else EnvironmentError.
    """

    __slots__ = ("socket", "_pollers", "_readable", "_is_tls", "_waiting", "failure", "used")

    def __init__(self, connected, is_tls=False):
        # type: (socket.socket, bool) -> None
        self.socket = connected  # type: ssl.SSLSocket  # type: ignore[assignment]  # or a plain one, or an _Inner
        self._is_tls = is_tls
        self._waiting, self.failure = _WRITE, None  # type: int, BaseException | None
        self._pollers = {}  # type: dict[int, Callable[[int], object]]
        self._readable = self._poll(_READ)
        self.used = 0.0  # when it became idle, in ticks; 0 while new

    def _poll(self, events):
        # type: (int) -> Callable[[int], object]
        found = self._pollers.get(events)
        if found is None:
            found = self._pollers[events] = _poller(self.socket.fileno(), events)
        return found

    def wait(self, events, pace):
        # type: (int, Pace) -> None
        wait = self._readable if events == _READ else self._poll(events)
        while True:
            try:
                if wait(pace.milliseconds()):
                    return
            except (EnvironmentError, select.error) as error:  # a signal, on Python 2.7
                if error.args[0] == errno.EINTR:
                    continue
                raise
            raise socket.timeout("timed out")

    def is_idle(self):
        # type: () -> bool
        """False if the other side closed the connection or sent bytes unasked."""
        try:
            return not self._readable(0) and not (self._is_tls and self.socket.pending())
        except (EnvironmentError, select.error):
            return False

    def receive(self, size, pace):
        # type: (int, Pace) -> bytes
        """Up to ``size`` bytes, b"" at the end."""
        if not self._is_tls:  # nothing has arrived yet when a response is awaited
            self.wait(_READ, pace)
        while True:
            try:
                return self.socket.recv(size)
            except _FAILURES as error:
                if _ended(error):
                    return b""
                self.wait(_wanted(error, _READ), pace)

    def receive_into(self, view, pace):
        # type: (memoryview, Pace) -> int
        """The number of bytes received into ``view``, 0 at the end."""
        while True:
            try:
                return self.socket.recv_into(view)
            except _FAILURES as error:
                if _ended(error):
                    return 0
                self.wait(_wanted(error, _READ), pace)

    def send(self, data, pace, reader):
        # type: (bytes | memoryview, Pace, Head) -> bool
        """Send all of ``data``.  False if the response, or the end, came first.

        ``reader``: a wire.Head, which gets the bytes received while the system takes no more.
        """
        sent = 0 if self._is_tls else self._put(data)
        if sent == len(data):
            return True
        if sent < 0:
            return False
        view = memoryview(data)[sent:]
        while len(view):
            sent = self._put(view[:_SLICE])  # after a failed write, TLS needs the same bytes again
            if sent < 0 or (sent == 0 and not self._may_send(pace, reader)):
                return False
            view = view[sent:]
        return True

    def _put(self, data):
        # type: (bytes | memoryview) -> int
        """The number of bytes that the system took; -1 after a ``failure``, before which a response may have come."""
        try:
            return self.socket.send(data)
        except _FAILURES as error:
            try:
                self._waiting = _wanted(error, _WRITE)
                return 0
            except _FAILURES:
                self.failure = error
                return -1

    def _may_send(self, pace, reader):
        # type: (Pace, Head) -> bool
        """Wait until more can be sent.  False if the response, or the end, came instead."""
        self.wait(_READ | self._waiting, pace)
        return not self.is_answered(pace, reader)

    def is_answered(self, pace, reader):
        # type: (Pace, Head) -> bool
        """Give ``reader`` the bytes received.  True if they hold the response, or the end.

        A 1xx response and TLS's own messages do not count.
        """
        if not self._readable(0):
            return False
        while True:
            try:
                data = self.socket.recv(65536)
            except _FAILURES as error:
                if _ended(error):
                    return True
                if _wanted(error, _READ) != _WRITE:
                    return False
                self.wait(_WRITE, pace)  # TLS must send before it can read on
            else:
                if not data or reader.feed(data) is not None:
                    return True

    def send_file(self, piece, pace, reader):
        # type: (tuple[int, int, int], Pace, Head) -> int | None
        """Send ``piece``, (descriptor, offset, length) of a file, without reading it.

        The number of bytes sent; 0 if the file ends before them; -1 if the system cannot do it with this file; None if
        the response, or the end, came first.  ``reader``: as in ``send``.  Only if ``can_send_files``.
        """
        descriptor, offset, length = piece
        while True:
            try:
                return os.sendfile(self.socket.fileno(), descriptor, offset, length)
            except _FAILURES as error:
                if error.args[0] in _BROKEN:
                    self.failure = error
                    return None
                if error.args[0] not in _BLOCKED:
                    return -1
                if not self._may_send(pace, reader):
                    return None

    @property
    def can_send_files(self):
        # type: () -> bool
        return not self._is_tls and hasattr(os, "sendfile")

    def abort(self):
        # type: () -> None
        """End any wait on this connection at once, as if the other side had closed it.  Any thread may call this."""
        try:
            _plain(self.socket).shutdown(socket.SHUT_RDWR)
        except _FAILURES:
            pass

    def close(self):
        # type: () -> None
        try:
            self.socket.close()
        except _FAILURES:
            pass

    def security(self):
        # type: () -> tuple[str | None, dict[str, Any] | None]
        """(TLS version, the other side's certificate as ssl gives it); (None, None) without TLS."""
        return (self.socket.version(), self.socket.getpeercert()) if self._is_tls else (None, None)

    def encrypt(self, context, name, pace):
        # type: (ssl.SSLContext | None, str, Pace) -> None
        """Switch to TLS with a host of this name.  ssl.SSLError if its certificate is not trusted."""
        assert context is not None
        if self._is_tls:
            self.socket = _Inner(self.socket, context, name)  # type: ignore[assignment]  # used as an SSLSocket
        else:
            # TCP's end without TLS's closing message is an error: an attacker on the way could have caused it.
            self.socket = context.wrap_socket(
                self.socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        self._is_tls = True
        while True:
            try:
                self.socket.do_handshake()
                break
            except _FAILURES as error:
                self.wait(_wanted(error, _READ), pace)


def _ended(error):
    # type: (BaseException) -> bool
    """Whether an error is TLS's report that the other side closed."""
    return isinstance(error, ssl.SSLError) and error.args[0] == ssl.SSL_ERROR_ZERO_RETURN


def _wanted(error, usual):
    # type: (BaseException, int) -> int
    """The event that a call that would block waits for.  Raises any other error."""
    if isinstance(error, _WantsBoth):
        return _READ | _WRITE
    code = error.args[0] if error.args else None
    if isinstance(error, ssl.SSLError):
        if code == ssl.SSL_ERROR_WANT_READ:
            return _READ
        if code == ssl.SSL_ERROR_WANT_WRITE:
            return _WRITE
    elif code in _BLOCKED:
        return usual
    elif code == errno.EINTR:
        return _READ | _WRITE
    raise error


def _plain(connected):
    # type: (socket.socket) -> Any  # with its own shutdown
    """The plain socket: `shutdown` of a TLS socket would drop its state while another thread uses it."""
    while isinstance(connected, _Inner):
        connected = connected.outer
    return getattr(connected, "_sock", None) or super(type(connected), connected)


class _WantsBoth(ssl.SSLError):
    """There is nothing to read yet, and some bytes are still unsent."""


class _Inner(object):
    """TLS within a TLS connection, to a proxy that speaks TLS.  Only if ``NESTS``.

    Unsent bytes do not block reading: the response may have come already.
    """

    def __init__(self, outer, context, name):
        # type: (ssl.SSLSocket, ssl.SSLContext, str) -> None
        self.outer = outer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._waiting = b""  # TLS records that the outer connection has not taken yet
        self._taken = 0  # bytes of the current `send` that are in it

    def fileno(self):
        # type: () -> int
        return self.outer.fileno()

    def version(self):
        # type: () -> str | None
        return self._tls.version()

    def getpeercert(self):
        # type: () -> dict[str, Any] | None
        return self._tls.getpeercert()

    def pending(self):
        # type: () -> int
        return self._tls.pending() or self._in.pending or self.outer.pending()

    def close(self):
        # type: () -> None
        self.outer.close()

    def _flush(self):
        # type: () -> None
        self._waiting += self._out.read()
        while self._waiting:
            self._waiting = self._waiting[self.outer.send(self._waiting) :]

    def _try_flush(self):
        # type: () -> None
        try:
            self._flush()
        except EnvironmentError:  # blocked or broken: the bytes are kept and sent first next time
            pass

    def _call(self, work):
        # type: (Callable[[], T]) -> T
        while True:
            try:
                done = work()
                self._try_flush()  # if this fails, the work is still done
                return done
            except ssl.SSLWantReadError:
                self._try_flush()
                self._fill()

    def _fill(self):
        # type: () -> None
        try:
            data = self.outer.recv(65536)
        except ssl.SSLWantReadError:
            if self._waiting:
                raise _WantsBoth(ssl.SSL_ERROR_WANT_READ, "there is data to send too")
            raise
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def do_handshake(self):
        # type: () -> None
        self._call(self._tls.do_handshake)

    def recv(self, size):
        # type: (int) -> bytes
        return self._call(lambda: self._tls.read(size))

    def recv_into(self, view):
        # type: (memoryview) -> int
        return self._call(lambda: self._tls.read(len(view), view))  # type: ignore[return-value]  # a number, with a view

    def send(self, data):
        # type: (bytes | memoryview) -> int
        """Send ``data`` and return its length.  After an error, offer the same bytes again, as to any TLS."""
        if not self._taken:
            self._flush()
            self._taken = self._tls.write(data)
        self._flush()
        taken, self._taken = self._taken, 0
        return taken


class Idle(deque):  # type: ignore[type-arg]  # of Connection; Python 2.7 cannot write that
    """Idle connections, the last used in front.  Safe to share between threads.

    The interpreter closes the connections of a forgotten handler, as it closes sockets.  A ``__del__`` here would
    swallow a KeyboardInterrupt that arrives while it runs.
    """

    #: Seconds until an idle connection is dropped: a gateway on the way may have forgotten it silently.
    LASTING = 50.0

    def take(self):
        # type: () -> Connection | None
        """A Connection that is still open, or None."""
        while self:
            try:
                found = self.pop()  # type: Connection
            except IndexError:
                return None
            if ticks() - found.used < self.LASTING and found.is_idle():
                return found
            found.close()
        return None

    def put(self, connection):
        # type: (Connection) -> None
        connection.used = ticks()
        self.append(connection)

    def shut(self):
        # type: () -> None
        while self:
            try:
                self.pop().close()
            except IndexError:
                return
