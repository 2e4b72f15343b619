"""Compares two sorted listings, by names, and two entries, by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from uvideo import same_etag
from uvideo.cli.i18n import say
from uvideo.cli.walk import Entry, ascending

if TYPE_CHECKING:
    from uvideo import Cancel
    from uvideo.cli.display import Display
    from uvideo.cli.etags import Etags

__all__ = ["Comparison", "has_other_time", "is_as_new", "may_be_same", "merge", "without_markers"]


def merge(left: Iterable[Entry], right: Iterable[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Pairs of the entries with the same name, in the order of names; None where a side has no entry.

    Both listings must be sorted, as nothing is kept in memory: BadAnswer if one is not.
    """
    ours, theirs = ascending(left), ascending(right)
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.name < other.name):
            yield one, None
            one = next(ours, None)
        elif one is None or other.name < one.name:
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)


def without_markers(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries without folder markers: empty objects for folders, which no listing of local files has."""
    return (each for each in entries if each.name and not each.is_marker)


def may_be_same(one: Entry, other: Entry) -> bool:
    """Whether two entries may have the same content by their sizes.

    A file that says it has 0 bytes may have content, as those of /proc, so its etag must be computed.
    """
    return one.size == other.size or any(each.path is not None and each.size == 0 for each in (one, other))


def has_other_time(one: Entry, other: Entry) -> bool:
    """Whether the times of two files are known and differ; for an object it is the time stored with it."""
    return None not in (one.file_ns, other.file_ns) and one.file_ns != other.file_ns


def is_as_new(target: Entry, source: Entry, times: bool) -> bool:
    """Whether a target is as new as its source, which decides if their contents cannot be compared.

    times: uploads store the times of files, so other times mean other contents.
    """
    if times and has_other_time(source, target):
        return False
    return source.time_ns <= target.time_ns


class Comparison:
    """Compares the content of entries.  Safe to share between threads."""

    def __init__(self, etags: Etags, cancel: Cancel, shown: Display) -> None:
        self._etags, self._cancel, self._display = etags, cancel, shown

    def same(self, one: Entry, other: Entry) -> bool | None:
        """Whether two entries have the same content; None if their etags do not show it.

        LocalFailure, SourceChanged, Cancelled.
        """
        if not may_be_same(one, other):
            return False
        if one.is_marker and one.size == other.size:
            return True
        found = same_etag(self._etag(one), self._etag(other), max(one.size, other.size))
        return found if one.size == other.size else bool(found)

    def _etag(self, entry: Entry) -> str | None:
        if entry.path is None:
            return entry.etag
        line = self._display.begin(say("comparing {path}", path=entry.path), counts=False)
        try:
            return self._etags.of(entry, self._cancel, line)
        finally:
            self._display.end(line, 0)
