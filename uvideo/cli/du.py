"""uvideo du: the bytes stored, by folder and by storage class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.chosen import BoundOptions, Bounds, bounds, bounds_of
from uvideo.cli.context import Context
from uvideo.cli.destinations import Pattern
from uvideo.cli.i18n import say
from uvideo.cli.ls import entries, fits
from uvideo.cli.report import Kind, named, size
from uvideo.cli.verb_command import Example, literal, option, verb

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo import Client
    from uvideo.models import ObjectInfo

__all__ = ["USAGE", "du"]

UNSAID = "STANDARD"  # the class if the service sends none


@dataclass
class FolderUsage:
    """The usage of a folder.  classes: {storage class: {"objects": number of objects, "bytes": their total size}}."""

    key: str
    classes: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, found: ObjectInfo) -> None:
        counted = self.classes.setdefault(found.storage_class or UNSAID, {"objects": 0, "bytes": 0})
        counted["objects"] += 1
        counted["bytes"] += found.size

    @property
    def objects(self) -> int:
        return sum(each["objects"] for each in self.classes.values())

    @property
    def bytes(self) -> int:
        return sum(each["bytes"] for each in self.classes.values())


def _usage(human: bool, by_class: bool) -> Kind:
    def row(objects: int, bytes_: int, name: str) -> str:
        return f"{size(bytes_) if human else bytes_:>14}  {say('{count} objects', count=objects):>16}  {name}"

    def text(record: dict[str, Any]) -> str:
        name = named(record)
        if record["total"]:
            name = say("{address} in all", address=name)
        lines = [row(record["objects"], record["bytes"], name)]
        if by_class:
            classes: Mapping[str, Mapping[str, int]] = record["classes"]
            lines += [row(each["objects"], each["bytes"], f"  {kind}") for kind, each in sorted(classes.items())]
        return "\n".join(lines)

    return Kind("usage", USAGE.fields, text)


USAGE = Kind(
    "usage",
    {
        "space": "string",
        "key": "string",  # prefix of the keys; for the total, the address's key
        "objects": "integer",
        "bytes": "integer",
        "classes": "object",  # {storage class: {"objects": integer, "bytes": integer}}
        "total": "boolean",
    },
    lambda record: None,
)


@verb(
    "du",
    text="Reads the listing once, and prints the line of a folder when the folder is complete.",
    examples=[
        Example("The size of a space:", "uvideo du -H uvideo://demo"),
        Example("And the size of each of its top-level folders:", "uvideo du -H --depth 1 uvideo://demo"),
        Example("By storage class:", "uvideo du --by-class uvideo://demo"),
        Example("Of all MP4 files:", "uvideo du 'uvideo://demo/**.mp4'"),
    ],
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option(
    "--depth",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Print a line for each folder up to this depth too.",
)
@option("--by-class", is_flag=True, help="Print a line for each storage class.")
@option("--human-readable", "-H", "human", is_flag=True, help="Print sizes such as 12.3 MiB.")
@bounds
def du(
    context: Context, addresses: Sequence[str], depth: int, by_class: bool, human: bool, **options: Unpack[BoundOptions]
) -> int:
    kind, within = _usage(human, by_class), bounds_of(options)
    places = [remote(each, context.literal) for each in addresses]
    for place in places:
        with context.report.failing(place):
            for usage, is_total in _measured(context.client, place, depth, within):
                context.report.result(kind, usage, space=place.space, total=is_total)
    return context.report.finish(max(0, len(places) - context.report.failed))


def _measured(client: Client, place: Remote, depth: int, within: Bounds) -> Iterator[tuple[FolderUsage, bool]]:
    """(FolderUsage, whether it is the total) of each folder when its listing is complete; the total last.  NotFound."""
    base = len(Pattern(place.key).base) if place.is_pattern else len(place.key) + (not place.is_folder)
    total, above = FolderUsage(place.key), list[FolderUsage]()
    for found in entries(client, place, recursive=True):
        assert not isinstance(found, str)
        if not fits(within, found):
            continue
        while above and not found.key.startswith(above[-1].key):
            yield above.pop(), False
        while len(above) < depth and (end := found.key.find("/", len(above[-1].key) if above else base)) >= 0:
            above.append(FolderUsage(found.key[: end + 1]))
        for each in (total, *above):
            each.add(found)
    while above:
        yield above.pop(), False
    yield total, True
