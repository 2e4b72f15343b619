"""uvideo verify and etag: whether two places have the same content, without transferring it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from uvideo import Cancel, same_etag
from uvideo import etag as etag_of
from uvideo.cli import failure
from uvideo.cli.address import Local, Pipe, Remote, parse
from uvideo.cli.compare import may_be_same, merge, without_markers
from uvideo.cli.context import Context
from uvideo.cli.cp import SelectionOptions, folder_reader, selection
from uvideo.cli.etags import hashed
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind, left_out, size
from uvideo.cli.verb_command import Example, option, verb
from uvideo.cli.walk import Entry, FolderReader, objects, one_file, one_object
from uvideo.errors import InvalidArgument, LocalFailure, UVideoError
from uvideo.transfer.pool import results

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DIFFERENCE", "ETAG", "VERIFIED", "etag", "verify"]

#: Depends on the machine, so the help does not show it.
JOBS = min(4, os.cpu_count() or 1)
STATES = ("same", "different", "missing", "extra", "unknown")

ETAG = Kind(
    "etag",
    {"path": "string", "size": "integer?", "etag": "string"},
    lambda record: f"{record['etag']}  {record['path']}",
)


DIFFERENCE = Kind(
    "difference",
    {
        "state": "string",  # missing: only in the first place; extra: only in the second; different; unknown: no etag
        "item": "string",
        "name": "string",
        "size": "integer?",
        "other_size": "integer?",
        "etag": "string?",
        "other_etag": "string?",
    },
    lambda record: f"{say(record['state'])}  {record['item']}",
)


def _verified_text(record: dict[str, Any]) -> str:
    words = say("{count} the same, {size}", count=record["same"], size=size(record["bytes"]))
    for name, text in (
        ("different", "{count} different"),
        ("missing", "{count} missing"),
        ("extra", "{count} extra"),
        ("unknown", "{count} unknown"),
    ):
        if record[name]:
            words += say(", ") + say(text, count=record[name])
    return say(", ").join([words, *left_out(record)])


VERIFIED = Kind(
    "verified",
    {
        "same": "integer",
        "different": "integer",
        "missing": "integer",
        "extra": "integer",
        "unknown": "integer",
        "bytes": "integer",  # of the identical items
        "links": "integer",  # links that were skipped
        "special": "integer",  # pipes, sockets and devices that were skipped
    },
    _verified_text,
)


@verb(
    "etag",
    text=(
        "Computes the etag that an object with these bytes has, without the service. Without a file it reads "
        "standard input."
    ),
    examples=[
        Example("Of files:", "uvideo etag movie.mp4 notes.txt"),
        Example("Of the output of a program:", "cat movie.mp4 | uvideo etag"),
        Example("Compare with the stored object:", "uvideo verify movie.mp4 uvideo://demo/movie.mp4"),
    ],
)
@click.argument("paths", nargs=-1, metavar="[FILE...]")
def etag(context: Context, paths: Sequence[str]) -> int:
    for path in paths or ("-",):
        try:
            if path == "-":
                context.report.result(ETAG, path="-", size=None, etag=etag_of(sys.stdin.buffer))
                continue
            with open(path, "rb", buffering=0) as file:  # also a pipe, for example from <(program)
                found = os.fstat(file.fileno())
                length = found.st_size if stat.S_ISREG(found.st_mode) else None
                context.report.result(ETAG, path=path, size=length, etag=etag_of(cast(BinaryIO, file)))
        except (UVideoError, OSError) as error:
            context.report.fail(error, path)
    return context.report.finish((len(paths) or 1) - context.report.failed)


@verb(
    "verify",
    text=(
        "Each place is a file, a folder, an object or a prefix. Sizes are compared first; if they are equal, "
        "etags are compared. The etags of local files are computed here, and nothing is transferred. missing: not "
        "in the second place; extra: not in the first. Exit code 5 if anything differs.",
    ),
    examples=[
        Example("A file and an object:", "uvideo verify movie.mp4 uvideo://demo/movie.mp4"),
        Example("A folder and its copy:", "uvideo verify photos uvideo://demo/photos/"),
        Example(
            "Ignore items that only the second place has:",
            "uvideo verify --ignore-extra photos uvideo://demo/photos/",
        ),
        Example("Two places of the service:", "uvideo verify uvideo://demo/photos/ uvideo://backup/photos/"),
    ],
)
@click.argument("first", metavar="PLACE")
@click.argument("second", metavar="OTHER")
@selection
@option("--ignore-extra", is_flag=True, help="Ignore items that only the second place has.")
@option("--size-only", is_flag=True, help="Compare sizes, not content.")
@option(
    "--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=False, help="Number of files hashed at a time."
)
def verify(
    context: Context,
    first: str,
    second: str,
    ignore_extra: bool,
    size_only: bool,
    jobs: int,
    **options: Unpack[SelectionOptions],
) -> int:
    ours, theirs = _places(context, first, second)
    reader = folder_reader(context, options)
    their_reader = folder_reader(context, options, like=reader.chosen)
    merged = merge(_walked(context, ours, reader), _walked(context, theirs, their_reader))
    pairs = (Pair(*each) for each in merged if _fits(reader, *each))
    counts = dict.fromkeys((*STATES, "bytes"), 0)
    for pair in results(lambda pair: pair.judge(size_only, context.cancel), pairs, jobs, context.cancel):
        if pair.error is not None:
            context.report.fail(pair.error, str(pair.record()["item"]))
            continue
        counts[pair.state] += 1
        if pair.state == "same":
            counts["bytes"] += pair.size or 0
        elif not (ignore_extra and pair.state == "extra"):
            context.report.result(DIFFERENCE, **pair.record())
    for missing, name in () if context.cancel.is_set() else reader.chosen.missing():
        context.report.fail(missing, name)
    context.report.result(VERIFIED, **counts, links=context.report.links, special=context.report.special)
    if context.report.failed:
        return context.report.finish(sum(counts[each] for each in STATES))
    differs = counts["different"] + counts["missing"] + counts["unknown"] + (0 if ignore_extra else counts["extra"])
    return failure.INTEGRITY if differs else failure.OK


# Places

Place = Local | Remote


def _places(context: Context, first: str, second: str) -> tuple[Place, Place]:
    """The two places to compare: two single items, or two folders.  NotFound, FileNotFoundError, InvalidArgument."""
    one, other = _place(first), _place(second)
    if isinstance(one, Remote) and not one.is_folder and not context.client.exists(one.space, one.key):
        one = Remote(one.space, one.key + "/")
    if isinstance(one, Local) and not os.path.lexists(one.path):
        raise FileNotFoundError(2, os.strerror(2), one.path)
    if _is_single(one):
        name = os.path.basename(one.path) if isinstance(one, Local) else one.key.rpartition("/")[2]
        if isinstance(other, Remote) and other.is_folder:
            other = Remote(other.space, other.key + name)
        elif isinstance(other, Local) and os.path.isdir(other.path):
            other = Local(os.path.join(other.path, name))
    elif isinstance(other, Remote) and not other.is_folder:
        other = Remote(other.space, other.key + "/")
    elif isinstance(other, Local) and not os.path.isdir(other.path):
        raise InvalidArgument(say("{text} is a folder; {other} is not", text=first, other=second))
    return one, other


def _fits(reader: FolderReader, one: Entry | None, other: Entry | None) -> bool:
    """Whether a pair is compared: the first place did not skip it, and it is within the bounds.

    The item of the first place decides about bounds, if there is one.
    """
    known = other if one is None else one
    if one is not None:
        reader.chosen.saw(one.name)
    elif other is not None and reader.hides(other.name):
        return False
    return known is not None and known.fits(reader.chosen)


def _place(text: str) -> Place:
    found = parse(text)
    if isinstance(found, Pipe):
        raise InvalidArgument(say("verify compares files and objects; use uvideo etag for a pipe"))
    if isinstance(found, Remote) and found.is_pattern:
        raise InvalidArgument(say("{text}: verify does not support patterns; use --include", text=text))
    return found


def _is_single(place: Place) -> bool:
    """Whether a place is one file or object, not a folder."""
    return not os.path.isdir(place.path) if isinstance(place, Local) else not place.is_folder


def _walked(context: Context, place: Place, reader: FolderReader) -> Iterator[Entry]:
    """The entries of a place in byte order of their names; the name of a single item is ""."""
    if _is_single(place):
        if isinstance(place, Local):
            return iter((one_file(place.path, ""),))
        return iter((one_object(context.client, place),))
    if isinstance(place, Local):
        return reader.files(place.path)
    found = without_markers(objects(context.client, place.space, place.key, names=reader.chosen.names()))
    return (each for each in found if reader.chosen.takes(each.name))


# Comparing


@dataclass
class Pair:
    """The two entries of one name, None on a side without one.  etags: from the service, or of the local file.

    error: why they cannot be compared.
    """

    one: Entry | None
    other: Entry | None
    etags: tuple[str | None, str | None] = (None, None)
    state: str = ""
    error: LocalFailure | None = None

    @property
    def size(self) -> int | None:
        return self.one.size if self.one else None

    def record(self) -> dict[str, Any]:
        """The values for DIFFERENCE."""
        known = self.one or self.other
        assert known is not None
        return {
            "state": self.state,
            "item": str(known.place),
            "name": known.name,
            "size": self.size,
            "other_size": self.other.size if self.other else None,
            "etag": self.etags[0],
            "other_etag": self.etags[1],
        }

    def judge(self, size_only: bool, cancel: Cancel) -> Pair:
        """Set the state; local files are read only if their etag is needed."""
        if self.one is None or self.other is None:
            self.state = "extra" if self.one is None else "missing"
        elif size_only or not may_be_same(self.one, self.other):
            self.state = "same" if self.one.size == self.other.size else "different"
        else:
            try:
                self.etags = (_etag(self.one, cancel), _etag(self.other, cancel))
            except LocalFailure as error:
                self.error = error
                return self
            same = same_etag(*self.etags, max(self.one.size, self.other.size))
            is_unknown = same is None and self.one.size == self.other.size
            self.state = "unknown" if is_unknown else "same" if same else "different"
        return self


def _etag(entry: Entry, cancel: Cancel) -> str | None:
    return entry.etag if entry.path is None else hashed(entry, cancel)[0]
