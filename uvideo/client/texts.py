"""Arguments that are several texts.  A single text is never meant, though it is an iterable of its letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from uvideo.errors import InvalidArgument

__all__ = ["several", "texts"]

T = TypeVar("T")


def several(values: Iterable[T], name: str, of: str = "texts") -> Iterable[T]:
    """``values`` as given, not read yet; InvalidArgument for a text, bytes, a mapping, or what is no iterable."""
    if isinstance(values, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(values, Iterable):
        raise InvalidArgument(f"{name} is a {type(values).__name__}; a list of {of} is needed, for a single one [...]")
    return values


def texts(values: Iterable[str], name: str) -> tuple[str, ...]:
    """The texts of an iterable; InvalidArgument as ``several``, and for an item that is no text."""
    found = tuple(several(values, name))
    for each in found:
        if not isinstance(each, str):
            raise InvalidArgument(f"{name} holds a {type(each).__name__}; texts are needed")
    return found
