"""Durations on a command line: 30s, 36h, 7d; and the type of an option that a function reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import click

from uvideo.cli.i18n import say
from uvideo.errors import InvalidArgument

__all__ = ["DURATION", "Parsed", "seconds_of"]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds_of(text: str) -> float:
    """Seconds for a text such as 36h or 7d.  InvalidArgument."""
    match = re.fullmatch(r"(\d+)([smhdw])", text)
    if match is None:
        raise InvalidArgument(say("{text} is not a time: write 36h, 7d and so on", text=text))
    return int(match[1]) * UNITS[match[2]]


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


#: An option with a duration; the value is in seconds.  0 needs no unit.
DURATION = Parsed("time", lambda text: 0.0 if text == "0" else seconds_of(text))
