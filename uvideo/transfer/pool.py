"""A thread pool for many items, with one way to stop."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

from uvideo._core import threads
from uvideo.client.cancel import Cancel
from uvideo.errors import LocalFailure

__all__ = ["Pool", "gathered", "results"]

T = TypeVar("T")
R = TypeVar("R")
#: Seconds that an idle thread waits for work before it ends.
LINGER = 0.1
#: Seconds that threads get to stop after Ctrl-C.  All that they have recorded is on the disk.
GRACE = 5.0


class Pool(Generic[T]):
    """Calls ``do(item)`` for each item, ``jobs`` at the same time.  Threads start when there is work and end with it.

    An error of ``do`` stops the pool, and ``run`` raises it.  cancel: set by Ctrl-C in a ``with`` block of the pool.
    ahead: items that may wait, None for 2 * jobs; ``put`` waits beyond that.  Safe to share between threads.
    ``changed`` is notified when an item begins or ends; hold it to act on several at once.
    taken: items that ``run`` took.  left: those of them that never began.  took_all: whether it took every item.
    """

    def __init__(
        self, do: Callable[[T], object], jobs: int, cancel: Cancel | None = None, ahead: int | None = None
    ) -> None:
        self._do, self._jobs, self._cancel = do, jobs, cancel
        self._ahead = 2 * jobs if ahead is None else ahead
        self.changed = threading.Condition()  # with an RLock, as a signal handler may stop the pool
        self._waiting: deque[T] = deque()
        self._running: list[T] = []
        self._threads: set[threading.Thread] = set()
        self._idle = 0  # threads that wait for work
        self._closed = False
        self._error: BaseException | None = None
        self.taken = self.left = 0
        self.took_all = False

    def put(self, item: T) -> bool:
        """Add an item.  False once the pool is closed.  LocalFailure if no thread can be started.

        ``do`` may add items itself: that does not wait, and is possible until all are done.
        """
        with self.changed:
            inside = threading.current_thread() in self._threads
            self.changed.wait_for(lambda: inside or self._closed or len(self._waiting) < self._ahead)
            if self._closed and not inside:
                return False
            self._waiting.append(item)
            if len(self._threads) < self._jobs and self._idle < len(self._waiting):
                self._start()
            self.changed.notify_all()
        return True

    def _start(self) -> None:
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(self._work,), name="uvideo-transfer")
        self._threads.add(thread)
        try:
            threads.start(thread)
        except threads.NoThread as error:  # those running continue
            self._threads.discard(thread)
            if not self._threads:
                self._waiting.pop()
                raise LocalFailure(f"no thread can be started: {error}") from None

    def _work(self) -> None:
        while True:
            with self.changed:
                if not self._waiting and not self._closed:
                    self._idle += 1
                    self.changed.wait_for(lambda: self._waiting or self._closed, LINGER)
                    self._idle -= 1
                if not self._waiting:
                    self._threads.discard(threading.current_thread())
                    return
                item = self._waiting.popleft()
                self._running.append(item)
                self.changed.notify_all()
            try:
                self._do(item)
            except BaseException as error:
                self._error = self._error or error
                self.stop()
            finally:
                self._ended(item)
            del item  # or the idle thread would keep it

    def _ended(self, item: T) -> None:
        with self.changed:
            self._running.remove(item)
            self.changed.notify_all()

    def hasten(self, item: T) -> None:
        """Do an item now, in this thread, if it has not begun.  An error of ``do`` is raised; the pool goes on."""
        with self.changed:
            if item not in self._waiting:
                return
            self._waiting.remove(item)
            self._running.append(item)
        try:
            self._do(item)
        finally:
            self._ended(item)

    def items(self) -> list[T]:
        """The waiting and the running items."""
        with self.changed:
            return [*self._waiting, *self._running]

    def close(self) -> None:
        """Accept no more items."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def stop(self) -> None:
        """Begin no more items.  Running ones continue to their end."""
        with self.changed:
            self.left += len(self._waiting)
            self._waiting.clear()
            self.close()

    def join(self, seconds: float | None = None) -> None:
        """Wait until all items are done, at most ``seconds``."""
        with self.changed:
            self.changed.wait_for(lambda: not self._waiting and not self._running, seconds)
            self.close()

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all items are done.  A block that raises stops the pool.

        After Ctrl-C, or if a generator is closed early, the wait is at most GRACE seconds.
        """
        interrupted = kind in (KeyboardInterrupt, GeneratorExit)
        if interrupted and self._cancel is not None:
            self._cancel.set()
        if kind is not None:
            self.stop()
        try:
            self.join(GRACE if interrupted else None)
        except KeyboardInterrupt:
            if not interrupted:  # a second Ctrl-C ends the wait
                self.__exit__(KeyboardInterrupt)
            raise

    def run(self, items: Iterable[T]) -> None:
        """Do all items, taking each when there is room for it.  KeyboardInterrupt once ``cancel`` is set."""
        cancel = Cancel() if self._cancel is None else self._cancel
        with self:
            for item in items:
                self.taken += 1
                if not self.put(item):
                    with self.changed:
                        self.left += 1
                    break
                if cancel.is_set():
                    break
            else:
                self.took_all = True
        if self._error is not None:
            raise self._error
        if cancel.is_set():
            raise KeyboardInterrupt


def results(do: Callable[[T], R], items: Iterable[T], jobs: int, cancel: Cancel | None = None) -> Iterator[R]:
    """The results of ``do`` for each item, in order.  At most 4 * jobs items are begun before their results are taken.

    ``jobs``, ``cancel``: as in Pool.  An error is raised in its item's place, and no further item begins.  If the
    iteration ends early, by an error or Ctrl-C, ``cancel`` is set.
    """

    def one(job: tuple[Future[R], T]) -> None:
        future, item = job
        try:
            future.set_result(do(item))
        except BaseException as error:
            future.set_exception(error)

    waiting: deque[Future[R]] = deque()
    with Pool(one, jobs, cancel) as pool:
        for item in items:
            waiting.append(Future())
            pool.put((waiting[-1], item))
            if len(waiting) >= 4 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


async def gathered(do: Callable[[T], Awaitable[R]], items: Iterable[T], jobs: int) -> list[R]:
    """As ``results``, as one list, with tasks of an event loop."""
    import asyncio

    left, found = enumerate(items), {}

    async def work() -> None:
        for place, item in left:
            found[place] = await do(item)

    tasks = [asyncio.ensure_future(work()) for _ in range(jobs)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[place] for place in sorted(found)]
