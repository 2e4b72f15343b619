"""The contract of Blobs on a disk, and what only a disk can get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
import threading
import time
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.contract.blobs import ALL, BlobsContract, nobody, store, store_part, whole
from test.contract.place import Place, play
from uvideo.storage import disk, disk_links
from uvideo.storage.base import Absent, Blobs, Quarantined, SweepStopped
from uvideo.storage.disk import DiskBlobs

BLOCK = 64 * 1024


@pytest.fixture
def place(root: Path) -> Place:
    return Place("uvideo.storage.disk:DiskBlobs", {"root": str(root), "fsync": False, "block_size": BLOCK})


class TestDisk(BlobsContract):
    @pytest.fixture
    def place(self, root: Path) -> Place:
        return Place("uvideo.storage.disk:DiskBlobs", {"root": str(root), "fsync": False, "block_size": BLOCK})


def test_an_identity_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    place = Place("uvideo.storage.disk:DiskBlobs", {"root": str(tmp_path), "fsync": False, "block_size": BLOCK})
    with pytest.raises(IsADirectoryError):
        play(lambda blobs: blobs.identify("a" * 32), place)
    assert list(tmp_path.rglob(".identity*")) == []


class TestDiskWithoutOpenFileLocks:
    def test_the_slot_excludes_all_the_same(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(disk, "OPEN_FILE_LOCK", None)

        async def story(one: Blobs, two: Blobs) -> bool:
            draft = one.draft()
            async with one.part(draft, 0):
                waiting = asyncio.ensure_future(store_part(two, draft, 0, b"x"))
                await asyncio.sleep(0.02)
                held = not waiting.done()
            await waiting
            return held

        assert play(story, place, place)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which syncs and renames were made, in order."""
    made: list[str] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(first: Any, *more: Any) -> Any:
            folder = isinstance(first, int) and stat.S_ISDIR(os.fstat(first).st_mode)
            made.append(f"{name} folder" if folder else name)
            return real(first, *more)

        monkeypatch.setattr(os, name, watched)

    for name in ("fdatasync", "fsync", "replace"):
        watch(name)
    return made


@pytest.mark.parametrize("fsync", [True, False])
def test_bytes_are_synced_before_the_name_and_the_name_before_the_answer(
    root: Path, calls: list[str], fsync: bool
) -> None:
    async def story(blobs: Blobs) -> None:
        calls.clear()
        await store(blobs, b"x")
        assert calls == (["fdatasync", "replace", "fsync folder"] if fsync else ["replace"])
        calls.clear()
        draft = blobs.draft()
        parts = [await store_part(blobs, draft, 0, b"x" * BLOCK), await store_part(blobs, draft, 1, b"x")]
        assert calls == (["fdatasync", "fsync folder", "fdatasync"] if fsync else [])
        calls.clear()
        await blobs.seal(draft, parts)
        assert calls == (["fdatasync", "replace", "fsync folder"] if fsync else ["replace"])

    play(story, Place("uvideo.storage.disk:DiskBlobs", {"root": str(root), "fsync": fsync, "block_size": BLOCK}))


def test_files_and_folders_are_private(place: Place, root: Path) -> None:
    async def story(blobs: Blobs) -> None:
        await store(blobs, b"x")
        await store_part(blobs, blobs.draft(), 0, b"x")
        assert isinstance(blobs, disk.DiskBlobs)
        blob = await store(blobs, b"x")
        held = disk_links.Links(root / "reading").make([blobs.blob_path(blob)])  # as a long reading of many blobs does
        assert held is not None and held.parent.parent == root / "reading"
        await blobs.delete(blob)

    play(story, place)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [root, *root.rglob("*")]}
    assert modes == {(True, 0o700), (False, 0o600)}
    assert len(list(root.glob("blobs/??/*"))) == len(list(root.glob("incoming/*"))) == 1


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
def test_a_name_that_is_not_ours_never_becomes_a_path(place: Place, name: str) -> None:
    async def story(blobs: Blobs) -> None:
        for call in (blobs.open, blobs.delete, blobs.discard):
            with pytest.raises(ValueError):
                await call(name)
        with pytest.raises(ValueError):
            await blobs.seal(name, [])
        with pytest.raises(ValueError):
            blobs.part(name, 0)

    play(story, place)


def test_a_full_disk_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(blobs: Blobs) -> int:
        writer = await blobs.writer()
        await writer.write([b"fits"])
        with monkeypatch.context() as patch:

            def full(*arguments: Any) -> int:
                raise OSError(errno.ENOSPC, "full")

            patch.setattr(os, "pwritev", full)
            with pytest.raises(OSError, match="full"):
                await writer.write([b"does not"])
            with pytest.raises(OSError, match="full"):
                await blobs.check()
        with pytest.raises(ValueError):
            await writer.seal()
        await writer.discard()
        return await blobs.sweep(nobody, ALL)

    assert play(story, place) == 0


