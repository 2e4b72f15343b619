"""Whole objects: botocore's requests are decoded, and it reads the answers."""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from test.s3 import values as v
from test.s3.oracle import oracle
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import condition, dialect, operation, xml
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import CopySource

ascii_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
metadata = st.dictionaries(st.text("abc-_.09", min_size=1, max_size=8), st.just("") | ascii_values, max_size=3)
CLASS_OF = {"STANDARD": "STANDARD", "STANDARD_IA": "STANDARD", "GLACIER_IR": "IA", "DEEP_ARCHIVE": "ARCHIVE"}
canned = st.sampled_from(["private", "public-read", "public-read-write"])
STORED: dict[str, Any] = {
    "ContentType": ascii_values,
    "CacheControl": ascii_values,
    "ContentDisposition": ascii_values,
    "ContentLanguage": ascii_values,
    "ContentEncoding": st.sampled_from(
        ["gzip", "aws-chunked", "aws-chunked, gzip", "deflate, gzip", "gzip,aws-chunked"]
    ),
    "Metadata": metadata,
    "StorageClass": st.sampled_from(sorted(CLASS_OF)),
    "ACL": canned,
    "Tagging": st.sampled_from(["", "a=b&c", "x=%E8%A7%86+1&y="]),
    "WebsiteRedirectLocation": ascii_values,
}
ENCODINGS = {"aws-chunked": None, "aws-chunked, gzip": "gzip", "gzip,aws-chunked": "gzip"}
TAGS = {"": (), "a=b&c": (("a", "b"), ("c", "")), "x=%E8%A7%86+1&y=": (("x", "\u89c6 1"), ("y", ""))}
write_conditions = {"IfMatch": ascii_values, "IfNoneMatch": st.just("*") | ascii_values}


def fields(bucket: str, key: str, params: dict[str, Any]) -> dict[str, Any]:
    """Those of a StoringOperation."""
    encoding = params.get("ContentEncoding")
    kept = [
        ("Cache-Control", params.get("CacheControl")),
        ("Content-Disposition", params.get("ContentDisposition")),
        ("Content-Encoding", ENCODINGS.get(encoding, encoding) if encoding else None),
        ("Content-Language", params.get("ContentLanguage")),
    ]
    return {
        "bucket": bucket,
        "key": key,
        "content_type": params.get("ContentType"),
        "headers": tuple((name, value) for name, value in kept if value),
        "metadata": tuple(sorted(params.get("Metadata", {}).items())),
        "storage_class": CLASS_OF.get(params.get("StorageClass", "")),
        "acl": params.get("ACL"),
        "tags": TAGS[params.get("Tagging", "")],
        "redirect": params.get("WebsiteRedirectLocation"),
    }


def written(params: dict[str, Any]) -> condition.WriteConditions:
    return condition.WriteConditions(if_match=params.get("IfMatch"), if_none_match=params.get("IfNoneMatch"))


def crc(value: str) -> operation.AnnouncedChecksum:
    return operation.AnnouncedChecksum(algorithm="CRC32", value=value)


HELLO = "NhCmhg=="  # of b"hello"
MD5 = hashlib.md5(b"hello")


@v.few
@given(
    v.buckets,
    v.any_keys,
    st.fixed_dictionaries({}, optional={**STORED, **write_conditions, "ContentMD5": st.just(True)}),
    st.builds(operation.PutObjectOutput, etag=v.etags, checksum=v.optional_checksums, version_id=v.versions),
)
def test_put(bucket: str, key: str, params: dict[str, Any], result: operation.PutObjectOutput) -> None:
    if "ContentMD5" in params:
        params["ContentMD5"] = base64.b64encode(MD5.digest()).decode()
    op, parsed = oracle().ask(operation.PutObject, {"Bucket": bucket, "Key": key, "Body": b"hello", **params}, result)
    assert op == operation.PutObject(
        **fields(bucket, key, params),
        md5=MD5.hexdigest() if "ContentMD5" in params else None,
        checksum=crc(HELLO),
        conditions=written(params),
    )
    assert parsed == v.known(ETag=f'"{result.etag}"', VersionId=result.version_id, **v.shown_sum(result.checksum))


