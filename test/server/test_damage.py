"""Bytes that were lost or cut, and a catalog that is damaged: each is named, and nothing is made of it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.server.test_maintenance import inside
from test.server.test_monitoring import asked
from test.server.test_scrub import blob_of, flip
from test.server.wire import BLOCK, MIB, Peer, connect, head, pattern, ufile_etag
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import byterange, operation

SPACE = "films"
SIZE = BLOCK + 70_000


def said(server: Server) -> str:
    """The log up to the access line of the request that has just failed; one of an earlier request may come late."""
    patience.until_said(server.log, '"status":500')
    return server.log.read_text()


@pytest.fixture(scope="module", params=[(), ("--verify-reads",)], ids=["plain", "verifying"])
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("shared"), "--no-fsync", "--access-log", *request.param) as server:
        yield server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        for number in range(5):
            peer.do(operation.PutObject(SPACE, f"key{number}"), b"x")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The folder of a stopped server, with five objects."""
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_what_was_cut_or_lost_is_refused_and_named(shared: Server, damage: str) -> None:
    server, peer = shared, Peer(shared)
    space = peer.space()
    data = space.encode() + pattern(SIZE - len(space))  # no other test has stored it
    peer.do(operation.PutObject(space, "key"), data)
    path = blob_of(server.dir, "key", space)
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, BLOCK if damage == "cut" else 0)
    upload = peer.do(operation.InitiateUpload(space, "upload")).upload_id
    asked = (
        (operation.GetObject(space, "key"), b""),
        (operation.GetObject(space, "key", byterange.ByteRange(0, 9)), b""),
        (operation.CopyPart(space, "upload", upload, 0, space, "key", byterange.ByteRange(0, 9)), b""),
        (operation.CopyObject(space, "copy", space, "key"), b""),
        (operation.AppendObject(space, "key", SIZE), b"more"),
    )
    for op, body in asked:
        server.log.write_text("")
        assert peer.call(op, body).refusal()[0] == 500, op
        text = said(server)
        assert path.name in text and "'key'" in text and "Traceback" not in text, op
        assert '"status":500' in text and '"status":499' not in text, op
    assert peer.call(operation.UploadHit(space, "hit", ufile_etag(data), SIZE)).status == 404
    for key in ("copy", "hit"):
        assert peer.call(operation.HeadObject(space, key)).status == 404
    assert peer.do(operation.ListParts(space, upload)).parts == ()
    peer.do(operation.PutObject(space, "key"), data)  # and it can be stored anew
    assert peer.call(operation.GetObject(space, "key")).body == data


def test_what_is_cut_while_it_is_sent_is_no_fault_of_the_client(tmp_path: Path) -> None:
    """By sendfile, as all large objects on a disk without TLS.  The head is gone, so only the log can say it."""
    size = 48 * MIB  # more than the kernel keeps for both sockets
    with start_server(tmp_path, "--no-fsync", "--access-log") as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        peer.do(operation.PutObject(SPACE, "key"), bytes(size))
        path = blob_of(tmp_path, "key")
        server.log.write_text("")
        with connect(server.port) as sock:
            authorization = peer.signed("GET", SPACE, "key")
            sock.sendall(head("GET", "/key", [("Host", f"{SPACE}.localhost"), ("Authorization", authorization)]))
            response = http.client.HTTPResponse(sock)
            response.begin()
            os.truncate(path, BLOCK)
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
        text = said(server)
        assert f"the answer was aborted: the blob {path.name} became shorter" in text and "Traceback" not in text
        assert '"status":500' in text
        assert 'uvideo_storage_failures_total{cause="damaged"} 1' in asked(server, "/metrics")[1]


@pytest.mark.parametrize(("key", "size"), [("inline", 1000), ("one", 50_000)])
def test_no_part_is_made_of_bytes_that_changed(shared: Server, key: str, size: int) -> None:
    """Their etag would fit the damage."""
    peer = Peer(shared)
    space = peer.space()
    peer.do(operation.PutObject(space, key), pattern(size))
    flip(shared.dir, key, size - 1, space)
    upload = peer.do(operation.InitiateUpload(space, "upload")).upload_id
    op = operation.CopyPart(space, "upload", upload, 0, space, key, byterange.ByteRange(0, 9))
    assert peer.call(op).refusal()[0] == 500
    patience.until_said(shared.log, f"object {key!r}")


def test_fsck_says_that_an_index_is_damaged(folder: Path) -> None:
    path = folder / "catalog.db"
    with sqlite3.connect(path) as db:
        ((size,),) = db.execute("PRAGMA page_size").fetchall()
        ((root,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'objects_content'").fetchall()
    db.close()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(bytes(2))  # the number of entries
    done = inside("fsck", folder)
    assert done.returncode == 1 and "the catalog is damaged: " in done.stdout and "objects_content" in done.stdout
    lines = [json.loads(line) for line in inside("fsck", folder, "--json").stdout.splitlines()]
    assert lines and all(line["catalog"] == "damaged" for line in lines)


@pytest.mark.parametrize("command", ["fsck", "gc", "stats"])
def test_a_file_that_is_no_database_is_one_clear_line(folder: Path, command: str) -> None:
    (folder / "catalog.db").write_bytes(b"this is no database" * 1000)
    done = inside(command, folder)
    assert done.returncode == 2 and "the catalog is damaged" in done.stderr and "Traceback" not in done.stderr
