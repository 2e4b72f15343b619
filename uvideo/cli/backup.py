"""The backup folder of sync: items of the target move there before they are overwritten or deleted."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from uvideo import same_etag
from uvideo.cli.address import Address, Local, Remote
from uvideo.cli.context import Context
from uvideo.cli.copy_item import DONE, Mover, MoverOptions, Task
from uvideo.cli.display import Display
from uvideo.cli.i18n import say
from uvideo.cli.walk import Entry, check_inside, one_object
from uvideo.errors import InvalidArgument, LocalFailure, UVideoError

__all__ = ["Backup", "check_backup"]


def check_backup(place: Address, source: Local | Remote, target: Local | Remote) -> Local | Remote:
    """The folder of backups.  InvalidArgument unless it is of the target's kind, and apart from source and target."""
    if isinstance(place, Local) and isinstance(target, Local):
        if os.path.lexists(place.path) and not os.path.isdir(place.path):
            raise InvalidArgument(say("--backup-dir {path} is not a folder", path=place))
    elif isinstance(place, Remote) and isinstance(target, Remote) and not place.is_pattern:
        place = Remote(place.space, place.key if place.is_folder else place.key + "/")
    else:
        raise InvalidArgument(
            say("--backup-dir must be a local folder or uvideo://space/prefix, as the target {target}", target=target)
        )
    for side in (source, target):
        one, other = _start(place), _start(side)
        if one.startswith(other) or other.startswith(one):
            raise InvalidArgument(say("--backup-dir {path} and {side} contain one another", path=place, side=side))
    return place


def _start(side: Local | Remote) -> str:
    """The beginning of all names in a folder."""
    return str(side) if isinstance(side, Remote) else os.path.join(os.path.realpath(side.path), "")


def _beside(name: str) -> str:
    """A new name in the same folder, no longer than names may be."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last[:59]}.backup-{secrets.token_hex(4)}"


class Backup:
    """Moves items to a folder of backups, under the same names.  Safe to share between threads.

    A backup of that name is replaced.  Failures go to the report, and the item stays where it is.
    """

    def __init__(self, context: Context, place: Local | Remote, options: MoverOptions) -> None:
        self._context, self._place, self._report = context, place, context.report
        kept = replace(options, keep=False, metadata=None, headers=None, storage_class=None, mime=None)
        self._copier = Mover(context, kept, Display())
        self._mover = Mover(context, replace(kept, move=True), Display())

    def before(self, entry: Entry, overwrite: Callable[[], bool]) -> bool:
        """Back up an item, then call overwrite; whether that was called.  A file comes back if that fails.

        An older backup stays until overwrite succeeded.  Until then the new one has a name beside it.
        """
        if isinstance(self._place, Remote):
            return self._before_object(entry, self._object(self._place, entry), overwrite)
        return self._before_file(entry, self._path(entry), overwrite)

    def move(self, entries: Iterable[Entry]) -> int:
        """Move items that are to be deleted; return how many."""
        done: list[Entry] = []

        def one(entry: Entry) -> None:
            if isinstance(self._place, Remote):
                moved = self._mover(Task(entry, self._object(self._place, entry)))
            else:
                target = self._path(entry)
                moved = self._move(entry, target, unchanged=True)
                if moved:
                    self._tell(entry, target)
            if moved:
                done.append(entry)

        self._mover.run(entries, one)
        return len(done)

    # Objects

    @staticmethod
    def _object(place: Remote, entry: Entry) -> Remote:
        return Remote(place.space, place.key + entry.name)

    def _before_object(self, entry: Entry, target: Remote, overwrite: Callable[[], bool]) -> bool:
        client, first = self._context.client, target
        try:
            if not self._context.dry_run and client.exists(target.space, target.key):
                first = Remote(target.space, _beside(target.key))
        except UVideoError as error:
            self._report.fail(error, str(entry.place))
            return False
        if not self._copier(Task(entry, first)):
            return False
        done = False
        try:
            done = overwrite()
        finally:
            if first != target:
                self._settle(entry, first, target, done)
        return True

    def _settle(self, entry: Entry, first: Remote, target: Remote, overwritten: bool) -> None:
        """Give the new backup its name, or remove it if its item is as it was."""
        client = self._context.client
        try:
            kept = one_object(client, first)
            if not overwritten and isinstance(entry.place, Remote):  # a request that failed may have had an effect
                now = one_object(client, entry.place)
                overwritten = now.size != kept.size or not same_etag(now.etag, kept.etag, now.size)
            if overwritten:
                self._mover(Task(kept, target))
            else:
                client.delete(first.space, first.key)
        except UVideoError as error:
            self._report.fail(error, str(first))

    # Files

    def _path(self, entry: Entry) -> str:
        return os.path.join(str(self._place), *entry.name.split("/"))

    def _before_file(self, entry: Entry, target: str, overwrite: Callable[[], bool]) -> bool:
        path, is_older = str(entry.path), os.path.islink(target) or os.path.isfile(target)
        first = _beside(target) if is_older else target
        if not self._move(entry, first):
            return False
        done = False
        try:
            done = overwrite()
        finally:
            try:
                if not (self._context.dry_run or done or os.path.lexists(path)):
                    os.rename(first, path)
                else:
                    if first != target and not self._context.dry_run:
                        os.replace(first, target)
                    self._tell(entry, target)
            except OSError as error:
                self._report.fail(error, first)
        return True

    def _move(self, entry: Entry, target: str, unchanged: bool = False) -> bool:
        """Move a file; whether it succeeded.  unchanged: only if it is still that of the listing."""
        path = str(entry.path)
        try:
            if entry.within is not None:
                check_inside(entry.within, os.path.dirname(path))
            if not self._context.dry_run:
                if unchanged and not os.path.islink(path) and os.stat(path).st_mtime_ns != entry.mtime_ns:
                    raise LocalFailure(say("it changed meanwhile, so it was not removed"))
                check_inside(str(self._place), os.path.dirname(target))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(path, target)
        except (UVideoError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EXDEV:
                error = LocalFailure(say("--backup-dir must be on the same file system as the target"))
            self._report.fail(error, path)
            return False
        return True

    def _tell(self, entry: Entry, target: str) -> None:
        self._report.item(
            DONE,
            action="rename",
            source=str(entry.path),
            target=target,
            bytes=entry.size,
            etag=None,
            verified=False,
            removed=True,
            seconds=0.0,
            dry_run=self._context.dry_run,
        )
