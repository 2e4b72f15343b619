"""Another program holds SQLite's lock: writers are told to come again, readers notice nothing."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from test.forked import Forked
from test.patience import until, until_said
from test.server.test_console import Visitor
from test.server.test_maintenance import inside
from test.server.test_monitoring import asked
from test.server.wire import Answer, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.ops import readiness
from uvideo.server.process import exit_codes
from uvideo.storage import postgres_connections
from uvideo.storage.group_commit import SLACK
from uvideo.storage.sqlite import PATIENCE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("lock"), "--no-fsync", "--lock-seconds", "0.2") as server:
        yield server


@contextmanager
def held(folder: Path, *statements: str) -> Iterator[None]:
    """Another program is within a transaction of its own."""
    with closing(sqlite3.connect(folder / "catalog.db", isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement).fetchall()
        yield


def is_refused(server: Server, got: Answer) -> bool:
    assert "Traceback" not in server.log.read_text()
    return got.status == 503 and got.header("Retry-After") == "1" and bool(got.refusal())


def test_every_answer_comes_within_five_seconds() -> None:
    assert max(PATIENCE + SLACK, readiness.PATIENCE, postgres_connections.TIMEOUTS.whole) < 5


def test_a_server_starts_while_another_program_writes_and_not_while_it_has_the_file_for_itself(
    tmp_path: Path, commands: Forked
) -> None:
    options = ("--no-fsync", "--lock-seconds", "0.2", "--workers", "2")
    with start_server(tmp_path, "--no-fsync") as server:
        space = Peer(server).space()
        Peer(server).do(operation.PutObject(space, "k"), b"old")
    with held(tmp_path, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"):
        ended = commands.run("serve", tmp_path, "--port", 0, "--admin-port", 0, "--lock-seconds", "0.2")
    assert ended.returncode == exit_codes.AWAY.code and "the database is locked by another program" in ended.stderr
    assert "Traceback" not in ended.stderr
    with held(tmp_path, "BEGIN EXCLUSIVE", "UPDATE oldest SET schema = schema"):
        with start_server(tmp_path, *options) as server:
            peer = Peer(server)
            assert peer.call(operation.GetObject(space, "k")).body == b"old"
            assert is_refused(server, peer.call(operation.PutObject(space, "k"), b"new"))
            counted = inside("stats", tmp_path)
            assert counted.returncode == 0 and "objects: 1" in counted.stdout, counted.stderr


def test_a_reader_that_keeps_the_log_from_being_cleared_keeps_no_writer_waiting(server: Server) -> None:
    peer = Peer(server)
    space = peer.space()
    with held(server.dir, "BEGIN", "SELECT COUNT(*) FROM objects"):
        for number in range(20):
            peer.do(operation.PutObject(space, f"k{number}"), bytes(200_000))
        assert asked(server, "/readyz") == (200, "ok\n")


@pytest.mark.long  # SQLite itself tries for 10 s, whatever it was told
def test_what_locks_the_index_of_the_log_is_waited_for_once(server: Server) -> None:
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), b"old")
    with open(server.dir / "catalog.db-shm", "r+b") as index:
        fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)
        assert is_refused(server, peer.call(operation.GetObject(space, "k")))
        for _ in range(20):
            assert is_refused(server, peer.call(operation.GetObject(space, "k")))
            assert is_refused(server, peer.call(operation.PutObject(space, "k"), b"new"))
        assert asked(server, "/readyz")[0] == 503
    until(lambda: peer.call(operation.GetObject(space, "k")).status == 200)
    until(lambda: peer.call(operation.PutObject(space, "k"), b"new").status == 200)  # the writer recovers by itself too


def test_the_console_says_that_the_database_is_locked(server: Server) -> None:
    peer, visitor = Peer(server), Visitor(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), b"old")
    assert visitor.sign_in().status == 200
    with held(server.dir, "BEGIN IMMEDIATE"):
        said = visitor.post("spaces/create", {"space": "not-made", "type": "private"})
        assert (said.status, said.json()["error"], said.headers["Retry-After"]) == (503, "Unavailable", "1")
        done = visitor.done("objects/delete", {"space": space, "keys": ["k"]})
        assert done == {"failed": {"k": "Unavailable"}}, "and what of many was done is told"
    until_said(server.log, "a call of the console: the database is locked")
    assert "Traceback" not in server.log.read_text()
    assert visitor.done("objects/delete", {"space": space, "keys": ["k"]}) == {"failed": {}}


def test_a_writer_that_waits_for_the_lock_is_told_to_come_again(server: Server) -> None:
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), b"old")
    answers: list[Answer] = []
    asked = (
        *(lambda number=number: peer.call(operation.PutObject(space, f"n{number}"), b"new") for number in range(8)),
        lambda: peer.call(operation.DeleteObject(space, "k")),
        lambda: peer.call(operation.InitiateUpload(space, "k")),
    )
    with closing(sqlite3.connect(server.dir / "catalog.db", isolation_level=None)) as other:
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
