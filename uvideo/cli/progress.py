"""The progress of transfers: lines at the bottom of a terminal; elsewhere a line from time to time."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeVar

from uvideo.cli.ahead import ahead
from uvideo.cli.context import Context
from uvideo.cli.display import Display, Line
from uvideo.cli.escaping import shown
from uvideo.cli.i18n import say
from uvideo.cli.report import Report
from uvideo.cli.status import Rate, Status, Waiting, cells, clipped, fitted, of_total
from uvideo.errors import LocalFailure
from uvideo.transfer.pool import Pool

if TYPE_CHECKING:
    from uvideo.models import Progress

__all__ = ["CommandDisplay", "Counter", "LogLines", "Screen", "display"]

T = TypeVar("T")
#: The most files with a line of their own.
LINES = 12
#: A file has no line of its own if it is at most SMALL bytes, or done within SOON seconds.
SMALL, SOON = 8 << 20, 0.5
#: Seconds between two pictures on a terminal, and between two lines elsewhere.
PICTURE, INTERVAL = 0.2, 10.0


class Counter(Display):
    """Counts, and calls ``tick`` every ``seconds`` in a thread of its own.  Safe to share between threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._status, self._rate = Status(), Rate()
        self._lines: list[Line] = []
        self._began = time.monotonic()
        self._ticker: Pool[None] = Pool(self._run, 1)

    def tick(self) -> None:
        """Show the present status."""
        raise NotImplementedError

    def _run(self, _: None) -> None:
        while not self._over.wait(self._seconds):
            self.tick()

    def __enter__(self) -> Display:
        try:
            self._ticker.put(None)
        except LocalFailure:  # no thread can be started: the transfers matter more
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()

    def early(self, items: Iterable[T], announce: Callable[[T], None]) -> Iterator[T]:
        return ahead(items, announce, self._complete)

    def _complete(self) -> None:
        with self._lock:
            self._status.is_complete = True

    def expect(self, size: int) -> None:
        with self._lock:
            self._status.items += 1
            self._status.total += size

    def more(self, size: int) -> None:
        with self._lock:
            self._status.total += size

    def item(self, left: int = 0) -> None:
        with self._lock:
            self._status.items_done += 1
            self._status.total -= left

    def begin(self, label: str, counts: bool = True) -> Line | None:
        line = Line(self.moved, shown(label), counts)
        with self._lock:
            self._lines.append(line)
        return line

    def moved(self, line: Line, now: Progress) -> None:
        with self._lock:
            line.now = now
            if line.counts:
                self._status.done += now.done - line.done
                line.done = now.done

    def end(self, line: Line | None, size: int) -> None:
        if line is None:
            return
        with self._lock:
            self._lines.remove(line)
            if line.counts:
                self._status.done += size - line.done

    def waits(self, seconds: float, reason: str) -> None:
        now = time.monotonic()
        with self._lock:
            waits = self._status.waits
            waits[:] = [each for each in waits if each.until > now]
            waits.append(Waiting(now + seconds, reason))

    def command(self, new: int = 0, done: int = 0) -> None:
        with self._lock:
            self._status.commands += new
            self._status.commands_done += done

    def _now(self) -> Status:
        """The status, with its rate."""
        now, status = time.monotonic(), self._status
        status.rate, status.seconds = self._rate.at(now, status.done), now - self._began
        return status


class LogLines(Counter):
    """Prints a line about all items every ``seconds``, on standard error.  idle: also while nothing is transferred."""

    def __init__(self, report: Report, seconds: float, idle: bool = True) -> None:
        super().__init__(seconds)
        self._report, self._idle = report, idle

    def tick(self) -> None:
        with self._lock:
            if not self._lines and not self._idle:
                return
            text = self._now().log_line(time.monotonic())
        self._report.tell(text)


class Screen(Counter):
    """Lines at the bottom of the terminal of standard error: each active large file, waits, and all items."""

    def __init__(self, report: Report) -> None:
        super().__init__(PICTURE)
        self._report = report
        self._drawn: list[str] = []

    def __enter__(self) -> Display:
        if os.name == "nt":
            importlib.import_module("colorama").just_fix_windows_console()
        self.above = self._report.above = self._print
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._report.above = None
        with self._lock:
            self._show([])

    def _print(self, write: Callable[[], None]) -> None:
        with self._lock:
            drawn = self._drawn
            self._show([])
            write()
            self._show(drawn)

    def tick(self) -> None:
        with self._lock:
            self._show(self._picture(*_terminal_size(self._report.err)))

    def _picture(self, columns: int, rows: int) -> list[str]:
        """The lines to show."""
        status, now = self._now(), time.monotonic()
        width = columns - 1  # a full line could begin another one
        last = [clipped(each, width, end=False) for each in status.waiting(now)] + [status.line(width)]
        files = [line for line in self._lines if _is_large(line, now)][: max(0, min(LINES, rows - 1 - len(last)))]
        return [_file_line(each, width) for each in files] + last

    def _show(self, lines: list[str]) -> None:
        """Replace the lines on the terminal, which may be narrower now than when they were written."""
        columns = _terminal_size(self._report.err)[0]
        rows = sum(max(1, -(-cells(each) // columns)) for each in self._drawn)
        erase = "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J" if self._drawn else ""
        self._drawn = lines
        try:
            self._report.err.write(erase + "\n".join(lines))
            self._report.err.flush()
        except (OSError, UnicodeError):
            self._over.set()  # nobody sees it


def _terminal_size(stream: TextIO) -> tuple[int, int]:
    """(columns, lines) of the terminal of a stream; if it does not say, of COLUMNS and LINES."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        found = os.terminal_size((0, 0))
    if not (found.columns and found.lines):
        found = shutil.get_terminal_size()
    return max(10, found.columns), found.lines


def _is_large(line: Line, now: float) -> bool:
    """Whether a transfer gets a line of its own."""
    return line.now is not None and ((line.now.total or 0) > SMALL or now - line.began > SOON)


def _file_line(line: Line, width: int) -> str:
    now = line.now
    assert now is not None
    parts = [(5, of_total(now.done, now.total))]
    if now.parts > 1:
        parts.append((2, say("part {done}/{parts}", done=now.parts_done, parts=now.parts)))
    if now.retries:
        parts.append((2, say("{count} retries", count=now.retries)))
    return fitted(line.label, now.done / now.total if now.total else None, parts, width, 4)


class CommandDisplay(Display):
    """Passes everything to another display, for example to that of a file of commands, which outlives this one."""

    def __init__(self, whole: Display) -> None:
        self._whole = whole

    def expect(self, size: int) -> None:
        self._whole.expect(size)

    def more(self, size: int) -> None:
        self._whole.more(size)

    def item(self, left: int = 0) -> None:
        self._whole.item(left)

    def begin(self, label: str, counts: bool = True) -> Line | None:
        return self._whole.begin(label, counts)

    def end(self, line: Line | None, size: int) -> None:
        self._whole.end(line, size)


def display(context: Context, idle: bool = True) -> Display:
    """The display for a context: on a terminal a Screen, elsewhere LogLines; with --quiet one that shows nothing.

    idle: as in LogLines.
    """
    if context.line is not None and context.display is not None:
        return CommandDisplay(context.display)
    context.display = _chosen(context, idle)
    return context.display


def _chosen(context: Context, idle: bool) -> Display:
    if context.quiet or context.no_progress or context.dry_run:
        return Display()
    if not context.json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Screen(context.report)
    seconds = context.stats if context.stats is not None else 0.0 if context.json else INTERVAL
    return LogLines(context.report, seconds, idle) if seconds else Display()
