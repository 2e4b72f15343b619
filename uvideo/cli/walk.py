"""The entries below a local folder or a prefix, in byte order of their keys, one at a time."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from uvideo.cli.address import Remote
from uvideo.cli.chosen import Chosen
from uvideo.cli.i18n import say
from uvideo.cli.named_objects import named_objects
from uvideo.errors import BadAnswer, LocalFailure, UVideoError
from uvideo.transfer import file_time
from uvideo.transfer.walk import FoundFile, Links, Problem, Selection, follows_links, walk

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.models import ObjectInfo

__all__ = [
    "Entry",
    "FolderReader",
    "WalkReport",
    "ascending",
    "check_inside",
    "objects",
    "of_object",
    "one_file",
    "one_folder",
    "one_object",
    "unix_ns",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or an object.  name: relative to the start of the walk, with slashes.  place: an object, or a local path.

    mtime_ns, inode, ctime_ns: of a file.  etag, modified: of an object.  stored_ns: the time of its file that is stored
    with an object, or None.  within: the folder that links must not lead a file out of, or None.
    """

    name: str
    size: int
    place: Remote | str
    mtime_ns: int = 0
    inode: int = 0
    etag: str | None = None
    modified: datetime | None = None
    ctime_ns: int = field(default=0, compare=False)  # a plan does not refuse a file whose mode changed
    within: str | None = field(default=None, compare=False)
    stored_ns: int | None = field(default=None, compare=False)

    @property
    def path(self) -> str | None:
        """The path of a file; None for an object."""
        return self.place if isinstance(self.place, str) else None

    @property
    def is_marker(self) -> bool:
        """Whether it is an empty folder, or the empty object that stands for a folder."""
        return self.name.endswith("/") and self.size == 0

    @property
    def file_ns(self) -> int | None:
        """The modification time of a file, or of the file that an object was made of; None if it is not known."""
        return self.stored_ns if self.path is None else self.mtime_ns

    @property
    def changed_ns(self) -> int | None:
        """When a file was modified, or when an object was stored; None if it is not known."""
        if self.path is not None:
            return self.mtime_ns
        return unix_ns(self.modified)

    def fits(self, chosen: Chosen) -> bool:
        """Whether it is within the bounds of a Chosen."""
        return chosen.fits(self.size, self.changed_ns)

    @property
    def time_ns(self) -> int:
        """As ``file_ns``, else the time when the object was stored; 0 without any."""
        if (found := self.file_ns) is not None:
            return found
        return unix_ns(self.modified) or 0


def unix_ns(moment: datetime | None) -> int | None:
    """Nanoseconds since 1970."""
    return None if moment is None else round(moment.timestamp() * 1e9)


def of_object(found: ObjectInfo, name: str = "") -> Entry:
    """The Entry of an ObjectInfo."""
    place, stored = Remote(found.space, found.key), file_time.stored(found.metadata)
    return Entry(name, found.size, place, etag=found.etag, modified=found.modified, stored_ns=stored)


