"""Whole objects: put, get, head, copy, delete, restore, attributes.  Source: s3.md sections 3.3, 3.5, 3.7."""

from __future__ import annotations

from typing import Any

from uvideo._core import byterange, compat, message, restore
from uvideo.s3 import checksum, condition, field, operation, storing, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, empty, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import Checksum
from uvideo.s3.storage_class import shown
from uvideo.s3.xml_text import element, escape, time

__all__ = ["ATTRIBUTES", "CODECS", "DELETED", "OVERRIDES"]

DELETED = 1000  # objects of one DeleteObjects
ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
TIERS = ("Expedited", "Standard", "Bulk")
#: Parameters of a GET -> the header of the answer that they replace.
OVERRIDES = {f"response-{name.lower()}": name for name in ("Content-Type", *operation.KEPT)}


# Put


def _decode_put(asked: OperationRequest) -> operation.PutObject:
    return operation.PutObject(
        **storing.stored(asked),
        md5=checksum.content_md5(asked.headers),
        checksum=checksum.announced(asked.headers),
        conditions=condition.of_write(asked.headers),
    )


def _encode_put(op: operation.PutObject, result: operation.PutObjectOutput) -> message.Response:
    pairs = field.checksum_headers(result.checksum)
    return empty(200, ("ETag", field.quoted(result.etag)), *pairs, ("x-amz-version-id", result.version_id))


# Get and head


def _reading(asked: OperationRequest) -> dict[str, Any]:
    """The fields of a GET or HEAD."""
    storing.refuse_unserved(asked.headers)
    given, part = asked.headers.get("Range"), asked.query.get("partNumber")
    if given and part is not None:
        raise S3Error("InvalidRequest", message="Cannot specify both Range header and partNumber query parameter")
    return {
        **field.of_version(asked),
        "range": byterange.parse(given),
        "part_number": None if part is None else field.part_number(asked),
        "conditions": condition.of_read(asked.headers),
        "overrides": _overrides(asked),
        "checksum_mode": asked.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED",
    }


def _overrides(asked: OperationRequest) -> operation.Pairs:
    if not asked.query:
        return ()
    found = [(header, asked.query[name]) for name, header in OVERRIDES.items() if name in asked.query]
    for name, value in found:
        if field.has_control(value):
            raise field.invalid("A header cannot hold control characters", f"response-{name.lower()}", value)
    return tuple(found)


def _decode_get(asked: OperationRequest) -> operation.GetObject:
    return operation.GetObject(**_reading(asked))


def _decode_head(asked: OperationRequest) -> operation.HeadObject:
    return operation.HeadObject(**_reading(asked))


def _encode_object(
    op: operation.ReadingOperation, result: operation.GetObjectOutput | operation.NotModified
) -> message.Response:
    """The headers of the answer to a GET or HEAD.  The bytes are sent separately."""
    if isinstance(result, operation.NotModified):
        modified = field.time_header(result.modified)
        return empty(304, ("ETag", field.quoted(result.etag)), modified, ("x-amz-version-id", result.version_id))
    kept = {"Content-Type": result.content_type}
    if result.headers or op.overrides:
        kept |= dict((*result.headers, *op.overrides))
    first, length = result.span or (0, result.size)
    pairs = [
        *kept.items(),
        ("ETag", field.quoted(result.etag)),
        field.time_header(result.modified),
        ("Accept-Ranges", "bytes"),
        ("Content-Length", str(length)),
        ("Vary", "Origin"),
    ]
    if result.span is not None:
        pairs.append(("Content-Range", byterange.build_content(first, length, result.size)))
    if result.storage_class != "STANDARD":
        pairs.append(("x-amz-storage-class", shown(result.storage_class)))
    if result.version_id is not None:
        pairs.append(("x-amz-version-id", result.version_id))
    if result.checksum is not None:
        pairs += field.checksum_headers(result.checksum)
    if result.parts_count is not None:
        pairs.append(("x-amz-mp-parts-count", str(result.parts_count)))
    if result.tag_count:
        pairs.append(("x-amz-tagging-count", str(result.tag_count)))
    if result.restore is not None:
        pairs.append(("x-amz-restore", _restore(result.restore)))
    if result.redirect is not None:
        pairs.append(("x-amz-website-redirect-location", result.redirect))
    if result.metadata:
        pairs += [(storing.META + name, value) for name, value in result.metadata]
    return message.Response(200 if result.span is None else 206, message.Headers(pairs), b"")


