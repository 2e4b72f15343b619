"""Objects: put, get, head, delete, ranges, conditions, keys, public and private."""

from __future__ import annotations

import base64
import hashlib
import time

import pytest

from test.server.wire import BLOCK, MIB, Peer, chunked, connect, head, pattern, ufile_etag
from ucloud.uvideo.protocol import errors, operation
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import quote_path
from uvideo.server.rules.objects import INLINE

SIZES = (0, 1, INLINE - 1, INLINE, INLINE + 1, 256 * 1024, 256 * 1024 + 1, BLOCK, BLOCK + 1, 9 * MIB + 5)


@pytest.mark.parametrize("size", SIZES)
def test_an_object_comes_back_whole(peer: Peer, space: str, size: int) -> None:
    data = pattern(size)
    assert peer.do(operation.PutObject(space, "k", mime="video/mp4"), data).etag == ufile_etag(data)
    got = peer.call(operation.GetObject(space, "k"))
    assert got.status == 200 and got.body == data
    assert got.header("ETag") == f'"{ufile_etag(data)}"'
    assert got.header("Content-Length") == str(size)
    assert got.header("Content-Type") == "video/mp4"
    asked = peer.call(operation.HeadObject(space, "k"))
    assert asked.status == 200 and asked.body == b"" and asked.header("Content-Length") == str(size)
    assert peer.do(operation.HeadObject(space, "k")) == peer.do(operation.GetObject(space, "k"))


@pytest.mark.parametrize("size", (0, 5, INLINE + 1, 3 * MIB))
def test_a_chunked_body_is_stored_like_any_other(peer: Peer, space: str, size: int) -> None:
    data = pattern(size)
    pieces = [data[offset : offset + 100_000] for offset in range(0, size, 100_000)]
    got = peer.ask("PUT", space, "/k", "k", [("Transfer-Encoding", "chunked")], chunked(*pieces), framing=False)
    assert got.status == 200 and got.header("Content-Length") == "0" and got.header("Content-Type") is None
    assert peer.call(operation.GetObject(space, "k")).body == data


def test_what_was_given_with_an_object_comes_back_with_it(peer: Peer, space: str) -> None:
    op = operation.PutObject(
        space,
        "k",
        mime="video/mp4; codecs=x",
        storage_class="IA",
        metadata=(("author", "中文 \u00e9"), ("title-x", "b")),
        headers=(("Content-Encoding", "gzip"), ("Content-Language", "zh"), ("Cache-Control", "max-age=5")),
    )
    before = int(time.time())
    peer.do(op, b"data")
    got = peer.call(operation.HeadObject(space, "k"))
    names = [name for name, _ in got.headers]
    assert "X-Ufile-Meta-Author" in names and "X-Ufile-Meta-Title-X" in names  # Java matches the case
    info = peer.do(operation.GetObject(space, "k"))
    assert info.mime == op.mime and info.storage_class == "IA"
    assert info.metadata == op.metadata and info.headers == op.headers
    assert before - 1 <= info.modified <= time.time() and info.created == info.modified
    assert got.header("Accept-Ranges") == "bytes" and got.header("Vary") == "Origin"


