"""The console's archives of many objects: what is in them, and how a failure shows."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Sequence

import pytest

from test.server.test_console import Visitor
from test.server.wire import MIB, Peer, pattern
from test.server_fixture import Server
from ucloud.uvideo.protocol import etag, operation
from uvideo.server.console.zip_download import EntryNames, zip_pieces
from uvideo.server.rules.objects import ObjectBody


@pytest.fixture
def user(server: Server) -> Visitor:
    visitor = Visitor(server)
    assert visitor.sign_in().status == 200
    return visitor


def test_an_archive(user: Visitor, peer: Peer, space: str) -> None:
    large = pattern(5 * MIB + 1)
    peer.upload(space, "f/大.bin", large)
    objects = {
        "f/a.txt": b"a",
        "f/../up": b"up",
        "f//b": b"b",
        "f/g/": b"",
        "f/A.txt": b"A",
        "other": b"o",
        "z/1": b"1",
    }
    for key, data in objects.items():
        peer.do(operation.PutObject(space, key), data)
    names = json.dumps(["f/", "other", "f/a.txt"])
    looked = user.get("zip/contents", space=space, names=names).json()
    assert (looked["objects"], looked["size"], looked["more"]) == (7, 5 * MIB + 1 + 6, False)
    answer = user.get("zip", space=space, names=names)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f"attachment;filename*=UTF-8''{space}.zip"
    assert answer.headers["Content-Length"] is None and answer.headers["Accept-Ranges"] == "none"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        found = {info.filename: archive.read(info) for info in archive.infolist()}
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        assert stat.S_ISREG(archive.getinfo("other").external_attr >> 16)
    assert found == {
        "f/__/up": b"up",
        "f/b": b"b",
        "f/A.txt": b"A",
        "f/a (2).txt": b"a",
        "f/g/": b"",
        "f/大.bin": large,
        "other": b"o",
    }
    whole = user.get("zip", space=space, prefix="z/")
    assert whole.headers["Content-Disposition"].endswith("''z.zip")
    with zipfile.ZipFile(io.BytesIO(whole.body)) as archive:
        assert archive.namelist() == ["1"]
    part = user.send("GET", f"/api/zip?space={space}&prefix=z/", Range="bytes=0-3")
    assert part.status == 200 and part.body[:4] == b"PK\3\4"


def test_what_is_refused(user: Visitor, peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "frozen", storage_class="ARCHIVE"), b"x")
    for call in ("zip", "zip/contents"):
        for names in ("", "x", "{}", "[]", "[1]", '["\\ud800"]'):
            assert user.send("GET", f"/api/{call}?space={space}&names={names}").status == 400, names
        assert user.get(call, space=space, names='["none"]').status == 404
        assert user.get(call, space=space).json()["error"] == "NotRestored"
        assert user.get(call, space=f"not-{space}").json()["error"] == "SpaceNotFound"
        assert Visitor(user.server).get(call, space=space).status == 401
        other = user.send("GET", f"/api/{call}?space={space}", Sec_Fetch_Site="same-site")
        assert other.json()["error"] == "OtherOrigin"


def test_a_failure_in_the_middle_is_no_archive(user: Visitor, peer: Peer, space: str) -> None:
    """The connection breaks off: neither a program nor a browser takes what it has for the whole."""
    for key in ("a", "b"):
        peer.upload(space, key, pattern(9 * MIB + len(key)))
    before = {path for path in user.server.dir.rglob("*") if path.is_file()}
    peer.upload(space, "c", os.urandom(9 * MIB))
    new = [path for path in user.server.dir.rglob("*") if path.is_file() and path not in before]
    (lost,) = [path for path in new if path.stat().st_size >= 9 * MIB]
    os.truncate(lost, MIB)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        user.get("zip", space=space)
    assert user.get("zip", space=space, names='["a"]').status == 200


@pytest.mark.parametrize(
    ("names", "taken"),
    (
        (("a", "a", "A"), ["a", "a (2)", "A (3)"]),
        (("a.tar.gz", "a.tar.gz"), ["a.tar.gz", "a.tar (2).gz"]),
        (("a", "a/b", "a/c"), ["a", "a (2)/b", "a (2)/c"]),
        (("a/b", "a"), ["a/b", "a (2)"]),
        (("/etc/passwd", "//x", "../../x", "a/../../x"), ["etc/passwd", "x", "__/__/x", "a/__/__/x"]),
        (("C:\\x", "..\\x", "a\0b", "\n"), ["C__x", ".._x", "a_b", "_"]),
        ((".", "..", "...", ".hidden", "f/", "/"), ["_", "__", "___", ".hidden", "f/", "_ (2)/"]),
        (("x/" * 40 + "y",), ["x/" * 31 + "_".join("x" * 9) + "/y"]),
        (("\u00e9", "e\u0301"), ["\u00e9", "e\u0301 (2)"]),
    ),
)
def test_names_are_safe_and_different(names: Sequence[str], taken: list[str]) -> None:
    entries = EntryNames()
    assert [entries.take(name) for name in names] == taken


def test_a_large_object_has_a_length_of_64_bits() -> None:
    body = ObjectBody(0, 5 << 30, inline=b"abc")  # only its announced length is large
    info = operation.ObjectInfo(5 << 30, etag.EMPTY[0], "a/b", "STANDARD", 1_700_000_000, 1_700_000_000)

    async def open_object(op: operation.GetObject) -> tuple[object, ObjectBody | None]:
        return info, body

    async def work() -> bytes:
        return b"".join([piece async for piece in zip_pieces(open_object, "clips", "", ["a"])])

    data = asyncio.run(work())
    at = data.index(b"abcPK\7\x08") + 3
    assert struct.unpack_from("<QQ", data, at + 8) == (3, 3) and data[at + 24 : at + 28] == b"PK\1\2"
