"""Headers that uploads store with objects, from the command line."""

from __future__ import annotations

from typing import TypedDict

from uvideo.cli.i18n import say
from uvideo.cli.verb_command import Function, option
from uvideo.client import operations
from uvideo.errors import InvalidArgument

__all__ = ["HeaderOptions", "headers", "headers_of"]

CACHE = "Cache-Control"
#: Headers that have an option of their own.
OTHERS = {"content-type": "--mime", "x-ufile-storage-class": "--class"}
META = "x-ufile-meta-"


class HeaderOptions(TypedDict):
    """The values of the options that ``headers`` adds."""

    header: tuple[str, ...]
    cache_control: str | None


def headers(function: Function) -> Function:
    """Adds the options --header and --cache-control."""
    option("--cache-control", metavar="VALUE", help="Cache-Control of the new objects, for example max-age=3600.")(
        function
    )
    return option(
        "--header",
        multiple=True,
        metavar="NAME:VALUE",
        help="A header to store and to send with downloads, for example Content-Language. Repeatable.",
    )(function)


def headers_of(options: HeaderOptions) -> dict[str, str] | None:
    """The headers of the options; None without any.  InvalidArgument for one that the service does not store."""
    found: dict[str, str] = {}
    given = list(options["header"])
    if options["cache_control"] is not None:
        given.append(f"{CACHE}:{options['cache_control']}")
    for text in given:
        name, colon, value = (part.strip(" \t") for part in text.partition(":"))
        if not (colon and name and value):
            raise InvalidArgument(say("--header {text}: write name:value", text=text))
        other = OTHERS.get(name.lower(), "--meta" if name.lower().startswith(META) else None)
        if other is not None:
            raise InvalidArgument(say("--header {text}: use {option} for that", text=text, option=other))
        if not value.isprintable():
            raise InvalidArgument(say("--header {text}: the value contains control characters", text=text))
        ((known, value),) = operations.kept({"headers": {name: value}})[2]
        if known in found:
            raise InvalidArgument(say("the header {name} is given twice", name=known))
        found[known] = value
    return found or None
