"""Every signature that an official client makes is taken, and nothing else.  Source: signing.md, vectors.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.server.inprocess import Running, running
from test.server.wire import Answer, Peer
from ucloud.uvideo.protocol import operation, signature
from ucloud.uvideo.protocol.compat import build_query, quote_path, quote_query

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text(encoding="utf-8"))
NOW = 1893455700.0  # shortly before the signed URLs expire
DATA = [vector for vector in VECTORS["signatures"] if vector["kind"] in ("header", "url")]
DATA = [vector for vector in DATA if vector["id"] != "h18-postform"]  # a form: test_postfile.py
CALLS = [vector for vector in VECTORS["signatures"] if vector["kind"] == "mgmt"]


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    keys = {"public": VECTORS["public_key"], "private": VECTORS["private_key"]}
    with running(tmp_path_factory.mktemp("app"), clock=Clock(), **keys) as started:
        for space in ("demobucket", "myspace", "demo-bucket"):
            Peer(started).manage(operation.CreateSpace(space))
        yield started


def send(app: Running, vector: dict[str, Any], signed: str, *, raw: bool = False) -> Answer:
    """The request of a vector, with this signature in place of its own."""
    headers = {name: value for name, value in vector["headers"].items() if name != "Content-Length"}
    body = b"x" if vector["method"] == "PUT" else b""
    if vector["kind"] == "url":
        target = "/" + quote_path(vector["key"])
        given = {"UCloudPublicKey": app.public_key, "Expires": str(vector["expires"]), "Signature": signed}
        target += "?" + "&".join(f"{name}={value if raw else quote_query(value)}" for name, value in given.items())
    else:
        target = vector.get("request_target") or "/" + quote_path(vector["key"])
        headers["Authorization"] = vector["authorization"].replace(vector["signature"], signed)
    shared = vector.get("dialect") == "uvideo" or vector["bucket"] == "myspace"
    if shared:
        headers["Bucket"] = vector["bucket"]
    host = None if shared else vector["bucket"] + ".cn-bj.ufileos.com"
    pairs = [
        (name, each.encode())
        for name, value in headers.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return Peer(app).send(vector["method"], target.encode("utf-8"), pairs, body, host=host)


@pytest.mark.parametrize("vector", DATA, ids=[vector["id"] for vector in DATA])
def test_a_vector_of_the_data_plane(app: Running, vector: dict[str, Any]) -> None:
    right, wrong = vector["signature"], ("A" if vector["signature"][0] != "A" else "B") + vector["signature"][1:]
    for raw in (False, True):
        got = send(app, vector, right, raw=raw)
        assert got.status not in (401, 403), got.body
        assert send(app, vector, wrong, raw=raw).status == 401


@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_a_vector_of_the_management_plane(app: Running, vector: dict[str, Any]) -> None:
    def code(signed: str) -> int:
        query = build_query([*vector["params"].items(), ("Signature", signed)])
        return int(Peer(app).send("GET", "/?" + query).json()["RetCode"])

    known = vector["params"]["Action"].startswith(
        ("Create", "Describe", "Update", "Delete", "GetFileList", "GetVideoSpaceStatus")
    )
    known = known and vector["params"]["Action"] != "DescribeUHostInstance"
    assert code(vector["signature"]) not in (170, 171, 172)
    assert code("0" * 40) == (171 if known else 161)
    if vector["params"].get("BucketName") == "demo-bucket" and vector["params"]["Action"] == "DeleteBucket":
        Peer(app).manage(operation.CreateSpace("demo-bucket"))


def test_a_signed_url_until_and_after_its_expiry(app: Running) -> None:
    peer = Peer(app)
    peer.do(operation.PutObject("demobucket", "timed"), b"x")
    query = signature.signed_query(peer.credentials, "GET", "demobucket", "timed", int(NOW))
    target = f"/timed?{query}&ufileattname=a"
    clock: Any = app.service.clock
    try:
        assert peer.send("GET", target, host="demobucket.x").body == b"x"
        clock.now = NOW + 1
        expired = peer.send("GET", target, host="demobucket.x")
        assert expired.refusal() == (401, -148658, "signature expired")
        broken = target.replace("Signature=", "Signature=AA")  # the expiry is looked at first
        assert peer.send("GET", broken, host="demobucket.x").refusal()[2] == "signature expired"
        assert peer.send("GET", target.replace("Expires=1", "Expires=x1"), host="demobucket.x").status == 401
    finally:
        clock.now = NOW


def test_a_header_decides_alone_when_a_url_is_signed_too(app: Running) -> None:
    peer = Peer(app)
    peer.do(operation.PutObject("demobucket", "both"), b"x")
    query = signature.signed_query(peer.credentials, "GET", "demobucket", "both", int(NOW))
    wrong = [("Authorization", f"UCloud {app.public_key}:AAAA")]
    assert peer.send("GET", f"/both?{query}", wrong, host="demobucket.x").status == 401
    right = [("Authorization", peer.signed("GET", "demobucket", "both"))]
    assert peer.send("GET", f"/both?{query}AAAA", right, host="demobucket.x").status == 200


def test_signed_headers_of_both_words_and_of_none(app: Running) -> None:
    peer = Peer(app)
    for word in ("UCloud", "AutoAI"):
        headers = [(f"X-{word}-Foo", " a   b "), (f"x-{word.lower()}-bar", "1"), (f"X-{word}-Foo", "c")]
        signed = peer.signed("PUT", "demobucket", "k", headers, word=word)
        for given in (headers, headers[::-1]):  # of repeated ones the order counts
            got = peer.send("PUT", "/k", [*given, ("authorization", signed)], b"x", host="demobucket.x")
            assert got.status == (200 if given is headers else 401)
        bare = peer.signed("PUT", "demobucket", "k", [], word=word)  # Go sends them unsigned
        got = peer.send("PUT", "/k", [*headers, ("Authorization", bare)], b"x", host="demobucket.x")
        assert got.status == 200


def test_what_is_signed_must_be_what_is_sent(app: Running) -> None:
    peer = Peer(app)
    headers = [("Content-Type", "video/mp4"), ("Date", "20240131235959")]
    signed = [("Authorization", peer.signed("PUT", "demobucket", "k", headers))]
    host = "demobucket.x"
    assert peer.send("PUT", "/k", headers + signed, b"x", host=host).status == 200
    assert peer.send("PUT", "/other", headers + signed, b"x", host=host).status == 401
    assert peer.send("PUT", "/k", headers + signed, b"x", host="demo-bucket.x").status == 401
    assert peer.send("PUT", "/k", headers[:1] + signed, b"x", host=host).status == 401
    assert (
        peer.send("PUT", "/k", [("Content-Type", "video/mp4; a=b"), *headers[1:], *signed], b"x", host=host).status
        == 401
    )
    assert peer.send("DELETE", "/k", headers + signed, host=host).status == 401


@pytest.mark.parametrize("value", ("", "UCloud", "UCloud a", "Basic a:b", "UCloud :x", "UCloud a:b:c:d", "AWS4 a:b"))
def test_an_authorization_that_is_none(app: Running, value: str) -> None:
    got = Peer(app).send("GET", "/k", [("Authorization", value)], host="demobucket.x")
    assert got.refusal()[:2] == (401, -148643)


def test_half_a_signed_url_and_an_unknown_key(app: Running) -> None:
    peer = Peer(app)
    for query in ("UCloudPublicKey=a", "Signature=a&Expires=1", "UCloudPublicKey=a&Signature=b"):
        assert peer.send("GET", f"/k?{query}", host="demobucket.x").refusal()[:2] == (401, -148643)
    unknown = [("Authorization", "UCloud nobody:AAAA")]
    assert peer.send("GET", "/k", unknown, host="demobucket.x").refusal() == (403, -148658, "invalid public key")


def test_the_order_of_the_checks(app: Running) -> None:
    peer = Peer(app)
    nobody, wrong = ("Authorization", "UCloud nobody:A"), ("Authorization", f"UCloud {app.public_key}:A")
    no_space = (400, -30010, "bucket not exist")
    for headers in ([], [nobody], [wrong]):
        assert peer.send("PUT", "/k", headers, b"x", host="absent.x").refusal() == no_space
        assert peer.send("PUT", "/k", [*headers, ("Bucket", "absent")], b"x").refusal() == no_space
    assert peer.send("PUT", "/%zz", [nobody], b"x", host="demobucket.x").refusal()[0] == 403
    assert peer.send("PUT", "/k?tagging", [wrong], host="demobucket.x").refusal()[0] == 401
    assert peer.ask("PUT", "demobucket", "/k?tagging", "k").refusal()[0] == 400
    assert peer.send("HEAD", "/k", host="absent.x").status == 400