reading: dict[str, Any] = {
    "VersionId": v.words,
    "IfMatch": ascii_values,
    "IfNoneMatch": ascii_values,
    "IfModifiedSince": v.times,
    "IfUnmodifiedSince": v.times,
    "ResponseContentType": v.text,
    "ResponseCacheControl": v.text,
    "ResponseContentDisposition": v.text,
    "ResponseExpires": v.times,
}
overridden = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
for _name in ("ResponseContentType", "ResponseCacheControl", "ResponseContentDisposition"):
    reading[_name] = overridden

found_objects = st.builds(
    operation.GetObjectOutput,
    size=st.just(5),
    etag=v.etags,
    modified=v.times,
    content_type=ascii_values,
    storage_class=v.classes,
    span=st.none() | st.just((1, 3)),
    headers=st.just(()) | st.just((("Cache-Control", "x"), ("Content-Encoding", "gzip"))),
    metadata=metadata.map(lambda found: tuple(sorted(found.items()))),
    redirect=st.none() | ascii_values,
    version_id=v.versions,
    checksum=v.optional_checksums,
    parts_count=st.none() | st.integers(1, 10000),
    tag_count=st.integers(0, 10),
    restore=st.none() | v.restores,
)


def http(seconds: int | None) -> str:
    return formatdate(seconds, usegmt=True)


def read_fields(bucket: str, key: str, params: dict[str, Any]) -> dict[str, Any]:
    overrides = [
        ("Content-Type", params.get("ResponseContentType")),
        ("Cache-Control", params.get("ResponseCacheControl")),
        ("Content-Disposition", params.get("ResponseContentDisposition")),
        ("Expires", http(params["ResponseExpires"]) if "ResponseExpires" in params else None),
    ]
    return {
        "bucket": bucket,
        "key": key,
        "version_id": params.get("VersionId"),
        "part_number": params.get("PartNumber"),
        "conditions": condition.ReadConditions(
            if_match=params.get("IfMatch"),
            if_none_match=params.get("IfNoneMatch"),
            if_modified_since=params.get("IfModifiedSince"),
            if_unmodified_since=params.get("IfUnmodifiedSince"),
        ),
        "overrides": tuple((name, value) for name, value in overrides if value is not None),
    }


def shown(op: operation.ReadingOperation, result: operation.GetObjectOutput) -> dict[str, Any]:
    given = {"Content-Type": result.content_type, **dict(result.headers), **dict(op.overrides)}
    restore = result.restore
    told = None
    if restore is not None:
        told = (
            'ongoing-request="true"'
            if restore.ongoing
            else f'ongoing-request="false", expiry-date="{http(restore.expiry)}"'
        )
    return v.known(
        ETag=f'"{result.etag}"',
        LastModified=v.date(result.modified),
        AcceptRanges="bytes",
        ContentLength=5 if result.span is None else 3,
        ContentRange=None if result.span is None else "bytes 1-3/5",
        ContentType=given["Content-Type"],
        CacheControl=given.get("Cache-Control"),
        ContentEncoding=given.get("Content-Encoding"),
        ContentDisposition=given.get("Content-Disposition"),
        StorageClass=None if result.storage_class == "STANDARD" else v.SHOWN[result.storage_class],
        VersionId=result.version_id,
        Metadata=dict(result.metadata),
        WebsiteRedirectLocation=result.redirect,
        PartsCount=result.parts_count,
        TagCount=result.tag_count or None,
        Restore=told,
        **v.shown_sum(result.checksum),
    )


