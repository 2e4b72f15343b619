"""The backup folder of sync: items of the target move there before they are overwritten or deleted."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from uvideo.cli.address import Address, Local, Remote
from uvideo.cli.context import Context
from uvideo.cli.copy_item import DONE, Mover, MoverOptions, Task
from uvideo.cli.display import Display
from uvideo.cli.i18n import say
from uvideo.cli.walk import Entry, check_inside
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
        """Back up an item, then call overwrite; whether that was called.  A file comes back if that fails."""
        if isinstance(self._place, Remote):
            if not self._copier(Task(entry, Remote(self._place.space, self._place.key + entry.name))):
                return False
            overwrite()
            return True
        moved = self._moved(entry)
        if moved is None:
            return False
        path = str(entry.path)
        try:
            overwrite()
        finally:
            if not self._context.dry_run and not os.path.lexists(path):
                os.rename(moved, path)
        return True

    def move(self, entries: Iterable[Entry]) -> int:
        """Move items that are to be deleted; return how many."""
        done: list[Entry] = []

        def one(entry: Entry) -> None:
            if isinstance(self._place, Remote):
                moved = self._mover(Task(entry, Remote(self._place.space, self._place.key + entry.name)))
            else:
                moved = self._moved(entry, unchanged=True) is not None
            if moved:
                done.append(entry)

        self._mover.run(entries, one)
        return len(done)

    def _moved(self, entry: Entry, unchanged: bool = False) -> str | None:
        """Move a file; its new path, or None after a failure.  unchanged: only if it is still that of the listing."""
        path, target = str(entry.path), os.path.join(str(self._place), *entry.name.split("/"))
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
            return None
        self._report.item(
            DONE,
            action="rename",
            source=path,
            target=target,
            bytes=entry.size,
            etag=None,
            verified=False,
            removed=True,
            seconds=0.0,
            dry_run=self._context.dry_run,
        )
        return target
