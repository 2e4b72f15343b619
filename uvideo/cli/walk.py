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

if TYPE_CHECKING:
    from uvideo import Client

__all__ = ["Entry", "Names", "files", "local_name", "objects", "one_file"]

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


def _listed(folder: str) -> list[str]:
    """The names in a folder in the byte order of the keys below it: those of folders end with a slash."""
    with os.scandir(folder) as found:
        names = [each.name + "/" if _is_folder(each) else each.name for each in found]
    names.sort(key=os.fsencode)
    return names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def files(root: str, refuse: Refuse, prefix: str = "", depth: int | None = None) -> Iterator[Entry]:
    """The files below a folder; links are followed.  Only the names of one folder at each depth are in memory.

    refuse(error, path): told of what cannot be read or cannot be a key; the others go on.  prefix: put before names.
    depth: how many folders deep, None for all.
    """
    above: list[tuple[int, int]] = []

    def walk(folder: str, prefix: str) -> Iterator[Entry]:
        try:
            found = os.stat(folder)
            identity = (found.st_dev, found.st_ino)
            if identity in above:
                raise LocalFailure(say("a link leads back to a folder above it"))
            names = _listed(folder)
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
                    if depth is None or len(above) <= depth:
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


# Keys as local names


def local_name(name: str) -> str:
    """The relative local path of an object's relative key.  LocalFailure if it cannot be one."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise LocalFailure(say("the key cannot be a local name: a part of it is empty, . or .."))
    if "\0" in name:
        raise LocalFailure(say("the key cannot be a local name: it holds a zero byte"))
    if os.sep != "/" and any(char in name for char in '\\:*?"<>|'):
        raise LocalFailure(
            say("the key cannot be a local name here: it holds one of {chars}", chars='\\ : * ? " < > |')
        )
    if any(len(os.fsencode(part)) > 255 for part in parts):
        raise LocalFailure(say("the key cannot be a local name: a part of it is longer than 255 bytes"))
    return name


class Names:
    """Finds two keys that a folder would give one file, where it does not tell capitals from small letters."""

    def __init__(self, tells_case: bool) -> None:
        self._tells_case = tells_case
        self._seen: dict[int, str] = {}

    @classmethod
    def of(cls, folder: str) -> Names:
        """For the file system of a folder, which exists."""
        probe = os.path.join(folder, f".uvideo-Case-{os.getpid()}")
        try:
            os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return cls(True)
        try:
            return cls(not os.path.lexists(os.path.join(folder, os.path.basename(probe).swapcase())))
        finally:
            os.unlink(probe)

    def take(self, name: str) -> None:
        """LocalFailure if another key has taken this name already."""
        if self._tells_case:
            return
        folded = hash(name.casefold())
        other = self._seen.setdefault(folded, name)
        if other != name:
            raise LocalFailure(
                say("{other} has this name already here, where capitals and small letters are the same", other=other)
            )
