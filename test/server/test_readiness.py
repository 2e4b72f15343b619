"""What /readyz says, each line of it made to happen."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http.client
import re
import resource
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from test import patience
from test.cluster.postgres import Postgres
from test.cluster.program import until
from test.descriptors import none_left, none_left_here
from test.server.test_monitoring import asked, parsed, said
from test.server.wire import Answer, Peer, connect
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.ops.readiness import (
    CONDITIONS,
    CROWDED,
    DAMAGED,
    FAILING,
    LASTING,
    LOCKED,
    SHORT,
    WITHOUT,
    Moment,
    Readiness,
    Writes,
)
from uvideo.storage import group_commit
from uvideo.storage.base import Blobs, Catalog

KEYS = {
    "UVIDEO_SERVE_PUBLIC_KEY": "UVIDEOready",
    "UVIDEO_SERVE_PRIVATE_KEY": "private-key-of-the-ready-0123456789abcdefg",
}


def test_the_documents_have_the_same_table() -> None:
    text = (ROOT / "docs" / "server.md").read_text()
    section = text.partition("## What /readyz says\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert [(what, int(status), said.replace("`", "")) for what, status, said in rows] == [
        (each.what, each.status, each.text) for each in CONDITIONS
    ]


def until_said(server: Server, wanted: tuple[int, str]) -> None:
    deadline, found = time.monotonic() + 60, (0, "")
    while found != wanted and time.monotonic() < deadline:
        found = asked(server, "/readyz")
    assert found == wanted


def test_all_connections_are_taken(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--connections", "2") as server:
        assert asked(server, "/readyz") == (200, "ok\n")
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(connect(server.port))
            until_said(server, (503, CROWDED.text + "\n"))
        until_said(server, (200, "ok\n"))


def test_the_connections_of_one_worker_are_taken(tmp_path: Path) -> None:
    """Who connects cannot choose the other one."""
    with start_server(tmp_path, "--no-fsync", "--workers", "2", "--connections", "2") as server:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(connect(server.port))
            until_said(server, (503, CROWDED.text + "\n"))
        until_said(server, (200, "ok\n"))


def test_a_worker_has_no_descriptors(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        other = max(map(int, children))  # the first one answers /readyz
        _, most = resource.prlimit(other, resource.RLIMIT_NOFILE)
        resource.prlimit(other, resource.RLIMIT_NOFILE, (3, most))
        deadline, found = time.monotonic() + 60, (0, "")
        while found[0] != 503 and time.monotonic() < deadline:
            with connect(server.port):
                found = asked(server, "/readyz")
        assert found == (503, SHORT.text + "\n")
        resource.prlimit(other, resource.RLIMIT_NOFILE, (most, most))
        until_said(server, (200, "ok\n"))


def test_a_worker_without_descriptors_blames_neither_disk_nor_catalog(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        with closing(http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=patience.SECONDS)) as known:
            # The work of the start opens files; then it is over.
            patience.until(lambda: parsed(said(known, "/metrics")[1])["uvideo_gc_last_run_seconds", ""])
            assert said(known, "/readyz") == (200, "ok\n")
            with none_left(server.pid):
                assert said(known, "/readyz") == (503, SHORT.text + "\n")


class Probe:
    """Of a disk or a catalog.  ``found``: what its check raises."""

    def __init__(self, found: Exception | None = None) -> None:
        self.found = found

    async def check(self) -> None:
        if self.found is not None:
            raise self.found


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
@pytest.mark.parametrize("name", ["blobs", "catalog"])
def test_a_check_that_lacks_a_descriptor_says_nothing_about_what_it_checks(name: str, number: int) -> None:
    now = [1000.0]
    probes = {"blobs": Probe(), "catalog": Probe()}
    readiness = Readiness(
        *(cast(Blobs, probes["blobs"]), cast(Catalog, probes["catalog"]), Writes()),
        is_stopping=lambda: False,
        is_crowded=lambda: False,
        has_room=lambda: True,
        short=Moment(lambda: now[0]),
    )
    probes[name].found = OSError(number, "lacking")
    assert asyncio.run(readiness.look()) == (503, SHORT.text + "\n")
    probes[name].found = None
    now[0] += WITHOUT + 1
    assert asyncio.run(readiness.look()) == (200, "ok\n")
    probes[name].found = OSError(number, "lacking")
    states = asyncio.run(readiness.states())
    assert [each for each, well in states.items() if not well] == ["descriptors"]
    probes[name].found = OSError(errno.EIO, "it failed")
    now[0] += WITHOUT + 1
    assert asyncio.run(readiness.look()) == (503, f"{name}: it failed\n")
    assert [each for each, well in asyncio.run(readiness.states()).items() if not well] == [name]


def test_a_catalog_that_cannot_be_opened(tmp_path: Path) -> None:
    """SQLite gives one text for two causes."""
    failure = sqlite3.OperationalError(group_commit.UNOPENED)
    with pytest.raises(sqlite3.OperationalError, match=f"^{group_commit.UNOPENED}$"):
        sqlite3.connect(tmp_path / "away" / "catalog.db")
    known = group_commit.told(failure)
    assert isinstance(known, OSError) and known.errno == errno.EIO and "cannot be opened" in str(known)
    with none_left_here():
        known = group_commit.told(failure)
    assert isinstance(known, OSError) and known.errno == errno.EMFILE


def test_puts_that_fail(tmp_path: Path) -> None:
    """The looks of /readyz itself find nothing: what is wrong is elsewhere in the database."""
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        peer = Peer(server)
        space = peer.space()
        with closing(sqlite3.connect(tmp_path / "catalog.db", timeout=30)) as other:
            other.execute("ALTER TABLE small RENAME TO away")
            assert peer.call(operation.PutObject(space, "k"), b"x").status == 500
            assert asked(server, "/readyz") == (503, FAILING.text + "\n")
            assert peer.call(operation.GetObject(space, "k")).status in (404, 500)
            other.execute("ALTER TABLE away RENAME TO small")
        peer.do(operation.PutObject(space, "k"), b"x")
        assert asked(server, "/readyz") == (200, "ok\n")


def test_a_put_that_failed_counts_for_a_while() -> None:
    """Out of rotation no put comes that could succeed."""
    now = [1000.0]
    writes = Writes(lambda: now[0])
    assert not writes.is_failing()
    writes.failed()
    now[0] += LASTING - 1
    assert writes.is_failing()
    now[0] += 2
    assert not writes.is_failing()
    writes.failed()
    now[0] += 1
    writes.worked()
    assert not writes.is_failing()


def test_another_program_holds_the_lock(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--lock-seconds", "0.2") as server:
        with closing(sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert asked(server, "/readyz") == (503, LOCKED.text + "\n")
            other.execute("ROLLBACK")
        assert asked(server, "/readyz") == (200, "ok\n")


def test_the_catalog_is_damaged(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        path = tmp_path / "catalog.db"
        with closing(sqlite3.connect(path, timeout=30)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.write(b"\xa5" * path.stat().st_size)
        assert asked(server, "/readyz") == (503, DAMAGED.text + "\n")
        assert asked(server, "/healthz")[0] == 200
        assert peer.call(operation.PutObject(space, "k"), b"x").status == 500
        assert "Traceback" not in server.log.read_text()


def ended(postgres: Postgres, name: str, script: str) -> None:
    """Run SQL until somebody ends its session."""
    with contextlib.suppress(RuntimeError):
        postgres.run(name, script)


@pytest.mark.cluster
def test_the_connections_to_the_database_are_used_up(tmp_path: Path, postgres: Postgres) -> None:
    """All of the pool wait for a lock that somebody holds."""
    with postgres.database() as url:
        name = url.rpartition("/")[2]
        with start_server(tmp_path, "--no-fsync", env={"UVIDEO_SERVE_DATABASE": url, **KEYS}) as server:
            peer = Peer(server)
            space = peer.space()
            assert asked(server, "/readyz") == (200, "ok\n")
            holding = "BEGIN; LOCK TABLE objects; SELECT pg_sleep(300)"
            holder = threading.Thread(target=lambda: ended(postgres, name, holding))
            holder.start()
            held = "SELECT pid FROM pg_locks WHERE relation = 'objects'::regclass AND mode = 'AccessExclusiveLock'"
            assert until(lambda: postgres.run(name, held) != "", 60)
            got = list[Answer]()
            puts = [
                threading.Thread(target=lambda: got.append(peer.call(operation.PutObject(space, "k"), b"x")))
                for _ in range(16)
            ]
            for put in puts:
                put.start()
            deadline, found = time.monotonic() + 60, (200, "ok\n")
            while found[0] == 200 and time.monotonic() < deadline:
                found = asked(server, "/readyz")
            assert found[0] == 503 and found[1].startswith("catalog: the database "), found
            for put in puts:
                put.join(60)
            assert {(each.status, each.header("Retry-After")) for each in got} == {(503, "1")} and len(got) == 16
            assert "Traceback" not in server.log.read_text()
            postgres.run(name, f"SELECT pg_terminate_backend(pid) FROM ({held}) AS holders")
            for each in (*puts, holder):
                each.join(60)
            until_said(server, (200, "ok\n"))
