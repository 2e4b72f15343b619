"""The arguments of a call of the console's pages, checked one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from uvideo._core import errors

__all__ = ["Given", "number_of", "text_of", "texts_of"]

Given = Mapping[str, Any]


def text_of(given: Given, name: str, default: str | None = None) -> str:
    """The text under a name.  BadRequest if it is missing without a default, no text, or not UTF-8."""
    value = given.get(name, default)
    if not isinstance(value, str):
        raise errors.BadRequest(f"{name} is missing or not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise errors.BadRequest(f"{name} is not UTF-8") from None
    return value


def texts_of(given: Given, name: str, least: int, most: int, longest: int) -> list[str]:
    """The list of ``least`` to ``most`` texts under a name, each of at most ``longest`` characters.  BadRequest."""
    values = given.get(name)
    if not isinstance(values, list) or not least <= len(values) <= most:
        raise errors.BadRequest(f"{name} is not a list of {least} to {most}")
    texts = [text_of({name: value}, name) for value in values]
    if any(len(text) > longest for text in texts):
        raise errors.BadRequest(f"a text of {name} is longer than {longest} characters")
    return texts


def number_of(given: Given, name: str, low: int, high: int, default: int) -> int:
    """The whole number from ``low`` to ``high`` under a name, also as text of digits.  BadRequest."""
    value = given.get(name, default)
    if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise errors.BadRequest(f"{name} is not a number from {low} to {high}")
    return value
