"""Options and settings that have a new name.  The old name is refused, with an explanation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

__all__ = ["NEW_NAMES", "check_old_names", "explained", "refusing_old_names", "renamed"]

#: {old name: new name}
NEW_NAMES = {"verify": "checksum"}
_REASONS = {"verify": "it compares etags, and has no effect on TLS"}

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")


def explained(name: str) -> str:
    """The end of a message that refuses ``name``; "" for a name that is not an old one."""
    return f"; it is called {NEW_NAMES[name]} now: {_REASONS[name]}" if name in NEW_NAMES else ""


def check_old_names(function: str, given: Iterable[str]) -> None:
    """TypeError for an old name among the keywords of a call."""
    for name in given:
        if name in NEW_NAMES:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{explained(name)}")


def refusing_old_names(cls: type[C]) -> type[C]:
    """The class, whose methods that take an option by its new name explain what became of the old one."""
    for name, method in list(vars(cls).items()):
        if not name.startswith("_") and inspect.isfunction(method):
            if not inspect.signature(method).parameters.keys().isdisjoint(NEW_NAMES.values()):
                setattr(cls, name, _checked(method))
    return cls


def _checked(method: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(method)
    def checked(*args: P.args, **options: P.kwargs) -> T:
        check_old_names(method.__name__, options)
        return method(*args, **options)

    return checked


def renamed(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of the configuration file with the new names.  Files of older versions are read as before."""
    return {NEW_NAMES.get(name, name): value for name, value in table.items() if NEW_NAMES.get(name) not in table}
