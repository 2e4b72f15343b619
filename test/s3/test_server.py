"""A real client of S3 and a real server."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from test import patience
from test.s3.s3_server import S3Server, client, refusal, start_s3_server
from test.server.wire import CONTINUE, Peer, connect, head, receive, ufile_etag
from ucloud.uvideo.protocol import operation
from uvideo.s3 import acl


def test_a_bucket_and_an_object_from_begin_to_end(s3: Any) -> None:
    assert s3.create_bucket(Bucket="first.bucket")["Location"] == "/first.bucket"
    assert "first.bucket" in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    md5 = hashlib.md5(b"hello").hexdigest()
    stored = s3.put_object(Bucket="first.bucket", Key="a/b c+ü", Body=b"hello", Metadata={"one": "1"})
    assert stored["ETag"] == f'"{md5}"'
    got = s3.get_object(Bucket="first.bucket", Key="a/b c+ü")
    assert got["Body"].read() == b"hello" and got["ETag"] == stored["ETag"] and got["Metadata"] == {"one": "1"}
    assert got["ContentType"] == "binary/octet-stream"
    assert s3.head_object(Bucket="first.bucket", Key="a/b c+ü")["ContentLength"] == 5
    listed = s3.list_objects_v2(Bucket="first.bucket")
    assert [(each["Key"], each["Size"], each["ETag"]) for each in listed["Contents"]] == [("a/b c+ü", 5, f'"{md5}"')]
    assert refusal(s3.delete_bucket, Bucket="first.bucket") == (409, "BucketNotEmpty")
    assert s3.delete_object(Bucket="first.bucket", Key="a/b c+ü")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(s3.get_object, Bucket="first.bucket", Key="a/b c+ü") == (404, "NoSuchKey")
    s3.delete_bucket(Bucket="first.bucket")
    assert refusal(s3.head_bucket, Bucket="first.bucket")[0] == 404


def test_a_long_document_is_taken_as_a_short_one(s3_server: S3Server, s3: Any, bucket: str) -> None:
    keys = [f"{number:0100}" for number in range(1000)]
    s3.put_object(Bucket=bucket, Key=keys[-1], Body=b"one of them")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert [each["Key"] for each in answer["Deleted"]] == keys and "Errors" not in answer
    assert refusal(s3.head_object, Bucket=bucket, Key=keys[-1])[0] == 404
    twice = {"Objects": [{"Key": key} for key in keys * 2]}
    assert refusal(s3.delete_objects, Bucket=bucket, Delete=twice) == (400, "MalformedXML")


def test_what_one_protocol_stores_the_other_reads(s3_server: S3Server, s3: Any, bucket: str) -> None:
    peer = Peer(s3_server.server)
    peer.do(operation.PutObject(bucket, "by-ufile", "text/plain", metadata=(("color", "red"),)), b"x" * 70000)
    got = s3.get_object(Bucket=bucket, Key="by-ufile")
    assert got["Body"].read() == b"x" * 70000 and got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"color": "red"} and got["ETag"].endswith('-1"')
    s3.put_object(Bucket=bucket, Key="by-s3", Body=b"y" * 70000, Metadata={"color": "blue"}, ContentType="text/x")
    info = peer.do(operation.HeadObject(bucket, "by-s3"))
    assert info.size == 70000 and info.metadata == (("color", "blue"),) and info.mime == "text/x"
    assert info.etag == ufile_etag(b"y" * 70000)
    assert peer.ask("GET", bucket, "/by-s3", "by-s3").body == b"y" * 70000
    peer.do(operation.CopyObject(bucket, "copied", bucket, "by-s3"))
    copied = s3.head_object(Bucket=bucket, Key="copied")
    assert copied["ETag"] == f'"{hashlib.md5(b"y" * 70000).hexdigest()}"'


def test_ranges_and_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert got["Body"].read() == b"234" and got["ContentRange"] == "bytes 2-4/10"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == (416, "InvalidRange")
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert refusal(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == (416, "InvalidRange")
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[0] == 304
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch='"x"') == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read() == b"0123456789"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", PartNumber=2) == (400, "InvalidPart")
    put = {"Bucket": bucket, "Body": b"new"}
    assert refusal(s3.put_object, Key="k", IfNoneMatch="*", **put) == (412, "PreconditionFailed")
    assert refusal(s3.put_object, Key="k", IfMatch='"x"', **put) == (412, "PreconditionFailed")
    assert refusal(s3.put_object, Key="absent", IfMatch='"x"', **put) == (404, "NoSuchKey")
    s3.put_object(Key="fresh", IfNoneMatch="*", **put)
    s3.put_object(Key="k", IfMatch=etag, **put)
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_nothing_is_stored_unless_its_sums_are_right(s3: Any, bucket: str) -> None:
    put = {"Bucket": bucket, "Key": "k", "Body": b"hello"}
    assert refusal(s3.put_object, ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==", **put) == (400, "BadDigest")
    assert refusal(s3.put_object, ContentMD5="AAAA", **put) == (400, "InvalidDigest")
    for algorithm, value in (("CRC32", "AAAAAA=="), ("SHA256", base64.b64encode(bytes(32)).decode())):
        wrong = {f"Checksum{algorithm}": value}
        assert refusal(s3.put_object, **wrong, **put) == (400, "BadDigest")
    assert refusal(s3.head_object, Bucket=bucket, Key="k")[0] == 404
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        stored = s3.put_object(ChecksumAlgorithm=algorithm, **put)
        got = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got[f"Checksum{algorithm}"] == stored[f"Checksum{algorithm}"]
        assert got["ChecksumType"] == "FULL_OBJECT"
        attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize"])
        assert attributes["ObjectSize"] == 5 and attributes["Checksum"][f"Checksum{algorithm}"]


def test_copies(s3: Any, bucket: str) -> None:
    stored = s3.put_object(Bucket=bucket, Key="a", Body=b"a" * 20000, Metadata={"n": "1"}, Tagging="x=1")
    source = {"Bucket": bucket, "Key": "a"}
    made = s3.copy_object(Bucket=bucket, Key="b", CopySource=source)
    assert made["CopyObjectResult"]["ETag"] == stored["ETag"]
    got = s3.get_object(Bucket=bucket, Key="b")
    assert got["Body"].read() == b"a" * 20000 and got["Metadata"] == {"n": "1"} and got["TagCount"] == 1
    s3.copy_object(
        Bucket=bucket, Key="b", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"}, ContentType="a/b"
    )
    got = s3.head_object(Bucket=bucket, Key="b")
    assert got["Metadata"] == {"n": "2"} and got["ContentType"] == "a/b" and got["ETag"] == stored["ETag"]
    assert refusal(s3.copy_object, Bucket=bucket, Key="a", CopySource=source) == (400, "InvalidRequest")
    absent = {"Bucket": bucket, "Key": "absent"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="c", CopySource=absent) == (404, "NoSuchKey")
    no_bucket = {"Bucket": "no-such-bucket", "Key": "a"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="c", CopySource=no_bucket) == (404, "NoSuchBucket")
    match = {"Bucket": bucket, "Key": "c", "CopySource": source}
    assert refusal(s3.copy_object, CopySourceIfNoneMatch=stored["ETag"], **match) == (412, "PreconditionFailed")


def test_listings(s3: Any, bucket: str) -> None:
    keys = ["a", "d/", "d/1", "d/2", "e", "f&<"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert [each["Key"] for each in listed["Contents"]] == ["a"] and listed["IsTruncated"]
    assert [each["Prefix"] for each in listed["CommonPrefixes"]] == ["d/"]
    assert listed["Contents"][0]["Owner"]["ID"] == listed["Contents"][0]["Owner"]["DisplayName"] == "default"
    rest = s3.list_objects(Bucket=bucket, Delimiter="/", Marker=listed["NextMarker"])
    assert [each["Key"] for each in rest["Contents"]] == ["e", "f&<"] and not rest["IsTruncated"]
    below = s3.list_objects_v2(Bucket=bucket, Prefix="d/", Delimiter="/")
    assert [each["Key"] for each in below["Contents"]] == ["d/", "d/1", "d/2"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [each["Key"] for page in pages for each in page["Contents"]] == keys
    versions = s3.list_object_versions(Bucket=bucket, MaxKeys=4)
    assert [(each["Key"], each["VersionId"], each["IsLatest"]) for each in versions["Versions"]] == [
        (key, "null", True) for key in keys[:4]
    ]
    more = s3.list_object_versions(
        Bucket=bucket, KeyMarker=versions["NextKeyMarker"], VersionIdMarker=versions["NextVersionIdMarker"]
    )
    assert [each["Key"] for each in more["Versions"]] == keys[4:]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    wrong = refusal(s3.list_objects_v2, Bucket=bucket, ContinuationToken="wrong")
    assert wrong == (400, "InvalidArgument")


def test_many_deletes(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    objects = [{"Key": "a"}, {"Key": "b", "ETag": '"x"'}, {"Key": "absent"}, {"Key": "c", "VersionId": "null"}]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [each["Key"] for each in done["Deleted"]] == ["a", "absent", "c"]
    assert [(each["Key"], each["Code"]) for each in done["Errors"]] == [("b", "PreconditionFailed")]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["b"]


def test_tags_and_acls(s3_server: S3Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"open")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    s3.put_object_tagging(
        Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "z", "Value": ""}, {"Key": "a", "Value": "1"}]}
    )
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "z", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    anybody = s3_server.anonymous()
    assert refusal(anybody.get_object, Bucket=bucket, Key="k") == (403, "AccessDenied")
    assert refusal(anybody.get_object, Bucket=bucket, Key="absent") == (403, "AccessDenied")
    assert refusal(anybody.get_object, Bucket="no-such-bucket", Key="k") == (404, "NoSuchBucket")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert anybody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"open"
    assert refusal(anybody.put_object, Bucket=bucket, Key="k", Body=b"") == (403, "AccessDenied")
    assert refusal(anybody.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert [each["Permission"] for each in grants] == ["FULL_CONTROL", "READ"]
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert refusal(anybody.get_object, Bucket=bucket, Key="k") == (403, "AccessDenied")


def test_an_object_that_s3_closes_is_closed_in_a_public_bucket(s3_server: S3Server, s3: Any) -> None:
    bucket = Peer(s3_server.server).space("public")
    s3.put_object(Bucket=bucket, Key="open", Body=b"open")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"closed", ACL="private")
    anybody = s3_server.anonymous()
    assert anybody.get_object(Bucket=bucket, Key="open")["Body"].read() == b"open"
    assert refusal(anybody.get_object, Bucket=bucket, Key="closed") == (403, "AccessDenied")
    assert refusal(anybody.get_object, Bucket=bucket, Key="absent") == (404, "NoSuchKey")
    ufile = Peer(s3_server.server)
    for method in ("GET", "HEAD"):
        statuses = {
            key: ufile.send(method, f"/{key}", host=f"{bucket}.localhost").status
            for key in ("open", "closed", "absent")
        }
        assert statuses == {"open": 200, "closed": 401, "absent": 404}, method
    assert ufile.call(operation.GetObject(bucket, "closed")).body == b"closed"
    s3.copy_object(Bucket=bucket, Key="closed", CopySource=f"{bucket}/closed", MetadataDirective="REPLACE")
    assert refusal(anybody.get_object, Bucket=bucket, Key="closed") == (403, "AccessDenied")
    ufile.do(operation.PutAcl(bucket, "closed", "default"))  # UFile's default is what the space's type says
    assert ufile.send("GET", "/closed", host=f"{bucket}.localhost").body == b"closed"


def test_another_account_copies_what_everybody_may_read(s3_server: S3Server, s3: Any, bucket: str) -> None:
    other = client(s3_server.url, *s3_server.account(bucket))
    other.create_bucket(Bucket=f"{bucket}-other")
    source = Peer(s3_server.server).space("public")
    s3.put_object(Bucket=source, Key="open", Body=b"open")
    s3.put_object(Bucket=source, Key="closed", Body=b"closed", ACL="private")
    here = {"Bucket": f"{bucket}-other", "Key": "copy"}
    other.copy_object(**here, CopySource={"Bucket": source, "Key": "open"})
    closed = {"CopySource": {"Bucket": source, "Key": "closed"}}
    assert refusal(other.copy_object, **here, **closed) == (403, "AccessDenied")
    upload = other.create_multipart_upload(**here)["UploadId"]
    part = {"UploadId": upload, "PartNumber": 1}
    assert refusal(other.upload_part_copy, **here, **part, **closed) == (403, "AccessDenied")
    assert other.get_object(**here)["Body"].read() == b"open"


def test_presigned_urls(s3_server: S3Server, s3: Any, bucket: str) -> None:
    peer = Peer(s3_server)
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert peer.send("PUT", url.partition(str(peer.port))[2], body=b"signed").status == 200
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", "ResponseContentType": "a/b"})
    target = url.partition(str(peer.port))[2]
    got = peer.send("GET", target)
    assert (got.status, got.body, got.header("Content-Type")) == (200, b"signed", "a/b")
    assert peer.send("GET", target.replace("/k?", "/other?")).status == 403
    assert peer.send("DELETE", target).status == 403
    assert (
        Peer(s3_server.server).send("GET", target.replace("a%2Fb", "a%2Fc")).status == 403
    )  # the data port serves S3 too


def test_a_presigned_url_is_for_its_bucket_alone(tmp_path: Path) -> None:
    with start_s3_server(tmp_path, "--s3-host", "s3.test", "--public-url", "http://s3.test") as made:
        s3, peer = made.client(), Peer(made)
        for bucket in ("one", "other"):
            s3.create_bucket(Bucket=bucket * 2)
            for key in ("k", "oneone/k"):
                s3.put_object(Bucket=bucket * 2, Key=key, Body=f"{key} of {bucket}".encode())

        def presigned(style: str, method: str = "get_object", **arguments: str) -> str:
            there = client("http://s3.test", made.public_key, made.private_key, s3={"addressing_style": style})
            return str(there.generate_presigned_url(method, arguments)).partition(".test")[2]

        def got(target: str, host: str) -> tuple[int, bytes]:
            answer = peer.send("GET", target, host=host)
            return answer.status, answer.body if answer.status == 200 else b""

        target = presigned("virtual", Bucket="oneone", Key="k")
        assert got(target, "oneone.s3.test") == (200, b"k of one")
        assert got(f"http://oneone.s3.test{target}", "proxy.test") == (200, b"k of one")
        assert got(f"http://otherother.s3.test{target}", "oneone.s3.test") == (403, b"")
        target = presigned("path", Bucket="oneone", Key="k")
        for host in ("s3.test", "127.0.0.1"):  # the second: a proxy sends another host than the client
            assert got(target, host) == (200, b"k of one")
        assert got(target, "otherother.s3.test") == (403, b"")
        assert got(presigned("path", "list_buckets"), "otherother.s3.test") == (403, b"")


def test_a_preflight_needs_an_origin_and_no_signature(s3_server: S3Server, s3: Any, bucket: str) -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    for peer in (Peer(s3_server), Peer(s3_server.server)):
        for target in (url.partition(str(s3_server.port))[2], f"/{bucket}/k?list-type=2"):
            alone = peer.send("OPTIONS", target)
            assert alone.status == 400 and b"<Code>BadRequest</Code>" in alone.body
            page = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")]
            asked = peer.send("OPTIONS", target, page)
            assert asked.status == 403 and b"<Code>Access" in asked.body  # not that the signature is wrong


def test_who_may_not(s3_server: S3Server, s3: Any, bucket: str) -> None:
    server, url = s3_server.server, s3_server.url
    wrong = client(url, server.public_key, "not the private key")
    assert refusal(wrong.list_buckets) == (403, "SignatureDoesNotMatch")
    unknown = client(url, "nobody", "not the private key")
    assert refusal(unknown.list_buckets) == (403, "InvalidAccessKeyId")
    assert refusal(client(url, server.public_key, server.private_key, token="x").list_buckets) == (400, "InvalidToken")
    assert refusal(s3_server.anonymous().list_buckets) == (403, "AccessDenied")
    assert refusal(s3.head_object, Bucket=bucket, Key="k", ExpectedBucketOwner="somebody")[0] == 403
    peer = Peer(s3_server)
    error = peer.send("GET", f"/{bucket}/k", [("Authorization", "AWS4-HMAC-SHA256 x")])
    assert error.status == 400 and b"<Code>AuthorizationHeaderMalformed</Code>" in error.body
    assert error.header("x-amz-request-id") and error.header("Content-Type") == "application/xml"


def test_tokens(s3_server: S3Server, s3: Any, bucket: str) -> None:
    peer = Peer(s3_server.server)
    ops = ("TOKEN_ALLOW_READ", "TOKEN_ALLOW_WRITE")
    token = peer.manage(operation.CreateToken(f"t-{bucket}", ops=ops, prefixes=("in/*",), spaces=(bucket,)))
    s3.put_object(Bucket=bucket, Key="out", Body=b"out")
    limited = client(s3_server.url, token.public_key, token.private_key)
    limited.put_object(Bucket=bucket, Key="in/k", Body=b"in")
    assert limited.get_object(Bucket=bucket, Key="in/k")["Body"].read() == b"in"
    for call, arguments in (
        (limited.get_object, {"Key": "out"}),
        (limited.put_object, {"Key": "out", "Body": b""}),
        (limited.copy_object, {"Key": "in/copy", "CopySource": {"Bucket": bucket, "Key": "out"}}),
        (limited.delete_object, {"Key": "in/k"}),
        (limited.list_objects_v2, {"Prefix": "in/"}),
        (limited.delete_objects, {"Delete": {"Objects": [{"Key": "in/k"}]}}),
        (limited.get_bucket_acl, {}),
        (limited.delete_bucket, {}),
        (limited.create_bucket, {}),
        (limited.get_object, {"Key": "in/absent"}),
    ):
        assert refusal(call, Bucket=bucket, **arguments) == (403, "AccessDenied"), (call, arguments)
    assert bucket in [each["Name"] for each in limited.list_buckets()["Buckets"]]


def test_what_is_not_served_is_refused(s3: Any, bucket: str) -> None:
    refused = (501, "NotImplemented")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refusal(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}) == refused
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy="{}") == refused
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256") == refused
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    assert refusal(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=cors) == refused
    assert refusal(s3.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    assert refusal(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "cn-bj"


def test_uploads_in_parts(s3_server: S3Server, s3: Any, bucket: str) -> None:
    parts = [bytes([number]) * size for number, size in ((1, 5 << 20), (2, 6 << 20), (3, 10))]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"n": "1"})["UploadId"]
    here = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    assert [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    etags = [s3.upload_part(PartNumber=number, Body=part, **here)["ETag"] for number, part in enumerate(parts, start=1)]
    assert etags == [f'"{hashlib.md5(part).hexdigest()}"' for part in parts]
    listed = s3.list_parts(MaxParts=2, **here)
    assert [each["PartNumber"] for each in listed["Parts"]] == [1, 2] and listed["IsTruncated"]
    last = s3.list_parts(PartNumberMarker=listed["NextPartNumberMarker"], **here)
    assert [each["PartNumber"] for each in last["Parts"]] == [3] and not last["IsTruncated"]
    assert "NextPartNumberMarker" not in last
    chosen = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]

    def complete(parts: list[dict[str, Any]], **more: Any) -> Any:
        return s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **here, **more)

    assert refusal(complete, parts=[*chosen[:2], {"PartNumber": 3, "ETag": "x"}]) == (400, "InvalidPart")
    assert refusal(complete, parts=[chosen[1], chosen[0]]) == (400, "InvalidPartOrder")
    s3.upload_part(PartNumber=4, Body=b"small", **here)
    small = {"PartNumber": 4, "ETag": hashlib.md5(b"small").hexdigest()}
    assert refusal(complete, parts=[*chosen, small]) == (400, "EntityTooSmall")
    assert refusal(complete, parts=chosen, IfMatch='"x"') == (404, "NoSuchKey")
    done = complete(parts=chosen)
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert complete(parts=chosen)["ETag"] == done["ETag"]  # the answer was lost
    assert refusal(s3.list_parts, **here) == (404, "NoSuchUpload")
    got = s3.head_object(Bucket=bucket, Key="k")
    assert got["ContentLength"] == sum(map(len, parts)) and got["Metadata"] == {"n": "1"}
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(parts)
    middle = f"bytes={(5 << 20) - 2}-{(5 << 20) + 1}"
    assert s3.get_object(Bucket=bucket, Key="k", Range=middle)["Body"].read() == b"\1\1\2\2"
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert second["Body"].read() == parts[1] and second["PartsCount"] == 3 and second["ETag"] == done["ETag"]
    assert refusal(s3.head_object, Bucket=bucket, Key="k", PartNumber=4)[0] == 400
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ETag"], MaxParts=2, PartNumberMarker=1
    )
    assert attributes["ETag"] == done["ETag"].strip('"')
    assert [(each["PartNumber"], each["Size"]) for each in attributes["ObjectParts"]["Parts"]] == [
        (2, 6 << 20),
        (3, 10),
    ]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    s3.delete_object(Bucket=bucket, Key="k")
    copied = s3.get_object(Bucket=bucket, Key="copy")
    assert copied["ETag"] == done["ETag"] and copied["Body"].read() == b"".join(parts)
    assert refusal(complete, parts=chosen) == (404, "NoSuchUpload")  # what it made is gone


def test_parts_are_copied_from_objects(s3: Any, bucket: str) -> None:
    data = bytes(range(256)) * (24 << 10)  # 6 MiB
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    source, small = {"Bucket": bucket, "Key": "source"}, {"Bucket": bucket, "Key": "small"}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")["UploadId"]
    here = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    chosen = []
    for number, (where, more) in enumerate(
        [(source, {}), (source, {"CopySourceRange": f"bytes=1-{5 << 20}"}), (small, {})], start=1
    ):
        made = s3.upload_part_copy(PartNumber=number, CopySource=where, **here, **more)["CopyPartResult"]
        chosen.append({"PartNumber": number, "ETag": made["ETag"], "ChecksumCRC32": made["ChecksumCRC32"]})
    assert chosen[0]["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    beyond = {"CopySource": small, "CopySourceRange": "bytes=0-5"}
    assert refusal(s3.upload_part_copy, PartNumber=9, **here, **beyond) == (416, "InvalidRange")
    absent = {"CopySource": {"Bucket": bucket, "Key": "absent"}}
    assert refusal(s3.upload_part_copy, PartNumber=9, **here, **absent) == (404, "NoSuchKey")
    s3.delete_object(Bucket=bucket, Key="source")
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": chosen}, **here)
    assert done["ChecksumType"] == "COMPOSITE" and done["ChecksumCRC32"].endswith("-3")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data + data[1 : (5 << 20) + 1] + b"small"


def test_who_began_an_upload_is_its_owner(s3_server: S3Server, s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    anybody, own = s3_server.anonymous(), s3.list_buckets()["Owner"]
    of_own = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    of_anybody = anybody.create_multipart_upload(Bucket=bucket, Key="b")["UploadId"]
    one, other = anybody.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (one["UploadId"], one["Owner"], one["Initiator"]) == (of_own, own, own)
    assert other["UploadId"] == of_anybody and other["Owner"] == other["Initiator"] != own
    parts = s3.list_parts(Bucket=bucket, Key="b", UploadId=of_anybody)
    assert parts["Owner"] == parts["Initiator"] == other["Owner"]


def test_of_a_part_that_is_listed_twice_the_last_entry_counts(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    here = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    first, last = (s3.upload_part(PartNumber=1, Body=data, **here)["ETag"] for data in (b"first", b"last"))

    def complete(*etags: str) -> Any:
        parts = [{"PartNumber": 1, "ETag": etag} for etag in etags]
        return s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **here)

    assert refusal(lambda: complete(last, first)) == (400, "InvalidPart")
    done = complete(first, last)["ETag"]
    assert done.endswith('-1"') and complete(first, last)["ETag"] == done  # the answer was lost
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"last"


def test_an_upload_that_is_aborted_is_gone(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    here = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    s3.upload_part(PartNumber=1, Body=b"x", **here)
    s3.abort_multipart_upload(**here)
    assert refusal(s3.upload_part, PartNumber=2, Body=b"x", **here) == (404, "NoSuchUpload")
    assert refusal(s3.abort_multipart_upload, **here) == (404, "NoSuchUpload")


def test_uploads_are_listed_by_common_prefix(s3: Any, bucket: str) -> None:
    last = "b/" + "\U0010ffff" * 5
    for key in ("a", "b", "b/1", "b/2", last, last, "c/1", "d"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)

    def page(**asked: Any) -> tuple[list[str], list[str], str | None]:
        got = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", **asked)
        prefixes = [each["Prefix"] for each in got.get("CommonPrefixes", [])]
        return [each["Key"] for each in got.get("Uploads", [])], prefixes, got.get("NextKeyMarker")

    assert page()[:2] == (["a", "b", "d"], ["b/", "c/"])
    assert page(MaxUploads=3) == (["a", "b"], ["b/"], "b/")
    assert page(KeyMarker="b/", MaxUploads=1)[1:] == (["c/"], "c/")
    assert page(KeyMarker="b/1")[:2] == (["d"], ["b/", "c/"])
    assert page(KeyMarker="c/")[:2] == (["d"], [])
    assert page(Prefix="b/")[0] == ["b/1", "b/2", last, last]


def test_the_s3_port_is_handed_over(tmp_path: Path) -> None:
    with start_s3_server(tmp_path) as made:
        made.client().create_bucket(Bucket="kept")
        before = json.loads((tmp_path / "ready.json").read_text())
        done = subprocess.run(
            [sys.executable, "-m", "uvideo", "admin", "restart", str(tmp_path)], timeout=patience.SECONDS, check=True
        )
        assert done.returncode == 0
        patience.until(lambda: json.loads((tmp_path / "ready.json").read_text())["pid"] != before["pid"])
        after = json.loads((tmp_path / "ready.json").read_text())
        assert after["s3"] == before["s3"]
        assert [each["Name"] for each in made.client().list_buckets()["Buckets"]] == ["kept"]


def test_what_is_malformed_gets_an_error_of_s3(s3_server: S3Server) -> None:
    peer = Peer(s3_server)
    for data, method in (
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "GET"),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET"),
        (b"GET /?%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET"),
    ):
        answer = peer.exchange(data, method)
        assert answer.status == 400 and b"<Error><Code>" in answer.body, answer


def test_what_the_acl_of_a_bucket_lets_everybody_do(s3_server: S3Server, s3: Any, bucket: str) -> None:
    anybody, here = s3_server.anonymous(), {"Bucket": bucket}
    s3.put_object(Key="k", Body=b"own", **here)
    denied = (403, "AccessDenied")
    assert refusal(anybody.list_objects_v2, **here) == denied
    s3.put_bucket_acl(ACL="public-read", **here)
    assert [each["Permission"] for each in s3.get_bucket_acl(**here)["Grants"]] == ["FULL_CONTROL", "READ"]
    assert [each["Key"] for each in anybody.list_objects_v2(**here)["Contents"]] == ["k"]
    assert refusal(anybody.get_object, Key="k", **here) == denied  # listing does not read
    assert refusal(anybody.get_object, Key="absent", **here) == (404, "NoSuchKey")
    assert refusal(anybody.put_object, Key="new", Body=b"", **here) == denied
    s3.put_bucket_acl(ACL="public-read-write", **here)
    anybody.put_object(Key="new", Body=b"new", **here)
    anybody.delete_object(Key="new", **here)
    copied = {"Key": "copy", "CopySource": {"Bucket": bucket, "Key": "k"}}
    for call, arguments in (
        *((anybody.copy_object, copied), (anybody.put_object_acl, {"Key": "k", "ACL": "public-read"})),
        *((anybody.get_bucket_acl, {}), (anybody.put_bucket_acl, {"ACL": "private"}), (anybody.delete_bucket, {})),
        (anybody.get_object_tagging, {"Key": "k"}),
    ):
        assert refusal(call, **here, **arguments) == denied, call
    s3.put_bucket_acl(ACL="private", **here)
    assert refusal(anybody.list_objects_v2, **here) == denied
    open_to_all = f"{bucket}-open"
    s3.create_bucket(Bucket=open_to_all, ACL="public-read")
    s3.create_bucket(Bucket=open_to_all, ACL="public-read")
    assert refusal(s3.create_bucket, Bucket=open_to_all) == (409, "BucketAlreadyExists")
    assert anybody.list_objects_v2(Bucket=open_to_all)["KeyCount"] == 0


def test_a_request_never_changes_a_later_bucket_with_the_same_name(s3_server: S3Server, s3: Any, bucket: str) -> None:
    """A client may send the document of its request as slowly as it likes."""
    group = b'<Grantee xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="Group"><URI>%s</URI></Grantee>'
    grant = b"<Grant>" + group % acl.ALL_USERS.encode() + b"<Permission>READ</Permission></Grant>"
    body = b"<AccessControlPolicy><Owner/><AccessControlList>" + grant + b"</AccessControlList></AccessControlPolicy>"
    url = s3.generate_presigned_url("put_bucket_acl", {"Bucket": bucket})
    target = url.partition(str(s3_server.port))[2]
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    headers = [("Host", f"127.0.0.1:{s3_server.port}"), ("Expect", "100-continue"), ("Content-MD5", md5)]
    with connect(s3_server.port) as sock:
        sock.sendall(head("PUT", target, [*headers, ("Content-Length", str(len(body)))]))
        assert sock.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE  # the signature and the rights are checked
        s3.delete_bucket(Bucket=bucket)
        s3.create_bucket(Bucket=bucket)
        sock.sendall(body)
        assert receive(sock).status == 404
    assert refusal(s3_server.anonymous().list_objects_v2, Bucket=bucket) == (403, "AccessDenied")


def test_the_tags_of_a_bucket(s3: Any, bucket: str) -> None:
    assert refusal(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ü"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refusal(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")


def test_temporary_keys(s3_server: S3Server, s3: Any, bucket: str) -> None:
    made = Peer(s3_server.server).manage(operation.AssumeRole("role", "session"))
    url, keys = s3_server.url, (made.public_key, made.private_key)
    client(url, *keys, token=made.security_token).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    other = Peer(s3_server.server).manage(operation.AssumeRole("role", "session"))
    for token in (None, "x", other.security_token, made.security_token[:-1] + "x"):
        assert refusal(client(url, *keys, token=token).list_buckets) == (400, "InvalidToken"), token
    wrong = client(url, made.public_key, "not the private key", token=made.security_token)
    assert refusal(wrong.list_buckets) == (403, "SignatureDoesNotMatch")
