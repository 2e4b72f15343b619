"""uvideo ls: lists a space or the keys below a prefix, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.chosen import BoundOptions, Bounds, bounds, bounds_of
from uvideo.cli.context import Context
from uvideo.cli.destinations import Pattern, is_pattern
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind, moment, named, size
from uvideo.cli.space import SPACE
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.cli.walk import unix_ns
from uvideo.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo import Client
    from uvideo.models import ObjectInfo

__all__ = ["FOLDER", "OBJECT", "entries", "fits", "keys", "ls"]

OBJECT = Kind(
    "object",
    {
        "space": "string",
        "key": "string",
        "size": "integer",
        "etag": "string?",
        "mime": "string?",
        "class": "string?",
        "modified": "time?",
        "created": "time?",
        "restore": "string?",
        "metadata": "object",
    },
    named,
)
FOLDER = Kind("folder", {"space": "string", "key": "string"}, named)


def _long(human: bool) -> tuple[Kind, Kind]:
    """(OBJECT, FOLDER) with columns before the address."""

    def object_text(record: dict[str, Any]) -> str:
        bytes_ = size(record["size"]) if human else str(record["size"])
        kept = record["class"] or "-"
        return f"{bytes_:>12}  {moment(record['modified'])}  {kept:<8}  {record['etag'] or '-':<32}  {named(record)}"

    def folder_text(record: dict[str, Any]) -> str:
        return f"{'-':>12}  {'-':<19}  {'-':<8}  {'-':<32}  {named(record)}"

    return Kind(OBJECT.name, OBJECT.fields, object_text), Kind(FOLDER.name, FOLDER.fields, folder_text)


@verb(
    "ls",
    text=(
        "Without an address it lists the spaces. Keys in a folder are shown as one line, the folder, unless -r is "
        "given or the address is a pattern. Lines are printed as soon as the service returns them.",
    ),
    examples=[
        Example("The spaces of this key pair:", "uvideo ls"),
        Example("The top level of a space, with its folders:", "uvideo ls uvideo://demo"),
        Example("All objects in a folder, with size, time, class and etag:", "uvideo ls -lHr uvideo://demo/photos/"),
        Example("Every MP4 file, however deep:", "uvideo ls 'uvideo://demo/**.mp4'"),
        Example(
            "The addresses of all objects for another program, whatever is in the keys:",
            "uvideo ls -r0 uvideo://demo | xargs -0 uvideo stat --literal",
        ),
        Example("The first five keys, for a program:", "uvideo ls --json -r --max 5 uvideo://demo"),
    ],
)
@click.argument("addresses", nargs=-1, metavar="[ADDRESS...]")
@literal
@option("--long", "-l", is_flag=True, help="Show size, time, storage class and etag.")
@option("--human-readable", "-H", "human", is_flag=True, help="Print sizes such as 12.3 MiB.")
@option("--recursive", "-r", "-R", is_flag=True, help="List all objects recursively.")
@option("--max", "most", type=click.IntRange(1), metavar="N", help="Print at most this many lines for each address.")
@option("--null", "-0", "null", is_flag=True, help="End each line with a zero byte, for xargs -0.")
@bounds
def ls(
    context: Context,
    addresses: Sequence[str],
    long: bool,
    human: bool,
    recursive: bool,
    most: int | None,
    null: bool,
    **options: Unpack[BoundOptions],
) -> int:
    if null and context.json:
        raise InvalidArgument(say("--null and --json cannot be combined"))
    context.report.null = null
    if not addresses:
        for space in islice(context.client.list_spaces(), most):
            context.report.result(SPACE, space, space=space.name)
        return 0
    within = bounds_of(options)
    kinds = _long(human) if long or human else (OBJECT, FOLDER)
    places = [remote(each, context.literal) for each in addresses]
    for place in places:
        with context.report.failing(place):
            listed = entries(context.client, place, recursive=recursive)
            for found in islice((each for each in listed if isinstance(each, str) or fits(within, each)), most):
                if isinstance(found, str):
                    context.report.result(kinds[1], space=place.space, key=found)
                else:
                    context.report.result(kinds[0], found)
    return context.report.finish(max(0, len(places) - context.report.failed))


def fits(within: Bounds, found: ObjectInfo) -> bool:
    """Whether an object is within bounds of its size and of the time when it was stored."""
    return within.fit(found.size, unix_ns(found.modified))


def entries(client: Client, place: Remote, *, recursive: bool) -> Iterator[ObjectInfo | str]:
    """The entries of an address: ObjectInfos, and folders as prefixes unless it is ``recursive``.

    NotFound if there is no entry, except for a whole space, which may be empty.
    """
    some = False
    for found in _looked_up(client, place, recursive):
        some = True
        yield found
    if not some and place.key:
        raise NotFound(space=place.space, key=place.key)


def _looked_up(client: Client, place: Remote, recursive: bool) -> Iterator[ObjectInfo | str]:
    if is_pattern(client, place):
        pattern = Pattern(place.key)
        flat = recursive or "/" in place.key[len(pattern.base) :] or "**" in place.key
        for found in _below(client, place.space, pattern.prefix, "" if flat else "/"):
            name = found.rstrip("/") if isinstance(found, str) else found.key
            if pattern.match(name):
                yield found
    elif place.is_folder:
        yield from _below(client, place.space, place.key, "" if recursive else "/")
    else:
        first = next(client.list(place.space, place.key, page_size=1).pages()).items
        if first and first[0].key == place.key:
            yield first[0]
        yield from _below(client, place.space, place.key + "/", "" if recursive else "/")


def _below(client: Client, space: str, prefix: str, delimiter: str) -> Iterator[ObjectInfo | str]:
    """Objects and, with a delimiter, folders, sorted together on each page."""
    for page in client.list(space, prefix, delimiter=delimiter).pages():
        found: list[ObjectInfo | str] = [*page.items, *page.prefixes]
        yield from (
            sorted(found, key=lambda each: each if isinstance(each, str) else each.key) if page.prefixes else found
        )


def keys(client: Client, place: Remote) -> Iterator[str]:
    """The keys of an address: those that match its pattern, else the one that it names.  NotFound if there is none."""
    if not is_pattern(client, place):
        yield place.key
        return
    pattern, some = Pattern(place.key), False
    for found in client.list(place.space, pattern.prefix):
        if pattern.match(found.key):
            some = True
            yield found.key
    if not some:
        raise NotFound(space=place.space, key=place.key)
