"""Transfers one item in any direction, verifies and reports it, and for mv removes the source."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from uvideo import errors, same_etag
from uvideo.cli import mime
from uvideo.cli.address import Pipe, Remote
from uvideo.cli.context import Context
from uvideo.cli.display import Display, Line
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind, OutputGone, size
from uvideo.cli.source_removal import Carried, HeldFiles, SourceRemoval
from uvideo.cli.walk import Entry, check_inside
from uvideo.errors import InvalidArgument, LocalFailure, UVideoError
from uvideo.transfer import file_time
from uvideo.transfer.fatal_errors import CircuitBreaker, system
from uvideo.transfer.pool import Pool

if TYPE_CHECKING:
    from uvideo import Limit
    from uvideo.cli.etags import Etags
    from uvideo.client.options import CopyOptions, ResumeOptions
    from uvideo.client.stream import Source
    from uvideo.models import Stored, TransferRecord

T = TypeVar("T")

__all__ = ["DONE", "SKIPPED", "Mover", "MoverOptions", "Task", "sides"]

WORDS = {
    ("upload", False): "uploaded {source} -> {target}, {size}",
    ("download", False): "downloaded {source} -> {target}, {size}",
    ("copy", False): "copied {source} -> {target}, {size}",
    ("rename", False): "renamed {source} -> {target}, {size}",
    ("upload", True): "would upload {source} -> {target}, {size}",
    ("download", True): "would download {source} -> {target}, {size}",
    ("copy", True): "would copy {source} -> {target}, {size}",
    ("rename", True): "would rename {source} -> {target}, {size}",
}


def _done_text(record: dict[str, Any]) -> str:
    words = WORDS[record["action"], record["dry_run"]]
    line = say(words, source=record["source"], target=record["target"], size=size(record["bytes"]))
    if record["removed"]:
        line += say(", the source is removed")
    return line


DONE = Kind(
    "done",
    {
        "action": "string",  # upload, download, copy or rename
        "source": "string",
        "target": "string",
        "bytes": "integer?",
        "etag": "string?",
        "verified": "boolean",
        "removed": "boolean",  # whether mv removed the source
        "seconds": "number",
        "dry_run": "boolean",
    },
    _done_text,
)
SKIPPED = Kind(
    "skipped",
    {"source": "string", "target": "string", "reason": "string"},  # reason: exists, same or newer
    lambda record: say("skipped {source}: {target} exists", source=record["source"], target=record["target"]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoverOptions:
    """Options of a Mover.  jobs: items at a time.  limit: shared by all items.  keep: leave existing targets alone.

    move: remove the source afterwards.  verify: keep the source of an unverified copy.  times: store and restore the
    times of files.  metadata, headers, storage_class, mime: of the new object.  update: skip items whose target is not
    older.  size_only: skip those whose target has the same size.
    """

    jobs: int
    part_jobs: int | None = None
    limit: Limit | None = None
    metadata: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    storage_class: str | None = None
    mime: str | None = None
    keep: bool = False
    move: bool = False
    verify: bool = True
    times: bool = True
    update: bool = False
    size_only: bool = False


def sides(record: TransferRecord) -> tuple[str, str]:
    """(source, target) of a transfer of the journal."""
    found = (record.path or "-", f"uvideo://{record.space}/{record.key}")
    return found if record.direction == "upload" else (found[1], found[0])


@dataclass(frozen=True, slots=True)
class Task:
    """One item to transfer.  entry: the source, None for a pipe.  target: may be standard output.

    record: the transfer to resume, in place of an entry.  pipe: the source if there is no entry.  within: the folder
    that links must not lead a local target out of, or None.
    """

    entry: Entry | None
    target: Remote | str | Pipe
    record: TransferRecord | None = None
    pipe: Pipe = Pipe()
    within: str | None = None

    @property
    def source(self) -> str:
        if self.record is not None:
            return sides(self.record)[0]
        return str(self.pipe if self.entry is None else self.entry.place)

    @property
    def size(self) -> int:
        known = self.entry or self.record
        return known.size or 0 if known is not None else 0


class CarriedTask(NamedTuple):
    """A task whose target was written.  began: when, by time.monotonic."""

    task: Task
    carried: Carried
    began: float


class Mover:
    """Carries out tasks.  Safe to share between threads.  done, bytes, skipped: counts.

    etags: caches the etags of local files that transfers find.
    shared: a local file may be an item under several names, so mv removes files at the end.
    one_space, one_disk: as in CircuitBreaker.  failed(task, error): is called for a task that failed; by default the
    report prints and counts it, and a fatal error stops the others.
    """

    def __init__(
        self,
        context: Context,
        options: MoverOptions,
        shown: Display,
        etags: Etags | None = None,
        *,
        shared: bool = False,
        one_space: bool = True,
        one_disk: bool = True,
        failed: Callable[[Task, UVideoError | OSError], None] | None = None,
    ) -> None:
        self._context, self._options, self._display, self._etags = context, options, shown, etags
        self._failed = failed or self._count_failure
        self._client, self._report = context.client, context.report
        self.done = self.bytes = self.skipped = 0
        self._breaker = CircuitBreaker(options.jobs, one_space=one_space, one_disk=one_disk)
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._removal = SourceRemoval(context.client, options.verify)
        self._held: HeldFiles[CarriedTask] | None = HeldFiles() if shared and options.move else None

    def carry(self, tasks: Iterable[Task], early: bool = True) -> None:
        """Carry out tasks, several at a time, until all are done or a fatal error stops them.

        early: tasks may be taken long before they are carried out, so that the display knows their sizes.
        """

        def announce(task: Task) -> None:
            self._display.expect(task.size)

        announced = (self._display if early else Display()).early(tasks, announce)
        self.run(announced, self, len(tasks) if isinstance(tasks, Sized) else None)

    def run(self, items: Iterable[T], do: Callable[[T], object], total: int | None = None) -> None:
        """As ``carry``, but calls ``do`` for each of any items.  total: the number of items, if known."""

        pool = self._pool(do)
        is_complete = False
        try:
            pool.run(items)
            is_complete = pool.took_all and not pool.left
        finally:
            self._remove_held(is_complete)
        self._report.ended_early(pool, total)

    def _pool(self, do: Callable[[T], object]) -> Pool[T]:
        """A Pool that a fatal error stops."""

        def one(item: T) -> None:
            do(item)
            if self._breaker.is_open:
                pool.stop()

        pool = Pool(one, self._options.jobs, self._context.cancel)
        return pool

    def summary(self, deleted: int = 0, trial: bool = False) -> None:
        """Print the last line of a verb.  trial: a dry run."""
        self._report.summary(
            done=self.done,
            size=self.bytes,
            skipped=self.skipped,
            deleted=deleted,
            seconds=time.monotonic() - self._began,
            dry_run=trial or self._context.dry_run,
        )

    def __call__(self, task: Task) -> bool:
        """Carry out one task; return whether it succeeded."""
        source = task.source
        line = None if self._context.dry_run else self._display.begin(source)
        moved = 0
        try:
            if self._options.keep and self._exists(task.target):
                self.skip_task(task, "exists")
                return True
            began = time.monotonic()
            carried = self._carry(task, line)
            copied = CarriedTask(task, carried, began)
            moved, removed = carried.bytes, False
            if self._options.move and not self._context.dry_run:
                if self._hold(copied):
                    return True
                if carried.action != "rename":
                    self._removal.check(_entry(task), task.target, carried)
                    self._removal.remove(_entry(task))
                removed = True
            self._ended(copied, removed)
            return True
        except (UVideoError, OSError) as error:
            if self._context.cancel.is_set() and isinstance(error, errors.Cancelled):
                return False
            if isinstance(task.target, Pipe) and isinstance(system(error), BrokenPipeError):
                raise OutputGone from None
            self._hold_failed(task)
            self._failed(task, error)
            return False
        finally:
            self._display.end(line, moved)
            self._display.item(task.size - moved)

    def _count_failure(self, task: Task, error: UVideoError | OSError) -> None:
        self._breaker.failed(error)
        self._report.fail(error, task.source)

    def _ended(self, copied: CarriedTask, removed: bool) -> None:
        """Count and report an item that succeeded."""
        task, carried = copied.task, copied.carried
        with self._lock:
            self.done += 1
            self.bytes += carried.bytes
        self._breaker.succeeded()
        self._report.item(
            DONE,
            action=carried.action,
            source=task.source,
            target=str(task.target),
            bytes=None if task.entry is None and task.record is None and self._context.dry_run else carried.bytes,
            etag=carried.etag,
            verified=carried.verified,
            removed=removed,
            seconds=round(time.monotonic() - copied.began, 3),
            dry_run=self._context.dry_run,
        )

    def skip(self, source: str, target: str, reason: str) -> None:
        with self._lock:
            self.skipped += 1
        if self._report.json or self._report.verbose:
            self._report.item(SKIPPED, source=source, target=target, reason=reason)

    def skip_task(self, task: Task, reason: str) -> None:
        """As ``skip``; the source then stays, also under its other names."""
        if self._held is not None and (path := _local_path(task)) is not None:
            self._held.skip(path)
        self.skip(task.source, str(task.target), reason)

    def refuse(self, error: BaseException, item: str) -> None:
        """Report an item that is not carried out.  item: a local file then stays, also under its other names."""
        if self._held is not None:
            self._held.fail(item)
        self._report.fail(error, item)

    def _exists(self, target: Remote | str | Pipe) -> bool:
        if isinstance(target, str):  # what is written to and not replaced does not count: pipes, devices
            return os.path.lexists(target) and (os.path.isfile(target) or not os.path.exists(target))
        if isinstance(target, Remote):
            try:
                self._client.stat(target.space, target.key)
            except errors.NotFound:
                return False
            return True
        return False

    def _carry(self, task: Task, line: Line | None) -> Carried:
        entry, target = task.entry, task.target
        if task.record is not None:
            return self._resume(task.record, line)
        self._check_inside(task)
        if entry is None:
            assert isinstance(target, Remote)
            return self._upload_pipe(task.pipe, target, line)
        if isinstance(entry.place, str):
            assert isinstance(target, Remote)
            return self._upload(entry, entry.place, target, line)
        if isinstance(target, Remote):
            return self._copy(entry, entry.place, target, line)
        return self._download(entry, entry.place, target, line)

    @staticmethod
    def _check_inside(task: Task) -> None:
        """LocalFailure if links lead a local file out of its folder now: the listing may have seen it long ago."""
        if task.entry is not None and task.entry.path is not None and task.entry.within is not None:
            check_inside(task.entry.within, task.entry.path)
        if isinstance(task.target, str) and task.within is not None:
            check_inside(task.within, task.target)

    # Directions

    def _given(self, line: Line | None) -> ResumeOptions:
        """The options that uploads, downloads and resumed transfers share."""
        options, cancel = self._options, self._context.cancel
        return {"part_jobs": options.part_jobs, "bandwidth": options.limit, "progress": line, "cancel": cancel}

    def _resume(self, record: TransferRecord, line: Line | None) -> Carried:
        if self._context.dry_run:
            return Carried(record.direction, record.size or 0, record.etag)
        found = self._client.resume(record.id, **self._given(line))
        return Carried(record.direction, found.size or 0, found.etag, found.verified)

    def _upload_pipe(self, pipe: Pipe, target: Remote, line: Line | None) -> Carried:
        if self._context.dry_run:
            return Carried("upload", 0, None)
        with contextlib.ExitStack() as stack:
            source: Any = sys.stdin.buffer if pipe.path is None else stack.enter_context(open(pipe.path, "rb"))
            head = source.peek(mime.HEAD)[: mime.HEAD]
            stored = self._store(target, source, mime.by_name(target.key) or mime.by_content(head), line)
        return Carried("upload", stored.size or 0, stored.etag, stored.verified)

    def _upload(self, entry: Entry, path: str, target: Remote, line: Line | None) -> Carried:
        if self._context.dry_run:
            return Carried("upload", entry.size, None)
        if entry.is_marker:
            return self._upload_marker(target)
        began = time.time_ns()
        stored = self._store(target, Path(path), None if self._options.mime else mime.guess(target.key, path), line)
        if stored.etag and stored.verified and self._etags:
            self._etags.uploaded(entry, stored.etag, began)
        return Carried("upload", stored.size or 0, stored.etag, stored.verified)

    def _upload_marker(self, target: Remote) -> Carried:
        """Store the empty object that stands for an empty folder."""
        options = self._options
        stored = self._client.put(
            target.space,
            target.key,
            b"",
            mime=options.mime or "application/x-directory",  # as the console
            storage_class=options.storage_class,
            metadata=options.metadata,
        )
        return Carried("upload", 0, stored.etag, stored.verified)

    def _store(self, target: Remote, source: Source, kind: str | None, line: Line | None) -> Stored:
        options = self._options
        return self._client.upload(
            target.space,
            target.key,
            source,
            mime=options.mime or kind,
            storage_class=options.storage_class,
            metadata=options.metadata,
            headers=options.headers,
            times=options.times,
            **self._given(line),
        )

    def _download(self, entry: Entry, source: Remote, target: str | Pipe, line: Line | None) -> Carried:
        if self._context.dry_run:
            return Carried("download", entry.size, entry.etag)
        if isinstance(target, str) and (folder := os.path.dirname(target)):
            os.makedirs(folder, exist_ok=True)
        where = sys.stdout.buffer if isinstance(target, Pipe) else target
        found = self._client.download(source.space, source.key, where, times=self._options.times, **self._given(line))
        if isinstance(target, Pipe):
            sys.stdout.buffer.flush()
        elif found.verified and found.etag and self._etags:
            self._etags.downloaded(target, found.etag, found.size)
        return Carried("download", found.size, found.etag, found.verified)

    def _copy(self, entry: Entry, source: Remote, target: Remote, line: Line | None) -> Carried:
        options = self._options
        if source == target:
            raise InvalidArgument(say("source and target are the same object"))
        changed = any(
            each is not None for each in (options.metadata, options.headers, options.storage_class, options.mime)
        )
        if options.move and source.space == target.space and not changed:
            if self._context.dry_run:
                return Carried("rename", entry.size, entry.etag)
            self._client.rename(source.space, source.key, target.key, force=not options.keep)
            found = self._client.stat(target.space, target.key)
            is_same = found.size == entry.size and same_etag(entry.etag, found.etag, found.size)
            return Carried("rename", found.size, found.etag, bool(is_same))
        if self._context.dry_run:
            return Carried("copy", entry.size, entry.etag)
        given: CopyOptions = {"storage_class": options.storage_class}
        if any(
            each is not None for each in (options.metadata, options.headers, options.mime)
        ):  # keep the properties that are not given
            kept = self._client.stat(source.space, source.key)
            given["mime"], given["headers"] = options.mime or kept.mime, options.headers or kept.headers
            given["metadata"] = kept.metadata if options.metadata is None else options.metadata
            if options.times and (text := kept.metadata.get(file_time.NAME)) is not None:
                given["metadata"] = file_time.completed(given["metadata"], text, len(given["headers"] or ()))
        given["part_jobs"], given["progress"], given["cancel"] = options.part_jobs, line, self._context.cancel
        copied = self._client.copy(target.space, target.key, source.space, source.key, **given)
        return Carried("copy", copied.size or 0, copied.etag, copied.verified)

    # Removal of sources

    def _hold(self, copied: CarriedTask) -> bool:
        """Whether the source is a file that is removed later."""
        path = _local_path(copied.task)
        if self._held is None or path is None:
            return False
        self._held.add(path, copied)
        self._breaker.succeeded()
        return True

    def _hold_failed(self, task: Task) -> None:
        if self._held is not None and (path := _local_path(task)) is not None:
            self._held.fail(path)

    def _remove_held(self, is_complete: bool) -> None:
        """Remove the held files; if not all items were carried out, none, as other names of them may be missing."""
        if self._held is None:
            return
        left = self._held.taken()

        def one(file: str) -> None:
            held = left.pop(file)
            names, other = held.items, held.failed
            if held.skipped and other is None:
                for each in names:
                    self._ended(each, removed=False)
                return
            try:
                if other is not None:
                    raise LocalFailure(
                        say("its other name {path} could not be transferred, so it was not removed", path=other)
                    )
                for each in names:
                    self._removal.check(_entry(each.task), each.task.target, each.carried)
                self._removal.remove(*(_entry(each.task) for each in names))
            except (UVideoError, OSError) as error:
                self._breaker.failed(error)
                for each in names:
                    self._report.fail(error, each.task.source)
            else:
                for each in names:
                    self._ended(each, removed=True)

        try:
            if is_complete:
                self._pool(one).run(list(left))
        finally:
            if left:
                self._report.tell(say("files that were transferred and not removed: {count}", count=len(left)))
            for held in left.values():
                for each in held.items:
                    self._ended(each, removed=False)


def _entry(task: Task) -> Entry:
    assert task.entry is not None
    return task.entry


def _local_path(task: Task) -> str | None:
    """The path of a local source."""
    return None if task.entry is None else task.entry.path
