"""Listings of buckets, objects, versions, uploads and parts.  Source: s3.md sections 3.2, 3.4 and 3.6.

An answer of 1,000 keys is written in less than a millisecond: one f-string an entry, and all keys are escaped together.
The entries are byte texts (see xml_text).
"""

from __future__ import annotations

import binascii
import functools
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

from uvideo._core import message
from uvideo.s3 import field, operation
from uvideo.s3.codec import OperationCodec, OperationRequest, written
from uvideo.s3.operation import Owner, Restore
from uvideo.s3.storage_class import shown
from uvideo.s3.xml_text import CLOCK, byte_text, bytes_of, element, escape, escape_all, hour, quote_all, time

__all__ = ["CODECS", "LIMIT", "key_of_token", "token_of"]

LIMIT = 1000  # entries of a page

# Requests


def _count(asked: OperationRequest, name: str) -> int:
    return min(field.number(asked.query.get(name), name, LIMIT), LIMIT)


def _common(asked: OperationRequest, count: str = "max-keys") -> dict[str, Any]:
    """The fields of every listing of a bucket."""
    encoding = asked.query.get("encoding-type")
    if encoding not in (None, "url"):
        raise field.invalid("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    return {
        **field.of_bucket(asked),
        "prefix": asked.query.get("prefix", ""),
        "delimiter": asked.query.get("delimiter", ""),
        "max_keys": _count(asked, count),
        "encoding_type": encoding,
    }


def _wants_restore(asked: OperationRequest) -> bool:
    names = asked.headers.get("x-amz-optional-object-attributes", "")
    return "RestoreStatus" in [name.strip() for name in names.split(",")]


def token_of(key: str) -> str:
    """The continuation token of a page that ends with this key or common prefix."""
    raw = key.encode()
    return urlsafe_b64encode(binascii.crc32(raw).to_bytes(4, "big") + raw).decode("ascii")


def key_of_token(token: str) -> str:
    """The key or common prefix of a continuation token.  InvalidArgument for a token that token_of did not make."""
    try:
        raw = urlsafe_b64decode(token)
        key = raw[4:].decode()
    except (ValueError, binascii.Error):
        key = ""
    if not key or token_of(key) != token:
        raise field.invalid("The continuation token provided is incorrect", "continuation-token", token)
    return key


def _decode_buckets(asked: OperationRequest) -> operation.ListBuckets:
    return operation.ListBuckets(
        max_buckets=field.number(asked.query.get("max-buckets"), "max-buckets", 10000, 1, 10000),
        continuation_token=asked.query.get("continuation-token") or None,
        prefix=asked.query.get("prefix", ""),
        region=asked.query.get("bucket-region") or None,
    )


def _decode_v1(asked: OperationRequest) -> operation.ListObjects:
    return operation.ListObjects(
        **_common(asked), marker=asked.query.get("marker", ""), restore_status=_wants_restore(asked)
    )


def _decode_v2(asked: OperationRequest) -> operation.ListObjectsV2:
    token, start = asked.query.get("continuation-token"), asked.query.get("start-after")
    return operation.ListObjectsV2(
        **_common(asked),
        continuation_token=token,
        start_after=start,
        after=key_of_token(token) if token else start or "",
        fetch_owner=asked.query.get("fetch-owner", "").lower() == "true",
        restore_status=_wants_restore(asked),
    )


def _decode_versions(asked: OperationRequest) -> operation.ListObjectVersions:
    key_marker, version = asked.query.get("key-marker", ""), asked.query.get("version-id-marker", "")
    if version and not key_marker:
        text = "A version-id marker cannot be specified without a key marker."
        raise field.invalid(text, "version-id-marker", version)
    return operation.ListObjectVersions(
        **_common(asked), key_marker=key_marker, version_id_marker=field.version(version or None) or ""
    )


def _decode_uploads(asked: OperationRequest) -> operation.ListMultipartUploads:
    key_marker = asked.query.get("key-marker", "")
    return operation.ListMultipartUploads(
        **_common(asked, "max-uploads"),
        key_marker=key_marker,
        upload_id_marker=asked.query.get("upload-id-marker", "") if key_marker else "",
    )


def _decode_parts(asked: OperationRequest) -> operation.ListParts:
    return operation.ListParts(
        **field.of_object(asked),
        upload_id=field.upload_id(asked),
        max_parts=_count(asked, "max-parts"),
        part_number_marker=field.number(asked.query.get("part-number-marker"), "part-number-marker", 0),
    )


# Answers


