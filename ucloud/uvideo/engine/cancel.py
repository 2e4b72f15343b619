"""Cancelling a transfer: one thread sets an Interrupt, the threads of the transfer obey it."""

from __future__ import absolute_import, division, print_function

import copy
import sys
import threading

from ..http import threads
from ..http.wakeup import Wakeup
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import Cancelled

if TYPE_CHECKING:
    from typing import Callable  # noqa: F401

    from ..protocol.errors import UVideoError  # noqa: F401

_is_finalizing = getattr(sys, "is_finalizing", lambda: False)  # not on Python 2.7


class Interrupt(object):
    """Cancels a transfer, once and for good.

    The transfer ends at its next wait, piece or request.  Safe to share between threads.  On Python 3 a signal handler
    may call ``set``.
    """

    def __init__(self):
        # type: () -> None
        self._is_over = False
        self._error = Cancelled()  # type: UVideoError
        self._lock = threading.RLock()  # a signal handler may call `set` while this thread holds it
        self.wakes = []  # type: list[Callable[[], object]]

    def set(self, error=None):
        # type: (UVideoError | None) -> None
        """Cancel.  ``error``: the UVideoError to raise, Cancelled by default; the first call's error is kept."""
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
        """Call ``wake()`` when this is set, or at once if it is set already.  ``wake`` must not block."""
        with self._lock:
            self.wakes.append(wake)
            if self._is_over:
                wake()

    def forget(self, wake):
        # type: (Callable[[], object]) -> None
        """Stop calling ``wake``.  It is not running when this returns."""
        with self._lock:
            if wake in self.wakes:
                self.wakes.remove(wake)

    def wait(self, seconds):
        # type: (float) -> bool
        """Sleep for ``seconds``, or until this is set.  Returns whether it is set."""
        over = Wakeup()
        self.remember(over.set)
        try:
            over.wait(seconds)
        finally:
            self.forget(over.set)
        return self._is_over

    def check(self):
        # type: () -> None
        """Raise the error if this is set.  Each call raises a copy, as an error carries where it was raised."""
        if self._is_over:
            raise copy.copy(self._error)


class Grace(object):
    """An Interrupt that takes effect ``seconds`` later, for a response that must not be lost.  For one request."""

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
        """As Interrupt.remember, for one ``wake`` at a time."""
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
        if _is_finalizing():  # a new thread would never run, and `start` would wait for it forever
            self._end()
            return
        self._timer = threading.Timer(self._seconds, self._end)
        self._timer.daemon = True
        threads.start(self._timer)

    def _end(self):
        # type: () -> None
        with self._lock:
            if self._wake is not None:
                self._over = True
                self._wake()
