"""The files below a local folder, in the byte order of their keys."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

__all__ = ["FoundFile", "Problem", "walk"]

#: Temporary files of unfinished downloads.
PARTIAL = re.compile(r"\.[0-9a-f]{16,32}\.part")


class Problem(Enum):
    """Why a name below a folder is not a file to transfer, other than an OSError."""

    LOOP = "a link leads back to a folder above it"
    NAME = "its name is not UTF-8"


class FoundFile(NamedTuple):
    """A file.  name: relative to the folder, with "/".  path: of this system.

    problem: why it cannot be read or be a key.  The name of a folder with a problem ends with "/".
    """

    name: str
    path: str
    problem: OSError | Problem | None = None


def walk(
    root: str,
    prefix: str = "",
    skips: Callable[[str], bool] | None = None,
    depth: int | None = None,
    links: bool = True,
    nameless: bool = False,
) -> Iterator[FoundFile]:
    """The files below a folder, found lazily.  Only the names in the current folders are in memory.

    Temporary files of unfinished downloads are skipped.  Links to files are followed; those to folders only with
    ``links``.  prefix: put before names.  skips(name): whether to skip a folder.  depth: the most levels of folders, or
    None.  nameless: for a folder whose name is not UTF-8, return each of its files with that problem instead of the
    folder.
    """
    #: For each current folder: identity, path, name, and the names still to visit.
    way: list[tuple[tuple[int, int], str, str, Iterator[str]]] = []

    def enter(folder: str, name: str) -> Iterator[FoundFile]:
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if any(identity == above for above, *_ in way):
                yield FoundFile(name, folder, Problem.LOOP)
                return
            way.append((identity, folder, name, iter(_names(folder, links))))
        except OSError as error:
            yield FoundFile(name, folder, error)

    yield from enter(root, prefix)
    while way:
        _, folder, above, names = way[-1]
        name = next(names, None)
        if name is None:
            way.pop()
            continue
        path = os.path.join(folder, name.rstrip("/"))
        problem = None if _is_utf8(above + name) else Problem.NAME
        if not name.endswith("/"):
            yield FoundFile(above + name, path, problem)
        elif skips and skips(above + name[:-1]):
            continue
        elif problem and not nameless:
            yield FoundFile(above + name, path, problem)
        elif depth is None or len(way) <= depth:
            yield from enter(path, above + name)


def _names(folder: str, links: bool) -> list[str]:
    """The names in a folder in the order of their keys; names of folders end with a slash."""
    names = []
    with os.scandir(folder) as entries:
        for each in entries:
            is_folder = _is_folder(each)
            if is_folder and (links or not each.is_symlink()):
                names.append(each.name + "/")
            elif not is_folder and not PARTIAL.fullmatch(each.name):
                names.append(each.name)
    return sorted(names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
