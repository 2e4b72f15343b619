"""Which items a command selects: by patterns, lists of names, sizes and ages."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict

from uvideo.cli.duration import DURATION, Parsed
from uvideo.cli.i18n import say
from uvideo.cli.verb_command import Function, option
from uvideo.config import setting_checks
from uvideo.errors import InvalidArgument, LocalFailure
from uvideo.transfer.pattern import Filter

__all__ = [
    "BoundOptions",
    "Bounds",
    "Chosen",
    "FilterOptions",
    "NamedItems",
    "bounds",
    "bounds_of",
    "chosen",
    "filters",
]

BOM = b"\xef\xbb\xbf"
#: The first characters of comments in a file of patterns, as in those of rsync and rclone.
COMMENTS = ("#", ";")


class BoundOptions(TypedDict):
    """The values of the options that ``bounds`` adds.  Sizes in bytes, ages in seconds."""

    min_size: int | None
    max_size: int | None
    min_age: float | None
    max_age: float | None


class FilterOptions(BoundOptions):
    """The values of the options that ``filters`` adds."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    include_from: tuple[str, ...]
    exclude_from: tuple[str, ...]
    files_from: str | None
    from0: bool


def _bytes(text: str) -> int:
    return 0 if text == "0" else setting_checks.size("SIZE", int(text) if text.isdecimal() else text)


#: An option with a size: 4096, 10M, 1.5GiB; the value is in bytes.
BYTES = Parsed("size", _bytes)


def bounds(function: Function) -> Function:
    """Adds the options --min-size, --max-size, --min-age and --max-age."""
    for flag, kind, metavar, help in (
        ("--max-age", DURATION, "TIME", "Only items changed within this time: 36h, 7d and so on."),
        ("--min-age", DURATION, "TIME", "Only items not changed within this time."),
        ("--max-size", BYTES, "SIZE", "Only items of at most this size."),
        ("--min-size", BYTES, "SIZE", "Only items of at least this size: 4096, 10M and so on."),
    ):
        function = option(flag, type=kind, metavar=metavar, help=help)(function)
    return function


