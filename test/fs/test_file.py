"""Files of the filesystem: reading through caches, writing all or nothing, transactions, and both with await."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import logging
import os
import pickle
import random
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from test.alone import at_once
from test.fakes import FaultProxy
from test.fs.conftest import UVideoFileSystem
from uvideo import Client

SIZE = 3 * (1 << 20) + 321


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def film(client: Client, space: str, data: bytes) -> str:
    client.upload(space, "film.mp4", data)
    return f"uvideo://{space}/film.mp4"


@pytest.fixture
def leaves_nothing(client: Client, space: str) -> Iterator[None]:
    """Neither an object nor an unfinished upload is in the space at the end."""
    yield
    assert [each.key for each in client.list(space)] == [] == [each.key for each in client.list_uploads(space)]


CACHES = ("none", "readahead", "bytes", "blockcache", "background", "first", "all", "mmap", "parts")


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # fsspec leaves that of mmap to the collector
@pytest.mark.parametrize("cache", CACHES)
def test_every_cache_gives_the_same_bytes(fs: UVideoFileSystem, film: str, data: bytes, cache: str) -> None:
    options: dict[str, Any] = {"data": {(0, SIZE): data}} if cache == "parts" else {}
    chance = random.Random(cache)
    with fs.open(film, cache_type=cache, block_size=100_000, cache_options=options) as file:
        assert (file.size, file.seekable(), file.readable(), file.writable()) == (SIZE, True, True, False)
        for _ in range(30):
            start = chance.randrange(SIZE)
            length = chance.choice((1, 1000, 300_000))
            assert file.seek(start) == start
            assert file.read(length) == data[start : start + length]
        file.seek(0)
        assert file.read() == data and file.read(1) == b""
    assert file.closed


class SlowReader:
    """A reader that takes its time between being moved and being read."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def seek(self, place: int) -> int:
        found: int = self._reader.seek(place)
        time.sleep(0.01)
        return found


def test_threads_that_read_one_file_do_not_move_it_from_under_each_other(
    fs: UVideoFileSystem, film: str, data: bytes
) -> None:
    with fs.open(film, cache_type="none") as file:
        file.reader = SlowReader(file.reader)
        places = [number * 100_001 for number in range(12)]
        found = at_once(*(lambda at=at: file._fetch_range(at, at + 1000) for at in places))  # type: ignore[misc]
        assert found == [data[at : at + 1000] for at in places]


def test_it_reads_as_a_file(fs: UVideoFileSystem, space: str, film: str, data: bytes) -> None:
    with fs.open(film) as file:
        assert file.details == {**fs.info(film)} and file.info()["size"] == SIZE and file.path == f"{space}/film.mp4"
        assert file.seek(-7, io.SEEK_END) == SIZE - 7 and file.read() == data[-7:]
        buffer = bytearray(10)
        file.seek(5)
        assert file.readinto(buffer) == 10 and buffer == data[5:15] and file.tell() == 15
    with pytest.raises(ValueError):
        file.read(1)
    with pytest.raises(FileNotFoundError) as caught:
        fs.open(f"{space}/absent")
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(IsADirectoryError):
        fs.open(space)
    for mode in ("ab", "r+b"):
        with pytest.raises(NotImplementedError, match="mode"):
            fs.open(film, mode)
    assert (
        fs.read_block(film, 100, 50) == data[100:150] and fs.head(film, 9) == data[:9] and fs.tail(film, 9) == data[-9:]
    )


def test_jumps_read_little_and_order_reads_ahead(
    through: UVideoFileSystem, proxy: FaultProxy, film: str, data: bytes
) -> None:
    with through.open(film) as file:
        for start in (SIZE - 8, 1 << 20, 2 << 20):
            file.seek(start)
            assert file.read(8) == data[start : start + 8]
    assert sum(each.answer_bytes for each in proxy.log("GetObject")) <= 3 * 65536
    proxy.reset()
    with through.open(film) as file:
        assert b"".join(iter(lambda: file.read(100_000), b"")) == data
    assert len(proxy.log("GetObject")) <= 8
    assert sum(each.answer_bytes for each in proxy.log("GetObject")) == SIZE


def test_large_reads_that_jump_ask_for_what_they_need(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, film: str, data: bytes
) -> None:
    with through.open(film) as file:
        for start, length in ((1_000_000, 100_000), (500_000, 9_000), (2_000_000, 8_192)):
            file.seek(start)
            assert file.read(length) == data[start : start + length]
        assert file.read(8_192) == data[2_008_192:2_016_384]  # goes on, so the Reader does it
    asked = [each.headers["range"] for each in proxy.log("GetObject")]
    assert asked[:3] == ["bytes=1000000-1099999", "bytes=500000-508999", "bytes=2000000-2008191"]
    proxy.reset()
    with through.open(film, checksum=False) as file:  # an option of the Reader's
        file.seek(1_000_000)
        assert file.read(100_000) == data[1_000_000:1_100_000]
        assert proxy.log("GetObject")[0].headers["range"] != "bytes=1000000-1099999"

    parallel = UVideoFileSystem(**through.storage_options, multipart_threshold=100_000)
    with through.open(film) as file, parallel.open(film) as large:
        large.seek(5)
        assert large.read(2_000_000) == data[5:2_000_005]
        client.put(space, "film.mp4", bytes(SIZE))
        for each in (file, large):
            each.seek(1_000_000)
            with pytest.raises(OSError) as caught:
                each.read(1_500_000)
            assert caught.value.errno == errno.ESTALE