def _restore(state: operation.Restore) -> str:
    return 'ongoing-request="true"' if state.ongoing else restore.build(state.expiry or 0)


# Copy


def _decode_copy(asked: OperationRequest) -> operation.CopyObject:
    algorithm = asked.headers.get("x-amz-checksum-algorithm")
    return operation.CopyObject(
        **storing.stored(asked),
        source=field.source(asked),
        metadata_directive=field.directive(asked, "x-amz-metadata-directive"),
        tagging_directive=field.directive(asked, "x-amz-tagging-directive"),
        source_conditions=condition.of_source(asked.headers),
        source_expected_owner=asked.headers.get("x-amz-source-expected-bucket-owner"),
        conditions=condition.of_write(asked.headers),
        checksum_algorithm=checksum.algorithm_of(algorithm) if algorithm else None,
    )


def _encode_copy(op: operation.CopyObject, result: operation.CopyObjectOutput) -> message.Response:
    return written(
        "CopyObjectResult",
        element("LastModified", time(result.modified)),
        element("ETag", field.quoted(result.etag)),
        field.checksum_of(result.checksum),
        headers=(
            ("x-amz-copy-source-version-id", result.source_version_id),
            ("x-amz-version-id", result.version_id),
        ),
    )


# Delete


def _decode_delete(asked: OperationRequest) -> operation.DeleteObject:
    return operation.DeleteObject(**field.of_version(asked), conditions=condition.of_delete(asked.headers))


def _encode_delete(op: operation.DeleteObject, result: operation.DeleteObjectOutput) -> message.Response:
    marker = "true" if result.delete_marker else None
    return empty(204, ("x-amz-delete-marker", marker), ("x-amz-version-id", result.version_id))


#: Elements of one object to delete -> the headers in which DeleteObject has the same conditions.
_CONDITIONS = {
    "ETag": "If-Match",
    "LastModifiedTime": "x-amz-if-match-last-modified-time",
    "Size": "x-amz-if-match-size",
}


def _identifier(each: xml.Element) -> operation.ObjectIdentifier:
    key = each.need("Key")
    if not key:
        raise S3Error("MalformedXML")
    found = [(header, each.get(name)) for name, header in _CONDITIONS.items()]
    conditions = message.Headers([(header, value) for header, value in found if value is not None])
    version = field.version(each.get("VersionId") or None)
    return operation.ObjectIdentifier(key=key, version_id=version, conditions=condition.of_delete(conditions))


def _decode_delete_many(asked: OperationRequest) -> operation.DeleteObjects:
    checksum.check_body(asked.headers, asked.body)
    root = xml.read(asked.body, "Delete", limit=xml.BULK)
    found = root.all("Object")
    if not 1 <= len(found) <= DELETED:
        raise S3Error("MalformedXML")
    quiet = (root.get("Quiet") or "").strip().lower() == "true"
    return operation.DeleteObjects(**field.of_bucket(asked), objects=tuple(map(_identifier, found)), quiet=quiet)


def _encode_delete_many(op: operation.DeleteObjects, result: operation.DeleteObjectsOutput) -> message.Response:
    deleted = [
        f"<Deleted><Key>{escape(each.key)}</Key>{element('VersionId', each.version_id)}"
        f"{element('DeleteMarker', each.delete_marker or None)}"
        f"{element('DeleteMarkerVersionId', each.delete_marker_version_id)}</Deleted>"
        for each in (() if op.quiet else result.deleted)
    ]
    failed = [
        f"<Error><Key>{escape(each.key)}</Key>{element('VersionId', each.version_id)}{element('Code', each.code)}"
        f"{element('Message', each.message)}</Error>"
        for each in result.errors
    ]
    return written("DeleteResult", *deleted, *failed)


