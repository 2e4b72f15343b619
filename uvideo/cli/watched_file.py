"""The files of a watched folder: which have stopped changing, and what is still to be done with each."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from uvideo.cli.walk import Entry

__all__ = ["State", "WatchedFile", "WatchedFiles", "pause", "version_of"]

#: Seconds between two tries: the first, and the most; and the most if the service asks to wait longer.
FIRST, MOST, ASKED = 5.0, 60.0, 600.0

Version = tuple[int, int, int, int]


def version_of(entry: Entry) -> Version:
    """Size, times and inode of a file; if none of them changes, it is the same file with the same content."""
    return entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode


def pause(tries: int, asked: float | None = None) -> float:
    """Seconds until the next try, after so many failed ones.  asked: seconds that the service asked to wait."""
    return max(min(MOST, FIRST * 2.0 ** min(tries - 1, 10)), min(ASKED, asked or 0.0))


class State(Enum):
    """WAITING: until it has settled, or until it is tried again.  DONE: nothing is to be done with this version."""

    WAITING = 1
    RUNNING = 2
    DONE = 3


class WatchedFile:
    """One version of a file.  since: when it was first seen.  due: when it may be tried again.  tries: failed ones.

    alone: tries that failed just after the service had answered.  failure: (path, error) if it failed for a reason of
    its own.  Times are those of a clock that never goes back.
    """

    __slots__ = ("alone", "due", "failure", "since", "state", "tries", "version")

    def __init__(self, version: Version, since: float) -> None:
        self.version, self.since = version, since
        self.state, self.tries, self.alone, self.due = State.WAITING, 0, 0, since
        self.failure: tuple[str, BaseException] | None = None

    @property
    def is_pending(self) -> bool:
        """Whether something is still to be done with it, and has not failed."""
        return self.state is State.RUNNING or (self.state is State.WAITING and self.failure is None)

    def is_ready(self, now: float, settle: float) -> bool:
        """Whether it did not change for ``settle`` seconds and may be tried."""
        return self.state is State.WAITING and now - self.since >= settle and now >= self.due

    def wait(self) -> None:
        """It may be tried again."""
        self.state = State.WAITING

    def settle_again(self, now: float) -> None:
        """It changed while it was read."""
        self.state, self.since = State.WAITING, now

    def postpone(self, now: float, asked: float | None = None) -> None:
        """A try failed.  The next one is later than ``pause`` says, so that another file may be tried before."""
        self.tries += 1
        self.state, self.due = State.WAITING, now + pause(self.tries + 1, asked)

    def heard(self) -> None:
        """The service acknowledged a part of it, so the tries before do not count any more."""
        self.tries = self.alone = 0

    def done(self, failure: tuple[str, BaseException] | None = None) -> None:
        self.state, self.failure = State.DONE, failure


class WatchedFiles:
    """All files of the folder, by their names.  ``begin`` and ``end`` enclose a listing; ``see`` is called for each."""

    def __init__(self) -> None:
        self._files: dict[str, WatchedFile] = {}
        self._seen: dict[str, WatchedFile] = {}

    def begin(self) -> None:
        self._seen = {}

    def see(self, entry: Entry, now: float) -> WatchedFile:
        """The WatchedFile of an entry: a new one if the file is new or changed, unless it is being uploaded."""
        version = version_of(entry)
        file = self._files.get(entry.name)
        if file is None or (file.version != version and file.state is not State.RUNNING):
            file = WatchedFile(version, now)
        self._seen[entry.name] = file
        return file

    def end(self) -> None:
        """Forget files that are gone, except those being uploaded: a new file of that name must wait for them."""
        for name, file in self._files.items():
            if file.state is State.RUNNING:
                self._seen.setdefault(name, file)
        self._files = self._seen

    def is_pending(self) -> bool:
        return any(file.is_pending for file in self._files.values())

    def failures(self) -> Iterator[tuple[str, BaseException]]:
        """(path, error) of each file that failed."""
        return (file.failure for file in self._files.values() if file.failure is not None)
