"""uvideo doctor: checks a set-up step by step, explains refusals and signed URLs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from uvideo.cli import failure
from uvideo.cli.address import remote_space
from uvideo.cli.context import Context
from uvideo.cli.doctor_text import TITLES, advice, found
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, option, verb
from uvideo.errors import InvalidArgument, UVideoError
from uvideo.models import Finding

__all__ = ["CHECK", "doctor"]

URL_LIMIT = 65536
_REFUSED_KEYS = {"NoCredentials", "SignatureMismatch", "SignatureExpired", "UnknownKey", "TokenUnknown", "AccessDenied"}


def _check_text(record: dict[str, Any]) -> str:
    first, *rest = record["message"].split("\n")
    mark = say(record["verdict"])
    blanks = " " * (9 - sum(1 if char.isascii() else 2 for char in mark))
    lines = [f"{mark}{blanks}{say(TITLES[record['check']])}: {first}"]
    lines += [f"{'':9}{line}" for line in rest]
    lines += [f"{'':9}-> {line}" for line in record["advice"]]
    if "text_to_sign" in record["facts"]:
        lines.append(f"{'':9}{say('string to sign, as computed here (without the keys):')}")
        lines += [f"{'':11}{line}" for line in str(record["facts"]["text_to_sign"]).split("\n")]
    return "\n".join(lines)


CHECK = Kind(
    "check",
    {
        "check": "string",
        "verdict": "string",  # ok, warning, failed or skipped
        "code": "string",
        "message": "string",
        "advice": "list",
        "causes": "list",  # codes, most likely first
        "facts": "object",
    },
    _check_text,
    ("message", "facts"),
)


@verb(
    "doctor",
    text=(
        "Checks the configuration file, the keys, and where each setting comes from. Checks the name, connection "
        "and certificate of each host, and the clock. Lists spaces and objects. With --space it also stores, "
        "reads and removes a small object there. With a URL it explains what a signed link opens and until when, "
        "without a request. No private key and no signature is printed, so you can show the output to others.",
        "Exit codes: 0 nothing failed, 3 keys are refused, 1 something else failed.",
    ),
    examples=[
        Example("Check the whole set-up:", "uvideo doctor"),
        Example("Also store and read a small object:", "uvideo doctor --space demo"),
        Example("Explain a link that does not work:", "uvideo presign uvideo://demo/movie.mp4 | uvideo doctor -"),
        Example("Count the failures, for a program:", 'uvideo doctor --json | grep -c \'"verdict":"failed"\' || true'),
    ],
)
@click.argument("url", required=False, metavar="[URL]")
@option("--space", metavar="SPACE", help="Store, read and remove a small object in this space.")
def doctor(context: Context, url: str | None, space: str | None) -> int:
    if url is not None and space is not None:
        raise InvalidArgument(say("give a URL or --space, not both"))
    code = failure.OK
    for finding in _link(context, url) if url is not None else _set_up(context, space):
        context.report.result(CHECK, finding, message=found(finding), advice=advice(finding))
        if finding.verdict == "failed" and code != failure.AUTH:
            code = failure.AUTH if finding.facts.get("error") in _REFUSED_KEYS else failure.FAILED
    return code


def _set_up(context: Context, space: str | None) -> Iterator[Finding]:
    from uvideo.diagnose.checks import examine

    return examine(
        context.profile,
        None if space is None else remote_space(space),
        options={"endpoint": context.endpoint, "provider": context.provider},
        environ=context.environ(),
    )


def _link(context: Context, url: str) -> Iterator[Finding]:
    from uvideo.config.settings import load
    from uvideo.diagnose.signed_url import read_link

    if url == "-":
        url = sys.stdin.read(URL_LIMIT).strip()
    try:
        settings = load(context.profile, context.environ(), endpoint=context.endpoint, provider=context.provider)
    except UVideoError as error:
        context.report.error(error)
        settings = None
    return read_link(url, settings, time.time())
