"""The files of a SQLite catalog get smaller again, while the server runs, and nothing is lost over it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from test.patience import SECONDS, until, until_said
from test.server.wire import Peer, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation
from uvideo.storage import sqlite, sqlite_upkeep
from uvideo.storage.base import NoRoom, ObjectRecord, PartRecord, SpaceRecord, UploadRecord
from uvideo.storage.sqlite import SqliteCatalog

MIB = 1024 * 1024
#: Bytes of the free pages with which no server begins to shrink.
LEFT = sqlite_upkeep.LEAST * 4096


def size(folder: Path, tail: str = "") -> int:
    return (folder / f"catalog.db{tail}").stat().st_size


def settled(folder: Path) -> int:
    """Bytes of the database, with what is still in its log: up to 8 MiB may stay there forever."""
    with closing(sqlite3.connect(folder / "catalog.db", timeout=SECONDS)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return size(folder)


def beside(folder: Path, work: Callable[[SqliteCatalog], Awaitable[None]]) -> None:
    """Another process would do it as this one does: through the catalog's own methods, on the same file."""

    async def run() -> None:
        catalog = SqliteCatalog(folder / "catalog.db", fsync=False, patience=SECONDS)
        await catalog.start()
        try:
            await work(catalog)
        finally:
            await catalog.close()

    asyncio.run(run())


def fill(folder: Path, space_id: str, count: int, data: bytes = bytes(4000)) -> None:
    async def work(catalog: SqliteCatalog) -> None:
        puts = (
            catalog.put(ObjectRecord(space_id, f"k{each}", len(data), "e", "m", inline=data)) for each in range(count)
        )
        await asyncio.gather(*puts)

    beside(folder, work)


def empty(folder: Path, space_id: str, first: int, count: int) -> None:
    async def work(catalog: SqliteCatalog) -> None:
        await asyncio.gather(*(catalog.delete(space_id, f"k{each}") for each in range(first, count)))

    beside(folder, work)


def made(folder: Path) -> str:
    """The id of a space of a new catalog."""

    async def work(catalog: SqliteCatalog) -> None:
        await catalog.create_space(SpaceRecord("s", "space", "me"))

    beside(folder, work)
    return "s"


def is_sound(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "catalog.db", timeout=SECONDS)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def space_id(server: Server, name: str) -> str:
    with closing(sqlite3.connect(server.dir / "catalog.db")) as db:
        ((found,),) = db.execute("SELECT space_id FROM spaces WHERE name = ?", (name,)).fetchall()
    return str(found)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("running"), "--no-fsync", "--workers", "2") as server:
        yield server


