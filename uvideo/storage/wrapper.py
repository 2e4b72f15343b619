"""Base class of drivers that wrap another driver and pass on every method that they do not define."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar, get_type_hints

__all__ = ["Wrapper", "wrapped"]

T = TypeVar("T")
P = ParamSpec("P")


class Wrapper(Generic[T]):
    """Base of a driver that wraps ``inner``.  Name the Protocol twice: ``class Slow(Wrapper[Blobs], Blobs)``.

    Because of the second time, mypy compares each method with the Protocol.  Every method that the class does not
    define, present or future, is passed to ``inner``.  Create one with ``wrapped``.
    """

    def __init__(self, inner: T) -> None:
        self.inner = inner

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for contract in cls.__bases__:
            if not issubclass(contract, Wrapper):
                values = get_type_hints(contract)
                for name in {*dir(contract), *values}:
                    if name[0] != "_" and getattr(cls, name, None) is getattr(contract, name, None):
                        setattr(cls, name, _value(name) if name in values else _method(name))


def wrapped(cls: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """A wrapper of this class.  mypy rejects a direct call: it takes the methods passed to ``inner`` for missing."""
    return cls(*arguments, **options)


def _method(name: str) -> Callable[..., object]:
    def passed_on(wrapper: Wrapper[object], *arguments: object, **options: object) -> object:
        return getattr(wrapper.inner, name)(*arguments, **options)

    return passed_on


def _value(name: str) -> property:
    def change(wrapper: Wrapper[object], value: object) -> None:
        setattr(wrapper.inner, name, value)

    return property(lambda wrapper: getattr(wrapper.inner, name), change)
