"""A copy of an object of any size, made by the service.  One implementation for threads and event loops.

A large object is copied in parts.  Before the parts become an object, the source is checked: if it changed, nothing is
stored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from uvideo._core import errors as refusals
from uvideo._core import etag, operation
from uvideo.client import operations
from uvideo.client.lookup import looked_up
from uvideo.client.operations import DataCall
from uvideo.client.options import StoredOptions
from uvideo.errors import IntegrityError, NotFound, ObjectChanged, Refused, UploadNotFound
from uvideo.models import BegunUpload, ObjectInfo, PartInfo, Progress, Stored, T
from uvideo.transfer.progress import Meter

__all__ = ["ONE_REQUEST", "Copy", "finished"]

A = TypeVar("A")
#: Bytes: a larger object is copied in parts, as the service recommends.
ONE_REQUEST = 100_000_000

#: The errors if the source is gone, shorter, or another object.
CHANGED = (NotFound, refusals.CopyRangeInvalid, refusals.InvalidRange, IntegrityError)


class Ask(Protocol):
    """Makes a call and returns its result.  proof: as in Carrier.call.

    Without an event loop the result is there at once: see ``finished``.
    """

    async def __call__(self, call: DataCall[T], proof: bool, /) -> T: ...


class Each(Protocol):
    """The results of ``do`` for each item, in order; ``jobs`` at the same time."""

    async def __call__(
        self, do: Callable[[A], Coroutine[Any, Any, T]], items: Iterable[A], jobs: int, /
    ) -> list[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy.  options: if they have mime, metadata or headers, all three are the new object's, else the source's.

    Without storage_class the source's is used.  verify: compare etags.  threshold: larger objects, in bytes, are copied
    in parts.  jobs: parts at the same time.  ask, each: make one call, and several at the same time.
    """

    space: str
    key: str
    source_space: str
    source_key: str
    options: StoredOptions
    verify: bool = True
    threshold: int = ONE_REQUEST
    jobs: int
    progress: Callable[[Progress], None] | None = None
    ticks: Callable[[], float]
    ask: Ask
    each: Each

    async def stored(self) -> Stored:
        """Make the copy."""
        source = await self._look()
        if source.size > self.threshold:
            return await self._by_parts(source)
        options: StoredOptions = {**self.options, "storage_class": self._class(source)}
        call = operations.copy(self.space, self.key, self.source_space, self.source_key, **options)
        stored = await self._made_of(source, self._ask(call))
        if not _agree(stored.etag, source):  # the source may have changed before the service read it
            source = await self._look()
        return self._done(source, stored.etag)

    async def _ask(self, call: DataCall[T]) -> T:
        return await self.ask(call, self.verify)

    async def _look(self) -> ObjectInfo:
        return await looked_up(self._ask, self.source_space, self.source_key)

    async def _made_of(self, source: ObjectInfo, made: Awaitable[T]) -> T:
        """Await ``made``.  If it fails because the source changed, raise that error instead."""
        try:
            return await made
        except CHANGED:
            await self._check(source)
            raise

    async def _check(self, source: ObjectInfo) -> None:
        """Check the source again.  ObjectChanged if it is another object now, NotFound if it is gone."""
        now = await self._look()
        if (now.etag, now.size, now.modified) != (source.etag, source.size, source.modified):
            raise ObjectChanged(
                "the source changed while it was copied: nothing was stored",
                operation="CopyPart",
                space=self.source_space,
                key=self.source_key,
            )

    def _class(self, source: ObjectInfo) -> str | None:
        known = source.storage_class if source.storage_class in operation.STORAGE_CLASSES else None
        return self.options.get("storage_class") or known

    def _done(self, source: ObjectInfo, made: str | None) -> Stored:
        """The Stored.  IntegrityError if its etag differs from the source's; etags of unknown form are not compared."""
        verified = self.verify and _agree(made, source)
        if self.verify and not verified and etag.is_etag(made) and etag.is_etag(source.etag):
            raise IntegrityError(
                f"the copy has etag {made}, its source {source.etag}",
                operation="CopyObject",
                space=self.space,
                key=self.key,
            )
        return Stored(self.space, self.key, source.size, made, verified)

    # In parts

    async def _by_parts(self, source: ObjectInfo) -> Stored:
        is_new = operations.replaces(self.options)
        kept: StoredOptions = {"mime": source.mime, "metadata": source.metadata, "headers": source.headers}
        options: StoredOptions = {**(self.options if is_new else kept), "storage_class": self._class(source)}
        tags = {} if is_new else await self._tags()
        call = operations.begin_upload(self.space, self.key, **options)
        begun, meter = await self._ask(call), None
        count = -(-source.size // begun.block_size)
        if self.progress is not None:
            first = Progress("upload", self.space, self.key, None, 0, source.size, 0, count)
            meter = Meter(self.progress, first, self.ticks)
        try:
            one = partial(self._part, begun, source, meter)
            parts = await self._made_of(source, self.each(one, range(count), self.jobs))
            await self._check(source)
            made = etag.of_parts((each.etag for each in parts), begun.block_size)
            if made is not None:
                self._done(source, made)
            stored = await self._finish(begun, parts, made)
        except BaseException:
            with contextlib.suppress(Exception):  # keep the first error
                await self._ask(operations.abort_upload(self.space, self.key, begun.upload_id))
            raise
        done = self._done(source, stored)
        if is_new:  # services differ: the copy gets the upload's media type, or that of the parts' source
            found = await self._ask(operations.stat(self.space, self.key))
            wanted = operations.mime_of(options.get("mime"), self.key)
            if found.mime != wanted:
                await self._ask(operations.set_mime(self.space, self.key, wanted))
        if tags:
            await self._ask(operations.set_tags(self.space, self.key, tags))
        if meter is not None:
            meter.end(source.size)
        return done

    async def _tags(self) -> dict[str, str]:
        """The source's tags, which a one-request copy includes; none if the service has no tags."""
        try:
            return await self._ask(operations.get_tags(self.source_space, self.source_key))
        except Refused:
            return {}

    async def _part(self, begun: BegunUpload, source: ObjectInfo, meter: Meter | None, part: int) -> PartInfo:
        start = part * begun.block_size
        end = min(source.size, start + begun.block_size)
        try:
            made = await self._ask(operations.copy_part(begun, part, self.source_space, self.source_key, start, end))
        except refusals.PartExists:  # an earlier try was stored but its response was lost
            page = await self._ask(
                operations.list_parts(self.space, begun.upload_id, str(part - 1) if part > 1 else "")
            )
            found = next((each for each in page.items if each.part == part), None)
            if found is None or found.size not in (None, end - start):
                raise
            made = found
        if meter is not None:
            meter.settled(part, end - start, source.size)
        return made

    async def _finish(self, begun: BegunUpload, parts: list[PartInfo], made: str | None) -> str | None:
        """The object's etag.  ``made``: the etag to expect, or None."""
        try:
            return (await self._ask(operations.finish_upload(begun, parts, None))).etag
        except UploadNotFound:  # an earlier try may have finished it but its response was lost
            if made is None:
                raise
            found = await self._ask(operations.stat(self.space, self.key))
            if found.etag != made:
                raise
            return found.etag


def _agree(made: str | None, source: ObjectInfo) -> bool:
    return made is not None and source.etag is not None and bool(etag.same(made, source.etag, source.size))


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("it waits for an event loop")