@v.few
@given(
    v.buckets,
    v.any_keys,
    st.fixed_dictionaries({}, optional={**reading, "PartNumber": st.integers(1, 10000)}),
    found_objects,
    st.booleans(),
)
def test_get_and_head(
    bucket: str, key: str, params: dict[str, Any], result: operation.GetObjectOutput, head: bool
) -> None:
    cls = operation.HeadObject if head else operation.GetObject
    op, parsed = oracle().ask(cls, {"Bucket": bucket, "Key": key, **params}, result, b"" if head else b"12345"[1:4])
    assert op == cls(**read_fields(bucket, key, params), checksum_mode=not head)
    if "ResponseExpires" in params:
        parsed.pop("Expires", None), parsed.pop("ExpiresString")
    parsed.pop("Body", None)
    assert parsed == shown(op, result)


@pytest.mark.parametrize(
    "value,span",
    [
        ("bytes=0-4", ByteRange(0, 4)),
        ("bytes=3-", ByteRange(3, None)),
        ("bytes=-2", ByteRange(None, 2)),
        ("bytes=1-2,4-5", None),
        ("bytes=9-2", None),
        ("words=1-2", None),
    ],
)
def test_a_range(value: str, span: ByteRange | None) -> None:
    found = operation.GetObjectOutput(size=5, etag="e", modified=1, content_type="a/b", storage_class="STANDARD")
    op, _ = oracle().ask(operation.GetObject, {"Bucket": "bucket", "Key": "k", "Range": value}, found, b"12345")
    assert op.range == span


@pytest.mark.parametrize("cls", [operation.GetObject, operation.HeadObject])
def test_not_modified(cls: type[operation.Operation]) -> None:
    answer = operation.NotModified(etag="e-1", modified=86400, version_id="v")
    with pytest.raises(ClientError) as caught:
        oracle().ask(cls, {"Bucket": "bucket", "Key": "k", "IfNoneMatch": '"e-1"'}, answer)
    told = caught.value.response["ResponseMetadata"]
    assert told["HTTPStatusCode"] == 304
    assert (told["HTTPHeaders"]["etag"], told["HTTPHeaders"]["x-amz-version-id"]) == ('"e-1"', "v")
    assert told["HTTPHeaders"]["last-modified"] == "Fri, 02 Jan 1970 00:00:00 GMT"


source_conditions = {
    "CopySourceIfMatch": ascii_values,
    "CopySourceIfNoneMatch": ascii_values,
    "CopySourceIfModifiedSince": v.times,
    "CopySourceIfUnmodifiedSince": v.times,
}


def of_source(params: dict[str, Any]) -> condition.ReadConditions:
    return condition.ReadConditions(
        if_match=params.get("CopySourceIfMatch"),
        if_none_match=params.get("CopySourceIfNoneMatch"),
        if_modified_since=params.get("CopySourceIfModifiedSince"),
        if_unmodified_since=params.get("CopySourceIfUnmodifiedSince"),
    )


def given_source(source: CopySource) -> dict[str, str]:
    return v.known(Bucket=source.bucket, Key=source.key, VersionId=source.version_id)


sources = st.builds(CopySource, bucket=v.buckets, key=v.any_keys, version_id=v.versions)


@v.few
@given(
    v.buckets,
    v.any_keys,
    sources,
    st.fixed_dictionaries(
        {},
        optional={
            **STORED,
            **write_conditions,
            **source_conditions,
            "MetadataDirective": st.sampled_from(["COPY", "REPLACE"]),
            "TaggingDirective": st.sampled_from(["COPY", "REPLACE"]),
            "ChecksumAlgorithm": st.sampled_from(operation.ALGORITHMS),
            "ExpectedSourceBucketOwner": v.words,
        },
    ),
    st.builds(
        operation.CopyObjectOutput,
        etag=v.etags,
        modified=v.times,
        checksum=v.optional_checksums,
        version_id=v.versions,
        source_version_id=v.versions,
    ),
)
def test_copy(
    bucket: str, key: str, source: CopySource, params: dict[str, Any], result: operation.CopyObjectOutput
) -> None:
    asked = {"Bucket": bucket, "Key": key, "CopySource": given_source(source), **params}
    op, parsed = oracle().ask(operation.CopyObject, asked, result)
    assert op == operation.CopyObject(
        **fields(bucket, key, params),
        source=source,
        metadata_directive=params.get("MetadataDirective", "COPY"),
        tagging_directive=params.get("TaggingDirective", "COPY"),
        source_conditions=of_source(params),
        source_expected_owner=params.get("ExpectedSourceBucketOwner"),
        conditions=written(params),
        checksum_algorithm=params.get("ChecksumAlgorithm"),
    )
    copied = parsed.pop("CopyObjectResult")
    assert copied == v.known(
        ETag=f'"{result.etag}"', LastModified=v.date(result.modified), **v.shown_sum(result.checksum)
    )
    assert parsed == v.known(VersionId=result.version_id, CopySourceVersionId=result.source_version_id)


