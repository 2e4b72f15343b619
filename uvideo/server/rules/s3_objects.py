"""The rules of S3's objects: put, get, head, copy, delete, attributes.  Source: s3.md sections 3.3 to 3.5."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import chain
from typing import NamedTuple, cast

from uvideo._core import byterange, compat, errors
from uvideo.s3 import operation as s3
from uvideo.s3.checksum import is_native
from uvideo.s3.condition import ANY_DELETE, ANY_WRITE, DeleteConditions, WriteConditions
from uvideo.s3.errors import S3Error, of
from uvideo.server.rules.body_sums import CheckedBody, FramedBody
from uvideo.server.rules.copies import TRIES, Copies, busy
from uvideo.server.rules.object_record import STANDARD, check_readable, copied_facts, is_closed, stored_headers
from uvideo.server.rules.objects import ObjectBody, Objects
from uvideo.server.rules.s3_listing import NULL
from uvideo.server.rules.s3_record import (
    MIME,
    RequestContext,
    acl_to_store,
    check_owner_id,
    checksum_of,
    info,
    part_checksum,
    shown_etag,
    with_acl,
)
from uvideo.server.rules.stored_sums import summed
from uvideo.storage.base import Catalog, Expected, ExtentPart, ObjectRecord, S3Facts, is_part_list

__all__ = ["MOST", "S3Objects", "check_owner", "check_version", "expected_of", "stored"]

MOST = 5 << 30  # bytes of an object that is stored at once, and of a copy
USUAL = "CRC64NVME"  # the checksum that is stored if none is announced
ORDER = ("STANDARD", "IA", "ARCHIVE")


class _Replaced(Exception):
    """The object was replaced since its parts were read."""


class _PartList(NamedTuple):
    """The parts of the object that has this blob.  ``parts``: None if it was stored at once."""

    blob: str | None
    parts: list[ExtentPart] | None


class S3Objects:
    """The operations of a Service on whole objects."""

    def __init__(self, service: Objects) -> None:
        self._service, self._catalog, self._copies = service, service.catalog, Copies(service)
        self.operations: dict[type, Callable[..., Awaitable[object]]] = {
            s3.PutObject: self._put,
            s3.PostObject: self._post,
            s3.HeadObject: self._head,
            s3.CopyObject: self._copy,
            s3.DeleteObject: self._delete,
            s3.GetObjectAttributes: self._attributes,
        }

    # Put

    async def _post(self, op: s3.PostObject, asked: RequestContext) -> s3.PostObjectOutput:
        stored = await self._put(op, asked)
        location = f"{asked.url().rstrip('/')}/{compat.quote_path(op.key)}"
        return s3.PostObjectOutput(etag=stored.etag, location=location, checksum=stored.checksum)

    async def _put(self, op: s3.PutObject | s3.PostObject, asked: RequestContext) -> s3.PutObjectOutput:
        """Store an object.  Nothing is stored unless the whole body arrives and has the announced sums."""
        expected = await self._expected(op.conditions, asked, op.key)
        body = CheckedBody(
            *(cast(FramedBody, asked.body), op.md5, op.checksum),
            USUAL if is_native(USUAL) else None,
            MOST,
        )
        received = await self._service.receive(body, count=body)
        now, shown, found = int(self._service.clock()), body.sums.md5(), body.sums.checksum()
        record = ObjectRecord(
            space_id=asked.space.space_id,
            key=op.key,
            size=body.size,
            etag=received.tree.value(),
            mime=op.content_type or MIME,
            storage_class=op.storage_class or asked.space.storage_class or STANDARD,
            headers=stored(op),
            created=now,
            modified=now,
            tags=op.tags,
            acl=acl_to_store(op.acl),
            blob=received.blob,
            inline=received.inline,
            s3=_facts(op, shown, found),
        )
        await self._service.keep(record, expected=expected)
        return s3.PutObjectOutput(etag=shown, checksum=found)

    async def _expected(self, conditions: WriteConditions, asked: RequestContext, key: str) -> Expected | None:
        """The check of a write's conditions in its transaction, or None.  They are checked now too, before the body.

        PreconditionFailed; NoSuchKey.
        """
        check = expected_of(conditions)
        if check is not None:
            check(await self._catalog.get(asked.space.space_id, key))
        return check

    # Get

    async def get(
        self, op: s3.GetObject, asked: RequestContext
    ) -> tuple[s3.GetObjectOutput | s3.NotModified, ObjectBody | None]:
        """(the result, the object's bytes or None)."""
        check_version(op.version_id)
        for _ in range(TRIES):
            parts = await self._parts(op, asked)
            try:
                return await self._service.read(asked.space, op.key, self._answer(op, parts))
            except _Replaced:
                continue
        raise busy()

    async def _head(self, op: s3.HeadObject, asked: RequestContext) -> s3.GetObjectOutput | s3.NotModified:
        check_version(op.version_id)
        for _ in range(TRIES):
            parts = await self._parts(op, asked)
            try:
                return self._answer(op, parts)(await self._service.record(asked.space, op.key))[0]
            except _Replaced:
                continue
        raise busy()

    async def _parts(self, op: s3.ReadingOperation, asked: RequestContext) -> _PartList | None:
        """The parts of the object, if one of them is asked for."""
        if op.part_number is None:
            return None
        record = await self._service.record(asked.space, op.key)
        return _PartList(record.blob, await self._parts_of(record))

    async def _parts_of(self, record: ObjectRecord) -> list[ExtentPart] | None:
        """The parts of an object; None if it was stored at once, or by UFile."""
        if record.blob is None or not is_part_list(record.blob):
            return None
        found = await self._catalog.part_list(record.blob)
        if found is None:
            raise _Replaced()
        return found

    def _answer(
        self, op: s3.ReadingOperation, parts: _PartList | None
    ) -> Callable[[ObjectRecord], tuple[s3.GetObjectOutput | s3.NotModified, tuple[int, int] | None]]:
        """What to answer for a record.  PreconditionFailed; InvalidRange; InvalidPart; NotRestored."""

        def answer(record: ObjectRecord) -> tuple[s3.GetObjectOutput | s3.NotModified, tuple[int, int] | None]:
            etag, now = shown_etag(record), self._service.clock()
            if op.conditions.not_modified(etag, record.modified):
                return s3.NotModified(etag=etag, modified=record.modified), None
            span, count, shown = None, None, None
            if parts is not None and op.part_number is not None:
                if parts.blob != record.blob:
                    raise _Replaced()
                span, shown = _part(op.part_number, record, parts.parts)
                count = None if parts.parts is None else len(parts.parts)
            elif op.range is not None and op.conditions.range_holds(etag, record.modified):
                span = byterange.resolve(op.range, record.size)
                if span is None:
                    raise errors.InvalidRange()
            if isinstance(op, s3.GetObject):
                check_readable(record, now)
            if not op.checksum_mode:
                shown = None
            elif span is None:
                shown = checksum_of(record)
            return info(record, now, span, count, shown), span or (0, record.size)

        return answer

    async def _attributes(self, op: s3.GetObjectAttributes, asked: RequestContext) -> s3.GetObjectAttributesOutput:
        check_version(op.version_id)
        for _ in range(TRIES):
            record = await self._service.record(asked.space, op.key)
            try:
                parts = await self._parts_of(record)
            except _Replaced:
                continue
            return self._attributes_of(op, record, parts)
        raise busy()

    def _attributes_of(
        self, op: s3.GetObjectAttributes, record: ObjectRecord, parts: list[ExtentPart] | None
    ) -> s3.GetObjectAttributesOutput:
        shown = None
        if parts is not None:
            rest = [(number, part) for number, part in enumerate(parts, start=1) if number > op.part_number_marker]
            page = rest[: op.max_parts]
            shown = s3.ObjectParts(
                count=len(parts),
                parts=tuple(
                    s3.ObjectPart(part_number=number, size=part.size, checksum=part_checksum(part))
                    for number, part in page
                ),
                next_marker=page[-1][0] if page else op.part_number_marker,
                truncated=len(rest) > len(page),
            )
        return s3.GetObjectAttributesOutput(
            etag=shown_etag(record),
            modified=record.modified,
            size=record.size,
            storage_class=record.storage_class,
            checksum=checksum_of(record),
            parts=shown,
        )

    # Copy

    async def _copy(self, op: s3.CopyObject, asked: RequestContext) -> s3.CopyObjectOutput:
        """No bytes are copied.  They are read if they get a checksum that the source does not have."""
        check_version(op.source.version_id)
        expected = await self._expected(op.conditions, asked, op.key)
        for _ in range(TRIES):
            source = await self._copies.source(asked.space, op.source.bucket, (op.source.key,))
            op.source_conditions.check_source(shown_etag(source), source.modified)
            if source.size > MOST:
                raise S3Error("InvalidRequest", message="The specified copy source is larger than the maximum size.")
            await check_owner(self._catalog, op.source.bucket, op.source_expected_owner)
            record = self._copied(op, asked, source)
            try:
                record = await self._summed(op, record, source)
                if (source.space_id, source.key) != (record.space_id, record.key):
                    await self._service.look(source)
                await self._service.remove(await self._catalog.put(record, source=source, expected=expected))
                return s3.CopyObjectOutput(
                    etag=shown_etag(record), modified=record.modified, checksum=checksum_of(record)
                )
            except (errors.NotFound, FileNotFoundError):
                continue
        raise busy()

    async def _summed(self, op: s3.CopyObject, record: ObjectRecord, source: ObjectRecord) -> ObjectRecord:
        """The record with the checksum that is asked for.  FileNotFoundError if the source was replaced."""
        known, algorithm = checksum_of(source), op.checksum_algorithm
        if algorithm is None or (known is not None and known.algorithm == algorithm):
            return record
        found = (await summed(self._service, source, 0, source.size, algorithm)).checksum()
        assert found is not None
        facts = replace(
            record.s3 or S3Facts(), checksum=found.value, algorithm=found.algorithm, checksum_type=found.type
        )
        return replace(record, s3=facts)

    def _copied(self, op: s3.CopyObject, asked: RequestContext, source: ObjectRecord) -> ObjectRecord:
        """The record of the copy.  InvalidRequest; InvalidObjectState.

        Class and ACL are not the source's, but a copy onto itself opens no object that is closed.
        """
        is_itself = (source.space_id, source.key) == (asked.space.space_id, op.key)
        storage_class = op.storage_class or asked.space.storage_class or STANDARD
        if is_itself:
            storage_class = op.storage_class or source.storage_class
            if (
                s3.REPLACE not in (op.metadata_directive, op.tagging_directive)
                and storage_class == source.storage_class
            ):
                raise S3Error(
                    "InvalidRequest",
                    message="This copy request is illegal because it is trying to copy an object to itself without "
                    "changing the object's metadata, storage class, website redirect location or encryption "
                    "attributes.",
                )
            if ORDER.index(storage_class) < ORDER.index(source.storage_class):
                raise S3Error("InvalidObjectState")
        now = int(self._service.clock())
        record = replace(
            source,
            space_id=asked.space.space_id,
            key=op.key,
            storage_class=storage_class,
            created=source.created if is_itself else now,
            modified=now,
        )
        facts = copied_facts(source.s3) or S3Facts()
        redirect = source.s3.redirect if source.s3 is not None else ""
        if is_itself and source.s3 is not None:
            facts = replace(facts, upload_id=source.s3.upload_id)
        if not is_itself or storage_class != source.storage_class:
            record = replace(record, ready=0, expires=0)
        if op.tagging_directive == s3.REPLACE:
            record = replace(record, tags=op.tags)
        if op.metadata_directive == s3.REPLACE:
            record = replace(record, mime=op.content_type or MIME, headers=stored(op))
            redirect = op.redirect or ""
        acl = s3.PRIVATE if op.acl is None and is_itself and is_closed(source) else op.acl
        return with_acl(replace(record, s3=replace(facts, redirect=redirect)), acl)

    # Delete

    async def _delete(self, op: s3.DeleteObject, asked: RequestContext) -> s3.DeleteObjectOutput:
        await self.remove(asked, op.key, op.version_id, op.conditions)
        return s3.DeleteObjectOutput()

    async def delete_many(
        self, op: s3.DeleteObjects, asked: RequestContext, may: Callable[[str], bool]
    ) -> s3.DeleteObjectsOutput:
        """Delete each object by itself.  ``may``: whether the signer may delete this key."""
        deleted, failed = list[s3.DeletedObject](), list[s3.DeleteFailure]()
        for each in op.objects:
            try:
                if not may(each.key):
                    raise S3Error("AccessDenied")
                await self.remove(asked, each.key, each.version_id, each.conditions)
                deleted.append(s3.DeletedObject(key=each.key, version_id=each.version_id))
            except errors.Refused as refused:
                error = of(refused)
                failed.append(
                    s3.DeleteFailure(key=each.key, code=error.code, message=error.message, version_id=each.version_id)
                )
        return s3.DeleteObjectsOutput(deleted=tuple(deleted), errors=tuple(failed))

    async def remove(
        self, asked: RequestContext, key: str, version_id: str | None, conditions: DeleteConditions
    ) -> None:
        """Delete an object if there is one.  A version other than null does not exist."""
        if version_id not in (None, NULL):
            return

        def check(record: ObjectRecord | None) -> None:
            if record is not None:
                conditions.check(shown_etag(record), record.modified, record.size)

        expected = None if conditions == ANY_DELETE else check
        gone = await self._catalog.delete(asked.space.space_id, key, expected=expected)
        await self._service.remove(gone or ())


async def check_owner(catalog: Catalog, bucket: str, expected: str | None) -> None:
    """AccessDenied unless the bucket belongs to this account; None: any."""
    if expected is not None:
        check_owner_id(await catalog.space(bucket), expected)


def expected_of(conditions: WriteConditions) -> Expected | None:
    """The check of a write's conditions in its transaction, or None.  It raises PreconditionFailed and NoSuchKey."""
    if conditions == ANY_WRITE:
        return None

    def check(record: ObjectRecord | None) -> None:
        conditions.check(None if record is None else shown_etag(record))

    return check


def stored(op: s3.StoringOperation) -> tuple[tuple[str, str], ...]:
    """The headers to store.  InvalidArgument for those that are not UTF-8."""
    texts = [op.redirect or "", op.content_type or "", *chain(*op.headers, *op.metadata)]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise S3Error("InvalidArgument", message="A header to store is not UTF-8.") from None
    return stored_headers(op.headers, op.metadata) if op.headers or op.metadata else ()


def _facts(op: s3.StoringOperation, etag: str, checksum: s3.Checksum | None) -> S3Facts:
    """What S3 shows of an object that is stored at once.  ``etag``: the MD5 of its bytes."""
    if checksum is None:
        return S3Facts(etag=etag, redirect=op.redirect or "", acl=op.acl or "")
    return S3Facts(
        *(etag, checksum.value, checksum.algorithm, checksum.type),
        redirect=op.redirect or "",
        acl=op.acl or "",
    )


def check_version(version_id: str | None) -> None:
    """NoSuchVersion for all versions but the null version: buckets are not versioned here."""
    if version_id not in (None, NULL):
        raise S3Error("NoSuchVersion")


def _part(
    number: int, record: ObjectRecord, parts: list[ExtentPart] | None
) -> tuple[tuple[int, int] | None, s3.Checksum | None]:
    """((first, length), checksum) of the part with this place in the object.  InvalidPart.

    ``parts``: None if the object was stored at once, and is its only part.  (first, length) is None if it is empty.
    """
    if number > (1 if parts is None else len(parts)):
        raise S3Error("InvalidPart", message="The requested partnumber is not satisfiable", PartNumber=str(number))
    if parts is None:
        return (0, record.size) if record.size else None, checksum_of(record)
    part, shown = parts[number - 1], part_checksum(parts[number - 1])
    if shown is not None and record.s3 is not None and record.s3.checksum_type:
        # A copy with another checksum keeps its parts, whose sums are none of its own.
        shown = replace(shown, type=record.s3.checksum_type) if shown.algorithm == record.s3.algorithm else None
    return (sum(each.size for each in parts[: number - 1]), part.size) if record.size else None, shown
