"""Fatal errors: an error of one item that every other item would meet as well, so the whole run ends."""

from __future__ import annotations

import errno
import threading

from uvideo.errors import (
    ConfigurationError,
    LocalFailure,
    NoAnswer,
    NoCredentials,
    SignatureExpired,
    SignatureMismatch,
    SpaceNotFound,
    UnknownKey,
)

__all__ = ["FATAL", "CircuitBreaker", "is_full", "system"]

#: Errors of the key and the settings, which are the same for all items.
FATAL = (ConfigurationError, NoCredentials, SignatureExpired, SignatureMismatch, UnknownKey)
#: Items in a row without a response, for each job, after which the service counts as gone.
DEAD = 2


def system(error: BaseException) -> OSError | None:
    """The operating system's error behind an error of a local file, or None."""
    for found in (error, error.__cause__, error.__context__):
        if isinstance(found, OSError) and (found is error or isinstance(error, LocalFailure)):
            return found
    return None


def is_full(error: BaseException) -> bool:
    """Whether the disk is full."""
    found = system(error)
    return found is not None and found.errno in (errno.ENOSPC, errno.EDQUOT)


class CircuitBreaker:
    """Counts the failures of a run.  is_open: the other items would fail too, so start none.

    jobs: items at the same time.  one_space, one_disk: all items have the same space or disk, so a missing space or a
    full disk ends the run.  Safe to share between threads.
    """

    def __init__(self, jobs: int, *, one_space: bool = True, one_disk: bool = True) -> None:
        self.is_open = False
        self._fatal = (*FATAL, SpaceNotFound) if one_space else FATAL
        self._one_disk = one_disk
        self._dead = DEAD * jobs
        self._unanswered = 0  # items without a response since the last success
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        """Count a success."""
        with self._lock:
            self._unanswered = 0

    def failed(self, error: BaseException) -> bool:
        """Count a failure.  Returns whether the breaker is open."""
        with self._lock:
            if getattr(error, "cause", None) != "too-long":  # a shorter file may succeed
                self._unanswered += isinstance(error, NoAnswer)
                self.is_open = self.is_open or isinstance(error, self._fatal)
            self.is_open = self.is_open or (self._one_disk and is_full(error)) or self._unanswered >= self._dead
            return self.is_open
