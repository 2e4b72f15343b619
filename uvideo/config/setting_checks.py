"""Checks of settings.  Each returns the setting's value, from text (as in the environment) or from such a value.

check(name, value) raises InvalidArgument, with the setting's name, for an invalid value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, SupportsFloat, SupportsIndex

from uvideo.errors import InvalidArgument

__all__ = ["Check", "bandwidth", "size", "whole"]

Check = Callable[[str, object], Any]
MIB = 1 << 20


def one_line(name: str, value: object) -> str:
    if not isinstance(value, str) or any(char < " " for char in value):
        raise InvalidArgument(f"{name} must be text without line breaks")
    return value


def said(name: str, value: object) -> str:
    """Text that is not empty: an empty host would mean the provider's."""
    text = one_line(name, value)
    if not text:
        raise InvalidArgument(f"{name} is empty: give a value, or leave it out (None)")
    return text


def unbroken(name: str, value: object) -> str:
    if isinstance(value, str) and value.endswith(("\n", "\r")):
        raise InvalidArgument(f"{name} ends with a line break, probably from a file: remove it with .strip()")
    return one_line(name, value)


def key(name: str, value: object) -> str:
    text = unbroken(name, value)
    if not text.strip() or (name == "public_key" and any(char <= " " or char == ":" for char in text)):
        raise InvalidArgument(f"{name} is empty or contains a blank or a colon: check that it was copied correctly")
    return text


def password(name: str, value: object) -> str:
    text = unbroken(name, value)
    if not text:
        raise InvalidArgument(f"{name} is empty: leave it out for a key that is not encrypted")
    return text


def proxy_url(name: str, value: object) -> str:
    text = one_line(name, value)
    if text:
        from uvideo._core import proxy

        proxy.Proxy(text)
    return text


def path(name: str, value: object) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else said(name, value)


def number(low: float, high: float) -> Check:
    def check(name: str, value: object) -> float:
        try:
            found = float(value) if isinstance(value, (str, SupportsFloat, SupportsIndex)) else -1.0
        except (TypeError, ValueError):
            found = -1.0
        if isinstance(value, bool) or not low < found <= high:
            raise InvalidArgument(f"{name} must be a number of seconds above {low:g} and up to {high:g}, not {value!r}")
        return found

    return check


def whole(name: str, value: object, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``.  InvalidArgument."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidArgument(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return value


def whole_number(low: int, high: int) -> Check:
    def check(name: str, value: object) -> int:
        return whole(name, int(value) if isinstance(value, str) and value.strip().isdecimal() else value, low, high)

    return check


LEAST_BANDWIDTH = 1000  # bytes a second
_UNITS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB}
_SIZE = re.compile(r"\s*(\d{1,20}(?:\.\d+)?)\s*([kmg]?)(?:i?b)?(?:/s)?\s*\Z", re.IGNORECASE)


def size(name: str, value: object) -> int:
    """Bytes, from a whole number or text, for example 10M or 1.5GiB.  InvalidArgument."""
    match = _SIZE.match(value) if isinstance(value, str) else None
    number = int(float(match[1]) * _UNITS[match[2].lower()]) if match else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < 1 << 60:
        raise InvalidArgument(f"{name} must be a number of bytes such as 10485760 or 10M, not {value!r}")
    return number


def bandwidth(name: str, value: object) -> int:
    """Bytes a second, as ``size``; at least 1000, as servers drop much slower connections.  InvalidArgument."""
    number = size(name, value)
    if number < LEAST_BANDWIDTH:
        raise InvalidArgument(f"{name} must be {LEAST_BANDWIDTH} bytes a second or more, not {value!r}")
    return number


def flag(name: str, value: object) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    found = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise InvalidArgument(f"{name} must be true or false, not {value!r}")
    return found


def one_of(choices: Iterable[str]) -> Check:
    allowed = tuple(choices)

    def check(name: str, value: object) -> str:
        if value not in allowed:
            raise InvalidArgument(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    return check
