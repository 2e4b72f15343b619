"""The console's archives of many objects: what is in them, and how a failure shows."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import socket
import stat
import struct
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from test import patience
from test.server.test_console import Visitor
from test.server.test_maintenance import inside
from test.server.wire import MIB, Peer, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import etag, operation, signature
from uvideo.server.console.zip_download import EntryNames, zip_contents, zip_pieces
from uvideo.server.rules.objects import ObjectBody
from uvideo.storage.base import CatalogPage, ObjectRecord, SpaceRecord


def signed_in(server: Server) -> Visitor:
    visitor = Visitor(server)
    assert visitor.sign_in().status == 200
    return visitor


@pytest.fixture
def user(server: Server) -> Visitor:
    return signed_in(server)


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


def test_a_folder_with_content_is_a_file_in_it(user: Visitor, peer: Peer, space: str) -> None:
    """An entry of a folder has no bytes: they would be lost where the archive is unpacked."""
    for key in ("f/", "f/g/", "f/h/"):
        peer.do(operation.PutObject(space, key), b"" if key == "f/h/" else key.encode())
    assert user.get("zip/contents", space=space, prefix="f/").json()["objects"] == 3
    with zipfile.ZipFile(io.BytesIO(user.get("zip", space=space, prefix="f/").body)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {"_": b"f/", "g/_": b"f/g/", "h/": b""}


def test_the_bytes_count_as_sent_from_the_space(user: Visitor, peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "a"), b"a" * 1000)
    answer = user.get("zip", space=space)

    def sent() -> int:
        status = peer.manage(operation.GetSpaceStatus((space,)), video=True)
        return sum(entry.flux for entry in status.entries)

    patience.until(lambda: sent() == len(answer.body))


def test_one_account_does_not_take_all_places(user: Visitor, peer: Peer, space: str) -> None:
    for number in range(8):
        peer.upload(space, str(number), pattern(4 * MIB))
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", user.server.admin_port, timeout=patience.SECONDS)
            stack.callback(connection.close)
            connection.request("GET", f"/api/zip?space={space}", headers={"Cookie": user.cookie})
            assert stack.enter_context(connection.getresponse()).status == 200
        assert user.get("zip/contents", space=space).json()["free"] is False
        assert user.get("zip", space=space).status == 503
    patience.until(lambda: user.get("zip/contents", space=space).json()["free"])


def test_one_address_does_not_take_all_places_with_two_accounts(tmp_path: Path) -> None:
    """And whoever reads too slowly loses its place, for each byte that it reads keeps the connection."""
    data = tmp_path / "data"
    with start_server(data, "--no-fsync", "--trusted-proxy", "127.0.0.1", "--idle", "1") as server:
        pair = tmp_path / "films.json"
        assert inside("add-key", data, "--account", "films", "--key-file", pair).returncode == 0
        key = json.loads(pair.read_text())
        films = Peer(server)
        films.credentials = signature.Credentials(key["public_key"], key["private_key"])
        owner = Peer(server)
        user, other = Visitor(server), Visitor(server)
        user.sign_in()
        other.sign_in(**key)
        spaces = {}
        for peer, visitor in ((owner, user), (films, other)):
            spaces[visitor.cookie] = space = peer.space()
            peer.upload(space, "film", pattern(16 * MIB))

        def read(visitor: Visitor, address: str) -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=patience.SECONDS)
            stack.callback(connection.close)
            connection.sock = socket.socket()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sock.settimeout(patience.SECONDS)
            connection.sock.connect(("127.0.0.1", server.admin_port))
            given = {"Cookie": visitor.cookie, "X-Forwarded-For": address}
            connection.request("GET", f"/api/zip?space={spaces[visitor.cookie]}", headers=given)
            return connection

        with contextlib.ExitStack() as stack:
            first = stack.enter_context(read(user, "192.0.2.1").getresponse())
            assert first.status == 200
            assert stack.enter_context(read(other, "192.0.2.1").getresponse()).status == 200
            said = other.send("GET", f"/api/zip/contents?space={spaces[other.cookie]}", X_Forwarded_For="192.0.2.1")
            assert said.json()["free"] is False
            assert stack.enter_context(read(other, "192.0.2.1").getresponse()).status == 503
            assert stack.enter_context(read(other, "192.0.2.2").getresponse()).status == 200
            deadline = time.monotonic() + patience.SECONDS
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                while time.monotonic() < deadline:
                    assert first.read(500)
                    time.sleep(0.05)


def test_each_key_is_read_once() -> None:
    """However often a folder is named: an address has room for thousands of names."""
    asked = list[str]()

    class Listed:
        async def list(self, space_id: str, prefix: str, marker: str, limit: int) -> CatalogPage:
            asked.append(prefix)
            return CatalogPage()

    class Read:
        catalog = Listed()

        def clock(self) -> float:
            return 0.0

        async def record(self, space: SpaceRecord, key: str) -> ObjectRecord:
            asked.append(key)
            return ObjectRecord("1", key, 0, etag.EMPTY[0], "text/plain")

    names = ["a/b/c", "a/", "a/", "a/b/", "ab", "a", "ab", "c/d/", "c/d/e/"]
    found = asyncio.run(zip_contents(Read(), SpaceRecord("1", "clips", "me"), "p/", names))  # type: ignore[arg-type]
    assert asked == ["p/a/", "p/ab", "p/a", "p/c/d/"] and found.keys == ["p/ab", "p/a"]
    asked.clear()
    asyncio.run(zip_contents(Read(), SpaceRecord("1", "clips", "me"), "p/", ["x/", "y", ""]))  # type: ignore[arg-type]
    assert asked == ["p/"]


def test_other_requests_go_on_while_small_objects_are_packed() -> None:
    """Neither the catalog nor a client that reads fast suspends: each object must."""
    info = operation.ObjectInfo(1, etag.EMPTY[0], "a/b", "STANDARD", 1_700_000_000, 1_700_000_000)

    async def open_object(op: operation.GetObject) -> tuple[object, ObjectBody | None]:
        return info, ObjectBody(0, 1, inline=b"x")

    async def work() -> int:
        turns, at_end = 0, asyncio.Event()

        async def other() -> None:
            nonlocal turns
            while not at_end.is_set():
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in zip_pieces(open_object, "clips", "", map(str, range(100))):
            pass
        at_end.set()
        await task
        return turns

    assert asyncio.run(work()) >= 100


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


def test_a_failure_in_the_middle_is_no_archive(tmp_path: Path) -> None:
    """The connection breaks off: neither a program nor a browser takes what it has for the whole."""
    with start_server(tmp_path, "--no-fsync") as server:  # whose files are on this disk
        user, peer = signed_in(server), Peer(server)
        space = peer.space()
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


def test_an_object_that_is_deleted_meanwhile_breaks_the_archive_off(user: Visitor, peer: Peer, space: str) -> None:
    """In one line of the log: no program is wrong."""
    for number in range(8):
        peer.upload(space, str(number), pattern(4 * MIB))
    before = len(user.server.log.read_text())
    connection = http.client.HTTPConnection("127.0.0.1", user.server.admin_port, timeout=patience.SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", f"/api/zip?space={space}", headers={"Cookie": user.cookie})
        answer = connection.getresponse()
        assert answer.read(4) == b"PK\3\4"
        peer.do(operation.DeleteObject(space, "7"))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    patience.until_said(user.server.log, "an archive could not be completed: NotFound")
    assert "Traceback" not in user.server.log.read_text()[before:]


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
        (("NUL", "con.txt", "COM1 .a.b", "console"), ["_NUL", "_con.txt", "_COM1 .a.b", "console"]),
        (("a.", "a ", "a", "b. ./c"), ["a_", "a_ (2)", "a", "b___/c"]),
        (('<q?>|*".txt', "x\u202egpj.exe", "\u200ex"), ["_q_____.txt", "x_gpj.exe", "\u200ex"]),
        (("n" * 600 + ".tar.gz", "字" * 100 + ".mp4"), ["n" * 197 + ".gz", "字" * 65 + ".mp4"]),
        (("x/" * 31 + "yyyyyyyy/" * 90 + "z",), ["x/" * 31 + "yyyyyyyy_" * 22 + "yy/z"]),
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