# Attributes


def _decode_attributes(asked: OperationRequest) -> operation.GetObjectAttributes:
    names = {name.strip() for value in asked.headers.all("x-amz-object-attributes") for name in value.split(",")}
    unknown = sorted(names.difference(ATTRIBUTES))
    if unknown or not names:
        raise field.invalid("Invalid attribute name specified.", "x-amz-object-attributes", ",".join(unknown))
    marker = field.number(asked.headers.get("x-amz-part-number-marker"), "x-amz-part-number-marker", 0)
    return operation.GetObjectAttributes(
        **field.of_version(asked),
        attributes=frozenset(names),
        max_parts=min(field.number(asked.headers.get("x-amz-max-parts"), "x-amz-max-parts", 1000), 1000),
        part_number_marker=marker,
    )


def _sum(name: str, found: Checksum | None) -> str:
    return "" if found is None else f"<{name}>{field.checksum_of(found)}</{name}>"


def _parts(op: operation.GetObjectAttributes, found: operation.ObjectParts | None) -> str:
    if found is None:
        return ""
    parts = [
        f"<Part><PartNumber>{each.part_number}</PartNumber><Size>{each.size}</Size>"
        f"{field.checksum_of(each.checksum, with_type=False)}</Part>"
        for each in found.parts
    ]
    return (
        f"<ObjectParts>{element('PartsCount', found.count)}{element('PartNumberMarker', op.part_number_marker)}"
        f"{element('NextPartNumberMarker', found.next_marker)}{element('MaxParts', op.max_parts)}"
        f"{element('IsTruncated', found.truncated)}{''.join(parts)}</ObjectParts>"
    )


def _encode_attributes(
    op: operation.GetObjectAttributes, result: operation.GetObjectAttributesOutput
) -> message.Response:
    found = {
        "ETag": element("ETag", result.etag),
        "Checksum": _sum("Checksum", result.checksum),
        "ObjectParts": _parts(op, result.parts),
        "StorageClass": element("StorageClass", shown(result.storage_class)),
        "ObjectSize": element("ObjectSize", result.size),
    }
    return written(
        "GetObjectAttributesResponse",
        *(text for name, text in found.items() if name in op.attributes),
        headers=(field.time_header(result.modified), ("x-amz-version-id", result.version_id)),
    )


# Restore


def _decode_restore(asked: OperationRequest) -> operation.RestoreObject:
    checksum.check_body(asked.headers, asked.body, required=False)
    fields = field.of_version(asked)
    if not asked.body.strip():
        return operation.RestoreObject(**fields)
    root = xml.read(asked.body, "RestoreRequest")
    if any(root.find(name) is not None for name in ("Type", "SelectParameters", "OutputLocation")):
        raise S3Error("NotImplemented")
    days, glacier = root.get("Days"), root.find("GlacierJobParameters")
    tier = root.get("Tier") if glacier is None else glacier.get("Tier")
    count = None if days is None else compat.whole(days.strip())
    if (tier is not None and tier not in TIERS) or (days is not None and not count):
        raise S3Error("MalformedXML")
    return operation.RestoreObject(**fields, days=count, tier=tier)


def _encode_restore(op: operation.RestoreObject, result: operation.RestoreObjectOutput) -> message.Response:
    return empty(200 if result.restored else 202)


CODECS: dict[type, OperationCodec] = {
    operation.PutObject: OperationCodec(_decode_put, _encode_put),
    operation.GetObject: OperationCodec(_decode_get, _encode_object),
    operation.HeadObject: OperationCodec(_decode_head, _encode_object),
    operation.CopyObject: OperationCodec(_decode_copy, _encode_copy),
    operation.DeleteObject: OperationCodec(_decode_delete, _encode_delete),
    operation.DeleteObjects: OperationCodec(_decode_delete_many, _encode_delete_many),
    operation.GetObjectAttributes: OperationCodec(_decode_attributes, _encode_attributes),
    operation.RestoreObject: OperationCodec(_decode_restore, _encode_restore),
}
