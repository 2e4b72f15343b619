"""The operation of a form, and the answers to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from test.s3 import values as v
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import condition, dialect, form, operation, post_policy, xml
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import Checksum


def decode(*fields: tuple[str, str], headers: tuple[tuple[str, str], ...] = ()) -> operation.PostObject:
    read = post_policy.read([("key", "a/${filename}"), *fields], "C:\\x\\b.txt")
    return form.decode("bucket", read, Headers(headers))


def test_all_fields() -> None:
    found = decode(
        ("Content-Type", "text/plain"),
        ("Cache-Control", "no-store"),
        ("X-Amz-Meta-Title", "\u89c6"),
        ("acl", "public-read"),
        ("x-amz-storage-class", "GLACIER"),
        ("tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-website-redirect-location", "/x"),
        ("success_action_redirect", "https://a/b"),
        ("success_action_status", "201"),
        ("x-ignore-me", "1"),
        headers=(("If-None-Match", "*"),),
    )
    assert found == operation.PostObject(
        bucket="bucket",
        key="a/b.txt",
        content_type="text/plain",
        headers=(("Cache-Control", "no-store"),),
        metadata=(("title", "\u89c6"),),
        acl="public-read",
        storage_class="ARCHIVE",
        tags=(("k", "v"),),
        redirect="/x",
        checksum=operation.AnnouncedChecksum(algorithm="CRC32", value="AAAAAA=="),
        conditions=condition.WriteConditions(if_none_match="*"),
        success_action_redirect="https://a/b",
        success_action_status=201,
    )


@pytest.mark.parametrize(
    "fields,expected",
    [
        ({"success_action_status": "200"}, (None, 200)),
        ({"success_action_status": "404"}, (None, 204)),
        ({"success_action_status": ""}, (None, 204)),
        ({"redirect": "http://a/"}, ("http://a/", 204)),
        ({"redirect": "/local"}, (None, 204)),
        ({"redirect": "javascript:alert(1)"}, (None, 204)),
        ({"redirect": "http://[a/"}, (None, 204)),
        ({"redirect": "http://a/\u89c6"}, (None, 204)),
        ({"redirect": "http://a/b c"}, (None, 204)),
    ],
)
def test_where_a_browser_is_sent(fields: dict[str, str], expected: tuple[str | None, int]) -> None:
    found = decode(*fields.items())
    assert (found.success_action_redirect, found.success_action_status) == expected


@pytest.mark.parametrize(
    "name,value,code",
    [
        ("Content-Type", "a\r\nSet-Cookie: b", "InvalidArgument"),
        ("x-amz-meta-a", "b\nc", "InvalidArgument"),
        ("x-amz-meta-a", " b", "InvalidArgument"),
        ("x-amz-meta-a", "b\t", "InvalidArgument"),
        ("success_action_redirect", "http://a/\r\nX: y", "InvalidArgument"),
        ("acl", "other", "InvalidArgument"),
        ("tagging", "a=b", "MalformedXML"),
        ("x-amz-checksum-sha256", "AAAA", "BadDigest"),
        ("x-amz-storage-class", "FAST", "InvalidStorageClass"),
        ("x-amz-server-side-encryption", "AES256", "NotImplemented"),
        ("key2", "k", None),
    ],
)
def test_a_wrong_field(name: str, value: str, code: str | None) -> None:
    found = None
    try:
        decode((name, value))
    except S3Error as error:
        found = error.code
    assert found == code


OUTPUT: dict[str, Any] = {"etag": "e-1", "location": "http://h/bucket/a%20b"}


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_status(status: int) -> None:
    op = operation.PostObject(bucket="bucket", key="a b", success_action_status=status)
    checksum = Checksum(algorithm="CRC32", value="AAAAAA==")
    response = dialect.encode(op, operation.PostObjectOutput(**OUTPUT, checksum=checksum, version_id="v"))
    assert response.status == status
    given = {name.lower(): value for name, value in response.headers}
    assert (given["location"], given["etag"], given["x-amz-version-id"]) == (OUTPUT["location"], '"e-1"', "v")
    assert given["x-amz-checksum-crc32"] == "AAAAAA=="
    if status != 201:
        assert response.body == b""
        return
    assert b"<PostResponse>" in response.body  # as AWS, without a namespace
    root = xml.read(response.body, "PostResponse")
    assert [(each.name, each.text) for each in root] == list(
        v.known(Location=OUTPUT["location"], Bucket="bucket", Key="a b", ETag='"e-1"').items()
    )


@pytest.mark.parametrize("place,query", [("http://a/b", {}), ("http://a/?x=1", {"x": ["1"]}), ("http://a/b#c", {})])
def test_a_redirect_says_what_was_stored(place: str, query: dict[str, list[str]]) -> None:
    op = operation.PostObject(bucket="bucket", key="a b&/\u89c6", success_action_redirect=place)
    response = dialect.encode(op, operation.PostObjectOutput(**OUTPUT))
    found = urlsplit(response.headers.get("Location", ""))
    assert response.status == 303 and response.body == b""
    assert parse_qs(found.query) == {**query, "bucket": ["bucket"], "key": ["a b&/\u89c6"], "etag": ['"e-1"']}
    assert f"{found.scheme}://{found.netloc}{found.path}" == place.partition("?")[0].partition("#")[0]
    assert found.fragment == place.partition("#")[2]


def test_a_request_without_form_is_no_upload() -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.PostObject, OperationRequest("bucket", "", {}, Headers()))
    assert caught.value.code == "MalformedPOSTRequest"
