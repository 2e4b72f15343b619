"""Sources and targets of cp and mv: which items the arguments name, and where each goes.  See docs/cli.md."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from uvideo.cli.address import Address, Local, Pipe, Remote
from uvideo.cli.chosen import Chosen
from uvideo.cli.copy_item import Task
from uvideo.cli.i18n import say
from uvideo.cli.walk import Entry, FolderReader, objects, one_file, one_object
from uvideo.errors import InvalidArgument, LocalFailure, NotFound, UVideoError
from uvideo.transfer.folders import FolderTarget
from uvideo.transfer.pattern import compiled, literal_prefix, may_match_below
from uvideo.transfer.walk import Selection

if TYPE_CHECKING:
    from uvideo import Client

__all__ = ["Destinations", "Pattern", "expand", "is_pattern"]

Refuse = Callable[[BaseException, str], None]


class Pattern:
    """A pattern of whole keys or paths.  prefix: the literal beginning of all matches; base: it, up to the last /.

    below: everything below a matching folder also matches.
    """

    def __init__(self, text: str, below: bool = False) -> None:
        self.prefix = literal_prefix(text)
        self.base = self.prefix[: self.prefix.rfind("/") + 1]
        self._texts = (text, text + "/**") if below else (text,)
        self._ways = [compiled(each) for each in self._texts]

    def match(self, key: str) -> bool:
        return any(each.fullmatch(key) for each in self._ways)

    def reaches(self, folder: str) -> bool:
        """Whether anything below a folder may match."""
        return any(may_match_below(each, folder) for each in self._texts)


def is_pattern(client: Client, place: Remote) -> bool:
    """Whether an address means what matches it.  An existing key is never a pattern."""
    return place.is_pattern and not client.exists(place.space, place.key)


class _Matches:
    """The Selection of the files that match a Pattern and that another Selection takes.  some: whether any matched."""

    is_partial = True

    def __init__(self, pattern: Pattern, chosen: Selection) -> None:
        self._pattern, self._chosen, self.some = pattern, chosen, False

    def takes(self, path: str) -> bool:
        if not self._pattern.match(self._pattern.base + path):
            return False
        self.some = True
        return self._chosen.takes(path)

    def skips(self, folder: str) -> bool:
        return not self._pattern.reaches(self._pattern.base + folder) or self._chosen.skips(folder)


def _is_folder(client: Client, source: Address, recursive: bool) -> bool:
    """Whether a source means the contents of a folder."""
    if isinstance(source, Local):
        return os.path.isdir(source.path)
    if isinstance(source, Remote) and recursive:
        return source.is_folder or not client.exists(source.space, source.key)
    return False


def nothing(address: Address) -> NotFound | FileNotFoundError:
    """The error for an address without any object or file."""
    if isinstance(address, Remote):
        return NotFound(say("nothing matches {address}", address=address), space=address.space)
    return FileNotFoundError(
        errno.ENOENT, say("there is no such file or folder, and no name matches the pattern"), str(address)
    )


def expand(
    client: Client,
    source: Address,
    recursive: bool,
    refuse: Refuse,
    prefix: str = "",
    reader: FolderReader | None = None,
    chosen: Chosen | None = None,
) -> Iterator[Entry]:
    """The entries of one source.  prefix: put before the names of a folder's contents.  recursive: include folders.

    reader: selects and lists local files; None for sources that are not local.  chosen: what the caller selects of
    remote sources; the rest may be among the entries.
    """
    if isinstance(source, Local):
        assert reader is not None
        entries = _local(source, recursive, reader, prefix)
    else:
        assert isinstance(source, Remote)
        entries = _remote(client, source, recursive, prefix, None if chosen is None else chosen.names(prefix))
    try:
        yield from entries
    except (UVideoError, OSError) as error:
        refuse(error, str(source))


def _local(source: Local, recursive: bool, reader: FolderReader, prefix: str) -> Iterator[Entry]:
    if source.is_pattern:
        root, depth, within = _matching(source, recursive, reader)
        yield from reader.files(root, depth=depth, within=within)
        if not within.some:
            raise nothing(source)
    elif os.path.isdir(source.path):
        if not recursive:
            raise InvalidArgument(say("{path} is a folder: give -r to include its contents", path=source))
        yield from reader.files(source.path, prefix)
    elif reader.chosen.takes(name := os.path.basename(source.path)):
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise LocalFailure(say("the name is not UTF-8 and cannot be a key: rename it")) from None
        yield one_file(source.path, name)


def _matching(source: Local, recursive: bool, reader: FolderReader) -> tuple[str, int | None, _Matches]:
    """Where the files that match a pattern are listed: the folder, how many levels of folders, and the Selection."""
    pattern = Pattern(source.path, recursive)
    depth = None if recursive or "**" in source.path else source.path.count("/") - pattern.base.count("/")
    return pattern.base or ".", depth, _Matches(pattern, reader.chosen)


def _remote(
    client: Client, source: Remote, recursive: bool, prefix: str, names: Sequence[str] | None
) -> Iterator[Entry]:
    space, key = source.space, source.key
    if is_pattern(client, source):
        pattern, some = Pattern(key, recursive), False
        flat = not recursive and "**" not in key and key.count("/") == pattern.base.count("/")
        for entry in objects(client, space, pattern.prefix, pattern.base, flat):
            if isinstance(entry.place, Remote) and pattern.match(entry.place.key):
                some = True
                yield entry
        if not some:
            raise nothing(source)
        return
    if source.is_folder:
        if not recursive:
            raise InvalidArgument(say("{path} is a folder: give -r to include its contents", path=source))
        for entry in objects(client, space, key, names=names):
            yield _under(prefix, entry)
        return
    try:
        found = one_object(client, source, key.rpartition("/")[2])
    except NotFound:
        below = next(iter(client.list(space, key + "/", page_size=1)), None)
        if below is None:
            raise
        if not recursive:
            raise InvalidArgument(say("{path} is a folder: give -r to include its contents", path=source)) from None
        for entry in objects(client, space, key + "/", names=names):
            yield _under(prefix, entry)
        return
    yield found


def _under(prefix: str, entry: Entry) -> Entry:
    return replace(entry, name=prefix + entry.name) if prefix else entry


class Destinations:
    """Maps sources to a target.  InvalidArgument for invalid arguments, before anything is done.

    reader: lists local folders and has the filter of all sources.
    """

    def __init__(
        self,
        client: Client,
        sources: Sequence[Address],
        target: Address,
        recursive: bool,
        reader: FolderReader,
        dry_run: bool = False,
    ) -> None:
        self._client, self._sources, self._target = client, sources, target
        self._recursive, self._reader, self._dry_run = recursive, reader, dry_run
        self._check()
        first = sources[0]
        several = len(sources) > 1 or getattr(first, "is_pattern", False)
        into = self._many = several or _is_folder(client, first, recursive)
        self._into = into or (isinstance(target, (Remote, Local)) and target.is_folder)
        if isinstance(target, Local):
            if into and os.path.lexists(target.path) and not os.path.isdir(target.path):
                raise InvalidArgument(say("{target} is a file; a folder is needed for several sources", target=target))
            self._into = self._into or os.path.isdir(target.path)
        if isinstance(target, Pipe) and self._into:
            raise InvalidArgument(say("only one object can go to standard output; uvideo cat takes several"))
        self._folder: FolderTarget | None = None
        self._taken: set[int] | None = set() if self._may_meet() else None  # hashes of targets

    @property
    def is_many(self) -> bool:
        """Whether the sources may be several items: a folder, a pattern or several addresses."""
        return self._many

    def _check(self) -> None:
        pipes = [each for each in self._sources if isinstance(each, Pipe)]
        if isinstance(self._target, Remote):
            if pipes and (len(self._sources) > 1 or self._recursive):
                raise InvalidArgument(say("a pipe cannot be combined with other sources or with -r"))
            if pipes and self._target.is_folder:
                raise InvalidArgument(say("a pipe has no name: write the whole uvideo://space/key"))
        elif pipes or any(isinstance(each, Local) for each in self._sources):
            raise InvalidArgument(say("neither side is an object uvideo://space/key: use the system's cp"))
        for each in self._sources:
            self._check_overlap(each)

    def _may_meet(self) -> bool:
        """Whether two of the sources may have the same target."""
        if any(getattr(each, "is_pattern", False) for each in self._sources):
            return len(self._sources) > 1
        paths = [each.key if isinstance(each, Remote) else str(each) for each in self._sources]
        names = [path.rstrip("/").rpartition("/")[2] for path in paths]
        return len(names) > 1 and (len(set(names)) < len(names) or not {"", ".", ".."}.isdisjoint(names))

    def _check_overlap(self, source: Address) -> None:
        target = self._target
        if not (isinstance(source, Remote) and isinstance(target, Remote) and source.space == target.space):
            return
        if source.is_pattern or not self._recursive:
            return
        below, inside = _slashed(source.key), _slashed(target.key)
        if inside.startswith(below):
            raise InvalidArgument(
                say("the target {target} is inside the source {source}", target=target, source=source)
            )

    def share_files(self) -> bool:
        """Whether a local file may be an item under several names: through a link, or through two of the sources."""
        places = [each for each in self._sources if isinstance(each, Local)]
        tops = [_matching(each, self._recursive, self._reader)[0] if each.is_pattern else each.path for each in places]
        real = sorted(os.path.join(os.path.realpath(top), "") for top in tops)
        if any(other.startswith(one) for one, other in pairwise(real)):
            return True
        return any(self._follows_links(each) for each in places)

    def _follows_links(self, source: Local) -> bool:
        if source.is_pattern:
            root, depth, within = _matching(source, self._recursive, self._reader)
            return self._reader.follows_links(root, depth, within)
        return self._recursive and os.path.isdir(source.path) and self._reader.follows_links(source.path)

    def tasks(self, refuse: Refuse) -> Iterator[Task]:
        """A Task for every item, in the order of the sources.

        refuse(error, item): called for each item that cannot be transferred.
        """
        for source in self._sources:
            if isinstance(source, Pipe):
                assert isinstance(self._target, Remote)
                yield Task(None, self._target, pipe=source)
                continue
            name = ""
            if len(self._sources) > 1:
                path = source.path if isinstance(source, Local) else source.key
                name = os.path.basename(os.path.normpath(path)) if path.strip("/.") else ""
            prefix, reader = name and name + "/", self._reader
            entries = expand(self._client, source, self._recursive, refuse, prefix, reader, reader.chosen)
            for entry in entries:
                if entry.path is None and not reader.chosen.takes(entry.name):
                    continue
                reader.chosen.saw(entry.name)
                if not entry.fits(reader.chosen):
                    continue
                try:
                    found = self._place(entry, source)
                except (UVideoError, OSError) as error:
                    refuse(error, str(entry.place))
                    continue
                if found is not None:
                    yield Task(entry, found, within=self._within)
        for missing, listed in self._reader.chosen.missing():
            refuse(missing, listed)

    @property
    def _within(self) -> str | None:
        """The folder that the local targets must stay in, if the target is one."""
        return self._target.path if isinstance(self._target, Local) and self._into else None

    def _place(self, entry: Entry, source: Address) -> Remote | str | Pipe | None:
        """The target of an entry; None for a folder marker that needs no file."""
        target = self._target
        if isinstance(target, Pipe):
            return target
        if isinstance(target, Remote):
            below = _slashed(target.key)
            key = below + entry.name if self._into else target.key
            if isinstance(source, Remote) and source.is_pattern and source.space == target.space and self._into:
                if isinstance(entry.place, Remote) and entry.place.key.startswith(below) and target.key:
                    return None  # it is in the target already
            self._take(key)
            return Remote(target.space, key)
        if not self._into:
            return target.path
        if entry.name == "":
            return None
        if self._folder is None:
            self._folder = FolderTarget(target.path, self._dry_run)
        found = self._folder.place(entry.name, entry.size)
        self._take(entry.name)
        return found

    def _take(self, name: str) -> None:
        """Reserve a target: LocalFailure if another source already has it."""
        if self._taken is None:
            return
        if hash(name) in self._taken:
            raise LocalFailure(say("another source has the same target {name}", name=name))
        self._taken.add(hash(name))


def _slashed(key: str) -> str:
    return key if key == "" or key.endswith("/") else key + "/"
