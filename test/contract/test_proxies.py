"""Which proxy a request goes through is decided by one rule, whichever client sends it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from test.sdk.httpproxy import HttpProxy
from test.server_fixture import Server
from ucloud.ufile import config as ufile_config
from ucloud.ufile.downloadufile import DownloadUFile
from ucloud.uvideo import config
from ucloud.uvideo.filemanager import FileManager
from uvideo import AsyncClient, Client, fs
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.diagnose.checks import examine

NAME = "service.test"  # it resolves nowhere: who reaches it went through the proxy
DEAD = "http://127.0.0.1:1"

#: (host of the service, the proxy that the caller chose, the environment); PROXY stands for the proxy's URL.
WAYS: dict[str, tuple[str, str | None, dict[str, str]]] = {
    "one that was chosen": (NAME, "PROXY", {}),
    "one that was chosen, and the environment": (NAME, "PROXY", {"http_proxy": DEAD, "no_proxy": NAME}),
    "one that was chosen, to this machine": ("127.0.0.1", "PROXY", {}),
    "the environment's": (NAME, None, {"http_proxy": "PROXY", "no_proxy": "example.com"}),
    "the environment's for all": (NAME, None, {"all_proxy": "PROXY"}),
    "none, and the environment": ("127.0.0.1", "", {"http_proxy": DEAD}),
    "the environment's, to this machine": ("127.0.0.1", None, {"http_proxy": DEAD, "all_proxy": DEAD}),
    "nothing": ("127.0.0.1", None, {}),
}


def by_sdk(settings: Any, kind: Any, server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    given = {"uploadsuffix": endpoint, "downloadsuffix": endpoint, **({} if proxy is None else {"proxy": proxy})}
    settings.set_default(**given)
    try:
        with closing(kind(server.public_key, server.private_key)) as handler:
            return bool(handler.download_file(space, "a", os.devnull)[1].ok())
    finally:
        settings.DEFAULTS.unset(given)


def by_client(server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    with Client(server.public_key, server.private_key, endpoint=endpoint, proxy=proxy) as client:
        return client.stat(space, "a").size == 1


def by_async_client(server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    async def ask() -> bool:
        async with AsyncClient(server.public_key, server.private_key, endpoint=endpoint, proxy=proxy) as client:
            return (await client.stat(space, "a")).size == 1

    return asyncio.run(ask())


def by_filesystem(server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    given = {"public_key": server.public_key, "private_key": server.private_key, "endpoint": endpoint}
    return bool(fs.UVideoFileSystem(**given, proxy=proxy, skip_instance_cache=True).info(f"{space}/a")["size"] == 1)


def by_command(server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings(server, endpoint), "PROXY": proxy}.items():
            if value is not None:
                patch.setenv(f"UVIDEO_{name}", value)
        context = Context()
        code = invoke(context, ["stat", f"uvideo://{space}/a"])
        context.close()
    return code == 0


def by_doctor(server: Server, endpoint: str, proxy: str | None, space: str) -> bool:
    options = {name.lower(): value for name, value in settings(server, endpoint).items()}
    every = {each.check: each.verdict for each in examine(space=space, options={**options, "proxy": proxy})}
    return every.get("round-trip") == "ok"


def settings(server: Server, endpoint: str) -> dict[str, str]:
    return {"ENDPOINT": endpoint, "PUBLIC_KEY": server.public_key, "PRIVATE_KEY": server.private_key}


CLIENTS: dict[str, Callable[[Server, str, str | None, str], bool]] = {
    "sdk": lambda *way: by_sdk(config, FileManager, *way),
    "sdk, as ufile": lambda *way: by_sdk(ufile_config, DownloadUFile, *way),
    "client": by_client,
    "async client": by_async_client,
    "filesystem": by_filesystem,
    "command": by_command,
    "doctor": by_doctor,
}


@pytest.fixture(scope="module")
def space(server: Server) -> str:
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        name = client.create_space("p-" + uuid.uuid4().hex[:20]).name
        client.put(name, "a", b"a")
    return name


@pytest.fixture
def proxy(server: Server) -> Iterator[HttpProxy]:
    with closing(HttpProxy(server.port)) as made:
        yield made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_goes_the_same_way(
    server: Server, space: str, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, client: str, way: str
) -> None:
    host, chosen, environ = WAYS[way]
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for each in (name, name.upper()):
            monkeypatch.delenv(each, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value.replace("PROXY", proxy.origin))
    endpoint = f"http://{host}" if host == NAME else f"http://{host}:{server.port}"
    chosen = chosen and chosen.replace("PROXY", proxy.origin)
    assert CLIENTS[client](server, endpoint, chosen, space)
    goes_through = "PROXY" in f"{WAYS[way][1]} {environ}"
    assert bool(proxy.calls) == goes_through
