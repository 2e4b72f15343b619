"""One connection: made, written to and read from with waits that all end, over TCP or TLS, directly or by a proxy."""

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
#: Milliseconds that poll takes at most, with room to spare.
LONGEST = 10 ** 9
_FAILURES = (EnvironmentError, socket.error, ssl.SSLError)
#: Bytes handed to the system at a time, at most.
_SLICE = 1024 * 1024
#: Whether TLS can be spoken inside of TLS: not on Python 2.7.
NESTS = hasattr(ssl, "MemoryBIO")


class Pace(object):
    """How long a wait may last: ``timeout`` seconds, and all of them until ``seconds`` from now.

    The one place where a limit of time becomes waits: whoever waits for the other side asks a Pace how long.
    """

    __slots__ = ("_timeout", "_until")

    def __init__(self, timeout, seconds=None):
        # type: (float, float | None) -> None
        self._timeout = timeout
        self._until = None if seconds is None else ticks() + seconds  # type: float | None

    def anew(self, seconds):
        # type: (float | None) -> Pace
        """The same silence, and the time for all waits begins now."""
        return Pace(self._timeout, seconds)

    def within(self, seconds):
        # type: (float) -> Pace
        """The Pace of a part of the work, all of whose waits together take so long at most."""
        return Pace(seconds, seconds if self._until is None else min(seconds, self._until - ticks()))

    def left(self):
        # type: () -> float
        """Seconds of a wait that begins now.  socket.timeout if there are none."""
        if self._until is None:
            return self._timeout
        self.check()
        return max(0.0, min(self._timeout, self._until - ticks()))

    def milliseconds(self):
        # type: () -> int
        """As ``left``, a little more rather than less."""
        return min(LONGEST, int(self.left() * 1000) + 1)

    def is_over(self):
        # type: () -> bool
        """Whether the time for all waits has passed."""
        return self._until is not None and ticks() >= self._until

    def check(self):
        # type: () -> None
        """socket.timeout if it has: also what never waits, as its bytes come fast, must end."""
        if self.is_over():
            raise socket.timeout("timed out")