class _Names:
    """How a page writes keys, prefixes and markers: escaped by its encoding-type, as byte texts."""

    def __init__(self, encoding_type: str | None) -> None:
        self.all: Callable[[Sequence[str]], Sequence[str]] = escape_all if encoding_type is None else quote_all

    def element(self, name: str, value: str | None) -> bytes:
        """b"" for None."""
        return b"" if value is None else bytes_of([f"<{name}>", *self.all([value]), f"</{name}>"])

    def prefixes(self, prefixes: Sequence[str]) -> bytes:
        return bytes_of(f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in self.all(prefixes))


class _Owners:
    """The elements of the accounts of a page, which are few, as byte texts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Owner], str] = {}

    def element(self, name: str, account: Owner) -> str:
        found = self._known.get((name, account))
        if found is None:
            found = self._known[name, account] = byte_text(field.owner(name, account))
        return found


def _restore(restore: Restore | None) -> str:
    if restore is None:
        return ""
    expiry = "" if restore.expiry is None else element("RestoreExpiryDate", time(restore.expiry))
    return f"<RestoreStatus>{element('IsRestoreInProgress', restore.ongoing)}{expiry}</RestoreStatus>"


_CLASSES = {stored: f"<StorageClass>{shown(stored)}</StorageClass>" for stored in ("STANDARD", "IA", "ARCHIVE")}


@functools.lru_cache(maxsize=64)
def _sums(algorithm: str | None, kind: str | None) -> str:
    """The elements with what the checksum of an entry is, of which there are few."""
    return element("ChecksumAlgorithm", algorithm) + element("ChecksumType", kind)


def _contents(entries: Sequence[operation.ObjectEntry], names: _Names) -> list[bytes]:
    """The Contents of a page of objects.  This is what the time of a listing goes into.

    They are written in batches: those of a whole page would not stay in the processor's cache between two steps.
    """
    return [_batch(entries[begin : begin + _BATCH], names) for begin in range(0, len(entries), _BATCH)]


_BATCH = 200


def _batch(entries: Sequence[operation.ObjectEntry], names: _Names) -> bytes:
    owner: Owner | None = None
    owned, hours, begin, found = "", -1, "", []
    for each, key in zip(entries, names.all([each.key for each in entries]), strict=True):
        if each.owner is not owner:
            owner = each.owner
            owned = "" if owner is None else byte_text(field.owner("Owner", owner))
        if each.modified // 3600 != hours:
            hours = each.modified // 3600
            begin = hour(hours)
        sums = "" if each.checksum_algorithm is None else _sums(each.checksum_algorithm, each.checksum_type)
        end = owned if each.restore is None else owned + _restore(each.restore)
        found.append(
            f"<Contents><Key>{key}</Key><LastModified>{begin}{CLOCK[each.modified % 3600]}</LastModified>"
            f"<ETag>&quot;{each.etag}&quot;</ETag>{sums}<Size>{each.size}</Size>"
            f"{_CLASSES[each.storage_class]}{end}</Contents>"
        )
    return bytes_of(found)


def _encode_buckets(op: operation.ListBuckets, result: operation.ListBucketsOutput) -> message.Response:
    buckets = [
        f"<Bucket><Name>{escape(each.name)}</Name><CreationDate>{time(each.created)}</CreationDate>"
        f"{element('BucketRegion', each.region)}</Bucket>"
        for each in result.buckets
    ]
    return written(
        "ListAllMyBucketsResult",
        field.owner("Owner", result.owner),
        f"<Buckets>{''.join(buckets)}</Buckets>",
        element("ContinuationToken", result.continuation_token),
        element("Prefix", op.prefix or None),
    )


def _encode_v1(op: operation.ListObjects, result: operation.ListObjectsOutput) -> message.Response:
    names = _Names(op.encoding_type)
    return written(
        "ListBucketResult",
        element("Name", op.bucket),
        names.element("Prefix", op.prefix),
        names.element("Marker", op.marker),
        names.element("NextMarker", result.next_marker),
        element("MaxKeys", op.max_keys),
        names.element("Delimiter", op.delimiter or None),
        element("EncodingType", op.encoding_type),
        element("IsTruncated", result.next_marker is not None),
        *_contents(result.contents, names),
        names.prefixes(result.common_prefixes),
    )


def _encode_v2(op: operation.ListObjectsV2, result: operation.ListObjectsV2Output) -> message.Response:
    names, last = _Names(op.encoding_type), result.next_marker
    return written(
        "ListBucketResult",
        element("Name", op.bucket),
        names.element("Prefix", op.prefix),
        names.element("StartAfter", op.start_after),
        element("ContinuationToken", op.continuation_token),
        element("NextContinuationToken", None if last is None else token_of(last)),
        element("KeyCount", len(result.contents) + len(result.common_prefixes)),
        element("MaxKeys", op.max_keys),
        names.element("Delimiter", op.delimiter or None),
        element("EncodingType", op.encoding_type),
        element("IsTruncated", last is not None),
        *_contents(result.contents, names),
        names.prefixes(result.common_prefixes),
    )


def _encode_versions(op: operation.ListObjectVersions, result: operation.ListObjectVersionsOutput) -> message.Response:
    names, owners, found = _Names(op.encoding_type), _Owners(), []
    for each, key in zip(result.versions, names.all([each.key for each in result.versions]), strict=True):
        begin = (
            f"<Key>{key}</Key><VersionId>{each.version_id}</VersionId>{element('IsLatest', each.is_latest)}"
            f"<LastModified>{time(each.modified)}</LastModified>"
        )
        owner = owners.element("Owner", each.owner)
        if isinstance(each, operation.DeleteMarkerEntry):
            found.append(f"<DeleteMarker>{begin}{owner}</DeleteMarker>")
        else:
            sums = _sums(each.checksum_algorithm, each.checksum_type)
            found.append(
                f"<Version>{begin}<ETag>&quot;{each.etag}&quot;</ETag>{sums}<Size>{each.size}</Size>"
                f"{_CLASSES[each.storage_class]}{owner}{_restore(each.restore)}</Version>"
            )
    return written(
        "ListVersionsResult",
        element("Name", op.bucket),
        names.element("Prefix", op.prefix),
        names.element("KeyMarker", op.key_marker),
        element("VersionIdMarker", op.version_id_marker),
        names.element("NextKeyMarker", result.next_key_marker),
        element("NextVersionIdMarker", result.next_version_id_marker),
        element("MaxKeys", op.max_keys),
        names.element("Delimiter", op.delimiter or None),
        element("EncodingType", op.encoding_type),
        element("IsTruncated", result.next_key_marker is not None),
        bytes_of(found),
        names.prefixes(result.common_prefixes),
    )


def _encode_uploads(
    op: operation.ListMultipartUploads, result: operation.ListMultipartUploadsOutput
) -> message.Response:
    names, owners = _Names(op.encoding_type), _Owners()
    uploads = [
        f"<Upload><Key>{key}</Key>{element('UploadId', each.upload_id)}"
        f"{owners.element('Initiator', each.initiator)}{owners.element('Owner', each.owner)}"
        f"{_CLASSES[each.storage_class]}<Initiated>{time(each.initiated)}</Initiated>"
        f"{_sums(each.checksum_algorithm, each.checksum_type)}</Upload>"
        for each, key in zip(result.uploads, names.all([each.key for each in result.uploads]), strict=True)
    ]
    return written(
        "ListMultipartUploadsResult",
        element("Bucket", op.bucket),
        names.element("KeyMarker", op.key_marker),
        element("UploadIdMarker", op.upload_id_marker),
        names.element("NextKeyMarker", result.next_key_marker),
        element("NextUploadIdMarker", result.next_upload_id_marker),
        names.element("Prefix", op.prefix),
        names.element("Delimiter", op.delimiter or None),
        element("MaxUploads", op.max_keys),
        element("EncodingType", op.encoding_type),
        element("IsTruncated", result.next_key_marker is not None),
        bytes_of(uploads),
        names.prefixes(result.common_prefixes),
    )


def _encode_parts(op: operation.ListParts, result: operation.ListPartsOutput) -> message.Response:
    parts = [
        f"<Part><PartNumber>{each.part_number}</PartNumber><LastModified>{time(each.modified)}</LastModified>"
        f"<ETag>&quot;{each.etag}&quot;</ETag><Size>{each.size}</Size>"
        f"{field.checksum_of(each.checksum, with_type=False)}</Part>"
        for each in result.parts
    ]
    return written(
        "ListPartsResult",
        element("Bucket", op.bucket),
        element("Key", op.key),
        element("UploadId", op.upload_id),
        field.owner("Initiator", result.initiator),
        field.owner("Owner", result.owner),
        _CLASSES[result.storage_class],
        element("PartNumberMarker", op.part_number_marker),
        # On the last page paginators, that of aws-sdk-js among them, would ask for what follows it, forever.
        element("NextPartNumberMarker", result.next_marker if result.truncated else None),
        element("MaxParts", op.max_parts),
        element("IsTruncated", result.truncated),
        _sums(result.checksum_algorithm, result.checksum_type),
        *parts,
    )


CODECS: dict[type, OperationCodec] = {
    operation.ListBuckets: OperationCodec(_decode_buckets, _encode_buckets),
    operation.ListObjects: OperationCodec(_decode_v1, _encode_v1),
    operation.ListObjectsV2: OperationCodec(_decode_v2, _encode_v2),
    operation.ListObjectVersions: OperationCodec(_decode_versions, _encode_versions),
    operation.ListMultipartUploads: OperationCodec(_decode_uploads, _encode_uploads),
    operation.ListParts: OperationCodec(_decode_parts, _encode_parts),
}
