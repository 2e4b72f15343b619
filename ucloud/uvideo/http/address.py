"""The addresses of a host: looking them up, and the order to try them in."""

from __future__ import absolute_import, division, print_function

import os
import re
import socket
import threading

from ..protocol.compat import TYPE_CHECKING
from . import threads

if TYPE_CHECKING:
    from typing import Any, Callable, Sequence  # noqa: F401

    Address = tuple[int, int, int, str, tuple[Any, ...]]  # as getaddrinfo gives it

#: Seconds until the next address is tried beside those without a response.  Source: RFC 8305 section 8.
STAGGER = 0.25
#: The most addresses of one host that are tried.
MOST = 32
_is_numeric = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}\Z|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%.*)?\Z").match
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_is_ipv4 = re.compile(r"(?:%s\.){3}%s\Z" % (_OCTET, _OCTET)).match
_has_long_label = re.compile(r"[^.]{64}").search
_FAILURES = (EnvironmentError, UnicodeError, OverflowError)
under_way = {}  # type: dict[tuple[int, str, int], Lookup]


class ConnectError(Exception):
    """No connection was made.  ``error``: the system's; None after a time-out."""

    def __init__(self, error=None):
        # type: (BaseException | None) -> None
        super(ConnectError, self).__init__(error)
        self.error = error


def known(name, port):
    # type: (str, int) -> Sequence[Address] | None
    """The addresses of a host whose name is an IP address; None for a name to look up.  ConnectError."""
    if _is_ipv4(name):  # ten times as fast as getaddrinfo
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (name, port))]
    if not _is_numeric(name):
        if _has_long_label(name):  # Python 2.7 would look it up
            raise ConnectError(UnicodeError("a label of the name is longer than 63 characters"))
        return None
    try:
        return _found(name, port, socket.AI_NUMERICHOST)
    except _FAILURES as error:
        raise ConnectError(error)


def look_up(name, port):
    # type: (str, int) -> Lookup
    """The Lookup of a host.  Callers that ask for the same host at the same time share one."""
    key = os.getpid(), name, port  # by process: a forked child has none of its parent's threads
    made = Lookup(key)
    try:
        found = under_way.setdefault(key, made)
        if found is made:
            made.start()
    except BaseException:  # no other caller may wait for a lookup that never starts
        if under_way.get(key) is made:
            under_way.pop(key, None)
        raise
    return found


def seconds_between(left, count):
    # type: (float, int) -> float
    """Seconds between the starts of ``count`` attempts in ``left`` seconds; the last attempt gets half of them."""
    return min(STAGGER, left / (2.0 * count))


class Lookup(object):
    """A call of the system's resolver, in a daemon thread.

    The call cannot be cancelled: a caller that has waited long enough abandons it.
    """

    def __init__(self, key):
        # type: (tuple[int, str, int]) -> None
        self._key, self._lock = key, threading.Lock()
        self._is_over, self._waiting = False, []  # type: bool, list[Callable[[], object]]
        self._addresses, self._error = (), None  # type: Sequence[Address], Exception | None

    def start(self):
        # type: () -> None
        thread = threading.Thread(target=self._work, name="look-up")
        thread.daemon = True
        try:
            threads.start(thread)
        except threads.NoThread:
            self._work()

    def _work(self):
        # type: () -> None
        try:
            self._addresses = _found(*self._key[1:])
        except Exception as error:
            self._error = error
        under_way.pop(self._key, None)
        with self._lock:
            self._is_over, waiting, self._waiting = True, self._waiting, []
        for wake in waiting:
            wake()

    def tell(self, wake):
        # type: (Callable[[], object]) -> None
        """Call ``wake()`` when there is a result, or at once if there is one.  ``wake`` must not block."""
        with self._lock:
            if not self._is_over:
                self._waiting.append(wake)
                return
        wake()

    def addresses(self):
        # type: () -> Sequence[Address]
        """The addresses, as getaddrinfo gives them, to try in this order.  ConnectError, also while the lookup runs."""
        if not self._addresses:
            raise ConnectError(self._error)
        return self._addresses


def _found(name, port, flags=0):
    # type: (str, int, int) -> Sequence[Address]
    return in_turn(socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM, 0, flags))


def in_turn(found):
    # type: (Sequence[Address]) -> Sequence[Address]
    """getaddrinfo's result with the families alternating, so that a broken family delays by one attempt only.

    Source: RFC 8305 section 4.
    """
    if len(found) < 2:
        return found
    families, order = {}, []  # type: dict[int, list[Address]], list[int]
    for each in found:
        if each[0] not in families:
            order.append(each[0])
        families.setdefault(each[0], []).append(each)
    return [
        families[family][place]
        for place in range(max([len(each) for each in families.values()]))
        for family in order
        if place < len(families[family])
    ][:MOST]
