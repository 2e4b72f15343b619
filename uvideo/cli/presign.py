"""uvideo presign: links that let others read or store an object without keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import click

from uvideo.cli.address import remote_object
from uvideo.cli.context import Context
from uvideo.cli.duration import PERIOD
from uvideo.cli.ls import keys
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.errors import InvalidArgument

__all__ = ["LINK", "presign"]

LINK = Kind(
    "link",
    {"space": "string", "key": "string", "method": "string", "url": "string", "expires": "time"},
    lambda record: str(record["url"]),
)


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
@option("--expires", type=PERIOD, default="1h", metavar="TIME", help="Time until the link expires: 7d, 12h, 90s.")
@option("--filename", metavar="NAME", help="With GET: file name that a browser uses for the download.")
@option("--mime", metavar="TYPE", help="With PUT: the Content-Type that must be sent with it.")
def presign(
    context: Context, addresses: Sequence[str], method: str, expires: float, filename: str | None, mime: str | None
) -> int:
    lasting, method = timedelta(seconds=expires), method.upper()
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
