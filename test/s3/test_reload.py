"""Settings of S3, and those that every service of a worker has, change while the server runs."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from test.patience import until
from test.s3.s3_server import S3Server, refusal, start_s3_server
from test.s3.signing import form_body
from test.server.test_console import Visitor
from test.server.wire import Peer, pattern
from ucloud.uvideo.protocol import operation

MIB = 1 << 20


class Site(NamedTuple):
    made: S3Server
    settings: Path
    folder: Path

    def set(self, *lines: str) -> None:
        self.settings.write_text("".join(f"UVIDEO_SERVE_{line}\n" for line in lines))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("reload")
    settings = folder / "settings"
    settings.write_text("")
    options = ("--settings", str(settings), "--reload-seconds", "0.1")
    with start_s3_server(folder / "data", *options) as made:
        yield Site(made, settings, folder / "data")


def test_forms_of_version_2(site: Site) -> None:
    site.made.client().create_bucket(Bucket="forms")
    document = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "forms"}, {"key": "k"}]}
    policy = base64.b64encode(json.dumps(document).encode())
    signed = base64.b64encode(hmac.digest(site.made.private_key.encode(), policy, "sha1")).decode()
    fields = {"key": "k", "AWSAccessKeyId": site.made.public_key, "signature": signed, "policy": policy.decode()}
    peer = Peer(site.made)
    for lines, status in (((), 400), (("S3_FORM_V2=true",), 204), ((), 400)):
        site.set(*lines)
        until(lambda status=status: peer.send("POST", "/forms", *form_body(fields, b"x")).status == status)


def test_the_names_for_s3(site: Site) -> None:
    peer, visitor = Peer(site.made.server), Visitor(site.made.server)
    visitor.sign_in()
    for lines in ((), ("S3_HOST=files.example.com",), ()):
        site.set(*lines)
        name = "files.example.com" if lines else "127.0.0.1"
        shown = f"http://{name}:{site.made.port}"  # in the console

        def is_s3(expected: bool = bool(lines)) -> bool:
            answer = peer.send("HEAD", "/", host="named.files.example.com")
            return (answer.header("x-amz-request-id") is not None) == expected

        until(is_s3)
        until(lambda shown=shown: visitor.get("session").json()["s3"] == shown)


def sent(s3: Any, key: str, sizes: list[int]) -> dict[str, Any]:
    """The arguments of CompleteMultipartUpload for parts of these sizes."""
    here = {"Bucket": "strict", "Key": key}
    upload = s3.create_multipart_upload(**here)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(PartNumber=number, UploadId=upload, Body=bytes(size), **here)["ETag"],
        }
        for number, size in enumerate(sizes, 1)
    ]
    return {**here, "UploadId": upload, "MultipartUpload": {"Parts": parts}}


def test_strict_parts(site: Site) -> None:
    s3, wrong = site.made.client(), (400, "InvalidRequest")
    s3.create_bucket(Bucket="strict")
    s3.put_object(Bucket="strict", Key="source", Body=bytes(8 * MIB + 1))
    five, good, long = sent(s3, "five", [5 * MIB, 5]), sent(s3, "good", [8 * MIB, 5]), sent(s3, "long", [8 * MIB + 1])
    single = sent(s3, "single", [8 * MIB])
    site.set("S3_STRICT_PARTS=true")
    part = {"Bucket": "strict", "Key": "good", "UploadId": good["UploadId"], "PartNumber": 3}  # Complete names 1 and 2
    until(lambda: _fails(s3.upload_part, Body=bytes(8 * MIB + 1), **part))
    assert refusal(s3.upload_part, Body=bytes(8 * MIB + 1), **part) == wrong
    assert refusal(s3.upload_part_copy, CopySource="strict/source", **part) == wrong
    for arguments in (five, long):
        assert refusal(s3.complete_multipart_upload, **arguments) == wrong
    for arguments in (good, single):
        assert s3.complete_multipart_upload(**arguments)["ETag"]
    site.set()
    until(lambda: not _fails(s3.complete_multipart_upload, **five))
    assert s3.complete_multipart_upload(**long)["ETag"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="strict")["Contents"]]
    assert keys == ["five", "good", "long", "single", "source"]


def _fails(call: Any, **arguments: Any) -> bool:
    try:
        call(**arguments)
    except Exception as failure:
        assert getattr(failure, "response", {}).get("Error", {}).get("Code") == "InvalidRequest", failure
        return True
    return False


def test_reads_of_everybody_verify_too(site: Site) -> None:
    """They have a service of their own, and so have tokens that must not overwrite."""
    peer = Peer(site.made.server)
    space, data = peer.space("public"), pattern(100_000)
    peer.do(operation.PutObject(space, "k"), data)
    (blob,) = [each for each in site.folder.rglob("*") if each.is_file() and each.stat().st_size == len(data)]
    blob.chmod(0o600)
    blob.write_bytes(b"x" + data[1:])
    host = f"{space}.localhost"
    assert peer.send("GET", "/k", host=host).body == b"x" + data[1:]
    site.set("VERIFY_READS=true")
    until(lambda: peer.ask("GET", space, "/k", "k").status == 500)
    assert peer.send("GET", "/k", host=host).status == 500
    site.set()
    until(lambda: peer.ask("GET", space, "/k", "k").status == 200)
    assert peer.send("GET", "/k", host=host).status == 200