def test_a_line_that_breaks_and_an_object_that_changes(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, film: str, data: bytes
) -> None:
    proxy.on("GetObject", byte=1 << 20).reset(1000)
    with through.open(film) as file:
        assert file.read() == data
    with through.open(film) as file:
        assert file.read(10) == data[:10]
        client.put(space, "film.mp4", b"another")
        file.seek(2 << 20)
        with pytest.raises(OSError, match="changed") as caught:
            file.read(10)
        assert caught.value.errno == errno.ESTALE


def test_a_file_that_is_read_can_be_pickled(fs: UVideoFileSystem, film: str, data: bytes) -> None:
    with fs.open(film) as file:
        file.seek(1000)
        with pickle.loads(pickle.dumps(file)) as other:
            assert other.tell() == 1000 and other.read(10) == data[1000:1010] == file.read(10)
    with fs.open(film + "2", "wb") as file, pytest.raises(TypeError):
        pickle.dumps(file)


def test_writing_is_all_or_nothing(fs: UVideoFileSystem, client: Client, space: str, data: bytes) -> None:
    path = f"{space}/new.mp4"
    with fs.open(path, "wb", metadata={"x": "1"}) as file:
        assert file.write(data[:100]) == 100 and file.tell() == 100
        file.flush()
        assert not fs.exists(path) and not file.seekable() and file.writable()
        file.write(memoryview(data)[100:])
    assert fs.cat_file(path) == data and client.stat(space, "new.mp4").mime == "video/mp4"
    assert client.stat(space, "new.mp4").metadata == {"x": "1"}
    for use in (lambda: file.write(b""), file.flush):
        with pytest.raises(ValueError):
            use()
    file.close()
    with fs.open(path, "wb"):
        pass
    assert fs.cat_file(path) == b""


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("size", [100, 20 << 20])
def test_a_writer_that_aborts_leaves_nothing(fs: UVideoFileSystem, options: Any, space: str, size: int) -> None:
    path = f"{space}/new"
    with pytest.raises(KeyError), fs.open(path, "wb") as file:
        file.write(bytes(size))
        raise KeyError
    with pytest.raises(KeyError), fsspec.open(f"uvideo://{path}", "wb", **options) as file:
        file.write(bytes(size))
        raise KeyError
    with pytest.raises(KeyError), fs.open(path, "w") as text:
        text.write("x" * size)
        raise KeyError
    with pytest.raises(KeyError), fs.open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", bytes(size))
        raise KeyError
    file = fs.open(path, "xb")
    file.write(bytes(size))
    file.discard()


@pytest.mark.usefixtures("leaves_nothing")
def test_a_writer_that_is_forgotten_leaves_nothing(
    fs: UVideoFileSystem, space: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "uvideo"):
        fs.open(f"{space}/new", "wb").write(b"forgotten")
        gc.collect()
    assert "never closed" in caplog.text


def test_a_write_that_fails_says_so_and_leaves_nothing(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str
) -> None:
    proxy.on("PutObject").answer(403)
    file = through.open(f"{space}/new", "wb")
    file.write(b"x")
    with pytest.raises(PermissionError):
        file.close()
    assert file.closed and list(client.list(space)) == []
    with pytest.raises(FileNotFoundError), through.open("no-such-space/x", "wb") as file:
        file.write(b"x")


def test_text_and_compression_and_archives(options: Any, space: str) -> None:
    for name, compression in (("a.txt", None), ("a.txt.gz", "infer")):
        path = f"uvideo://{space}/{name}"
        with fsspec.open(path, "wt", compression=compression, encoding="utf-8", **options) as file:
            file.write("Grüße\n" * 1000)
        with fsspec.open(path, "rt", compression=compression, encoding="utf-8", **options) as file:
            assert file.readlines() == ["Grüße\n"] * 1000
    with fsspec.open(f"uvideo://{space}/a.zip", "wb", **options) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("in/x.txt", "zipped")
    with fsspec.open(f"zip://in/x.txt::uvideo://{space}/a.zip", uvideo=options) as file:
        assert file.read() == b"zipped"
    with fsspec.open(f"simplecache::uvideo://{space}/a.txt", "rb", uvideo=options) as file:
        assert file.read(3) == b"Gr\xc3"


