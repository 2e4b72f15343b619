"""Processes that may open no more files."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import time
from collections.abc import Iterator


@contextlib.contextmanager
def none_left_here() -> Iterator[None]:
    """Of this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(held[0]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for each in held:
            os.close(each)


@contextlib.contextmanager
def none_left(pid: int) -> Iterator[None]:
    """Of a server."""
    taken = _settled(pid)
    free = next(number for number in itertools.count() if number not in taken)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def _settled(pid: int) -> set[int]:
    """The open descriptors of a server on which nothing moves."""
    seen, same = set[int](), 0
    while same < 5:
        now = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        same = same + 1 if now == seen else 0
        seen = now
        time.sleep(0.01)
    return seen
