"""Removal of the sources of mv, once their copies are verified."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from uvideo import errors, same_etag
from uvideo.cli.address import Pipe, Remote
from uvideo.cli.i18n import say
from uvideo.errors import IntegrityError, LocalFailure

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.cli.walk import Entry

__all__ = ["Carried", "HeldFiles", "SourceRemoval"]

T = TypeVar("T")


class Carried(NamedTuple):
    """The result of one item.  bytes: transferred, in a dry run to be transferred.  etag, verified: of the target."""

    action: str
    bytes: int
    etag: str | None
    verified: bool = False


class SourceRemoval:
    """Removes sources.  verify: only those whose copies were verified.  Safe to share between threads."""

    def __init__(self, client: Client, verify: bool) -> None:
        self._client, self._verify = client, verify

    def check(self, entry: Entry, target: Remote | str | Pipe, carried: Carried) -> None:
        """Check that a source is still what was copied, and that the copy exists.  UVideoError, OSError."""
        if not carried.verified and self._verify:
            raise IntegrityError(
                say("the copy could not be verified, so the source was not removed; --no-verify removes it anyway")
            )
        changed, place = say("the source changed while it was copied, so it was not removed"), entry.place
        if carried.bytes != entry.size:
            raise LocalFailure(changed)
        self._look(target, entry.size, carried.etag)
        if isinstance(place, str):
            now = os.stat(place)
            if entry.is_marker:
                return
            if (now.st_size, now.st_mtime_ns, now.st_ino) != (entry.size, entry.mtime_ns, entry.inode):
                raise LocalFailure(changed)
            return
        found = self._client.stat(place.space, place.key)
        if found.size != entry.size or any(
            same_etag(found.etag, each, found.size) is False for each in (carried.etag, entry.etag) if each
        ):
            raise errors.ObjectChanged(changed, space=place.space, key=place.key)

    def _look(self, target: Remote | str | Pipe, size: int, etag: str | None) -> None:
        """Check that the target exists with this size and etag.  IntegrityError, NotFound, OSError."""
        if isinstance(target, Remote):
            found = self._client.stat(target.space, target.key)
            is_there = found.size == size and not (etag and same_etag(found.etag, etag, size) is False)
        else:
            now = os.stat(str(target))
            is_there = stat.S_ISREG(now.st_mode) and now.st_size == size
        if not is_there:
            raise IntegrityError(
                say("{target} differs from the stored copy, so the source was not removed", target=target)
            )

    def remove(self, *entries: Entry) -> None:
        """Remove a source, of which the entries are the names.  UVideoError, OSError."""
        is_gone = False
        for entry in entries:
            place = entry.place
            if isinstance(place, Remote):
                self._client.delete(place.space, place.key)
                continue
            try:
                if entry.is_marker and not os.path.islink(place):
                    os.rmdir(place)
                else:
                    os.unlink(place)
            except FileNotFoundError:  # it was removed through another name
                if not is_gone:
                    raise
            is_gone = True


@dataclass(frozen=True)
class Held(Generic[T]):
    """A file with several names.  items: of its names.  failed: the path of one that failed.  skipped: one was."""

    items: list[T]
    failed: str | None
    skipped: bool


class HeldFiles(Generic[T]):
    """Items whose local files are removed at the end, as a file may have several names.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._items: dict[str, list[T]] = {}
        self._failed: dict[str, str] = {}
        self._skipped: set[str] = set()
        self._lock = threading.Lock()

    def add(self, path: str, item: T) -> None:
        """Hold the item of a path."""
        with self._lock:
            self._items.setdefault(os.path.realpath(path), []).append(item)

    def fail(self, path: str) -> None:
        """The item of a path failed: its file must stay."""
        with self._lock:
            self._failed[os.path.realpath(path)] = path

    def skip(self, path: str) -> None:
        """The item of a path was skipped: its file must stay."""
        with self._lock:
            self._skipped.add(os.path.realpath(path))

    def taken(self) -> dict[str, Held[T]]:
        """What is known of each file that has items; nothing is held any more."""
        with self._lock:
            found, self._items = self._items, {}
            return {file: Held(each, self._failed.get(file), file in self._skipped) for file, each in found.items()}