def filters(function: Function) -> Function:
    """Adds the options that select by names, and those of ``bounds``."""
    function = bounds(function)
    option("--from0", "-0", is_flag=True, help="Names in the file of --files-from end with zero bytes.")(function)
    option("--files-from", metavar="FILE", help="Only the items named in a file, one per line; - for standard input.")(
        function
    )
    option("--exclude-from", multiple=True, metavar="FILE", help="Exclude patterns in a file, one per line.")(function)
    option("--include-from", multiple=True, metavar="FILE", help="Include patterns in a file, one per line.")(function)
    option("--exclude", multiple=True, metavar="PATTERN", help="Exclude matching items. Repeatable.")(function)
    return option("--include", multiple=True, metavar="PATTERN", help="Include only matching items. Repeatable.")(
        function
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of sizes, in bytes, and of times, in nanoseconds since 1970, the bounds included; None for no bound."""

    min_size: int | None = None
    max_size: int | None = None
    oldest: int | None = None
    newest: int | None = None

    def fit(self, size: int, ns: int | None) -> bool:
        """Whether an item of this size and time is within the bounds.  ns: None if unknown: it is outside any bound."""
        if (self.min_size is not None and size < self.min_size) or (self.max_size is not None and size > self.max_size):
            return False
        if self.oldest is None and self.newest is None:
            return True
        if ns is None:
            return False
        return (self.oldest is None or ns >= self.oldest) and (self.newest is None or ns <= self.newest)


def bounds_of(options: BoundOptions) -> Bounds:
    """The Bounds for the options that ``bounds`` adds; ages count from now."""
    now = time.time_ns()
    oldest, newest = (
        None if age is None else now - round(age * 1e9) for age in (options["max_age"], options["min_age"])
    )
    if options["min_size"] is not None and options["max_size"] is not None:
        if options["min_size"] > options["max_size"]:
            raise InvalidArgument(
                say("{one} is above {other}: nothing can be selected", one="--min-size", other="--max-size")
            )
    if oldest is not None and newest is not None and oldest > newest:
        raise InvalidArgument(
            say("{one} is above {other}: nothing can be selected", one="--min-age", other="--max-age")
        )
    return Bounds(options["min_size"], options["max_size"], oldest, newest)


class NamedItems:
    """Selects items by names; the name of a folder selects everything below it.  InvalidArgument."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, bool] = {}  # whether it was seen
        self._above: set[str] = set()  # folders of the names
        for given in names:
            parts = [part for part in given.split("/") if part not in ("", ".")]
            if ".." in parts or not parts:
                raise InvalidArgument(say("{name} is no name below the source", name=repr(given)))
            self._names["/".join(parts)] = False
            self._above.update("/".join(parts[:count]) for count in range(1, len(parts)))

    def find(self, path: str) -> str | None:
        """The name that selects a path, or None."""
        while path not in self._names:
            path, slash, _ = path.rpartition("/")
            if not slash:
                return None
        return path

    def below(self, prefix: str) -> list[str] | None:
        """The names below a folder, without those below another one; None if everything in it is selected.

        prefix: the folder with its slash, or "".
        """
        if prefix and self.find(prefix[:-1]) is not None:
            return None
        top = (each for each in self._names if self.find(each.rpartition("/")[0]) is None)
        return [each[len(prefix) :] for each in top if each.startswith(prefix)]

    def skips(self, folder: str) -> bool:
        return folder not in self._above and self.find(folder) is None

    def saw(self, path: str) -> None:
        """A path exists in the source."""
        name = self.find(path)
        if name is not None:
            self._names[name] = True

    def missing(self) -> Iterator[str]:
        """The names that no path of the source had."""
        return (name for name, is_seen in self._names.items() if not is_seen)


class Chosen:
    """The Selection of a command: items that a Filter, a list of names and Bounds all select."""

    def __init__(
        self, by_name: Filter | None = None, listed: NamedItems | None = None, within: Bounds = Bounds()
    ) -> None:
        self._filter, self._listed, self._bounds = by_name or Filter(), listed, within

    @property
    def is_partial(self) -> bool:
        """Whether it may leave out files."""
        return self._listed is not None or self._filter.is_partial

    def takes(self, path: str) -> bool:
        """Whether names select the item with this path."""
        return (self._listed is None or self._listed.find(path) is not None) and self._filter.takes(path)

    def skips(self, folder: str) -> bool:
        """Whether names certainly select nothing in the folder with this path."""
        return (self._listed is not None and self._listed.skips(folder)) or self._filter.skips(folder)

    def names(self, prefix: str = "") -> list[str] | None:
        """The only names below a folder that may be selected, or None; as ``NamedItems.below``."""
        return None if self._listed is None else self._listed.below(prefix)

    def fits(self, size: int, ns: int | None) -> bool:
        """Whether an item is within the bounds of size, in bytes, and time, in nanoseconds since 1970."""
        return self._bounds.fit(size, ns)

    def saw(self, path: str) -> None:
        """The source has an item with this path."""
        if self._listed is not None:
            self._listed.saw(path)

    def missing(self) -> Iterator[tuple[FileNotFoundError, str]]:
        """(error, name) of each listed name that the source does not have; after ``saw`` for all items."""
        for name in self._listed.missing() if self._listed is not None else ():
            yield FileNotFoundError(2, say("it is in the list, but the source does not have it"), name), name


def chosen(options: FilterOptions) -> Chosen:
    """The Chosen for the options that ``filters`` adds.  Reads their files.  InvalidArgument, LocalFailure."""
    files = [*options["include_from"], *options["exclude_from"], *filter(None, [options["files_from"]])]
    if files.count("-") > 1:
        raise InvalidArgument(say("only one option can read standard input"))
    if options["from0"] and options["files_from"] is None:
        raise InvalidArgument(say("{option} needs {other}", option="--from0", other="--files-from"))
    include = [*options["include"], *_patterns(options["include_from"])]
    exclude = [*options["exclude"], *_patterns(options["exclude_from"])]
    listed = None
    if options["files_from"] is not None:
        listed = NamedItems(_lines(options["files_from"], b"\0" if options["from0"] else b"\n"))
    return Chosen(Filter(include, exclude), listed, bounds_of(options))


def _patterns(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        found = [line.strip() for line in _lines(path)]
        found = [line for line in found if line and not line.startswith(COMMENTS)]
        if not found:
            raise InvalidArgument(say("{path} contains no pattern", path=path))
        yield from found


def _lines(path: str, end: bytes = b"\n") -> list[str]:
    """The lines of a file that are not empty; - is standard input."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        raise LocalFailure(f"{path}: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidArgument(say("{path} is in UTF-16: save it as UTF-8", path=path))
    lines = data.removeprefix(BOM).split(end)
    if end == b"\n":
        lines = [line.removesuffix(b"\r") for line in lines]
    return [os.fsdecode(line) for line in lines if line]
