"""What Blobs and Catalog promise together: killed at any step, nothing acknowledged is lost and no garbage stays."""

from __future__ import annotations

import pytest

from test.contract.blobs import ALL, store, store_part, whole
from test.contract.catalog import SPACE
from test.contract.place import Place, play, worker
from uvideo.storage.base import Blobs, Catalog, ObjectRecord, UploadRecord

STEPS = ["begun", "written 0", "recorded 0", "written 1", "recorded 1", "sealed", "finished", "cleaned"]


class StoreContract:
    """A subclass gives the fixture ``places``: one of Blobs, one of Catalog."""

    @pytest.fixture
    def places(self) -> tuple[Place, Place]:
        raise NotImplementedError

    @pytest.fixture
    def killed_at(self, places: tuple[Place, Place], step: str) -> str:
        """An old object was there; a process uploaded a new one over it until it was killed."""

        async def prepare(blobs: Blobs, catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(ObjectRecord("s", "key", 3, "old", "m", blob=await store(blobs, b"old")))

        play(prepare, *places)
        with worker("multipart", *places, arguments=(step,)) as other:
            draft = other.line()
            other.kill()
        return draft

    @pytest.mark.parametrize("step", STEPS)
    def test_the_object_is_the_old_or_the_new_and_garbage_goes(
        self, places: tuple[Place, Place], killed_at: str, step: str
    ) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> tuple[str, int]:
            swept = await blobs.sweep(catalog.named, ALL)
            found = await catalog.get("s", "key")
            assert found is not None and found.blob is not None
            data = await whole(blobs, found.blob)
            assert len(data) == found.size
            assert data == {"old": b"old", "new": b"A" * blobs.block_size + b"B" * blobs.block_size}[found.etag]
            return found.etag, swept

        finished = step in ("finished", "cleaned")
        assert play(story, *places) == ("new" if finished else "old", 1 if step == "finished" else 0)

    @pytest.mark.parametrize("step", STEPS[:6])
    def test_the_upload_goes_on_where_it_was(self, places: tuple[Place, Place], killed_at: str, step: str) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> None:
            await blobs.sweep(catalog.named, ALL)
            upload = await catalog.upload("upload")
            assert upload == UploadRecord("upload", "s", "key", killed_at)
            for part in range(2):
                if await catalog.part("upload", part) is None:
                    record = await store_part(blobs, killed_at, part, bytes([part + 97]) * blobs.block_size)
                    await catalog.add_part("upload", record)
            parts = await catalog.parts("upload", 0, None)
            new = ObjectRecord("s", "key", 2 * blobs.block_size, "new", "m", blob=await blobs.seal(killed_at, parts))
            (old,) = await catalog.finish("upload", new)
            await blobs.delete(old)
            assert await blobs.sweep(catalog.named, ALL) == 0
            recorded = STEPS.index(step) // 2
            expected = b"".join((b"AB" if part < recorded else b"ab")[part : part + 1] for part in range(2))
            data = await whole(blobs, killed_at)
            assert data == b"".join(bytes([each]) * blobs.block_size for each in expected)

        play(story, *places)

    @pytest.mark.parametrize("step", STEPS[:6])
    def test_the_upload_can_be_aborted(self, places: tuple[Place, Place], killed_at: str, step: str) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> int:
            assert await catalog.abort("upload") == [killed_at]
            await blobs.discard(killed_at)
            return await blobs.sweep(catalog.named, ALL)

        assert play(story, *places) == 0

    def test_a_blob_sealed_but_not_named_is_swept(self, places: tuple[Place, Place]) -> None:
        with worker("seal_blobs", places[0]) as other:
            names = [other.line().split()[0] for _ in range(5)]
            names += [said.split()[0] for said in other.kill()]

        async def story(blobs: Blobs, catalog: Catalog) -> bytes:
            await catalog.create_space(SPACE)
            await catalog.put(ObjectRecord("s", "key", 1, "e", "m", blob=names[0]))
            assert await blobs.sweep(catalog.named, ALL) >= len(names) - 1
            for gone in names[1:]:
                with pytest.raises(FileNotFoundError):
                    await blobs.open(gone)
            return (await whole(blobs, names[0]))[:4]

        assert play(story, *places) == b"0.0."
