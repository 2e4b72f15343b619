"""Forms of both protocols on one port: their fields tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from test.s3.s3_server import S3Server, start_s3_server
from test.s3.signing import form_body
from test.server.wire import CONTINUE, MIB, Peer, connect, head, pattern, receive
from ucloud.uvideo.protocol.message import Headers

BUCKET = "forms"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with start_s3_server(tmp_path_factory.mktemp("forms")) as made:
        made.client().create_bucket(Bucket=BUCKET)
        yield made


@pytest.fixture
def s3(s3_server: S3Server) -> Any:
    return s3_server.client()


@pytest.fixture
def peer(s3_server: S3Server) -> Peer:
    """On the data port."""
    return Peer(s3_server.server)


def signed(s3: Any, key: str, bucket: str = BUCKET) -> dict[str, str]:
    fields: dict[str, str] = s3.generate_presigned_post(
        bucket, key, Fields={"success_action_status": "201"}, Conditions=[{"success_action_status": "201"}]
    )["fields"]
    return fields


def ufile(peer: Peer, name: str, more: dict[str, str]) -> dict[str, str]:
    authorization = peer.signed("POST", BUCKET, name, [("Content-Type", "text/plain")])
    return {"FileName": name, "Authorization": authorization, "Content-Type": "text/plain", **more}


@pytest.mark.parametrize("target", [f"/{BUCKET}", f"/{BUCKET}/"])
def test_a_form_of_s3_is_stored(s3: Any, peer: Peer, target: str) -> None:
    data = pattern(2 * MIB)
    done = peer.send("POST", target, *form_body(signed(s3, "by-s3"), data, ("behind", "ignored")))
    assert done.status == 201 and b"<PostResponse>" in done.body and done.header("x-amz-request-id"), done
    assert s3.get_object(Bucket=BUCKET, Key="by-s3")["Body"].read() == data


def test_its_refusals_are_documents_of_s3(s3: Any, peer: Peer) -> None:
    for fields, target, status, code in (
        (signed(s3, "k") | {"x-amz-signature": "0" * 64}, f"/{BUCKET}", 403, b"SignatureDoesNotMatch"),
        (signed(s3, "k", "no-such-bucket"), "/no-such-bucket", 404, b"NoSuchBucket"),
        ({"KEY": "k"}, f"/{BUCKET}", 403, b"AccessDenied"),
        (signed(s3, "k"), "/", 403, b"AccessDenied"),  # no bucket, and nothing that anybody may
    ):
        refused = peer.send("POST", target, *form_body(fields, b"x"))
        assert refused.status == status and b"<Code>" + code + b"</Code>" in refused.body, (code, refused)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="k")


@pytest.mark.parametrize("more", [{}, {"key": "another"}])
def test_a_form_of_ufile_stays_one(s3: Any, peer: Peer, more: dict[str, str]) -> None:
    done = peer.send("POST", f"/{BUCKET}/", *form_body(ufile(peer, "by-ufile", more), b"hello"))
    assert done.status == 200 and done.header("X-SessionId") and done.header("x-amz-request-id") is None, done
    assert s3.get_object(Bucket=BUCKET, Key="by-ufile")["Body"].read() == b"hello"
    s3.delete_object(Bucket=BUCKET, Key="by-ufile")


def test_what_is_no_form_of_s3_is_refused_by_ufile(peer: Peer) -> None:
    for fields in ({}, {"other": "1"}, {"key": "k", "FileName": "f"}, {"key": "k", "ObjectName": "f"}):
        status, code, _ = peer.send("POST", f"/{BUCKET}/", *form_body(fields, b"x")).refusal()
        assert status in (400, 401, 403) and code, fields
    headers, _ = form_body({}, b"")
    assert peer.send("POST", f"/{BUCKET}/", headers, b"no form").refusal()[0] == 400
    with_bucket = [("Bucket", BUCKET), *headers]
    assert peer.send("POST", "/", with_bucket, form_body({"key": "k"}, b"x")[1]).refusal()[0] in (400, 401, 403)


def test_a_form_waits_for_its_permission(s3: Any, peer: Peer) -> None:
    headers, body = form_body(signed(s3, "waited"), b"hello")
    with connect(peer.port) as sock:
        given = [("Host", f"127.0.0.1:{peer.port}"), *headers, ("Content-Length", str(len(body)))]
        sock.sendall(head("POST", f"/{BUCKET}", [*given, ("Expect", "100-continue")]))
        assert sock.recv(len(CONTINUE)) == CONTINUE
        for at in range(0, len(body), 100):
            sock.sendall(body[at : at + 100])
        assert receive(sock).status == 201
        sock.sendall(head("POST", f"/{BUCKET}", given) + body)  # the connection can be used again
        answer = receive(sock)
        assert answer.status == 201 and Headers(answer.headers).get("ETag")
