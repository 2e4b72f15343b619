"""Arguments that take several texts.  A single str is refused, as it would be an iterable of its letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from uvideo.errors import InvalidArgument

__all__ = ["several", "texts"]

T = TypeVar("T")


def several(values: Iterable[T], name: str, of: str = "texts") -> Iterable[T]:
    """``values`` unchanged, not read yet.  InvalidArgument for a str, bytes, a mapping, or anything not iterable."""
    if isinstance(values, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(values, Iterable):
        raise InvalidArgument(
            f"{name} is a {type(values).__name__}; a list of {of} is needed: write [...] for a single one"
        )
    return values


def texts(values: Iterable[str], name: str) -> tuple[str, ...]:
    """The texts of an iterable.  InvalidArgument as in ``several``, and for an item that is not a str."""
    found = tuple(several(values, name))
    for each in found:
        if not isinstance(each, str):
            raise InvalidArgument(f"{name} contains a {type(each).__name__}; all items must be text")
    return found
