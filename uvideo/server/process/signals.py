"""Signals, queued until the program handles them."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterable

__all__ = ["Signals"]

MOST = 4096  # signals of one read


class Signals:
    """A queue of signals.  None is lost, and none ends the process, while an event loop begins or ends.

    The interpreter writes the number of each signal to a socket, in any thread.  Not on Windows.
    """

    def __init__(self) -> None:
        self._left: list[int] = []

    def keep(self, numbers: Iterable[int]) -> None:
        """Queue these signals from now on.  Main thread only."""
        if not hasattr(self, "_reads"):
            self._reads, self._writes = socket.socketpair()
            self._reads.setblocking(False)
            self._writes.setblocking(False)
        signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _nothing)
            signal.siginterrupt(number, False)

    def fileno(self) -> int:
        """A descriptor that is readable while a signal is queued."""
        return self._reads.fileno()

    def heard(self) -> list[int]:
        """Remove and return the queued signals."""
        found, self._left = self._left, []
        with contextlib.suppress(BlockingIOError):
            found += self._reads.recv(MOST)
        return found

    def next(self, seconds: float) -> int:
        """The next signal within this many seconds; 0 if there is none."""
        if not self._left:
            select.select([self._reads], [], [], seconds)
            self._left = self.heard()
        return self._left.pop(0) if self._left else 0

    def ignore(self, numbers: Iterable[int]) -> None:
        """Ignore these signals from now on, because the process ends."""
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


def _nothing(number: int, frame: object) -> None:
    """An empty handler: the reader of the queue handles the signal."""
