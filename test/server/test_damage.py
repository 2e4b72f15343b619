"""Bytes that were lost or cut, and a catalog that is damaged: each is named, and nothing is made of it."""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from test.server.test_maintenance import admin
from test.server.test_monitoring import asked
from test.server.test_scrub import blob_of, flip
from test.server.wire import BLOCK, MIB, Peer, connect, head, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import byterange, etag, operation

SPACE = "films"
SIZE = BLOCK + 70_000


def said(server: Server) -> str:
    """The log up to the access line of the request that was just answered."""
    deadline = time.monotonic() + 30
    while '"status":' not in (text := server.log.read_text()):
        assert time.monotonic() < deadline, text
        time.sleep(0.01)
    return text


@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
@pytest.mark.parametrize("options", [(), ("--verify-reads",)])
def test_what_was_cut_or_lost_is_refused_and_named(tmp_path: Path, damage: str, options: tuple[str, ...]) -> None:
    with start_server(tmp_path, "--no-fsync", "--access-log", *options) as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        peer.do(operation.PutObject(SPACE, "key"), pattern(SIZE))
        path = blob_of(tmp_path, "key")
        if damage == "gone":
            path.unlink()
        else:
            os.truncate(path, BLOCK if damage == "cut" else 0)
        upload = peer.do(operation.InitiateUpload(SPACE, "upload")).upload_id
        tree = etag.Etag()
        tree.update(pattern(SIZE))
        asked = (
            (operation.GetObject(SPACE, "key"), b""),
            (operation.GetObject(SPACE, "key", byterange.ByteRange(0, 9)), b""),
            (operation.CopyPart(SPACE, "upload", upload, 0, SPACE, "key", byterange.ByteRange(0, 9)), b""),
            (operation.CopyObject(SPACE, "copy", SPACE, "key"), b""),
            (operation.AppendObject(SPACE, "key", SIZE), b"more"),
        )
        for op, body in asked:
            server.log.write_text("")
            assert peer.call(op, body).refusal()[0] == 500, op
            text = said(server)
            assert path.name in text and "'key'" in text and "Traceback" not in text, op
            assert '"status":500' in text and '"status":499' not in text, op
        assert peer.call(operation.UploadHit(SPACE, "hit", tree.value(), SIZE)).status == 404
        for key in ("copy", "hit"):
            assert peer.call(operation.HeadObject(SPACE, key)).status == 404
        assert peer.do(operation.ListParts(SPACE, upload)).parts == ()
        peer.do(operation.PutObject(SPACE, "key"), pattern(SIZE))  # and it can be stored anew
        assert peer.call(operation.GetObject(SPACE, "key")).body == pattern(SIZE)


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
        assert f"broken off: the blob {path.name} has become shorter" in text and "Traceback" not in text
        assert '"status":500' in text
        assert 'uvideo_storage_failures_total{cause="damaged"} 1' in asked(server, "/metrics")[1]


@pytest.mark.parametrize(("key", "size"), [("inline", 1000), ("one", 50_000)])
def test_no_part_is_made_of_bytes_that_changed(tmp_path: Path, key: str, size: int) -> None:
    """Their etag would fit the damage."""
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        peer.do(operation.PutObject(SPACE, key), pattern(size))
        flip(tmp_path, key, size - 1)
        upload = peer.do(operation.InitiateUpload(SPACE, "upload")).upload_id
        op = operation.CopyPart(SPACE, "upload", upload, 0, SPACE, key, byterange.ByteRange(0, 9))
        assert peer.call(op).refusal()[0] == 500
        assert f"object {key!r}" in server.log.read_text()


def test_fsck_says_that_an_index_is_damaged(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        for number in range(5):
            peer.do(operation.PutObject(SPACE, f"key{number}"), b"x")
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as db:
        ((size,),) = db.execute("PRAGMA page_size").fetchall()
        ((root,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'objects_content'").fetchall()
    db.close()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(bytes(2))  # the number of entries
    done = admin("fsck", tmp_path)
    assert done.returncode == 1 and "the catalog is damaged: " in done.stdout and "objects_content" in done.stdout
    lines = [json.loads(line) for line in admin("fsck", tmp_path, "--json").stdout.splitlines()]
    assert lines and all(line["catalog"] == "damaged" for line in lines)


@pytest.mark.parametrize("command", ["fsck", "gc", "stats"])
def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path, command: str) -> None:
    with start_server(tmp_path, "--no-fsync"):
        pass
    (tmp_path / "catalog.db").write_bytes(b"this is no database" * 1000)
    done = admin(command, tmp_path)
    assert done.returncode == 2 and "the catalog is damaged" in done.stderr and "Traceback" not in done.stderr