@pytest.mark.parametrize(
    "value,source",
    [
        ("b/k", ("b", "k", None)),
        ("/b/k/l", ("b", "k/l", None)),
        ("b//k", ("b", "/k", None)),
        ("%2Fb%2Fk", ("b", "k", None)),
        ("b/%3FversionId", ("b", "?versionId", None)),
        ("b/k%25.txt", ("b", "k%.txt", None)),
        ("b/a+b", ("b", "a+b", None)),
        ("b/k?versionId=1?versionId=v", ("b", "k?versionId=1", "v")),
        ("b/k?versionId=null", ("b", "k", "null")),
        ("b/\u89c6", ("b", "\u89c6", None)),
        ("b/%E8%A7%86", ("b", "\u89c6", None)),
        ("b", None),
        ("b/", None),
        ("/", None),
        ("", None),
        ("b/%ff", None),
        ("b/%zz", None),
        ("b/%00", None),
        ("b/k?versionId=", None),
        ("b/k?versionId=%0a", None),
    ],
)
def test_a_copy_source(value: str, source: tuple[str, str, str | None] | None) -> None:
    call = OperationRequest("bucket", "key", {}, Headers([("x-amz-copy-source", value)]))
    if source is None:
        with pytest.raises(S3Error) as caught:
            dialect.decode(operation.CopyObject, call)
        assert caught.value.code == "InvalidArgument"
        return
    op = dialect.decode(operation.CopyObject, call)
    assert isinstance(op, operation.CopyObject)
    assert (op.source.bucket, op.source.key, op.source.version_id) == source


@v.few
@given(
    v.buckets,
    v.any_keys,
    st.fixed_dictionaries(
        {},
        optional={
            "VersionId": v.words,
            "IfMatch": ascii_values,
            "IfMatchLastModifiedTime": v.times,
            "IfMatchSize": v.sizes,
        },
    ),
    st.builds(operation.DeleteObjectOutput, delete_marker=st.booleans(), version_id=v.versions),
)
def test_delete(bucket: str, key: str, params: dict[str, Any], result: operation.DeleteObjectOutput) -> None:
    op, parsed = oracle().ask(operation.DeleteObject, {"Bucket": bucket, "Key": key, **params}, result)
    assert op == operation.DeleteObject(
        bucket=bucket,
        key=key,
        version_id=params.get("VersionId"),
        conditions=condition.DeleteConditions(
            if_match=params.get("IfMatch"),
            last_modified=params.get("IfMatchLastModifiedTime"),
            size=params.get("IfMatchSize"),
        ),
    )
    assert parsed == v.known(DeleteMarker=result.delete_marker or None, VersionId=result.version_id)


identifiers = st.fixed_dictionaries(
    {"Key": v.keys},
    optional={"VersionId": v.words, "ETag": v.etags, "LastModifiedTime": v.times, "Size": v.sizes},
)


