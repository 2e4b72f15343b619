"""uvideo presign: links that let others read or store an object without keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import click

from uvideo.cli.address import remote_object
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.ls import keys
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.errors import InvalidArgument

__all__ = ["LINK", "duration", "presign"]

LINK = Kind(
    "link",
    {"space": "string", "key": "string", "method": "string", "url": "string", "expires": "time"},
    lambda record: str(record["url"]),
)

_LONGEST = 1e9  # seconds
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001, "": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)(w|d|h|ms|m|s|)", re.ASCII)


def duration(text: str) -> timedelta:
    """The duration for a text such as 7d, 12h, 1h30m or 90s; 90 means 90 seconds.  InvalidArgument."""
    total, at, plain = 0.0, 0, text.strip().lower()
    while match := _PART.match(plain, at):
        total += float(match[1]) * _UNITS[match[2]]
        at = match.end()
    if at != len(plain) or not total:
        raise InvalidArgument(say("{text} is not a time: write 7d, 12h, 1h30m, 90s or a number of seconds", text=text))
    if total >= _LONGEST:
        raise InvalidArgument(say("{text} is too long: at most {days} days", text=text, days=int(_LONGEST // 86400)))
    return timedelta(seconds=total)


@verb(
    "presign",
    text=(
        "Without a pattern no request is sent, so an object that does not exist gets a link too, and the clock of "
        "this machine decides when a link expires. Whoever has a link can use it until then. Only a change of the key "
        "pair revokes it.",
    ),
    examples=[
        Example("A link for a week:", "uvideo presign --expires 7d uvideo://demo/movie.mp4"),
        Example(
            "A link that a browser saves under another name:",
            "uvideo presign --filename holiday.mp4 uvideo://demo/movie.mp4",
        ),
        Example(
            "A link with which somebody can store an object:",
            "curl -sf -T notes.txt -H 'Content-Type: text/plain' "
            '"$(uvideo presign --method PUT --mime text/plain uvideo://demo/theirs.txt)"',
        ),
        Example("What a link opens, and until when:", "uvideo presign uvideo://demo/movie.mp4 | uvideo doctor -"),
    ],
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option(
    "--method",
    type=click.Choice(["GET", "HEAD", "PUT"], case_sensitive=False),
    default="GET",
    help="HTTP method of the link.",
)
@option("--expires", default="1h", metavar="TIME", help="Time until the link expires: 7d, 12h, 90s.")
@option("--filename", metavar="NAME", help="With GET: file name that a browser uses for the download.")
@option("--mime", metavar="TYPE", help="With PUT: the Content-Type that must be sent with it.")
def presign(
    context: Context, addresses: Sequence[str], method: str, expires: str, filename: str | None, mime: str | None
) -> int:
    lasting, method = duration(expires), method.upper()
    places = [remote_object(each, context.literal) for each in addresses]
    for place in places:
        with context.report.failing(place, InvalidArgument):
            for key in keys(context.client, place):
                ends = datetime.now(timezone.utc).replace(microsecond=0) + lasting
                url = context.client.presign(
                    place.space, key, method=method, expires=lasting, filename=filename, mime=mime
                )
                context.report.result(LINK, space=place.space, key=key, method=method, url=url, expires=ends)
    return context.report.finish(max(0, len(places) - context.report.failed))
