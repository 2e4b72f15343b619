"""What every driver of Catalog promises."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest

from test.contract.place import Place, play, worker
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import Absent, Catalog, CatalogPage, ObjectRecord, PartRecord, SpaceRecord, UploadRecord

SPACE = SpaceRecord("s", "space", "me", "public", "region", "biz", "tag", "IA", 5, 6)
OBJECT = ObjectRecord("s", "key", 3, "etag", "video/mp4", "blob", None, "IA", (("X-Meta", "é,\n"), ("a", "")), 7, 8)
UPLOAD = UploadRecord("upload", "s", "key", "draft", None, "IA", (("X-Meta", "é"),), 9)


def small(key: str, data: bytes = b"x", space_id: str = "s") -> ObjectRecord:
    return ObjectRecord(space_id, key, len(data), data.decode(), "text/plain", inline=data, created=1, modified=2)


async def fill(catalog: Catalog, *keys: str, space: bool = True) -> None:
    if space:
        await catalog.create_space(SPACE)
    await asyncio.gather(*(catalog.put(small(key)) for key in keys))


async def pages(
    catalog: Catalog, prefix: str = "", limit: int = 2, delimiter: str = "", marker: str = ""
) -> list[CatalogPage]:
    """All pages from the marker on."""
    found: list[CatalogPage] = []
    while not found or found[-1].next_marker:
        found.append(await catalog.list("s", prefix, marker, limit, delimiter))
        marker = found[-1].next_marker
    return found


def names(found: list[CatalogPage]) -> list[str]:
    """Keys and common prefixes, in the order of the pages; the parts of one page sorted by their bytes."""
    each = [[each.key for each in page.objects] + page.prefixes for page in found]
    return [name for page in each for name in sorted(page, key=str.encode)]


class CatalogContract:
    """A subclass gives the fixture ``place``."""

    # Which blobs it belongs to

    def test_a_catalog_is_made_only_if_asked_for(self, place: Place) -> None:
        async def start(create: bool) -> None:
            catalog = place.driver_here()
            await catalog.start(create=create)
            await catalog.close()

        for _ in range(2):
            with pytest.raises(Absent):
                asyncio.run(start(False))
        asyncio.run(start(True))
        asyncio.run(start(False))

    def test_the_first_identity_counts(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> list[str | None]:
            said = await asyncio.gather(one.identify("a" * 32), two.identify("b" * 32), one.identify("c" * 32))
            return [*said, await one.identity(), await two.identity()]

        assert play(lambda catalog: catalog.identity(), place) is None
        found = play(story, place, place)
        assert len(set(found)) == 1 and found[0] is not None

    def test_a_finish_that_knows_too_few_parts_changes_nothing(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            for number in range(3):
                await catalog.add_part("upload", PartRecord(number, "e", 1))
            with pytest.raises(errors.InvalidPartList):
                await catalog.finish("upload", OBJECT, parts=2)
            assert await catalog.get("s", "key") is None and len(await catalog.parts("upload", 0, None)) == 3
            return await catalog.finish("upload", OBJECT, parts=3)

        assert play(story, place) == []

    def test_a_name_is_seen_while_it_goes_from_the_upload_to_the_object(self, place: Place) -> None:
        """The sweep asks at any moment: a draft that becomes a blob is known all the while."""

        async def story(one: Catalog, two: Catalog) -> int:
            await one.create_space(SPACE)
            going, asked = True, 0

            async def ask() -> None:
                nonlocal asked
                while going:
                    assert await two.named(["draft"]) == {"draft"}
                    asked += 1
                    await asyncio.sleep(0)

            await one.begin(UPLOAD)
            asking = asyncio.ensure_future(ask())
            for number in range(20):
                await one.finish("upload", replace(OBJECT, key=f"{number}", blob="draft"))
                await one.begin(UPLOAD)
            going = False
            await asking
            return asked

        assert play(story, place, place)

    def test_a_sample_names_what_has_bytes(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            assert await catalog.sample(10) == []
            await catalog.put(ObjectRecord("s", "inline", 1, "e", "m", inline=b"x"))
            await catalog.begin(UploadRecord("u1", "s", "key", "draft without parts"))
            assert await catalog.sample(10) == []
            await catalog.begin(UploadRecord("u2", "s", "key", "draft"))
            await catalog.add_part("u2", PartRecord(0, "e", 1))
            for number in range(3):
                await catalog.put(ObjectRecord("s", f"{number}", 1, "e", "m", blob=f"blob{number}"))
            assert sorted(await catalog.sample(10)) == ["blob0", "blob1", "blob2", "draft"]
            assert len(await catalog.sample(2)) == 3

        play(story, place)

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_a_walk_meets_every_object_of_every_space_once(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[tuple[str, str]]:
            await catalog.create_space(SPACE)
            await catalog.create_space(replace(SPACE, space_id="r", name="other", owner="you"))
            wanted = [("r", "\u00e9"), ("r", "z"), ("s", "a"), ("s", "b"), ("s", "\U0001f600")]
            for space_id, key in wanted:
                await catalog.put(small(key, space_id=space_id))
            await catalog.put(replace(OBJECT, key="large"))
            found: list[tuple[str, str]] = []
            while page := await catalog.walk(found[-1] if found else None, 2):
                assert len(page) <= 2 and all(each.inline is None for each in page)
                found += [(each.space_id, each.key) for each in page]
            assert await catalog.walk(None, 0) == []
            assert sorted(found) == sorted([*wanted, ("s", "large")])
            return found

        assert len(set(play(story, place))) == 6

    def test_a_catalog_opened_again_has_everything(self, place: Place) -> None:
        async def write(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await catalog.begin(UPLOAD)

        async def read(catalog: Catalog) -> list[Any]:
            return [await catalog.space("space"), await catalog.get("s", "key"), await catalog.upload("upload")]

        play(write, place)
        assert play(read, place) == [SPACE, OBJECT, UPLOAD]

    def test_starting_twice_leaves_nothing_open(self, place: Place) -> None:
        async def story(catalog: Catalog) -> SpaceRecord | None:
            await catalog.create_space(SPACE)
            await catalog.start()
            return await catalog.space("space")

        assert play(story, place) == SPACE
        gc.collect()  # what was not closed warns now, and a warning is an error

    def test_nothing_works_when_closed(self, place: Place) -> None:
        async def story() -> None:
            catalog = place.driver_here()
            await catalog.start()
            last = asyncio.ensure_future(catalog.create_space(SPACE))
            await asyncio.sleep(0)
            await catalog.close()
            await last  # asked before: done
            for call in (catalog.space("space"), catalog.create_space(SPACE), catalog.check(), catalog.named(["x"])):
                with pytest.raises(RuntimeError):
                    await call
            await catalog.close()

        asyncio.run(story())
        assert play(lambda catalog: catalog.space("space"), place) == SPACE

    def test_it_is_compacted_beside_who_writes(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await fill(one, *(f"k{number}" for number in range(300)))
            await asyncio.gather(*(one.delete("s", f"k{number}") for number in range(10, 300)))
            done, *_ = await asyncio.gather(two.compact(), *(one.put(small(f"new{number}")) for number in range(20)))
            assert done.before > 0 and done.after > 0 and done.waited >= 0
            assert len((await two.list("s", "", "", 1000)).objects) == 30
            assert (await two.census()).objects == 30

        play(story, place, place)

    def test_check_answers(self, place: Place) -> None:
        assert play(lambda catalog: catalog.check(), place) is None

    # Spaces

    def test_a_name_is_taken_once_whoever_asks(self, place: Place) -> None:
        async def story(catalog: Catalog) -> SpaceRecord | None:
            await catalog.create_space(SPACE)
            with pytest.raises(errors.SpaceExists):
                await catalog.create_space(replace(SPACE, space_id="other", owner="another"))
            assert await catalog.space("other") is None
            return await catalog.space("space")

        assert play(story, place) == SPACE

    def test_spaces_of_an_owner_in_order_of_name(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[list[str]]:
            for name in "bdac":
                await catalog.create_space(SpaceRecord(name, name, "me"))
            await catalog.create_space(SpaceRecord("e", "aa", "another"))
            asked = [(0, 100), (1, 2), (3, 2), (4, 2), (0, 0)]
            return [[space.name for space in await catalog.spaces("me", *each)] for each in asked]

        assert play(story, place) == [["a", "b", "c", "d"], ["b", "c"], ["d"], [], []]

    def test_update_changes_what_is_given(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[SpaceRecord | None]:
            await catalog.create_space(SPACE)
            await catalog.update_space("space", type="private", storage_class=None, modified=10)
            first = await catalog.space("space")
            await catalog.update_space("space", type=None, storage_class="STANDARD", modified=11)
            with pytest.raises(errors.SpaceNotFound):
                await catalog.update_space("none", type="private", storage_class=None, modified=10)
            return [first, await catalog.space("space")]

        first = replace(SPACE, type="private", modified=10)
        assert play(story, place) == [first, replace(first, storage_class="STANDARD", modified=11)]

    def test_a_space_is_deleted_with_its_uploads_once_it_is_empty(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            with pytest.raises(errors.SpaceNotFound):
                await catalog.delete_space("space")
            await fill(catalog, "key")
            await catalog.begin(UPLOAD)
            await catalog.begin(replace(UPLOAD, upload_id="two", draft="draft two"))
            await catalog.add_part("upload", PartRecord(0, "e", 1))
            with pytest.raises(errors.SpaceNotEmpty):
                await catalog.delete_space("space")
            await catalog.delete("s", "key")
            drafts = await catalog.delete_space("space")
            assert await catalog.space("space") is await catalog.upload("upload") is None
            assert await catalog.parts("upload", 0, None) == []
            for call in (catalog.put(OBJECT), catalog.begin(UPLOAD)):
                with pytest.raises(errors.SpaceNotFound):
                    await call
            return drafts

        assert sorted(play(story, place)) == ["draft", "draft two"]

    # Objects

    @pytest.mark.parametrize("data", [b"", b"inline \x00\xff"])
    def test_inline_bytes_come_back(self, place: Place, data: bytes) -> None:
        record = replace(OBJECT, blob=None, inline=data)

        async def story(catalog: Catalog) -> ObjectRecord | None:
            await catalog.create_space(SPACE)
            await catalog.put(record)
            assert (await catalog.list("s", "", "", 10)).objects == [replace(record, inline=None)]
            return await catalog.get("s", "key")

        assert play(story, place) == record

    def test_a_replaced_object_keeps_its_time_of_creation(self, place: Place) -> None:
        async def story(catalog: Catalog) -> ObjectRecord | None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await catalog.put(replace(OBJECT, etag="new", blob="new", created=100, modified=100))
            return await catalog.get("s", "key")

        assert play(story, place) == replace(OBJECT, etag="new", blob="new", created=7, modified=100)

    def test_overwrite_may_be_forbidden(self, place: Place) -> None:
        async def story(catalog: Catalog) -> ObjectRecord | None:
            await catalog.create_space(SPACE)
            assert await catalog.put(OBJECT, overwrite=False) == []
            with pytest.raises(errors.AlreadyExists):
                await catalog.put(replace(OBJECT, blob="new"), overwrite=False)
            return await catalog.get("s", "key")

        assert play(story, place) == OBJECT

    def test_blobs_are_given_back_when_the_last_object_lets_go(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[Any]:
            await catalog.create_space(SPACE)
            return [
                await catalog.put(OBJECT),
                await catalog.put(replace(OBJECT, mime="other")),  # the same blob again
                await catalog.put(replace(OBJECT, key="copy")),
                await catalog.put(replace(OBJECT, blob="new")),  # the copy still names it
                await catalog.put(replace(OBJECT, blob=None, inline=b"x")),
                await catalog.put(replace(OBJECT, blob="newer")),  # inline before: no blob
                await catalog.delete("s", "copy"),
                await catalog.delete("s", "key"),
                await catalog.delete("s", "key"),
            ]

        assert play(story, place) == [[], [], [], [], ["new"], [], ["blob"], ["newer"], None]

    def test_a_copy_needs_its_source_as_it_was(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            copied = replace(OBJECT, key="copy")
            assert await catalog.put(copied, source=OBJECT) == []
            await catalog.put(replace(OBJECT, blob="new", etag="new"))
            for record in (replace(OBJECT, mime="changed"), replace(OBJECT, key="late copy")):
                with pytest.raises(errors.NotFound):
                    await catalog.put(record, source=OBJECT)
            await catalog.delete("s", "key")
            with pytest.raises(errors.NotFound):
                await catalog.put(copied, source=OBJECT)
            assert await catalog.get("s", "copy") == copied
            assert await catalog.get("s", "late copy") is None

        play(story, place)

    def test_a_change_undoes_no_other(self, place: Place) -> None:
        async def story(catalog: Catalog) -> ObjectRecord | None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            tagged = replace(OBJECT, tags=(("a", "1"),))
            assert await catalog.put(tagged, source=OBJECT) == []
            others = ({"mime": "x"}, {"acl": "public-read"}, {"storage_class": "IA"}, {"tags": ()}, {"expires": 5})
            for other in others:
                with pytest.raises(errors.NotFound):
                    await catalog.put(replace(OBJECT, **other), source=OBJECT)
            assert await catalog.put(replace(OBJECT, key="copy"), source=OBJECT) == []  # its bytes are the same
            assert await catalog.put(replace(tagged, mime="x"), source=tagged) == []
            return await catalog.get("s", "key")

        assert play(story, place) == replace(OBJECT, tags=(("a", "1"),), mime="x")

    def test_what_few_objects_have_is_kept_until_they_are_replaced(self, place: Place) -> None:
        full = replace(OBJECT, tags=(("a b", "é"), ("c", "")), acl="public-read", ready=5, expires=2**40)

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(full)
            assert await catalog.get("s", "key") == full
            assert (await catalog.list("s", "", "", 10)).objects == [full]
            await catalog.rename("s", "key", "new", overwrite=False, modified=50)
            assert await catalog.get("s", "new") == replace(full, key="new", modified=50)
            await catalog.put(replace(OBJECT, key="new"))
            assert await catalog.get("s", "new") == replace(OBJECT, key="new")
            for each in ({"tags": (("a", "b"),)}, {"acl": "x"}, {"ready": 1}, {"expires": 1}):
                await catalog.put(replace(OBJECT, **each))
                assert await catalog.get("s", "key") == replace(OBJECT, **each)

        play(story, place)

    def test_rename_takes_everything_along(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await fill(catalog, "old")
            await catalog.put(OBJECT)
            assert await catalog.rename("s", "none", "new", overwrite=True, modified=50) is None
            with pytest.raises(errors.AlreadyExists):
                await catalog.rename("s", "old", "key", overwrite=False, modified=50)
            assert await catalog.rename("s", "old", "old", overwrite=False, modified=50) == []
            assert await catalog.rename("s", "old", "new", overwrite=False, modified=51) == []
            assert await catalog.get("s", "new") == replace(small("new"), modified=51)
            assert await catalog.rename("s", "new", "key", overwrite=True, modified=52) == ["blob"]
            assert await catalog.get("s", "key") == replace(small("key"), modified=52)
            assert names(await pages(catalog)) == ["key"]

        play(story, place)

    def test_rename_asks_first(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await fill(catalog, "old")
            asked = list[ObjectRecord | None]()

            def refuse(found: ObjectRecord | None) -> None:
                asked.append(found)
                raise errors.PreconditionFailed()

            for key in ("old", "none"):
                with pytest.raises(errors.PreconditionFailed):
                    await catalog.rename("s", key, "new", overwrite=True, modified=50, expected=refuse)
            assert asked == [replace(small("old"), inline=None), None]
            assert names(await pages(catalog)) == ["old"]
            assert await catalog.rename("s", "old", "new", overwrite=True, modified=50, expected=asked.append) == []
            assert asked[2] == asked[0] and names(await pages(catalog)) == ["new"]

        play(story, place)

    def test_find_looks_in_the_spaces_of_one_owner(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.create_space(replace(SPACE, space_id="t", name="other", owner="another"))
            await catalog.put(replace(OBJECT, space_id="t"))
            assert await catalog.find("me", "etag", 3) is None
            await catalog.put(small("inline", b"etag"))
            assert await catalog.find("me", "etag", 3) is None
            assert await catalog.find("me", "etag", 4) == small("inline", b"etag")
            assert await catalog.find("another", "etag", 3) == replace(OBJECT, space_id="t")
            await catalog.put(replace(OBJECT, space_id="t", storage_class="ARCHIVE"))
            assert await catalog.find("another", "etag", 3) is None

        play(story, place)

    def test_a_failed_write_hurts_no_other_that_is_asked_beside_it(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            await catalog.create_space(SPACE)
            records = [small(f"{number:03}", space_id="s" if number % 3 else "no space") for number in range(300)]
            outcomes = await asyncio.gather(*map(catalog.put, records), return_exceptions=True)
            assert [isinstance(each, errors.SpaceNotFound) for each in outcomes] == [n % 3 == 0 for n in range(300)]
            return names(await pages(catalog, limit=1000))

        assert play(story, place) == [f"{number:03}" for number in range(300) if number % 3]

    def test_an_acknowledged_write_is_seen_at_once(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)

            async def one(key: str) -> None:
                for number in range(10):
                    await catalog.put(small(key, b"%d" % number))
                    found = await catalog.get("s", key)
                    assert found is not None and found.inline == b"%d" % number

            await asyncio.gather(*(one(str(key)) for key in range(16)))
            assert len((await catalog.list("s", "", "", 100)).objects) == 16

        play(story, place)

    # Listing

    def test_keys_are_in_the_order_of_their_bytes(self, place: Place) -> None:
        keys = ["a", "A", "a/b", "a b", "é", "z", "\U0001f600", "\uffff", "视频", "a" * 1023, "\u007f", "\u0001"]

        async def story(catalog: Catalog) -> list[list[str]]:
            await fill(catalog, *keys)
            return [names(await pages(catalog, limit=limit)) for limit in (1, 2, 5, 12, 100)]

        assert play(story, place) == [sorted(keys, key=str.encode)] * 5

    def test_the_last_page_has_no_marker_and_each_other_has_its_last_key(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[tuple[list[str], str]]:
            await fill(catalog, *"abcd")
            found = await pages(catalog, limit=2) + [await catalog.list("s", "", "", limit) for limit in (3, 4, 5, 0)]
            return [(names([page]), page.next_marker) for page in found]

        ab, cd = (["a", "b"], "b"), (["c", "d"], "")
        assert play(story, place) == [ab, cd, (["a", "b", "c"], "c")] + [(["a", "b", "c", "d"], "")] * 2 + [([], "")]

    @pytest.mark.parametrize(
        ("prefix", "marker", "expected"),
        [
            ("b", "", ["b", "b/1", "b/2"]),
            ("b", "b", ["b/1", "b/2"]),
            ("b", "a", ["b", "b/1", "b/2"]),
            ("b/", "b/1", ["b/2"]),
            ("b", "c", []),
            ("", "b/15", ["b/2", "c", "\U0010ffff"]),
            ("\U0010ffff", "", ["\U0010ffff"]),
            ("none", "", []),
        ],
    )
    def test_prefix_and_marker(self, place: Place, prefix: str, marker: str, expected: list[str]) -> None:
        async def story(catalog: Catalog) -> list[list[str]]:
            await fill(catalog, "a", "b", "b/1", "b/2", "c", "\U0010ffff")
            return [names(await pages(catalog, prefix, limit, marker=marker)) for limit in (1, 10)]

        assert play(story, place) == [expected, expected]

    @pytest.mark.parametrize(
        ("prefix", "delimiter", "marker", "expected"),
        [
            ("", "/", "", ["0", "a/", "a0", "b/", "c"]),
            ("a", "/", "", ["a/", "a0"]),
            ("a/", "/", "", ["a/1", "a/2/", "a/3"]),  # the object a/ itself is left out
            ("a/", "", "", ["a/", "a/1", "a/2/x", "a/2/y", "a/3"]),
            ("a/2", "/", "", ["a/2/"]),
            ("", "/", "a/", ["a0", "b/", "c"]),  # skips all below
            ("", "/", "a/2/x", ["a/", "a0", "b/", "c"]),  # some keys below a/ are behind it
            ("", "/", "a/9", ["a0", "b/", "c"]),
            ("a/", "/", "a/2/", ["a/3"]),
            ("", "/2/", "", ["0", "a/", "a/1", "a/2/", "a/3", "a0", "b//", "c"]),
        ],
    )
    def test_delimiter(self, place: Place, prefix: str, delimiter: str, marker: str, expected: list[str]) -> None:
        async def story(catalog: Catalog) -> list[list[str]]:
            await fill(catalog, "0", "a/", "a/1", "a/2/x", "a/2/y", "a/3", "a0", "b//", "c")
            found = [await pages(catalog, prefix, limit, delimiter, marker) for limit in (1, 2, 3, 100)]
            for limit, each in zip((1, 2, 3, 100), found, strict=True):
                assert all(len(page.objects) + len(page.prefixes) <= limit for page in each)
                rolled_up = [name for page in each for name in page.prefixes]
                assert rolled_up == [name for name in expected if delimiter and name.endswith(delimiter)]
            return [names(each) for each in found]

        assert play(story, place) == [expected] * 4

    def test_a_listing_stays_in_its_space(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            await fill(catalog, "a", "z")
            await catalog.create_space(replace(SPACE, space_id="s2", name="other"))
            await catalog.put(small("m", space_id="s2"))
            return names(await pages(catalog)) + [each.key for each in await catalog.list_by_offset("s2", 0, 10)]

        assert play(story, place) == ["a", "z", "m"]

    def test_list_by_offset(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[list[str]]:
            await fill(catalog, *"dbca")
            asked = [(0, 3), (3, 3), (4, 3), (0, 0)]
            return [[each.key for each in await catalog.list_by_offset("s", *each)] for each in asked]

        assert play(story, place) == [["a", "b", "c"], ["d"], [], []]

    # Uploads

    def test_parts_are_counted(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[int]:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            found = [await catalog.count_parts("upload")]
            for number in (0, 2, 5):
                await catalog.add_part("upload", PartRecord(number, "etag", 10, "m", "at", 3))
            found.append(await catalog.count_parts("upload"))
            await catalog.abort("upload")
            return [*found, await catalog.count_parts("upload")]

        assert play(story, place) == [0, 3, 0]

    def test_parts_are_recorded_once(self, place: Place) -> None:
        parts = [PartRecord(number, f"etag {number}", 10, "m", f"at {number}", 3) for number in range(12)]

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            await asyncio.gather(*(catalog.add_part("upload", part) for part in reversed(parts)))
            with pytest.raises(errors.PartExists):
                await catalog.add_part("upload", replace(parts[3], etag="other"))
            with pytest.raises(errors.UploadNotFound):
                await catalog.add_part("none", parts[0])
            assert await catalog.part("upload", 3) == parts[3]
            assert await catalog.part("upload", 12) is await catalog.part("none", 0) is None
            assert await catalog.parts("upload", 0, None) == parts
            assert await catalog.parts("upload", 9, 2) == parts[9:11]
            assert await catalog.parts("upload", 9, None) == parts[9:]

        play(story, place)

    def test_uploads_in_order_of_key_and_id(self, place: Place) -> None:
        order = [("a", "2"), ("a", "3"), ("b", "1"), ("b/x", "0"), ("c", "9")]

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            for key, upload_id in reversed(order):
                await catalog.begin(replace(UPLOAD, key=key, upload_id=upload_id))

            async def ask(*asked: Any) -> list[tuple[str, str]]:
                return [(each.key, each.upload_id) for each in await catalog.uploads("s", *asked)]

            assert await ask("", "", "", 10) == order
            assert await ask("", "", "", 3) == order[:3]
            assert await ask("", "a", "", 10) == order[2:]
            assert await ask("", "a", "2", 10) == order[1:]
            assert await ask("", "a", "3", 2) == order[2:4]
            assert await ask("b", "", "", 10) == order[2:4]
            assert await ask("b", "a", "3", 10) == order[2:4]
            assert await ask("b", "b", "1", 10) == order[3:4]
            assert await ask("b", "b/x", "", 10) == []
            assert await catalog.uploads("other", "", "", "", 10) == []

        play(story, place)

    def test_finish_stores_the_object_and_forgets_the_upload(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await catalog.begin(UPLOAD)
            await catalog.add_part("upload", PartRecord(0, "e", 1))
            new = replace(OBJECT, blob="draft", created=90, modified=90)
            outcomes = await asyncio.gather(*(catalog.finish("upload", new) for _ in range(3)), return_exceptions=True)
            assert [each for each in outcomes if isinstance(each, list)] == [["blob"]]
            assert sum(isinstance(each, errors.UploadNotFound) for each in outcomes) == 2
            assert await catalog.get("s", "key") == replace(new, created=7)
            assert await catalog.upload("upload") is None
            assert await catalog.parts("upload", 0, None) == []

        play(story, place)

    def test_abort_forgets_the_upload(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)
            await catalog.add_part("upload", PartRecord(0, "e", 1))
            assert await catalog.abort("upload") == ["draft"]
            assert await catalog.abort("upload") is None
            assert await catalog.part("upload", 0) is None
            with pytest.raises(errors.UploadNotFound):
                await catalog.finish("upload", OBJECT)
            assert await catalog.get("s", "key") is None

        play(story, place)

    def test_named_knows_blobs_and_drafts(self, place: Place) -> None:
        async def story(catalog: Catalog) -> set[str]:
            await catalog.create_space(SPACE)
            await catalog.put(OBJECT)
            await catalog.begin(UPLOAD)
            assert await catalog.named([]) == set()
            return await catalog.named(iter(["blob", "draft", "key", *map(str, range(3000))]))

        assert play(story, place) == {"blob", "draft"}

    # Several processes, and a crash

    def test_every_acknowledged_write_survives_a_kill(self, place: Place) -> None:
        play(lambda catalog: catalog.create_space(SPACE), place)
        with worker("put_objects", place, arguments=("s", "w")) as other:
            said = [other.line() for _ in range(100)]
            said += other.kill()

        async def story(catalog: Catalog) -> list[bytes | None]:
            await catalog.check()
            return [found and found.inline for found in [await catalog.get("s", key) for key in said]]

        assert play(story, place) == [key.encode() for key in said]

    def test_a_changed_space_is_seen_at_once_by_another_driver_on_the_same_place(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            assert await two.space(SPACE.name) is None
            await one.create_space(SPACE)
            for number in range(50):
                kind = ("public", "private")[number % 2]
                writer, reader = ((one, two), (two, one))[number // 2 % 2]
                await writer.update_space(SPACE.name, type=kind, storage_class=None, modified=number)
                for each in (reader, writer, reader):
                    assert await each.space(SPACE.name) == replace(SPACE, type=kind, modified=number)
            await one.delete_space(SPACE.name)
            assert await two.space(SPACE.name) is None
            other = replace(SPACE, space_id="another", owner="another")
            await two.create_space(other)
            assert await one.space(SPACE.name) == await two.space(SPACE.name) == other

        play(story, place, place)

    def test_a_change_of_a_space_is_seen_even_if_its_caller_gave_up(self, place: Place) -> None:
        async def story(one: Catalog, two: Catalog) -> None:
            await one.create_space(SPACE)
            for number in range(1, 30):
                kind = ("private", "public")[number % 2]
                change = asyncio.ensure_future(
                    one.update_space(SPACE.name, type=kind, storage_class=None, modified=number)
                )
                for _ in range(number):
                    await asyncio.sleep(0)
                    await two.space(SPACE.name)
                change.cancel()
                await asyncio.gather(change, return_exceptions=True)
                await one.check()  # what was asked before is done
                found = await two.space(SPACE.name)
                (listed,) = await two.spaces(SPACE.owner, 0, 10)
                assert found == listed

        play(story, place, place)

    def test_two_processes_write_and_see_each_other(self, place: Place) -> None:
        play(lambda catalog: catalog.create_space(SPACE), place)
        with worker("count_up", place, arguments=("s", "other", 100)) as other:
            assert other.line() == "ready"

            async def story(catalog: Catalog) -> list[str]:
                other.go_on()
                await asyncio.gather(*(catalog.put(small(f"mine-{number}")) for number in range(100)))
                assert await asyncio.to_thread(other.line) == "done"
                return names([await catalog.list("s", "", "", 1000)])

            assert set(play(story, place)) == {f"{who}-{number}" for who in ("mine", "other") for number in range(100)}

    @pytest.mark.parametrize(("what", "loser"), [("create", "SpaceExists"), ("finish", "UploadNotFound")])
    def test_of_two_processes_one_wins(self, place: Place, what: str, loser: str) -> None:
        async def prepare(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.begin(UPLOAD)

        async def look(catalog: Catalog) -> str:
            if what == "create":
                return (await catalog.space("wanted")).owner
            return (await catalog.get("s", "key")).etag

        play(prepare, place)
        with (
            worker("race", place, arguments=(what, "one")) as one,
            worker("race", place, arguments=(what, "two")) as two,
        ):
            assert [one.line(), two.line()] == ["ready", "ready"]
            one.go_on(), two.go_on()
            said = {"one": one.line(), "two": two.line()}
        assert sorted(said.values()) == sorted(["won", loser])
        assert said[play(look, place)] == "won"

    def test_two_processes_may_start_on_a_new_place_at_once(self, place: Place) -> None:
        with (
            worker("race", place, arguments=("create", "one")) as one,
            worker("race", place, arguments=("create", "two")) as two,
        ):
            assert [one.line(), two.line()] == ["ready", "ready"]
        assert play(lambda catalog: catalog.space("wanted"), place) is None