def one_file(path: str, name: str, within: str | None = None) -> Entry:
    """The Entry of a regular file.  OSError, LocalFailure."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise LocalFailure(say("{path} is neither a file nor a folder", path=path))
    return Entry(name, found.st_size, path, found.st_mtime_ns, found.st_ino, ctime_ns=found.st_ctime_ns, within=within)


def one_folder(path: str, name: str, within: str | None = None) -> Entry:
    """The Entry of an empty folder, whose name ends with a slash.  OSError."""
    found = os.stat(path)
    return Entry(name, 0, path, found.st_mtime_ns, found.st_ino, ctime_ns=found.st_ctime_ns, within=within)


def check_inside(root: str, path: str) -> None:
    """LocalFailure if a link leads a path out of the root."""
    base, real = (os.path.join(os.path.realpath(each), "") for each in (root, path))
    if not real.startswith(base):
        raise LocalFailure(say("{path} is outside of {root} because of a link", path=path, root=root))


def one_object(client: Client, place: Remote, name: str = "") -> Entry:
    """The Entry of an object.  NotFound."""
    return of_object(client.stat(place.space, place.key), name)


class WalkReport(Protocol):
    """What a FolderReader tells.  links, special: it counts the links and special files that it skips."""

    links: int
    special: int

    def fail(self, error: BaseException, item: str) -> None:
        """An item cannot be read."""

    def tell(self, message: str) -> None:
        """A warning."""

    def note(self, message: str) -> None:
        """A note that is only for --verbose."""


class FolderReader:
    """Lists local folders.  The report gets what fails, and a warning for each name that is skipped.

    chosen: selects files, None for all; the caller compares sizes and times.  links: which links are followed, as in
    ``uvideo.transfer.walk``; "files": the folder is a target, so a name that can be no source is skipped instead of
    failing.
    skip_special: skip pipes, sockets and devices; otherwise each of them fails.  state: the folder of the command's own
    records, which is skipped below a listed folder.  empty: list empty folders, too; their names end with a slash.
    """

    def __init__(
        self,
        report: WalkReport,
        chosen: Chosen | None = None,
        links: Links | Literal["files"] = "inside",
        skip_special: bool = False,
        state: Path | None = None,
        empty: bool = False,
    ) -> None:
        self._state, self._empty, self._is_target = state, empty, links == "files"
        self.chosen = chosen or Chosen()
        self._report, self._links, self._skip_special = report, links, skip_special
        self._hidden: deque[str] = deque()  # names that were skipped or failed

    def files(
        self, root: str, prefix: str = "", depth: int | None = None, within: Selection | None = None
    ) -> Iterator[Entry]:
        """The files below a folder; prefix and depth as in ``uvideo.transfer.walk``.

        within: a Selection in place of ``chosen``.
        """
        inside = None if self._links == "follow" else root
        chosen = self.chosen if within is None else within
        for found in walk(root, prefix, chosen, depth, self._links, self._state, self._empty):
            try:
                if isinstance(found.problem, OSError):
                    raise found.problem
                if found.problem is Problem.NAME and not self._is_target:
                    raise LocalFailure(say("the name is not UTF-8 and cannot be a key: rename it"))
                if found.problem is not None:
                    self._skip(found, root)
                    continue
                is_folder = found.name.endswith("/")
                entry = (one_folder if is_folder else one_file)(found.path, found.name, inside)
            except (OSError, UVideoError) as error:
                self._hidden.append(found.name.rstrip("/"))
                self._report.fail(error, found.path)
            else:
                yield entry

    def follows_links(self, root: str, depth: int | None = None, within: Selection | None = None) -> bool:
        """Whether ``files`` follows a link, so that a file may have several names.  Reports nothing."""
        chosen = self.chosen if within is None else within
        return self._links != "files" and follows_links(root, chosen, depth, self._links, self._state)

    def _skip(self, found: FoundFile, root: str) -> None:
        report, path = self._report, found.path
        if self._is_target and found.problem is not Problem.STATE:
            report.note(say("skipped {path}: it is no file that could be stored", path=path))
            return
        if found.problem is Problem.SPECIAL and not self._skip_special:
            raise LocalFailure(
                say("{path} is a pipe, a socket or a device; --skip-special skips such files", path=path)
            )
        self._hidden.append(found.name.rstrip("/"))
        if found.problem is Problem.UNSELECTED:
            return
        if found.problem is Problem.SPECIAL:
            report.special += 1
            report.tell(say("skipped {path}: it is a pipe, a socket or a device", path=path))
            return
        if found.problem is Problem.STATE:
            report.tell(say("skipped {path}: it is the folder of uvideo's own records", path=path))
            return
        report.links += 1
        if found.problem is Problem.LINK:
            report.note(say("skipped {path}: it is a link", path=path))
        elif found.problem is Problem.LOOP:
            report.tell(say("skipped {path}: the link leads back to a folder above it", path=path))
        else:
            report.tell(
                say("skipped {path}: the link leads out of {root}; --links follow follows it", path=path, root=root)
            )

    def hides(self, name: str) -> bool:
        """Whether a name that was skipped or failed is this one or a folder above it.

        Names must come in the order of the walk.
        """
        while self._hidden and self._hidden[0] + "0" <= name:  # 0 follows / in the order of names
            self._hidden.popleft()
        return any(name == each or name.startswith(each + "/") for each in self._hidden)


def objects(
    client: Client,
    space: str,
    prefix: str,
    base: str | None = None,
    flat: bool = False,
    names: Sequence[str] | None = None,
) -> Iterator[Entry]:
    """The objects whose keys begin with ``prefix``; names are relative to ``base``, by default the prefix.

    flat: leave out keys with another slash after the prefix.  names: the only names that the caller selects, or None;
    others may be left out.  BadAnswer if the service's listing is not in order.
    """
    skip = len(prefix if base is None else base)
    found: Iterable[ObjectInfo] = client.list(space, prefix, delimiter="/" if flat else "")
    if names is not None:
        found = named_objects(client, space, prefix, names)
    return ascending(of_object(each, each.key[skip:]) for each in found if not each.is_prefix)


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