@v.few
@given(
    v.buckets,
    st.lists(identifiers, min_size=1, max_size=4),
    st.booleans(),
    st.builds(
        operation.DeleteObjectsOutput,
        deleted=st.lists(
            st.builds(
                operation.DeletedObject,
                key=v.keys,
                version_id=v.versions,
                delete_marker=st.booleans(),
                delete_marker_version_id=v.versions,
            ),
            max_size=3,
        ).map(tuple),
        errors=st.lists(
            st.builds(
                operation.DeleteFailure,
                key=v.keys,
                code=st.just("AccessDenied"),
                message=v.text,
                version_id=v.versions,
            ),
            max_size=2,
        ).map(tuple),
    ),
)
def test_delete_objects(
    bucket: str, asked: list[dict[str, Any]], quiet: bool, result: operation.DeleteObjectsOutput
) -> None:
    params = {"Bucket": bucket, "Delete": {"Objects": asked, "Quiet": quiet}}
    op, parsed = oracle().ask(operation.DeleteObjects, params, result)
    assert op == operation.DeleteObjects(
        bucket=bucket,
        quiet=quiet,
        objects=tuple(
            operation.ObjectIdentifier(
                key=each["Key"],
                version_id=each.get("VersionId"),
                conditions=condition.DeleteConditions(
                    if_match=each.get("ETag"), last_modified=each.get("LastModifiedTime"), size=each.get("Size")
                ),
            )
            for each in asked
        ),
    )
    deleted = [
        v.known(
            Key=each.key,
            VersionId=each.version_id,
            DeleteMarker=each.delete_marker or None,
            DeleteMarkerVersionId=each.delete_marker_version_id,
        )
        for each in result.deleted
    ]
    errors = [
        v.known(Key=each.key, VersionId=each.version_id, Code=each.code, Message=each.message) for each in result.errors
    ]
    assert parsed == v.known(Deleted=[] if quiet else deleted, Errors=errors)


ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


@v.few
@given(
    v.buckets,
    v.any_keys,
    st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=5, unique=True),
    st.fixed_dictionaries(
        {},
        optional={"VersionId": v.words, "MaxParts": st.integers(0, 2000), "PartNumberMarker": st.integers(0, 10000)},
    ),
    st.builds(
        operation.GetObjectAttributesOutput,
        etag=v.etags,
        modified=v.times,
        size=v.sizes,
        storage_class=v.classes,
        checksum=v.optional_checksums,
        version_id=v.versions,
        parts=st.none()
        | st.builds(
            operation.ObjectParts,
            count=st.integers(1, 10000),
            parts=st.lists(
                st.builds(
                    operation.ObjectPart,
                    part_number=st.integers(1, 10000),
                    size=v.sizes,
                    checksum=v.optional_checksums,
                ),
                max_size=3,
            ).map(tuple),
            next_marker=st.integers(0, 10000),
            truncated=st.booleans(),
        ),
    ),
)
def test_attributes(
    bucket: str, key: str, names: list[str], params: dict[str, Any], result: operation.GetObjectAttributesOutput
) -> None:
    asked = {"Bucket": bucket, "Key": key, "ObjectAttributes": names, **params}
    op, parsed = oracle().ask(operation.GetObjectAttributes, asked, result)
    assert op == operation.GetObjectAttributes(
        bucket=bucket,
        key=key,
        version_id=params.get("VersionId"),
        attributes=frozenset(names),
        max_parts=min(params.get("MaxParts", 1000), 1000),
        part_number_marker=params.get("PartNumberMarker", 0),
    )
    parts = result.parts
    everything = v.known(
        ETag=result.etag,
        Checksum=v.shown_sum(result.checksum) or None,
        StorageClass=v.SHOWN[result.storage_class],
        ObjectSize=result.size,
        ObjectParts=None
        if parts is None
        else v.known(
            TotalPartsCount=parts.count,
            PartNumberMarker=op.part_number_marker,
            NextPartNumberMarker=parts.next_marker,
            MaxParts=op.max_parts,
            IsTruncated=parts.truncated,
            Parts=[
                {"PartNumber": each.part_number, "Size": each.size, **v.shown_sum(each.checksum, with_type=False)}
                for each in parts.parts
            ],
        ),
    )
    known = {name: value for name, value in everything.items() if name in names}
    assert parsed == known | v.known(LastModified=v.date(result.modified), VersionId=result.version_id)


@pytest.mark.parametrize("value", [None, "", "ETag,Other", "etag"])
def test_an_unknown_attribute(value: str | None) -> None:
    headers = Headers([] if value is None else [("x-amz-object-attributes", value)])
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.GetObjectAttributes, OperationRequest("bucket", "k", {"attributes": ""}, headers))
    assert caught.value.code == "InvalidArgument"


