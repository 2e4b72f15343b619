"""The rules of copies, hits and renames: they give stored bytes another key, or make a part of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from uvideo._core import byterange, dialect, errors, operation
from uvideo.server.limits.disk_headroom import announce
from uvideo.server.rules.object_record import MIME, STANDARD, check_readable, copied_facts, is_open, stored_headers
from uvideo.server.rules.objects import Objects
from uvideo.storage.base import Damaged, Expected, ObjectRecord, SpaceRecord

__all__ = ["TRIES", "Copies", "busy"]

WHOLE = byterange.ByteRange(0, None)
TRIES = 16  # of lookup and write: the object may change between them
#: Bytes.  A source up to this size is compared with its etag before a part of it is copied, because a copy of damaged
#: bytes would get an etag that fits them.
VERIFIED = 64 * 1024 * 1024
COPY, REPLACE = operation.DIRECTIVES

log = logging.getLogger("uvideo.server")


class Copies:
    """Operations of a Service on bytes that are stored already.  Only CopyPart copies data."""

    def __init__(self, service: Objects) -> None:
        self._service, self._catalog = service, service.catalog
        self.operations: dict[type, Callable[..., Awaitable[dialect.Result]]] = {
            operation.CopyObject: self.copy,
            operation.CopyPart: self._copy_part,
            operation.UploadHit: self._hit,
            operation.RenameObject: self.rename,
        }

    async def _source(self, op: operation.CopyObject | operation.CopyPart, space: SpaceRecord) -> ObjectRecord:
        """The object to copy, looked up by ``source_key``, then by ``verbatim``.  Errors as ``source``."""
        keys = (op.source_key,) if op.verbatim is None else (op.source_key, op.verbatim)
        return await self.source(space, op.source_space, keys)

    async def source(self, space: SpaceRecord, source_space: str, keys: Sequence[str]) -> ObjectRecord:
        """The object to copy into ``space``: the first of the keys that there is.

        SpaceNotFound; NotFound; NotRestored; AccessDenied for another account's object that is not public, whether it
        exists or not.
        """
        where = space if source_space == space.name else await self._catalog.space(source_space)
        if where is None:
            raise errors.SpaceNotFound()
        found = None
        for key in keys:
            found = found or await self._catalog.get(where.space_id, key)
        if where.owner != space.owner and not is_open(where, found):
            raise errors.AccessDenied()
        if found is None:
            raise errors.NotFound()
        check_readable(found, self._service.clock())
        return found

    async def copy(
        self,
        op: operation.CopyObject,
        space: SpaceRecord,
        *,
        overwrite: bool = True,
        expected: Expected | None = None,
    ) -> operation.Stored:
        """Copy an object.  AlreadyExists if the key is taken and ``overwrite`` is false.

        ``expected``: called with the object that is copied.  If it raises, nothing is changed.
        """
        for _ in range(TRIES):
            source = await self._source(op, space)
            if expected is not None:
                expected(source)
            try:
                if (source.space_id, source.key) != (space.space_id, op.key):
                    await self._service.look(source)
                return await self._put(self._copied(op, space, source), source, overwrite)
            except (errors.NotFound, FileNotFoundError):
                continue
        raise busy()

    def _copied(self, op: operation.CopyObject, space: SpaceRecord, source: ObjectRecord) -> ObjectRecord:
        """The copy's record.  A copy onto itself keeps tags, acl and class; a new object gets tags and metadata."""
        is_itself = (source.space_id, source.key) == (space.space_id, op.key)
        now = int(self._service.clock())
        storage_class = op.storage_class or (source.storage_class if is_itself else STANDARD)
        record = replace(source, space_id=space.space_id, key=op.key, storage_class=storage_class, modified=now)
        if not is_itself:
            record = replace(record, created=now, acl="", tags=source.tags if op.directive != REPLACE else ())
            record = replace(record, s3=copied_facts(source.s3))
        if not is_itself or storage_class != source.storage_class:
            record = replace(record, ready=0, expires=0)
        if op.directive == REPLACE:
            record = replace(record, mime=op.mime or MIME, headers=stored_headers(op.headers, op.metadata))
        return record

    async def _put(self, record: ObjectRecord, source: ObjectRecord, overwrite: bool = True) -> operation.Stored:
        """Store the record.  NotFound if the source has changed since the lookup."""
        await self._service.remove(await self._catalog.put(record, source=source, overwrite=overwrite))
        return operation.Stored(record.etag)

    async def _hit(self, op: operation.UploadHit, space: SpaceRecord) -> operation.Stored:
        """Finds the content in all spaces of this space's owner, and no others.  Source: data-plane.md, UploadHit."""
        for _ in range(TRIES):
            source = await self._catalog.find(space.owner, op.etag, op.size)
            if source is None:
                raise errors.NotFound()
            try:
                await self._service.look(source)
            except FileNotFoundError:
                continue
            except Damaged as failure:  # without a hit the client sends its own bytes
                log.error("no hit: %s", failure.strerror)
                raise errors.NotFound() from None
            now = int(self._service.clock())
            record = ObjectRecord(
                space_id=space.space_id,
                key=op.key,
                size=source.size,
                etag=source.etag,
                mime=op.mime or MIME,
                blob=source.blob,
                inline=source.inline,
                created=now,
                modified=now,
            )
            try:
                return await self._put(record, source)
            except errors.NotFound:
                continue
        raise busy()

    async def rename(
        self, op: operation.RenameObject, space: SpaceRecord, expected: Expected | None = None
    ) -> operation.Done:
        """Rename an object.  ``expected``: as in ``Catalog.rename``.  NotFound; AlreadyExists."""
        now, force = int(self._service.clock()), op.force
        gone = await self._catalog.rename(
            space.space_id, op.key, op.new_key, overwrite=force, modified=now, expected=expected
        )
        if gone is None:
            raise errors.NotFound()
        await self._service.remove(gone)
        return operation.Done()

    async def _copy_part(self, op: operation.CopyPart, space: SpaceRecord) -> operation.CopiedPart:
        service = self._service
        upload = await service.upload(op.upload_id, space, op.key)
        announced = 0
        for _ in range(TRIES):
            source = await self._source(op, space)
            first, length = self._span(op, source)
            announce(max(0, length - announced))
            announced = max(length, announced)
            async with service.memory.places:
                chunks = await self._read(source, first, length)
                if chunks is None:
                    continue
                stored = await service.store_part(op, space, upload, chunks, source.mime)
            return operation.CopiedPart(stored.part, stored.etag, first, length, source.size)
        raise busy()

    def _span(self, op: operation.CopyPart, source: ObjectRecord) -> tuple[int, int]:
        """(first, length) of the range, cut at the end of the source.  CopyRangeInvalid if it is empty; PartTooLarge.

        The end is exclusive in Hadoop's last range: it equals the size.
        """
        try:
            span = byterange.resolve(op.range or WHOLE, source.size)
        except errors.InvalidRange:
            span = None
        if span is None:
            raise errors.CopyRangeInvalid()
        self._service.check_part_size(span[1])
        return span

    async def _read(self, source: ObjectRecord, first: int, length: int) -> list[bytes] | None:
        """The bytes, at most one block.  None if the source was replaced since the lookup."""
        if source.blob is None:
            await self._service.look(source)
            await self._service.check_bytes(source, None, always=True)
            return [(source.inline or b"")[first : first + length]]
        try:
            reader = await self._service.open(source)
        except FileNotFoundError:
            return None
        try:
            if not self._service.switches.verify and source.size <= VERIFIED:
                await self._service.check_bytes(source, reader, always=True)
            return [piece async for piece in reader.read(first, length)]
        finally:
            await reader.close()


def busy() -> errors.Unavailable:
    return errors.Unavailable("the object changes too often at this moment", cause="contention")
