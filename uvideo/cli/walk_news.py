"""What repeated listings of a folder say: each warning once, and each problem once it has lasted for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from uvideo.cli import failure

if TYPE_CHECKING:
    from uvideo.cli.report import Report

__all__ = ["WalkNews"]


class _Problem:
    """since: when it was first seen.  is_told: whether it has been printed."""

    def __init__(self, item: str, error: BaseException, since: float) -> None:
        self.item, self.error, self.since, self.is_told = item, error, since, False


class WalkNews:
    """The WalkReport of repeated listings, each enclosed by ``begin`` and ``end``.

    settle: seconds that a problem must last, as a file that appears may be unreadable for a moment.  What was not seen
    in a listing is printed again when it comes back.  links, special: of this listing.
    """

    def __init__(self, report: Report, settle: float) -> None:
        self._report, self._settle, self._now = report, settle, 0.0
        self.links = self.special = 0
        self._problems: dict[tuple[str, str], _Problem] = {}
        self._seen: dict[tuple[str, str], _Problem] = {}
        self._warnings: set[str] = set()
        self._seen_warnings: set[str] = set()

    def begin(self, now: float) -> None:
        """now: by a clock that never goes back."""
        self._now, self._seen, self._seen_warnings = now, {}, set()
        self.links = self.special = 0

    def end(self) -> None:
        self._problems, self._warnings = self._seen, self._seen_warnings

    def fail(self, error: BaseException, item: str) -> None:
        if not os.path.lexists(item):  # it was removed since its folder was read
            return
        name = item, failure.text(error)
        problem = self._problems.get(name) or _Problem(item, error, self._now)
        self._seen[name] = problem
        if not problem.is_told and self._now - problem.since >= self._settle:
            problem.is_told = True
            self._report.error(error, item)

    def tell(self, message: str) -> None:
        if self._is_new(message):
            self._report.tell(message)

    def note(self, message: str) -> None:
        if self._is_new(message):
            self._report.note(message)

    def _is_new(self, message: str) -> bool:
        is_new = message not in self._warnings and message not in self._seen_warnings
        self._seen_warnings.add(message)
        return is_new

    def is_pending(self) -> bool:
        """Whether a problem has not lasted long enough yet."""
        return any(not problem.is_told for problem in self._problems.values())

    def failures(self) -> Iterator[tuple[str, BaseException]]:
        """(path, error) of the problems that were printed and last."""
        return ((each.item, each.error) for each in self._problems.values() if each.is_told)
