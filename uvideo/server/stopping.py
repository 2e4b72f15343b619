"""How a worker is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

from uvideo.server.handover import STOPS, Succession

__all__ = ["GRACE", "Stop"]

GRACE = 30.0  # seconds for the requests in flight of a server that nobody replaces


class Stop:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once.

    ``patient``: others take the connections from then on, so that what is in flight may take its time.
    ``succession``: what SIGUSR2 begins; None in a worker that has a supervisor, which means by it that the worker is
    replaced.
    """

    def __init__(self, patient: bool, succession: Succession | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._patient, self._succession = patient, succession
        self._stopped = asyncio.Event()
        self._told = 0
        self._deadline: float | None = None
        self._task: asyncio.Task[None] | None = None
        for name in ("SIGTERM", "SIGINT", "SIGBREAK", "SIGUSR2"):
            number = getattr(signal, name, None)
            if number is None:
                continue
            act = self._replace if name == "SIGUSR2" else self._stop
            try:
                self._loop.add_signal_handler(number, act, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda found, _: self._loop.call_soon_threadsafe(self._stop, found))

    async def wait(self) -> None:
        await self._stopped.wait()

    def deadline(self) -> float | None:
        """When, by the loop's clock, what is in flight is broken off; None: as long as it moves."""
        return self._deadline

    def _stop(self, number: int) -> None:
        handed_over = False
        if self._succession is not None:
            handed_over = self._succession.taken
            if handed_over:
                self._succession.forward(number)
            else:
                self._succession.abandon()
        self._told += 1
        if self._told > 1:
            os._exit(128 + number)
        if handed_over or not self._patient:
            self._deadline = self._loop.time() + GRACE
        self._stopped.set()

    def _hang_up(self, number: int) -> None:
        """SIGHUP, once a successor serves."""
        assert self._succession is not None
        meant = self._succession.meant(number)
        if meant in STOPS:
            self._stop(meant)
        else:
            self._succession.forward(meant)

    def _replace(self, number: int) -> None:
        if self._succession is None:
            self._stopped.set()
        elif self._succession.taken:
            self._succession.forward(number)
        elif not self._stopped.is_set() and not self._succession.is_under_way:
            self._succession.begin()
            self._task = self._loop.create_task(self._follow(self._succession))

    async def _follow(self, succession: Succession) -> None:
        while succession.is_under_way and not self._stopped.is_set():
            if succession.look():
                if hasattr(signal, "SIGHUP"):  # nobody reads the settings here any more
                    self._loop.add_signal_handler(signal.SIGHUP, self._hang_up, signal.SIGHUP)
                self._stopped.set()
            await asyncio.sleep(succession.look_every)
