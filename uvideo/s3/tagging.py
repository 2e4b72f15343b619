"""Tags of buckets and objects.  Source: s3.md sections 3.2 and 3.3."""

from __future__ import annotations

from uvideo._core import compat, message
from uvideo.s3 import checksum, field, operation, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, empty, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import Pairs
from uvideo.s3.xml_text import element

__all__ = ["CODECS", "of_document", "of_header"]

OF_BUCKET, OF_OBJECT = 50, 10
KEY, VALUE = 128, 256  # characters


def _checked(tags: list[tuple[str, str]], limit: int) -> Pairs:
    """InvalidTag."""
    if len(tags) > limit:
        raise S3Error("InvalidTag", message=f"There can be at most {limit} tags.")
    for key, value in tags:
        if not 1 <= len(key) <= KEY:
            raise S3Error("InvalidTag", message="The TagKey you have provided is invalid", TagKey=key)
        if len(value) > VALUE:
            raise S3Error("InvalidTag", message="The TagValue you have provided is invalid", TagValue=value)
    if len({key for key, _ in tags}) < len(tags):
        raise S3Error("InvalidTag", message="Cannot provide multiple Tags with the same key")
    return tuple(tags)


def of_header(value: str | None) -> Pairs:
    """The tags of x-amz-tagging, in the form of a query; "=" may be missing.  InvalidArgument; InvalidTag."""
    if not value:
        return ()
    try:
        found = compat.parse_query(value)
    except ValueError:
        raise field.invalid("The tags are not in the form of a query in UTF-8", "x-amz-tagging", value) from None
    return _checked(found, OF_OBJECT)


def of_document(body: bytes, limit: int = OF_OBJECT) -> Pairs:
    """The tags of a Tagging document.  MalformedXML; InvalidTag."""
    sets = xml.read(body, "Tagging").find("TagSet")
    if sets is None:
        raise S3Error("MalformedXML")
    return _checked([(each.need("Key"), each.need("Value")) for each in sets.all("Tag")], limit)


def _tag_set(tags: Pairs) -> str:
    found = [f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags]
    return f"<TagSet>{''.join(found)}</TagSet>"


def _decode_put_bucket(asked: OperationRequest) -> operation.PutBucketTagging:
    checksum.check_body(asked.headers, asked.body)
    return operation.PutBucketTagging(**field.of_bucket(asked), tags=of_document(asked.body, OF_BUCKET))


def _encode_bucket(op: operation.GetBucketTagging, result: operation.GetBucketTaggingOutput) -> message.Response:
    return written("Tagging", _tag_set(result.tags))


def _encode_get(op: operation.GetObjectTagging, result: operation.GetObjectTaggingOutput) -> message.Response:
    return written("Tagging", _tag_set(result.tags), headers=(("x-amz-version-id", result.version_id),))


def _decode_put(asked: OperationRequest) -> operation.PutObjectTagging:
    checksum.check_body(asked.headers, asked.body, required=False)
    return operation.PutObjectTagging(**field.of_version(asked), tags=of_document(asked.body))


def _encode_put(op: operation.PutObjectTagging, result: operation.PutObjectTaggingOutput) -> message.Response:
    return empty(200, ("x-amz-version-id", result.version_id))


def _encode_delete(op: operation.DeleteObjectTagging, result: operation.DeleteObjectTaggingOutput) -> message.Response:
    return empty(204, ("x-amz-version-id", result.version_id))


CODECS: dict[type, OperationCodec] = {
    operation.GetBucketTagging: OperationCodec(field.on_bucket(operation.GetBucketTagging), _encode_bucket),
    operation.PutBucketTagging: OperationCodec(_decode_put_bucket, bare(204)),
    operation.DeleteBucketTagging: OperationCodec(field.on_bucket(operation.DeleteBucketTagging), bare(204)),
    operation.GetObjectTagging: OperationCodec(field.on_version(operation.GetObjectTagging), _encode_get),
    operation.PutObjectTagging: OperationCodec(_decode_put, _encode_put),
    operation.DeleteObjectTagging: OperationCodec(field.on_version(operation.DeleteObjectTagging), _encode_delete),
}
