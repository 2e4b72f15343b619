"""Times in which the service does not answer: one file at a time is tried, at growing intervals, until it does."""

from __future__ import annotations

import threading

from uvideo.cli.watched_file import WatchedFile, pause

__all__ = ["Outage"]


class Outage:
    """Decides which files may be tried.  Safe to share between threads.

    Times are those of a clock that never goes back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tries = 0  # failed ones in a row; 0: the service answers
        self._due = 0.0
        self._tried: WatchedFile | None = None

    @property
    def is_on(self) -> bool:
        return self._tries > 0

    def admits(self, file: WatchedFile, now: float) -> bool:
        """Whether a file may be tried now.  During an outage that is one file, until ``failed`` or ``release``."""
        with self._lock:
            if self.is_on and self._tried is not file:
                if self._tried is not None or now < self._due:
                    return False
                self._tried = file
            return True

    def failed(self, file: WatchedFile | None, now: float, asked: float | None = None) -> bool:
        """There was no answer for a file.  Returns whether the outage has just begun.  asked: as in ``pause``."""
        with self._lock:
            is_new = not self.is_on
            if is_new or self._tried is file:
                self._tries += 1
                self._due = now + pause(self._tries, asked)
                self._tried = None
            return is_new

    def release(self, file: WatchedFile) -> None:
        """The service was not asked about a file."""
        with self._lock:
            if self._tried is file:
                self._tried = None

    def answered(self) -> bool:
        """The service answered.  Returns whether an outage has just ended."""
        with self._lock:
            was_on, self._tries, self._tried = self.is_on, 0, None
            return was_on
