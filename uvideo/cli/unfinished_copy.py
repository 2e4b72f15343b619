"""Copies of many items that did not finish: the same command goes on, and skips what is already at the target."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from uvideo.cli.address import Pipe, Remote
from uvideo.cli.compare import has_other_time
from uvideo.cli.walk import Entry, of_object, one_file
from uvideo.errors import Cancelled, LocalFailure, NotFound, UVideoError
from uvideo.transfer import file_time

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.cli.compare import Comparison
    from uvideo.cli.context import Context
    from uvideo.cli.copy_item import Mover, MoverOptions, Task
    from uvideo.cli.display import Display

__all__ = ["Remainder", "TargetLookup", "UnfinishedCopy"]

#: Seconds that the record of a copy is kept which is not repeated.
KEPT = 30 * 86400
#: Pages in a row that did not reach the next key, after which no more pages are requested.
MISSES = 3


class UnfinishedCopy:
    """The record that a copy began and did not finish: an empty file with the hash of the command as its name.

    folder: of the user's state.  command: what makes two commands the same, as values of JSON.  exists: whether an
    earlier run of the same command left its record.
    """

    def __init__(self, folder: Path, command: object) -> None:
        text = json.dumps(command, sort_keys=True)
        self._path = folder / "copies" / hashlib.sha256(text.encode()).hexdigest()[:32]
        self.exists = self._path.exists()

    def begin(self) -> None:
        """Write the record.  If that is not possible, the next run begins anew.

        Records that are older than KEPT are removed: nobody repeats these commands.
        """
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            for each in list(self._path.parent.iterdir()):
                with suppress(OSError):
                    if each.stat().st_mtime < time.time() - KEPT:
                        each.unlink()

    def finish(self) -> None:
        """Remove the record."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class TargetLookup:
    """Finds the entries at targets.  If they are asked for in the order of keys, a page of a listing answers for many.

    strict: raise an error if it cannot be found out what is there.  Not safe to share between threads.
    """

    def __init__(self, client: Client, strict: bool = False) -> None:
        self._client = client
        self._suppressed = (NotFound, FileNotFoundError, LocalFailure) if strict else (UVideoError, OSError)
        self._page: dict[str, Entry] = {}
        self._end: str | None = ""  # the page has all keys from the one asked for up to this one; None: to the last
        self._asked: Remote | None = None
        self._misses = 0

    def find(self, target: Remote | str | Pipe) -> Entry | None:
        """The entry at a target; None if there is none, or if it cannot be found out.  UVideoError, OSError."""
        if isinstance(target, Remote):
            try:
                return self._object(target)
            finally:
                self._asked = target
        if isinstance(target, str):
            with suppress(*self._suppressed):
                return one_file(target, "")
        return None

    def _object(self, target: Remote) -> Entry | None:
        before = self._asked
        if before is None or before.space != target.space or before.key >= target.key:
            self._end, self._misses = "", 0
            return self._single(target)
        if not self._covers(target.key) and self._misses < MISSES:
            self._read(before)
            self._misses = 0 if self._covers(target.key) else self._misses + 1
        return self._page.get(target.key) if self._covers(target.key) else self._single(target)

    def _covers(self, key: str) -> bool:
        return self._end is None or key <= self._end

    def _read(self, before: Remote) -> None:
        self._page, self._end = {}, ""
        with suppress(UVideoError):  # a key without the right to list
            page = next(self._client.list(before.space, start_after=before.key).pages())
            for each in page.items:
                self._page[each.key] = of_object(each)
            self._end = page.items[-1].key if page.items and page.marker else "" if page.marker else None

    def _single(self, target: Remote) -> Entry | None:
        with suppress(*self._suppressed):
            return of_object(self._client.stat(target.space, target.key))
        return None


class Remainder:
    """Carries out the tasks of a copy whose targets need it: see ``update`` and ``size_only`` of MoverOptions.

    comparison: for a copy that an earlier run did not finish; a target with the same content is skipped.
    """

    def __init__(
        self, context: Context, mover: Mover, options: MoverOptions, comparison: Comparison | None, shown: Display
    ) -> None:
        self._context, self._client, self._mover, self._options = context, context.client, mover, options
        self._comparison, self._display = comparison, shown

    def carry(self, tasks: Iterable[Task]) -> None:
        """As Mover.carry."""
        lookup = TargetLookup(self._client, strict=self._options.update or self._options.size_only)

        def pairs() -> Iterator[tuple[Task, Entry | None]]:
            for task in tasks:
                try:
                    present = lookup.find(task.target)
                except (UVideoError, OSError) as error:
                    self._mover.refuse(error, task.source)
                else:
                    yield task, present

        self._mover.run(self._display.early(pairs(), lambda pair: self._display.expect(pair[0].size)), self._one)

    def _one(self, pair: tuple[Task, Entry | None]) -> None:
        task, present = pair
        try:
            if present is not None and (reason := self._reason(task, present)):
                self._mover.skip_task(task, reason)
                self._display.item(task.size)
                return
        except (UVideoError, OSError) as error:  # whatever it is: the copy meets it too and reports it
            if self._context.cancel.is_set() and isinstance(error, Cancelled):
                return
        self._mover(task)

    def _reason(self, task: Task, present: Entry) -> str | None:
        """Why an item is not copied; None if it is."""
        entry = task.entry
        if entry is None:
            return None
        if self._options.update and entry.time_ns <= present.time_ns:
            return "newer"
        if self._options.size_only and entry.size == present.size:
            return "same"
        return "same" if self._comparison is not None and self._is_same(entry, present, self._comparison) else None

    def _is_same(self, entry: Entry, present: Entry, comparison: Comparison) -> bool:
        """Whether a target has the content of its source, and the properties that the command gives it."""
        options, place = self._options, present.place
        if options.times and has_other_time(entry, present):
            return False
        if not comparison.same(entry, present):
            return False
        names = ("metadata", "headers", "storage_class", "mime")
        given = {name: getattr(options, name) for name in names}
        wanted = {name: value for name, value in given.items() if value is not None}
        if not wanted or isinstance(place, str):
            return True
        found = self._client.stat(place.space, place.key)  # listings do not have all
        if options.metadata is not None and file_time.NAME not in options.metadata:
            kept = {name: value for name, value in found.metadata.items() if name != file_time.NAME}
            found = replace(found, metadata=kept)
        return all(getattr(found, name) == value for name, value in wanted.items())
