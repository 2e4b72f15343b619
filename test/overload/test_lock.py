"""Another program holds SQLite's lock: writers are told to come again, readers notice nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from test.server.wire import Answer, Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation


def test_a_writer_that_waits_for_the_lock_is_told_to_come_again(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--lock-seconds", "0.2") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k"), b"old")
        answers: list[Answer] = []
        asked = (
            *(lambda number=number: peer.call(operation.PutObject(space, f"n{number}"), b"new") for number in range(8)),
            lambda: peer.call(operation.DeleteObject(space, "k")),
            lambda: peer.call(operation.InitiateUpload(space, "k")),
        )
        with closing(sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            threads = [threading.Thread(target=lambda each=each: answers.append(each())) for each in asked]
            for thread in threads:
                thread.start()
            assert peer.call(operation.GetObject(space, "k")).body == b"old"
            for thread in threads:
                thread.join(60)
            other.execute("ROLLBACK")
        said = server.log.read_text()
        for got in answers:
            assert got.status == 503 and got.refusal()
            assert got.header("Retry-After") == "1"
        assert "the database is locked by another program" in said
        assert len(answers) == len(asked) and "Traceback" not in said, said[-2000:]
        assert peer.call(operation.DeleteObject(space, "k")).status == 204
