"""Bodies of S3 over sockets: in chunks, signed or not, over TLS, and as forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from test.s3.s3_server import S3Server, client, refusal, start_s3_server
from test.s3.signing import form_body, framed
from test.server.wire import Peer, chunked
from uvideo.s3 import signature

PEM = str(Path(__file__).resolve().parents[1] / "data" / "tls.pem")


def test_bodies_in_chunks(s3_server: S3Server, s3: Any, bucket: str) -> None:
    """A body with a checksum in its trailer, as SDKs send it over https: within HTTP's own chunks."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    peer = Peer(s3_server)
    target, body = url.partition(str(peer.port))[2], b"n" * 100_000
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
    headers = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", str(len(body))),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("Transfer-Encoding", "chunked"),
    ]

    def sent(trailer: bytes) -> int:
        framed = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(body), body, trailer)
        pieces = [framed[at : at + 7000] for at in range(0, len(framed), 7000)]
        return peer.send("PUT", target, headers, chunked(*pieces), framing=False).status

    assert sent(crc) == 403  # not every header that begins with x-amz- is signed
    anybody = s3_server.anonymous()
    assert refusal(anybody.head_object, Bucket=bucket, Key="k")[0] == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"


def test_forms(s3_server: S3Server, s3: Any, bucket: str) -> None:
    peer = Peer(s3_server)
    signed = s3.generate_presigned_post(
        bucket,
        "in/${filename}",
        Fields={"success_action_status": "201", "Content-Type": "text/x"},
        Conditions=[{"success_action_status": "201"}, {"Content-Type": "text/x"}, ["content-length-range", 2, 9]],
    )["fields"]

    def post(data: bytes, *after: tuple[str, str], **fields: str) -> Any:
        return peer.send("POST", f"/{bucket}", *form_body({**signed, **fields}, data, *after))

    def post_free(name: str, value: str) -> Any:
        given = s3.generate_presigned_post(bucket, "free", Conditions=[["starts-with", f"${name}", ""]])["fields"]
        return peer.send("POST", f"/{bucket}", *form_body({**given, name: value}, b"free"))

    assert post_free("x-amz-meta-a", "ü \t€").status == 204
    s3.delete_object(Bucket=bucket, Key="free")
    done = post(b"hello", ("behind", "ignored"))
    assert done.status == 201 and b"<PostResponse><Location>" in done.body, done
    assert b"<Key>in/f.txt</Key>" in done.body
    got = s3.get_object(Bucket=bucket, Key="in/f.txt")
    assert got["Body"].read() == b"hello" and got["ContentType"] == "text/x"
    for answer, code in (
        (post(b"0123456789"), b"EntityTooLarge"),
        (post(b"1"), b"EntityTooSmall"),
        (post(b"hello", key="out"), b"AccessDenied"),
        (post(b"hello", more="x"), b"AccessDenied"),
        (post_free("x-amz-meta-a", "1\r\nMore: 2"), b"InvalidArgument"),
        (post_free("x-amz-meta-a", "\x7f"), b"InvalidArgument"),
        (post_free("x-amz-meta-a: 1", "2"), b"InvalidArgument"),
        (post_free("x-amz-meta-ü", "1"), b"InvalidArgument"),
        (post_free("Cache-Control", "a\nb"), b"InvalidArgument"),
        (post_free("Content-Type", "text/x\r\nMore: 2"), b"InvalidArgument"),
        (post_free("x-amz-website-redirect-location", "/a\r\nMore: 2"), b"InvalidArgument"),
        (post(b"hello", **{"x-amz-signature": "0" * 64}), b"SignatureDoesNotMatch"),
        (post(b"hello", policy="e30="), b"InvalidPolicyDocument"),
        (post(b"hello", **{"x-ignore-it": "a\nb"}), b"InvalidArgument"),
        (peer.send("POST", f"/{bucket}", *form_body({"key": "k"}, b"hello")), b"AccessDenied"),
        (peer.send("POST", f"/{bucket}", body=b"x"), b"MalformedPOSTRequest"),
    ):
        assert answer.status in (400, 403) and b"<Code>" + code + b"</Code>" in answer.body, (code, answer)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["in/f.txt"]
    back = s3.generate_presigned_post(
        bucket,
        "back",
        Fields={"success_action_redirect": "http://127.0.0.1/done?a=b"},
        Conditions=[["starts-with", "$success_action_redirect", ""]],
    )
    went = peer.send("POST", f"/{bucket}/", *form_body(back["fields"], b"x"))
    assert went.status == 303
    assert str(went.header("Location")).startswith(f"http://127.0.0.1/done?a=b&bucket={bucket}&key=back&etag=%22")


