"""uvideo restore and set: change an object's properties without its bytes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from uvideo.cli import failure
from uvideo.cli.address import Remote, remote_object
from uvideo.cli.context import Context
from uvideo.cli.duration import PERIOD
from uvideo.cli.i18n import say
from uvideo.cli.ls import keys
from uvideo.cli.report import Kind, named
from uvideo.cli.space import CLASSES
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.client.operations import is_readable
from uvideo.errors import DeadlineExceeded, InvalidArgument, UVideoError

__all__ = ["CHANGED", "RESTORED", "restore", "set"]


def _restored_text(record: dict[str, Any]) -> str:
    address = named(record)
    if record["dry_run"]:
        return say("would be restored: {address}", address=address)
    return say("can be read: {address}" if record["readable"] else "is being restored: {address}", address=address)


RESTORED = Kind(
    "restored",
    {"space": "string", "key": "string", "readable": "boolean", "restore": "string?", "dry_run": "boolean"},
    _restored_text,
)


def _changed_text(record: dict[str, Any]) -> str:
    address = named(record)
    return say("would be changed: {address}" if record["dry_run"] else "changed {address}", address=address)


CHANGED = Kind(
    "changed",
    {
        "space": "string",
        "key": "string",
        "class": "string?",
        "mime": "string?",
        "tags": "object?",
        "dry_run": "boolean",
    },
    _changed_text,
)

LONGEST = 60.0  # seconds between two checks


@verb(
    "restore",
    text=(
        "An object of class ARCHIVE can be read only after it was restored, which takes minutes to hours. --wait "
        "checks repeatedly, at growing intervals, until all objects can be read. After --timeout it ends with "
        "exit code 1.",
    ),
    examples=[
        Example("One object:", "uvideo restore uvideo://archive/2019.mp4"),
        Example(
            "All objects of a space, faster and at a higher price, until they can be read:",
            "uvideo restore --tier Expedited --wait --timeout 2h 'uvideo://archive/**'",
        ),
    ],
    changes=True,
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option(
    "--tier",
    type=click.Choice(["Expedited", "Standard"], case_sensitive=False),
    help="Speed of the restore; faster costs more.",
)
@option("--wait", is_flag=True, help="Wait until they can be read.")
@option("--timeout", type=PERIOD, default="12h", metavar="TIME", help="With --wait: longest time to wait.")
@option("--every", type=PERIOD, default="2s", metavar="TIME", help="With --wait: time before the first check.")
def restore(
    context: Context, addresses: Sequence[str], tier: str | None, wait: bool, timeout: float, every: float
) -> int:
    until, pause = time.monotonic() + timeout, every
    asked: list[Remote] = []
    places = [remote_object(each, context.literal) for each in addresses]
    count = 0
    for place in places:
        with context.report.failing(place):
            for key in keys(context.client, place):
                count += 1
                found = Remote(place.space, key)
                if _restore(context, found, tier) and wait:
                    asked.append(found)
    while asked:
        left = until - time.monotonic()
        if left <= 0:
            for found in asked:
                context.report.fail(DeadlineExceeded(say("it cannot be read yet; ask again later")), str(found))
            break
        context.cancel.wait(min(pause, left))
        context.cancel.check()
        pause = min(pause * 1.5, LONGEST)
        asked = [found for found in asked if not is_settled(context, found)]
    return context.report.finish(max(0, count - context.report.failed))


def _restore(context: Context, place: Remote, tier: str | None) -> bool:
    """Request the restore of one object; return whether it is still to be waited for."""
    info = context.client.stat(place.space, place.key)
    if not context.dry_run:
        context.client.restore(place.space, place.key, tier=tier and tier.capitalize())
        info = context.client.stat(place.space, place.key)
    readable = is_readable(info.restore)
    context.report.item(RESTORED, place, readable=readable, restore=info.restore, dry_run=context.dry_run)
    return not readable and not context.dry_run


def is_settled(context: Context, place: Remote) -> bool:
    """Whether the wait for an object is over: it can be read, or an error ends the wait."""
    try:
        found = context.client.stat(place.space, place.key)
    except UVideoError as error:
        if error.retryable:  # a short network failure within the hours of a restore
            context.report.note(f"{place}: {failure.text(error)}")
            return False
        context.report.fail(error, str(place))
        return True
    if not is_readable(found.restore):
        return False
    context.report.item(RESTORED, place, readable=True, restore=found.restore, dry_run=False)
    return True


@verb(
    "set",
    text=(
        "The class can only become a cheaper one: STANDARD to IA or ARCHIVE, IA to ARCHIVE. --tag replaces all "
        "existing tags."
    ),
    examples=[
        Example("Its media type:", "uvideo set --mime text/markdown uvideo://demo/notes.txt"),
        Example("The storage class of many:", "uvideo set --class IA 'uvideo://demo/photos/*.jpg'"),
        Example("Its tags:", "uvideo set --tag project=film --tag year=2026 uvideo://demo/notes.txt"),
    ],
    changes=True,
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option("--class", "storage_class", type=CLASSES, help="Storage class.")
@option("--mime", metavar="TYPE", help="Media type, such as video/mp4.")
@option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag; repeatable.")
@option("--no-tags", is_flag=True, help="Remove all tags.")
def set(
    context: Context,
    addresses: Sequence[str],
    storage_class: str | None,
    mime: str | None,
    tags: Sequence[str],
    no_tags: bool,
) -> int:
    given = _tags(tags) if tags else {} if no_tags else None
    if tags and no_tags:
        raise InvalidArgument(say("give --tag or --no-tags, not both"))
    if storage_class is None and mime is None and given is None:
        raise InvalidArgument(say("there is nothing to change: give --class, --mime, --tag or --no-tags"))
    places = [remote_object(each, context.literal) for each in addresses]
    count = 0
    for place in places:
        with context.report.failing(place, InvalidArgument):
            for key in list(keys(context.client, place)):
                count += 1
                with context.report.failing(f"uvideo://{place.space}/{key}", InvalidArgument):
                    _change(context, Remote(place.space, key), storage_class, mime, given)
    return context.report.finish(max(0, count - context.report.failed))


def _tags(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not mark or not name:
            raise InvalidArgument(say("{text} is not a tag: write NAME=VALUE", text=each))
        found[name] = value
    return found


def _change(
    context: Context, place: Remote, storage_class: str | None, mime: str | None, tags: dict[str, str] | None
) -> None:
    client = context.client
    if context.dry_run:
        client.stat(place.space, place.key)
    else:
        asked = (storage_class is not None, mime is not None, tags is not None)
        if mime is not None:
            client.set_mime(place.space, place.key, mime)
        if tags:
            client.set_tags(place.space, place.key, tags)
        elif tags is not None:
            client.delete_tags(place.space, place.key)
        if storage_class is not None:
            client.set_class(place.space, place.key, storage_class)
        found = client.stat(place.space, place.key)  # the present values, not the requested ones
        storage_class = found.storage_class if asked[0] else None
        mime = found.mime if asked[1] else None
        tags = client.get_tags(place.space, place.key) if asked[2] else None
    context.report.item(CHANGED, place, **{"class": storage_class}, mime=mime, tags=tags, dry_run=context.dry_run)
