"""Limits, and what a request expects, which S3 compares before it does anything."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from test.patience import SECONDS
from test.s3.s3_server import S3Server, refusal, start_s3_server
from test.s3.signing import form_body
from test.server.wire import MIB, Peer
from ucloud.uvideo.protocol import operation

BUCKET = "checks"
HERE = {"Bucket": BUCKET}
DENIED = (403, "AccessDenied")


@pytest.fixture
def s3(own_server: S3Server) -> Any:
    return own_server.client()


def begun(s3: Any, key: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(arguments for the upload, its list of one part)."""
    here = {**HERE, "Key": key}
    here["UploadId"] = s3.create_multipart_upload(**here)["UploadId"]
    return here, [{"PartNumber": 1, "ETag": s3.upload_part(PartNumber=1, Body=b"x", **here)["ETag"]}]


def test_an_object_of_more_than_5_tib(folder: Path, s3: Any) -> None:
    """It would take 1,024 parts of 5 GiB; here the catalog says so of one part."""
    here, parts = begun(s3, "large")
    with contextlib.closing(sqlite3.connect(folder / "catalog.db", timeout=SECONDS)) as catalog:
        catalog.execute("UPDATE s3_parts SET size = ? WHERE upload_id = ?", ((5 << 40) + 1, here["UploadId"]))
        catalog.commit()
    done = {"MultipartUpload": {"Parts": parts}, **here}
    assert refusal(s3.complete_multipart_upload, **done) == (400, "EntityTooLarge")
    assert s3.list_parts(**here)["Parts"]
    s3.abort_multipart_upload(**here)


def test_the_md5_of_a_list_of_parts(own_server: S3Server, s3: Any) -> None:
    here, parts = begun(s3, "listed")
    item = f"<Part><PartNumber>1</PartNumber><ETag>{parts[0]['ETag']}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{item}</CompleteMultipartUpload>".encode()
    target = s3.generate_presigned_url("complete_multipart_upload", here).partition(str(own_server.port))[2]
    right = base64.b64encode(hashlib.md5(body).digest()).decode()
    peer = Peer(own_server)
    for value, status, code in (
        (base64.b64encode(bytes(16)).decode(), 400, b"BadDigest"),
        ("no base64", 400, b"InvalidDigest"),
        (right, 200, b"CompleteMultipartUploadResult"),
        (right, 200, b"CompleteMultipartUploadResult"),
    ):
        answer = peer.send("POST", target, [("Content-MD5", value)], body)
        assert answer.status == status and code in answer.body, (value, answer)


def test_the_owner_that_a_request_expects(s3: Any) -> None:
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Key="k", Body=b"x", **HERE)
    copy = {"Key": "copy", "CopySource": f"{BUCKET}/k", **HERE}
    upload = {"Key": "up", "PartNumber": 1, "CopySource": f"{BUCKET}/k", **HERE}
    upload["UploadId"] = s3.create_multipart_upload(Bucket=BUCKET, Key="up")["UploadId"]
    for call, arguments in (
        *((s3.get_object, {"Key": "k"}), (s3.head_object, {"Key": "k"}), (s3.put_object, {"Key": "k", "Body": b"y"})),
        *((s3.head_bucket, {}), (s3.list_objects_v2, {}), (s3.delete_objects, {"Delete": {"Objects": [{"Key": "k"}]}})),
        *((s3.get_bucket_accelerate_configuration, {}), (s3.list_bucket_metrics_configurations, {})),
        *((s3.get_bucket_request_payment, {}), (s3.get_bucket_logging, {}), (s3.delete_bucket_policy, {})),
        *((s3.delete_bucket, {}), (s3.get_bucket_acl, {}), (s3.get_object_tagging, {"Key": "k"})),
    ):
        call(ExpectedBucketOwner=owner, **HERE, **arguments) if call.__name__.startswith(("get", "list")) else None
        found = refusal(call, ExpectedBucketOwner="somebody", **HERE, **arguments)
        assert found[0] == 403 and found[1] in ("AccessDenied", "403"), call
    for call, arguments in (  # the right owner gets an error of its own
        (s3.get_bucket_policy, {}),
        (s3.get_object_retention, {"Key": "k"}),
        (s3.get_bucket_policy, {}),
        (s3.put_bucket_accelerate_configuration, {"AccelerateConfiguration": {"Status": "Enabled"}}),
    ):
        assert refusal(call, ExpectedBucketOwner="somebody", **HERE, **arguments) == DENIED, call
        assert refusal(call, ExpectedBucketOwner=owner, **HERE, **arguments)[0] in (404, 501), call
    for call, arguments in ((s3.copy_object, copy), (s3.upload_part_copy, upload)):
        for name in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
            assert refusal(call, **{name: "somebody"}, **arguments) == DENIED, (call, name)
        call(ExpectedBucketOwner=owner, ExpectedSourceBucketOwner=owner, **arguments)
    assert s3.get_object(Key="k", **HERE)["Body"].read() == b"x"


def test_the_owner_in_a_document_with_an_acl(s3: Any) -> None:
    s3.put_object(Key="acl", Body=b"x", **HERE)
    everybody = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    for get, put, key in (
        (s3.get_object_acl, s3.put_object_acl, {"Key": "acl"}),
        (s3.get_bucket_acl, s3.put_bucket_acl, {}),
    ):
        found = get(**HERE, **key)
        policy = {"Owner": found["Owner"], "Grants": [*found["Grants"], {"Grantee": everybody, "Permission": "READ"}]}
        other = {"ID": "somebody", "DisplayName": "somebody"}
        itself = {"Grantee": {"Type": "CanonicalUser", **other}, "Permission": "FULL_CONTROL"}
        wrong = {"Owner": other, "Grants": [itself, policy["Grants"][-1]]}
        assert refusal(put, AccessControlPolicy=wrong, **HERE, **key) == DENIED
        assert len(get(**HERE, **key)["Grants"]) == 1
        put(AccessControlPolicy=policy, **HERE, **key)
        assert len(get(**HERE, **key)["Grants"]) == 2
        put(ACL="private", **HERE, **key)


def test_no_room(tmp_path: Path) -> None:
    full = (507, "InsufficientStorage")
    with start_s3_server(tmp_path, "--headroom", "1e9") as made:
        s3, peer = made.client(), Peer(made)
        s3.create_bucket(**HERE)
        assert refusal(s3.put_object, Key="k", Body=bytes(MIB), **HERE) == full
        assert refusal(s3.create_multipart_upload, Key="k", **HERE) == full
        fields = s3.generate_presigned_post(BUCKET, "k")["fields"]
        posted = peer.send("POST", f"/{BUCKET}", *form_body(fields, b"x"))
        assert (
            posted.status == 507 and b"<Code>InsufficientStorage</Code>" in posted.body and posted.header("Retry-After")
        )
        assert s3.list_objects_v2(**HERE)["KeyCount"] == 0
        ufile = Peer(made.server)
        assert ufile.call(operation.PutObject(BUCKET, "k"), b"x").refusal()[0] == 503
