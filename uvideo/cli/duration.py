"""Durations on a command line: 7d, 1h30m, 90s, 90; and the type of an option that a function reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import click

from uvideo.cli.i18n import say
from uvideo.errors import InvalidArgument

__all__ = ["DURATION", "PERIOD", "Parsed", "seconds_of"]

LONGEST = 1e9  # seconds
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001, "": 1}
PART = re.compile(r"(\d+(?:\.\d+)?)(w|d|h|ms|m|s|)", re.ASCII)


def seconds_of(text: str, *, least: float = 0.0) -> float:
    """Seconds for a text such as 7d, 12h, 1h30m or 90s; 90 means 90 seconds.  InvalidArgument, also below ``least``."""
    total, at, plain = 0.0, 0, text.strip().lower()
    while match := PART.match(plain, at):
        total += float(match[1]) * UNITS[match[2]]
        at = match.end()
    if not plain or at != len(plain) or total < least:
        raise InvalidArgument(say("{text} is not a time: write 7d, 12h, 1h30m, 90s or a number of seconds", text=text))
    if total >= LONGEST:
        raise InvalidArgument(say("{text} is too long: at most {days} days", text=text, days=int(LONGEST // 86400)))
    return total


T = TypeVar("T")

if TYPE_CHECKING:
    Type = click.ParamType[T]
else:

    class Type(click.ParamType, Generic[T]):
        """click.ParamType is not generic in older versions."""


class Parsed(Type[T]):
    """The type of an option: ``read`` makes the value of its text, or raises InvalidArgument.  ``name``: for help."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        self.name, self._read = name, read

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> T:
        try:
            return self._read(value)
        except InvalidArgument as error:
            self.fail(str(error), param, ctx)


#: An option with a duration in seconds; of a PERIOD it is not 0.
DURATION = Parsed("time", seconds_of)
PERIOD = Parsed("time", lambda text: seconds_of(text, least=0.001))
