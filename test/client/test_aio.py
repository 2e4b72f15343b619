"""AsyncClient against the real server: what an event loop adds; the rest is the contract's."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import AsyncClient, Retry, errors
from uvideo.models import Progress

BLOCK = 4194304
R = TypeVar("R")


@pytest.fixture
def go(server: Server, proxy: FaultProxy) -> Callable[[Callable[[AsyncClient, str], Awaitable[R]]], R]:
    """Run a coroutine function with a client that passes the proxy, and a space of its own."""

    def run(work: Callable[[AsyncClient, str], Awaitable[R]]) -> R:
        async def main() -> R:
            host = f"127.0.0.1:{proxy.port}"
            keys = (server.public_key, server.private_key)
            async with AsyncClient(*keys, endpoint=host, retry=Retry(5, base=0.0)) as client:
                space = (await client.create_space("a-" + uuid.uuid4().hex[:20])).name
                return await work(client, space)

        return asyncio.run(main())

    return run


@pytest.mark.parametrize(
    "key",
    ["with blank", "a+b", "100%25", "what?", "a#b", "a//b", "a/../b", "视频/\U0001f3ac", "/e/", "l\nb"],
    ids=ascii,
)
def test_a_key_goes_out_byte_for_byte(go: Any, key: str) -> None:
    async def work(client: AsyncClient, space: str) -> None:
        await client.put(space, key, b"x", metadata={"title": "片"})
        found = await client.get(space, key)
        assert (found.data, found.info.metadata) == (b"x", {"title": "片"})
        assert [each.key async for each in client.list(space)] == [key]
        await client.delete(space, key)
        with pytest.raises(errors.NotFound):
            await client.stat(space, key)

    go(work)


def test_every_operation_is_carried(go: Any) -> None:
    async def work(client: AsyncClient, space: str) -> None:
        stored = await client.put(space, "a", b"hello", mime="text/plain")
        assert stored.verified and (await client.get(space, "a", start=-3)).data == b"llo"
        await client.copy(space, "b", space, "a")
        await client.rename(space, "b", "c")
        await client.set_mime(space, "c", "video/mp4")
        await client.set_tags(space, "c", {"k": "v"})
        assert await client.get_tags(space, "c") == {"k": "v"}
        await client.delete_tags(space, "c")
        await client.set_acl(space, "c", "public-read")
        assert (await client.get_acl(space, "c")).grant == "public-read"
        await client.put_known(space, "d", etag=stored.etag or "", size=5)
        assert (await client.append(space, "log", b"one")).size == 3
        assert (await client.append(space, "log", b"two")).size == 6
        await client.set_class(space, "d", "ARCHIVE")
        await client.restore(space, "d")
        assert (await client.stat(space, "c")).mime == "video/mp4"
        pages = [page async for page in client.list(space, page_size=2).pages()]
        assert [len(page.items) for page in pages] == [2, 2]
        assert [each.key async for each in client.list_files(space)] == ["a", "c", "d", "log"]
        assert len(await client.list_space_files(space)) == 4
        upload = await client.begin_upload(space, "e")
        part = await client.put_part(upload, 0, b"x")
        assert [each.part async for each in client.list_parts(space, upload.upload_id)] == [0]
        assert [each.key async for each in client.list_uploads(space)] == ["e"]
        await client.finish_upload(upload, [part])
        upload = await client.begin_upload(space, "e")
        await client.finish_upload(upload, [await client.copy_part(upload, 0, space, "a", start=0, end=3)])
        other = await client.begin_upload(space, "f")
        carrier_of(client).carrier.clock = lambda: 1e10
        assert [each.upload_id for each in await client.clean_uploads(space, older_than=60)] == [other.upload_id]
        carrier_of(client).carrier.clock = time.time
        assert (await client.stat_space(space)).type == "private"
        await client.update_space(space, type="public")
        assert space in [each.name async for each in client.list_spaces()]
        now = datetime.now(timezone.utc)
        assert await client.space_usage(space, begin=now - timedelta(days=1), end=now)
        token = await client.create_token("t", ops=["TOKEN_ALLOW_READ"])
        await client.update_token(token.id, name="u")
        assert (await client.list_tokens(token_id=token.id))[0].name == "u"
        await client.delete_token(token.id)
        assert (await client.assume_role()).security_token
        assert client.presign(space, "a").startswith("http://127.0.0.1:")
        summary = await client.delete_many(space, ["a", "c", "d", "e", "log"])
        assert len(summary.done) == 5
        await client.delete_space(space)

    go(work)


def test_an_error_says_what_it_is_about(go: Any) -> None:
    async def work(client: AsyncClient, space: str) -> None:
        with pytest.raises(errors.NotFound) as caught:
            await client.get(space, "absent")
        assert (caught.value.operation, caught.value.key, caught.value.status) == ("GetObject", "absent", 404)
        stored = await client.put(space, "a", b"x")
        with pytest.raises(errors.Refused) as refused:
            await client.get(space, "a", if_none_match=stored.etag)
        assert refused.value.status == 304

    go(work)


def test_passing_failures_are_tried_again_and_refusals_are_not(go: Any, proxy: FaultProxy) -> None:
    proxy.on("PutObject").then(500).cut_after(3).then(429, headers={"Retry-After": "0"})
    proxy.on("GetObject").reset(2)
    proxy.on("DeleteObject").then(403)

    async def work(client: AsyncClient, space: str) -> None:
        await client.put(space, "a", b"hello")
        assert (await client.get(space, "a")).data == b"hello"
        with pytest.raises(errors.AccessDenied):
            await client.delete(space, "a")

    go(work)
    assert [len(proxy.log(name)) for name in ("PutObject", "GetObject", "DeleteObject")] == [4, 2, 1]


def test_content_that_does_not_verify_is_an_integrity_error(go: Any, proxy: FaultProxy) -> None:
    proxy.on("PutObject").flip_request(2)
    proxy.on("GetObject").flip(1)

    async def work(client: AsyncClient, space: str) -> None:
        with pytest.raises(errors.IntegrityError):
            await client.put(space, "a", b"hello")
        await client.put(space, "a", b"hello")
        with pytest.raises(errors.IntegrityError):
            await client.get(space, "a")

    go(work)


def test_no_connection_is_no_answer_that_was_not_sent(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient("p", "s", endpoint="127.0.0.1:1", retries=0) as client:
            with pytest.raises(errors.NoAnswer) as caught:
                await client.stat("space", "a")
            assert caught.value.sent is False

    asyncio.run(main())


def test_many_at_once(go: Any) -> None:
    async def work(client: AsyncClient, space: str) -> None:
        names = [f"{number:03}" for number in range(200)]
        await asyncio.gather(*(client.put(space, name, name.encode()) for name in names))
        found = await asyncio.gather(*(client.get(space, name) for name in names))
        assert [each.data for each in found] == [name.encode() for name in names]

    go(work)


def test_files_streams_and_async_iterables_are_moved_and_the_loop_stays_free(go: Any, tmp_path: Path) -> None:
    data = os.urandom(5 * BLOCK + 7)
    (tmp_path / "a").write_bytes(data)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1 << 20):
            await asyncio.sleep(0)
            yield data[at : at + (1 << 20)]

    async def work(client: AsyncClient, space: str) -> None:
        beats, seen = [0], list[Progress]()

        async def beat() -> None:
            while True:
                await asyncio.sleep(0.001)
                beats[0] += 1

        heart = asyncio.ensure_future(beat())
        stored = await client.upload(space, "file", tmp_path / "a", progress=seen.append)
        assert stored.verified and seen[-1].done == len(data)
        await client.upload(space, "pieces", pieces())
        await client.put(space, "put", pieces())
        await client.put(space, "stream", io.BytesIO(data))
        for key in ("file", "pieces", "put", "stream"):
            await client.download(space, key, tmp_path / key)
            assert (tmp_path / key).read_bytes() == data
        heart.cancel()
        assert beats[0] > 20

    go(work)


def test_a_cancelled_task_leaves_an_upload_that_can_be_resumed(go: Any, proxy: FaultProxy, tmp_path: Path) -> None:
    data = os.urandom(5 * BLOCK)
    (tmp_path / "a").write_bytes(data)
    proxy.on("UploadPart", part=2).pause("two")

    async def work(client: AsyncClient, space: str) -> None:
        task = asyncio.ensure_future(client.upload(space, "a", tmp_path / "a", part_jobs=1))
        assert await asyncio.to_thread(proxy.wait, "two")
        task.cancel()
        proxy.release("two")
        with pytest.raises(asyncio.CancelledError):
            await task
        (record,) = client.transfers()
        assert not record.active and record.done >= 2 * BLOCK
        assert (await client.resume(record.id)).size == len(data)
        assert (await client.get(space, "a")).data == data
        task = asyncio.ensure_future(client.upload(space, "b", tmp_path / "a"))
        await task
        assert client.transfers() == ()

    go(work)


def test_a_download_tells_its_progress_on_the_loop_and_writes_into_file_objects(go: Any, tmp_path: Path) -> None:
    data = os.urandom(5 * BLOCK + 7)

    async def work(client: AsyncClient, space: str) -> None:
        await client.put(space, "a", io.BytesIO(data))
        loop, seen = threading.get_ident(), list[tuple[int, Progress]]()
        file = io.BytesIO()
        found = await client.download(
            space,
            "a",
            tmp_path / "a",
            progress=lambda now: seen.append((threading.get_ident(), now)),
            bandwidth=1 << 30,
        )
        assert found.verified and (tmp_path / "a").read_bytes() == data
        assert {thread for thread, _ in seen} == {loop} and seen[-1][1].done == len(data)
        assert (await client.download(space, "a", file, start=5, checksum=False)).size == len(data) - 5
        assert file.getvalue() == data[5:]

    go(work)


def test_a_cancelled_task_leaves_a_download_that_can_be_resumed(go: Any, proxy: FaultProxy, tmp_path: Path) -> None:
    data = os.urandom(5 * BLOCK)
    proxy.on("GetObject", byte=2 * BLOCK).pause("second", answered=True, times=None)

    async def work(client: AsyncClient, space: str) -> None:
        await client.put(space, "a", io.BytesIO(data))
        task = asyncio.ensure_future(client.download(space, "a", tmp_path / "a", part_jobs=2))
        assert await asyncio.to_thread(proxy.wait, "second")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        proxy.release("second")
        proxy.reset()
        (record,) = client.transfers()
        assert (record.direction, record.active) == ("download", False)
        found = await client.resume(record.id)
        assert found.size == len(data) and (tmp_path / "a").read_bytes() == data
        assert client.transfers() == ()

    go(work)


def test_what_progress_raises_ends_the_upload(go: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3 * BLOCK))

    def progress(now: Progress) -> None:
        raise KeyError("mine")

    async def work(client: AsyncClient, space: str) -> None:
        with pytest.raises(KeyError, match="mine"):
            await client.upload(space, "a", tmp_path / "a", progress=progress)
        (record,) = client.transfers()
        await client.abort(record.id)
        assert [each async for each in client.list_uploads(space)] == []

    go(work)


def test_another_loop_is_refused(server: Server) -> None:
    client = AsyncClient(server.public_key, server.private_key, endpoint=server.host)

    async def ask() -> None:
        [each async for each in client.list_spaces()]

    async def other() -> None:
        with pytest.raises(errors.InvalidArgument, match="another event loop"):
            await ask()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask())
    asyncio.run(other())
    loop.run_until_complete(client.close())
    loop.close()


def test_a_file_is_read_in_chunks_and_beside_others(go: Any) -> None:
    data = os.urandom(3 * BLOCK + 5)

    async def work(client: AsyncClient, space: str) -> None:
        await client.upload(space, "a", data)

        async def read() -> bytes:
            async with client.open(space, "a") as file:
                return b"".join([chunk async for chunk in file])

        assert set(await asyncio.gather(*(read() for _ in range(12)))) == {data}

    go(work)


def test_an_upload_may_be_fed_by_readers_without_end_of_threads(go: Any) -> None:
    """Transfers have a few threads; files that feed all of them need others."""
    data = os.urandom(BLOCK // 8)

    async def work(client: AsyncClient, space: str) -> None:
        await client.put(space, "a", data)
        copies = [client.upload(space, f"copy/{number}", client.open(space, "a")) for number in range(20)]
        assert all(each.size == len(data) for each in await asyncio.gather(*copies))

    go(work)


def test_a_file_that_is_never_opened_closes(go: Any) -> None:
    async def work(client: AsyncClient, space: str) -> None:
        file = client.open(space, "absent")
        with pytest.raises(ValueError, match="not open"):
            _ = file.size
        await file.close()
        with pytest.raises(ValueError, match="closed"):
            await file.read()
        other = client.open(space, "absent")
        with pytest.raises(errors.NotFound):
            await other.read()
        await other.close()
        assert file.closed and other.closed
        empty = client.open(space, "empty", "wb")
        await empty.close()
        assert (await client.stat(space, "empty")).size == 0

    go(work)


def test_a_task_that_is_cancelled_in_a_write_leaves_nothing(go: Any, proxy: FaultProxy) -> None:
    proxy.on("UploadPart", part=0).pause("first")

    async def work(client: AsyncClient, space: str) -> None:
        async def write() -> None:
            async with client.open(space, "a", "wb", part_jobs=1) as file:
                for _ in range(100):
                    await file.write(bytes(1 << 20))

        task = asyncio.ensure_future(write())
        await asyncio.get_running_loop().run_in_executor(None, proxy.wait, "first")
        task.cancel()
        asyncio.get_running_loop().call_later(0.1, proxy.release, "first")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each.key async for each in client.list(space)] == []
        assert [each.key async for each in client.list_uploads(space)] == []

    go(work)
