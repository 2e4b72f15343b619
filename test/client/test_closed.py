"""A closed client raises; it does not connect again.  A filesystem does, because fsspec shares it between callers."""

from __future__ import annotations

import asyncio
import inspect
import io
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo import AsyncClient, Cancel, Client, TransferManager, errors
from uvideo.fs import UVideoFileSystem

BLOCK = 4194304
CLOSED = "this client is closed: create a new one"

#: name: a call that sends a request
CALLS: dict[str, Callable[[Any], Any]] = {
    "stat": lambda client: client.stat("space", "a"),
    "put": lambda client: client.put("space", "a", b"x"),
    "put of a stream": lambda client: client.put("space", "a", io.BytesIO(b"x")),
    "get": lambda client: client.get("space", "a"),
    "upload": lambda client: client.upload("space", "a", b"x"),
    "upload in parts": lambda client: client.upload("space", "a", bytes(9 << 20)),
    "download": lambda client: client.download("space", "a", io.BytesIO()),
    "copy": lambda client: client.copy("space", "a", "space", "b"),
    "rename": lambda client: client.rename("space", "a", "b"),
    "append": lambda client: client.append("space", "a", b"x"),
    "create_space": lambda client: client.create_space("space"),
    "upload_dir": lambda client: client.upload_dir(Path(__file__).parent, "space", include=["test_closed.py"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_call_of_a_closed_client_connects(proxy: FaultProxy, through: Client, name: str) -> None:
    through.close()
    with pytest.raises((errors.InvalidArgument, errors.SomeFailed), match=CLOSED):
        CALLS[name](through)

    async def work() -> None:
        async with AsyncClient(settings=through.settings) as client:
            pass
        before = threading.active_count()
        with pytest.raises((errors.InvalidArgument, errors.SomeFailed), match=CLOSED):
            await CALLS[name](client)
        assert threading.active_count() == before

    asyncio.run(work())
    assert proxy.log() == []


def test_listings_and_files_of_a_closed_client_raise_too(client: Client, space: str) -> None:
    client.put(space, "a", bytes(100_000))
    file, writer = client.open(space, "a"), client.open(space, "b", "wb")
    listing = client.list(space)
    client.close()
    client.close()
    for call in (lambda: list(listing), lambda: file.read(), lambda: client.open(space, "a")):
        with pytest.raises(errors.InvalidArgument, match=CLOSED):
            call()
    writer.write(b"x")
    with pytest.raises(errors.InvalidArgument, match=CLOSED):
        writer.close()

    async def work() -> None:
        loop = AsyncClient(settings=client.settings)
        found = loop.list(space)
        await loop.close()
        with pytest.raises(errors.InvalidArgument, match=CLOSED):
            [each async for each in found]
        for mode in ("rb", "wb"):
            with pytest.raises(errors.InvalidArgument, match=CLOSED):
                loop.open(space, "a", mode)  # type: ignore[call-overload]

    asyncio.run(work())


def test_idle_connections_are_closed_and_the_next_request_opens_another(
    space: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("PutObject", key="b").pause("put")

    async def work(client: AsyncClient) -> None:
        assert (await client.put(space, "a", io.BytesIO(b"x"))).verified and not await client.exists(space, "c")
        running = asyncio.create_task(client.put(space, "b", b"y"))
        assert await asyncio.to_thread(proxy.wait, "put")
        await client.close_idle()
        await asyncio.to_thread(patience.until, lambda: proxy.connected() == 1)
        proxy.release("put")
        assert (await running).verified and await client.exists(space, "b")
        await client.close_idle()
        await asyncio.to_thread(patience.until, lambda: not proxy.connected())
        assert (await client.put(space, "a", io.BytesIO(b"x"))).verified
        await client.close()

    asyncio.run(work(AsyncClient(settings=through.settings)))
    proxy.reset()
    proxy.on("PutObject", key="b").pause("put")
    through.get(space, "a")

    def close() -> None:
        through.close_idle()
        patience.until(lambda: proxy.connected() == 1)

    through.delete_many(space, ["c", "d"])
    with proxy.meanwhile("put", close):
        through.put(space, "b", b"y")
    patience.until(lambda: not proxy.connected())
    assert through.get(space, "b").data == b"y"


def test_what_sends_nothing_still_works_and_a_pickle_is_a_new_client(client: Client, space: str) -> None:
    client.put(space, "a", b"x")
    client.close()
    assert space in repr(client.presign(space, "a")) and client.transfers() == ()
    with pickle.loads(pickle.dumps(client)) as again:
        assert again.get(space, "a").data == b"x"
    assert inspect.getdoc(Client.close) != inspect.getdoc(AsyncClient.close)


def test_a_transfer_that_runs_meanwhile_ends_and_can_be_repeated(
    server: Server, space: str, proxy: FaultProxy, through: Client, tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(3 * BLOCK))

    def closing(_: object) -> None:
        through.close()

    with pytest.raises(errors.InvalidArgument, match=CLOSED):
        through.upload(space, "film", path, part_jobs=1, progress=closing)
    with Client(settings=through.settings) as again:
        assert again.upload(space, "film", path).verified
        assert again.transfers() == () == tuple(again.list_uploads(space))


def blocks(count: int, close: Callable[[], object]) -> Iterator[bytes]:
    """So many blocks of a stream.  The client is closed while it reads them."""
    for number in range(count):
        if number == 1:
            close()
        yield bytes(BLOCK)


def nothing_left(server: Server, space: str) -> bool:
    with Client(server.public_key, server.private_key, endpoint=server.host) as other:
        return [*other.list(space)] == [] == [*other.list_uploads(space)]


def test_a_call_that_cannot_be_repeated_leaves_nothing_at_the_service(
    server: Server, space: str, through: Client, tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(3 * BLOCK))
    calls: list[Callable[[Client], object]] = [
        lambda client: client.upload(space, "a", blocks(4, client.close), part_jobs=1),
        lambda client: client.upload(space, "a", path, part_jobs=1, journal=False, progress=lambda _: client.close()),
        lambda client: client.put(space, "a", blocks(2, client.close), if_absent=True),
        lambda client: client.copy(space, "b", space, "a", threshold=1, part_jobs=1, progress=lambda _: client.close()),
    ]
    for number, call in enumerate(calls):
        client = Client(settings=through.settings)
        if number == 3:
            client.put(space, "a", bytes(3 * BLOCK))
        with pytest.raises(errors.InvalidArgument, match=CLOSED):
            call(client)
        if number == 3:
            through.delete(space, "a")
        assert nothing_left(server, space), number


def test_nor_does_a_call_on_a_loop(server: Server, space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("RenameObject").pause("rename")
    proxy.on("UploadPart", part=1).pause("part")

    async def work() -> None:
        for paused in ("rename", "part"):
            client = AsyncClient(settings=through.settings)
            if paused == "rename":
                call = client.put(space, "a", b"x", if_absent=True)
            else:
                call = client.upload(space, "a", io.BytesIO(bytes(3 * BLOCK)), part_jobs=1)  # type: ignore[assignment]
            task = asyncio.create_task(call)
            assert await asyncio.to_thread(proxy.wait, paused)
            await client.close()
            if paused == "part":
                proxy.release("part")
            with pytest.raises(errors.InvalidArgument, match=CLOSED):
                await task
            assert await asyncio.to_thread(nothing_left, server, space), paused
            await asyncio.to_thread(proxy.settle, paused)

    asyncio.run(work())
    assert nothing_left(server, space)


def test_a_request_that_is_connecting_is_not_sent(proxy: FaultProxy, through: Client) -> None:
    async def work() -> None:
        client = AsyncClient(settings=through.settings)
        task = asyncio.create_task(client.exists("space", "a"))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(errors.InvalidArgument, match=CLOSED):
            await task

    asyncio.run(work())
    assert proxy.log() == []


def test_a_manager_says_it_for_each_transfer(client: Client, space: str) -> None:
    client.close()
    with TransferManager(client) as manager:
        assert isinstance(manager.upload(space, "a", b"x").exception(patience.SECONDS), errors.InvalidArgument)


def test_a_filesystem_connects_again(server: Server, client: Client, space: str) -> None:
    fs = UVideoFileSystem(endpoint=server.host, public_key=server.public_key, private_key=server.private_key)
    fs.pipe_file(f"{space}/a", b"x")
    fs.close()
    assert fs.cat_file(f"{space}/a") == b"x"
    with fs.open(f"{space}/a") as file:
        assert file.read() == b"x"
    fs.close()


def test_nor_does_clean_up_that_runs_while_the_client_is_closed(
    server: Server, space: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("RenameObject").pause("rename")
    proxy.on("DeleteObject").pause("delete")

    async def work() -> None:
        client = AsyncClient(settings=through.settings)
        task = asyncio.create_task(client.put(space, "a", b"x", if_absent=True))
        assert await asyncio.to_thread(proxy.wait, "rename")
        task.cancel()
        assert await asyncio.to_thread(proxy.wait, "delete")
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(nothing_left, server, space)
        await asyncio.to_thread(proxy.settle, "rename")
        await asyncio.to_thread(proxy.settle, "delete")

    asyncio.run(work())


@pytest.mark.parametrize("if_absent", [False, True])
def test_a_cancelled_put_of_a_stream_does_not_wait_for_the_response(
    server: Server, space: str, proxy: FaultProxy, through: Client, if_absent: bool
) -> None:
    proxy.on("PutObject").pause("put")

    async def work() -> None:
        async with AsyncClient(settings=replace(through.settings, timeout=10 * patience.SECONDS)) as client:
            task = asyncio.create_task(client.put(space, "a", io.BytesIO(b"x"), if_absent=if_absent))
            assert await asyncio.to_thread(proxy.wait, "put")
            task.cancel()
            try:
                await asyncio.wait({task}, timeout=patience.SECONDS)
                assert task.cancelled()
            finally:
                proxy.release("put")

    asyncio.run(work())


def test_nor_does_a_cancelled_abort(space: str, proxy: FaultProxy, through: Client, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(bytes(9 << 20))
    stop = Cancel()
    with pytest.raises(errors.Cancelled):
        through.upload(space, "film", tmp_path / "film", cancel=stop, progress=lambda now: stop.cancel())
    (kept,) = through.transfers()
    proxy.on("AbortUpload").pause("abort")

    async def work() -> None:
        async with AsyncClient(settings=replace(through.settings, timeout=10 * patience.SECONDS)) as client:
            task = asyncio.create_task(client.abort(kept.id))
            assert await asyncio.to_thread(proxy.wait, "abort")
            task.cancel()
            try:
                await asyncio.wait({task}, timeout=patience.SECONDS)
                assert task.cancelled()
            finally:
                proxy.release("abort")

    asyncio.run(work())
