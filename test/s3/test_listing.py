"""The listings: botocore's requests are decoded, and it reads the answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.s3 import values as v
from test.s3.oracle import oracle
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import dialect, listing, operation, xml, xml_text
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error

OWNER = operation.Owner(id="1", display_name="main")

entries = st.builds(
    operation.ObjectEntry,
    key=v.any_keys,
    modified=v.times,
    etag=v.etags,
    size=v.sizes,
    storage_class=v.classes,
    owner=st.none() | st.just(OWNER) | v.owners,
    checksum_algorithm=v.optional_algorithms,
    checksum_type=st.none() | st.sampled_from(operation.CHECKSUM_TYPES),
    restore=st.none() | v.restores,
)
pages: dict[str, Any] = {
    "contents": st.lists(entries, max_size=3).map(tuple),
    "common_prefixes": st.lists(v.any_keys, max_size=2).map(tuple),
    "next_marker": st.none() | v.any_keys,
}


def shown(entry: operation.ObjectEntry) -> dict[str, Any]:
    sums = entry.checksum_algorithm
    return v.known(
        Key=entry.key,
        LastModified=v.date(entry.modified),
        ETag=f'"{entry.etag}"',
        Size=entry.size,
        StorageClass=v.SHOWN[entry.storage_class],
        Owner=v.shown_owner(entry.owner),
        ChecksumAlgorithm=None if sums is None else [sums],
        ChecksumType=None if sums is None else entry.checksum_type,
        RestoreStatus=v.shown_restore(entry.restore),
    )


def prefixes(found: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"Prefix": each} for each in found]


asked = {"Prefix": v.any_text, "Delimiter": v.any_text, "MaxKeys": st.integers(0, 5000)}
RESTORE = st.just(["RestoreStatus"])


def common(bucket: str, params: dict[str, Any], count: str = "MaxKeys") -> dict[str, Any]:
    """The fields of the operation for botocore's parameters, which always ask for encoding-type=url."""
    return {
        "bucket": bucket,
        "prefix": params.get("Prefix", ""),
        "delimiter": params.get("Delimiter", ""),
        "max_keys": min(params.get(count, 1000), 1000),
        "encoding_type": "url",
        "expected_owner": params.get("ExpectedBucketOwner"),
    }


@v.few
@given(
    v.buckets,
    st.fixed_dictionaries(
        {},
        optional={
            **asked,
            "Marker": v.any_text,
            "ExpectedBucketOwner": v.words,
            "OptionalObjectAttributes": RESTORE,
        },
    ),
    st.builds(operation.ListObjectsOutput, **pages),
)
def test_list_objects(bucket: str, params: dict[str, Any], result: operation.ListObjectsOutput) -> None:
    op, parsed = oracle().ask(operation.ListObjects, {"Bucket": bucket, **params}, result)
    assert op == operation.ListObjects(
        **common(bucket, params),
        marker=params.get("Marker", ""),
        restore_status="OptionalObjectAttributes" in params,
    )
    parsed.pop("Prefix")  # botocore leaves it escaped here
    assert parsed == v.known(
        Name=bucket,
        Marker=op.marker,
        NextMarker=result.next_marker,
        MaxKeys=op.max_keys,
        Delimiter=op.delimiter or None,
        EncodingType="url",
        IsTruncated=result.next_marker is not None,
        Contents=[shown(each) for each in result.contents],
        CommonPrefixes=prefixes(result.common_prefixes),
    )


@v.few
@given(
    v.buckets,
    st.fixed_dictionaries(
        {},
        optional={
            **asked,
            "StartAfter": v.any_text,
            "ContinuationToken": st.just("") | v.any_keys.map(listing.token_of),
            "FetchOwner": st.booleans(),
            "OptionalObjectAttributes": RESTORE,
        },
    ),
    st.builds(operation.ListObjectsV2Output, **pages),
)
def test_list_objects_v2(bucket: str, params: dict[str, Any], result: operation.ListObjectsV2Output) -> None:
    op, parsed = oracle().ask(operation.ListObjectsV2, {"Bucket": bucket, **params}, result)
    token = params.get("ContinuationToken")
    assert op == operation.ListObjectsV2(
        **common(bucket, params),
        continuation_token=token,
        start_after=params.get("StartAfter"),
        after=listing.key_of_token(token) if token else params.get("StartAfter", ""),
        fetch_owner=params.get("FetchOwner", False),
        restore_status="OptionalObjectAttributes" in params,
    )
    following = parsed.pop("NextContinuationToken", None)
    assert (None if following is None else listing.key_of_token(following)) == result.next_marker
    assert parsed == v.known(
        Name=bucket,
        Prefix=op.prefix,
        StartAfter=op.start_after,
        ContinuationToken=token,
        KeyCount=len(result.contents) + len(result.common_prefixes),
        MaxKeys=op.max_keys,
        Delimiter=op.delimiter or None,
        EncodingType="url",
        IsTruncated=result.next_marker is not None,
        Contents=[shown(each) for each in result.contents],
        CommonPrefixes=prefixes(result.common_prefixes),
    )


