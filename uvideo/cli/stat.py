"""uvideo stat: everything that the service returns about an object or a space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.context import Context
from uvideo.cli.ls import OBJECT, keys
from uvideo.cli.report import Kind, moment, named, size
from uvideo.cli.space import SPACE
from uvideo.cli.verb_command import Example, literal, option, verb

__all__ = ["STAT", "stat"]


def _block(title: str, rows: Sequence[tuple[str, Any]]) -> str:
    """A title, and below it names with their values; unknown values are left out."""
    lines = [title]
    for name, value in rows:
        if value not in (None, "", ()):
            lines.append(f"  {name + ':':<10} {value}")
    return "\n".join(lines)


def _object_text(record: dict[str, Any]) -> str:
    size_text = f"{record['size']} ({size(record['size'])})" if record["size"] >= 1024 else str(record["size"])
    rows: list[tuple[str, Any]] = [
        ("size", size_text),
        ("etag", record["etag"]),
        ("mime", record["mime"]),
        ("class", record["class"]),
        ("modified", record["modified"] and moment(record["modified"])),
        ("created", record["created"] and moment(record["created"])),
        ("restore", record["restore"]),
        ("acl", record["acl"]),
    ]
    for name, title in (("headers", "header"), ("metadata", "metadata"), ("tags", "tag")):
        rows += [(title, f"{key}: {value}") for key, value in sorted((record[name] or {}).items())]
    return _block(named(record), rows)


def _space_text(record: dict[str, Any]) -> str:
    rows = [
        ("type", record["type"]),
        ("class", record["class"]),
        ("region", record["region"]),
        ("id", record["id"]),
        ("created", record["created"] and moment(record["created"])),
        ("modified", record["modified"] and moment(record["modified"])),
        ("source", ", ".join(record["source"])),
        ("cdn", ", ".join(record["cdn"])),
        ("domains", ", ".join(record["domains"])),
    ]
    return _block(f"uvideo://{record['space']}/", rows)


STAT = Kind(
    "stat",
    {
        **OBJECT.fields,
        "headers": "object",  # for example Cache-Control
        "tags": "object?",  # null unless requested
        "acl": "string?",  # null unless requested
    },
    _object_text,
)


@verb(
    "stat",
    examples=[
        Example("One object:", "uvideo stat uvideo://demo/photos/a.jpg"),
        Example("With its tags and who may read it:", "uvideo stat --tags --acl uvideo://demo/photos/a.jpg"),
        Example("A space:", "uvideo stat uvideo://demo"),
        Example("The size of each of many, for a program:", "uvideo stat --json 'uvideo://demo/photos/*.jpg'"),
    ],
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option("--tags", is_flag=True, help="Also show its tags, which needs another request.")
@option("--acl", is_flag=True, help="Also show who besides the owner may read it.")
def stat(context: Context, addresses: Sequence[str], tags: bool, acl: bool) -> int:
    places, space = [remote(each, context.literal) for each in addresses], Kind(SPACE.name, SPACE.fields, _space_text)
    for place in places:
        with context.report.failing(place):
            if place.key == "":
                context.report.result(space, context.client.stat_space(place.space), space=place.space)
                continue
            for key in keys(context.client, place):
                _tell(context, Remote(place.space, key), tags, acl)
    return context.report.finish(max(0, len(places) - context.report.failed))


def _tell(context: Context, place: Remote, tags: bool, acl: bool) -> None:
    client = context.client
    found = client.stat(place.space, place.key)
    context.report.result(
        STAT,
        found,
        tags=client.get_tags(place.space, place.key) if tags else None,
        acl=client.get_acl(place.space, place.key).grant if acl else None,
    )
