"""uvideo cat: the bytes of objects on standard output."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from uvideo.cli.address import Remote, remote_object
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.ls import keys
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.errors import InvalidArgument

if TYPE_CHECKING:
    from uvideo.client.reader import Reader

__all__ = ["cat"]

PIECE = 1 << 20  # bytes written at a time


@verb(
    "cat",
    text=(
        "Several objects are written one after another, in the given order. If an object changes while it is "
        "read, the command fails. --range includes both ends, like HTTP; --end is exclusive, like slices in "
        "programs.",
    ),
    examples=[
        Example("To the screen:", "uvideo cat uvideo://demo/notes.txt"),
        Example(
            "The first 100 bytes of a file, into a program:", "uvideo cat --range 0-99 uvideo://demo/movie.mp4 | wc -c"
        ),
        Example("Its last 20 bytes:", "uvideo cat --start -20 uvideo://demo/notes.txt"),
        Example("Join the pieces of a file:", "uvideo cat 'uvideo://demo/log/*.txt' > whole.txt"),
    ],
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option("--range", "span", metavar="A-B", help="Bytes A to B, both included; A-: from A on; -N: the last N.")
@option("--start", type=int, metavar="N", help="First byte, counted from 0; a negative -N: the last N bytes.")
@option("--end", type=int, metavar="N", help="End before this byte.")
def cat(context: Context, addresses: Sequence[str], span: str | None, start: int | None, end: int | None) -> int:
    if span is not None:
        if start is not None or end is not None:
            raise InvalidArgument(say("give --range, or --start and --end, not both"))
        start, end = _span(span)
    places = [remote_object(each, context.literal) for each in addresses]
    for place in places:
        with context.report.failing(place):
            for key in keys(context.client, place):
                _pour(context, Remote(place.space, key), start, end)
    return context.report.finish(max(0, len(places) - context.report.failed))


_RANGE = re.compile(r"(\d*)-(\d*)\Z")


def _span(text: str) -> tuple[int | None, int | None]:
    """(start, exclusive end) of a range in HTTP's notation."""
    match = _RANGE.match(text.removeprefix("bytes="))
    if match is None or match[0] == "-":
        raise InvalidArgument(say("{text} is not a range: write 0-99, 100- or -100", text=text))
    if not match[1]:
        return -int(match[2]), None
    return int(match[1]), int(match[2]) + 1 if match[2] else None


def _pour(context: Context, place: Remote, start: int | None, end: int | None) -> None:
    """Write an object, or a range of it.  A whole object is verified: IntegrityError after all bytes were written."""
    out = sys.stdout.buffer
    with _opened(context, place) as file:
        at = start or 0
        at = max(0, file.size + at) if at < 0 else at
        left = (file.size if end is None else min(end, file.size)) - at
        if at and left > 0:
            file.seek(at)
        while left > 0 and (piece := file.read1(min(PIECE, left))):
            out.write(piece)
            left -= len(piece)
    out.flush()


def _opened(context: Context, place: Remote) -> Reader:
    return context.client.open(place.space, place.key, cancel=context.cancel)