def test_a_transaction_stores_all_at_its_end(fs: UVideoFileSystem, client: Client, space: str, movie: Path) -> None:
    with fs.transaction:
        with fs.open(f"{space}/a", "wb") as file:
            file.write(b"a")
        with fs.open(f"{space}/large", "wb") as file:
            file.write(movie.read_bytes())
        fs.pipe_file(f"{space}/b", b"b", mode="create")
        fs.put_file(str(movie), f"{space}/put")
        assert list(client.list(space)) == []
    assert {each.key: each.size for each in client.list(space)} == {"a": 1, "b": 1, "large": 9 << 20, "put": 9 << 20}
    assert client.get(space, "put").data == movie.read_bytes()
    fs.pipe_file(f"{space}/after", b"")
    assert fs.exists(f"{space}/after")


@pytest.mark.usefixtures("leaves_nothing")
def test_a_transaction_that_fails_stores_nothing(fs: UVideoFileSystem, space: str, movie: Path) -> None:
    with pytest.raises(KeyError), fs.transaction:
        fs.pipe_file(f"{space}/b", b"b")
        fs.put_file(str(movie), f"{space}/large")
        file = fs.open(f"{space}/open", "wb")
        file.write(b"x")
        raise KeyError
    with fs.transaction:
        with pytest.raises(KeyError), fs.open(f"{space}/a", "wb") as file:
            file.write(b"a")
            raise KeyError
    file = fs.open(f"{space}/c", "wb", autocommit=False)
    file.write(b"c")
    file.close()
    assert not fs.exists(f"{space}/c")
    try:
        raise KeyError
    except KeyError:
        with pytest.raises(OSError) as caught:
            file.commit()
    assert caught.value.errno == errno.ECANCELED


def test_autocommit_off(fs: UVideoFileSystem, space: str) -> None:
    file = fs.open(f"{space}/c", "xb", autocommit=False)
    file.write(b"c")
    file.close()
    assert not fs.exists(f"{space}/c")
    file.commit()
    assert fs.cat_file(f"{space}/c") == b"c"


def on_a_loop(options: Any, story: Any) -> None:
    async def run() -> None:
        fs = UVideoFileSystem(**options, asynchronous=True)
        try:
            await story(fs)
        finally:
            await fs._close()

    asyncio.run(run())


def test_on_an_event_loop(options: Any, client: Client, space: str) -> None:
    async def story(fs: UVideoFileSystem) -> None:
        await fs._pipe({f"{space}/a/{number}": bytes(number) for number in range(20)})
        found = await fs._cat([f"{space}/a/{number}" for number in range(20)])
        assert {int(path.rpartition("/")[2]): len(data) for path, data in found.items()} == {n: n for n in range(20)}
        assert len(await fs._find(space)) == 20 and await fs._exists(f"{space}/a/3")
        await fs._cp_file(f"{space}/a/3", f"{space}/b")
        await fs._mv(f"{space}/b", f"{space}/c")
        assert (await fs._info(f"{space}/c"))["size"] == 3
        assert await fs._modified(f"{space}/c") == client.stat(space, "c").modified
        await fs._rm(f"{space}/a", recursive=True)
        assert await fs._find(space) == [f"{space}/c"]
        assert [each async for each in fs._walk(space)] == [(space, [], ["c"])]

    on_a_loop(options, story)
    on_a_loop(options, lambda fs: fs._rm(space, recursive=True))  # the same instance, on another loop
    assert list(client.list(space)) == []


def test_files_with_await(options: Any, client: Client, space: str, data: bytes) -> None:
    async def story(fs: UVideoFileSystem) -> None:
        async with await fs.open_async(f"{space}/a", "wb") as file:
            assert await file.write(data) == SIZE and await file.tell() == SIZE
            assert not await fs._exists(f"{space}/a")
            with pytest.raises(io.UnsupportedOperation):
                await file.read()
        async with await fs.open_async(f"{space}/a") as file:
            assert file.size == SIZE and await file.read(10) == data[:10]
            await file.seek(100)
            assert await file.read() == data[100:]
        with pytest.raises(ValueError):
            await file.read()
        for path in (f"{space}/absent", "no-such-space/x"):
            with pytest.raises(FileNotFoundError):
                await fs.open_async(path)
        with pytest.raises(KeyError):
            async with await fs.open_async(f"{space}/b", "wb") as file:
                await file.write(b"b")
                raise KeyError
        with pytest.raises(FileExistsError):
            await fs.open_async(f"{space}/a", "xb")
        async with await fs.open_async(f"{space}/c.mp4", "xb") as file:
            await file.write(b"c")
        with pytest.raises(FileExistsError):
            async with await fs.open_async(f"{space}/d", "xb") as file:
                await fs._pipe_file(f"{space}/d", b"theirs")

    on_a_loop(options, story)
    assert {each.key: each.mime for each in client.list(space)} == {
        "a": "application/octet-stream",
        "c.mp4": "video/mp4",
        "d": "application/octet-stream",
    }
    assert client.get(space, "d").data == b"theirs" and list(client.list_uploads(space)) == []
