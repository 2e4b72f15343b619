"""Uploads in parts: botocore's requests are decoded, and it reads the answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.s3 import values as v
from test.s3.oracle import oracle
from test.s3.test_objects import (
    HELLO,
    STORED,
    crc,
    fields,
    given_source,
    of_source,
    source_conditions,
    sources,
    write_conditions,
    written,
)
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import checksum, dialect, multipart, operation
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import AnnouncedChecksum, Checksum, CompletedPart, CopySource

numbers = st.integers(1, 10000)


@v.few
@given(v.buckets, v.keys, st.fixed_dictionaries({}, optional=STORED), v.optional_algorithms, st.booleans())
def test_create(bucket: str, key: str, params: dict[str, Any], algorithm: str | None, typed: bool) -> None:
    if algorithm is not None:
        params["ChecksumAlgorithm"] = algorithm
        if typed:
            params["ChecksumType"] = checksum.TYPES[algorithm][-1]
    kind = params.get("ChecksumType", checksum.TYPES[algorithm][0]) if algorithm is not None else None
    asked = {"Bucket": bucket, "Key": key, **params}
    result = operation.CreateMultipartUploadOutput(upload_id="u-1")
    op, parsed = oracle().ask(operation.CreateMultipartUpload, asked, result)
    assert op == operation.CreateMultipartUpload(
        **fields(bucket, key, params), checksum_algorithm=algorithm, checksum_type=kind
    )
    assert parsed == v.known(Bucket=bucket, Key=key, UploadId="u-1", ChecksumAlgorithm=algorithm, ChecksumType=kind)


@v.few
@given(v.buckets, v.any_keys, numbers, v.etags, v.optional_checksums)
def test_upload_part(bucket: str, key: str, number: int, etag: str, found: Checksum | None) -> None:
    asked = {"Bucket": bucket, "Key": key, "UploadId": "u-1", "PartNumber": number, "Body": b"hello"}
    result = operation.UploadPartOutput(etag=etag, checksum=found)
    op, parsed = oracle().ask(operation.UploadPart, asked, result)
    assert op == operation.UploadPart(bucket=bucket, key=key, upload_id="u-1", part_number=number, checksum=crc(HELLO))
    assert parsed == {"ETag": f'"{etag}"', **v.shown_sum(found, with_type=False)}


@v.few
@given(
    v.buckets,
    v.any_keys,
    numbers,
    sources,
    st.none() | st.tuples(v.sizes, v.sizes).map(lambda ends: (min(ends), max(ends))),
    st.fixed_dictionaries({}, optional=source_conditions),
    st.builds(
        operation.UploadPartCopyOutput,
        etag=v.etags,
        modified=v.times,
        checksum=v.optional_checksums,
        source_version_id=v.versions,
    ),
)
def test_upload_part_copy(
    bucket: str,
    key: str,
    number: int,
    source: CopySource,
    span: tuple[int, int] | None,
    params: dict[str, Any],
    result: operation.UploadPartCopyOutput,
) -> None:
    asked = {"Bucket": bucket, "Key": key, "UploadId": "u-1", "PartNumber": number, **params}
    asked["CopySource"] = given_source(source)
    if span is not None:
        asked["CopySourceRange"] = "bytes={}-{}".format(*span)
    op, parsed = oracle().ask(operation.UploadPartCopy, asked, result)
    assert op == operation.UploadPartCopy(
        bucket=bucket,
        key=key,
        upload_id="u-1",
        part_number=number,
        source=source,
        range=None if span is None else ByteRange(*span),
        source_conditions=of_source(params),
    )
    copied = parsed.pop("CopyPartResult")
    sums = v.shown_sum(result.checksum, with_type=False)
    assert copied == {"ETag": f'"{result.etag}"', "LastModified": v.date(result.modified), **sums}
    assert parsed == v.known(CopySourceVersionId=result.source_version_id)


@pytest.mark.parametrize(
    "value", ["0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-", "bytes=0-2,3-5", "bytes=2-1", ""]
)
def test_a_wrong_range_of_a_source(value: str) -> None:
    headers = Headers([("x-amz-copy-source", "b/k"), ("x-amz-copy-source-range", value)])
    query = {"partNumber": "1", "uploadId": "u"}
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.UploadPartCopy, OperationRequest("bucket", "k", query, headers))
    assert caught.value.code == "InvalidArgument"


@st.composite
def completed(draw: st.DrawFn) -> tuple[dict[str, Any], CompletedPart]:
    number, etag, found = draw(numbers), draw(v.etags), draw(v.optional_checksums)
    quoted = draw(st.sampled_from([f'"{etag}"', etag]))
    given = None if found is None else AnnouncedChecksum(algorithm=found.algorithm, value=found.value)
    part = CompletedPart(part_number=number, etag=etag, checksum=given)
    return {"PartNumber": number, "ETag": quoted, **v.shown_sum(found, with_type=False)}, part


@v.few
@given(
    v.buckets,
    v.keys,
    st.lists(completed(), min_size=1, max_size=4),
    st.fixed_dictionaries({}, optional={**write_conditions, "MpuObjectSize": v.sizes}),
    v.optional_checksums,
    st.sampled_from(["", "-3"]),
    st.builds(
        operation.CompleteMultipartUploadOutput,
        etag=v.etags,
        location=v.keys,
        checksum=v.optional_checksums,
        version_id=v.versions,
    ),
)
def test_complete(
    bucket: str,
    key: str,
    parts: list[tuple[dict[str, Any], CompletedPart]],
    params: dict[str, Any],
    total: Checksum | None,
    count: str,
    result: operation.CompleteMultipartUploadOutput,
) -> None:
    asked: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": "u-1", **params}
    asked["MultipartUpload"] = {"Parts": [part for part, _ in parts]}
    if total is not None:
        asked |= {f"Checksum{total.algorithm}": total.value + count, "ChecksumType": total.type}
    op, parsed = oracle().ask(operation.CompleteMultipartUpload, asked, result)
    request = oracle().request
    assert op == operation.CompleteMultipartUpload(
        bucket=bucket,
        key=key,
        upload_id="u-1",
        conditions=written(params),
        size=params.get("MpuObjectSize"),
        checksum_type=None if total is None else total.type,
        checksum=None if total is None else AnnouncedChecksum(algorithm=total.algorithm, value=total.value + count),
    )
    assert request is not None and multipart.parts_of(request.body) == tuple(part for _, part in parts)
    assert parsed == v.known(
        Location=result.location,
        Bucket=bucket,
        Key=key,
        ETag=f'"{result.etag}"',
        VersionId=result.version_id,
        **v.shown_sum(result.checksum),
    )


PART = b"<Part><PartNumber>%s</PartNumber><ETag>x</ETag>%s</Part>"


def listed(*parts: bytes) -> bytes:
    return b"<CompleteMultipartUpload>" + b"".join(parts) + b"</CompleteMultipartUpload>"


@pytest.mark.parametrize(
    "body,code",
    [
        (b"", "MalformedXML"),
        (listed(), "MalformedXML"),
        (listed(*([PART % (b"1", b"")] * 10001)), "MalformedXML"),
        (listed(PART % (b"x", b"")), "MalformedXML"),
        (listed(PART % (b"0", b"")), "InvalidPart"),
        (listed(PART % (b"10001", b"")), "InvalidPart"),
        (listed(PART % (b"-1", b"")), "MalformedXML"),
        (listed(b"<Part><PartNumber>1</PartNumber></Part>"), "MalformedXML"),
        (listed(b"<Part><ETag>1</ETag></Part>"), "MalformedXML"),
        (
            listed(PART % (b"1", b"<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumSHA1>x</ChecksumSHA1>")),
            "MalformedXML",
        ),
    ],
    ids=range(10),
)
def test_a_wrong_list_of_parts(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        multipart.parts_of(body)
    assert caught.value.code == code


def test_ten_thousand_parts_in_any_order() -> None:
    body = listed(*(PART % (b"%d" % number, b"") for number in range(10000, 0, -1)))
    assert [part.part_number for part in multipart.parts_of(body)] == list(range(10000, 0, -1))


def test_an_etag_in_quotes_as_references() -> None:
    (found,) = multipart.parts_of(
        listed(b"<Part><PartNumber> 1 </PartNumber><ETag>&quot;e-1&#34;</ETag><ChecksumCRC32/></Part>")
    )
    assert found == CompletedPart(part_number=1, etag="e-1")


QUERY = {"uploadId": "u", "partNumber": "1"}


@pytest.mark.parametrize(
    "cls,query,headers,code",
    [
        (operation.CreateMultipartUpload, {}, [("x-amz-checksum-algorithm", "CRC16")], "InvalidRequest"),
        (operation.CreateMultipartUpload, {}, [("x-amz-checksum-algorithm", "MD5")], "NotImplemented"),
        (operation.CreateMultipartUpload, {}, [("x-amz-checksum-type", "COMPOSITE")], "InvalidRequest"),
        (
            operation.CreateMultipartUpload,
            {},
            [("x-amz-checksum-algorithm", "SHA1"), ("x-amz-checksum-type", "FULL_OBJECT")],
            "InvalidRequest",
        ),
        (operation.UploadPart, {"uploadId": "u"}, [], "InvalidArgument"),
        (operation.UploadPart, {"uploadId": "u", "partNumber": "0"}, [], "InvalidArgument"),
        (operation.UploadPart, {"uploadId": "u", "partNumber": "10001"}, [], "InvalidArgument"),
        (operation.UploadPart, {"uploadId": "", "partNumber": "1"}, [], "NoSuchUpload"),
        (operation.UploadPart, QUERY, [("x-amz-server-side-encryption-customer-key", "x")], "NotImplemented"),
        (operation.UploadPart, QUERY, [("x-amz-sdk-checksum-algorithm", "CRC32")], "InvalidRequest"),
        (operation.CompleteMultipartUpload, {}, [], "NoSuchUpload"),
        (operation.CompleteMultipartUpload, QUERY, [("x-amz-mp-object-size", "x")], "InvalidArgument"),
        (operation.CompleteMultipartUpload, QUERY, [("x-amz-checksum-type", "x")], "InvalidRequest"),
        (operation.CompleteMultipartUpload, QUERY, [("x-amz-checksum-crc32", "bad")], "BadDigest"),
        (operation.CompleteMultipartUpload, QUERY, [("x-amz-checksum-crc32", "AAAAAA==-x")], "BadDigest"),
        (operation.AbortMultipartUpload, QUERY, [("x-amz-if-match-initiated-time", "x")], "NotImplemented"),
        (operation.AbortMultipartUpload, {"uploadId": ""}, [], "NoSuchUpload"),
    ],
)
def test_a_wrong_request(
    cls: type[operation.Operation], query: dict[str, str], headers: list[tuple[str, str]], code: str
) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(cls, OperationRequest("bucket", "k", query, Headers(headers)))
    assert caught.value.code == code


@v.few
@given(v.buckets, v.any_keys, v.words)
def test_abort(bucket: str, key: str, upload: str) -> None:
    asked = {"Bucket": bucket, "Key": key, "UploadId": upload}
    op, parsed = oracle().ask(operation.AbortMultipartUpload, asked, None)
    assert op == operation.AbortMultipartUpload(bucket=bucket, key=key, upload_id=upload) and parsed == {}
