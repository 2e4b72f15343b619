"""What every driver of Blobs promises."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import time
from collections.abc import Sequence

import pytest

from test.contract.place import Place, play, worker
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import BlobReader, Blobs, PartRecord

ALL = float("inf")


async def store(blobs: Blobs, *chunks: bytes) -> str:
    writer = await blobs.writer()
    await writer.write(chunks)
    return await writer.seal()


async def read(reader: BlobReader, offset: int = 0, length: int | None = None) -> list[bytes]:
    return [piece async for piece in reader.read(offset, reader.size - offset if length is None else length)]


async def whole(blobs: Blobs, blob: str) -> bytes:
    reader = await blobs.open(blob)
    try:
        return b"".join(await read(reader))
    finally:
        await reader.close()


async def store_part(blobs: Blobs, draft: str, part: int, data: bytes) -> PartRecord:
    async with blobs.part(draft, part) as slot:
        location = await slot.write([data[:3], data[3:]])
    return PartRecord(part, "etag", len(data), location=location)


async def nobody(names: Sequence[str]) -> set[str]:
    return set()


class BlobsContract:
    """A subclass gives the fixture ``place``; block_size is small there, if the driver allows."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    # Written from start to end

    def test_a_sealed_blob_has_all_chunks_in_order(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            writer = await blobs.writer()
            for first in range(0, 6000, 3000):
                await writer.write([b"%d," % number for number in range(first, first + 3000)] + [b""])
            await writer.write([])
            return await whole(blobs, await writer.seal())

        assert play(story, place) == b"".join(b"%d," % number for number in range(6000))

    def test_a_blob_may_be_empty(self, place: Place) -> None:
        async def story(blobs: Blobs) -> tuple[bytes, int]:
            blob = await (await blobs.writer()).seal()
            reader = await blobs.open(blob)
            await reader.close()
            return await whole(blobs, blob), reader.size

        assert play(story, place) == (b"", 0)

    def test_another_driver_on_the_place_reads_it(self, place: Place) -> None:
        blob = play(lambda blobs: store(blobs, b"kept"), place)
        assert play(lambda blobs: whole(blobs, blob), place) == b"kept"

    def test_a_discarded_write_leaves_nothing(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            writer = await blobs.writer()
            await writer.write([b"x" * 100_000])
            await writer.discard()
            await writer.discard()
            with pytest.raises(ValueError):
                await writer.seal()
            return await blobs.sweep(nobody, ALL)

        assert play(story, place) == 0

    def test_a_cancelled_write_can_be_discarded(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            writer = await blobs.writer()
            writing = asyncio.ensure_future(writer.write([b"x" * 1_000_000] * 8))
            await asyncio.sleep(0.001)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await writer.discard()
            return await blobs.sweep(nobody, ALL)

        assert play(story, place) == 0

    def test_discard_after_seal_does_nothing(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            writer = await blobs.writer()
            await writer.write([b"sealed"])
            blob = await writer.seal()
            await writer.discard()
            with pytest.raises(ValueError):
                await writer.write([b"more"])
            return await whole(blobs, blob)

        assert play(story, place) == b"sealed"

    def test_many_writers_at_once(self, place: Place) -> None:
        async def story(blobs: Blobs) -> list[bytes]:
            names = await asyncio.gather(*(store(blobs, b"%d" % number) for number in range(50)))
            assert len(set(names)) == 50
            return [await whole(blobs, name) for name in names]

        assert play(story, place) == [b"%d" % number for number in range(50)]

    # Reading

    def test_reads_come_in_pieces_of_at_most_one_mib(self, place: Place) -> None:
        data = bytes(range(256)) * 12_300  # 3 MiB and a bit

        async def story(blobs: Blobs) -> list[bytes]:
            reader = await blobs.open(await store(blobs, data))
            pieces = await read(reader)
            assert reader.size == len(data)
            await reader.close()
            return pieces

        pieces = play(story, place)
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 1024 * 1024

    @pytest.mark.parametrize(("offset", "length"), [(0, 1), (5, 100_000), (199_999, 1), (200_000, 0), (0, 200_000)])
    def test_any_range_can_be_read(self, place: Place, offset: int, length: int) -> None:
        data = bytes(range(250)) * 800

        async def story(blobs: Blobs) -> bytes:
            reader = await blobs.open(await store(blobs, data))
            found = b"".join(await read(reader, offset, length))
            await reader.close()
            return found

        assert play(story, place) == data[offset : offset + length]

    def test_reading_behind_the_end_is_an_error(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            reader = await blobs.open(await store(blobs, b"12345"))
            with pytest.raises(OSError):
                await read(reader, 3, 3)
            assert await read(reader, 3, 2) == [b"45"]
            await reader.close()
            await reader.close()

        play(story, place)

    def test_the_file_if_any_has_the_bytes(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            reader = await blobs.open(await store(blobs, b"for ", b"sendfile"))
            found = b" send"
            if reader.has_files:
                (region,) = [each async for each in reader.files(3, 5)]
                region.file.seek(region.offset)
                found = region.file.read(region.length)
            await reader.close()
            return found

        assert play(story, place) == b" send"

    def test_a_blob_that_is_not_there_is_not_found(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            with pytest.raises(FileNotFoundError):
                await blobs.open(blobs.draft())

        play(story, place)

    def test_a_deleted_blob_is_gone_but_open_readers_go_on(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            blob = await store(blobs, b"x" * 300_000)
            reader = await blobs.open(blob)
            await blobs.delete(blob)
            await blobs.delete(blob)
            with pytest.raises(FileNotFoundError):
                await blobs.open(blob)
            found = b"".join(await read(reader))
            await reader.close()
            return found

        assert play(story, place) == b"x" * 300_000

    # Drafts

    def test_a_draft_has_a_name_of_its_own(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            return len({blobs.draft() for _ in range(1000)})

        assert play(story, place) == 1000

    def test_parts_in_any_order_make_the_blob(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            draft = blobs.draft()
            data = [b"a" * blobs.block_size, b"b" * blobs.block_size, b"c" * 10]
            stored = await asyncio.gather(*(store_part(blobs, draft, part, data[part]) for part in (2, 0, 1)))
            blob = await blobs.seal(draft, sorted(stored, key=lambda part: part.part))
            assert await whole(blobs, blob) == b"".join(data)

        play(story, place)

    def test_a_part_written_again_replaces_the_bytes(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            draft = blobs.draft()
            await store_part(blobs, draft, 0, b"the first was longer")
            return await whole(blobs, await blobs.seal(draft, [await store_part(blobs, draft, 0, b"second")]))

        assert play(story, place) == b"second"

    def test_a_part_longer_than_a_block_is_refused(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            with pytest.raises(ValueError):
                await store_part(blobs, blobs.draft(), 0, b"x" * (blobs.block_size + 1))

        play(story, place)

    def test_no_parts_make_an_empty_blob(self, place: Place) -> None:
        async def story(blobs: Blobs) -> tuple[bytes, bool]:
            draft = blobs.draft()
            blob = await blobs.seal(draft, [])
            return await whole(blobs, blob), blob == await blobs.seal(draft, [])

        assert play(story, place) == (b"", True)

    def test_sealing_again_gives_the_same_blob(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            draft = blobs.draft()
            parts = [await store_part(blobs, draft, 0, b"once")]
            names = await asyncio.gather(*(blobs.seal(draft, parts) for _ in range(4)))
            assert set(names) == {await blobs.seal(draft, parts)}
            return await whole(blobs, names[0])

        assert play(story, place) == b"once"

    def test_parts_that_leave_a_gap_are_refused(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            draft = blobs.draft()
            short = await store_part(blobs, draft, 0, b"short")
            behind = await store_part(blobs, draft, 1, b"last")
            for parts in ([short, behind], [behind]):
                with pytest.raises(ValueError):
                    await blobs.seal(draft, parts)

        play(story, place)

    def test_parts_that_were_never_stored_are_an_error(self, place: Place) -> None:
        async def story(blobs: Blobs) -> None:
            with pytest.raises(OSError):
                await blobs.seal(blobs.draft(), [PartRecord(0, "etag", 10)])
            draft = blobs.draft()
            there = await store_part(blobs, draft, 0, b"x" * blobs.block_size)
            with pytest.raises(OSError):
                await blobs.seal(draft, [there, PartRecord(1, "etag", 10)])

        play(story, place)

    def test_a_late_part_does_not_change_a_sealed_blob(self, place: Place) -> None:
        async def story(blobs: Blobs) -> bytes:
            draft = blobs.draft()
            blob = await blobs.seal(draft, [await store_part(blobs, draft, 0, b"sealed")])
            with pytest.raises(errors.UploadNotFound):
                await store_part(blobs, draft, 0, b"late!!")
            return await whole(blobs, blob)

        assert play(story, place) == b"sealed"

    def test_a_part_that_the_finish_did_not_list_is_never_cut(self, place: Place) -> None:
        """It was acknowledged after the list was read: the finish hears of it before anything is changed."""

        async def story(blobs: Blobs) -> bytes:
            draft = blobs.draft()
            parts = [
                await store_part(blobs, draft, 0, b"x" * blobs.block_size),
                await store_part(blobs, draft, 1, b"y"),
            ]

            async def confirm() -> None:
                raise errors.InvalidPartList

            with contextlib.suppress(errors.InvalidPartList):
                await blobs.seal(draft, parts[:1], confirm)
            return await whole(blobs, await blobs.seal(draft, parts))

        found = play(story, place)
        assert found == b"x" * (len(found) - 1) + b"y" and len(found) > 1

    def test_no_part_is_stored_while_a_finish_asks(self, place: Place) -> None:
        """Or nothing of it is cut; whatever a driver does, what was stored meanwhile is whole."""

        async def story(blobs: Blobs) -> tuple[bytes, int]:
            draft, stored = blobs.draft(), list[PartRecord]()
            parts = [await store_part(blobs, draft, 0, b"x" * blobs.block_size)]

            async def late() -> None:
                stored.append(await store_part(blobs, draft, 1, b"y"))

            async def confirm() -> None:
                waiting.append(asyncio.ensure_future(late()))
                await asyncio.sleep(0.02)
                assert not stored

            waiting = list[asyncio.Future[None]]()
            await blobs.seal(draft, parts, confirm)
            await asyncio.gather(*waiting or [late()])
            found = await whole(blobs, await blobs.seal(draft, parts + stored))
            return found, blobs.block_size

        found, block = play(story, place)
        assert found == b"x" * block + b"y"

    def test_discard_removes_a_draft_sealed_or_not(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            unsealed, sealed = blobs.draft(), blobs.draft()
            await store_part(blobs, unsealed, 0, b"x")
            blob = await blobs.seal(sealed, [await store_part(blobs, sealed, 0, b"x")])
            for draft in (unsealed, sealed, sealed, blobs.draft()):
                await blobs.discard(draft)
            with pytest.raises(FileNotFoundError):
                await blobs.open(blob)
            return await blobs.sweep(nobody, ALL)

        assert play(story, place) == 0

    # The slot of a part

    def test_a_second_taker_waits_and_another_part_does_not(self, place: Place) -> None:
        async def story(blobs: Blobs) -> list[str]:
            draft, steps = blobs.draft(), []

            async def second() -> None:
                async with blobs.part(draft, 0):
                    steps.append("second")

            async with blobs.part(draft, 0):
                waiting = asyncio.ensure_future(second())
                async with blobs.part(draft, 1), blobs.part(blobs.draft(), 0):
                    steps.append("others")
                await asyncio.sleep(0.02)
                steps.append("first")
            await waiting
            return steps

        assert play(story, place) == ["others", "first", "second"]

    def test_two_drivers_on_one_place_share_the_slots(self, place: Place) -> None:
        async def story(one: Blobs, two: Blobs) -> list[str]:
            draft, steps = one.draft(), []

            async def second() -> None:
                async with two.part(draft, 0) as slot:
                    steps.append("second")
                    await slot.write([b"2"])

            async with one.part(draft, 0) as slot:
                waiting = asyncio.ensure_future(second())
                async with two.part(draft, 1):  # and closing that one frees no other
                    pass
                await asyncio.sleep(0.02)
                await slot.write([b"1"])
                steps.append("first")
            await waiting
            return steps

        assert play(story, place, place) == ["first", "second"]

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "a" * 31,
            "a" * 33,
            "A" * 32,
            "g" * 32,
            "a" * 32 + "\n",
            "a" * 32 + "/x",
        ],
    )
    def test_a_name_that_the_driver_never_gave_is_refused(self, place: Place, name: str) -> None:
        """It comes out of a catalog, and becomes a path."""

        async def story(blobs: Blobs) -> None:
            part = PartRecord(0, "etag", 1, location="0" * 32)
            with pytest.raises(ValueError):
                async with blobs.part(name, 0):
                    pass
            for refused in (
                lambda: blobs.seal(name, [part]),
                lambda: blobs.open(name),
                lambda: blobs.discard(name),
                lambda: blobs.delete(name),
            ):
                with pytest.raises(ValueError):
                    await refused()

        play(story, place)

    def test_a_slot_is_free_again_after_a_failure_or_a_cancel(self, place: Place) -> None:
        async def story(blobs: Blobs) -> str:
            draft = blobs.draft()
            with pytest.raises(KeyError):
                async with blobs.part(draft, 0):
                    raise KeyError

            async def hold() -> None:
                async with blobs.part(draft, 0) as slot:
                    await slot.write([b"x" * blobs.block_size])
                    await asyncio.sleep(10)

            tasks = [asyncio.ensure_future(hold()) for _ in range(3)]  # one holds, two wait
            await asyncio.sleep(0.02)
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with blobs.part(draft, 0):
                return "free"

        assert play(story, place) == "free"

    def test_a_slot_is_held_against_another_process_until_that_dies(self, place: Place) -> None:
        draft = play(lambda blobs: asyncio.sleep(0, blobs.draft()), place)
        with worker("hold_part", place, arguments=(draft, 0)) as other:
            assert other.line().startswith("held")

            async def story(blobs: Blobs) -> bytes:
                last = await store_part(blobs, draft, 1, b"free")
                waiting = asyncio.ensure_future(store_part(blobs, draft, 0, b"y" * blobs.block_size))
                await asyncio.sleep(0.05)
                assert not waiting.done()
                assert other.kill() == []
                parts = [await waiting, last]
                return await whole(blobs, await blobs.seal(draft, parts))

            data = play(story, place)
        assert data == b"y" * (len(data) - 4) + b"free"

    def test_a_slot_left_by_another_process_is_free(self, place: Place) -> None:
        draft = play(lambda blobs: asyncio.sleep(0, blobs.draft()), place)
        with worker("hold_part", place, arguments=(draft, 3)) as other:
            assert other.line().startswith("held")
            other.go_on()
            assert [other.line(), other.line()] == ["leaving", "left"]
            assert play(lambda blobs: store_part(blobs, draft, 3, b"mine"), place).part == 3

    # After a crash

    def test_what_was_not_sealed_is_swept(self, place: Place) -> None:
        with worker("write_unsealed", place) as other:
            assert other.line() == "written"
            other.kill()
        assert play(lambda blobs: blobs.sweep(nobody, ALL), place) == 1

    def test_every_acknowledged_blob_is_whole(self, place: Place) -> None:
        with worker("seal_blobs", place) as other:
            said = [other.line() for _ in range(20)]
            said += other.kill()

        async def story(blobs: Blobs) -> list[str]:
            return [f"{name} {hashlib.sha1(await whole(blobs, name)).hexdigest()}" for name in names]

        names = [line.split()[0] for line in said]
        assert play(story, place) == said

    def test_a_draft_sealed_before_a_crash_can_be_sealed_again(self, place: Place) -> None:
        draft = play(lambda blobs: asyncio.sleep(0, blobs.draft()), place)
        with worker("seal_draft", place, arguments=(draft, 2)) as other:
            name, *locations = other.line().split(" ")  # one may be empty
            other.kill()

        async def story(blobs: Blobs) -> bytes:
            parts = [PartRecord(part, "etag", blobs.block_size, location=locations[part]) for part in range(2)]
            assert await blobs.seal(draft, parts) == name
            assert await whole(blobs, name) == b"A" * blobs.block_size + b"B" * blobs.block_size
            parts.append(await store_part(blobs, draft, 2, b"one more"))
            return (await whole(blobs, await blobs.seal(draft, parts)))[2 * blobs.block_size :]

        assert play(story, place) == b"one more"

    # Garbage and readiness

    def test_sweep_takes_what_nobody_names(self, place: Place) -> None:
        async def story(blobs: Blobs) -> tuple[int, int, bytes]:
            kept, lost, draft, open_draft = await store(blobs, b"kept"), await store(blobs, b""), blobs.draft(), ""
            open_draft = blobs.draft()
            await store_part(blobs, draft, 0, b"x")
            part = await store_part(blobs, open_draft, 0, b"draft")
            asked: list[str] = []

            async def named(names: Sequence[str]) -> set[str]:
                asked.extend(names)
                return {kept, open_draft} & set(names)

            first, second = await blobs.sweep(named, ALL), await blobs.sweep(named, ALL)
            assert {kept, lost, draft, open_draft} == set(asked)
            with pytest.raises(FileNotFoundError):
                await blobs.open(lost)
            return first, second, await whole(blobs, kept) + await whole(blobs, await blobs.seal(open_draft, [part]))

        assert play(story, place) == (2, 0, b"keptdraft")

    def test_sweep_leaves_young_files_alone(self, place: Place) -> None:
        async def story(blobs: Blobs) -> tuple[int, bytes]:
            blob = await store(blobs, b"young")
            await store_part(blobs, blobs.draft(), 0, b"young")
            return await blobs.sweep(nobody, time.time() - 3600), await whole(blobs, blob)

        assert play(story, place) == (0, b"young")

    # Which catalog they belong to

    def test_an_identity_is_kept_until_another_takes_its_place(self, place: Place) -> None:
        async def story(blobs: Blobs) -> tuple[str | None, str | None]:
            before = await blobs.identity()
            await blobs.identify("a" * 32)
            await blobs.identify("b" * 32)
            return before, await blobs.identity()

        assert play(story, place) == (None, "b" * 32)
        assert play(lambda blobs: blobs.identity(), place) == "b" * 32

    def test_it_is_known_whether_there_is_any_byte(self, place: Place) -> None:
        async def story(blobs: Blobs) -> list[bool]:
            draft, found = blobs.draft(), [await blobs.is_empty()]
            await blobs.identify("a" * 32)
            await blobs.check()
            found += [await blobs.is_empty(), await blobs.has_any([draft])]
            await store_part(blobs, draft, 0, b"x")
            blob = await store(blobs, b"x")
            found += [await blobs.has_any([blobs.draft(), name]) for name in (draft, blob, blobs.draft())]
            await blobs.delete(blob)
            return [*found, await blobs.is_empty()]

        assert play(story, place) == [True, True, False, True, True, False, False]

    def test_starting_twice_leaves_nothing_open(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            await blobs.start()
            await blobs.check()
            return await blobs.sweep(nobody, ALL)

        assert play(story, place) == 0
        gc.collect()  # what was not closed warns now, and a warning is an error

    def test_check_says_that_a_write_would_work(self, place: Place) -> None:
        async def story(blobs: Blobs) -> int:
            await blobs.check()
            return await blobs.sweep(nobody, ALL)

        assert play(story, place) == 0
