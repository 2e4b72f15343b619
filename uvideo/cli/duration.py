"""Durations on a command line: 30s, 36h, 7d."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from uvideo.cli.i18n import say
from uvideo.errors import InvalidArgument

__all__ = ["Duration", "seconds_of"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(text: str) -> float:
    """Seconds for a text such as 36h or 7d.  InvalidArgument."""
    match = re.fullmatch(r"(\d+)([smhdw])", text)
    if match is None:
        raise InvalidArgument(say("{text} is not a time: write 36h, 7d and so on", text=text))
    return int(match[1]) * UNITS[match[2]]


if TYPE_CHECKING:
    Type = click.ParamType[float]
else:
    Type = click.ParamType  # not generic in older versions


class Duration(Type):
    """The type of an option with a duration; the value is in seconds.  0 needs no unit."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return 0.0 if value == "0" else seconds_of(value)
        except InvalidArgument as error:
            self.fail(str(error), param, ctx)