def test_short_writes_are_gone_on_with(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, views, offset: real(fd, [bytes(views[0])[:7]], offset))
    chunks = [b"%d" % number * (number % 23) for number in range(200)]

    async def story(blobs: Blobs) -> bytes:
        return await whole(blobs, await store(blobs, *chunks))

    assert play(story, place) == b"".join(chunks)


def test_check_and_start_name_the_place_and_the_reason(
    place: Place, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(blobs: Blobs) -> None:
        monkeypatch.setattr(os, "statvfs", lambda path: namedtuple("Free", "f_bavail f_frsize")(3, 4096))
        with pytest.raises(OSError, match=rf"only 12288 bytes are free.*{root}"):
            await blobs.check()

    play(story, place)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=str(tmp_path / "file")):
        asyncio.run(DiskBlobs(tmp_path / "file").start())


def test_a_place_that_is_not_there_is_made_only_if_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        asyncio.run(DiskBlobs(tmp_path / "none").start(create=False))
    assert not (tmp_path / "none").exists()


def test_the_quarantine_takes_back_what_has_a_name_and_gives_up_the_oldest_first(root: Path) -> None:
    now = [1e9]

    async def story() -> None:
        blobs = DiskBlobs(root, fsync=False, block_size=BLOCK, keep=100, clock=lambda: now[0])
        await blobs.start()
        draft, names = blobs.draft(), [await store(blobs, b"%d" % number) for number in range(3)]
        part = await store_part(blobs, draft, 0, b"draft")

        async def all_but(*some: str) -> int:
            async def named(asked: Sequence[str]) -> set[str]:
                return set(asked) - set(some)

            return await blobs.sweep(named, ALL)

        assert await all_but(names[0], draft) == 2
        now[0] += 60
        assert await all_but(names[0], draft, names[1]) == 1
        assert await blobs.quarantined() == Quarantined(3, 7)
        assert not await blobs.is_empty() and await blobs.has_any([names[0]])
        with pytest.raises(FileNotFoundError):
            await blobs.open(names[0])
        assert await all_but(names[1]) == 0  # and two have a name again
        assert await whole(blobs, names[0]) + await whole(blobs, await blobs.seal(draft, [part])) == b"0draft"
        now[0] += 60
        await all_but(names[1], names[2])
        now[0] += 60
        await all_but(names[1], names[2])
        assert await blobs.quarantined() == Quarantined(1, 1)  # the other was there for its time
        assert await blobs.relieve(nobody, 1 << 80) == 1
        assert await blobs.quarantined() == Quarantined()
        await blobs.close()

    asyncio.run(story())


def test_what_took_a_name_meanwhile_is_not_replaced_from_the_quarantine(place: Place, root: Path) -> None:
    async def story(blobs: Blobs) -> bytes:
        blob = await store(blobs, b"new")
        (root / "quarantine" / "blobs" / blob).write_bytes(b"old")

        async def everything(names: Sequence[str]) -> set[str]:
            return set(names)

        assert await blobs.take_back(everything) == 0
        return await whole(blobs, blob)

    assert play(story, place) == b"new"


def test_sweep_leaves_files_of_others_alone(place: Place, root: Path) -> None:
    async def story(blobs: Blobs) -> int:
        (root / "incoming" / "README").touch()
        return await blobs.sweep(nobody, ALL)

    assert play(story, place) == 0
    assert (root / "incoming" / "README").exists()


def test_a_sweep_that_would_take_much_takes_nothing_unless_told_to(place: Place, root: Path) -> None:
    async def story(blobs: Blobs) -> int:
        for number in range(101):
            (root / "incoming" / f"{number:032x}").touch()
        with pytest.raises(SweepStopped, match="does not name 101 of 101 blobs and drafts"):
            await blobs.sweep(nobody, ALL)
        assert len(list((root / "incoming").iterdir())) == 101
        return await blobs.sweep(nobody, ALL, limited=False)

    assert play(story, place) == 101


