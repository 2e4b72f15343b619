"""Measures the calls of drivers for the metrics."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from uvideo.server.ops.metrics import BUCKETS, Metrics
from uvideo.storage.base import Blobs, BlobWriter, Catalog, PartSlot
from uvideo.storage.wrapper import Wrapper, wrapped

__all__ = ["timed_blobs", "timed_catalog"]

T = TypeVar("T")
P = ParamSpec("P")

#: Not measured and called without a detour: every request calls them, and mostly gets a cached copy.
_DIRECT = ("space", "space_of_domain")
_READS = (
    *("spaces", "get", "find", "list", "upload", "uploads", "part", "parts", "token", "key"),
    *("part_list", "extents", "s3_parts"),
)
_WRITES = (
    *("create_space", "update_space", "set_document", "delete_space"),
    *("put", "rename", "delete", "begin", "add_part", "finish", "abort", "replace_part", "finish_s3"),
    *("create_token", "update_token", "delete_token", "reencrypt", "add_flux"),
)


def timed_catalog(catalog: Catalog, metrics: Metrics) -> Catalog:
    """The same catalog; its reads and writes are measured as "catalog_read" and "catalog_write"."""
    stores = {**dict.fromkeys(_READS, "catalog_read"), **dict.fromkeys(_WRITES, "catalog_write")}
    return wrapped(TimedCatalog, catalog, metrics, stores)


def timed_blobs(blobs: Blobs, metrics: Metrics) -> Blobs:
    """The same blobs; opening one is measured as "blob_read", making bytes durable as "blob_write"."""
    return wrapped(TimedBlobs, blobs, metrics, {"open": "blob_read", "seal": "blob_write"})


class _Timed(Wrapper[T]):
    """Measures the methods in ``stores``, under the names there."""

    def __init__(self, inner: T, metrics: Metrics, stores: dict[str, str]) -> None:
        super().__init__(inner)
        self._metrics = metrics
        for method in _DIRECT:
            if hasattr(inner, method):
                setattr(self, method, getattr(inner, method))
        for method, store in stores.items():
            setattr(self, method, _timing(getattr(inner, method), metrics, store))


def _timing(method: Callable[P, Awaitable[T]], metrics: Metrics, store: str) -> Callable[P, Awaitable[T]]:
    """The method with a measurement.  It runs for every request, so it writes the counters directly."""
    cells, first, last = metrics.place(store)
    clock, bucket, bounds = time.perf_counter, bisect_left, BUCKETS

    async def call(*arguments: P.args, **options: P.kwargs) -> T:
        began = clock()
        try:
            return await method(*arguments, **options)
        finally:
            seconds = clock() - began
            cells[first + bucket(bounds, seconds)] += 1
            cells[last] += int(seconds * 1e6)

    return call


class TimedCatalog(_Timed[Catalog], Catalog):
    pass


class _TimedWriter(_Timed[BlobWriter], BlobWriter):
    pass


class _TimedSlot(_Timed[PartSlot], PartSlot):
    pass


class TimedBlobs(_Timed[Blobs], Blobs):
    async def writer(self) -> BlobWriter:
        stores = {"write": "blob_write", "seal": "blob_write"}
        return wrapped(_TimedWriter, await self.inner.writer(), self._metrics, stores)

    @asynccontextmanager
    async def part(self, draft: str, part: int) -> AsyncIterator[PartSlot]:
        async with self.inner.part(draft, part) as slot:
            yield wrapped(_TimedSlot, slot, self._metrics, {"write": "blob_write"})