@v.few
@given(
    v.any_keys,
    st.fixed_dictionaries({}, optional={"Days": st.integers(1, 1000)}),
    st.none() | st.sampled_from(["Expedited", "Standard", "Bulk"]),
    st.booleans(),
)
def test_restore(key: str, request: dict[str, Any], tier: str | None, restored: bool) -> None:
    if tier is not None:
        request["GlacierJobParameters"] = {"Tier": tier}
    asked = {"Bucket": "bucket", "Key": key, **({"RestoreRequest": request} if request else {})}
    op, _ = oracle().ask(operation.RestoreObject, asked, operation.RestoreObjectOutput(restored=restored))
    assert op == operation.RestoreObject(bucket="bucket", key=key, days=request.get("Days"), tier=tier)
    response = oracle().response
    assert response is not None and response.status == (200 if restored else 202)


BODY = b"<RestoreRequest><Days>1</Days></RestoreRequest>"


@pytest.mark.parametrize(
    "body,code",
    [
        (b"<RestoreRequest><Days>0</Days></RestoreRequest>", "MalformedXML"),
        (b"<RestoreRequest><Days>x</Days></RestoreRequest>", "MalformedXML"),
        (b"<RestoreRequest><Tier>Fast</Tier></RestoreRequest>", "MalformedXML"),
        (b"<RestoreRequest><Type>SELECT</Type></RestoreRequest>", "NotImplemented"),
        (b"<Restore/>", "MalformedXML"),
    ],
)
def test_a_wrong_restore(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.RestoreObject, OperationRequest("bucket", "k", {"restore": ""}, Headers(), body))
    assert caught.value.code == code


def put(*headers: tuple[str, str], key: str = "k", **query: str) -> operation.Operation:
    return dialect.decode(operation.PutObject, OperationRequest("bucket", key, query, Headers(headers)))