def test_a_blob_that_the_disk_cannot_read_is_not_called_damaged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def pread(fd: int, count: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    async def story(blobs: Blobs) -> tuple[int | None, str | None, str]:
        blob = await store(blobs, b"x")
        monkeypatch.setattr(os, "pread", pread)
        with pytest.raises(OSError) as caught:
            await whole(blobs, blob)
        return caught.value.errno, caught.value.strerror, blob

    number, text, blob = play(story, place)
    assert (number, text) == (errno.EIO, f"Input/output error: the blob {blob}")


def test_no_descriptor_is_left_open(place: Place) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def story(blobs: Blobs) -> tuple[int, int]:
        async def one(number: int) -> None:
            draft = blobs.draft()
            writer = await blobs.writer()
            try:
                part = await store_part(blobs, draft, 0, b"x" * 1000)
                await whole(blobs, await blobs.seal(draft, [part]))
                await writer.write([b"x" * 10_000])
            finally:
                await writer.discard()

        await store(blobs, b"x")
        before = count()
        tasks = [asyncio.ensure_future(one(number)) for number in range(40)]
        for number, task in enumerate(tasks):
            await asyncio.sleep(0.0005)
            if number % 2:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(patience.until, lambda: count() == before)  # a thread closes what was cancelled
        return before, count()

    before, after = play(story, place)
    assert before == after


def test_what_is_discarded_goes_even_if_nobody_waits_for_it(root: Path) -> None:
    """A request is cancelled when its client goes away, also while all threads of the disk are at work."""

    async def story() -> None:
        blobs = DiskBlobs(root, fsync=False, block_size=BLOCK)
        await blobs.start()
        writer = await blobs.writer()
        await writer.write([b"x" * 100_000])
        assert len(list((root / "incoming").iterdir())) == 1
        free = threading.Event()
        busy = [asyncio.ensure_future(blobs.run(free.wait, 60)) for _ in range(disk.THREADS)]
        leaving = asyncio.ensure_future(writer.discard())
        for _ in range(5):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        free.set()
        await asyncio.gather(*busy)
        await blobs.close()
        assert list((root / "incoming").iterdir()) == []

    opened = len(os.listdir("/proc/self/fd"))
    asyncio.run(story())
    assert len(os.listdir("/proc/self/fd")) == opened


class Slow:
    """Takes its time with a descriptor.  ``same``: whether that was the same open file until the end."""

    def __init__(self, real: Any, at: int = 0) -> None:
        self._real, self._at = real, at
        self.entered, self.same = threading.Event(), False

    def __call__(self, *given: Any) -> Any:
        fd = given[self._at]
        before = os.fstat(fd)
        self.entered.set()
        time.sleep(0.03)
        with contextlib.suppress(OSError):
            self.same = os.path.samestat(before, os.fstat(fd))
        return self._real(*given)


def writer_of(blobs: DiskBlobs) -> Any:
    made = asyncio.run(blobs.writer())
    asyncio.run(made.write([b"begun"]))
    return made


def slot_of(blobs: DiskBlobs) -> Any:
    made = disk.DiskPartSlot(blobs, blobs.draft(), 0)
    assert made.enter()
    return made


def reader_of(blobs: DiskBlobs) -> Any:
    return asyncio.run(blobs.open(asyncio.run(store(blobs, b"x" * 1000))))


def write(it: Any) -> None:
    asyncio.run(it.write([b"x"]))


def seal(it: Any) -> None:
    asyncio.run(it.seal())


def discard(it: Any) -> None:
    asyncio.run(it.discard())


def read(it: Any) -> None:
    async def work() -> None:
        assert [piece async for piece in it.read(0, 10)] == [b"x" * 10]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("made", "work", "end", "slowed"),
    [
        (writer_of, write, discard, (disk, "write_at")),
        (writer_of, write, seal, (disk, "write_at")),
        (writer_of, seal, discard, (DiskBlobs, "sync_file")),
        (slot_of, write, lambda it: it.leave(), (disk, "write_at")),
        (slot_of, lambda it: it.enter(), lambda it: it.leave(), (disk, "try_lock")),
        (reader_of, read, lambda it: asyncio.run(it.close()), (os, "pread")),
    ],
)
def test_a_file_stays_open_as_long_as_a_cancelled_call_is_at_work_on_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, made: Any, work: Any, end: Any, slowed: tuple[Any, str]
) -> None:
    """A descriptor that is closed under it may be another file's by then."""
    blobs = DiskBlobs(root, fsync=False, block_size=BLOCK)
    asyncio.run(blobs.start())
    it = made(blobs)
    slow = Slow(getattr(*slowed), int(slowed[0] is DiskBlobs))
    monkeypatch.setattr(*slowed, slow if slowed[0] is not DiskBlobs else lambda *given: slow(*given))
    thread = threading.Thread(target=work, args=(it,))
    thread.start()
    assert slow.entered.wait(60)
    end(it)
    thread.join(60)
    assert slow.same
    asyncio.run(blobs.close())
