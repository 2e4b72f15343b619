"""The contract of both together: a folder with a SQLite file in it."""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from test.contract.blobs import read, store
from test.contract.catalog import SPACE
from test.contract.extents import NAME, ExtentsContract, make, remove, whole
from test.contract.place import Place, play, worker
from test.contract.store import StoreContract
from test.patience import SECONDS
from uvideo.storage.base import Blobs, Catalog, Extent, ExtentPart, ObjectRecord, S3Upload, UploadRecord
from uvideo.storage.extents import open_blob


class TestFolder(StoreContract, ExtentsContract):
    @pytest.fixture
    def places(self, root: Path, tmp_path: Path) -> tuple[Place, Place]:
        return (
            Place("uvideo.storage.disk:DiskBlobs", {"root": str(root), "block_size": 5000}),
            Place("uvideo.storage.sqlite:SqliteCatalog", {"path": str(tmp_path / "catalog.sqlite")}),
        )

    def test_a_reading_leaves_no_links(self, places: tuple[Place, Place], root: Path) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> None:
            await make(blobs, catalog, [b"x" * 10] * 40)
            for _ in range(3):
                reader = await open_blob(blobs, catalog, NAME)
                assert len(links(root)) == 40
                await reader.close()
                await until_gone(root)
            opening = asyncio.ensure_future(open_blob(blobs, catalog, NAME))
            for _ in range(20):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            if not opening.cancelled():
                await opening.result().close()
            await until_gone(root)

        before = set((root / "reading").iterdir()) if (root / "reading").exists() else set()
        play(story, *places)
        assert set((root / "reading").iterdir()) == before

    def test_a_sweep_removes_the_links_of_a_killed_process(self, places: tuple[Place, Place], root: Path) -> None:
        play(lambda blobs, catalog: make(blobs, catalog, [b"x" * 10] * 40), *places)
        with worker("read_parts", *places, arguments=(NAME,)) as other:
            assert other.line() == "400"

            async def sweep(blobs: Blobs, catalog: Catalog) -> int:
                await blobs.sweep(catalog.named, time.time())
                return len(links(root))

            assert play(sweep, *places) == 40
            other.kill()
            assert play(sweep, *places) == 0

    def test_what_is_not_a_drivers_in_the_folder_of_links_stops_no_sweep(
        self, places: tuple[Place, Place], root: Path
    ) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> int:
            await store(blobs, b"unnamed")
            (root / "reading" / "empty").mkdir(parents=True)
            (root / "reading" / ".DS_Store").write_bytes(b"")
            return await blobs.sweep(catalog.named, time.time())

        assert play(story, *places) == 1
        assert [path.name for path in (root / "reading").iterdir()] == [".DS_Store"]

    def test_what_is_left_of_a_killed_process_has_its_lock_until_all_links_are_gone(
        self, places: tuple[Place, Place], root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process that removes it may be killed too."""
        play(lambda blobs, catalog: make(blobs, catalog, [b"x" * 10] * 40), *places)
        with worker("read_parts", *places, arguments=(NAME,)) as other:
            assert other.line() == "400"
            other.kill()
        (lock,) = (root / "reading").rglob("lock")
        removed, unlink = list[int](), os.unlink

        def watched(path: Path, *, dir_fd: int | None = None) -> None:
            if os.path.basename(path) == "lock":
                removed.append(len(links(root)))
            unlink(path, dir_fd=dir_fd)

        monkeypatch.setattr(os, "unlink", watched)
        play(lambda blobs, catalog: blobs.sweep(catalog.named, time.time()), *places)
        assert set(removed) == {0} and not lock.exists()

    def test_a_disk_without_links_reads_what_is_not_deleted(self, places: tuple[Place, Place], root: Path) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> bytes:
            await make(blobs, catalog, [b"%3d" % number for number in range(40)])
            if (root / "reading").exists():
                (root / "reading").rmdir()
            (root / "reading").write_bytes(b"")  # nothing can be made in it
            reader = await open_blob(blobs, catalog, NAME)
            found = await whole(reader)
            await remove(blobs, catalog)
            with pytest.raises(OSError, match="is missing"):
                await whole(reader)
            await reader.close()
            return found

        assert play(story, *places) == b"".join(b"%3d" % number for number in range(40))

    def test_ten_thousand_parts_are_read_with_few_files_and_little_memory(
        self, places: tuple[Place, Place], tmp_path: Path
    ) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.begin(UploadRecord("upload", "s", "key", NAME, s3=S3Upload()))
            names = [await store(blobs, b"%4d" % number) for number in range(1000)]
            parts = list[ExtentPart]()
            for number in range(1, 11):  # each blob ten times
                extents = tuple(Extent(name, 0, 4) for name in names)
                parts.append(ExtentPart(number, 4000, f"{number:032x}", extents))
                await catalog.replace_part("upload", parts[-1])
            await catalog.finish_s3("upload", ObjectRecord("s", "key", 40_000, "e", "m", NAME), parts)
            tracemalloc.start()
            try:
                reader = await open_blob(blobs, catalog, NAME)
                files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
                before, most = tracemalloc.get_traced_memory()
                some = await open_blob(blobs, catalog, NAME, (39_990, 8))
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert most < 20 * 1024 * 1024 and files < 64
            assert after - before < 256 * 1024  # of a range: only its own extents
            assert b"".join(await read(some, 39_991, 6)) == b"7 998 "
            await some.close()
            assert await whole(reader) == b"".join(b"%4d" % number for number in range(1000)) * 10
            await reader.close()

        play(story, *places)


def links(root: Path) -> list[Path]:
    """Also while they are being removed."""
    found = os.walk(root / "reading")
    return [Path(folder, name) for folder, _, names in found for name in names if name != "lock"]


async def until_gone(root: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while links(root):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
