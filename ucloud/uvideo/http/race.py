"""Making a connection: a host's addresses race, so that a dead one does not use up the others' time."""

from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
from collections import deque

from ..protocol.compat import TYPE_CHECKING
from . import address
from .address import ConnectError
from .connection import LONGEST, Connection, ticks
from .wakeup import Wakeup

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Sequence  # noqa: F401

    from .address import Address  # noqa: F401
    from .connection import Pace  # noqa: F401

_STARTED = (errno.EINPROGRESS, errno.EINTR, errno.EAGAIN, errno.EWOULDBLOCK)
_FAILURES = (EnvironmentError, socket.error, OverflowError)


def connect(name, port, pace, abortable=None):
    # type: (str, int, Pace, Callable[[Race], object] | None) -> Connection
    """A Connection to the first of a host's addresses that answers.  ConnectError.

    All of it, with the lookup, counts as one wait of ``pace``.  ``abortable(race)``: called before any wait.  Then any
    thread may call ``race.abort()``; when no thread will any more, call ``race.close()``.
    """
    race = Race(pace.left())
    if abortable is not None:
        abortable(race)
    try:
        return Connection(race.run(name, port))
    except socket.timeout:
        raise ConnectError()
    finally:
        if abortable is None:
            race.close()


def addresses(name, port, pace, abortable=None):
    # type: (str, int, Pace, Callable[[Race], object] | None) -> Sequence[Address]
    """A host's addresses, as address.Lookup.addresses.  ConnectError.  ``pace``, ``abortable``: as in ``connect``."""
    race = Race(pace.left())
    if abortable is not None:
        abortable(race)
    try:
        return race.addresses(name, port)
    except socket.timeout:
        raise ConnectError()


class Race(object):
    """Sockets that connect to the addresses of one host.  Source: RFC 8305."""

    def __init__(self, seconds):
        # type: (float) -> None
        self._until = ticks() + seconds
        self._sockets = {}  # type: dict[int, socket.socket]  # on their way, by descriptor
        self._lost = []  # type: list[socket.socket]  # not closed before ``close``: another thread that aborts could hit a descriptor's next owner
        self._is_aborted = False
        self._looked_up = None  # type: Wakeup | None  # while something is looked up

    def _left(self):
        # type: () -> float
        """Seconds left.  socket.timeout if there are none."""
        left = self._until - ticks()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def run(self, name, port):
        # type: (str, int) -> socket.socket
        """The first socket to connect.  ConnectError with the last one's error if none does; socket.timeout."""
        waiting, last, due, pause = deque(self.addresses(name, port)), None, 0.0, 0.0
        if len(waiting) > 1:
            pause = address.seconds_between(self._left(), len(waiting))
        while waiting or self._sockets:
            arrived = ()  # type: Sequence[socket.socket]
            if waiting and (not self._sockets or ticks() >= due):
                due = ticks() + pause
                try:
                    arrived = self._start(*waiting.popleft())
                except _FAILURES as error:
                    last = error
            if self._is_aborted:
                raise ConnectError()
            if not arrived and self._sockets:
                arrived = self._wait(due - ticks() if waiting else None)
            if self._is_aborted:
                raise ConnectError()
            for made in arrived:
                code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    return self._sockets.pop(made.fileno())
                last = socket.error(code, os.strerror(code))
                self._lost.append(self._sockets.pop(made.fileno()))
        raise ConnectError(last)

    def addresses(self, name, port):
        # type: (str, int) -> Sequence[Address]
        """The host's addresses."""
        found = address.known(name, port)
        if found is None:
            looking = address.look_up(name, port)
            self._looked_up = Wakeup()
            looking.tell(self._looked_up.set)
            if not self._is_aborted:  # `abort` may have come before the event existed
                self._looked_up.wait(self._left())
            if not self._is_aborted:
                self._left()
            found = looking.addresses()
        return found

    def _start(self, family, kind, protocol, _, where):
        # type: (int, int, int, str, tuple[Any, ...]) -> Sequence[socket.socket]
        """Start connecting.  The socket, in a sequence, if it connects at once."""
        made = socket.socket(family, kind, protocol)
        self._lost.append(made)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = made.connect_ex(where)
        if code not in (0, errno.EISCONN) and code not in _STARTED:
            raise socket.error(code, os.strerror(code))
        self._sockets[made.fileno()] = self._lost.pop()
        return () if code in _STARTED else (made,)

    def _wait(self, seconds):
        # type: (float | None) -> Sequence[socket.socket]
        """The sockets that connected or failed within ``seconds``; an empty sequence if none did."""
        left = self._left()
        try:
            ready = _settled(list(self._sockets), left if seconds is None else max(0.0, min(seconds, left)))
        except (EnvironmentError, select.error) as error:
            if error.args[0] != errno.EINTR:  # a signal, on Python 2.7
                raise
            return ()
        return [self._sockets[each] for each in ready]

    def abort(self):
        # type: () -> None
        """Make ``run`` end at once, whatever it waits for."""
        self._is_aborted = True
        for made in list(self._sockets.values()):
            try:
                made.shutdown(socket.SHUT_RDWR)
            except _FAILURES:
                pass
        if self._looked_up is not None:
            self._looked_up.set()

    def close(self):
        # type: () -> None
        """Close the sockets that lost."""
        for made in self._lost + list(self._sockets.values()):
            made.close()


def _settled(descriptors, seconds):
    # type: (list[int], float) -> Iterable[int]
    """The descriptors whose connecting has ended, with or without success."""
    if hasattr(select, "poll"):
        poll = select.poll()
        for each in descriptors:
            poll.register(each, select.POLLOUT)
        return [each for each, _ in poll.poll(min(LONGEST, int(seconds * 1000) + 1))]
    _, arrived, failed = select.select([], descriptors, descriptors, seconds)  # Windows puts failures in the third list
    return set(arrived + failed)
