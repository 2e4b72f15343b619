"""The progress display of transfers: on a terminal a line for each active file and one for all; otherwise nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from uvideo.cli.context import Context
from uvideo.cli.escaping import shown
from uvideo.cli.i18n import say

if TYPE_CHECKING:
    from uvideo.models import Progress

__all__ = ["Display", "Line", "display"]

LINES = 12
#: A file has no line of its own if it is at most SMALL bytes, or done within SOON seconds.
SMALL, SOON = 8 << 20, 0.5


class Line:
    """The line of one transfer; an instance is the transfer's progress callback."""

    def __init__(self, display: Screen, label: str) -> None:
        self._display, self.label = display, label
        self.began = time.monotonic()
        self.task: Any = None
        self.done = self.total = 0

    def __call__(self, now: Progress) -> None:
        self._display.moved(self, now)


class Display:
    """A display that shows nothing, and the interface of all displays."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def expect(self, size: int) -> None:
        """Announce one more transfer of ``size`` bytes."""

    def begin(self, label: str) -> Line | None:
        """The progress callback of a transfer; None if nothing is shown."""
        return None

    def end(self, line: Line | None, size: int) -> None:
        """End a transfer, successful or not; ``size``: the bytes transferred."""


class Screen(Display):
    """Shows lines at the bottom of the terminal with rich.  Safe to share between threads."""

    def __init__(self, context: Context) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        ]
        self._console = Console(stderr=True)
        self._progress = Progress(
            *columns, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._report = context.report
        self._lock = threading.Lock()
        self._lines = self._files = self._expected = self._done = self._total = 0
        self._all: Any = None

    def __enter__(self) -> Display:
        self._all = self._progress.add_task(say("total"), total=None, note="")
        self._progress.start()
        self._report.above = self._above
        return self

    def __exit__(self, *_: object) -> None:
        self._report.above = None
        self._progress.stop()

    def _above(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True)

    def expect(self, size: int) -> None:
        with self._lock:
            self._expected += 1
            self._total += size
            self._update()

    def begin(self, label: str) -> Line | None:
        return Line(self, _short(shown(label)))

    def moved(self, line: Line, now: Progress) -> None:
        with self._lock:
            self._done += now.done - line.done
            line.done = now.done
            large = (now.total or SMALL) >= SMALL or time.monotonic() - line.began > SOON
            if line.task is None and large and self._lines < LINES:
                self._lines += 1
                line.task = self._progress.add_task(line.label, total=now.total, completed=now.resumed, note="")
            if line.task is not None:
                self._progress.update(line.task, completed=now.done, total=now.total, note=_note(now))
            self._update()

    def end(self, line: Line | None, size: int) -> None:
        if line is None:
            return
        with self._lock:
            self._files += 1
            self._done += size - line.done
            line.done = size
            if line.task is not None:
                self._progress.remove_task(line.task)
                self._lines -= 1
            self._update()

    def _update(self) -> None:
        note = say("{done} of {known}", done=self._files, known=self._expected)
        self._progress.update(self._all, completed=self._done, total=max(self._total, self._done), note=note)


def _note(now: Progress) -> str:
    words = []
    if now.parts > 1:
        words.append(say("part {done}/{parts}", done=now.parts_done, parts=now.parts))
    if now.retries:
        words.append(say("{count} retries", count=now.retries))
    return ", ".join(words)


def _short(label: str, width: int = 32) -> str:
    return label if len(label) <= width else "..." + label[3 - width :]


def display(context: Context) -> Display:
    """A Screen on a terminal without --quiet, if rich is installed; else a display that shows nothing."""
    if not context.shows_progress:
        return Display()
    try:
        return Screen(context)
    except ImportError:
        context.report.note(say("the progress display needs rich: pip install 'uvideo[cli]'"))
        return Display()
