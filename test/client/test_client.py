"""Client against the real server: every method, and what its errors say."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import os
import pickle
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.patience import until
from test.server_fixture import Server
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import etag, operation
from uvideo import AsyncClient, Client, Settings, errors
from uvideo.config.settings import load

BLOCK = 4194304

KEYS = [
    "plain.txt",
    "with blank.txt",
    "a+b.txt",
    "100%25.txt",
    "what?.txt",
    "a#b.txt",
    "a//b.txt",
    "a/../b/./c.txt",
    "/leading and trailing/",
    "uvideoUploads/x",
    "视频/中文 文件.mp4",
    "emoji \U0001f3ac.mp4",
    "line\nbreak",
    "k" * 1023,
]


def tree(data: bytes) -> str:
    made = etag.Etag()
    made.update(data)
    return str(made.value())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:30])
def test_an_object_of_any_key_is_put_read_found_listed_and_deleted(client: Client, space: str, key: str) -> None:
    data = key.encode() * 3
    stored = client.put(space, key, data)
    assert (stored.key, stored.size, stored.etag, stored.verified) == (key, len(data), tree(data), True)
    assert client.get(space, key).data == data
    assert client.stat(space, key).size == len(data)
    assert [each.key for each in client.list(space)] == [key]
    client.delete(space, key)
    with pytest.raises(errors.NotFound):
        client.stat(space, key)


def test_put_takes_bytes_paths_files_and_iterables(client: Client, space: str, tmp_path: Path) -> None:
    data = os.urandom(70_000)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    file = io.BytesIO(b"skipped" + data)
    file.seek(7)
    reading, writing = os.pipe()
    os.write(writing, data[:60_000])
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sources = {
            "bytes": data,
            "bytearray": bytearray(data),
            "view": memoryview(data),
            "path": path,
            "file": file,
            "pieces": (data[at : at + 999] for at in range(0, len(data), 999)),
            "pipe": pipe,
        }
        for key, source in sources.items():
            expected = data[:60_000] if key == "pipe" else data
            assert client.put(space, key, source) == client.put(space, key, expected)
            assert client.get(space, key).data == expected
        assert not pipe.closed and not file.closed
    assert client.stat(space, "path").mime == "application/octet-stream"


def test_an_iterable_that_gives_none_has_not_ended(client: Client, space: str) -> None:
    async def pieces() -> AsyncIterator[Any]:
        yield b"first"
        yield None
        yield b"last"

    async def put() -> None:
        async with AsyncClient(settings=client.settings) as loop:
            await loop.put(space, "k", pieces())

    gives_none: Any = iter([b"first", None, b"last"])
    with pytest.raises(errors.InvalidArgument, match="NoneType"):
        client.put(space, "k", gives_none)
    with pytest.raises(errors.InvalidArgument, match="NoneType"):
        asyncio.run(put())
    with pytest.raises(errors.NotFound):
        client.stat(space, "k")


def test_put_stores_what_is_given_with_the_object(client: Client, space: str) -> None:
    client.put(
        space,
        "a.mp4",
        b"x",
        storage_class="IA",
        metadata={"Title": "片"},
        headers={"cache-control": "max-age=9"},
        acl="public-read",
    )
    found = client.stat(space, "a.mp4")
    assert (found.mime, found.storage_class, found.metadata) == ("video/mp4", "IA", {"title": "片"})
    assert found.headers == {"Cache-Control": "max-age=9"}
    assert found.modified is not None and found.modified.tzinfo is timezone.utc
    assert abs((datetime.now(timezone.utc) - found.modified).total_seconds()) < 60
    assert client.get_acl(space, "a.mp4").grant == "public-read"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 3, b"012"),
        (2, None, b"23456789"),
        (-3, None, b"789"),
        (8, 99, b"89"),
        (None, 4, b"0123"),
        (-99, None, b"0123456789"),
    ],
)
def test_get_reads_ranges(client: Client, space: str, start: int | None, end: int | None, expected: bytes) -> None:
    client.put(space, "digits", b"0123456789")
    found = client.get(space, "digits", start=start, end=end)
    assert found.data == expected
    assert b"0123456789"[found.start :].startswith(expected)
    assert found.info.size == 10


def test_a_range_behind_the_end_is_refused(client: Client, space: str) -> None:
    client.put(space, "digits", b"0123456789")
    with pytest.raises(errors.InvalidRange) as caught:
        client.get(space, "digits", start=10)
    assert (caught.value.status, caught.value.key) == (416, "digits")


@pytest.mark.parametrize(("start", "end"), [(3, 3), (5, 2), (-3, 5), ("1", None), (True, None)])
def test_a_range_that_cannot_be_is_an_invalid_argument(client: Client, space: str, start: object, end: object) -> None:
    with pytest.raises(errors.InvalidArgument):
        client.get(space, "digits", start=start, end=end)  # type: ignore[arg-type]


def test_get_is_conditional(client: Client, space: str) -> None:
    stored = client.put(space, "a", b"x")
    assert client.get(space, "a", if_match=stored.etag).data == b"x"
    with pytest.raises(errors.PreconditionFailed):
        client.get(space, "a", if_match="other")
    with pytest.raises(errors.Refused) as caught:
        client.get(space, "a", if_none_match=stored.etag)
    assert caught.value.status == 304


def test_an_error_says_what_it_is_about(client: Client, space: str) -> None:
    with pytest.raises(errors.NotFound) as caught:
        client.get(space, "absent")
    error = caught.value
    assert (error.operation, error.space, error.key) == ("GetObject", space, "absent")
    assert (error.status, error.ret_code, error.retryable) == (404, -148654, False)
    assert error.request_id
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.NotFound and again.request_id == error.request_id


def test_a_wrong_key_pair_is_told_apart(server: Server, space: str) -> None:
    with Client(server.public_key, "wrong", endpoint=server.host) as wrong, pytest.raises(errors.SignatureMismatch):
        wrong.put(space, "a", b"x")
    with Client("nobody", "wrong", endpoint=server.host) as nobody, pytest.raises(errors.UnknownKey) as caught:
        nobody.get(space, "a")
    assert caught.value.status == 403


def test_an_anonymous_client_reads_public_spaces_and_nothing_else(server: Server, client: Client, space: str) -> None:
    client.update_space(space, type="public")
    client.put(space, "a", b"x")
    with Client(endpoint=server.host) as anonymous:
        assert anonymous.get(space, "a").data == b"x"
        assert anonymous.stat(space, "a").size == 1
        with pytest.raises(errors.NoCredentials):
            anonymous.put(space, "a", b"y")
        assert "anonymous" in repr(anonymous)


def test_temporary_keys_are_used_with_their_token(server: Server, client: Client, space: str) -> None:
    keys = client.assume_role(session="test", duration=timedelta(minutes=15))
    assert keys.expires is not None and keys.private_key not in repr(keys)
    with Client(
        keys.public_key, keys.private_key, security_token=keys.security_token, endpoint=server.host
    ) as temporary:
        temporary.put(space, "a", b"x")
        assert temporary.get(space, "a").data == b"x"
        url = temporary.presign(space, "a")
    with urllib.request.urlopen(url, timeout=patience.SECONDS) as answer:
        assert answer.read() == b"x"
    with Client(keys.public_key, keys.private_key, endpoint=server.host) as bare:
        with pytest.raises(errors.AccessDenied):
            bare.stat(space, "a")


def test_spaces_are_made_found_changed_listed_and_removed(client: Client) -> None:
    name = "s-" + uuid.uuid4().hex[:12]
    made = client.create_space(name, type="public")
    assert made.name == name and made.id
    assert client.stat_space(name).type == "public"
    client.update_space(name, type="private")
    assert client.stat_space(name).type == "private"
    with pytest.raises(errors.SpaceExists):
        client.create_space(name)
    assert name in [each.name for each in client.list_spaces()]
    client.put(name, "a", b"x")
    with pytest.raises(errors.SpaceNotEmpty):
        client.delete_space(name)
    client.delete(name, "a")
    client.delete_space(name)
    with pytest.raises(errors.SpaceNotFound):
        client.stat_space(name)


def test_a_listing_is_lazy_and_in_order_over_pages(
    client: Client, space: str, proxy: FaultProxy, through: Client
) -> None:
    names = [f"{number:03}" for number in range(7)]
    for name in names:
        client.put(space, name, b"x")
    listing = through.list(space, page_size=3)
    assert proxy.log() == []
    assert [each.key for each in listing] == names
    assert len(proxy.log("ListObjects")) == 3
    assert [len(page.items) for page in listing.pages()] == [3, 3, 1]
    assert next(iter(listing)).key == "000"
    assert [each.key for each in client.list(space, "00", start_after="003")] == names[4:]
    assert [each.key for each in client.list_files(space, page_size=2)] == names
    assert [each.key for each in client.list_space_files(space, offset=1, limit=2)] == names[1:3]


def test_no_call_looks_for_modules_once_they_are_loaded(
    client: Client, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put(space, "a", io.BytesIO(b"x"))

    def look(name: str) -> None:
        raise AssertionError(f"{name} was looked for")

    monkeypatch.setattr(importlib.util, "find_spec", look)
    client.put(space, "b", io.BytesIO(b"x"))
    assert client.get(space, "b").data == b"x"


def test_a_delimiter_gives_prefixes(client: Client, space: str) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        client.put(space, name, b"x")
    pages = list(client.list(space, delimiter="/").pages())
    assert [prefix for page in pages for prefix in page.prefixes] == ["a/", "b/"]
    assert [each.key for page in pages for each in page.items] == ["c"]


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_an_iteration_with_a_delimiter_gives_prefixes_among_the_objects(
    client: Client, space: str, page_size: int
) -> None:
    for name in ("a", "b/1", "b/2", "b0", "c/", "c/1", "d"):
        client.put(space, name, b"x")
    listing = client.list(space, delimiter="/", page_size=page_size)
    expected = [("a", False, 1), ("b/", True, 0), ("b0", False, 1), ("c/", True, 0), ("d", False, 1)]
    assert [(each.key, each.is_prefix, each.size) for each in listing] == expected
    assert {each.space for each in listing} == {space}
    assert not [each for each in client.list(space, page_size=page_size) if each.is_prefix]

    async def work() -> list[tuple[str, bool, int]]:
        async with AsyncClient(settings=client.settings) as loop:
            found = loop.list(space, delimiter="/", page_size=page_size)
            return [(each.key, each.is_prefix, each.size) async for each in found]

    assert asyncio.run(work()) == expected


def test_many_are_deleted_and_what_fails_is_said_at_the_end(client: Client, space: str) -> None:
    for name in ("a", "b", "c"):
        client.put(space, name, b"x")
    assert sorted(client.delete_many(space, iter(["a", "b"])).done) == ["a", "b"]
    with pytest.raises(errors.SomeFailed, match="1 of 2 items failed") as caught:
        client.delete_many(space, ["c", "k" * 2000])
    assert caught.value.summary.done == ("c",)
    assert isinstance(caught.value.summary.failures[0].error, errors.InvalidArgument)
    assert list(client.list(space)) == []
    assert pickle.loads(pickle.dumps(caught.value)).summary.done == ("c",)


def test_a_delete_that_waits_holds_up_no_other(client: Client, through: Client, proxy: FaultProxy, space: str) -> None:
    keys = [f"{number:02}" for number in range(20)]
    for key in keys:
        client.put(space, key, b"x")
    proxy.on("DeleteObject", key="00").pause("first")
    with proxy.meanwhile("first", lambda: until(lambda: [each.key for each in client.list(space)] == ["00"])):
        assert sorted(through.delete_many(space, keys, jobs=2).done) == keys


def test_an_object_is_copied_renamed_and_described(client: Client, space: str) -> None:
    client.put(space, "a", b"x", mime="text/plain", metadata={"k": "v"})
    assert client.copy(space, "b", space, "a").etag == tree(b"x")
    assert client.stat(space, "b").metadata == {"k": "v"}
    client.copy(space, "b", space, "a", metadata={"n": "w"}, mime="text/html")
    assert (client.stat(space, "b").metadata, client.stat(space, "b").mime) == ({"n": "w"}, "text/html")
    with pytest.raises(errors.AlreadyExists):
        client.rename(space, "a", "b")
    client.rename(space, "a", "b", force=True)
    assert client.get(space, "b").info.mime == "text/plain"
    client.set_mime(space, "b", "video/mp4")
    assert client.stat(space, "b").mime == "video/mp4"
    client.set_tags(space, "b", {"kind": "film"})
    assert client.get_tags(space, "b") == {"kind": "film"}
    client.delete_tags(space, "b")
    assert client.get_tags(space, "b") == {}
    client.set_acl(space, "b", "public-read")
    assert client.get_acl(space, "b").grant == "public-read"
    client.set_class(space, "b", "ARCHIVE")
    with pytest.raises(errors.NotRestored):
        client.get(space, "b")
    client.restore(space, "b", tier="Expedited")
    assert client.get(space, "b").data == b"x"


def test_a_rename_whose_answer_was_lost_is_found_done(
    client: Client, space: str, proxy: FaultProxy, through: Client
) -> None:
    client.put(space, "a", b"x")
    proxy.on("RenameObject").lost_answer()
    through.rename(space, "a", "b")
    assert len(proxy.log("RenameObject")) == 2
    assert client.get(space, "b").data == b"x"


def test_bytes_are_appended(client: Client, space: str) -> None:
    assert client.append(space, "log", b"one").size == 3
    assert client.append(space, "log", b"two", position=3).size == 6
    assert client.append(space, "log", b"three").size == 11
    assert client.get(space, "log").data == b"onetwothree"


def test_an_append_whose_answer_was_lost_is_not_repeated(
    client: Client, space: str, proxy: FaultProxy, through: Client
) -> None:
    client.append(space, "log", b"one")
    proxy.on("AppendObject").lost_answer()
    with pytest.raises(errors.NoAnswer):
        through.append(space, "log", b"two")
    assert len(proxy.log("AppendObject")) == 1
    assert client.get(space, "log").data == b"onetwo"


def test_content_that_is_known_needs_not_be_sent(client: Client, space: str) -> None:
    data = os.urandom(1000)
    with pytest.raises(errors.NotFound):
        client.put_known(space, "b", etag=tree(data), size=len(data))
    client.put(space, "a", data)
    assert client.put_known(space, "b", etag=tree(data), size=len(data)).size == 1000
    assert client.get(space, "b").data == data


def test_an_upload_is_made_by_hand(client: Client, space: str) -> None:
    data = os.urandom(BLOCK + 10)
    client.put(space, "source", data)
    upload = client.begin_upload(space, "a", mime="video/mp4", metadata={"k": "v"})
    assert upload.block_size == BLOCK
    parts = [client.copy_part(upload, 0, space, "source", start=0, end=BLOCK), client.put_part(upload, 1, data[BLOCK:])]
    assert [each.upload_id for each in client.list_uploads(space)] == [upload.upload_id]
    assert [(each.part, each.size) for each in client.list_parts(space, upload.upload_id)] == [(0, BLOCK), (1, 10)]
    stored = client.finish_upload(upload, parts)
    assert (stored.size, stored.etag) == (BLOCK + 10, tree(data))
    assert client.get(space, "a").data == data
    assert list(client.list_uploads(space)) == []


def test_an_upload_is_aborted_and_aborting_again_is_no_error(client: Client, space: str) -> None:
    upload = client.begin_upload(space, "a")
    client.abort_upload(space, "a", upload.upload_id)
    client.abort_upload(space, "a", upload.upload_id)
    assert list(client.list_uploads(space)) == []


def test_parts_that_are_not_all_there_are_an_invalid_argument(client: Client, space: str) -> None:
    upload = client.begin_upload(space, "a")
    second = client.put_part(upload, 1, b"x")
    with pytest.raises(errors.InvalidArgument, match="a part is missing or given twice"):
        client.finish_upload(upload, [second])
    client.abort_upload(space, "a", upload.upload_id)


def test_urls_are_signed_for_get_head_and_put(client: Client, space: str) -> None:
    put = client.presign(space, "a b+c", method="PUT", mime="text/plain")
    request = urllib.request.Request(put, b"hello", {"Content-Type": "text/plain"}, method="PUT")
    with urllib.request.urlopen(request, timeout=patience.SECONDS) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(client.presign(space, "a b+c", filename="片.txt"), timeout=patience.SECONDS) as answer:
        assert answer.read() == b"hello"
        assert "attachment" in answer.headers["Content-Disposition"]
    head = urllib.request.Request(client.presign(space, "a b+c", method="HEAD"), method="HEAD")
    with urllib.request.urlopen(head, timeout=patience.SECONDS) as answer:
        assert answer.headers["Content-Length"] == "5"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(client.presign(space, "a b+c", method="HEAD"), timeout=patience.SECONDS)
    with caught.value as refused:
        assert refused.code == 401
    with pytest.raises(errors.InvalidArgument):
        client.presign(space, "a", method="POST")


def test_tokens_are_made_used_changed_and_removed(client: Client, server: Server, space: str) -> None:
    made = client.create_token("reader", ops=["TOKEN_ALLOW_READ"], spaces=[space], prefixes=["*"])
    assert made.private_key and made.private_key not in repr(made)
    client.put(space, "a", b"x")
    with Client(made.public_key, made.private_key, endpoint=server.host) as reader:
        assert reader.get(space, "a").data == b"x"
        with pytest.raises(errors.AccessDenied):
            reader.delete(space, "a")
        client.update_token(made.id, ops=["TOKEN_ALLOW_READ", "TOKEN_ALLOW_DELETE"])
        assert client.list_tokens(token_id=made.id)[0].ops == ("TOKEN_ALLOW_READ", "TOKEN_ALLOW_DELETE")
        client.delete_token(made.id)
        with pytest.raises(errors.UnknownKey):
            reader.get(space, "a")


def test_usage_is_told_by_day(client: Client, space: str) -> None:
    client.put(space, "a", b"x" * 1000)
    now = datetime.now(timezone.utc)
    days = client.space_usage(space, begin=now - timedelta(days=1), end=now)
    assert days and all(day.time.tzinfo is timezone.utc for day in days)


def test_a_passing_failure_is_tried_again(client: Client, space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject").then(500, times=2)
    proxy.on("GetObject").reset(3)
    proxy.on("ListObjects").then(429)
    through.put(space, "a", b"hello")
    assert through.get(space, "a").data == b"hello"
    assert [each.key for each in through.list(space)] == ["a"]
    assert [len(proxy.log(name)) for name in ("PutObject", "GetObject", "ListObjects")] == [3, 2, 2]


def test_content_that_does_not_verify_is_an_integrity_error(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject").flip_request(2)
    with pytest.raises(errors.IntegrityError, match="the source has"):
        through.put(space, "a", b"hello")
    through.put(space, "a", b"hello")
    proxy.on("GetObject").flip(1, times=2)
    with pytest.raises(errors.IntegrityError, match="does not verify"):
        through.get(space, "a")
    assert through.get(space, "a", checksum=False).data != b"hello"


def test_a_refusal_is_not_tried_again(space: str, proxy: FaultProxy, through: Client) -> None:
    with pytest.raises(errors.NotFound):
        through.stat(space, "absent")
    assert len(proxy.log("HeadObject")) == 1


def test_bad_arguments_are_said_before_anything_is_sent(proxy: FaultProxy, through: Client) -> None:
    for call in (
        lambda: through.put("Bad Name", "a", b""),
        lambda: through.put("space", "", b""),
        lambda: through.put("space", "a", "text"),  # type: ignore[arg-type]
        lambda: through.put("space", "a", 5),  # type: ignore[arg-type]
        lambda: through.put("space", "a", b"", storage_class="COLD"),
        lambda: through.put("space", "a", b"", metadata={"a b": "c"}),
        lambda: through.put("space", "a", b"", metadata={"a": "c\r\nd"}),
        lambda: through.put("space", "a", b"", metadata={"a": " c"}),
        lambda: through.append("space", "a", b"", metadata={"a": "c\t"}),
        lambda: through.copy("space", "a", "space", "b", metadata={"a": "c "}),
        lambda: through.upload("space", "a", b"", headers={"Cache-Control": " no-cache"}),
        lambda: through.put("space", "a", b"", headers={"Host": "x"}),
        lambda: through.put("space", "a", b"", acl="everyone"),
        lambda: through.list("space", page_size=0),
        lambda: through.delete_many("space", [], jobs=0),
        lambda: through.update_space("space"),
        lambda: through.presign("space", "a", expires=0),
        lambda: through.create_token("t", ops=["ALL"]),
    ):
        with pytest.raises(errors.InvalidArgument):
            call()
    assert proxy.log() == []


def test_a_client_can_be_pickled_and_shows_no_secret(client: Client, space: str, server: Server) -> None:
    client.put(space, "a", b"x")
    with pickle.loads(pickle.dumps(client)) as again:
        assert again.get(space, "a").data == b"x"
    assert server.private_key not in repr(client) + repr(client.settings)


def test_a_client_is_usable_after_a_fork(client: Client, space: str) -> None:
    client.put(space, "a", b"x")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if client.get(space, "a").data == b"x" else 1)
        except BaseException:
            os._exit(2)
    assert client.get(space, "a").data == b"x"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_settings_are_given_whole_or_one_by_one_but_not_both(server: Server) -> None:
    settings = Settings(server.public_key, server.private_key, endpoint=server.host)
    with Client(settings=settings) as client:
        assert client.settings is settings
    with pytest.raises(errors.InvalidArgument):
        Client("p", "s", settings=settings)


@pytest.mark.parametrize("value", ["a  b", "\u3000a\u00a0", "-", "\u200b"])
def test_metadata_comes_back_as_it_was_given(client: Client, space: str, value: str) -> None:
    client.put(space, "a", b"x", metadata={"k": value})
    assert client.stat(space, "a").metadata == {"k": value}
    assert next(iter(client.list(space))).metadata == {"k": value}


def test_blanks_around_a_header_are_none_of_its_value(server: Server, client: Client, space: str) -> None:
    """A client that sends them does not mean them: HTTP has no values with such blanks."""
    request = carrier_of(client).request(operation.PutObject(space, "a", metadata=(("k", "v"),)))
    head = "".join(f"{name}:{value}\r\n" for name, value in request.headers if name != "X-Ufile-Meta-k")
    sent = f"PUT {request.target} HTTP/1.1\r\nHost: {server.host}\r\n{head}X-Ufile-Meta-k: \t v \t\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"{sent}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        assert raw.makefile("rb").readline().startswith(b"HTTP/1.1 200")
    assert client.stat(space, "a").metadata == {"k": "v"}


def test_a_client_keeps_as_many_connections_as_it_is_told(server: Server, space: str, proxy: FaultProxy) -> None:
    """Four puts at the same time, twice: connections that were kept are used again."""

    def connections(pool_size: int) -> int:
        proxy.reset()
        options: dict[str, Any] = {"endpoint": f"127.0.0.1:{proxy.port}", "pool_size": pool_size}
        with Client(server.public_key, server.private_key, **options) as client:
            for _ in range(2):
                gate = threading.Barrier(4)

                def data(gate: threading.Barrier = gate) -> Iterator[bytes]:
                    yield b"x"
                    gate.wait(patience.SECONDS)  # all four have a connection now
                    yield b"y"

                with ThreadPoolExecutor(4) as threads:
                    done = [threads.submit(client.put, space, str(number), data()) for number in range(4)]
                assert all(each.result().size == 2 for each in done)
        return len({seen.connection for seen in proxy.log()})

    assert connections(1) > connections(8)


def test_a_client_of_a_loop_has_no_more_connections_than_it_is_told(
    server: Server, space: str, proxy: FaultProxy
) -> None:
    async def work(pool_size: int) -> int:
        proxy.reset()
        options: dict[str, Any] = {"endpoint": f"127.0.0.1:{proxy.port}", "pool_size": pool_size}
        async with AsyncClient(server.public_key, server.private_key, **options) as client:
            await asyncio.gather(*(client.put(space, str(number), b"x") for number in range(20)))
        return len({seen.connection for seen in proxy.log()})

    assert asyncio.run(work(2)) <= 2


def test_the_pool_size_comes_from_the_environment_too() -> None:
    assert load(environ={"UVIDEO_POOL_SIZE": "7"}).pool_size == 7


def test_a_presigned_delete_removes_that_object_only(client: Client, space: str) -> None:
    for key in ("a b+c", "other"):
        client.put(space, key, b"x")
    url = client.presign(space, "a b+c", method="DELETE", expires=60)
    for wrong in (url.replace("a%20b", "other", 1), url.replace("Signature=", "Signature=A")):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(wrong, method="DELETE"))
    with pytest.raises(urllib.error.HTTPError):  # it is not for reading
        urllib.request.urlopen(url)
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")) as response:
        assert response.status in (200, 204)
    assert [each.key for each in client.list(space)] == ["other"]
    with pytest.raises(errors.InvalidArgument, match="for a PUT only"):
        client.presign(space, "a", method="DELETE", mime="text/plain")
