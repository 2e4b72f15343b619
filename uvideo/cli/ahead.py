"""A listing that runs ahead of the work, so that totals are known early."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from uvideo.transfer.pool import Pool

__all__ = ["ahead"]

T = TypeVar("T")
#: The most items that wait, for bounded memory: some tens of MB.
MOST = 50_000


def ahead(
    items: Iterable[T], announce: Callable[[T], None], ended: Callable[[], None], most: int = MOST
) -> Iterator[T]:
    """The same items, which another thread takes as early as it can.  An error of theirs comes in its place.

    announce(item): called when an item is taken.  ended(): called after the last one.
    """
    waiting: deque[T] = deque()
    changed = threading.Condition()
    is_over = is_stopped = False
    problem: BaseException | None = None

    def take(_: None) -> None:
        nonlocal is_over, problem
        try:
            for item in items:
                announce(item)
                with changed:
                    changed.wait_for(lambda: is_stopped or len(waiting) < most)
                    if is_stopped:
                        return
                    waiting.append(item)
                    changed.notify_all()
            ended()
        except BaseException as error:
            problem = error
        finally:
            with changed:
                is_over = True
                changed.notify_all()

    Pool(take, 1).put(None)
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or is_over)
                if not waiting:
                    break
                item = waiting.popleft()
                changed.notify_all()
            yield item
    finally:
        with changed:
            is_stopped = True
            changed.notify_all()
    if problem is not None:
        raise problem
