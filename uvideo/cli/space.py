"""uvideo mb, rb and spaces: create, remove, list and change spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from uvideo.cli.address import remote_space
from uvideo.cli.ask import agreed, yes
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind, moment
from uvideo.cli.verb_command import Example, ListingGroup, family, option, verb
from uvideo.errors import InvalidArgument, SomeFailed, SpaceNotEmpty

__all__ = ["MADE", "REMOVED", "SPACE", "CHANGED", "mb", "rb", "spaces"]

TYPES = click.Choice(["public", "private"])
CLASSES = click.Choice(["STANDARD", "IA", "ARCHIVE"], case_sensitive=False)


def _done(english: str) -> Any:
    def text(record: dict[str, Any]) -> str:
        line = say(english, space=record["space"])
        return say("would be done: {text}", text=line) if record["dry_run"] else line

    return text


MADE = Kind("space_made", {"space": "string", "id": "string?", "dry_run": "boolean"}, _done("made uvideo://{space}"))
REMOVED = Kind(
    "space_removed",
    {"space": "string", "objects": "integer", "dry_run": "boolean"},
    _done("removed uvideo://{space}"),
)
CHANGED = Kind(
    "space_changed",
    {"space": "string", "type": "string?", "class": "string?", "dry_run": "boolean"},
    _done("changed uvideo://{space}"),
)


def _space_text(record: dict[str, Any]) -> str:
    return f"{moment(record['created'])}  {record['type'] or '-':<8}  uvideo://{record['space']}/"


SPACE = Kind(
    "space",
    {
        "space": "string",
        "id": "string?",
        "type": "string?",
        "region": "string?",
        "class": "string?",
        "created": "time?",
        "modified": "time?",
        "source": "list",  # host names
        "cdn": "list",
        "domains": "list",
    },
    _space_text,
)


@verb(
    "mb",
    examples=[
        Example("A private space:", "uvideo mb uvideo://holiday"),
        Example("Two public spaces:", "uvideo mb --type public clips-2025 clips-2026"),
    ],
    changes=True,
)
@click.argument("spaces", nargs=-1, required=True, metavar="SPACE...")
@option("--type", type=TYPES, default="private", help="Who may read its objects.")
@option("--region", metavar="REGION", help="Region of the space, instead of the provider's default.")
def mb(context: Context, spaces: Sequence[str], type: str, region: str | None) -> int:
    names = [remote_space(each) for each in spaces]
    for name in names:
        with context.report.failing(f"uvideo://{name}"):
            made = None if context.dry_run else context.client.create_space(name, type=type, region=region)
            context.report.item(MADE, space=name, id=made.id if made else None, dry_run=context.dry_run)
    return context.report.finish(max(0, len(names) - context.report.failed))


@verb(
    "rb",
    text=(
        "A space that contains objects is removed only with --force, together with its objects. On a terminal the "
        "command asks first; elsewhere it needs --yes.",
    ),
    examples=[
        Example("An empty space:", "uvideo mb old-space && uvideo rb uvideo://old-space"),
        Example("Show what would be removed with a space:", "uvideo rb --force --dry-run uvideo://demo"),
        Example(
            "A space and all its objects, without asking:", "uvideo mb old-space && uvideo rb --force --yes old-space"
        ),
    ],
    changes=True,
)
@click.argument("spaces", nargs=-1, required=True, metavar="SPACE...")
@option("--force", is_flag=True, help="Remove all objects and unfinished uploads of the space first.")
@yes
def rb(context: Context, spaces: Sequence[str], force: bool) -> int:
    names = [remote_space(each) for each in spaces]
    for name in names:
        with context.report.failing(f"uvideo://{name}"):
            count = _emptied(context, name) if force else 0
            if not context.dry_run:
                context.client.delete_space(name)
            elif not force and next(context.client.list(name, page_size=1).pages()).items:
                raise SpaceNotEmpty(space=name)
            context.report.item(REMOVED, space=name, objects=count, dry_run=context.dry_run)
    return context.report.finish(max(0, len(names) - context.report.failed))


def _emptied(context: Context, name: str) -> int:
    """Remove all objects of a space after the user agrees; return how many."""
    client, count = context.client, 0
    if context.dry_run:
        return sum(1 for _ in client.list(name))
    first = next(client.list(name).pages())
    if first.items:
        many = f"{len(first.items)}+" if first.marker else str(len(first.items))
        agreed(context, say("remove uvideo://{space} and the {count} objects in it?", space=name, count=many))
    for page in client.list(name).pages():
        context.cancel.check()
        try:
            client.delete_many(name, [each.key for each in page.items])
        except SomeFailed as error:
            for each in error.summary.failures:
                context.report.fail(each.error, f"uvideo://{name}/{each.key}")
            raise InvalidArgument(say("some objects could not be removed, so the space was not removed")) from None
        count += len(page.items)
    for upload in client.list_uploads(name):
        client.abort_upload(name, upload.key, upload.upload_id)
    return count


spaces = family(
    "spaces",
    text="Without a verb it lists them.",
    examples=[
        Example("All spaces of this key pair:", "uvideo spaces"),
        Example("Their names only, for a script:", 'uvideo spaces --json | grep -o \'"space":"[^"]*"\''),
        Example("Let anybody read the objects of a space:", "uvideo spaces set demo --type public"),
    ],
    kind=ListingGroup,
)


@verb(
    "ls",
    summary="List the spaces of this key pair.",
    examples=[Example("As the short form does:", "uvideo spaces ls")],
)
def spaces_ls(context: Context) -> None:
    for each in context.client.list_spaces():
        context.report.result(SPACE, each, space=each.name)


@verb(
    "set",
    summary="Make spaces public or private, or change their storage class.",
    examples=[
        Example("Let only your account read them:", "uvideo spaces set demo --type private"),
        Example("Store new objects as class IA:", "uvideo spaces set demo --class IA"),
    ],
    changes=True,
)
@click.argument("spaces", nargs=-1, required=True, metavar="SPACE...")
@option("--type", type=TYPES, help="Who may read its objects.")
@option("--class", "storage_class", type=CLASSES, help="Storage class of new objects.")
def spaces_set(context: Context, spaces: Sequence[str], type: str | None, storage_class: str | None) -> int:
    if type is None and storage_class is None:
        raise InvalidArgument(say("there is nothing to change: give --type or --class"))
    names = [remote_space(each) for each in spaces]
    for name in names:
        with context.report.failing(f"uvideo://{name}"):
            if not context.dry_run:
                context.client.update_space(name, type=type, storage_class=storage_class)
            found = context.client.stat_space(name)
            record = {"space": name, "type": type, "class": storage_class, "dry_run": context.dry_run}
            if not context.dry_run:  # the present values, not the requested ones
                record["type"] = found.type if type is not None else None
                record["class"] = found.storage_class if storage_class is not None else None
            context.report.item(CHANGED, **record)
    return context.report.finish(max(0, len(names) - context.report.failed))


spaces.add_command(spaces_ls)
spaces.add_command(spaces_set)