@pytest.mark.parametrize("accepts", [True, False])
def test_forms_of_version_2_need_the_switch(tmp_path: Path, accepts: bool) -> None:
    with start_s3_server(tmp_path, *(["--s3-form-v2"] if accepts else [])) as made:
        s3, peer = made.client(), Peer(made)
        s3.create_bucket(Bucket="forms")
        document = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "forms"}, {"key": "k"}]}
        policy = base64.b64encode(json.dumps(document).encode())
        signed = base64.b64encode(hmac.digest(made.private_key.encode(), policy, "sha1")).decode()
        fields = {"key": "k", "AWSAccessKeyId": made.public_key, "signature": signed, "policy": policy.decode()}
        done = peer.send("POST", "/forms", *form_body(fields, b"old"))
        wrong = peer.send("POST", "/forms", *form_body({**fields, "signature": signed[::-1]}, b"wrong"))
        if accepts:
            assert done.status == 204 and wrong.status == 403 and b"SignatureDoesNotMatch" in wrong.body
            assert s3.get_object(Bucket="forms", Key="k")["Body"].read() == b"old"
        else:
            assert done.status == 400 and b"AWS4-HMAC-SHA256" in done.body and wrong.status == 400
            assert s3.list_objects_v2(Bucket="forms")["KeyCount"] == 0
        other = client(made.url, made.public_key, made.private_key, signature_version="s3")
        assert refusal(other.list_buckets) == (400, "InvalidRequest")


def test_bodies_as_sdks_send_them_over_https(tmp_path: Path) -> None:
    """Chunks with a checksum in the trailer, within HTTP's own chunks."""
    with start_s3_server(tmp_path, "--tls-cert", PEM, "--tls-key", PEM) as made:
        assert made.url.startswith("https://")
        s3 = made.client(verify=PEM)
        s3.create_bucket(Bucket="over-https")
        data = bytes(range(256)) * 3000
        for algorithm in ("CRC32", "SHA256"):
            stored = s3.put_object(Bucket="over-https", Key="k", Body=io.BytesIO(data), ChecksumAlgorithm=algorithm)
            assert stored["ETag"] == f'"{hashlib.md5(data).hexdigest()}"' and stored[f"Checksum{algorithm}"]
            got = s3.get_object(Bucket="over-https", Key="k", ChecksumMode="ENABLED")
            assert got["Body"].read() == data and "ContentEncoding" not in got


def test_signed_chunks(s3_server: S3Server, s3: Any, bucket: str) -> None:
    peer, data = Peer(s3_server), bytes(range(256)) * 1000
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = signature.CredentialScope(s3_server.public_key, date[:8], "cn-bj")
    key = signature.SigningKey.derive(s3_server.private_key, scope, date)
    signed = {
        "host": f"127.0.0.1:{peer.port}",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date": date,
        "x-amz-decoded-content-length": str(len(data)),
    }
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    names = ";".join(signed)
    canonical = f"PUT\n/{bucket}/k\n\n{lines}\n{names}\n{signed['x-amz-content-sha256']}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    seed = key.sign(f"AWS4-HMAC-SHA256\n{date}\n{scope.text}\n{digest}")
    credential = f"{s3_server.public_key}/{scope.text}"
    headers = [
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={seed}"),
        ("Content-Encoding", "aws-chunked"),
        *[pair for pair in signed.items() if pair[0] != "host"],
    ]
    body = framed(key, seed, data, 100_000)
    changed = bytearray(body)
    changed[150_000] ^= 1
    assert b"SignatureDoesNotMatch" in peer.send("PUT", f"/{bucket}/k", headers, bytes(changed)).body
    assert b"IncompleteBody" in peer.send("PUT", f"/{bucket}/k", headers, body[:-90]).body
    assert refusal(s3.head_object, Bucket=bucket, Key="k")[0] == 404
    assert peer.send("PUT", f"/{bucket}/k", headers, body).status == 200
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data and "ContentEncoding" not in got
    anywhere = [pair for pair in headers if pair[0] != "Authorization"]
    assert peer.send("PUT", f"/{bucket}/k", anywhere, body).status in (400, 403)
