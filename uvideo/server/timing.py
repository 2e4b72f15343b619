"""Drivers whose calls are timed, for the metrics."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from uvideo.server.metrics import BUCKETS, Metrics
from uvideo.storage.base import Blobs, Catalog, PartSlot, Writer

__all__ = ["timed_blobs", "timed_catalog"]

#: Not space and space_of_domain: every request asks, and mostly gets a copy in memory.
_READS = ("spaces", "get", "find", "list", "upload", "uploads", "part", "parts", "token", "key")
_WRITES = (
    *(
        "create_space",
        "update_space",
        "delete_space",
        "put",
        "rename",
        "delete",
        "begin",
        "add_part",
        "finish",
        "abort",
    ),
    *("create_token", "update_token", "delete_token", "reseal", "add_flux"),
)


def timed_catalog(catalog: Catalog, metrics: Metrics) -> Catalog:
    """The same catalog; its reads and writes are counted as "catalog_read" and "catalog_write"."""
    return cast(
        Catalog,
        _Timed(catalog, metrics, {**dict.fromkeys(_READS, "catalog_read"), **dict.fromkeys(_WRITES, "catalog_write")}),
    )


def timed_blobs(blobs: Blobs, metrics: Metrics) -> Blobs:
    """The same blobs; opening one is a "blob_read", what makes bytes durable a "blob_write"."""
    return cast(Blobs, _TimedBlobs(blobs, metrics, {"open": "blob_read", "seal": "blob_write"}))


class _Timed:
    """Whatever is asked of it is asked of the driver; what ``stores`` names is timed under the name there."""

    def __init__(self, driver: Any, metrics: Metrics, stores: dict[str, str]) -> None:
        self._driver, self._metrics = driver, metrics
        for method, store in stores.items():
            setattr(self, method, _timing(getattr(driver, method), metrics, store))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


def _timing(method: Callable[..., Awaitable[Any]], metrics: Metrics, store: str) -> Callable[..., Awaitable[Any]]:
    """It runs for every request, so it does by itself what Metrics.stored does."""
    cells, first, last = metrics.place(store)
    clock, bucket, bounds = time.perf_counter, bisect_left, BUCKETS

    async def call(*arguments: Any, **options: Any) -> Any:
        began = clock()
        try:
            return await method(*arguments, **options)
        finally:
            seconds = clock() - began
            cells[first + bucket(bounds, seconds)] += 1
            cells[last] += int(seconds * 1e6)

    return call


class _TimedBlobs(_Timed):
    async def writer(self) -> Writer:
        made: Writer = await self._driver.writer()
        return cast(Writer, _Timed(made, self._metrics, {"write": "blob_write", "seal": "blob_write"}))

    def part(self, draft: str, part: int) -> AbstractAsyncContextManager[PartSlot]:
        return self._timed_part(self._driver.part(draft, part))

    @asynccontextmanager
    async def _timed_part(self, held: AbstractAsyncContextManager[PartSlot]) -> AsyncIterator[PartSlot]:
        async with held as slot:
            yield cast(PartSlot, _TimedSlot(slot, self._metrics))


class _TimedSlot:
    def __init__(self, slot: PartSlot, metrics: Metrics) -> None:
        self._slot, self._metrics = slot, metrics

    async def write(self, chunks: Sequence[bytes]) -> str:
        began = time.perf_counter()
        try:
            return await self._slot.write(chunks)
        finally:
            self._metrics.stored("blob_write", time.perf_counter() - began)
