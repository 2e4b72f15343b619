"""The entries below a local folder or a prefix, in byte order of their keys, one at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from uvideo.cli.address import Remote
from uvideo.cli.i18n import say
from uvideo.cli.lookup import stat_object
from uvideo.errors import BadAnswer, LocalFailure, UVideoError
from uvideo.transfer.walk import Problem, walk

if TYPE_CHECKING:
    from uvideo import Client

__all__ = ["Entry", "ascending", "files", "objects", "one_file", "one_object"]

Refuse = Callable[[BaseException, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or an object.  name: relative to the start of the walk, with slashes.  place: an object, or a local path.

    mtime_ns, inode: of a file.  etag, modified: of an object.
    """

    name: str
    size: int
    place: Remote | str
    mtime_ns: int = 0
    inode: int = 0
    etag: str | None = None
    modified: datetime | None = None

    @property
    def path(self) -> str | None:
        """The path of a file; None for an object."""
        return self.place if isinstance(self.place, str) else None


def one_file(path: str, name: str) -> Entry:
    """The Entry of a regular file.  OSError, LocalFailure."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise LocalFailure(say("{path} is neither a file nor a folder", path=path))
    return Entry(name, found.st_size, path, found.st_mtime_ns, found.st_ino)


def one_object(client: Client, place: Remote, name: str = "") -> Entry:
    """The Entry of an object.  NotFound."""
    found = stat_object(client, place)
    return Entry(name, found.size, place, etag=found.etag, modified=found.modified)


def files(
    root: str,
    refuse: Refuse,
    prefix: str = "",
    depth: int | None = None,
    skips: Callable[[str], bool] | None = None,
    links: bool = True,
) -> Iterator[Entry]:
    """The files below a folder; prefix, depth, skips and links as in ``uvideo.transfer.walk``.

    refuse(error, path): called for what cannot be read or be a key; the other files follow.
    """
    for name, path, problem in walk(root, prefix, skips, depth, links):
        try:
            if isinstance(problem, OSError):
                raise problem
            if problem is Problem.LOOP:
                raise LocalFailure(say("a link leads back to a folder above it"))
            if problem is Problem.NAME:
                raise LocalFailure(say("the name is not UTF-8 and cannot be a key: rename it"))
            found = one_file(path, name)
        except (OSError, UVideoError) as error:
            refuse(error, path)
        else:
            yield found


def objects(client: Client, space: str, prefix: str, base: str | None = None, flat: bool = False) -> Iterator[Entry]:
    """The objects whose keys begin with ``prefix``; names are relative to ``base``, by default the prefix.

    flat: leave out keys with another slash after the prefix.  BadAnswer if the service's listing is not in order.
    """
    skip = len(prefix if base is None else base)
    return ascending(
        Entry(each.key[skip:], each.size, Remote(space, each.key), etag=each.etag, modified=each.modified)
        for each in client.list(space, prefix, delimiter="/" if flat else "")
        if not each.is_prefix
    )


def ascending(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries; BadAnswer at the first one that is out of order."""
    before: str | None = None
    for entry in entries:
        if before is not None and entry.name <= before:
            raise BadAnswer(
                say("a listing is not in order: {name} comes after {before}", name=entry.name, before=before)
            )
        before = entry.name
        yield entry
