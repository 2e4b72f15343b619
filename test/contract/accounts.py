"""What every driver of Catalog promises about domains, tokens and usage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from test.contract.place import Place, play
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import (
    DAY,
    Catalog,
    Census,
    DayUsage,
    Holding,
    KeyRecord,
    ObjectRecord,
    OpenUploads,
    PartRecord,
    SpaceRecord,
    StaleUpload,
    TokenRecord,
    UploadRecord,
)
from uvideo.storage.schema import MIGRATIONS

SPACE = SpaceRecord("s", "space", "me", domains=("b.example.com", "a.example.com"))
TOKEN = TokenRecord(
    *("id", "me", "name", "TOKEN_1", "secret", "cn-bj", ("READ", "WRITE"), ("视/", 'a"'), ("space",)),
    *(("192.0.2.1",), ("2001:db8::/32",), 7, 8, 9),
)


def made(key: str, size: int, day: int, space_id: str = "s") -> ObjectRecord:
    return ObjectRecord(space_id, key, size, "etag", "m", inline=b"x" * size, created=day * DAY + 5, modified=1)


class AccountsContract:
    """Inherited beside CatalogContract; the subclass gives the fixture ``place``."""

    # Domains

    def test_a_space_is_found_by_its_domains(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[Any]:
            await catalog.create_space(SPACE)
            asked = ("a.example.com", "b.example.com", "example.com", "space", "A.example.com")
            return [await catalog.space_of_domain(name) for name in asked] + [await catalog.space("space")]

        assert play(story, place) == [SPACE, SPACE, None, None, None, SPACE]

    def test_a_domain_is_taken_once_and_free_again_with_its_space(self, place: Place) -> None:
        other = SpaceRecord("o", "other", "another", domains=("c.example.com", "a.example.com"))

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            with pytest.raises(errors.DomainTaken):
                await catalog.create_space(other)
            assert await catalog.space("other") is None and await catalog.space_of_domain("c.example.com") is None
            await catalog.update_space("space", type="public", storage_class=None, modified=1)
            assert (await catalog.spaces("me", 0, 9))[0].domains == SPACE.domains
            await catalog.delete_space("space")
            assert await catalog.space_of_domain("a.example.com") is None
            await catalog.create_space(other)
            assert await catalog.space_of_domain("a.example.com") == other

        play(story, place)

    # Tokens

    def test_a_token_from_its_creation_to_its_end(self, place: Place) -> None:
        changed = replace(TOKEN, name="new", ops=(), expires=99, public="TOKEN_2")

        async def first(catalog: Catalog) -> None:
            assert await catalog.token("TOKEN_1") is None and await catalog.tokens("me") == []
            await catalog.create_token(TOKEN, 5)
            await catalog.create_token(replace(TOKEN, token_id="id2", public="other", owner="you"), 5)

        async def then(catalog: Catalog) -> None:
            assert await catalog.token("TOKEN_1") == TOKEN and await catalog.tokens("me") == [TOKEN]
            await catalog.update_token(changed)
            assert await catalog.token("TOKEN_1") is None and await catalog.token("TOKEN_2") == changed
            await catalog.update_token(
                replace(changed, private="encrypted before")
            )  # another may have encrypted it again
            assert await catalog.token("TOKEN_2") == changed
            for wrong in (replace(changed, owner="you"), replace(changed, token_id="x")):
                with pytest.raises(errors.TokenNotFound):
                    await catalog.update_token(wrong)
                with pytest.raises(errors.TokenNotFound):
                    await catalog.delete_token(wrong.owner, wrong.token_id)
            assert await catalog.tokens("me") == [changed]
            await catalog.delete_token("me", "id")
            assert await catalog.tokens("me") == [] and await catalog.token("TOKEN_2") is None
            assert len(await catalog.tokens("you")) == 1

        play(first, place)
        play(then, place)

    def test_tokens_are_limited_by_owner_and_listed_oldest_first(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[str]:
            for number, age in enumerate((3, 1, 2)):
                token = replace(TOKEN, token_id=f"t{number}", public=f"p{number}", created=age, expires=9 - number)
                await catalog.create_token(token, 3)
            late = replace(TOKEN, token_id="t9", public="p9", created=7)
            with pytest.raises(errors.TooManyTokens):
                await catalog.create_token(late, 3)
            await catalog.create_token(replace(late, owner="you"), 3)
            found = [token.token_id for token in await catalog.tokens("me")]
            # Of those that have ended, the first one gives its place.
            await catalog.create_token(replace(late, token_id="t10", public="p10", created=9), 3)
            return found + [token.token_id for token in await catalog.tokens("me")]

        assert play(story, place) == ["t1", "t2", "t0", "t1", "t0", "t10"]

    def test_secrets_are_encrypted_again_in_one_transaction(self, place: Place) -> None:
        tokens = [
            replace(TOKEN, token_id=f"t{at}", public=f"p{at}", owner=f"o{at}", private=f"s{at}") for at in range(3)
        ]
        keys = [KeyRecord(f"k{at}", "me", f"s{at}", at) for at in range(3)]

        def anew(record: TokenRecord | KeyRecord) -> str | None:
            return None if record.private == "s1" else f"new {record.private}"

        def broken(record: TokenRecord | KeyRecord) -> str | None:
            if record.public == "k2":
                raise RuntimeError("it breaks off")
            return "lost"

        async def story(catalog: Catalog) -> None:
            assert await catalog.reencrypt(anew) == (0, 0) and await catalog.all_tokens() == []
            for token in tokens:
                await catalog.create_token(token, 5)
            for key in keys:
                await catalog.add_key(key)
            assert await catalog.all_tokens() == tokens
            with pytest.raises(RuntimeError, match="it breaks off"):
                await catalog.reencrypt(broken)
            assert await catalog.all_tokens() == tokens and await catalog.keys() == keys
            assert await catalog.reencrypt(anew) == (2, 2)
            made = [replace(each, private=anew(each) or each.private) for each in tokens]
            assert await catalog.all_tokens() == made and await catalog.token("p0") == made[0]
            assert [key.private for key in await catalog.keys()] == ["new s0", "s1", "new s2"]

        play(story, place)

    def test_nobody_writes_a_secret_between_the_look_and_the_change(self, place: Place) -> None:
        """Who adds one meanwhile has it there, as it was given, when both are over."""

        async def story(one: Catalog, other: Catalog) -> None:
            for number in range(8):
                await one.create_token(replace(TOKEN, token_id=f"a{number}", public=f"a{number}", private="old"), 100)

            async def add(catalog: Catalog, name: str) -> None:
                for number in range(8):
                    public = f"{name}{number}"
                    await catalog.create_token(replace(TOKEN, token_id=public, public=public, private="old"), 100)
                    await catalog.add_key(KeyRecord(public, "me", "old"))

            async def anew() -> None:
                for _ in range(4):
                    await other.reencrypt(lambda record: "new" if record.private == "old" else None)

            await asyncio.gather(add(one, "b"), add(other, "c"), anew())
            found = [*(await one.all_tokens()), *(await one.keys())]
            assert len(found) == 40 and {record.private for record in found} <= {"old", "new"}
            assert all(record.private == "new" for record in found if record.public.startswith("a"))
            await one.reencrypt(lambda record: "new" if record.private == "old" else None)
            assert {record.private for record in [*(await one.all_tokens()), *(await one.keys())]} == {"new"}

        play(story, place, place)

    # Uploads

    def test_open_uploads_are_counted_with_what_they_hold_and_for_how_long(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[OpenUploads]:
            found = [await catalog.open_uploads(100)]
            await catalog.create_space(SPACE)
            await catalog.create_space(SpaceRecord("o", "other", "another"))
            for upload_id, space_id, created in (
                ("old", "s", 10),
                ("slow", "s", 20),
                ("new", "o", 300),
                ("no", "o", 99),
            ):
                await catalog.begin(UploadRecord(upload_id, space_id, upload_id, f"d-{upload_id}", created=created))
            for upload_id, part, size, created in (("old", 0, 1 << 40, 11), ("old", 1, 5, 12), ("slow", 7, 30, 100)):
                await catalog.add_part(upload_id, PartRecord(part, "e", size, created=created))
            found += [await catalog.open_uploads(before) for before in (0, 99, 100, 101, 1000)]
            await catalog.abort("old")
            await catalog.finish("slow", ObjectRecord("s", "slow", 30, "etag", "m", inline=b"x" * 30))
            await catalog.delete_space("other")
            return [*found, await catalog.open_uploads(1000)]

        large = (1 << 40) + 5
        assert play(story, place) == [
            OpenUploads(0, 0, 0, 0),
            OpenUploads(4, large + 30, 0, 0),
            OpenUploads(4, large + 30, 1, large),
            OpenUploads(4, large + 30, 2, large),
            OpenUploads(4, large + 30, 3, large + 30),
            OpenUploads(4, large + 30, 4, large + 30),
            OpenUploads(0, 0, 0, 0),
        ]

    # Programs

    def test_no_older_program_ran_on_a_new_catalog(self, place: Place) -> None:
        async def story(catalog: Catalog) -> list[int]:
            found = [await catalog.oldest_program()]
            await catalog.retire_older()
            return [*found, await catalog.oldest_program()]

        assert play(story, place) == [len(MIGRATIONS)] * 2

    # Key pairs

    def test_a_key_pair_is_added_once_listed_and_removed(self, place: Place) -> None:
        first, second = KeyRecord("p2", "me", "hidden", 5), KeyRecord("p1", "é you", "also", 6)

        async def story(catalog: Catalog) -> None:
            assert await catalog.keys() == [] and await catalog.key("p1") is None
            assert await catalog.add_key(second) and await catalog.add_key(first)
            assert not await catalog.add_key(replace(first, owner="another"))
            assert await catalog.keys() == [first, second] and await catalog.key("p2") == first
            assert "hidden" not in repr(first)
            assert await catalog.remove_key("p2") and not await catalog.remove_key("p2")
            assert await catalog.keys() == [second] and await catalog.key("p2") is None

        play(story, place)

    # Usage

    def test_usage_by_day(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.create_space(SpaceRecord("o", "other", "me"))
            for record in (made("a", 3, 10), made("b", 5, 12), made("c", 7, 12), made("d", 100, 14)):
                await catalog.put(record)
            await catalog.put(made("a", 20, 11, "o"))
            assert await catalog.delete("s", "c") is not None
            await catalog.add_flux(11, {"space": 1000, "other": 50, "gone": 7})
            await catalog.add_flux(11, {"space": 500})
            await catalog.add_flux(13, {"space": 2}, {"space": 70, "other": 9})
            await catalog.add_flux(13, {}, {"space": 1})
            mine = [DayUsage(11, 3, 1500), DayUsage(12, 8, 0), DayUsage(13, 8, 2, 71)]
            assert await catalog.usage(["s"], 11, 13) == mine
            assert await catalog.usage(["s", "o", "s"], 11, 11) == [DayUsage(11, 23, 1550)]
            assert await catalog.usage([], 11, 12) == [DayUsage(11, 0, 0), DayUsage(12, 0, 0)]
            assert await catalog.usage(["s"], 15, 14) == []
            await catalog.delete("o", "a")
            await catalog.delete_space("other")
            await catalog.create_space(SpaceRecord("o", "other", "me"))
            assert await catalog.usage(["o"], 11, 11) == [DayUsage(11, 0, 0)]

        play(story, place)

    def test_stale_uploads(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            def stale(*numbers: int) -> list[StaleUpload]:
                return [StaleUpload(f"u{number}", "space", "me", f"é{number}") for number in numbers]

            await catalog.create_space(SPACE)
            await catalog.create_space(SpaceRecord("o", "other", "you"))
            for number, begun in enumerate((10, 10, 30)):
                await catalog.begin(UploadRecord(f"u{number}", "s", f"é{number}", f"d{number}", created=begun))
            await catalog.begin(UploadRecord("u3", "o", "k", "d3", created=10))
            await catalog.add_part("u0", PartRecord(0, "e", 1, created=20))
            await catalog.add_part("u1", PartRecord(0, "e", 1, created=10))
            await catalog.add_part("u1", PartRecord(1, "e", 1, created=25))
            assert await catalog.stale_uploads(10, 10) == [] == await catalog.stale_uploads(100, 0)
            assert await catalog.stale_uploads(20, 10, "s") == []
            assert await catalog.stale_uploads(21, 10, "s") == stale(0)
            assert await catalog.stale_uploads(26, 10, "s") == stale(0, 1)
            assert await catalog.stale_uploads(31, 10, "s") == stale(0, 1, 2)
            assert len(await catalog.stale_uploads(31, 2)) == 2
            assert await catalog.stale_uploads(31, 10, "o") == [StaleUpload("u3", "other", "you", "k")]
            assert await catalog.abort("u1", 25) is None and await catalog.upload("u1") is not None
            assert await catalog.abort("u2", 30) is None and await catalog.abort("none", 30) is None
            assert await catalog.abort("u1", 26) == ["d1"] and await catalog.abort("u1", 26) is None
            with pytest.raises(errors.UploadNotFound):
                await catalog.add_part("u1", PartRecord(2, "e", 1))
            assert await catalog.count_parts("u0") == 1

        play(story, place)

    def test_a_part_and_an_abort_of_what_is_stale_exclude_each_other(self, place: Place) -> None:
        """Either the part is there and the upload too, or neither, and whoever sent it knows."""

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            for number in range(20):
                name = f"u{number}"
                await catalog.begin(UploadRecord(name, "s", "k", f"d{number}", created=10))

                async def add(name: str = name) -> bool:
                    try:
                        await catalog.add_part(name, PartRecord(0, "e", 1, created=50))
                    except errors.UploadNotFound:
                        return False
                    return True

                asked = [add(), catalog.abort(name, 20)]
                answers = await asyncio.gather(*(asked if number % 2 else reversed(asked)))
                added, draft = answers if number % 2 else reversed(answers)
                assert added is (draft is None) is (await catalog.upload(name) is not None)
                assert await catalog.count_parts(name) == int(added)

        play(story, place)

    def test_what_accounts_and_spaces_hold(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            assert await catalog.holdings() == []
            for space in (SPACE, SpaceRecord("o", "other", "me"), SpaceRecord("z", "alone", "you")):
                await catalog.create_space(space)
            for record in (made("a", 3, 10), made("b", 5, 12), made("a", 20, 11, "o")):
                await catalog.put(record)
            for number, cls in enumerate(("IA", "IA", "ARCHIVE")):
                await catalog.put(replace(made(f"cold{number}", 1 + number, 10, "z"), storage_class=cls))
            for number, space_id in enumerate(("s", "s", "z")):
                await catalog.begin(UploadRecord(f"u{number}", space_id, "k", f"d{number}"))
            for part in range(2):
                await catalog.add_part("u0", PartRecord(part, "e", 100 + part))
            await catalog.add_part("u2", PartRecord(0, "e", 7))
            await catalog.add_flux(11, {"space": 1000, "alone": 50})
            await catalog.add_flux(12, {"space": 1}, {"space": 70, "other": 9})
            assert await catalog.holdings() == [
                Holding("me", "other", 1, 20, 0, 0, 0, 9),
                Holding(SPACE.owner, SPACE.name, 2, 8, 2, 201, 1001, 70),
                Holding("you", "alone", 3, 6, 1, 7, 50, 0, 2, 3, 1, 3),
            ]
            await catalog.delete("s", "b")
            await catalog.abort("u0")
            assert Holding(SPACE.owner, SPACE.name, 1, 3, 1, 0, 1001, 70) in await catalog.holdings()

        play(story, place)

    # For operators

    def test_all_spaces_and_a_census(self, place: Place) -> None:
        async def story(catalog: Catalog) -> None:
            assert await catalog.census() == Census(0, 0, 0, 0, 0, 0)
            for name in "cab":
                await catalog.create_space(SpaceRecord(name, name, f"owner of {name}"))
            await catalog.put(made("one", 7, 1, "a"))
            await catalog.put(made("two", 5, 1, "b"))
            await catalog.begin(UploadRecord("upload", "a", "three", "draft"))
            await catalog.add_part("upload", PartRecord(0, "e", 1))
            assert await catalog.census() == Census(3, 2, 12, 1, 1, 0)
            assert [each.name for each in await catalog.all_spaces("", 2)] == ["a", "b"]
            assert [each.name for each in await catalog.all_spaces("b", 9)] == ["c"]

        play(story, place)

    # Finish

    def test_finish_without_overwriting(self, place: Place) -> None:
        upload = UploadRecord("upload", "s", "a", "draft")

        async def story(catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(made("a", 3, 1))
            await catalog.begin(upload)
            with pytest.raises(errors.AlreadyExists):
                await catalog.finish("upload", made("a", 9, 1), overwrite=False)
            assert await catalog.upload("upload") == upload
            found = await catalog.get("s", "a")
            assert found is not None and found.size == 3
            assert await catalog.finish("upload", made("b", 9, 1), overwrite=False) == []
            assert await catalog.upload("upload") is None

        play(story, place)
