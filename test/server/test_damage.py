"""Bytes that were lost or cut, and a catalog that is damaged: each is named, and nothing is made of it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from test.server.test_maintenance import admin
from test.server.test_scrub import blob_of, flip
from test.server.wire import BLOCK, Peer, pattern
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
