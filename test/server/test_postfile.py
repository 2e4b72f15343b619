"""Form uploads over a socket."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from test.server.inprocess import running
from test.server.test_form import ENDINGS
from test.server.wire import MIB, Answer, Peer, chunked, connect, exchange, head, pattern, receive
from ucloud.uvideo.protocol import operation, signature
from ucloud.uvideo.protocol.compat import quote_path
from uvideo.server.http.rate_limits import Limits, Rates

BOUNDARY = "B"
VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text(encoding="utf-8"))


def fields_of(*fields: tuple[str, str]) -> bytes:
    lines = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    return "".join(lines).encode()


def file_of(data: bytes, mime: str | None = "text/plain", ending: str = "by the book") -> bytes:
    kind = f"Content-Type: {mime}\r\n" if mime is not None else ""
    start = f'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n{kind}\r\n'
    return start.encode() + data + ENDINGS[ending]


def signed(peer: Peer, space: str, key: str, mime: str = "text/plain", **headers: str) -> str:
    return peer.signed("POST", space, key, [("Content-Type", mime), *headers.items()])


def post(peer: Peer, space: str, body: bytes, *headers: tuple[str, str], **more: Any) -> Answer:
    kind = ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    return peer.send("POST", "/", [kind, *headers], body, host=f"{space}.localhost", **more)


def keys(peer: Peer, space: str) -> list[str]:
    return [info.key for info in peer.do(operation.ListObjects(space)).objects]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ("FileName", "ObjectName"))
def test_a_form(peer: Peer, space: str, ending: str, name: str) -> None:
    key = "dir/视频 a+b%20.txt"
    for size in (0, 11, 3 * MIB):
        data = pattern(size)
        fields = fields_of((name, key), ("Authorization", signed(peer, space, key)))
        got = post(peer, space, fields + file_of(data, ending=ending))
        assert (got.status, got.body) == (200, b"") and got.header("ETag") and got.header("Content-Type") is None
        found = peer.call(operation.GetObject(space, key))
        assert found.body == data and found.header("Content-Type") == "text/plain"
        assert found.header("ETag") == got.header("ETag")


def test_the_vector_of_a_form(tmp_path: Path) -> None:
    (vector,) = [each for each in VECTORS["signatures"] if each["id"] == "h18-postform"]
    with running(tmp_path, public=VECTORS["public_key"], private=VECTORS["private_key"]) as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(vector["bucket"]))
        fields = fields_of(("FileName", vector["key"]), ("Authorization", vector["authorization"]))
        assert post(peer, vector["bucket"], fields + file_of(b"x", vector["content_type_signed"])).status == 200
        assert peer.call(operation.GetObject(vector["bucket"], vector["key"])).body == b"x"


def test_the_space_in_the_bucket_header_and_in_the_path(peer: Peer, space: str) -> None:
    form = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k"))) + file_of(b"x")
    kind = ("Content-Type", "multipart/form-data; boundary=B")
    assert peer.send("POST", "/", [kind, ("Bucket", space)], form).status == 200
    assert peer.send("POST", f"/{space}/", [kind], form).status == 200
    assert peer.send("POST", "/", [kind], form, host="nobody.localhost").refusal()[:2] == (400, -30010)
    chunks = [("Transfer-Encoding", "chunked"), kind, ("Host", f"{space}.x")]
    assert exchange(peer.port, head("POST", "/", chunks) + chunked(form[:50], form[50:])).status == 200


KIND = ("Content-Type", "multipart/form-data; boundary=B")


@pytest.mark.parametrize(
    "place", ("/{key}", "/{space}/{key}", "http://{space}.localhost/{key}", "/uvideoUploads/{key}")
)
def test_a_form_posted_to_its_key(peer: Peer, space: str, place: str) -> None:
    key = "dir/视频 a+b%20.txt"
    allowed = ("Authorization", signed(peer, space, key))
    host = f"127.0.0.1:{peer.port}" if "{space}/" in place else f"{space}.localhost"
    headers = [KIND, ("Bucket", space)] if place.startswith("/uvideo") else [KIND]
    for escaped in (quote_path(key), key.replace("%", "%25").replace(" ", "%20"), quote(key, safe="")):
        target = place.format(space=space, key=escaped)
        for number, fields in enumerate(([("FileName", key)], [("ObjectName", key)], [])):
            data = f"{escaped} {number}".encode()
            got = peer.send("POST", target, headers, fields_of(*fields, allowed) + file_of(data), host=host)
            assert (got.status, got.body) == (200, b"") and got.header("ETag"), (target, fields)
            assert peer.call(operation.GetObject(space, key)).body == data
    assert keys(peer, space) == [key]


def test_a_form_that_names_two_keys_stores_neither(peer: Peer, space: str) -> None:
    for target, name in (("/a", "b"), ("/a/", "a"), ("//a", "a"), ("/A", "a"), ("/a%20", "a%20"), ("/%61b", "a")):
        for key in (name, target[1:]):
            form = fields_of(("FileName", name), ("Authorization", signed(peer, space, key))) + file_of(b"x")
            got = peer.send("POST", target, [KIND], form, host=f"{space}.localhost")
            assert got.refusal()[:2] == (400, -148660) and "name different keys" in got.refusal()[2], target
    for target in ("/%zz", "/%ff", "/k?uploads&uploads=1"):
        form = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k"))) + file_of(b"x")
        assert peer.send("POST", target, [KIND], form, host=f"{space}.localhost").refusal()[:2] == (400, -148660)
    assert keys(peer, space) == []


def test_a_form_takes_no_signature_of_its_target(peer: Peer, space: str) -> None:
    url = signature.signed_query(peer.credentials, "POST", space, "k", 4102416000, "text/plain")
    form = fields_of(("FileName", "k")) + file_of(b"x")
    assert peer.send("POST", "/k?" + url, [KIND], form, host=f"{space}.localhost").refusal()[:2] == (401, -148643)
    public = peer.space("public")
    assert peer.send("POST", "/k", [KIND], form, host=f"{public}.localhost").refusal()[:2] == (401, -148643)
    assert keys(peer, space) == keys(peer, public) == []


def test_other_posts_of_a_key_may_have_the_type_of_a_form(peer: Peer, space: str) -> None:
    """It is the media type of what is uploaded."""
    upload = peer.do(operation.InitiateUpload(space, "k", KIND[1])).upload_id
    etag = peer.do(operation.UploadPart(space, "k", upload, 0, KIND[1]), b"x").etag
    got = peer.ask("POST", space, f"/k?uploadId={upload}", "k", [KIND], etag.encode())
    assert got.status == 200 and peer.do(operation.HeadObject(space, "k")).mime == KIND[1]


def test_which_type_counts(peer: Peer, space: str) -> None:
    for number, (field, part, signs, stored) in enumerate(
        (
            (None, "video/mp4", "video/mp4", "video/mp4"),
            (None, None, "", "application/octet-stream"),
            ("video/mp4", None, "video/mp4", "video/mp4"),
            ("video/mp4", "text/plain", "video/mp4", "video/mp4"),
            ("video/mp4", "text/plain", "text/plain", "text/plain"),
        )
    ):
        key = f"k{number}"
        fields = [("FileName", key), ("Authorization", signed(peer, space, key, signs))]
        fields += [("Content-Type", field)] if field else []
        assert post(peer, space, fields_of(*fields) + file_of(b"x", part)).status == 200, number
        assert peer.call(operation.HeadObject(space, key)).header("Content-Type") == stored
    key = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k", "multipart/form-data; boundary=B")))
    assert post(peer, space, key + file_of(b"x")).refusal() == (401, -148658, "invalid signature")


def test_the_md5_of_the_file_as_a_field_and_as_a_header(peer: Peer, space: str) -> None:
    data = pattern(100000)
    good, bad = (hashlib.md5(each).hexdigest() for each in (data, b"other"))
    in_base64 = [base64.b64encode(bytes.fromhex(each)).decode() for each in (good, bad)]
    for md5, outcome in ((good, 200), (bad, 400), (in_base64[0], 200), (in_base64[1], 400)):
        allowed = peer.signed("POST", space, "k", [("Content-Type", "text/plain"), ("Content-MD5", md5)])
        fields = [("FileName", "k"), ("Authorization", allowed)]
        assert post(peer, space, fields_of(*fields) + file_of(data), ("Content-MD5", md5)).status == outcome
        assert post(peer, space, fields_of(*fields, ("Content-MD5", md5)) + file_of(data)).status == outcome
        if outcome == 200:
            peer.do(operation.DeleteObject(space, "k"))
    assert keys(peer, space) == []


def test_metadata_and_class_come_as_headers(peer: Peer, space: str) -> None:
    fields = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k")))
    more = [("X-Ufile-Meta-Colour", "blue"), ("X-Ufile-Storage-Class", "IA"), ("Content-Language", "de")]
    assert post(peer, space, fields + file_of(b"x"), *more).status == 200
    info = peer.do(operation.HeadObject(space, "k"))
    assert (info.metadata, info.storage_class) == ((("colour", "blue"),), "IA")


def test_forms_that_are_refused_store_nothing(peer: Peer, space: str) -> None:
    name, allowed = ("FileName", "k"), ("Authorization", signed(peer, space, "k"))
    for form, expected in (
        (fields_of(name) + file_of(b"x"), (401, -148643)),
        (fields_of(name) + file_of(b"x", ending="cut") + b"\r\n" + fields_of(allowed) + b"--B--", (401, -148643)),
        (fields_of(name, ("Authorization", "UCloud nobody:x")) + file_of(b"x"), (403, -148658)),
        (fields_of(name, ("Authorization", "nonsense")) + file_of(b"x"), (401, -148643)),
        (fields_of(("FileName", "other"), allowed) + file_of(b"x"), (401, -148658)),
        (fields_of(name, allowed) + file_of(b"x", "text/html"), (401, -148658)),
        (fields_of(allowed) + file_of(b"x"), (400, -148660)),
        (fields_of(name, ("ObjectName", "other"), allowed) + file_of(b"x"), (400, -148660)),
        (fields_of(name, allowed), (400, -148660)),
        (fields_of(name, allowed) + b"--B--\r\n", (400, -148660)),
        (fields_of(name, allowed) + file_of(b"x")[:-9], (400, -148660)),
        (fields_of(name, allowed) + file_of(b"x" * 100000)[:-9], (400, -148660)),
        (fields_of(name, allowed) + file_of(b"x", ending="cut") + b"\r\n" + fields_of(("a", "b")), (400, -148660)),
        (fields_of(name, allowed, ("a", "b" * 70000)) + file_of(b"x"), (400, -148660)),
        (fields_of(name, allowed, ("Content-MD5", "nonsense")) + file_of(b"x"), (401, -148658)),
        (b"", (400, -148660)),
        (b"nothing", (400, -148660)),
    ):
        assert post(peer, space, form).refusal()[:2] == expected, form[:300]
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="'):
        got = peer.send("POST", "/", [("Content-Type", kind)], b"--B--", host=f"{space}.localhost")
        assert got.refusal()[:2] == (400, -148660)
    long = "k" * 1024
    form = fields_of(("FileName", long), ("Authorization", signed(peer, space, long))) + file_of(b"x")
    assert post(peer, space, form).refusal()[:2] == (400, -148660)
    assert keys(peer, space) == []


def test_a_refusal_does_not_wait_for_the_file(peer: Peer, space: str) -> None:
    form = fields_of(("FileName", "k"), ("Authorization", "UCloud nobody:x")) + file_of(b"x")[:80]
    pairs = [("Host", f"{space}.x"), ("Content-Type", "multipart/form-data; boundary=B"), ("Expect", "100-continue")]
    with connect(peer.port) as sock:
        sock.sendall(head("POST", "/", [*pairs, ("Content-Length", str(10**9))]))
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(form + b"\r\n" * 20)
        assert receive(sock, "POST").status == 403


def test_a_form_that_breaks_off_leaves_nothing(peer: Peer, space: str) -> None:
    form = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k"))) + file_of(pattern(100000))
    pairs = [("Host", f"{space}.x"), ("Content-Type", "multipart/form-data; boundary=B")]
    with connect(peer.port) as sock:
        sock.sendall(head("POST", "/", [*pairs, ("Content-Length", str(len(form)))]) + form[:-20])
    assert keys(peer, space) == []


def test_the_connection_stays_usable(peer: Peer, space: str) -> None:
    allowed = ("Authorization", signed(peer, space, "k"))
    pairs = [("Host", f"{space}.x"), ("Content-Type", "multipart/form-data; boundary=B")]
    with connect(peer.port) as sock:
        for form, status in (
            (fields_of(("FileName", "k"), allowed) + file_of(b"x"), 200),
            (fields_of(("FileName", "k")) + file_of(b"y" * 100000), 401),
            (fields_of(("FileName", "k"), allowed) + file_of(b"z", ending="python"), 200),
        ):
            sock.sendall(head("POST", "/", [*pairs, ("Content-Length", str(len(form)))]) + form)
            assert receive(sock, "POST").status == status
    assert peer.call(operation.GetObject(space, "k")).body == b"z"


def test_forms_count_for_the_rate_of_their_key(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(rates=Rates(2, clock=lambda: 0.0))) as server:
        peer = Peer(server)
        space = peer.space()  # one of the four requests that may come at once
        forms = [fields_of(("FileName", k), ("Authorization", signed(peer, space, k))) + file_of(b"x") for k in "abcd"]
        assert [post(peer, space, form).status for form in forms] == [200, 200, 200, 429]
        assert sorted(path.name for path in tmp_path.glob("incoming/*")) == []
