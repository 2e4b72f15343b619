"""The rules of AppendObject."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

from uvideo._core import errors, etag, operation
from uvideo.server.limits.body_buffer import Body
from uvideo.server.limits.disk_headroom import announce
from uvideo.server.ops import scrub
from uvideo.server.rules.copies import busy
from uvideo.server.rules.object_record import check_readable, own_facts
from uvideo.server.rules.objects import Objects, Received
from uvideo.storage.base import BlobReader, ObjectRecord, SpaceRecord

__all__ = ["Append"]


class Append:
    """AppendObject of a Service.  Stored bytes never change, so it writes old and new bytes to a new blob."""

    def __init__(self, service: Objects) -> None:
        self._service, self._catalog = service, service.catalog

    async def run(self, op: operation.AppendObject, space: SpaceRecord, body: Body) -> operation.Stored:
        """Stored.  BadRequest with the right position unless the object ends there, before and after the body is read.

        Content-MD5 covers the new bytes only.
        """
        old = await self._catalog.get(space.space_id, op.key)
        if op.position != (old.size if old else 0):
            raise _wrong_position(op, old)
        if old is None:
            return await self._first(op, space, body)
        check_readable(old, self._service.clock())
        announce(old.size)
        reader = await self._open(old)
        try:
            received = await self._service.receive(_Longer(old, reader, body, op.md5), None)
        finally:
            if reader is not None:
                await reader.close()
        return await self._lengthen(op, space, old, received)

    async def _first(self, op: operation.AppendObject, space: SpaceRecord, body: Body) -> operation.Stored:
        try:
            return await self._service.make(op, space, await self._service.receive(body, op.md5), overwrite=False)
        except errors.AlreadyExists:
            raise _wrong_position(op, await self._catalog.get(space.space_id, op.key)) from None

    async def _open(self, record: ObjectRecord) -> BlobReader | None:
        if record.blob is None:
            return None
        try:
            return await self._service.open(record)
        except FileNotFoundError:  # replaced since the lookup
            raise busy() from None

    async def _lengthen(
        self, op: operation.AppendObject, space: SpaceRecord, old: ObjectRecord, received: Received
    ) -> operation.Stored:
        service, (tree, inline, blob) = self._service, received
        try:
            while True:
                now = int(service.clock())
                record = replace(
                    old,
                    size=tree.size,
                    etag=tree.value(),
                    modified=now,
                    inline=inline,
                    blob=blob,
                    s3=own_facts(old.s3),
                )
                try:
                    await service.remove(await self._catalog.put(record, source=old))
                    return operation.Stored(record.etag)
                except errors.NotFound:  # changed, perhaps only in its tags
                    found = await self._catalog.get(space.space_id, op.key)
                    if found is None or not _same_bytes(found, old):
                        raise _wrong_position(op, found) from None
                    old = found
        except Exception as failure:
            await service.unnamed(blob, failure)
            raise


def _same_bytes(found: ObjectRecord, old: ObjectRecord) -> bool:
    """Whether two records of an object have the same bytes.  The etag of a blob may be computed later."""
    return (found.size, found.blob) == (old.size, old.blob) and (old.blob is not None or found.etag == old.etag)


def _wrong_position(op: operation.AppendObject, record: ObjectRecord | None) -> errors.BadRequest:
    return errors.BadRequest(f"position is {op.position}, but the object ends at {record.size if record else 0}")


class _Longer:
    """A Body: an object's bytes, then the bytes to append."""

    def __init__(self, record: ObjectRecord, reader: BlobReader | None, body: Body, md5: str | None) -> None:
        self.length: int | None = None
        self._old, self._body, self._wanted = _pieces(record, reader), body, md5
        self._md5 = hashlib.md5(usedforsecurity=False)

    def read_at_once(self, size: int) -> None:
        self._body.read_at_once(size)

    async def chunk(self) -> bytes:
        piece = await anext(self._old, None)
        if piece is not None:
            return piece
        data = await self._body.chunk()
        if self._wanted is not None:
            self._md5.update(data)
            if not data and self._md5.hexdigest() != self._wanted:
                raise errors.DigestMismatch()
        return data


async def _pieces(record: ObjectRecord, reader: BlobReader | None) -> AsyncIterator[bytes]:
    """The object's bytes.  InternalError at the end unless they fit the etag: damaged bytes must get no valid etag."""
    tree = etag.Etag()
    if reader is not None:
        async for piece in reader.read(0, record.size):
            tree.update(piece)
            yield piece
    elif record.inline:
        tree.update(record.inline)
        yield record.inline
    if not scrub.fits(record, tree):
        raise errors.InternalError("the stored content does not verify")
