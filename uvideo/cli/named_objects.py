"""The objects of a list of names, without a listing of all others."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from uvideo.client import operations
from uvideo.errors import InvalidArgument
from uvideo.transfer.pool import results

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.models import ObjectInfo

__all__ = ["named_objects"]

#: Names that are looked up at the same time.
JOBS = 8
#: Keys that are requested for one name: more than begin with most names, so that one request is enough.
FEW = 10


class _Found(NamedTuple):
    """What a name means: the object of this key, if there is one, and the objects below it."""

    exact: ObjectInfo | None
    below: Iterator[ObjectInfo]


def named_objects(client: Client, space: str, prefix: str, names: Iterable[str]) -> Iterator[ObjectInfo]:
    """The objects below a prefix that have one of these names, or are below one, in order.  Others may be among them.

    No name may be below another one.  The whole listing is read first, until that took as long as the lookups of all
    names that it has not reached.  These names are then looked up, several at the same time.
    """
    keys = sorted({prefix + name for name in names})
    keys, reached, end = [key for key in keys if _is_valid(key)], 0, ""
    for count, page in enumerate(client.list(space, prefix).pages(), 1):
        yield from page.items
        if not page.marker:
            return
        end = page.items[-1].key if page.items else end
        while reached < len(keys) and _after(keys[reached]) <= end:
            reached += 1
        if len(keys) - reached <= count * JOBS:
            break
    yield from (each for each in _looked_up(client, space, keys[reached:]) if each.key > end)


def _is_valid(key: str) -> bool:
    """Whether there can be an object with this key."""
    try:
        operations.check_key(key)
    except InvalidArgument:
        return False
    return True


def _after(key: str) -> str:
    """The first possible key after a key and all that is below it: 0 follows / in the order of keys."""
    return key + "0"


def _looked_up(client: Client, space: str, keys: list[str]) -> Iterator[ObjectInfo]:
    """The objects of sorted keys, and those below them, in order.  "a.txt" comes between "a" and what is below it."""

    def look(key: str) -> _Found:
        page = next(client.list(space, key, page_size=FEW).pages())
        exact = next((each for each in page.items if each.key == key), None)
        if not page.marker or (page.items and page.items[-1].key >= _after(key)):
            return _Found(exact, iter([each for each in page.items if each.key.startswith(key + "/")]))
        rest = iter(client.list(space, key + "/"))
        first = next(rest, None)  # requests the first page here, beside other lookups
        return _Found(exact, iter(()) if first is None else chain([first], rest))

    later: list[tuple[str, Iterator[ObjectInfo]]] = []  # what is below keys that were yielded
    for key, found in zip(keys, results(look, keys, JOBS), strict=True):
        while later and later[0][0] < key:
            yield from heapq.heappop(later)[1]
        if found.exact is not None:
            yield found.exact
        heapq.heappush(later, (key + "/", found.below))
    while later:
        yield from heapq.heappop(later)[1]
