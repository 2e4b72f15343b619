"""The signals that stop a worker."""

from __future__ import annotations

import asyncio
import os
import signal

from uvideo.server.process.handover import FORWARDED, STOPS, Succession
from uvideo.server.process.hangup import SIGHUP, Hangup
from uvideo.server.process.signals import Signals

__all__ = ["GRACE", "Stop"]

GRACE = 30.0  # seconds for requests in flight, if no server replaces this one
SIGUSR2: signal.Signals | None = getattr(signal, "SIGUSR2", None)


class Stop:
    """The first SIGTERM or SIGINT sets it; the second one ends the process at once.

    ``patient``: another server accepts connections, so requests in flight have no time limit.
    ``succession``: begun by SIGUSR2; None in a worker with a supervisor, where SIGUSR2 says that it is replaced.
    ``hangup``: None in a worker that does not read the settings.  ``asked``: set by a SIGHUP that asks to read them.
    """

    def __init__(self, patient: bool, succession: Succession | None, signals: Signals, hangup: Hangup | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._patient, self._succession, self._hangup = patient, succession, hangup
        self._stopped, self.asked = asyncio.Event(), asyncio.Event()
        self._told = 0
        self._deadline: float | None = None
        self._task: asyncio.Task[None] | None = None
        if SIGUSR2 is None:  # Windows
            for number in (*STOPS, getattr(signal, "SIGBREAK", signal.SIGTERM)):
                signal.signal(number, lambda found, _: self._loop.call_soon_threadsafe(self._stop, found))
            return
        self._signals = signals
        stops = STOPS if succession is not None else (signal.SIGTERM,)  # SIGINT goes to the supervisor
        signals.keep([*stops, SIGUSR2, *([SIGHUP] if SIGHUP is not None and hangup is not None else [])])
        self._loop.add_reader(signals.fileno(), self._listen)
        if succession is not None and hangup is not None and hangup.is_gone():  # closed before that
            self._stop(signal.SIGTERM)

    async def wait(self) -> None:
        await self._stopped.wait()

    def deadline(self) -> float | None:
        """The loop's time at which requests in flight are aborted; None: never while bytes move."""
        return self._deadline

    def _listen(self) -> None:
        for number in self._signals.heard():
            self._hear(number)

    def _hear(self, number: int) -> None:
        if self._succession is not None and self._succession.taken:
            if number in FORWARDED and self._succession.forward(number):
                self._stop(number)
        elif number in STOPS:
            self._stop(number)
        elif number == SIGUSR2:
            self._replace()
        elif number == SIGHUP and self._hangup is not None:
            if not self._hangup.is_gone():
                self.asked.set()
            elif self._succession is not None and not self._told:  # a supervisor gets it itself; see Hangup.is_gone
                self._stop(signal.SIGTERM)

    def _stop(self, number: int) -> None:
        is_replaced = self._succession is not None and self._succession.taken
        if self._succession is not None and not is_replaced:
            self._succession.abandon("it got a stop signal")
        self._told += 1
        if self._told > 1:
            os._exit(128 + number)
        if is_replaced or not self._patient:
            self._deadline = self._loop.time() + GRACE
        self._stopped.set()

    def _replace(self) -> None:
        if self._succession is None:
            self._stopped.set()
        elif not self._stopped.is_set() and not self._succession.is_under_way:
            self._succession.begin()
            self._task = self._loop.create_task(self._follow(self._succession))

    async def _follow(self, succession: Succession) -> None:
        while succession.is_under_way and not self._stopped.is_set():
            if succession.look():
                self._stopped.set()
            await asyncio.sleep(succession.look_every)
