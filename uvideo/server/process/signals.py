"""The signals that tell a process something, kept until somebody listens."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterable

__all__ = ["Signals"]

MOST = 4096  # at once


class Signals:
    """Between two who listen, an event loop and what comes after it, none is lost and none ends the process.

    The interpreter writes the number of each into a socket, in whatever thread it comes.  Not on Windows.
    """

    def __init__(self) -> None:
        self._left: list[int] = []

    def keep(self, numbers: Iterable[int]) -> None:
        """From now on, in this process.  Only in the main thread."""
        if not hasattr(self, "_reads"):
            self._reads, self._writes = socket.socketpair()
            self._reads.setblocking(False)
            self._writes.setblocking(False)
        signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _nothing)
            signal.siginterrupt(number, False)

    def fileno(self) -> int:
        """Readable once a signal has come that nobody has heard of."""
        return self._reads.fileno()

    def heard(self) -> list[int]:
        """Those that have come."""
        found, self._left = self._left, []
        with contextlib.suppress(BlockingIOError):
            found += self._reads.recv(MOST)
        return found

    def next(self, seconds: float) -> int:
        """One that has come or comes within so many seconds, 0 if none does."""
        if not self._left:
            select.select([self._reads], [], [], seconds)
            self._left = self.heard()
        return self._left.pop(0) if self._left else 0

    def ignore(self, numbers: Iterable[int]) -> None:
        """This process ends: what comes now must not change how."""
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


def _nothing(number: int, frame: object) -> None:
    """What the signal is for is done by who listens."""