found_versions = st.builds(
    operation.ObjectVersion,
    key=v.any_keys,
    version_id=st.just("null") | v.words,
    is_latest=st.booleans(),
    modified=v.times,
    etag=v.etags,
    size=v.sizes,
    storage_class=v.classes,
    owner=v.owners,
    checksum_algorithm=v.optional_algorithms,
    restore=st.none() | v.restores,
)
markers = st.builds(
    operation.DeleteMarkerEntry,
    key=v.any_keys,
    version_id=v.words,
    is_latest=st.booleans(),
    modified=v.times,
    owner=v.owners,
)


def shown_version(entry: operation.ObjectVersion | operation.DeleteMarkerEntry) -> dict[str, Any]:
    found = v.known(
        Key=entry.key,
        VersionId=entry.version_id,
        IsLatest=entry.is_latest,
        LastModified=v.date(entry.modified),
        Owner=v.shown_owner(entry.owner),
    )
    if isinstance(entry, operation.DeleteMarkerEntry):
        return found
    return found | v.known(
        ETag=f'"{entry.etag}"',
        Size=entry.size,
        StorageClass=v.SHOWN[entry.storage_class],
        ChecksumAlgorithm=None if entry.checksum_algorithm is None else [entry.checksum_algorithm],
        RestoreStatus=v.shown_restore(entry.restore),
    )


@v.few
@given(
    v.buckets,
    st.fixed_dictionaries({}, optional={**asked, "KeyMarker": v.any_keys}),
    st.none() | v.words,
    st.builds(
        operation.ListObjectVersionsOutput,
        versions=st.lists(found_versions | markers, max_size=4).map(tuple),
        common_prefixes=pages["common_prefixes"],
        next_key_marker=st.none() | v.any_keys,
        next_version_id_marker=st.none() | v.words,
    ),
)
def test_list_object_versions(
    bucket: str, params: dict[str, Any], marker: str | None, result: operation.ListObjectVersionsOutput
) -> None:
    if marker is not None and "KeyMarker" in params:
        params["VersionIdMarker"] = marker
    op, parsed = oracle().ask(operation.ListObjectVersions, {"Bucket": bucket, **params}, result)
    assert op == operation.ListObjectVersions(
        **common(bucket, params),
        key_marker=params.get("KeyMarker", ""),
        version_id_marker=params.get("VersionIdMarker", ""),
    )
    old = [each for each in result.versions if isinstance(each, operation.ObjectVersion)]
    gone = [each for each in result.versions if isinstance(each, operation.DeleteMarkerEntry)]
    assert parsed == v.known(
        Name=bucket,
        Prefix=op.prefix,
        KeyMarker=op.key_marker,
        VersionIdMarker=op.version_id_marker,
        NextKeyMarker=result.next_key_marker,
        NextVersionIdMarker=result.next_version_id_marker,
        MaxKeys=op.max_keys,
        Delimiter=op.delimiter or None,
        EncodingType="url",
        IsTruncated=result.next_key_marker is not None,
        Versions=[shown_version(each) for each in old],
        DeleteMarkers=[shown_version(each) for each in gone],
        CommonPrefixes=prefixes(result.common_prefixes),
    )


uploads = st.builds(
    operation.UploadEntry,
    key=v.keys,
    upload_id=v.words,
    initiator=v.owners,
    owner=v.owners,
    storage_class=v.classes,
    initiated=v.times,
    checksum_algorithm=v.optional_algorithms,
    checksum_type=st.none() | st.sampled_from(operation.CHECKSUM_TYPES),
)


