"""SIGHUP: read the settings again, unless it says that the terminal is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

__all__ = ["Hangup"]

SIGHUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # None: Windows


class Hangup:
    """Made at the start, in the process that others signal; from then on the signal ends nothing.

    A server that was started from a terminal ends with it, as any program does, unless by ``nohup``.
    """

    def __init__(self) -> None:
        self._main, self._ends = os.getpid(), False
        if SIGHUP is not None:
            self._ends = signal.getsignal(SIGHUP) is not signal.SIG_IGN and _has_terminal()
            signal.signal(SIGHUP, signal.SIG_IGN)

    def is_gone(self) -> bool:
        """Whether the terminal that this server ends with is gone."""
        return self._ends and not _has_terminal()

    def asked(self) -> asyncio.Event:
        """An event that the signal sets.  For one worker; the others go on ignoring it."""
        event = asyncio.Event()

        def told() -> None:
            if self.is_gone():
                os.kill(self._main, signal.SIGTERM)
            event.set()

        if SIGHUP is not None:
            asyncio.get_running_loop().add_signal_handler(SIGHUP, told)
            if self.is_gone():  # it went before somebody listened
                os.kill(self._main, signal.SIGTERM)
        return event


def _has_terminal() -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
        return True
    return False