@pytest.mark.parametrize(
    "headers,code",
    [
        ([("Content-MD5", "YWJyYWNhZGFicmE=")], "InvalidDigest"),
        ([("Content-MD5", "")], "InvalidDigest"),
        ([("x-amz-storage-class", "FAST")], "InvalidStorageClass"),
        ([("x-amz-acl", "authenticated-read")], "InvalidArgument"),
        ([("x-amz-server-side-encryption", "AES256")], "NotImplemented"),
        ([("X-Amz-Server-Side-Encryption-Customer-Key", "x")], "NotImplemented"),
        ([("x-amz-object-lock-mode", "GOVERNANCE")], "NotImplemented"),
        ([("x-amz-write-offset-bytes", "1")], "NotImplemented"),
        ([("x-amz-meta-a", "x" * 8192)], "MetadataTooLarge"),
        ([(f"x-amz-meta-{number}", "") for number in range(81)], "MetadataTooLarge"),
        ([("x-amz-meta-", "x")], "InvalidArgument"),
        ([("x-amz-meta-a", " x")], "InvalidArgument"),
        ([("x-amz-tagging", "&".join(f"{number}=" for number in range(11)))], "InvalidTag"),
        ([("x-amz-tagging", "k" * 129 + "=v")], "InvalidTag"),
        ([("x-amz-tagging", "k=" + "v" * 257)], "InvalidTag"),
        ([("x-amz-tagging", "=v")], "InvalidTag"),
        ([("x-amz-tagging", "k=1&k=2")], "InvalidTag"),
        ([("x-amz-tagging", "k=%ff")], "InvalidArgument"),
    ],
)
def test_what_a_put_must_not_say(headers: list[tuple[str, str]], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        put(*headers)
    assert caught.value.code == code


def test_a_key_of_1025_bytes() -> None:
    assert isinstance(put(key="\u89c6" * 341 + "a"), operation.PutObject)
    with pytest.raises(S3Error) as caught:
        put(key="\u89c6" * 341 + "ab")
    assert (caught.value.code, caught.value.status) == ("KeyTooLongError", 400)


def test_metadata_of_one_name_is_joined_and_empty_types_do_not_count() -> None:
    op = put(("X-Amz-Meta-A", "1"), ("x-amz-meta-a", ""), ("x-amz-meta-b", "\u89c6\udcff"), ("Content-Type", " "))
    assert isinstance(op, operation.PutObject)
    assert op.metadata == (("a", "1,"), ("b", "\u89c6\udcff")) and op.content_type is None


@pytest.mark.parametrize(
    "query,headers,code",
    [
        ({"partNumber": "0"}, [], "InvalidArgument"),
        ({"partNumber": "10001"}, [], "InvalidArgument"),
        ({"partNumber": "x"}, [], "InvalidArgument"),
        ({"partNumber": ""}, [], "InvalidArgument"),
        ({"partNumber": "1"}, [("Range", "bytes=0-1")], "InvalidRequest"),
        ({"versionId": ""}, [], "InvalidArgument"),
        ({"versionId": "a b"}, [], "InvalidArgument"),
        ({"versionId": "a" * 1025}, [], "InvalidArgument"),
        ({"response-content-type": "a\r\nx: y"}, [], "InvalidArgument"),
        ({}, [("x-amz-server-side-encryption-customer-algorithm", "AES256")], "NotImplemented"),
    ],
)
def test_a_wrong_get(query: dict[str, str], headers: list[tuple[str, str]], code: str) -> None:
    for cls in (operation.GetObject, operation.HeadObject):
        with pytest.raises(S3Error) as caught:
            dialect.decode(cls, OperationRequest("bucket", "k", query, Headers(headers)))
        assert caught.value.code == code


def delete(body: bytes) -> operation.Operation:
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    call = OperationRequest("bucket", "", {"delete": ""}, Headers([("Content-MD5", md5)]), body)
    return dialect.decode(operation.DeleteObjects, call)


ONE = b"<Object><Key>k</Key></Object>"


@pytest.mark.parametrize(
    "body,code",
    [
        (b"", "MalformedXML"),
        (b"<Delete></Delete>", "MalformedXML"),
        (b"<Delete>" + ONE * 1001 + b"</Delete>", "MalformedXML"),
        (b"<Delete><Object/></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key/></Object></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key>a</Key><Size>-1</Size></Object></Delete>", "InvalidArgument"),
        (b"<Delete><Object><Key>a</Key><LastModifiedTime>x</LastModifiedTime></Object></Delete>", "InvalidArgument"),
    ],
)
def test_a_wrong_list_to_delete(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        delete(body)
    assert caught.value.code == code


def test_a_list_to_delete_needs_a_sum() -> None:
    body = b"<Delete>" + ONE + b"</Delete>"
    assert isinstance(delete(body), operation.DeleteObjects)
    for headers, code in (
        ([], "InvalidRequest"),
        ([("Content-MD5", base64.b64encode(bytes(16)).decode())], "BadDigest"),
    ):
        with pytest.raises(S3Error) as caught:
            dialect.decode(
                operation.DeleteObjects, OperationRequest("bucket", "", {"delete": ""}, Headers(headers), body)
            )
        assert caught.value.code == code


def test_a_list_of_a_thousand_keys_is_read() -> None:
    found = delete(b"<Delete>" + ONE * 1000 + b"<Quiet> TRUE </Quiet></Delete>")
    assert isinstance(found, operation.DeleteObjects) and len(found.objects) == 1000 and found.quiet


def test_the_message_of_a_failure_is_escaped() -> None:
    failure = operation.DeleteFailure(key="a\x01", code="AccessDenied", message="<no>")
    op = delete(b"<Delete>" + ONE + b"</Delete>")
    body = dialect.encode(op, operation.DeleteObjectsOutput(errors=(failure,))).body
    assert b"<Key>a&#x1;</Key><Code>AccessDenied</Code><Message>&lt;no&gt;</Message>" in body
    with pytest.raises(S3Error):
        xml.read(body, "DeleteResult")  # as of AWS