@v.few
@given(
    v.buckets,
    st.fixed_dictionaries(
        {},
        optional={
            "Prefix": v.text,
            "Delimiter": v.text,
            "MaxUploads": st.integers(0, 5000),
            "KeyMarker": v.text,
            "UploadIdMarker": v.words,
        },
    ),
    st.builds(
        operation.ListMultipartUploadsOutput,
        uploads=st.lists(uploads, max_size=3).map(tuple),
        common_prefixes=st.lists(v.keys, max_size=2).map(tuple),
        next_key_marker=st.none() | v.keys,
        next_upload_id_marker=st.none() | v.words,
    ),
)
def test_list_multipart_uploads(
    bucket: str, params: dict[str, Any], result: operation.ListMultipartUploadsOutput
) -> None:
    """botocore does not ask for encoding-type=url here."""
    op, parsed = oracle().ask(operation.ListMultipartUploads, {"Bucket": bucket, **params}, result)
    key_marker = params.get("KeyMarker", "")
    assert op == operation.ListMultipartUploads(
        **{**common(bucket, params, "MaxUploads"), "encoding_type": None},
        key_marker=key_marker,
        upload_id_marker=params.get("UploadIdMarker", "") if key_marker else "",
    )
    assert parsed == v.known(
        Bucket=bucket,
        Prefix=op.prefix,
        KeyMarker=op.key_marker,
        UploadIdMarker=op.upload_id_marker,
        NextKeyMarker=result.next_key_marker,
        NextUploadIdMarker=result.next_upload_id_marker,
        MaxUploads=op.max_keys,
        Delimiter=op.delimiter or None,
        IsTruncated=result.next_key_marker is not None,
        Uploads=[
            v.known(
                Key=each.key,
                UploadId=each.upload_id,
                Initiator=v.shown_owner(each.initiator),
                Owner=v.shown_owner(each.owner),
                StorageClass=v.SHOWN[each.storage_class],
                Initiated=v.date(each.initiated),
                ChecksumAlgorithm=each.checksum_algorithm,
                ChecksumType=each.checksum_type,
            )
            for each in result.uploads
        ],
        CommonPrefixes=prefixes(result.common_prefixes),
    )


parts = st.builds(
    operation.PartEntry,
    part_number=st.integers(1, 10000),
    modified=v.times,
    etag=v.etags,
    size=v.sizes,
    checksum=v.optional_checksums,
)


@v.few
@given(
    v.buckets,
    v.keys,
    st.fixed_dictionaries({}, optional={"MaxParts": st.integers(0, 5000), "PartNumberMarker": st.integers(0, 10000)}),
    st.builds(
        operation.ListPartsOutput,
        parts=st.lists(parts, max_size=3).map(tuple),
        next_marker=st.integers(0, 10000),
        truncated=st.booleans(),
        initiator=v.owners,
        owner=v.owners,
        storage_class=v.classes,
        checksum_algorithm=v.optional_algorithms,
        checksum_type=st.none() | st.sampled_from(operation.CHECKSUM_TYPES),
    ),
)
def test_list_parts(bucket: str, key: str, params: dict[str, Any], result: operation.ListPartsOutput) -> None:
    op, parsed = oracle().ask(operation.ListParts, {"Bucket": bucket, "Key": key, "UploadId": "u-1", **params}, result)
    assert op == operation.ListParts(
        bucket=bucket,
        key=key,
        upload_id="u-1",
        max_parts=min(params.get("MaxParts", 1000), 1000),
        part_number_marker=params.get("PartNumberMarker", 0),
    )
    assert parsed == v.known(
        Bucket=bucket,
        Key=key,
        UploadId="u-1",
        PartNumberMarker=op.part_number_marker,
        NextPartNumberMarker=result.next_marker if result.truncated else None,
        MaxParts=op.max_parts,
        IsTruncated=result.truncated,
        Initiator=v.shown_owner(result.initiator),
        Owner=v.shown_owner(result.owner),
        StorageClass=v.SHOWN[result.storage_class],
        ChecksumAlgorithm=result.checksum_algorithm,
        ChecksumType=result.checksum_type,
        Parts=[
            v.known(
                PartNumber=each.part_number,
                LastModified=v.date(each.modified),
                ETag=f'"{each.etag}"',
                Size=each.size,
                **v.shown_sum(each.checksum, with_type=False),
            )
            for each in result.parts
        ],
    )


