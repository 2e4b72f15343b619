"""What a display of progress is told; the displays themselves are in ``progress``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from uvideo.models import Progress

__all__ = ["Display", "Line"]

T = TypeVar("T")


class Line:
    """One transfer; an instance is its progress callback.  counts: whether its bytes count as transferred."""

    def __init__(self, moved: Callable[[Line, Progress], None], label: str, counts: bool) -> None:
        self._moved, self.label, self.counts = moved, label, counts
        self.began = time.monotonic()
        self.done = 0
        self.now: Progress | None = None

    def __call__(self, now: Progress) -> None:
        self._moved(self, now)


class Display:
    """A display that shows nothing, and the interface of all displays.

    An item is announced by ``expect`` and ended by ``item``.  ``begin`` and ``end`` enclose its transfer.
    """

    #: Prints by a function, with the display out of the way; None if there is none in the way.
    above: Callable[[Callable[[], None]], None] | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def early(self, items: Iterable[T], announce: Callable[[T], None]) -> Iterator[T]:
        """The items; announce(item) is called as early as that is useful here."""
        for item in items:
            announce(item)
            yield item

    def expect(self, size: int) -> None:
        """Announce one more item with ``size`` bytes to transfer."""

    def more(self, size: int) -> None:
        """``size`` more bytes of announced items are to be transferred; less if negative."""

    def item(self, left: int = 0) -> None:
        """An item has ended, successful or not.  ``left``: bytes of it that will not be transferred."""

    def begin(self, label: str, counts: bool = True) -> Line | None:
        """The progress callback of a transfer; None if nothing is shown."""
        return None

    def end(self, line: Line | None, size: int) -> None:
        """End a transfer, successful or not; ``size``: the bytes transferred."""

    def waits(self, seconds: float, reason: str) -> None:
        """A request is sent again after so many seconds."""

    def command(self, new: int = 0, done: int = 0) -> None:
        """Lines of a file of commands were read, or are done."""
