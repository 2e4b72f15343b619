"""Many tasks at a time, in threads, with one way to stop: Ctrl-C."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from uvideo.cli.context import Context

__all__ = ["Crew"]

T = TypeVar("T")
#: Seconds that transfers get to stop after Ctrl-C.  What they noted until then is on the disk anyway.
GRACE = 5.0


class Crew(Generic[T]):
    """Calls ``do`` with each of many tasks, ``jobs`` at a time.

    The caller's thread makes the tasks, at most a few ahead.  ``do`` says its own failures; what it raises ends all and
    comes out of ``run``.  KeyboardInterrupt sets the context's cancel, waits a while for the threads, and comes out.
    """

    def __init__(self, context: Context, jobs: int, do: Callable[[T], None]) -> None:
        self._context, self._jobs, self._do = context, jobs, do
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()
        self._threads: set[threading.Thread] = set()
        self._busy = 0
        self._ended = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Begin no more tasks; those that run go on to their end."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()

    def run(self, tasks: Iterable[T]) -> None:
        """Do them all."""
        cancel = self._context.cancel
        try:
            for task in tasks:
                if not self._put(task) or cancel.is_set():
                    break
            self._join()
        except KeyboardInterrupt:
            cancel.set()
            self.stop()
            self._join(GRACE)
            raise
        except BaseException:
            self.stop()
            self._join()
            raise
        if self._error is not None:
            raise self._error
        if cancel.is_set():
            raise KeyboardInterrupt

    def _put(self, task: T) -> bool:
        with self._changed:
            while len(self._waiting) >= 2 * self._jobs and not self._ended:
                self._changed.wait()
            if self._ended:
                return False
            self._waiting.append(task)
            if self._busy + len(self._waiting) > len(self._threads) and len(self._threads) < self._jobs:
                thread = threading.Thread(target=self._work, name="uvideo-job", daemon=True)
                self._threads.add(thread)
                thread.start()
            else:
                self._changed.notify_all()
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ended:
                    self._changed.wait()
                if not self._waiting:
                    return
                task = self._waiting.popleft()
                self._busy += 1
                self._changed.notify_all()
            try:
                self._do(task)
            except BaseException as error:
                with self._changed:
                    self._error = self._error or error
                self.stop()
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _join(self, seconds: float | None = None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._waiting, seconds)
            self._ended = True
            self._changed.notify_all()
