"""The rules of S3's uploads in parts.  Source: s3.md sections 3.4, 3.5 and 4."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import cast

from uvideo._core import errors
from uvideo.s3 import checksum, etag
from uvideo.s3 import operation as s3
from uvideo.s3.errors import S3Error
from uvideo.server.rules.body_sums import CheckedBody, FramedBody
from uvideo.server.rules.copies import TRIES, Copies, busy
from uvideo.server.rules.object_record import STANDARD
from uvideo.server.rules.objects import Objects, Received
from uvideo.server.rules.s3_objects import MOST, check_owner, check_version, expected_of, stored
from uvideo.server.rules.s3_record import (
    MIME,
    RequestContext,
    checksum_of,
    owner,
    part_checksum,
    shown_etag,
    with_acl,
    written_checksum,
)
from uvideo.server.rules.stored_sums import summed
from uvideo.storage.base import (
    Extent,
    ExtentPart,
    ObjectRecord,
    S3Facts,
    S3Upload,
    UploadRecord,
    new_part_list,
)
from uvideo.storage.extents import source_extents

__all__ = ["S3Uploads"]

PARTS = 10_000  # of an upload
LEAST = 5 << 20  # bytes of each part but the last
LARGEST = 5 << 40  # bytes of an object
STRICT = 8 << 20  # the same with the switch s3_strict_parts, and the most of the last one.  Source: s3.md section 1
PAGE = 1000  # uploads that are read at once
MADE_HERE = 500  # parts of which an object is made on the loop
AFTER_ALL = "\U0010ffff" * 4  # behind a common prefix: all keys below it come before


class S3Uploads:
    """The operations of a Service on uploads that S3 began."""

    def __init__(self, service: Objects) -> None:
        self._service, self._catalog, self._copies = service, service.catalog, Copies(service)
        self.operations: dict[type, Callable[..., Awaitable[object]]] = {
            s3.CreateMultipartUpload: self._create,
            s3.UploadPart: self._part,
            s3.UploadPartCopy: self._copy_part,
            s3.CompleteMultipartUpload: self._complete,
            s3.AbortMultipartUpload: self._abort,
            s3.ListParts: self._list_parts,
            s3.ListMultipartUploads: self._list,
        }

    async def upload(self, asked: RequestContext, key: str, upload_id: str) -> UploadRecord:
        """The upload of this key.  NoSuchUpload."""
        found = await self._catalog.upload(upload_id, s3=True)
        if found is None or (found.space_id, found.key) != (asked.space.space_id, key):
            raise S3Error("NoSuchUpload")
        return found

    async def _create(self, op: s3.CreateMultipartUpload, asked: RequestContext) -> s3.CreateMultipartUploadOutput:
        upload = UploadRecord(
            upload_id=uuid.uuid4().hex,
            space_id=asked.space.space_id,
            key=op.key,
            draft=new_part_list(),
            mime=op.content_type or MIME,
            storage_class=op.storage_class or asked.space.storage_class or STANDARD,
            headers=stored(op),
            created=int(self._service.clock()),
            s3=S3Upload(
                initiator=asked.account,
                algorithm=op.checksum_algorithm or "",
                checksum_type=op.checksum_type or "",
                acl=op.acl or "",
                redirect=op.redirect or "",
                tags=op.tags,
            ),
        )
        await self._catalog.begin(upload)
        return s3.CreateMultipartUploadOutput(upload_id=upload.upload_id)

    # Parts

    async def _part(self, op: s3.UploadPart, asked: RequestContext) -> s3.UploadPartOutput:
        """Store a part, instead of an earlier one with its number."""
        upload = await self.upload(asked, op.key, op.upload_id)
        algorithm = _facts(upload).algorithm or None
        if algorithm is not None and op.checksum is not None and op.checksum.algorithm != algorithm:
            raise S3Error(
                "InvalidRequest",
                message="Checksum Type mismatch occurred, expected checksum Type: "
                f"{algorithm.lower()}, actual checksum Type: {op.checksum.algorithm.lower()}",
            )
        self._check_strictly([asked.body.length or 0])
        body = CheckedBody(cast(FramedBody, asked.body), op.md5, op.checksum, algorithm, MOST)
        blob = await self._service.as_blob(await self._service.receive(body, count=body))
        found = body.sums.checksum()
        part = ExtentPart(
            number=op.part_number,
            size=body.size,
            md5=body.sums.md5(),
            extents=(Extent(blob, 0, body.size),) if blob is not None else (),
            checksum=written_checksum(found),
            digests=b"".join(body.tree.digests()),
            created=int(self._service.clock()),
        )
        try:
            await self._service.remove(await self._catalog.replace_part(upload.upload_id, part))
        except Exception as failure:
            await self._service.unnamed(blob, failure)
            raise
        return s3.UploadPartOutput(etag=part.md5, checksum=found)

    async def _copy_part(self, op: s3.UploadPartCopy, asked: RequestContext) -> s3.UploadPartCopyOutput:
        """Make a part of bytes that are stored already.  They are read for their sums, and not copied."""
        check_version(op.source.version_id)
        upload = await self.upload(asked, op.key, op.upload_id)
        for _ in range(TRIES):
            source = await self._copies.source(asked.space, op.source.bucket, (op.source.key,))
            await check_owner(self._catalog, op.source.bucket, op.source_expected_owner)
            op.source_conditions.check_source(shown_etag(source), source.modified)
            first, length = _span(op, source)
            self._check_strictly([length])
            try:
                part, found = await self._part_of(op, upload, source, first, length)
            except FileNotFoundError:  # it was replaced meanwhile
                continue
            fresh = part.extents[0].blob if source.blob is None and part.extents else None
            try:
                gone = await self._catalog.replace_part(
                    upload.upload_id, part, source=source if fresh is None else None
                )
            except errors.NotFound as failure:
                await self._service.unnamed(fresh, failure)
                if isinstance(failure, errors.UploadNotFound):
                    raise
                continue
            except Exception as failure:
                await self._service.unnamed(fresh, failure)
                raise
            await self._service.remove(gone)
            return s3.UploadPartCopyOutput(etag=part.md5, modified=part.created, checksum=found)
        raise busy()

    async def _part_of(
        self, op: s3.UploadPartCopy, upload: UploadRecord, source: ObjectRecord, first: int, length: int
    ) -> tuple[ExtentPart, s3.Checksum | None]:
        """(the part, its checksum) of these bytes of the source.  FileNotFoundError if it was replaced."""
        sums = await summed(self._service, source, first, length, _facts(upload).algorithm or None)
        extents = tuple[Extent, ...]()
        if source.blob is None:
            inline = (source.inline or b"")[first : first + length]
            blob = await self._service.as_blob(Received(sums.tree, inline=inline))
            extents = (Extent(blob, 0, length),) if blob is not None else ()
        else:
            extents = await source_extents(self._catalog, source.blob, first, length)
        found = sums.checksum()
        part = ExtentPart(
            number=op.part_number,
            size=length,
            md5=sums.md5(),
            extents=extents,
            checksum=written_checksum(found),
            digests=b"".join(sums.tree.digests()),
            created=int(self._service.clock()),
        )
        return part, found

    def _check_strictly(self, sizes: Sequence[int]) -> None:
        """With the switch ``s3_strict_parts``: InvalidRequest for parts that the vendor's gateway refuses.

        ``sizes``: of parts in order, in bytes.  The last one may be the last of the object.
        """
        if self._service.switches.s3_strict_parts and (
            any(size != STRICT for size in sizes[:-1]) or any(size > STRICT for size in sizes[-1:])
        ):
            raise S3Error(
                "InvalidRequest",
                message=f"This server accepts only parts of exactly {STRICT} bytes; the last one may be smaller.",
            )

    async def _list_parts(self, op: s3.ListParts, asked: RequestContext) -> s3.ListPartsOutput:
        upload = await self.upload(asked, op.key, op.upload_id)
        found = await self._catalog.s3_parts(op.upload_id, op.part_number_marker, op.max_parts + 1)
        page, facts = found[: op.max_parts], _facts(upload)
        return s3.ListPartsOutput(
            parts=tuple(
                s3.PartEntry(
                    part_number=part.number,
                    modified=part.created,
                    etag=part.md5,
                    size=part.size,
                    checksum=part_checksum(part),
                )
                for part in page
            ),
            next_marker=page[-1].number if page else 0,
            truncated=bool(page) and len(found) > len(page),
            initiator=owner(facts.initiator),
            owner=owner(facts.initiator),
            storage_class=upload.storage_class,
            checksum_algorithm=facts.algorithm or None,
            checksum_type=facts.checksum_type or None,
        )

    # The end

    async def _complete(
        self, op: s3.CompleteMultipartUpload, asked: RequestContext
    ) -> s3.CompleteMultipartUploadOutput:
        """Make an object of the parts in the list.  After a success the same request gets the same answer."""
        for _ in range(TRIES):
            upload = await self._catalog.upload(op.upload_id, s3=True)
            if upload is None:
                return await self._completed(op, asked)
            upload = await self.upload(asked, op.key, op.upload_id)
            parts = await self._catalog.s3_parts(op.upload_id, 0, PARTS)
            if len(parts) <= MADE_HERE:
                chosen, record = self._made(op, asked, upload, parts)
            else:
                chosen, record = await asyncio.to_thread(self._made, op, asked, upload, parts)
            try:
                gone = await self._catalog.finish_s3(op.upload_id, record, chosen, expected=expected_of(op.conditions))
            except errors.InvalidPartList:  # a part was replaced meanwhile
                continue
            except errors.UploadNotFound:
                return await self._completed(op, asked)
            await self._service.remove(gone)
            return _output(op, asked, record)
        raise busy()

    async def _completed(
        self, op: s3.CompleteMultipartUpload, asked: RequestContext
    ) -> s3.CompleteMultipartUploadOutput:
        """The answer for an upload that is finished already, as long as its object is there.  NoSuchUpload."""
        record = await self._catalog.get(asked.space.space_id, op.key)
        if record is None or record.s3 is None or record.s3.upload_id != op.upload_id:
            raise S3Error("NoSuchUpload")
        return _output(op, asked, record)

    def _made(
        self, op: s3.CompleteMultipartUpload, asked: RequestContext, upload: UploadRecord, parts: Sequence[ExtentPart]
    ) -> tuple[list[ExtentPart], ObjectRecord]:
        """(the parts in the list, the object that they make).  Takes long for many parts; may run on a thread."""
        chosen = _chosen(op, parts)
        self._check_strictly([part.size for part in chosen])
        _check_sizes(op, chosen)
        facts, now = _facts(upload), int(self._service.clock())
        shown = etag.of_parts([bytes.fromhex(part.md5) for part in chosen])
        total = _total(op, facts, chosen)
        record = ObjectRecord(
            space_id=asked.space.space_id,
            key=op.key,
            size=sum(part.size for part in chosen),
            etag=etag.ufile_of_parts((part.size, part.digests) for part in chosen) or shown,
            mime=upload.mime or MIME,
            storage_class=upload.storage_class,
            headers=upload.headers,
            created=now,
            modified=now,
            tags=facts.tags,
            blob=upload.draft,
            s3=S3Facts(
                etag=shown,
                checksum=total.value if total is not None else "",
                algorithm=total.algorithm if total is not None else "",
                checksum_type=total.type if total is not None else "",
                upload_id=upload.upload_id,
                redirect=facts.redirect,
            ),
        )
        return chosen, with_acl(record, facts.acl or None)

    async def _abort(self, op: s3.AbortMultipartUpload, asked: RequestContext) -> None:
        await self.upload(asked, op.key, op.upload_id)
        left = await self._catalog.abort(op.upload_id)
        if left is None:
            raise S3Error("NoSuchUpload")
        await self._service.discard(left)

    # Listing

    async def _list(self, op: s3.ListMultipartUploads, asked: RequestContext) -> s3.ListMultipartUploadsOutput:
        found, prefixes = list[UploadRecord](), list[str]()
        key, upload_id = op.key_marker, op.upload_id_marker
        below = _common_prefix(op, key) if key.startswith(op.prefix) else None  # the last common prefix
        if below == key:
            key, upload_id = key + AFTER_ALL, ""
        else:
            below = None
        last: tuple[str, str | None] = ("", None)
        more = False
        while not more:
            page = await self._catalog.uploads(asked.space.space_id, op.prefix, key, upload_id, PAGE, s3=True)
            for upload in page:
                rolled = _common_prefix(op, upload.key)
                if rolled is not None and rolled == below:
                    continue
                if len(found) + len(prefixes) >= op.max_keys:
                    more = True
                    break
                if rolled is not None:
                    prefixes.append(rolled)
                    below, last = rolled, (rolled, None)
                else:
                    found.append(upload)
                    last = (upload.key, upload.upload_id)
            if len(page) < PAGE:
                break
            key, upload_id = page[-1].key, page[-1].upload_id
            behind = below + AFTER_ALL if below is not None and key.startswith(below) else ""
            if behind > key:  # one query, however many uploads are below the prefix
                key, upload_id = behind, ""
        truncated = more and op.max_keys > 0
        return s3.ListMultipartUploadsOutput(
            uploads=tuple(map(_entry, found)),
            common_prefixes=tuple(prefixes),
            next_key_marker=last[0] if truncated else None,
            next_upload_id_marker=last[1] if truncated else None,
        )


def _span(op: s3.UploadPartCopy, source: ObjectRecord) -> tuple[int, int]:
    """(first, length) of the bytes to copy.  InvalidRange if they are not all there; EntityTooLarge."""
    first, last = (0, source.size - 1) if op.range is None else (op.range.first, op.range.last)
    if first is None or last is None or last >= source.size:
        raise S3Error("InvalidRange", message="The specified copy range does not lie in the source.")
    length = last - first + 1
    if length > MOST:
        raise S3Error("EntityTooLarge", ProposedSize=str(length), MaxSizeAllowed=str(MOST))
    return first, length


def _facts(upload: UploadRecord) -> S3Upload:
    assert upload.s3 is not None
    return upload.s3


def _entry(upload: UploadRecord) -> s3.UploadEntry:
    facts = _facts(upload)
    return s3.UploadEntry(
        key=upload.key,
        upload_id=upload.upload_id,
        initiator=owner(facts.initiator),
        owner=owner(facts.initiator),
        storage_class=upload.storage_class,
        initiated=upload.created,
        checksum_algorithm=facts.algorithm or None,
        checksum_type=facts.checksum_type or None,
    )


def _common_prefix(op: s3.ListMultipartUploads, key: str) -> str | None:
    """The common prefix into which a key is rolled up, or None."""
    at = key.find(op.delimiter, len(op.prefix)) if op.delimiter else -1
    return None if at < 0 else key[: at + len(op.delimiter)]


def _chosen(op: s3.CompleteMultipartUpload, parts: Sequence[ExtentPart]) -> list[ExtentPart]:
    """The parts in the list.  InvalidPartOrder; InvalidPart.

    Of entries with the same number the last counts: a client that sends a part again may list both etags.
    """
    numbers = [part.part_number for part in op.parts]
    if any(one > other for one, other in pairwise(numbers)):
        raise S3Error("InvalidPartOrder")
    known = {part.number: part for part in parts}
    chosen = list[ExtentPart]()
    for wanted in {part.part_number: part for part in op.parts}.values():
        part = known.get(wanted.part_number)
        given = None if part is None else part_checksum(part)
        if (
            part is None
            or part.md5 != wanted.etag.lower()
            or (wanted.checksum is not None and given is not None and not _agree(wanted.checksum, given))
        ):
            raise S3Error("InvalidPart", UploadId=op.upload_id, PartNumber=str(wanted.part_number), ETag=wanted.etag)
        chosen.append(part)
    return chosen


def _check_sizes(op: s3.CompleteMultipartUpload, chosen: Sequence[ExtentPart]) -> None:
    """EntityTooSmall for one of the parts; EntityTooLarge for their sum; InvalidRequest if another one is announced."""
    for part in chosen[:-1]:
        if part.size < LEAST:
            raise S3Error(
                "EntityTooSmall",
                PartNumber=str(part.number),
                ProposedSize=str(part.size),
                MinSizeAllowed=str(LEAST),
            )
    size = sum(part.size for part in chosen)
    if size > LARGEST:
        raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(LARGEST))
    if op.size is not None and op.size != size:
        raise S3Error(
            "InvalidRequest",
            message=f"The provided 'x-amz-mp-object-size' header value {op.size} does not match what was computed: "
            f"{size}",
        )


def _agree(wanted: s3.AnnouncedChecksum, given: s3.Checksum) -> bool:
    """Whether a checksum in the list is that of the part.  One of another algorithm cannot be compared."""
    return wanted.algorithm != given.algorithm or wanted.value == given.value


def _total(op: s3.CompleteMultipartUpload, facts: S3Upload, chosen: Sequence[ExtentPart]) -> s3.Checksum | None:
    """The checksum of the whole object, or None if the upload has none.  BadDigest if another one is announced."""
    algorithm = facts.algorithm or (op.checksum.algorithm if op.checksum is not None else "")
    if not algorithm:
        return None
    if op.checksum is not None and op.checksum.algorithm != algorithm:
        raise S3Error("InvalidRequest", message=f"The upload has checksums of the algorithm {algorithm}.")
    if op.checksum_type is not None and facts.checksum_type and op.checksum_type != facts.checksum_type:
        raise S3Error(
            "InvalidRequest",
            message=f"The upload was created using the {facts.checksum_type} checksum mode. The complete request must "
            "use the same checksum mode.",
        )
    kind = checksum.type_for(algorithm, facts.checksum_type or op.checksum_type)
    sums = [part_checksum(part) for part in chosen]
    if any(each is None or each.algorithm != algorithm for each in sums):
        raise S3Error("InvalidRequest", message=f"Not every part was sent with a checksum of {algorithm}.")
    raw = [
        (checksum.digest_of(algorithm, each.value), part.size)
        for each, part in zip(sums, chosen, strict=True)
        if each is not None
    ]
    value = checksum.of_parts(algorithm, kind, raw)
    if op.checksum is not None and op.checksum.value not in (value, value.partition("-")[0]):
        raise S3Error("BadDigest", message=f"The {algorithm} you specified did not match the calculated checksum.")
    return s3.Checksum(algorithm=algorithm, value=value, type=kind)


def _output(
    op: s3.CompleteMultipartUpload, asked: RequestContext, record: ObjectRecord
) -> s3.CompleteMultipartUploadOutput:
    return s3.CompleteMultipartUploadOutput(etag=shown_etag(record), location=asked.url(), checksum=checksum_of(record))
