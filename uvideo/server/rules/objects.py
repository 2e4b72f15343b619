"""The rules of objects, uploads and listings, on top of Blobs and Catalog.

This module uses no HTTP framework, SQL or paths.  The bytes of a request come as a ``Body``, those of an object leave
as an ``ObjectBody``.  A refusal is a ``protocol.errors.Refused``; an OSError is a failure of this machine.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from uvideo._core import byterange, condition, dialect, errors, etag, field, operation
from uvideo.server.limits.body_buffer import Body, WholeBody, pour, pour_blocks
from uvideo.server.limits.body_spool import Spool
from uvideo.server.limits.memory_budget import Memory
from uvideo.server.ops import scrub
from uvideo.server.rules.object_record import (
    MIME,
    STANDARD,
    check_readable,
    earlier_etags,
    file_info,
    object_info,
    stored_acl,
    stored_headers,
)
from uvideo.server.rules.switches import Switches
from uvideo.storage.base import (
    PART_LISTS,
    BlobReader,
    Blobs,
    Catalog,
    CatalogPage,
    Damaged,
    Expected,
    ObjectRecord,
    PartRecord,
    S3Facts,
    SpaceRecord,
    UploadRecord,
)
from uvideo.storage.extents import open_blob

__all__ = ["BodyCount", "ObjectBody", "Objects", "Received"]

INLINE = 16 * 1024  # bytes of an object kept in the catalog
HASHED_HERE = 64 * 1024  # bytes of a part that are hashed on the loop
#: errno values of failures after which a transaction is certainly not committed.
NOTHING_DONE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE))
REMOVED_AT_ONCE = 8  # blobs: an object may have thousands
OPEN_TRIES = 4  # of lookup and open: the object may be overwritten between them
LIST_ENTRY, LIST_SPARE = 64, 1024  # bytes in the body of FinishUpload: of one etag (40, quotes, blanks); in addition
FILES_LIMIT, OBJECTS_LIMIT, UPLOADS_LIMIT, PARTS_LIMIT = 20, 100, 20, 1000  # length of a page if the request names none

T = TypeVar("T")

log = logging.getLogger("uvideo.server")


@dataclass(slots=True)
class ObjectBody:
    """``length`` bytes from ``offset`` of an object: from ``inline``, or from ``reader``, which the receiver closes."""

    offset: int
    length: int
    inline: bytes | None = None
    reader: BlobReader | None = None


class Received(NamedTuple):
    """A received body: its Etag, and either its bytes or the name of their blob."""

    tree: etag.Etag
    inline: bytes | None = None
    blob: str | None = None


class BodyCount(Protocol):
    """Counts the bytes of a body that is received.  ``tree``: its Etag, complete after ``check``."""

    tree: etag.Etag

    @property
    def size(self) -> int:
        """Bytes so far."""

    def add(self, data: bytes) -> None:
        """Count the next bytes."""

    def check(self) -> None:
        """Raises if the whole body is not the announced one."""


class Objects:
    """Objects, uploads and listings.  ``clock``: unix seconds.  All methods belong to one event loop.

    ``spool``: the folder for parts that do not fit into ``memory``; None: the system's folder for temporary files.
    """

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        clock: Callable[[], float],
        switches: Switches,
        spool: Callable[[], Spool] | None,
        memory: Memory | None,
    ) -> None:
        if blobs.block_size != etag.BLOCK:
            raise ValueError(f"the etag of an upload needs parts of {etag.BLOCK} bytes, not {blobs.block_size}")
        self.blobs, self.catalog, self.clock, self.switches = blobs, catalog, clock, switches
        self._spool, self.memory = spool or Spool, memory or Memory()
        self._is_upgraded = False  # whether every program on this catalog can read S3Facts; once true it stays true
        self.stores: dict[type, Callable[..., Awaitable[dialect.Result]]] = {
            operation.PutObject: self._put,
            operation.UploadPart: self._part,
        }
        self.operations: dict[type, Callable[..., Awaitable[dialect.Result]]] = {
            operation.HeadObject: self._head,
            operation.DeleteObject: self.delete,
            operation.InitiateUpload: self._initiate,
            operation.FinishUpload: self._finish,
            operation.AbortUpload: self._abort,
            operation.ListParts: self._list_parts,
            operation.ListUploads: self._list_uploads,
            operation.ListFiles: self._list_files,
            operation.ListObjects: self._list_objects,
        }

    # Objects

    async def _put(self, op: operation.PutObject, space: SpaceRecord, body: Body) -> operation.Stored:
        """Store an object.  Nothing is stored unless the whole body arrives and fits its Content-MD5."""
        facts = await self._of_md5(op.md5)  # before the body: if it fails no bytes are stored without a name
        return await self.make(op, space, await self.receive(body, op.md5), stored_acl(op.acl), facts=facts)

    async def _of_md5(self, md5: str | None) -> S3Facts | None:
        """The MD5 of all bytes as the ETag that S3 shows.  None without one, and while older programs may run."""
        if md5 is None:
            return None
        if not self._is_upgraded:
            self._is_upgraded = await self.catalog.oldest_program() >= PART_LISTS
        return S3Facts(etag=md5) if self._is_upgraded else None

    async def receive(self, body: Body, md5: str | None = None, count: BodyCount | None = None) -> Received:
        """Read the whole body.  DigestMismatch unless it has this MD5; None: any.

        ``count``: is given the bytes; None: one that computes the etag, and the MD5 if there is one to compare.
        """
        count = count or _Count(md5)
        held: list[bytes] = []
        while count.size <= INLINE:
            data = await body.chunk()
            if not data:
                count.check()
                return Received(count.tree, inline=b"".join(held))
            count.add(data)
            held.append(data)
        writer = await self.blobs.writer()
        try:
            if writer.block:
                await pour_blocks(writer, held, body, self.memory, self._spool, count.add)
            else:
                with self.memory.share(body) as share:
                    share.grow()
                    await pour(writer, held, body, share, count.add)
            count.check()
            return Received(count.tree, blob=await writer.seal())
        except BaseException:
            await writer.discard()
            raise

    async def as_blob(self, received: Received) -> str | None:
        """The blob of a received body, also of one that is short; None if it is empty."""
        if received.blob is not None or not received.inline:
            return received.blob
        writer = await self.blobs.writer()
        try:
            await writer.write([received.inline])
            return await writer.seal()
        except BaseException:
            await writer.discard()
            raise

    async def make(
        self,
        op: operation.PutObject | operation.AppendObject,
        space: SpaceRecord,
        received: Received,
        acl: str = "",
        overwrite: bool = True,
        facts: S3Facts | None = None,
    ) -> operation.Stored:
        """Add a received body to the catalog as an object.  If that fails its blob is removed."""
        now = int(self.clock())
        record = ObjectRecord(
            space_id=space.space_id,
            key=op.key,
            size=received.tree.size,
            etag=received.tree.value(),
            mime=op.mime or MIME,
            storage_class=op.storage_class or STANDARD,
            headers=stored_headers(op.headers, op.metadata),
            created=now,
            modified=now,
            acl=acl,
            blob=received.blob,
            inline=received.inline,
            s3=facts,
        )
        await self.keep(record, overwrite=overwrite)
        return operation.Stored(record.etag)

    async def keep(self, record: ObjectRecord, *, overwrite: bool = True, expected: Expected | None = None) -> None:
        """Add an object with a new blob to the catalog.  If that fails its blob is removed.

        ``expected``: as in ``Catalog.put``.
        """
        try:
            await self.remove(await self.catalog.put(record, overwrite=overwrite, expected=expected))
        except Exception as failure:
            await self.unnamed(record.blob, failure)
            raise

    async def get(
        self, op: operation.GetObject, space: SpaceRecord
    ) -> tuple[operation.ObjectInfo | operation.NotModified, ObjectBody | None]:
        """(ObjectInfo, its bytes), or (NotModified, None).  All bytes are of one version of the object."""

        def answer(
            record: ObjectRecord,
        ) -> tuple[operation.ObjectInfo | operation.NotModified, tuple[int, int] | None]:
            known = record.etag, record.modified, earlier_etags(record)
            if condition.not_modified(op.conditions, *known):
                return operation.NotModified(record.etag, record.modified), None
            span = None
            if op.range is not None and condition.range_holds(op.conditions, *known):
                span = byterange.resolve(op.range, record.size)
            check_readable(record, self.clock())
            return object_info(record, self.clock(), span, op.filename, op.conditions), span or (0, record.size)

        return await self.read(space, op.key, answer)

    async def read(
        self, space: SpaceRecord, key: str, answer: Callable[[ObjectRecord], tuple[T, tuple[int, int] | None]]
    ) -> tuple[T, ObjectBody | None]:
        """(the result, the object's bytes or None).  All bytes are of one version of the object.

        ``answer``: (the result for a record, (first, length) of the bytes that belong to it or None).
        """
        for _ in range(OPEN_TRIES):
            record = await self.record(space, key)
            result, span = answer(record)
            if span is None:
                return result, None
            if record.blob is None:
                await self.look(record)
                await self.check_bytes(record, None)
                return result, ObjectBody(*span, inline=record.inline or b"")
            try:
                reader = await self.open(record, span)
            except FileNotFoundError:
                continue
            return result, ObjectBody(*span, reader=reader)
        raise errors.Unavailable("the object changes too often at this moment", cause="contention")

    async def open(self, record: ObjectRecord, span: tuple[int, int] | None = None) -> BlobReader:
        """Open the blob or the part list of an object.  ``span``: only these bytes will be read (first, length).

        FileNotFoundError if the object was changed meanwhile.  Damaged if the blob is missing or too short.
        InternalError if the switch ``verify`` is on and the bytes do not fit the etag.
        """
        assert record.blob is not None
        try:
            reader = await open_blob(self.blobs, self.catalog, record.blob, None if self.switches.verify else span)
        except FileNotFoundError:
            found = await self.catalog.get(record.space_id, record.key)
            if found is not None and found.blob == record.blob:
                raise Damaged(f"the blob {record.blob} of {_described(record)} is missing") from None
            raise
        try:
            if reader.size < record.size:
                raise Damaged(
                    f"the blob {record.blob} of {_described(record)} has {reader.size} bytes, not {record.size}"
                )
            await self.check_bytes(record, reader)
        except BaseException:
            await reader.close()
            raise
        return reader

    async def look(self, record: ObjectRecord) -> None:
        """Check as ``open`` does, also for an object without a blob, and close it again."""
        if record.blob is not None:
            last = max(0, record.size - 1)
            await (await self.open(record, (last, record.size - last))).close()
        elif record.inline is not None and len(record.inline) != record.size:
            raise Damaged(f"{_described(record)} has {len(record.inline)} bytes, not {record.size}")

    async def check_bytes(self, record: ObjectRecord, reader: BlobReader | None, *, always: bool = False) -> None:
        """If the switch ``verify`` is on, or ``always``: InternalError unless the bytes fit the etag.

        ``reader``: None for inline bytes.
        """
        if (self.switches.verify or always) and not await scrub.verified(self.catalog, record, reader):
            raise _damaged(record)

    def check_tree(self, record: ObjectRecord, tree: etag.Etag) -> None:
        """InternalError unless the bytes that were fed to ``tree``, all of the object's, fit the etag."""
        if not scrub.fits(record, tree):
            raise _damaged(record)

    async def _head(self, op: operation.HeadObject, space: SpaceRecord) -> operation.ObjectInfo | operation.NotModified:
        record = await self.record(space, op.key)
        if condition.not_modified(op.conditions, record.etag, record.modified, earlier_etags(record)):
            return operation.NotModified(record.etag, record.modified)
        return object_info(record, self.clock(), conditions=op.conditions)

    async def record(self, space: SpaceRecord, key: str) -> ObjectRecord:
        """The record of an object.  NotFound."""
        record = await self.catalog.get(space.space_id, key)
        if record is None:
            raise errors.NotFound()
        return record

    async def delete(
        self, op: operation.DeleteObject, space: SpaceRecord, expected: Expected | None = None
    ) -> operation.Done:
        """Remove an object, if there is one.  ``expected``: as in ``Catalog.delete``."""
        await self.remove(await self.catalog.delete(space.space_id, op.key, expected=expected) or ())
        return operation.Done()

    async def unnamed(self, blob: str | None, failure: Exception) -> None:
        """Remove a blob whose commit to the catalog failed, unless the commit may have happened.

        A commit whose sync failed may exist after a crash; one whose answer was lost may exist now.  Such a blob is
        left to the sweep, which asks the catalog.
        """
        is_certain = isinstance(failure, errors.UVideoError) or (
            isinstance(failure, OSError) and failure.errno in NOTHING_DONE
        )
        if blob is not None and is_certain:
            await self.remove([blob])

    async def remove(self, blobs: Sequence[str]) -> None:
        """Delete blobs without references.  If that fails they take space until the next sweep, and nothing else."""
        await _each(blobs, self.blobs.delete, "blob")

    # Multipart

    async def upload(self, upload_id: str, space: SpaceRecord, key: str | None) -> UploadRecord:
        """The upload with this id in this space, of this key (None: of any key).  UploadNotFound."""
        upload = await self.catalog.upload(upload_id)
        if upload is None or upload.space_id != space.space_id or key not in (None, upload.key):
            raise errors.UploadNotFound()
        return upload

    async def _initiate(self, op: operation.InitiateUpload, space: SpaceRecord) -> operation.Initiated:
        upload = UploadRecord(
            upload_id=str(uuid.uuid4()),
            space_id=space.space_id,
            key=op.key,
            draft=self.blobs.draft(),
            mime=op.mime,
            storage_class=op.storage_class or STANDARD,
            headers=stored_headers(op.headers, op.metadata),
            created=int(self.clock()),
        )
        await self.catalog.begin(upload)
        return operation.Initiated(upload.upload_id, self.blobs.block_size, space.name, op.key)

    async def _part(self, op: operation.UploadPart, space: SpaceRecord, body: Body) -> operation.StoredPart:
        """Store a part.  The same bytes again get the same answer; other bytes with the same number get PartExists."""
        self.check_part_size(body.length or 0)
        upload = await self.upload(op.upload_id, space, op.key)
        with self.memory.share(body) as share:
            length = self.blobs.block_size if body.length is None else body.length
            block = WholeBody(self.memory, share, self._spool, length)
            try:
                await block.come(body, self.check_part_size)
                if not block.size:
                    raise errors.BadRequest("a part has at least one byte")
                return await block.store(lambda chunks: self.store_part(op, space, upload, chunks, op.mime))
            finally:
                block.close()

    async def store_part(
        self,
        op: operation.UploadPart | operation.CopyPart,
        space: SpaceRecord,
        upload: UploadRecord,
        chunks: Sequence[bytes],
        mime: str | None,
    ) -> operation.StoredPart:
        """As ``_part``, for bytes in memory."""
        name = etag.part_etag(await _hashed(chunks))
        async with self.blobs.part(upload.draft, op.part) as slot:
            await self.upload(op.upload_id, space, op.key)
            known = await self.catalog.part(op.upload_id, op.part)
            if known is None:
                size = sum(map(len, chunks))
                location = await slot.write(chunks)
                record = PartRecord(op.part, name, size, mime, location, int(self.clock()))
                await self.catalog.add_part(op.upload_id, record)
            elif known.etag != name:
                raise errors.PartExists()
        return operation.StoredPart(op.part, name)

    async def list_length(self, op: operation.FinishUpload, space: SpaceRecord) -> int:
        """The greatest length in bytes of the list of an upload's etags, in any notation.  UploadNotFound."""
        await self.upload(op.upload_id, space, op.key)
        return LIST_SPARE + LIST_ENTRY * await self.catalog.count_parts(op.upload_id)

    def check_part_size(self, size: int) -> None:
        if size > self.blobs.block_size:
            raise errors.PartTooLarge(f"content length:{size} larger than block size:{self.blobs.block_size}")

    async def _finish(self, op: operation.FinishUpload, space: SpaceRecord) -> operation.Finished:
        parts = await self.catalog.parts(op.upload_id, 0, None)
        upload = await self.upload(op.upload_id, space, op.key)  # it exists, so all its parts were read
        self._check_part_list(op, parts)
        key = op.key
        if op.new_key and await self.catalog.get(space.space_id, key) is not None:
            key = op.new_key
        headers = upload.headers
        if op.directive == "REPLACE":
            kept = [pair for pair in headers if not pair[0].startswith(field.META)]
            headers = stored_headers(kept, op.metadata)

        async def confirm() -> None:
            await self.upload(op.upload_id, space, op.key)
            if await self.catalog.parts(op.upload_id, len(parts), 1):
                raise errors.InvalidPartList("invalid etag count")

        blob = await self._seal(upload, parts, confirm) if parts else None
        now = int(self.clock())
        record = ObjectRecord(
            space_id=space.space_id,
            key=key,
            size=sum(part.size for part in parts),
            etag=etag.from_digests([etag.part_digest(part.etag) for part in parts]),
            mime=(parts[0].mime if parts else None) or upload.mime or MIME,
            blob=blob,
            inline=None if parts else b"",
            storage_class=upload.storage_class,
            headers=headers,
            created=now,
            modified=now,
        )
        await self.remove(await self.catalog.finish(op.upload_id, record, parts=len(parts)))
        return operation.Finished(space.name, key, record.size, record.etag)

    def _check_part_list(self, op: operation.FinishUpload, parts: Sequence[PartRecord]) -> None:
        """InvalidPartList unless the list contains the etags of exactly the stored parts, in any order.

        The JavaScript, Hadoop and C clients list them in the order of storing.  The object has its parts by number.
        """
        stored = tuple([part.etag for part in parts])
        if len(op.etags) != len(stored):
            raise errors.InvalidPartList("invalid etag count")
        if op.etags != stored and Counter(op.etags) != Counter(stored):
            raise errors.InvalidPartList()
        if any(part.part != number for number, part in enumerate(parts)):
            raise errors.InvalidPartList()
        if any(part.size != self.blobs.block_size for part in parts[:-1]):
            raise errors.InvalidPartList(
                f"validate initidx and partlist [{op.space}:{op.upload_id}] failed, err: invalid middle block size"
            )

    async def _seal(
        self, upload: UploadRecord, parts: Sequence[PartRecord], confirm: Callable[[], Awaitable[None]]
    ) -> str:
        try:
            return await self.blobs.seal(upload.draft, parts, confirm)
        except OSError:  # aborted or finished meanwhile; or bytes of parts are lost
            if await self.catalog.upload(upload.upload_id) is None:
                raise errors.UploadNotFound() from None
            raise

    async def _abort(self, op: operation.AbortUpload, space: SpaceRecord) -> operation.Done:
        await self.upload(op.upload_id, space, op.key)
        left = await self.catalog.abort(op.upload_id)
        if left is None:
            raise errors.UploadNotFound()
        await self.discard(left)
        return operation.Done()

    async def discard(self, drafts: Sequence[str]) -> None:
        """Discard drafts without references, as ``remove`` does with blobs."""
        await _each(drafts, self.blobs.discard, "draft")

    # Listings

    async def _list_parts(self, op: operation.ListParts, space: SpaceRecord) -> operation.PartPage:
        """Marker 0 starts at part 0, so the first page must not end after part 0.  Source: data-plane.md."""
        upload = await self.upload(op.upload_id, space, None)
        limit = PARTS_LIMIT if op.limit is None else op.limit
        first = op.marker + 1 if op.marker else 0
        wanted = max(limit, 2) if limit and not first else limit
        found = await self.catalog.parts(op.upload_id, first, wanted + 1) if limit else []
        page = found[:wanted]
        return operation.PartPage(
            space.name,
            upload.key,
            upload.upload_id,
            upload.storage_class,
            limit,
            len(found) > wanted,
            page[-1].part if page else 0,
            tuple(operation.Part(part.part, part.etag, part.size, part.created) for part in page),
        )

    async def _list_uploads(self, op: operation.ListUploads, space: SpaceRecord) -> operation.UploadPage:
        limit = UPLOADS_LIMIT if op.limit is None else op.limit
        wanted = limit + 1 if limit else 0
        found = await self.catalog.uploads(space.space_id, op.prefix, op.marker, op.upload_id_marker, wanted)
        page, more = found[:limit], len(found) > limit
        return operation.UploadPage(
            space.name,
            more,
            page[-1].key if more else "",
            page[-1].upload_id if more else "",
            tuple(
                operation.UploadInfo(upload.upload_id, upload.key, upload.created, upload.storage_class)
                for upload in page
            ),
        )

    async def _list_files(self, op: operation.ListFiles, space: SpaceRecord) -> operation.FilePage:
        limit = FILES_LIMIT if op.limit is None else op.limit
        page = await self.catalog.list(space.space_id, op.prefix, op.marker, limit)
        return operation.FilePage(space.name, space.space_id, page.next_marker, self._entries(page))

    async def _list_objects(self, op: operation.ListObjects, space: SpaceRecord) -> operation.ObjectPage:
        limit = OBJECTS_LIMIT if op.limit is None else op.limit
        page = await self.catalog.list(space.space_id, op.prefix, op.marker, limit, op.delimiter)
        return operation.ObjectPage(
            space.name,
            op.prefix,
            limit,
            op.delimiter,
            bool(page.next_marker),
            page.next_marker,
            self._entries(page),
            tuple(page.prefixes),
        )

    def _entries(self, page: CatalogPage) -> tuple[operation.FileInfo, ...]:
        now = self.clock()
        return tuple([file_info(record, now) for record in page.objects])


async def _each(names: Sequence[str], work: Callable[[str], Awaitable[None]], what: str) -> None:
    async def one(name: str) -> None:
        try:
            await work(name)
        except OSError:
            log.exception("a %s that the catalog does not name could not be removed: %s", what, name)

    if len(names) == 1:
        await one(names[0])
        return
    for first in range(0, len(names), REMOVED_AT_ONCE):
        await asyncio.gather(*map(one, names[first : first + REMOVED_AT_ONCE]))


def _damaged(record: ObjectRecord) -> errors.InternalError:
    log.error("object %r of space id %s is damaged (blob %s)", record.key, record.space_id, record.blob)
    return errors.InternalError("the stored content does not verify")


def _described(record: ObjectRecord) -> str:
    return f"object {record.key!r} of space id {record.space_id}"


# Hashing


class _Count:
    """``tree``: the Etag of the bytes so far.  ``md5``: the expected MD5; None: any."""

    def __init__(self, md5: str | None) -> None:
        self.tree, self._wanted = etag.Etag(), md5
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    @property
    def size(self) -> int:
        return self.tree.size

    def add(self, data: bytes) -> None:
        self.tree.update(data)
        if self._md5 is not None:
            self._md5.update(data)

    def check(self) -> None:
        """DigestMismatch if the MD5 is not the expected one."""
        if self._md5 is not None and self._md5.hexdigest() != self._wanted:
            raise errors.DigestMismatch()


async def _hashed(chunks: Sequence[bytes]) -> bytes:
    """``_digest``, on a thread if there are enough bytes."""
    if sum(map(len, chunks)) <= HASHED_HERE:
        return _digest(chunks)
    return await asyncio.get_running_loop().run_in_executor(None, _digest, chunks)


def _digest(chunks: Sequence[bytes]) -> bytes:
    """The SHA-1, 20 bytes.  hashlib releases the GIL."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    for chunk in chunks:
        sha1.update(chunk)
    return sha1.digest()