@v.few
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "MaxBuckets": st.integers(1, 10000),
            "ContinuationToken": v.words,
            "Prefix": v.text,
            "BucketRegion": v.words,
        },
    ),
    st.builds(
        operation.ListBucketsOutput,
        owner=v.owners,
        buckets=st.lists(st.builds(operation.Bucket, name=v.buckets, created=v.times, region=v.words), max_size=3).map(
            tuple
        ),
        continuation_token=st.none() | v.words,
    ),
)
def test_list_buckets(params: dict[str, Any], result: operation.ListBucketsOutput) -> None:
    op, parsed = oracle().ask(operation.ListBuckets, params, result)
    assert op == operation.ListBuckets(
        max_buckets=params.get("MaxBuckets", 10000),
        continuation_token=params.get("ContinuationToken"),
        prefix=params.get("Prefix", ""),
        region=params.get("BucketRegion"),
    )
    assert parsed.pop("Buckets", []) == [
        {"Name": each.name, "CreationDate": v.date(each.created), "BucketRegion": each.region}
        for each in result.buckets
    ]
    assert parsed == v.known(
        Owner=v.shown_owner(result.owner), ContinuationToken=result.continuation_token, Prefix=op.prefix or None
    )


def call(**query: str) -> OperationRequest:
    return OperationRequest("bucket", "", {name.replace("_", "-"): value for name, value in query.items()}, Headers())


@pytest.mark.parametrize("cls", [operation.ListObjects, operation.ListObjectsV2, operation.ListObjectVersions])
@pytest.mark.parametrize(
    "query",
    [{"max_keys": value} for value in ("-1", "x", "1.5", "9" * 30, "\u0661", "1_0")]
    + [{"encoding_type": value} for value in ("", "xml", "URL")],
)
def test_a_wrong_parameter(cls: type[operation.Operation], query: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(cls, call(**query))
    assert caught.value.code == "InvalidArgument" and caught.value.members["ArgumentName"]


@pytest.mark.parametrize(
    "token", ["x", "AAAA", "AAAAAGE=", listing.token_of("k")[:-1], listing.token_of("k") + "\n", "\u89c6", "A" * 5000]
)
def test_a_token_that_is_not_of_the_server(token: str) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.ListObjectsV2, call(list_type="2", continuation_token=token))
    assert caught.value.code == "InvalidArgument"


def test_a_version_marker_needs_a_key_marker() -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.ListObjectVersions, call(version_id_marker="1"))
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("value", ["0", "10001", "x", "-1"])
def test_a_wrong_number_of_buckets(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.ListBuckets, call(max_buckets=value))
    assert caught.value.code == "InvalidArgument"


def test_what_is_always_there_without_url() -> None:
    """Prefix, Marker and MaxKeys also if they are empty; no Delimiter; keys as they are, or as references."""
    found = [
        operation.ObjectEntry(key=key, modified=0, etag="e", size=1, storage_class="STANDARD")
        for key in ("a", "b&c", "d\x01")
    ]
    response = dialect.encode(
        dialect.decode(operation.ListObjects, call()), operation.ListObjectsOutput(contents=tuple(found))
    )
    text = response.body.decode()
    assert "<Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>" in text
    assert "<Key>a</Key>" in text and "<Key>b&amp;c</Key>" in text and "<Key>d&#x1;</Key>" in text
    assert "Delimiter" not in text and "EncodingType" not in text and "\n<ListBucketResult xmlns=" in text


@pytest.mark.parametrize("form", ["camera {}-\u89c6\u9891", "{} & \u3000\u00e9<\uff01>", '{}\ufffd"', "{:05} %"])
@pytest.mark.parametrize("encoding", [{}, {"encoding_type": "url"}])
def test_a_long_page_reads_as_it_was(encoding: dict[str, str], form: str) -> None:
    owners = [None, OWNER, operation.Owner(id="2", display_name="J\u00fcrgen \u89c6")]
    found = [
        operation.ObjectEntry(
            key=f"photos/{form}.jpg".format(each),
            modified=977 * each,
            etag="e",
            size=each,
            storage_class="IA",
            owner=owners[each // 3 % 3],
        )
        for each in range(1000)
    ]
    op = dialect.decode(operation.ListObjects, call(**encoding))
    root = xml.read(dialect.encode(op, operation.ListObjectsOutput(contents=tuple(found))).body, "ListBucketResult")
    for each, entry in zip(root.all("Contents"), found, strict=True):
        owner = each.find("Owner")
        assert each.get("Key") == (quote(entry.key) if encoding else entry.key)
        assert (each.get("Size"), each.get("LastModified")) == (str(entry.size), xml_text.time(entry.modified))
        assert (owner and owner.get("DisplayName")) == (entry.owner and entry.owner.display_name)
