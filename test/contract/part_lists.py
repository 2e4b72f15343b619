"""What every driver of Catalog promises of uploads that S3 began, and of their part lists."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from test.contract.catalog import OBJECT, SPACE, UPLOAD
from test.contract.place import Place, play
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import (
    MOST_EXTENTS,
    PART_LISTS,
    Catalog,
    Census,
    Extent,
    ExtentPart,
    Holding,
    ObjectRecord,
    OpenUploads,
    S3Facts,
    S3Upload,
    StaleUpload,
    UploadRecord,
    is_part_list,
    new_part_list,
)

LIST = "parts-0"
FACTS = S3Facts("0123-2", "AAAA", "CRC32", "COMPOSITE", "upload", "/elsewhere", "private")
WANTED = S3Upload("me", "CRC32", "COMPOSITE", "private", "/elsewhere", (("a", "é"), ("b", "")))
S3_UPLOAD = replace(UPLOAD, draft=LIST, s3=WANTED)


def part(number: int, blob: str, size: int = 10, created: int = 5) -> ExtentPart:
    return ExtentPart(number, size, f"md5 of {blob}", (Extent(blob, 0, size),), f"sum {blob}", b"d" * 20, created)


def made(key: str, name: str = LIST, size: int = 20) -> ObjectRecord:
    return ObjectRecord("s", key, size, "etag", "m", name, created=7, modified=7, s3=FACTS)


def stored(parts: list[ExtentPart]) -> list[ExtentPart]:
    """As an object has them."""
    return [replace(each, digests=b"", created=0) for each in parts]


async def begin(catalog: Catalog, upload_id: str, *parts: ExtentPart, name: str | None = None) -> list[ExtentPart]:
    await catalog.begin(replace(S3_UPLOAD, upload_id=upload_id, draft=name or LIST))
    for each in parts:
        assert await catalog.replace_part(upload_id, each) == []
    return list(parts)


async def finished(catalog: Catalog, key: str, *parts: ExtentPart, name: str = LIST) -> ObjectRecord:
    """Store an object of these parts."""
    chosen = await begin(catalog, f"of {key}", *parts, name=name)
    assert await catalog.finish_s3(f"of {key}", made(key, name), chosen) == []
    found = await catalog.get("s", key)
    assert found is not None
    return found


def absent(record: ObjectRecord | None) -> None:
    if record is not None:
        raise errors.PreconditionFailed()


class NotedExtents(tuple[Extent, ...]):
    """Extents that note on which threads they are read one after the other."""

    threads: set[int]

    def __iter__(self) -> Iterator[Extent]:
        self.threads.add(threading.get_ident())
        return super().__iter__()


class PartListsContract:
    """A subclass gives the fixture ``place``."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_objects_with_an_etag_that_ufile_does_not_make(self, place: Place) -> None:
        """Which are those that S3 uploaded in parts, until their bytes are read."""
        long = [replace(made(key), etag="0" * 32 + "-2", blob=None, inline=b"x" * 20) for key in ("b", "d", "\u00e9")]
        short = [replace(each, key=f"{each.key}2", etag="e" * 32) for each in long]

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            for each in (*long, *short):
                await catalog.put(each)
            found = await catalog.unread(None, 10)
            assert [(each.key, each.etag, each.inline) for each in found] == [(e.key, e.etag, None) for e in long]
            assert await catalog.unread(None, 2) == found[:2]
            assert await catalog.unread(("s", "b"), 10) == found[1:]
            assert await catalog.unread(("s", "\u00e9"), 10) == []
            await catalog.put(replace(long[0], etag="e" * 32), source=long[0])
            await catalog.rename("s", "d", "a", overwrite=False, modified=9)
            assert [each.key for each in await catalog.unread(None, 10)] == ["a", "\u00e9"]

        play(story, place)

    def test_an_upload_belongs_to_the_dialect_that_began_it(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            ours = replace(S3_UPLOAD, upload_id="ours")
            for each in (UPLOAD, ours, replace(ours, upload_id="plain", s3=S3Upload())):
                await catalog.begin(each)
            assert await catalog.upload("ours", s3=True) == ours and await catalog.upload("ours") is None
            assert await catalog.upload("upload") == UPLOAD and await catalog.upload("upload", s3=True) is None
            assert await catalog.uploads("s", "", "", "", 10) == [UPLOAD]
            assert [each.upload_id for each in await catalog.uploads("s", "k", "", "", 10, s3=True)] == [
                "ours",
                "plain",
            ]
            for call in (
                catalog.replace_part("upload", part(1, "b")),
                catalog.finish_s3("upload", made("key"), [part(1, "b")]),
                catalog.finish("ours", OBJECT),
            ):
                with pytest.raises(errors.UploadNotFound):
                    await call

        play(story, place)

    def test_a_part_replaces_the_one_with_its_number(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await begin(catalog, "upload", part(2, "two"), part(1, "one"), part(10_000, "last"))
            again = replace(part(2, "new"), extents=(Extent("new", 5, 3), Extent("old", 0, 7)))
            assert await catalog.replace_part("upload", again) == ["two"]
            assert await catalog.replace_part("upload", again) == []
            assert await catalog.replace_part("upload", replace(again, extents=again.extents[:1])) == ["old"]
            assert await catalog.replace_part("upload", again) == []
            assert await catalog.s3_parts("upload", 0, 10) == [part(1, "one"), again, part(10_000, "last")]
            assert await catalog.s3_parts("upload", 1, 1) == [again]
            assert await catalog.s3_parts("upload", 10_000, 10) == [] == await catalog.s3_parts("none", 0, 10)
            assert await catalog.named(["one", "two", "new", "old", "last"]) == {"one", "new", "old", "last"}
            with pytest.raises(errors.UploadNotFound):
                await catalog.replace_part("none", part(1, "b"))

        play(story, place)

    def test_finish_stores_the_chosen_parts_and_gives_back_the_others(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            parts = await begin(catalog, "upload", *(part(number, f"b{number}") for number in (1, 2, 3, 7)))
            chosen = [parts[1], parts[3]]
            assert sorted(await catalog.finish_s3("upload", made("key"), chosen)) == ["b1", "b3", "blob"]
            assert await catalog.get("s", "key") == made("key")
            assert (await catalog.list("s", "", "", 10)).objects == [made("key")]
            assert await catalog.part_list(LIST) == stored(chosen)
            assert await catalog.extents(LIST) == [Extent("b2", 0, 10), Extent("b7", 0, 10)]
            assert await catalog.upload("upload", s3=True) is None and await catalog.s3_parts("upload", 0, 10) == []
            assert await catalog.named([f"b{number}" for number in range(9)]) == {"b2", "b7"}
            with pytest.raises(errors.UploadNotFound):
                await catalog.finish_s3("upload", made("key"), chosen)

        play(story, place)

    def test_a_finish_that_fails_changes_nothing(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            chosen = await begin(catalog, "upload", part(1, "one"), part(2, "two"))
            late = [chosen[0], replace(chosen[1], md5="other")]
            wrong = [chosen[0], replace(chosen[1], extents=(Extent("other", 0, 10),))]
            many = [replace(chosen[0], extents=chosen[0].extents * (MOST_EXTENTS + 1))]
            for parts in (late, wrong, [*chosen, part(3, "three")]):
                with pytest.raises(errors.InvalidPartList):
                    await catalog.finish_s3("upload", made("key"), parts)
            with pytest.raises(errors.BadRequest, match="send some of them"):
                await catalog.finish_s3("upload", made("key"), many)
            with pytest.raises(errors.PreconditionFailed):
                await catalog.finish_s3("upload", made("key"), chosen, expected=absent)
            with pytest.raises(errors.AlreadyExists):
                await catalog.finish_s3("upload", made("key"), chosen, overwrite=False)
            with pytest.raises(errors.UploadNotFound):  # another list than the upload's
                await catalog.finish_s3("upload", made("key", "parts-x"), chosen)
            assert await catalog.get("s", "key") == OBJECT and await catalog.part_list(LIST) is None
            assert await catalog.s3_parts("upload", 0, 10) == chosen
            assert await catalog.finish_s3("upload", made("key"), chosen) == ["blob"]

        play(story, place)

    def test_a_part_list_lasts_as_long_as_an_object_names_it(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            record = await finished(catalog, "key", part(1, "one"), part(2, "two"))
            assert await catalog.put(replace(record, key="copy"), source=record) == []
            assert await catalog.rename("s", "key", "new", overwrite=False, modified=9) == []
            assert await catalog.delete("s", "new") == []
            assert await catalog.part_list(LIST) == stored([part(1, "one"), part(2, "two")])
            assert await catalog.put(replace(OBJECT, key="copy")) == ["one", "two"]
            assert await catalog.part_list(LIST) is await catalog.extents(LIST) is None
            assert await catalog.named(["one", "two", LIST]) == set()
            await finished(catalog, "key", part(1, "three"), name="parts-1")
            assert await catalog.rename("s", "copy", "key", overwrite=True, modified=9) == ["three"]

        play(story, place)

    def test_who_has_read_a_part_list_learns_that_another_program_removed_it(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            await finished(one, "key", part(1, "one"), part(2, "two"))
            for _ in range(3):
                assert await two.extents(LIST) == [Extent("one", 0, 10), Extent("two", 0, 10)]
            assert await one.delete("s", "key") == ["one", "two"]
            assert await two.extents(LIST) is await one.extents(LIST) is None

        play(story, place, place)

    def test_thousands_of_parts_are_read_as_few_are(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            many = tuple(Extent("blob of many", 10 * number, 10) for number in range(3000))
            given = [part(1, "one"), replace(part(2, "two"), size=30_000, extents=many)]
            await finished(catalog, "key", *given)
            assert await catalog.extents(LIST) == [*given[0].extents, *many] == await catalog.extents(LIST)
            assert await catalog.part_list(LIST) == stored(given)
            sent = await begin(catalog, "upload", *(part(number, "same") for number in range(1, 700)), name="parts-1")
            assert await catalog.s3_parts("upload", 0, 10_000) == sent

        play(story, place)

    def test_a_blob_goes_when_no_object_no_list_and_no_part_names_it(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await begin(catalog, "upload")
            copied = replace(part(1, "blob", 3), extents=(Extent("blob", 0, 3),))
            assert await catalog.replace_part("upload", copied, source=OBJECT) == []
            assert await catalog.replace_part("upload", replace(copied, number=2), source=OBJECT) == []
            assert await catalog.delete("s", "key") == []
            assert await catalog.replace_part("upload", part(1, "one")) == []
            parts = await catalog.s3_parts("upload", 0, 10)
            record = made("key")
            assert await catalog.finish_s3("upload", record, parts) == []
            await begin(catalog, "other", name="parts-1")
            again = replace(copied, extents=(Extent("blob", 1, 1), Extent("one", 0, 10)))
            assert await catalog.replace_part("other", again, source=record) == []
            assert await catalog.delete("s", "key") == []
            assert await catalog.named(["blob", "one"]) == {"blob", "one"}
            assert await catalog.abort("other") == ["blob", "one"]
            assert await catalog.abort("other") is None

        play(story, place)

    def test_a_part_that_names_an_objects_blob_leaves_it_to_the_object(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[list[str] | None]:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await begin(catalog, "upload")
            await catalog.replace_part("upload", part(1, "blob", 3), source=OBJECT)
            return [await catalog.abort("upload"), await catalog.delete("s", "key")]

        assert play(story, place) == [[], ["blob"]]

    def test_a_copied_part_needs_its_source_as_it_was(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await begin(catalog, "upload")
            await catalog.put(replace(OBJECT, mime="other", modified=99))  # the same bytes
            assert await catalog.replace_part("upload", part(1, "blob", 3), source=OBJECT) == []
            await catalog.put(replace(OBJECT, blob="new", etag="new"))
            with pytest.raises(errors.NotFound):
                await catalog.replace_part("upload", part(1, "blob", 2), source=OBJECT)
            await catalog.delete("s", "key")
            with pytest.raises(errors.NotFound):
                await catalog.replace_part("upload", part(2, "blob"), source=OBJECT)
            assert await catalog.s3_parts("upload", 0, 10) == [part(1, "blob", 3)]

        play(story, place)

    def test_a_space_that_is_deleted_gives_back_the_blobs_of_parts(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            await begin(catalog, "one", part(1, "b1"), part(2, "b2"))
            await begin(catalog, "two", part(1, "b3"), name="parts-1")
            found = await catalog.delete_space("space")
            assert await catalog.named(["b1", "b2", "b3"]) == set() == set(await catalog.s3_parts("one", 0, 10))
            return sorted(found)

        assert play(story, place) == ["b1", "b2", "b3", "draft"]

    def test_what_is_expected_is_compared_with_the_object_that_is_there(self, place: Place) -> None:
        seen = list[ObjectRecord | None]()

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT, expected=seen.append)
            await catalog.put(replace(OBJECT, mime="x"), expected=seen.append)
            with pytest.raises(errors.PreconditionFailed):
                await catalog.put(replace(OBJECT, blob="new"), expected=absent)
            with pytest.raises(errors.PreconditionFailed):
                await catalog.delete("s", "key", expected=absent)
            assert await catalog.delete("s", "key", expected=seen.append) == ["blob"]
            assert await catalog.delete("s", "key", expected=seen.append) is None
            chosen = await begin(catalog, "upload", part(1, "b"))
            await catalog.finish_s3("upload", made("key"), chosen, expected=seen.append)
            await catalog.delete("s", "key", expected=seen.append)

        play(story, place)
        assert seen == [None, OBJECT, replace(OBJECT, mime="x"), None, None, made("key")]

    def test_of_two_that_expect_nothing_one_writes(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            for number in range(20):
                records = [replace(OBJECT, key=f"{number}", blob=f"{number} {each}") for each in range(4)]
                calls = [(one, two)[each % 2].put(record, expected=absent) for each, record in enumerate(records)]
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert sum(outcome == [] for outcome in outcomes) == 1
                assert sum(isinstance(outcome, errors.PreconditionFailed) for outcome in outcomes) == 3

        play(story, place, place)

    def test_of_two_parts_with_one_number_the_later_stays(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            await begin(one, "upload")
            for number in range(1, 20):
                names = [f"{number} {each}" for each in range(4)]
                calls = [
                    (one, two)[each % 2].replace_part("upload", part(number, name)) for each, name in enumerate(names)
                ]
                gone = [name for found in await asyncio.gather(*calls) for name in found]
                (left,) = await one.s3_parts("upload", number - 1, 1)
                assert sorted([*gone, left.extents[0].blob]) == names
                assert await two.named(names) == {left.extents[0].blob}

        play(story, place, place)

    def test_a_part_and_a_finish_exclude_each_other(self, place: Place) -> None:
        """Either the object has the later part, or its sender knows that there is no upload."""

        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            for number in range(20):
                name, upload_id = f"parts-{number}", f"u{number}"
                chosen = await begin(one, upload_id, part(1, f"{number} a"), name=name)
                calls = [
                    two.finish_s3(upload_id, made("key", name), chosen),
                    one.replace_part(upload_id, part(1, f"{number} b")),
                ]
                done, sent = await asyncio.gather(*(calls if number % 2 else calls[::-1]), return_exceptions=True)
                if not number % 2:
                    done, sent = sent, done
                if isinstance(sent, errors.UploadNotFound):
                    assert isinstance(done, list)
                    (left,) = await one.extents(name) or []
                    assert left.blob == f"{number} a"
                else:
                    assert sent == [f"{number} a"] and isinstance(done, errors.InvalidPartList)

        play(story, place, place)

    def test_of_those_who_drop_the_last_names_of_a_blob_one_gets_it(self, place: Place) -> None:
        """An object, two part lists and an upload share blobs, and all go at once, in any order."""

        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            for number in range(25):
                blobs = [f"{number} {each}" for each in range(6)]
                source = replace(OBJECT, key="plain", blob=blobs[0])
                await one.put(source)
                lists = [f"parts-{number}-{each}" for each in range(3)]
                first = await finished(one, "first", *(part(each, blobs[each]) for each in range(1, 6)), name=lists[0])
                await begin(one, "second", name=lists[1])
                shared = replace(part(1, "x"), extents=tuple(Extent(blob, 0, 5) for blob in reversed(blobs[1:])))
                await one.replace_part("second", shared, source=first)
                await one.replace_part("second", part(2, blobs[0]), source=source)
                chosen = await one.s3_parts("second", 0, 10)
                await one.finish_s3("second", made("second", lists[1]), chosen)
                await begin(one, "open", name=lists[2])
                await one.replace_part("open", replace(shared, extents=shared.extents[::-1]), source=first)
                calls = [
                    one.delete("s", "plain"),
                    two.delete("s", "first"),
                    one.put(replace(OBJECT, key="second", blob=None, inline=b"")),
                    two.abort("open"),
                ]
                turn = number % 4
                found = await asyncio.gather(*calls[turn:], *calls[:turn])
                assert sorted(name for each in found for name in each or []) == blobs

        play(story, place, place)

    def test_counts_have_the_uploads_and_parts_of_both_dialects(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await begin(catalog, "old", part(1, "a", 100, created=20), part(2, "b", 11, created=10))
            await begin(catalog, "new", part(1, "c", 7, created=50), name="parts-1")
            await catalog.begin(UploadRecord("ufile", "s", "key", "draft", created=5))
            assert await catalog.open_uploads(21) == OpenUploads(3, 118, 2, 111)
            assert await catalog.open_uploads(20) == OpenUploads(3, 118, 1, 0)
            stale = StaleUpload("old", SPACE.name, SPACE.owner, "key")
            assert stale in await catalog.stale_uploads(21, 10) and stale not in await catalog.stale_uploads(20, 10)
            assert await catalog.abort("old", 20) is None
            assert await catalog.holdings() == [Holding(SPACE.owner, SPACE.name, 0, 0, 3, 118, 0, 0)]
            assert (await catalog.census()).parts == 3
            await finished(catalog, "key", part(1, "d"), part(2, "e"), name="parts-2")
            assert replace(await catalog.census(), unnamed=0) == Census(1, 1, 20, 3, 3, 0)
            assert (await catalog.usage(["s"], 0, 0))[0].stored == 20
            assert sorted(await catalog.abort("old", 21) or []) == ["a", "b"]

        play(story, place)

    def test_the_documents_of_a_space(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(replace(SPACE, documents=(("acl", "public-read"),)))
            assert (await two.space("space")) == replace(SPACE, documents=(("acl", "public-read"),))
            await one.set_document("s", "cors", '[{"é": 1}]')
            await asyncio.gather(*((one, two)[at % 2].set_document("s", f"{at}", "x") for at in range(8)))
            for catalog in (one, two):
                found = await catalog.space("space")
                assert found is not None and [found.document(f"{at}") for at in range(8)] == ["x"] * 8
                assert found.document("cors") == '[{"é": 1}]' and found.document("tags") is None
            for kind in ("acl", "cors", "none", *map(str, range(8))):
                await two.set_document("s", kind, None)
            assert await one.space("space") == SPACE
            with pytest.raises(errors.SpaceNotFound):
                await one.set_document("none", "acl", "private")

        play(story, place, place)

    def test_a_sample_names_blobs_of_parts_and_no_part_list(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await finished(catalog, "key", part(1, "one"), part(2, "two"))
            await begin(catalog, "upload", part(1, "three"), name="parts-1")
            assert sorted(await catalog.sample(10)) == ["one", "three", "two"]
            await catalog.put(OBJECT)
            assert "blob" in await catalog.sample(1)

        play(story, place)

    def test_what_only_s3_shows_stays_with_the_object(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            for facts in (FACTS, S3Facts(etag="e"), S3Facts(), None):
                record = replace(OBJECT, s3=facts, tags=(("a", "b"),) if facts == FACTS else ())
                await catalog.put(record)
                assert await catalog.get("s", "key") == record
                assert await catalog.put(record, source=record) == []
                with pytest.raises(errors.NotFound):
                    await catalog.put(record, source=replace(record, s3=S3Facts("other")))

        play(story, place)

    def test_a_listing_may_have_the_object_that_its_prefix_names(self, place: Place) -> None:
        keys = ["a/", "a/1", "a/b/2", "ab", "a视//x", "k" * 1024]

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            for key in keys:
                await catalog.put(replace(OBJECT, key=key))

            async def names(prefix: str, delimiter: str, limit: int, marker: str = "") -> list[str]:
                page = await catalog.list("s", prefix, marker, limit, delimiter, itself=True)
                found = sorted([each.key for each in page.objects] + page.prefixes, key=str.encode)
                return found + (await names(prefix, delimiter, limit, page.next_marker) if page.next_marker else [])

            for limit in (1, 2, 100):
                assert await names("a/", "/", limit) == ["a/", "a/1", "a/b/"]
                assert await names("a/", "/", limit, "a/") == ["a/1", "a/b/"]
                assert await names("", "//", limit) == ["a/", "a/1", "a/b/2", "ab", "a视//", "k" * 1024]
                assert await names("a", "视//", limit) == ["a/", "a/1", "a/b/2", "ab", "a视//"]
                assert await names("", "b", limit) == ["a/", "a/1", "a/b", "ab", "a视//x", "k" * 1024]

        play(story, place)

    def test_nothing_is_stored_that_an_older_program_cannot_read(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            await self.meet_older(catalog)
            for call in (catalog.begin(replace(S3_UPLOAD, upload_id="s3")), catalog.put(replace(OBJECT, s3=FACTS))):
                with pytest.raises(errors.Unavailable, match="admin upgraded"):
                    await call
            await catalog.put(OBJECT)
            await catalog.retire_older()
            await finished(catalog, "other", part(1, "one"))

        play(story, place)

    def test_what_an_older_program_begins_is_an_upload_of_ufile(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            columns = "upload_id, space_id, key, draft, mime, storage_class, headers, created"
            values = "'old', 's', CAST('key' AS {bytes}), 'draft', NULL, 'IA', '[]', 9"
            await self.run(catalog, f"INSERT INTO uploads ({columns}) VALUES ({values})")
            assert await catalog.upload("old") == replace(UPLOAD, upload_id="old", headers=())
            await catalog.finish("old", replace(OBJECT, blob="draft"))

        play(story, place)

    async def meet_older(self, catalog: Catalog) -> None:
        """Make the catalog one on which a program of the schema before part lists may run."""
        await self.run(catalog, f"UPDATE oldest SET schema = {PART_LISTS - 1}")

    async def run(self, catalog: Catalog, statement: str) -> None:
        """Run SQL in the catalog's database.  {bytes}: the type of a key."""
        raise NotImplementedError

    def test_a_space_is_not_deleted_while_an_object_has_a_part_list(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(replace(SPACE, space_id="t", name="other"))
            await catalog.create_space(SPACE)
            await finished(catalog, "key", part(1, "one"))
            with pytest.raises(errors.SpaceNotEmpty):
                await catalog.delete_space("space")
            assert await catalog.delete_space("other") == []

        play(story, place)

    def test_a_long_list_is_not_written_on_the_loop(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            long = replace(part(1, "one", 600), extents=tuple(Extent("one", at, 1) for at in range(600)))
            chosen = await begin(catalog, "upload", long)
            noted = NotedExtents(chosen[0].extents)
            noted.threads = set()
            await catalog.finish_s3("upload", made("key"), [replace(chosen[0], extents=noted)])
            assert noted.threads and threading.get_ident() not in noted.threads
            assert await catalog.part_list(LIST) == stored(chosen)

        play(story, place)

    def test_a_list_of_ten_thousand_blobs(self, place: Place) -> None:
        """More than the locks that a database has by default."""
        names = [f"{number:032x}" for number in range(10_000)]

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await begin(catalog, "upload")
            for number in range(20):
                extents = tuple(Extent(name, 0, 1) for name in names[number * 500 : number * 500 + 500])
                await catalog.replace_part("upload", replace(part(number + 1, "x", 500), extents=extents))
            chosen = await catalog.s3_parts("upload", 0, 1000)
            assert await catalog.finish_s3("upload", made("key"), chosen[1:]) == names[:500]
            assert await catalog.part_list(LIST) == stored(chosen[1:])
            assert await catalog.delete("s", "key") == names[500:]

        play(story, place)


def test_the_name_of_a_part_list_is_new_and_no_blobs() -> None:
    assert len({new_part_list() for _ in range(1000)}) == 1000
    assert is_part_list(new_part_list()) and not is_part_list("0" * 32) and not is_part_list(None)
