"""The files below a local folder, in the byte order of their keys."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Literal, NamedTuple, Protocol

from uvideo.errors import InvalidArgument

__all__ = ["EVERYTHING", "LINKS", "FoundFile", "Links", "Problem", "Selection", "check_links", "follows_links", "walk"]

#: Temporary files of unfinished downloads.
PARTIAL = re.compile(r"\.[0-9a-f]{16,32}\.part")

#: Which links are followed: all; those that stay inside the folder; none.
Links = Literal["follow", "inside", "skip"]
LINKS: tuple[Links, ...] = ("follow", "inside", "skip")
#: Errors of a link that leads to no file and no folder.
BROKEN = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)


class Problem(Enum):
    """Why a name below a folder is not a file to transfer, other than an OSError."""

    LOOP = "a link leads back to a folder above it"
    NAME = "its name is not UTF-8"
    SPECIAL = "it is a pipe, a socket or a device"
    OUTSIDE = "a link leads out of the folder"
    LINK = "links are skipped"
    STATE = "it is the folder of uvideo's own records"
    UNSELECTED = "a link is not selected and not followed, but what would lie below it may be selected"


class FoundFile(NamedTuple):
    """A file.  name: relative to the folder, with "/".  path: of this system.

    problem: why it cannot be read or be a key.  The name of an empty folder, or of one with a problem, ends with "/".
    """

    name: str
    path: str
    problem: OSError | Problem | None = None


class Selection(Protocol):
    """Selects files by their names relative to the folder."""

    @property
    def is_partial(self) -> bool:
        """Whether it may leave out files."""

    def takes(self, path: str) -> bool:
        """Whether it selects the file with this name."""

    def skips(self, folder: str) -> bool:
        """Whether it certainly selects nothing in the folder with this name."""


class _Everything:
    is_partial = False

    def takes(self, path: str) -> bool:
        return True

    def skips(self, folder: str) -> bool:
        return False


EVERYTHING: Selection = _Everything()


def check_links(links: str) -> Links:
    """The value of an option ``links``.  InvalidArgument."""
    for each in LINKS:
        if each == links:
            return each
    raise InvalidArgument(f"links is {links!r}; it must be follow, inside or skip")


def walk(
    root: str,
    prefix: str = "",
    chosen: Selection = EVERYTHING,
    depth: int | None = None,
    links: Links | Literal["files"] = "inside",
    state: str | os.PathLike[str] | None = None,
    empty: bool = False,
) -> Iterator[FoundFile]:
    """The selected files below a folder, found lazily.  Only the names in the current folders are in memory.

    A name that ``chosen`` leaves out is not opened, not followed and not returned, whatever it is, except a link that
    may be a folder with selected names: see Problem.UNSELECTED.  A folder that it skips is not entered.  Temporary
    files of unfinished downloads are skipped.  prefix: put before names.  depth: the most levels of folders, or None.
    links: which links are followed; "files": those to files, and all others are left out without a word.  The folder
    itself may be a link.  state: the folder of uvideo's own records, which is a Problem below the root.  empty: also
    return folders in which there is nothing, except the folder itself.
    """
    return _Walk(root, chosen, depth, links, state, empty).files(root, prefix)


def follows_links(
    root: str,
    chosen: Selection = EVERYTHING,
    depth: int | None = None,
    links: Links = "inside",
    state: str | os.PathLike[str] | None = None,
) -> bool:
    """Whether ``walk`` follows a link below the folder, so that a file may have several names."""
    found = _Walk(root, chosen, depth, links, state, False)
    return any(found.has_followed for _ in found.files(root, "")) or found.has_followed


class _Folder(NamedTuple):
    """A folder whose names are visited.  problems: of those of its names that have one."""

    identity: tuple[int, int]
    path: str
    name: str
    names: Iterator[str]
    problems: dict[str, OSError | Problem]


class _Walk:
    def __init__(
        self,
        root: str,
        chosen: Selection,
        depth: int | None,
        links: str,
        state: str | os.PathLike[str] | None,
        empty: bool,
    ) -> None:
        self._empty = empty
        self._chosen, self._depth, self._links, self._state = chosen, depth, links, state
        self._apart: tuple[int, int] | None = None  # identity of the state folder, once it exists
        self._real = os.path.join(os.path.realpath(root), "")
        self._way: list[_Folder] = []
        self.has_followed = False  # whether a link was followed so far

    def files(self, root: str, prefix: str) -> Iterator[FoundFile]:
        way, chosen = self._way, self._chosen
        yield from self._enter(root, prefix)
        while way:
            folder = way[-1]
            short = next(folder.names, None)
            if short is None:
                way.pop()
                continue
            name, path = folder.name + short, os.path.join(folder.path, short.rstrip("/"))
            problem = folder.problems.pop(short, None)
            if not short.endswith("/"):
                if chosen.takes(name):
                    yield FoundFile(name, path, problem or (None if _is_utf8(name) else Problem.NAME))
                elif problem not in (None, Problem.SPECIAL) and not chosen.skips(name):
                    yield FoundFile(name, path, Problem.UNSELECTED)
            elif chosen.skips(name[:-1]) or (self._depth is not None and len(way) > self._depth):
                continue
            elif problem is None and not _is_utf8(name) and not chosen.is_partial:
                yield FoundFile(name, path, Problem.NAME)  # one problem in place of one for each file
            elif problem is not None:
                yield FoundFile(name, path, problem)
            else:
                yield from self._enter(path, name)

    def _enter(self, path: str, name: str) -> Iterator[FoundFile]:
        try:
            identity = _identity(path)
            if self._way and identity == self._state_identity():
                yield FoundFile(name, path, Problem.STATE)
                return
            if any(identity == above.identity for above in self._way):
                yield FoundFile(name, path, Problem.LOOP)
                return
            problems: dict[str, OSError | Problem] = {}
            names = self._names(path, name, problems)
            if self._empty and self._way and not names and self._chosen.takes(name) and not any(os.scandir(path)):
                yield FoundFile(name, path, None if _is_utf8(name) else Problem.NAME)
                return
            self._way.append(_Folder(identity, path, name, iter(names), problems))
        except OSError as error:
            yield FoundFile(name, path, error)

    def _state_identity(self) -> tuple[int, int] | None:
        """The state folder's identity; None if there is none yet.  The transfers of this run may create it."""
        if self._apart is None and self._state is not None:
            with suppress(OSError):
                self._apart = _identity(self._state)
        return self._apart

    def _names(self, folder: str, above: str, problems: dict[str, OSError | Problem]) -> list[str]:
        """The names in a folder in the order of their keys; names of folders end with a slash.

        A folder with a problem comes where a file of its name would, before all that its name hides.
        """
        names = []
        with os.scandir(folder) as entries:
            for each in entries:
                name, problem = each.name, None
                if each.is_symlink():
                    if not self._chosen.takes(above + name) and self._chosen.skips(above + name):
                        continue
                    found = self._followed(each.path, name)
                    if found is None:
                        continue
                    name, problem = found
                    self.has_followed = self.has_followed or problem is None
                elif each.is_dir(follow_symlinks=False):
                    name += "/"
                elif not each.is_file(follow_symlinks=False):
                    problem = Problem.SPECIAL
                if PARTIAL.fullmatch(name):
                    continue
                if problem is not None:
                    problems[name] = problem
                names.append(name)
        names.sort(key=(lambda name: name.rstrip("/") if name in problems else name) if problems else None)
        return names

    def _followed(self, path: str, name: str) -> tuple[str, OSError | Problem | None] | None:
        """What a link leads to: the name, as ``_names`` returns it, and its problem.  None: it is left out."""
        if self._links == "skip":
            return name, Problem.LINK
        problem: OSError | Problem | None = None
        try:
            mode = os.stat(path).st_mode
            is_folder = stat.S_ISDIR(mode)
            if not is_folder and not stat.S_ISREG(mode):
                problem = Problem.SPECIAL
        except OSError as error:
            is_folder, problem = error.errno not in BROKEN, error
        if self._links == "inside" and not os.path.join(os.path.realpath(path), "").startswith(self._real):
            problem = Problem.OUTSIDE
        if self._links == "files" and (is_folder or problem is not None):
            return None
        return name + "/" if is_folder else name, problem


def _identity(path: str | os.PathLike[str]) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
