"""SIGHUP: read the settings again, unless the terminal was closed."""

from __future__ import annotations

import contextlib
import os
import signal

__all__ = ["SIGHUP", "Hangup"]

SIGHUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # None: Windows


class Hangup:
    """Decides what a SIGHUP means.  Create it at the start; from then on the signal does not end the process.

    A server that was started from a terminal ends when that is closed, like any program, except under ``nohup``.
    """

    def __init__(self) -> None:
        self._ends = False
        if SIGHUP is not None:
            self._ends = signal.getsignal(SIGHUP) is not signal.SIG_IGN and _has_terminal()
            signal.signal(SIGHUP, signal.SIG_IGN)

    def is_gone(self) -> bool:
        """Whether this server's terminal was closed, so that the server must stop.

        The shell and the system may each send a signal for it: the first one stops the server, others are ignored.
        """
        return self._ends and not _has_terminal()


def _has_terminal() -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
        return True
    return False