def _poller(descriptor, events):
    # type: (int, int) -> Callable[[int], object]
    """A function of milliseconds that says whether what was waited for happened."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, (select.POLLIN if events & _READ else 0) | (select.POLLOUT if events & _WRITE else 0))
        return poll.poll
    # Windows, and where eventlet took it away
    reading, writing = [descriptor] if events & _READ else [], [descriptor] if events & _WRITE else []
    return lambda milliseconds: any(select.select(reading, writing, [], milliseconds / 1000.0))


def readable(descriptor):
    # type: (int) -> Callable[[int], object]
    """A function of milliseconds that says whether something came, or an end."""
    return _poller(descriptor, _READ)


class Connection(object):
    """A connected socket.  One thread at a time, but ``abort``, which any may call.

    Failures are socket.timeout for a wait that was too long, else EnvironmentError.
    """

    __slots__ = ("socket", "_pollers", "_readable", "_is_tls", "_waiting", "failure", "used")

    def __init__(self, connected, is_tls=False):
        # type: (socket.socket, bool) -> None
        # Or a plain socket, or an _Inner: of TLS they have what is used of them.
        self.socket = connected  # type: ssl.SSLSocket  # type: ignore[assignment]
        self._is_tls = is_tls
        self._waiting, self.failure = _WRITE, None  # type: int, BaseException | None
        self._pollers = {}  # type: dict[int, Callable[[int], object]]
        self._readable = self._poll(_READ)
        self.used = 0.0  # when it became idle, in ticks; 0 while it is new

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
        """False if it was closed by the other side, or something came that nobody asked for."""
        try:
            return not self._readable(0) and not (self._is_tls and self.socket.pending())
        except (EnvironmentError, select.error):
            return False

    def receive(self, size, pace):
        # type: (int, Pace) -> bytes
        """At most ``size`` bytes, b"" at the end."""
        if not self._is_tls:  # nothing is there yet when an answer is waited for
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
        """How many bytes came into ``view``, 0 at the end."""
        while True:
            try:
                return self.socket.recv_into(view)
            except _FAILURES as error:
                if _ended(error):
                    return 0
                self.wait(_wanted(error, _READ), pace)

    def send(self, data, pace, reader):
        # type: (bytes | memoryview, Pace, Head) -> bool
        """Send all of ``data``.  False if the answer, or an end, came before that.

        ``reader``: a wire.Head, which is fed with whatever comes as long as the system takes no more.
        """
        sent = 0 if self._is_tls else self._put(data)
        if sent == len(data):
            return True
        if sent < 0:
            return False
        view = memoryview(data)[sent:]
        while len(view):
            sent = self._put(view[:_SLICE])  # TLS must be offered the same bytes again that it could not take
            if sent < 0 or (sent == 0 and not self._may_send(pace, reader)):
                return False
            view = view[sent:]
        return True

    def _put(self, data):
        # type: (bytes | memoryview) -> int
        """How many bytes the system took; -1 after a ``failure``, before which an answer may have come."""
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
        """Wait until more can be sent.  False if the answer, or an end, is there instead."""
        self.wait(_READ | self._waiting, pace)
        return not self.is_answered(pace, reader)

    def is_answered(self, pace, reader):
        # type: (Pace, Head) -> bool
        """Feed ``reader`` with what has come.  True if the answer, or an end, is there.

        Neither an answer 1xx nor what TLS says by itself is one.
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
                self.wait(_WRITE, pace)  # TLS has to say something before it reads on
            else:
                if not data or reader.feed(data) is not None:
                    return True

    def send_file(self, piece, pace, reader):
        # type: (tuple[int, int, int], Pace, Head) -> int | None
        """Send ``piece``, (descriptor, offset, length) of a file, without reading it.  How much; None for an early end.

        0 if the file has no such bytes, -1 if the system cannot do it with this file.  ``reader``: as of ``send``.
        Only of a connection that ``can_send_files``.
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
        """Make whoever waits on it see its end, now."""
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
        """(version of TLS, the other side's certificate as ssl gives it); (None, None) without TLS."""
        return (self.socket.version(), self.socket.getpeercert()) if self._is_tls else (None, None)

    def encrypt(self, context, name, pace):
        # type: (ssl.SSLContext | None, str, Pace) -> None
        """Speak TLS from now on with a host of this name.  ssl.SSLError if its certificate is not trusted."""
        assert context is not None
        if self._is_tls:
            self.socket = _Inner(self.socket, context, name)  # type: ignore[assignment]
        else:
            # An end of TCP without TLS's word for it is a failure: whoever stands between could have made it.
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
    """Whether a failure is TLS's way to say that the other side is done."""
    return isinstance(error, ssl.SSLError) and error.args[0] == ssl.SSL_ERROR_ZERO_RETURN


def _wanted(error, usual):
    # type: (BaseException, int) -> int
    """What a call that would block waits for.  Raises what is no such failure."""
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
    """The socket itself: TLS's own shutdown would pull its state from under the thread that waits."""
    while isinstance(connected, _Inner):
        connected = connected.outer
    return getattr(connected, "_sock", None) or super(type(connected), connected)


class _WantsBoth(ssl.SSLError):
    """There is nothing to read yet, and not everything could be sent."""


class _Inner(object):
    """TLS inside of a TLS connection, to a proxy that speaks it.  Only where it ``NESTS``.

    What cannot be sent does not keep anybody from reading: the answer may be there already.
    """

    def __init__(self, outer, context, name):
        # type: (ssl.SSLSocket, ssl.SSLContext, str) -> None
        self.outer = outer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._waiting = b""  # made by TLS and not taken by the outer connection yet
        self._taken = 0  # bytes of what is sent that are in it

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
        except EnvironmentError:  # a full pipe or a broken one: it is kept, and goes first
            pass

    def _call(self, work):
        # type: (Callable[[], T]) -> T
        while True:
            try:
                done = work()
                self._try_flush()  # what was done is not undone by a full pipe
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
                raise _WantsBoth(ssl.SSL_ERROR_WANT_READ, "there is more to send as well")
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
        return self._call(lambda: self._tls.read(len(view), view))  # type: ignore[return-value]

    def send(self, data):
        # type: (bytes | memoryview) -> int
        """Takes data once the outer connection has all of it; until then the same is offered again, as to any TLS."""
        if not self._taken:
            self._flush()
            self._taken = self._tls.write(data)
        self._flush()
        taken, self._taken = self._taken, 0
        return taken


class Idle(deque):  # type: ignore[type-arg]  # of Connection
    """Connections that wait to serve again, the one used last in front.  Safe to share between threads.

    Those of a forgotten handler are closed by the interpreter, as their sockets are.  A ``__del__`` here would swallow
    the KeyboardInterrupt that arrives while it runs.
    """

    #: Seconds after which one is not trusted any more: who stands between may have forgotten it without a word.
    LASTING = 50.0

    def take(self):
        # type: () -> Connection | None
        """A Connection that still stands, or None."""
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
