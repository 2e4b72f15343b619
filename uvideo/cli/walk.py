"""What lies below a local folder or a prefix, in the byte order of keys, an entry at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from uvideo.cli.words import say
from uvideo.errors import BadAnswer, LocalFailure, UVideoError
from uvideo.folders import PARTIAL

if TYPE_CHECKING:
    from uvideo import Client

__all__ = ["Entry", "files", "objects", "one_file"]

Refuse = Callable[[BaseException, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or an object.  name: relative to where the walk began, with slashes.

    path, mtime_ns, inode: of a file.  space, key, etag, modified: of an object.
    """

    name: str
    size: int
    path: str | None = None
    mtime_ns: int = 0
    inode: int = 0
    space: str | None = None
    key: str | None = None
    etag: str | None = None
    modified: datetime | None = None


def one_file(path: str, name: str) -> Entry:
    """The Entry of a regular file.  OSError, LocalFailure."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise LocalFailure(say("{path} is neither a file nor a folder", path=path))
    return Entry(name, found.st_size, path, found.st_mtime_ns, found.st_ino)


def _listed(folder: str, links: bool) -> list[str]:
    """The names in a folder in the byte order of the keys below it: those of folders end with a slash."""
    names = []
    with os.scandir(folder) as found:
        for each in found:
            is_folder = _is_folder(each)
            if not (PARTIAL.fullmatch(each.name) or (is_folder and not links and each.is_symlink())):
                names.append(each.name + "/" if is_folder else each.name)
    names.sort(key=os.fsencode)
    return names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def files(
    root: str,
    refuse: Refuse,
    prefix: str = "",
    depth: int | None = None,
    skips: Callable[[str], bool] | None = None,
    links: bool = True,
) -> Iterator[Entry]:
    """The files below a folder; links are followed, those to folders only with ``links``.

    Only the names of one folder at each depth are in memory.  What an unfinished download has left is passed over.
    refuse(error, path): told of what cannot be read or cannot be a key; the others go on.  prefix: put before names.
    depth: how many folders deep, None for all.  skips(name): whether a folder, by its relative name, is passed over.
    """
    above: list[tuple[int, int]] = []

    def walk(folder: str, prefix: str) -> Iterator[Entry]:
        try:
            found = os.stat(folder)
            identity = (found.st_dev, found.st_ino)
            if identity in above:
                raise LocalFailure(say("a link leads back to a folder above it"))
            names = _listed(folder, links)
        except (OSError, UVideoError) as error:
            refuse(error, folder)
            return
        above.append(identity)
        try:
            names.reverse()
            while names:
                name = names.pop()
                path = os.path.join(folder, name.rstrip("/"))
                try:
                    name.encode("utf-8")
                except UnicodeEncodeError:
                    refuse(LocalFailure(say("the name is not UTF-8 and cannot be a key: rename it")), path)
                    continue
                if name.endswith("/"):
                    passed = skips is not None and skips((prefix + name)[:-1])
                    if not passed and (depth is None or len(above) <= depth):
                        yield from walk(path, prefix + name)
                    continue
                try:
                    yield one_file(path, prefix + name)
                except (OSError, UVideoError) as error:
                    refuse(error, path)
        finally:
            above.pop()

    return walk(root, prefix)


def objects(client: Client, space: str, prefix: str, base: str | None = None, flat: bool = False) -> Iterator[Entry]:
    """The objects whose keys begin with ``prefix``; their names are relative to ``base``, by default the prefix.

    flat: without those below a further slash.  BadAnswer if the service does not list them in order.
    """
    skip = len(prefix if base is None else base)
    before = ""
    for found in client.list(space, prefix, delimiter="/" if flat else ""):
        if found.key <= before:
            raise BadAnswer(say("the service does not list keys in order: {key}", key=found.key))
        before = found.key
        yield Entry(
            found.key[skip:],
            found.size,
            space=space,
            key=found.key,
            etag=found.etag,
            modified=found.modified,
        )
