"""AsyncClient on asyncio's loop and on uvloop: the same calls over TCP, TLS, a proxy, and a proxy that speaks TLS."""

from __future__ import annotations

import asyncio
import gc
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from test.sdk.dead import Dead, Names
from test.sdk.httpproxy import HttpProxy
from test.sdk.peer import PEM, Call, Peer, answer, context
from test.server_fixture import Server, start_server
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import address
from ucloud.uvideo.protocol import message
from uvideo import AsyncClient, errors

Run = Callable[[Coroutine[Any, Any, None]], None]
BLOCK = 4 << 20


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "asyncio":
        return asyncio.run
    uvloop = pytest.importorskip("uvloop", reason="there is none for this system")
    if sys.version_info < (3, 11):
        pytest.skip("asyncio.Runner needs Python 3.11")

    def on_uvloop(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as made:
            made.run(work)

    return on_uvloop


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("secure")
    with start_server(folder / "data", "--tls-cert", PEM, "--tls-key", PEM, "--no-fsync") as made:
        yield made


@pytest.fixture
def proxies(secure: Server) -> Iterator[dict[str, str]]:
    """URLs of proxies to it, over TCP and over TLS."""
    with closing(HttpProxy(secure.port)) as plain, closing(HttpProxy(secure.port, tls=context())) as tls:
        yield {"proxy": plain.origin, "tls proxy": tls.origin}
        assert plain.calls or tls.calls


async def everything(client: AsyncClient, folder: Path) -> None:
    space = (await client.create_space("l-" + uuid.uuid4().hex[:20])).name
    small, large = b"film" * 1000, bytes(range(256)) * (3 * BLOCK // 256) + b"end"
    await asyncio.gather(*(client.put(space, f"{number:02}", small) for number in range(20)))
    found = await asyncio.gather(*(client.get(space, f"{number:02}") for number in range(20)))
    assert [each.data for each in found] == [small] * 20
    assert [each.key async for each in client.list(space)] == [f"{number:02}" for number in range(20)]
    await client.put(space, "large", large)
    assert (await client.get(space, "large")).data == large

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1 << 20):
            yield large[start : start + (1 << 20)]

    assert (await client.upload(space, "parts", pieces())).verified
    assert (await client.download(space, "parts", folder / "parts")).verified
    assert (folder / "parts").read_bytes() == large
    with pytest.raises(errors.NotFound):
        await client.stat(space, "absent")


@pytest.mark.parametrize("way", ["tcp", "tls", "proxy", "tls proxy"])
def test_every_call_works_on_every_way(
    run: Run, way: str, server: Server, secure: Server, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if way == "tls proxy" and sys.version_info < (3, 11) and run is asyncio.run:
        pytest.skip("asyncio has TLS inside of TLS since Python 3.11")
    made = server if way == "tcp" else secure
    options: dict[str, Any] = {"endpoint": made.host}
    if way != "tcp":
        options = {"endpoint": f"https://localhost:{made.port}", "ca_bundle": PEM}
    if "proxy" in way:
        options["proxy"] = request.getfixturevalue("proxies")[way]

    async def main() -> None:
        async with AsyncClient(made.public_key, made.private_key, **options) as client:
            await everything(client, tmp_path)

    run(main())
    gc.collect()  # a transport that was left open fails the test


def send(client: AsyncClient, origin: str) -> Coroutine[Any, Any, Any]:
    return carrier_of(client).send(message.Request("GET", origin, "/", message.Headers(), b""), None, 1 << 20)


@pytest.fixture
def live() -> Iterator[Peer]:
    def talk(call: Call) -> None:
        while True:
            call.request()
            call.send(answer(b"it"))

    made = Peer(talk)
    yield made
    made.close()


def asking(run: Run, origin: str, expected: str, **options: Any) -> None:
    """One request: the body of its answer, or the text of the NoAnswer."""

    async def main() -> None:
        async with AsyncClient("p", "s", endpoint="127.0.0.1:1", retries=0, proxy="", **options) as client:
            try:
                found = (await send(client, origin)).body.decode()
            except errors.NoAnswer as error:
                assert not error.sent
                found = error.message
            assert expected in found

    run(main())
    gc.collect()


def test_a_dead_address_does_not_take_the_time_of_the_next(
    run: Run, live: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "STAGGER", 0.02)
    with Dead("127.0.0.2", live.port), Names(two_test=["127.0.0.2", "127.0.0.1"]):
        asking(run, f"http://two.test:{live.port}", "it", connect_timeout=60.0)


def test_the_next_one_follows_at_once_where_one_refuses(run: Run, live: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "seconds_between", lambda left, count: 3600.0)
    with Names(two_test=["127.0.0.3", "127.0.0.4", "127.0.0.1"]):
        asking(run, f"http://two.test:{live.port}", "it")


def test_an_address_that_cannot_be_reached_is_said(run: Run, live: Peer) -> None:
    with Dead("127.0.0.2", live.port), Names(dead_test=["127.0.0.2"] * 2, no_test=["127.0.0.3"] * 2, nobody_test=[]):
        asking(run, f"http://dead.test:{live.port}", "no connection in time", connect_timeout=0.05)
        asking(run, f"http://127.0.0.2:{live.port}", "no connection in time", connect_timeout=0.05)
        asking(run, f"http://no.test:{live.port}", "no connection: Connection refused")
        asking(run, f"http://nobody.test:{live.port}", "does not resolve (nobody knows it)")


def test_a_look_up_that_hangs_holds_nothing_up(run: Run) -> None:
    """Neither the call nor the end of the loop, which waits for the threads of its own pool."""
    with Names(stuck_test=None) as names:
        for _ in range(2):
            asking(run, "http://stuck.test", "no connection in time", connect_timeout=0.05)
        assert names.asked == ["stuck.test"]
