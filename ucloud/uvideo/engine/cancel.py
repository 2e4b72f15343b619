"""A wish to end a transfer, which one thread sets and others obey."""

from __future__ import absolute_import, division, print_function

import copy
import sys
import threading

from ..http.wakeup import Wakeup
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import Cancelled

if TYPE_CHECKING:
    from typing import Callable  # noqa: F401

    from ..protocol.errors import UVideoError  # noqa: F401

_is_finalizing = getattr(sys, "is_finalizing", lambda: False)  # not on Python 2.7


class Interrupt(object):
    """Set once, for good: a transfer then ends at its next wait, piece or request.  Safe to share between threads.

    On Python 3 a signal handler may set it.
    """

    def __init__(self):
        # type: () -> None
        self._is_over = False
        self._error = Cancelled()  # type: UVideoError
        self._lock = threading.RLock()  # a signal handler may set it: no Event, whose lock is no RLock
        self.wakes = []  # type: list[Callable[[], object]]

    def set(self, error=None):
        # type: (UVideoError | None) -> None
        """``error``: the UVideoError that it raises then, Cancelled by default; the first counts."""
        with self._lock:
            if self._is_over:
                return
            self._error = error or self._error
            self._is_over = True
            for wake in self.wakes:
                wake()

    cancel = set

    def is_set(self):
        # type: () -> bool
        return self._is_over

    def remember(self, wake):
        # type: (Callable[[], object]) -> None
        """Call ``wake()`` when it is set, at once if it is; it must not block."""
        with self._lock:
            self.wakes.append(wake)
            if self._is_over:
                wake()

    def forget(self, wake):
        # type: (Callable[[], object]) -> None
        """No longer call it; it is not running when this returns."""
        with self._lock:
            if wake in self.wakes:
                self.wakes.remove(wake)

    def wait(self, seconds):
        # type: (float) -> bool
        """Sleep so long, or until it is set.  Whether it is set."""
        over = Wakeup()
        self.remember(over.set)
        try:
            over.wait(seconds)
        finally:
            self.forget(over.set)
        return self._is_over

    def check(self):
        # type: () -> None
        """Raise the error if it is set: each time another one, as an error says where it was met."""
        if self._is_over:
            raise copy.copy(self._error)


class Grace(object):
    """What an Interrupt wishes, heeded ``seconds`` later: for an answer that must not get lost.  For one request."""

    def __init__(self, interrupt, seconds):
        # type: (Interrupt, float) -> None
        self._interrupt, self._seconds = interrupt, seconds
        self._lock = threading.Lock()
        self._wake = None  # type: Callable[[], object] | None
        self._timer = None  # type: threading.Timer | None
        self._over = False

    def is_set(self):
        # type: () -> bool
        return self._over

    def remember(self, wake):
        # type: (Callable[[], object]) -> None
        """As Interrupt; of one ``wake`` at a time."""
        self._wake = wake
        self._interrupt.remember(self._start)

    def forget(self, wake):
        # type: (Callable[[], object]) -> None
        self._interrupt.forget(self._start)
        with self._lock:
            self._wake = None
        if self._timer is not None:
            self._timer.cancel()

    def check(self):
        # type: () -> None
        if self._over:
            self._interrupt.check()

    def _start(self):
        # type: () -> None
        if _is_finalizing():  # no thread begins to run any more, and its start would wait for that for ever
            self._end()
            return
        self._timer = threading.Timer(self._seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self):
        # type: () -> None
        with self._lock:
            if self._wake is not None:
                self._over = True
                self._wake()
