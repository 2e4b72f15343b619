"""A box: a program that stands between, started for a while."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from test.cluster.program import Program
from test.proxies.world import NAME, Way, World

__all__ = ["Box", "forward", "knowing_names", "listens", "running", "text_of"]


@dataclass(frozen=True)
class Box:
    """``start``: as a context manager that gives the Way through it."""

    name: str
    start: Callable[[World], AbstractContextManager[Way]]


def listens(port: int) -> Callable[[], bool]:
    def look() -> bool:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True

    return look


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, port: int, *, as_ourselves: bool = False) -> Iterator[Program]:
    """The program, once it listens on the port; ended afterwards.  ``as_ourselves``: one that only we can read."""
    program = Program(list(command), log, as_ourselves=as_ourselves)
    try:
        program.wait_until(listens(port))
        yield program
    finally:
        program.stop()


def forward(world: World, port: int, seen: Callable[[], str], *, tunnel: bool, account: str = "") -> Way:
    """The Way through a forward proxy.  ``tunnel``: to the service that speaks TLS.  ``account``: for its URL."""
    origin = world.tls if tunnel else world.plain
    where = f"{NAME}:{origin.port}"
    return Way(
        origin,
        f"{'https' if tunnel else 'http'}://{where}",
        port,
        seen,
        f"CONNECT {where}" if tunnel else None,
        f"http://{account and account + '@'}127.0.0.1:{port}",
        world.certificate if tunnel else None,
    )


def text_of(path: Path) -> Callable[[], str]:
    return lambda: path.read_text(errors="replace") if path.exists() else ""


def knowing_names(world: World) -> list[str]:
    """What to put before a command of a program that asks the system for names."""
    library = next(iter(Path("/usr/lib").glob("*/libnss_wrapper.so")), None)
    if library is None:
        raise RuntimeError("libnss_wrapper.so is missing (Debian: apt-get install libnss-wrapper)")
    return ["env", f"LD_PRELOAD={library}", f"NSS_WRAPPER_HOSTS={world.hosts}", f"HOME={os.devnull}"]
