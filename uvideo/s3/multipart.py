"""Uploads in parts: begin, send a part, copy into a part, complete, abort.  Source: s3.md section 3.4.

A body of CompleteMultipartUpload is read by ``parts_of``, after the rights are checked.
"""

from __future__ import annotations

import hashlib
import re

from uvideo._core import byterange, compat, message
from uvideo._core import field as shared
from uvideo.s3 import checksum, condition, field, operation, storing, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, empty, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import ALGORITHMS, CHECKSUM_TYPES, AnnouncedChecksum, CompletedPart
from uvideo.s3.xml_text import element, time

__all__ = ["CODECS", "parts_of"]


def _decode_create(asked: OperationRequest) -> operation.CreateMultipartUpload:
    name, kind = asked.headers.get("x-amz-checksum-algorithm"), asked.headers.get("x-amz-checksum-type")
    algorithm = checksum.algorithm_of(name) if name else None
    if algorithm is None and kind:
        raise S3Error("InvalidRequest", message="x-amz-checksum-type needs x-amz-checksum-algorithm.")
    return operation.CreateMultipartUpload(
        **storing.stored(asked),
        checksum_algorithm=algorithm,
        checksum_type=None if algorithm is None else checksum.type_for(algorithm, kind or None),
    )


def _encode_create(
    op: operation.CreateMultipartUpload, result: operation.CreateMultipartUploadOutput
) -> message.Response:
    return written(
        "InitiateMultipartUploadResult",
        element("Bucket", op.bucket),
        element("Key", op.key),
        element("UploadId", result.upload_id),
        headers=(("x-amz-checksum-algorithm", op.checksum_algorithm), ("x-amz-checksum-type", op.checksum_type)),
    )


def _decode_part(asked: OperationRequest) -> operation.UploadPart:
    storing.refuse_unserved(asked.headers)
    return operation.UploadPart(
        **field.of_object(asked),
        upload_id=field.upload_id(asked),
        part_number=field.part_number(asked),
        md5=checksum.content_md5(asked.headers),
        checksum=checksum.announced(asked.headers),
    )


def _encode_part(op: operation.UploadPart, result: operation.UploadPartOutput) -> message.Response:
    return empty(200, ("ETag", field.quoted(result.etag)), *field.checksum_headers(result.checksum)[:1])


_RANGE = re.compile("bytes=([0-9]{1,18})-([0-9]{1,18})").fullmatch


def _source_range(asked: OperationRequest) -> byterange.ByteRange | None:
    value = asked.headers.get("x-amz-copy-source-range")
    if value is None:
        return None
    found = _RANGE(value.strip())
    if found is None or int(found[2]) < int(found[1]):
        text = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy"
        )
        raise field.invalid(text, "x-amz-copy-source-range", value)
    return byterange.ByteRange(int(found[1]), int(found[2]))


def _decode_copy(asked: OperationRequest) -> operation.UploadPartCopy:
    storing.refuse_unserved(asked.headers)
    return operation.UploadPartCopy(
        **field.of_object(asked),
        upload_id=field.upload_id(asked),
        part_number=field.part_number(asked),
        source=field.source(asked),
        range=_source_range(asked),
        source_conditions=condition.of_source(asked.headers),
        source_expected_owner=asked.headers.get("x-amz-source-expected-bucket-owner"),
    )


def _encode_copy(op: operation.UploadPartCopy, result: operation.UploadPartCopyOutput) -> message.Response:
    return written(
        "CopyPartResult",
        element("LastModified", time(result.modified)),
        element("ETag", field.quoted(result.etag)),
        field.checksum_of(result.checksum, with_type=False),
        headers=(("x-amz-copy-source-version-id", result.source_version_id),),
    )


def _decode_complete(asked: OperationRequest) -> operation.CompleteMultipartUpload:
    storing.refuse_unserved(asked.headers)
    kind, size = asked.headers.get("x-amz-checksum-type"), asked.headers.get("x-amz-mp-object-size")
    if kind and kind not in CHECKSUM_TYPES:
        raise S3Error("InvalidRequest", message="Value for x-amz-checksum-type header is invalid.")
    count = compat.whole(size.strip()) if size else None
    if size and count is None:
        raise field.invalid("Value for x-amz-mp-object-size header is invalid.", "x-amz-mp-object-size", size)
    return operation.CompleteMultipartUpload(
        **field.of_object(asked),
        upload_id=field.upload_id(asked),
        conditions=condition.of_write(asked.headers),
        checksum=checksum.announced(asked.headers, has_body=False, of_parts=True),
        checksum_type=kind or None,
        size=count,
        md5=checksum.content_md5(asked.headers),
    )


def parts_of(body: bytes, md5: str | None = None) -> tuple[CompletedPart, ...]:
    """The list of parts in the body of CompleteMultipartUpload, in its order.

    BadDigest unless the body has this MD5; None: any.  MalformedXML for no part, or more than 10000.  InvalidPart for a
    number that no part has.
    """
    if md5 is not None and md5 != hashlib.md5(body, usedforsecurity=False).hexdigest():
        raise S3Error("BadDigest")
    found = xml.read(body, "CompleteMultipartUpload", limit=xml.BULK).all("Part")
    if not 1 <= len(found) <= field.PARTS:
        raise S3Error("MalformedXML")
    return tuple(map(_completed, found))


_CHECKSUMS = {f"Checksum{name}": name for name in ALGORITHMS}


def _completed(part: xml.Element) -> CompletedPart:
    number = compat.whole(part.need("PartNumber").strip())
    if number is None:
        raise S3Error("MalformedXML")
    if not 1 <= number <= field.PARTS:
        raise S3Error("InvalidPart", PartNumber=str(number))
    sums = [(name, child.text.strip()) for child in part if (name := _CHECKSUMS.get(child.name)) is not None]
    if len(sums) > 1:
        raise S3Error("MalformedXML")
    given = AnnouncedChecksum(algorithm=sums[0][0], value=sums[0][1]) if sums and sums[0][1] else None
    return CompletedPart(part_number=number, etag=shared.unquoted(part.need("ETag")), checksum=given)


def _encode_complete(
    op: operation.CompleteMultipartUpload, result: operation.CompleteMultipartUploadOutput
) -> message.Response:
    return written(
        "CompleteMultipartUploadResult",
        element("Location", result.location),
        element("Bucket", op.bucket),
        element("Key", op.key),
        element("ETag", field.quoted(result.etag)),
        field.checksum_of(result.checksum),
        headers=(("x-amz-version-id", result.version_id),),
    )


def _decode_abort(asked: OperationRequest) -> operation.AbortMultipartUpload:
    if asked.headers.get("x-amz-if-match-initiated-time") is not None:
        raise S3Error("NotImplemented", Header="x-amz-if-match-initiated-time")
    return operation.AbortMultipartUpload(**field.of_object(asked), upload_id=field.upload_id(asked))


CODECS: dict[type, OperationCodec] = {
    operation.CreateMultipartUpload: OperationCodec(_decode_create, _encode_create),
    operation.UploadPart: OperationCodec(_decode_part, _encode_part),
    operation.UploadPartCopy: OperationCodec(_decode_copy, _encode_copy),
    operation.CompleteMultipartUpload: OperationCodec(_decode_complete, _encode_complete),
    operation.AbortMultipartUpload: OperationCodec(_decode_abort, bare(204)),
}
