"""uvideo find: the objects below an address that match by name, size, age and storage class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.chosen import BoundOptions, bounds, bounds_of
from uvideo.cli.context import Context
from uvideo.cli.du import UNSAID
from uvideo.cli.i18n import say
from uvideo.cli.ls import OBJECT, entries, fits
from uvideo.cli.outside_command import OutsideCommand, split
from uvideo.cli.space import CLASSES
from uvideo.cli.verb_command import Example, VerbCommand, literal, option, verb
from uvideo.errors import InvalidArgument
from uvideo.transfer.pattern import compiled

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.models import ObjectInfo

__all__ = ["find"]

EXEC = "--exec"


class Criteria(BoundOptions):
    """The values of the options that select objects."""

    name: tuple[str, ...]
    storage_class: tuple[str, ...]


def matching(criteria: Criteria) -> Callable[[ObjectInfo], bool]:
    """Whether an object meets all criteria.  InvalidArgument."""
    names = [compiled(each) for each in criteria["name"]]
    if any("/" in each for each in criteria["name"]):
        raise InvalidArgument(
            say("--name is compared with the last part of a key, which has no slash: write the rest in the address")
        )
    within = bounds_of(criteria)

    def matches(found: ObjectInfo) -> bool:
        short = found.key.rstrip("/").rpartition("/")[2]
        if names and not any(each.fullmatch(short) for each in names):
            return False
        if criteria["storage_class"] and (found.storage_class or UNSAID) not in criteria["storage_class"]:
            return False
        return fits(within, found)

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
        "--name, or --class, one must match.",
        "--exec runs a program for each object, without a shell: {} in its arguments is the address. The command "
        "ends at ; or at the end of the line; if it ends with {} + the program gets many addresses at once. Its "
        "standard input is empty. If it ends with another exit code than 0, the object counts as failed, and the "
        "others go on.",
    ),
    examples=[
        Example(
            "All MP4 files of a space of at least 1 KiB:",
            "uvideo find uvideo://demo --name '*.mp4' --min-size 1K",
        ),
        Example(
            "Objects modified in the last day, for a program:", "uvideo find uvideo://demo/photos --max-age 1d --json"
        ),
        Example(
            "Archived objects that are older than 90 days:",
            "uvideo find uvideo://archive --class ARCHIVE --min-age 90d",
        ),
        Example(
            "Remove all temporary files, many with each call:",
            "uvideo find uvideo://demo --name '*.tmp' --exec uvideo rm --literal {} +",
        ),
        Example(
            "The addresses for another program, whatever is in the keys:",
            "uvideo find -0 uvideo://demo --name '*.jpg' | xargs -0 uvideo stat --literal",
        ),
    ],
    kind=FindCommand,
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option("--name", multiple=True, metavar="PATTERN", help="The last part of the key matches. Repeatable.")
@option(
    "--class",
    "storage_class",
    multiple=True,
    type=CLASSES,
    help="Storage class. Repeatable.",
)
@bounds
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
    matches = matching(criteria)
    outside = OutsideCommand(command, report) if command else None
    places = [remote(each, context.literal) for each in addresses]
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
