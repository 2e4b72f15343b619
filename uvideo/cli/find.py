"""uvideo find: the objects below an address that match by name, size, age and storage class."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypedDict

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.context import Context
from uvideo.cli.du import UNSAID
from uvideo.cli.duration import Duration
from uvideo.cli.i18n import say
from uvideo.cli.ls import OBJECT, entries
from uvideo.cli.outside_command import OutsideCommand, split
from uvideo.cli.verb_command import Example, VerbCommand, option, verb
from uvideo.config.setting_checks import size as bytes_of
from uvideo.errors import InvalidArgument
from uvideo.transfer.pattern import compiled

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.models import ObjectInfo

__all__ = ["find"]

EXEC = "--exec"


class Criteria(TypedDict):
    """The values of the options that select objects."""

    name: tuple[str, ...]
    size: tuple[str, ...]
    newer: float | None
    older: float | None
    storage_class: tuple[str, ...]


@dataclass(frozen=True)
class SizeTest:
    """sign: "+" for more than so many bytes, "-" for fewer, "" for exactly so many."""

    sign: str
    bytes: int

    def holds(self, size: int) -> bool:
        if self.sign == "+":
            return size > self.bytes
        return size < self.bytes if self.sign == "-" else size == self.bytes


def size_test(text: str) -> SizeTest:
    """The SizeTest of a text: +10M, -1G, 0.  InvalidArgument."""
    sign, number = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    return SizeTest(sign, 0 if re.fullmatch("0+", number) else bytes_of("--size", number))


def matching(criteria: Criteria, now: datetime) -> Callable[[ObjectInfo], bool]:
    """Whether an object meets all criteria.  InvalidArgument.

    An object whose time the service does not tell is neither newer nor older.
    """
    names = [compiled(each) for each in criteria["name"]]
    if any("/" in each for each in criteria["name"]):
        raise InvalidArgument(
            say("--name is compared with the last part of a key, which has no slash: write the rest in the address")
        )
    sizes = [size_test(each) for each in criteria["size"]]
    newer, older = (
        None if seconds is None else now - timedelta(seconds=seconds)
        for seconds in (criteria["newer"], criteria["older"])
    )

    def matches(found: ObjectInfo) -> bool:
        short = found.key.rstrip("/").rpartition("/")[2]
        if names and not any(each.fullmatch(short) for each in names):
            return False
        if not all(each.holds(found.size) for each in sizes):
            return False
        if criteria["storage_class"] and (found.storage_class or UNSAID) not in criteria["storage_class"]:
            return False
        if newer is not None and not (found.modified and found.modified >= newer):
            return False
        return older is None or (found.modified is not None and found.modified < older)

    return matches


class FindCommand(VerbCommand):
    """Takes all words of --exec, as they are, as its value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        others, command = split(args, EXEC)
        if EXEC in others:
            raise InvalidArgument(say("only one --exec can be given"))
        given = [part for word in command for part in (EXEC, word)]
        if EXEC in args and not command:
            given = [EXEC, ""]
        return super().parse_args(ctx, [*given, *others])


@verb(
    "find",
    text=(
        "Prints the addresses of all objects below ADDRESS that meet all criteria, as they are listed. Of several "
        "--name, or --class, one must match; all --size must.",
        "--exec runs a program for each object, without a shell: {} in its arguments is the address. The command "
        "ends at ; or at the end of the line; if it ends with {} + the program gets many addresses at once. Its "
        "standard input is empty. If it ends with another exit code than 0, the object counts as failed, and the "
        "others go on.",
    ),
    examples=[
        Example(
            "All MP4 files of a space that are larger than 1 KiB:",
            "uvideo find uvideo://demo --name '*.mp4' --size +1K",
        ),
        Example(
            "Objects modified in the last day, for a program:", "uvideo find uvideo://demo/photos --newer 1d --json"
        ),
        Example(
            "Archived objects that are older than 90 days:", "uvideo find uvideo://archive --class ARCHIVE --older 90d"
        ),
        Example(
            "Remove all temporary files, many with each call:",
            "uvideo find uvideo://demo --name '*.tmp' --exec uvideo rm {} +",
        ),
        Example(
            "The addresses for another program, whatever is in the keys:",
            "uvideo find -0 uvideo://demo --name '*.jpg' | xargs -0 uvideo stat",
        ),
    ],
    kind=FindCommand,
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@option("--name", multiple=True, metavar="PATTERN", help="The last part of the key matches. Repeatable.")
@option("--size", multiple=True, metavar="[+-]SIZE", help="Larger (+10M), smaller (-10M) or as large. Repeatable.")
@option("--newer", type=Duration(), metavar="TIME", help="Modified in this time, for example 7d.")
@option("--older", type=Duration(), metavar="TIME", help="Not modified in this time.")
@option(
    "--class",
    "storage_class",
    multiple=True,
    type=click.Choice(["STANDARD", "IA", "ARCHIVE"], case_sensitive=False),
    help="Storage class. Repeatable.",
)
@option("--null", "-0", "null", is_flag=True, help="End each line with a zero byte, for xargs -0.")
@option(
    EXEC,
    "command",
    multiple=True,
    metavar="COMMAND",
    help="Run this program with each address in place of {}, instead of printing it.",
)
def find(
    context: Context, addresses: Sequence[str], null: bool, command: Sequence[str], **criteria: Unpack[Criteria]
) -> int:
    report = context.report
    if null and context.json:
        raise InvalidArgument(say("--null and --json cannot be combined"))
    if null and command:
        raise InvalidArgument(say("--null and --exec cannot be combined"))
    report.null = null
    matches = matching(criteria, datetime.now(timezone.utc))
    outside = OutsideCommand(command, report) if command else None
    places = [remote(each) for each in addresses]
    listed = 0
    for place in places:
        with report.failing(place):
            for found in entries(context.client, place, recursive=True):
                assert not isinstance(found, str)
                if not matches(found):
                    continue
                if outside is None:
                    report.result(OBJECT, found)
                else:
                    outside.add(str(Remote(found.space, found.key)))
            listed += 1
    if outside is not None:
        outside.flush()
    return report.finish(listed if outside is None else outside.done)
