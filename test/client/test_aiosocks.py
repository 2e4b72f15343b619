"""SOCKS proxies before AsyncClient and Client: as for the SDK, and nothing is left behind by a task that ends."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.client.test_aioconnection import again, run, send
from test.sdk.peer import PEM, Peer, answer, context
from test.sdk.socksserver import SocksServer
from test.sdk.test_proxies import environment
from test.sdk.test_socks import ACCOUNT, ADDRESS
from test.server_fixture import Server
from ucloud.uvideo.http import socks
from uvideo import AsyncClient, Client, errors
from uvideo.diagnose.checks import examine

Start = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Peer or a SocksServer."""
    made: list[Any] = []

    def start(kind: Callable[..., Any], *given: Any, **options: Any) -> Any:
        made.append(kind(*given, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("scheme", "host", "version", "name"),
    [
        ("socks4", "localhost", 4, "127.0.0.1"),
        ("socks4a", "service.test", 4, "service.test"),
        ("socks5", "localhost", 5, "127.0.0.1"),
        ("socks5h", "service.test", 5, "service.test"),
    ],
)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_requests_go_through(start: Start, scheme: str, host: str, version: int, name: str, tls: bool) -> None:
    inside = start(Peer, again(answer(b"inside")), context() if tls else None)
    proxy = start(SocksServer, inside.port)
    origin = f"http{'s' * tls}://{host}"

    async def work(client: AsyncClient) -> None:
        assert [(await send(client, origin)).body for _ in range(2)] == [b"inside"] * 2

    run(work, ca_bundle=PEM, proxy=f"{scheme}://{proxy.host}")
    (asked,) = proxy.asked
    assert (asked.version, asked.name, asked.port) == (version, name, 443 if tls else 80)


def test_every_call_of_both_clients_goes_through(start: Start, server: Server, space: str, tmp_path: Path) -> None:
    proxy = start(SocksServer, server.port, account=ACCOUNT)
    given = {
        "endpoint": "service.test:80",
        "public_key": server.public_key,
        "private_key": server.private_key,
        "provider": "local",
        "proxy": f"socks5h://{ADDRESS}{proxy.host}",
    }
    file, data = tmp_path / "film", os.urandom(9 << 20)
    file.write_bytes(data)
    with Client(**given) as client:
        client.upload(space, "threads", file)
        assert client.get(space, "threads").data == data

    async def main() -> None:
        async with AsyncClient(**given) as client:
            await client.upload(space, "loop", file)
            assert (await client.get(space, "loop")).data == data

    asyncio.run(main())
    assert {asked.account for asked in proxy.asked} == {ACCOUNT}


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"account": ACCOUNT}, errors.ConfigurationError, "password"),
        ({"reply": 2}, errors.ConfigurationError, "not allowed by ruleset"),
        ({"reply": 5}, errors.NoAnswer, "Connection refused"),
    ],
)
def test_what_the_proxy_refuses_is_said(start: Start, options: Any, kind: type, text: str) -> None:
    proxy = start(SocksServer, 1, **options)

    async def work(client: AsyncClient) -> None:
        with pytest.raises(errors.NoAnswer, match=text) as caught:
            await send(client, "http://service.test")
        assert type(caught.value) is kind and not caught.value.sent

    run(work, proxy=f"socks5h://{proxy.host}")


def silent(start: Start, gone: threading.Event) -> Any:
    """A proxy that says nothing; ``gone`` is set when the client's connection ends."""

    def talk(call: Any) -> None:
        try:
            while True:
                call.more()
        finally:
            gone.set()

    return start(Peer, talk)


def handshakes() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "socks"]


@pytest.mark.parametrize("way", ["limit", "cancel"])
def test_a_handshake_that_ends_early_leaves_nothing(start: Start, way: str) -> None:
    gone = threading.Event()
    proxy = silent(start, gone)

    async def work(client: AsyncClient) -> None:
        if way == "limit":
            with pytest.raises(errors.NoAnswer):
                await send(client, "http://service.test")
        else:
            task = asyncio.ensure_future(send(client, "http://service.test"))
            while not handshakes():
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await asyncio.to_thread(gone.wait, 20)
        for each in handshakes():
            each.join(patience.SECONDS)
            assert not each.is_alive()

    run(work, proxy=f"socks5h://{proxy.host}", connect_timeout=0.15 if way == "limit" else 60)


def test_without_pysocks_each_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socks, "library", None)
    given = {"endpoint": "service.test", "public_key": "p", "private_key": "s"}
    with environment(ALL_PROXY="socks5h://127.0.0.1:1"):
        with Client(**given) as client, pytest.raises(errors.ConfigurationError, match="pip install 'uvideo.socks.'"):
            client.get("films", "a")

        async def main() -> None:
            async with AsyncClient(**given) as client:
                with pytest.raises(errors.ConfigurationError, match="pip install 'uvideo.socks.'"):
                    await client.get("films", "a")

        asyncio.run(main())
        finding = next(each for each in examine(options=given) if each.verdict == "failed")
        assert (finding.check, finding.code) == ("upload.host", "socks-missing")


def test_doctor_goes_through(start: Start, server: Server, space: str) -> None:
    proxy = start(SocksServer, server.port)
    given = {
        "endpoint": "service.test:80",
        "public_key": server.public_key,
        "private_key": server.private_key,
        "provider": "local",
        "proxy": f"socks5h://{proxy.host}",
    }
    every = {each.check: each for each in examine(options=given, space=space)}
    assert (every["upload.tcp"].code, every["round-trip"].verdict) == ("tcp-proxy", "ok")