def test_the_log_is_cut_after_a_reader_held_it(running: Server) -> None:
    peer, folder = Peer(running), running.dir
    space = peer.space()
    with closing(sqlite3.connect(folder / "catalog.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM objects").fetchall()
        fill(folder, space_id(running, space), 2500)
        assert size(folder, "-wal") > sqlite_upkeep.LOG
        peer.do(operation.PutObject(space, "k"), b"x")
        reader.execute("COMMIT")
        until(lambda: size(folder, "-wal") < MIB)
    peer.do(operation.PutObject(space, "after"), b"x")
    assert peer.call(operation.GetObject(space, "k2499")).status == 200


def test_the_catalog_shrinks_after_mass_deletes_whoever_is_killed(tmp_path: Path) -> None:
    count = 3000
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        peer = Peer(server)
        space = peer.space()
        id = space_id(server, space)
        fill(tmp_path, id, count)
        until(lambda: settled(tmp_path) > 12 * MIB)
        full = size(tmp_path)
        empty(tmp_path, id, 100, count)
        until(lambda: size(tmp_path) < full)
        server.kill()
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        # The first server may have been killed when so few free pages were left that no other begins with them.
        until(lambda: size(tmp_path) < 2 * MIB + LEFT)
        assert is_sound(tmp_path)
        assert len(peer.call(operation.GetObject(space, "k99")).body) == 4000
        assert peer.call(operation.GetObject(space, "k100")).status == 404


def test_the_file_gets_short_although_a_reader_held_the_log_when_the_catalog_shrank(tmp_path: Path) -> None:
    """Nothing is written after that, so no write of the log's pages shortens the file by the way."""
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        id = space_id(server, Peer(server).space())
        fill(tmp_path, id, 1200)
        until(lambda: settled(tmp_path) > 4 * MIB)
        with closing(sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM objects").fetchall()
            empty(tmp_path, id, 0, 1200)
            until_said(server.log, "the catalog shrank by")
            assert size(tmp_path) > 4 * MIB
            reader.execute("COMMIT")
            until(lambda: size(tmp_path) < 3 * MIB)
        assert is_sound(tmp_path)


def older(folder: Path) -> None:
    """As catalogs were made before: deleted rows leave pages that only new rows take."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(folder / "catalog.db")) as db:
        db.execute("CREATE TABLE it_is_not_empty (x)")
    with closing(sqlite3.connect(folder / "catalog.db")) as db:
        db.execute("DROP TABLE it_is_not_empty")
        assert db.execute("PRAGMA auto_vacuum").fetchall() == [(0,)]


def compacted(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "uvideo", "admin", "compact", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_an_older_catalog_is_compacted_beside_writers_and_shrinks_by_itself_from_then_on(tmp_path: Path) -> None:
    older(tmp_path)
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        peer = Peer(server)
        space = peer.space()
        id = space_id(server, space)
        fill(tmp_path, id, 2000)
        empty(tmp_path, id, 100, 2000)
        going, stored = True, list[str]()

        def write() -> None:
            writer = Peer(server)
            while going:
                key = f"beside/{len(stored)}"
                answer = writer.call(operation.PutObject(space, key), b"x")
                if answer.status == 200:
                    stored.append(key)
                else:
                    assert answer.status == 503

        writing = threading.Thread(target=write)
        writing.start()
        try:
            until(lambda: len(stored) > 5)
            killed = compacted(tmp_path)
            killed.kill()  # wherever it is by now
            killed.communicate()
            done = compacted(tmp_path)
            said, _ = done.communicate(timeout=SECONDS)
            before = len(stored)
            until(lambda: len(stored) > before + 5)
        finally:
            going = False
            writing.join(SECONDS)
        assert done.returncode == 0 and "bytes before" in said, said
        assert size(tmp_path) < 4 * MIB and is_sound(tmp_path)
        assert all(peer.call(operation.GetObject(space, key)).status == 200 for key in stored[:: len(stored) // 20 + 1])
        fill(tmp_path, id, 2500)
        empty(tmp_path, id, 100, 2500)
        # The server may have ended its steps between two deletes.
        until(lambda: size(tmp_path) < 2 * MIB + LEFT)
        assert is_sound(tmp_path) and "Traceback" not in server.log.read_text()


def test_compact_changes_nothing_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older(tmp_path)
    made(tmp_path)
    before = size(tmp_path)
    stat = os.statvfs(tmp_path)
    monkeypatch.setattr(sqlite_upkeep, "SPARE", stat.f_frsize * stat.f_blocks)  # more than the disk has

    async def work(catalog: SqliteCatalog) -> None:
        with pytest.raises(NoRoom, match=r"needs \d+ free bytes"):
            await catalog.compact()

    beside(tmp_path, work)
    assert size(tmp_path) == before and is_sound(tmp_path)


def test_what_counts_everything_reads_it_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "ROWS", 7)
    monkeypatch.setattr(sqlite, "UPLOADS", 2)
    fill(tmp_path, made(tmp_path), 21, b"123")

    async def work(catalog: SqliteCatalog) -> None:
        for number in range(5):
            await catalog.begin(UploadRecord(f"u{number}", "s", "k", f"d{number}", created=number))
            await asyncio.gather(*(catalog.add_part(f"u{number}", PartRecord(part, "e", 10)) for part in range(4)))
        found = await catalog.census()
        assert (found.spaces, found.objects, found.stored, found.uploads, found.parts) == (1, 21, 63, 5, 20)
        open_ones = await catalog.open_uploads(1)
        assert (open_ones.count, open_ones.stored, open_ones.stale, open_ones.stale_stored) == (5, 200, 5, 200)
        (day,) = await catalog.usage(["s"], 0, 0)
        assert day.stored == 63
        assert [len(await catalog.stale_uploads(5, limit)) for limit in (1, 3, 9)] == [1, 3, 5]
        (held,) = await catalog.holdings()
        assert (held.objects, held.stored, held.uploads, held.uploads_stored) == (21, 63, 5, 200)

    beside(tmp_path, work)


def test_no_read_leaves_a_transaction_open(tmp_path: Path) -> None:
    """One would keep the log from being cut."""
    fill(tmp_path, made(tmp_path), 50, b"123")

    async def work(catalog: SqliteCatalog) -> None:
        reads: list[Awaitable[object]] = [
            *(catalog.census(), catalog.open_uploads(1), catalog.usage(["s"], 0, 9), catalog.problems()),
            *(catalog.list("s", "", "", 3), catalog.list("s", "k", "", 3, "1"), catalog.list("s", "", "", 1000)),
            *(catalog.walk(None, 5), catalog.list_by_offset("s", 3, 3), catalog.get("s", "k1"), catalog.named(["x"])),
            *(catalog.find("me", "e", 3), catalog.sample(2), catalog.identity(), catalog.space("space")),
            *(catalog.spaces("me", 0, 1), catalog.all_spaces("", 1), catalog.uploads("s", "", "", "", 1)),
            *(catalog.upload("u"), catalog.part("u", 0), catalog.parts("u", 0, None), catalog.count_parts("u")),
            *(catalog.tokens("me"), catalog.keys(), catalog.key("x"), catalog.token("x"), catalog.oldest_program()),
            catalog.check(),
        ]
        with closing(sqlite3.connect(tmp_path / "catalog.db", timeout=0, isolation_level=None)) as other:
            for number, read in enumerate(reads):
                await read
                await catalog.put(ObjectRecord("s", "new", 1, "e", "m", inline=b"%d" % (number % 10)))
                ((is_busy, _, _),) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                assert not is_busy, number

    beside(tmp_path, work)


def test_what_is_deleted_is_free_at_once(running: Server) -> None:
    peer = Peer(running)
    space, before = peer.space(), used(running.dir)
    for number in range(20):
        peer.do(operation.PutObject(space, f"k{number}"), pattern(MIB))
    assert used(running.dir) >= before + 20 * MIB
    for number in range(20):
        assert peer.call(operation.DeleteObject(space, f"k{number}")).status == 204
    assert used(running.dir) < before + MIB


def used(folder: Path) -> int:
    """Bytes that the blobs take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in (folder / "blobs").rglob("*") if path.is_file())
