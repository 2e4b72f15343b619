"""What is shown while transfers run: on a terminal a line for each active file and one for all, elsewhere nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.report import shown

if TYPE_CHECKING:
    from uvideo.models import Progress

__all__ = ["Display", "Line", "display"]

LINES = 12
#: Files this small, or done in less time (seconds), have no line of their own.
SMALL, SOON = 8 << 20, 0.5


class Line:
    """One transfer as it goes on; its instances are progress callbacks."""

    def __init__(self, display: Screen, label: str) -> None:
        self._display, self.label = display, label
        self.began = time.monotonic()
        self.task: Any = None
        self.done = self.total = 0

    def __call__(self, now: Progress) -> None:
        self._display.moved(self, now)


class Display:
    """Shows nothing; the form of what does."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def expect(self, size: int) -> None:
        """One more transfer, of so many bytes, will come."""

    def begin(self, label: str) -> Line | None:
        """What a transfer tells its progress; None if nobody looks."""
        return None

    def end(self, line: Line | None, size: int) -> None:
        """A transfer has ended, well or not; ``size``: bytes that were done."""


class Screen(Display):
    """Lines at the bottom of the terminal, drawn by rich.  Safe to share between threads."""

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
    """What fits: lines on a terminal that is not told to be quiet, if rich is there; else nothing."""
    if not context.shows_progress:
        return Display()
    try:
        return Screen(context)
    except ImportError:
        context.report.note(say("the progress display needs rich: pip install 'uvideo[cli]'"))
        return Display()