def test_an_overwrite_replaces_everything_but_the_time_of_creation(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k", mime="a/b", metadata=(("x", "1"),)), pattern(MIB))
    peer.do(operation.PutObject(space, "k"), b"new")
    got = peer.call(operation.GetObject(space, "k"))
    assert got.body == b"new" and got.header("X-Ufile-Meta-X") is None
    assert got.header("Content-Type") == "application/octet-stream"


def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(peer: Peer, space: str) -> None:
    for data in (b"small", pattern(MIB)):
        peer.do(operation.PutObject(space, "k"), data)
        assert peer.call(operation.DeleteObject(space, "k")).status == 204
        assert peer.call(operation.GetObject(space, "k")).refusal() == (404, -148654, "file not exist")
        got = peer.call(operation.DeleteObject(space, "k"))
        assert (got.status, got.body) == (204, b"")


@pytest.mark.parametrize("size", (5, INLINE + 1, 3 * MIB))
def test_content_md5_is_verified(peer: Peer, space: str, size: int) -> None:
    data = pattern(size)
    right, other = hashlib.md5(data), hashlib.md5(b"other")
    for md5 in (right.hexdigest(), right.hexdigest().upper(), base64.b64encode(right.digest()).decode()):
        assert peer.do(operation.PutObject(space, "k", md5=md5), data)
    for md5 in (other.hexdigest(), base64.b64encode(other.digest()).decode()):
        got = peer.call(operation.PutObject(space, "wrong", md5=md5), data)
        assert got.refusal() == (400, -148660, "content md5 mismatch")
    assert peer.call(operation.HeadObject(space, "wrong")).status == 404
    assert peer.call(operation.PutObject(space, "bad", md5="xyz"), data).status == 400


# Keys

KEYS = (
    "a b+c%.txt",
    "100%25.txt",
    "a?b#c&d=e.txt",
    "a//b/../c/./",
    "/leading",
    "..",
    "../../etc/passwd",
    "line\nfeed\r\n\tand\x00nul",
    "emoji 🎬/视频/中文 文件.mp4",
    "uvideoUploads/x",
    "init/uvideoUploads/x",
    "finish/uvideoUploads/uvideoUploads/y",
    "e\u0301 is not \u00e9",
    "\\back\\slash{}^[]<>`~|",
    "k" * 1023,
    "视" * 341,
    "http://other.host/key",
)


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_a_key_round_trips(peer: Peer, space: str, key: str, suffix: str | None) -> None:
    assert peer.do(operation.PutObject(space, key), key.encode(), suffix=suffix)
    assert peer.call(operation.GetObject(space, key), suffix=suffix).body == key.encode()
    assert [info.key for info in peer.do(operation.ListObjects(space)).objects] == [key]
    assert [info.key for info in peer.do(operation.ListFiles(space)).files] == [key]
    assert peer.call(operation.DeleteObject(space, key), suffix=suffix).status == 204
    assert peer.do(operation.ListObjects(space)).objects == ()


def test_every_way_to_escape_a_key_means_the_same_key(peer: Peer, space: str) -> None:
    key = "a+b/c d视"
    peer.do(operation.PutObject(space, key), b"x")
    for target in ("/a+b/c%20d视", "/a%2Bb%2Fc%20d%E8%A7%86", "/%61%2bb/c%20%64%e8%a7%86"):
        assert peer.ask("GET", space, target, key).body == b"x"


@pytest.mark.parametrize("target", ("/%zz", "/%", "/a%2", "/%ff%fe"))
def test_a_key_that_cannot_be_decoded_is_refused(peer: Peer, space: str, target: str) -> None:
    status, code, text = peer.ask("PUT", space, target, "x", body=b"x").refusal()
    assert (status, code) == (400, -148660) and "key" in text


def test_a_key_longer_than_1023_bytes_is_refused(peer: Peer, space: str) -> None:
    for key in ("k" * 1024, "视" * 342):
        status, code, text = peer.ask("PUT", space, "/" + quote_path(key), key, body=b"x").refusal()
        assert (status, code) == (400, -148660) and "1023" in text


# Ranges

RANGES = (
    ("bytes=0-0", (0, 1)),
    ("bytes=5-9", (5, 5)),
    ("bytes=90-", (90, 10)),
    ("bytes=90-1000", (90, 10)),
    ("bytes=-7", (93, 7)),
    ("bytes=-1000", (0, 100)),
    ("bytes=0-", (0, 100)),
    ("bytes=99-99", (99, 1)),
    ("BYTES=1-2", (1, 2)),
    ("bytes=100-", 416),
    ("bytes=100-200", 416),
    ("bytes=-0", 416),
    ("bytes=5-4", 200),
    ("bytes=0-1,3-4", 200),
    ("bytes=a-b", 200),
    ("items=0-1", 200),
    ("bytes=", 200),
)


@pytest.mark.parametrize("scale", (1, 1000, 10_000), ids=("inline", "joined", "sendfile"))
@pytest.mark.parametrize(("value", "expected"), RANGES, ids=[value for value, _ in RANGES])
def test_a_range(peer: Peer, ranged: str, value: str, expected: object, scale: int) -> None:
    size, data = 100 * scale, pattern(100 * scale)
    if scale > 1:  # the same table, in units of the scale
        value = {"bytes=5-9": f"bytes={5 * scale}-{10 * scale - 1}"}.get(value, value)
        if value in ("bytes=90-1000", "bytes=-1000", "bytes=100-", "bytes=100-200", "bytes=99-99"):
            value = value.replace("1000", str(10 * size)).replace("100", str(size)).replace("99", str(size - 1))
            value = value.replace("90-", f"{90 * scale}-").replace("-200", f"-{2 * size}")
    key = f"object-{size}"
    got = peer.ask("GET", ranged, "/" + key, key, [("Range", value)])
    if expected == 416:
        assert got.refusal() == (416, -148660, "invalid range") and got.header("Content-Range") is None
    elif expected == 200:
        assert got.status == 200 and got.body == data and got.header("Content-Range") is None
    else:
        assert got.status == 206
        given = got.header("Content-Range")
        assert given is not None
        first, last = map(int, given.partition(" ")[2].partition("/")[0].split("-"))
        assert given == f"bytes {first}-{last}/{size}"
        assert got.body == data[first : last + 1]
        assert got.header("Content-Length") == str(len(got.body))
        if scale == 1:
            assert (first, len(got.body)) == expected


@pytest.fixture(scope="module")
def ranged(peer: Peer) -> str:
    space = peer.space()
    for size in (0, 100, 100_000, 1_000_000):
        peer.do(operation.PutObject(space, f"object-{size}"), pattern(size))
    return space


def test_a_range_of_an_empty_object(peer: Peer, ranged: str) -> None:
    for value in ("bytes=0-", "bytes=-5"):  # Java always sends the first
        got = peer.ask("GET", ranged, "/object-0", "object-0", [("Range", value)])
        assert (got.status, got.body) == (200, b"")
    for value in ("bytes=0-10", "bytes=1-"):
        assert peer.ask("GET", ranged, "/object-0", "object-0", [("Range", value)]).status == 416


def test_a_head_ignores_a_range(peer: Peer, ranged: str) -> None:
    got = peer.ask("HEAD", ranged, "/object-100", "object-100", [("Range", "bytes=0-1")])
    assert got.status == 200 and got.header("Content-Length") == "100"


# Conditions


@pytest.mark.parametrize("method", ("GET", "HEAD"))
def test_the_table_of_conditions(peer: Peer, space: str, method: str) -> None:
    peer.do(operation.PutObject(space, "k"), b"0123456789")
    info = peer.do(operation.HeadObject(space, "k"))
    tag = f'"{info.etag}"'
    got = peer.call(operation.HeadObject(space, "k"))
    then = got.header("Last-Modified") or ""
    past, future = "Mon, 26 Mar 2007 19:37:58 GMT", "Fri, 01 Jan 2094 00:00:00 GMT"
    table = [
        ([("If-None-Match", tag)], 304),
        ([("If-None-Match", "*")], 304),
        ([("If-None-Match", f'"a", W/{tag}')], 304),
        ([("If-None-Match", '"other"')], 200),
        ([("If-None-Match", '"other"'), ("If-Modified-Since", future)], 200),
        ([("If-Modified-Since", then)], 304),
        ([("If-Modified-Since", future)], 304),
        ([("If-Modified-Since", past)], 200),
        ([("If-Modified-Since", "nonsense")], 200),
        ([("If-Match", tag)], 200),
        ([("If-Match", "*")], 200),
        ([("If-Match", f'"a", {tag}')], 200),
        ([("If-Match", '"other"')], 412),
        ([("If-Match", f"W/{tag}")], 412),
        ([("If-Match", tag), ("If-Unmodified-Since", past)], 200),
        ([("If-Match", tag), ("If-None-Match", tag)], 304),
        ([("If-Unmodified-Since", past)], 412),
        ([("If-Unmodified-Since", then)], 200),
    ]
    for headers, status in table:
        got = peer.ask(method, space, "/k", "k", headers)
        assert got.status == status, headers
        if status == 304:
            assert got.body == b"" and got.header("ETag") == tag and got.header("Last-Modified") == then
        elif status == 412 and method == "GET":
            assert got.refusal() == (412, -148660, "precondition failed")
    assert peer.ask(method, space, "/absent", "absent", [("If-None-Match", "*")]).status == 404


def test_if_range(peer: Peer, space: str) -> None:
    tag = f'"{peer.do(operation.PutObject(space, "k"), b"0123456789").etag}"'
    then = peer.call(operation.HeadObject(space, "k")).header("Last-Modified") or ""
    for value, status in ((tag, 206), (then, 206), ('"other"', 200), (f"W/{tag}", 200), ("nonsense", 200)):
        got = peer.ask("GET", space, "/k", "k", [("Range", "bytes=2-3"), ("If-Range", value)])
        assert (got.status, got.body) == (status, b"23" if status == 206 else b"0123456789"), value


def test_a_name_for_the_browser(peer: Peer, public: str) -> None:
    peer.do(operation.PutObject(public, "k", headers=(("Content-Disposition", "inline"),)), b"x")
    for query, expected in (
        ("", "inline"),
        ("?ufileattname=a%20b.txt", 'attachment;filename="a b.txt"'),
        ("?ufileattname=%25E4%25B8%25AD.txt", "attachment;filename*=UTF-8''%E4%B8%AD.txt"),
        ("?ufileattname=%E4%B8%AD.txt", "attachment;filename*=UTF-8''%E4%B8%AD.txt"),
        ("?ufileattname=%25%0D%0AX-Evil:%201", "attachment;filename*=UTF-8''%25%0D%0AX-Evil%3A%201"),
    ):
        got = peer.send("GET", "/k" + query, host=f"{public}.localhost")
        assert got.status == 200 and got.header("Content-Disposition") == expected
        assert got.header("X-Evil") is None


# Public and private


def test_a_public_space_is_read_by_anybody_and_written_by_its_owner(peer: Peer, public: str, space: str) -> None:
    peer.do(operation.PutObject(public, "k"), b"x")
    host = f"{public}.localhost"
    assert peer.send("GET", "/k", host=host).body == b"x"
    assert peer.send("HEAD", "/k", host=host).status == 200
    assert peer.send("GET", "/k", [("Bucket", public)]).body == b"x"
    assert peer.send("GET", "/absent", host=host).refusal()[0] == 404
    for method, target in (
        ("PUT", "/k"),
        ("DELETE", "/k"),
        ("POST", "/k?uploads"),
        ("GET", "/?list"),
        ("GET", "/?listobjects"),
        ("GET", "/?muploadid"),
    ):
        assert peer.send(method, target, host=host).refusal() == (401, -148643, "no authorization found")
    wrong = [("Authorization", f"UCloud {peer.credentials.public_key}:AAAA")]
    assert peer.send("GET", "/k", wrong, host=host).refusal() == (401, -148658, "invalid signature")
    assert peer.send("GET", "/k", host=f"{space}.localhost").refusal()[:2] == (401, -148643)


def test_a_range_by_the_core_round_trips(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), b"0123456789")
    info = peer.do(operation.GetObject(space, "k", range=ByteRange(2, 4)))
    assert info.span == (2, 3) and info.size == 10
    with pytest.raises(errors.InvalidRange):
        peer.do(operation.GetObject(space, "k", range=ByteRange(10, None)))


def test_a_body_that_breaks_off_stores_nothing(peer: Peer, space: str) -> None:
    for size in (10, INLINE + 10, 3 * MIB):
        headers = [
            ("Host", f"{space}.localhost"),
            ("Authorization", peer.signed("PUT", space, "cut")),
            ("Content-Length", str(size)),
        ]
        with connect(peer.port) as sock:
            sock.sendall(head("PUT", "/cut", headers) + pattern(size - 5))
    peer.do(operation.PutObject(space, "after"), b"x")
    assert [info.key for info in peer.do(operation.ListObjects(space)).objects] == ["after"]
