"""A place where a driver keeps its things: opened in this process or, to be killed there, in another."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds before a story counts as stuck: one that waits for a loaded machine is not


@dataclass(frozen=True)
class Place:
    """``driver``: "module:class".  ``arguments``: its keyword arguments, as JSON has them."""

    driver: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def driver_here(self) -> Any:
        """A driver, not started."""
        module, name = self.driver.split(":")
        return getattr(import_module(module), name)(**self.arguments)


def play(story: Callable[..., Awaitable[Any]], *places: Place) -> Any:
    """Run ``story(driver, ...)`` with a started driver for each place; return what it returns."""

    async def whole() -> Any:
        drivers = [place.driver_here() for place in places]
        for driver in drivers:
            await driver.start()
        try:
            return await asyncio.wait_for(story(*drivers), PATIENCE)
        finally:
            for driver in drivers:
                await driver.close()

    return asyncio.run(whole())


class Worker:
    """A process that plays a scenario of ``worker.py`` on the same places."""

    def __init__(self, scenario: str, places: tuple[Place, ...], arguments: tuple[Any, ...]) -> None:
        told = json.dumps([scenario, [[place.driver, place.arguments] for place in places], list(arguments)])
        command = [sys.executable, "-m", "test.contract.worker", told]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """What it says next; fails if it has ended."""
        said = self._process.stdout.readline()
        assert said.endswith("\n"), f"the worker ended, status {self._process.wait()}"
        return said.rstrip("\n")

    def go_on(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> list[str]:
        """SIGKILL, now; return the whole lines that it had said and nobody has read."""
        self._process.kill()
        rest = self._process.stdout.read()
        assert self._process.wait() == -9
        return [said.rstrip("\n") for said in rest.splitlines(keepends=True) if said.endswith("\n")]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def worker(scenario: str, *places: Place, arguments: tuple[Any, ...] = ()) -> Iterator[Worker]:
    started = Worker(scenario, places, arguments)
    try:
        yield started
    finally:
        started.end()
