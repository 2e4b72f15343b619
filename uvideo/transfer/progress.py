"""The progress of a transfer, from the progress of its parts.  It never goes down, even if parts are sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from uvideo.models import Progress

__all__ = ["Meter"]

#: Seconds between two reports, except the last.
PAUSE = 0.1


class Meter:
    """Counts bytes by part and calls ``callback`` with a Progress, from one thread at a time.

    ``first``: the initial Progress.  ``ticks``: a clock that never goes back.  An error of the callback is raised by
    the method that called it.
    """

    def __init__(self, callback: Callable[[Progress], None], first: Progress, ticks: Callable[[], float]) -> None:
        self._callback, self._ticks, self._first = callback, ticks, first
        self._done, self._total, self._retries = first.done, first.total, first.retries
        self._parts, self._parts_done = first.parts, first.parts_done
        self._told = float("-inf")
        self._moving: dict[int, int] = {}  # part: bytes of it transferred so far
        self._settled = first.done
        self._lock = threading.RLock()

    def moved(self, part: int, size: int) -> None:
        """``size`` more bytes of a part were transferred."""
        with self._lock:
            self._moving[part] = self._moving.get(part, 0) + size
            self._tell()

    def again(self, part: int) -> None:
        """A part starts over."""
        with self._lock:
            if self._moving.pop(part, 0):
                self._retries += 1

    def failed(self) -> None:
        """A try failed; its bytes still count."""
        with self._lock:
            self._retries += 1

    def anew(self, total: int | None, parts: int) -> None:
        """Another version, with nothing transferred yet.  The reported bytes stay, up to its total."""
        with self._lock:
            self._moving.clear()
            self._settled = 0
            self._done = self._done if total is None else min(self._done, total)
            self._total, self._parts, self._parts_done = total, parts, 0

    def settled(self, part: int, size: int, total: int | None) -> None:
        """A part of ``size`` bytes is done.  ``total``: bytes of all parts, as far as known."""
        with self._lock:
            self._moving.pop(part, None)
            self._settled += size
            self._parts_done += 1
            self._total = total
            self._tell()

    def end(self, size: int) -> None:
        """All parts are done: make the last report."""
        with self._lock:
            self._done = self._total = size
            self._callback(self._now())

    def _now(self) -> Progress:
        return replace(
            self._first,
            done=self._done,
            total=self._total,
            parts_done=self._parts_done,
            parts=self._parts,
            retries=self._retries,
        )

    def _tell(self) -> None:
        self._done = max(self._done, self._settled + sum(self._moving.values()))
        now = self._ticks()
        if now - self._told >= PAUSE:
            self._told = now
            self._callback(self._now())
