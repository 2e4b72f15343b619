"""The cache of part lists: what it keeps, and how much."""

from __future__ import annotations

from uvideo.storage.base import Extent
from uvideo.storage.extent_cache import ExtentCache


def extents(count: int) -> list[Extent]:
    return [Extent("blob", 0, 1)] * count


def test_the_lists_that_were_not_used_for_longest_are_dropped() -> None:
    cache, lists = ExtentCache(10), {name: extents(4) for name in "abc"}
    cache.keep("a", lists["a"])
    cache.keep("b", lists["b"])
    assert cache.get("a") is lists["a"]
    cache.keep("c", lists["c"])
    assert cache.get("b") is None and cache.get("a") is lists["a"] and cache.get("c") is lists["c"]


def test_a_list_that_is_too_long_is_not_kept_and_drops_no_other() -> None:
    cache, kept = ExtentCache(10), extents(10)
    cache.keep("a", kept)
    cache.keep("b", extents(11))
    assert cache.get("b") is None and cache.get("a") is kept


def test_a_list_is_counted_once() -> None:
    cache = ExtentCache(10)
    for name in "abab":
        cache.keep(name, extents(5))
    assert cache.get("a") is not None and cache.get("b") is not None
    cache.drop("a")
    cache.drop("a")
    cache.keep("c", extents(5))
    assert cache.get("a") is None and cache.get("b") is not None and cache.get("c") is not None
