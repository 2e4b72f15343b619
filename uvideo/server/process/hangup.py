"""SIGHUP: read the settings again, unless it says that the terminal is gone."""

from __future__ import annotations

import contextlib
import os
import signal

__all__ = ["SIGHUP", "Hangup"]

SIGHUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # None: Windows


class Hangup:
    """Made at the start; from then on the signal ends nothing, and whoever listens asks what it says.

    A server that was started from a terminal ends with it, as any program does, unless by ``nohup``.
    """

    def __init__(self) -> None:
        self._ends = False
        if SIGHUP is not None:
            self._ends = signal.getsignal(SIGHUP) is not signal.SIG_IGN and _has_terminal()
            signal.signal(SIGHUP, signal.SIG_IGN)

    def is_gone(self) -> bool:
        """Whether the terminal that this server ends with is gone.

        A shell and the system may both say it by a signal: the first tells the server to stop, no other counts.
        """
        return self._ends and not _has_terminal()


def _has_terminal() -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
        return True
    return False
