"""Every wrapper of a driver keeps the driver's contract: its own methods take the same, all else goes to the driver."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Protocol

import pytest

from uvideo.server.limits import disk_headroom
from uvideo.server.ops import timed_drivers
from uvideo.server.rules import token_rights
from uvideo.storage import base
from uvideo.storage.wrapper import Wrapper, wrapped

CONTRACTS = (base.Blobs, base.Catalog, base.BlobWriter, base.PartSlot, base.BlobReader, base.Ledger)


def members(contract: type) -> set[str]:
    return {name for name in (*vars(contract), *contract.__annotations__) if name[0] != "_"}


def wrappers() -> Iterator[tuple[type, type]]:
    """(class, its contract) of each class in the modules of wrappers."""
    for module in (disk_headroom, timed_drivers, token_rights):
        for each in vars(module).values():
            if inspect.isclass(each) and each.__module__ == module.__name__:
                yield from ((each, contract) for contract in CONTRACTS if contract in each.__mro__)


WRAPPERS = list(wrappers())


def test_all_wrappers_are_found() -> None:
    assert {cls for cls, _ in WRAPPERS} >= {
        token_rights.AddOnly,
        disk_headroom.KeptFree,
        timed_drivers.TimedBlobs,
        timed_drivers.TimedCatalog,
    }


@pytest.mark.parametrize(("cls", "contract"), WRAPPERS, ids=[cls.__qualname__ for cls, _ in WRAPPERS])
def test_a_wrapper_answers_nothing_with_the_contracts_empty_bodies(cls: type, contract: type) -> None:
    assert {name for name in members(contract) if getattr(cls, name, None) is getattr(contract, name, None)} == set()


class Named(Protocol):
    size: int

    async def old(self, name: str) -> str: ...


class Longer(Named, Protocol):
    """What the Protocol is once a method and a value were added."""

    count: int

    async def added(self, first: int, *, second: int = 2) -> int: ...


class Driver:
    size, count = 3, 4

    async def old(self, name: str) -> str:
        return name

    async def added(self, first: int, *, second: int = 2) -> int:
        return first + second


class Loud(Wrapper[Longer], Longer):
    async def old(self, name: str) -> str:
        return (await self.inner.old(name)).upper()


class Louder(Loud):
    async def old(self, name: str) -> str:
        return await super().old(name) + "!"


@pytest.mark.parametrize(("cls", "expected"), [(Loud, "NAME"), (Louder, "NAME!")])
def test_what_is_added_to_a_protocol_goes_to_the_driver(cls: type[Loud], expected: str) -> None:
    driver = Driver()
    loud: Longer = wrapped(cls, driver)
    assert asyncio.run(loud.old("name")) == expected
    assert asyncio.run(loud.added(1, second=5)) == 6
    assert (loud.size, loud.count) == (3, 4)
    loud.count = 7
    assert driver.count == 7 and loud.count == 7
