"""Something that only one thread may be in at a time: what a lock is for, made to be seen if there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

SECONDS = 0.01


class Alone:
    """A callback that takes its time.  ``calls``: how many there were.  ``most``: how many at the same time."""

    def __init__(self) -> None:
        self.calls = self.inside = self.most = 0
        self.entered = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, *_: Any) -> None:
        with self._lock:
            self.calls += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.set()
        time.sleep(SECONDS)
        with self._lock:
            self.inside -= 1


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """What each returned, in order; all are begun together, each in a thread.  Raises what one of them raised."""
    results: list[Any] = [None] * len(work)
    errors: list[BaseException] = []
    start = threading.Barrier(len(work))

    def run(number: int, each: Callable[[], Any]) -> None:
        start.wait(60)
        try:
            results[number] = each()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    join(threads)
    if errors:
        raise errors[0]
    return results


def join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
