"""What is known of all transfers of a command, and its text in lines of any width.

Sizes and rates are in the same binary units, KiB to EiB.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from uvideo.cli.escaping import shown
from uvideo.cli.i18n import say
from uvideo.cli.report import size, span

__all__ = ["Rate", "Status", "Waiting", "cells", "clipped", "fitted", "of_total"]

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: Seconds over which a rate is averaged.
WINDOW = 10.0
#: Columns of a bar, and of a name: the fewest and the most.
BAR, NAME = (8, 40), (8, 60)


def cells(text: str) -> int:
    """The columns of a text on a terminal: a Chinese character takes two, a combining one none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) == "Cf"
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def clipped(text: str, width: int, *, end: bool = True) -> str:
    """The end of a text, or its beginning, in at most ``width`` columns."""
    if cells(text) <= width:
        return text
    text = text[-width:] if end else text[:width]
    while text and cells(text) > width - 3:
        text = text[1:] if end else text[:-1]
    return ("..." + text if end else text + "...")[:width]


def of_total(done: int, total: int | None) -> str:
    """Two sizes in one unit: 0.4 / 3.4 GiB."""
    if total is None:
        return size(done)
    number, unit = size(total).split(" ")
    first = str(done) if unit == "B" else f"{done / 1024 ** UNITS.index(unit):.1f}"
    return f"{first} / {number} {unit}"


class Rate:
    """Bytes per second, averaged over the last seconds."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def at(self, now: float, done: int) -> float:
        """The rate, given the bytes that are done at a time."""
        points = self._points
        points.append((now, done))
        while len(points) > 2 and points[1][0] <= now - WINDOW:
            points.popleft()
        seconds = now - points[0][0]
        return max(0.0, (done - points[0][1]) / seconds) if seconds > 0 else 0.0


class Waiting(NamedTuple):
    """A wait before a request is sent again.  until: by a clock that never goes back."""

    until: float
    reason: str


@dataclass
class Status:
    """Counts of all items.  total: bytes of those known so far.  is_complete: no more items will come.

    commands, commands_done: lines of a file that ``run`` reads.
    """

    done: int = 0
    total: int = 0
    items: int = 0
    items_done: int = 0
    is_complete: bool = False
    commands: int = 0
    commands_done: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    waits: list[Waiting] = field(default_factory=list)

    @property
    def fraction(self) -> float | None:
        """How much is done, 0 to 1; None if the total is not known yet."""
        if not self.is_complete:
            return None
        if self.commands:
            return self.commands_done / self.commands
        return min(1.0, self.done / self.total) if self.total else self.items_done / max(1, self.items)

    @property
    def left(self) -> float | None:
        """Seconds until the end, as far as it can be told."""
        if self.fraction is None or not self.rate and not self.commands:
            return None
        if self.commands:
            return self.seconds * (1 / self.fraction - 1) if self.fraction else None
        return max(0, self.total - self.done) / self.rate

    def parts(self) -> list[tuple[int, str]]:
        """(importance, text) of each part of the line for all, without the bar."""
        found: list[tuple[int, str]] = []
        if self.fraction is not None:
            found.append((5, f"{self.fraction:4.0%}"))
        total = self.total if self.is_complete and not self.commands else None
        found.append((3 if self.fraction is not None else 5, of_total(self.done, total)))
        found.append((4, f"{size(int(self.rate))}/s"))
        if self.left is not None:
            found.append((4, say("{time} left", time=span(self.left))))
        more = "" if self.is_complete else "+"
        if self.commands:
            found.append((2, say("{done} of {known} lines", done=self.commands_done, known=f"{self.commands}{more}")))
        else:
            found.append((2, say("{done} of {known}", done=self.items_done, known=f"{self.items}{more}")))
        return found

    def line(self, width: int) -> str:
        """The line for all items."""
        return fitted(say("total"), self.fraction, self.parts(), width)

    def log_line(self, now: float) -> str:
        """The line for a log, of any length."""
        words = [text.strip() for _, text in self.parts()]
        return say(", ").join([*words, *self.waiting(now)])

    def waiting(self, now: float) -> Sequence[str]:
        """A line about the waits before requests are sent again, if there are any."""
        waits = [each for each in self.waits if each.until > now]
        if not waits:
            return ()
        first = min(waits)
        text = say("retry in {time}: {reason}", time=span(first.until - now), reason=shown(first.reason))
        return (text if len(waits) == 1 else say("{count} retries wait; {text}", count=len(waits), text=text),)


class Piece(NamedTuple):
    """A part of a line.  text(columns): its text, in so many columns, from the fewest to the most."""

    importance: int
    fewest: int
    most: int
    text: Callable[[int], str]


def _bar(fraction: float, width: int) -> str:
    filled = round(fraction * (width - 2))
    return "[" + "#" * filled + " " * (width - 2 - filled) + "]"


def fitted(name: str, fraction: float | None, parts: Sequence[tuple[int, str]], width: int, importance: int = 3) -> str:
    """A line in at most ``width`` columns: a name, a bar if the fraction is known, and parts.

    What is least important is left out first: parts by their number, the name by ``importance``; a bar counts as 3.
    """
    chosen = [
        Piece(importance, min(NAME[0], cells(name)), min(NAME[1], cells(name)), lambda columns: _padded(name, columns))
    ]
    if fraction is not None:
        chosen.append(Piece(3, *BAR, functools.partial(_bar, fraction)))
    chosen += [Piece(number, cells(text), cells(text), functools.partial(_padded, text)) for number, text in parts]
    while len(chosen) > 1 and sum(each.fewest for each in chosen) + 2 * (len(chosen) - 1) > width:
        chosen.remove(min(chosen, key=lambda each: each.importance))
    room = width - sum(each.fewest for each in chosen) - 2 * (len(chosen) - 1)
    texts = []
    for piece in chosen:
        columns = min(piece.most, piece.fewest + max(0, room))
        room -= columns - piece.fewest
        texts.append(piece.text(columns))
    return clipped("  ".join(texts).rstrip(), width)


def _padded(text: str, width: int) -> str:
    text = clipped(text, width)
    return text + " " * (width - cells(text))
