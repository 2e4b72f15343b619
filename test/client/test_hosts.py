"""Nothing signed goes to a host that the user did not name: typed clients, command, fsspec, fixture and environment."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import socket
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.pages import Page
from test.sdk import hosts
from test.sdk.peer import PEM
from test.server_fixture import Server
from uvideo import AsyncClient, Client, Retry
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.config.settings import load
from uvideo.errors import InvalidArgument, NoAnswer, UVideoError
from uvideo.fs import UVideoFileSystem

KEYS = {"public_key": "public", "private_key": "private"}
ONCE = Retry(0, 0.01, 0.01, 1.0, None, None)
SPACE, KEY = hosts.SPACE, "film.mp4"

#: A call of each kind: what a client's method is asked.
CALLS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("upload", "put", lambda client: client.put(SPACE, KEY, b"film")),
    ("upload", "upload", lambda client: client.upload(SPACE, KEY, b"film")),
    ("upload", "stat", lambda client: client.stat(SPACE, KEY)),
    ("upload", "delete", lambda client: client.delete(SPACE, KEY)),
    ("upload", "copy", lambda client: client.copy(SPACE, "new", SPACE, KEY)),
    ("upload", "list_parts", lambda client: client.list_parts(SPACE, "id")),
    ("upload", "list", lambda client: client.list(SPACE)),
    ("download", "get", lambda client: client.get(SPACE, KEY)),
    ("download", "download", lambda client: client.download(SPACE, KEY, io.BytesIO())),
    ("api", "create_space", lambda client: client.create_space(SPACE)),
    ("api", "list_spaces", lambda client: client.list_spaces()),
    ("api", "create_token", lambda client: client.create_token("t", ops=["TOKEN_ALLOW_READ"])),
    ("api", "assume_role", lambda client: client.assume_role()),
]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def few_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is asked for by names that nobody resolves no certificate is seen, and all the usual ones load slowly."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", PEM)


def given(case: tuple[str, str | None, str | None, str | None]) -> dict[str, Any]:
    names = ("provider", "endpoint", "download_endpoint", "api_url")
    return {**KEYS, **dict(zip(names, case, strict=True))}


def check(case: object, name: str, host: str | None, error: UVideoError, names: list[str]) -> None:
    if host is None:
        assert isinstance(error, InvalidArgument), (case, name, error)
        assert re.search("; set (endpoint|download_endpoint|api_url) ?", error.message), error.message
        assert names == [], (case, name)
        return
    assert isinstance(error, NoAnswer), (case, name, error)
    assert f"//{host} " in error.message, (case, name, error.message)
    assert set(names) <= hosts.looked_up(host), (case, name)


CASES = list(hosts.combinations())[::7]  # each host in many combinations; test/sdk/test_hosts.py compares every one


def test_no_call_of_a_client_goes_anywhere_else() -> None:
    for case in CASES:
        wanted = hosts.expected(*case)
        with Client(retry=ONCE, **given(case)) as client:
            for role, name, call in CALLS:
                with hosts.Lookups() as lookups, pytest.raises(UVideoError) as caught:
                    found = call(client)
                    next(iter(found))
                check(case, name, wanted[role], caught.value, lookups.names)


def test_no_call_of_an_asynchronous_client_goes_anywhere_else() -> None:
    async def ask(case: Any) -> None:
        wanted = hosts.expected(*case)
        async with AsyncClient(retry=ONCE, **given(case)) as client:
            for role, name, call in CALLS:
                with hosts.Lookups() as lookups, pytest.raises(UVideoError) as caught:
                    found = call(client)
                    await (found if asyncio.iscoroutine(found) else anext(aiter(found)))
                check(case, name, wanted[role], caught.value, lookups.names)

    async def every() -> None:
        for case in CASES[::4]:
            await ask(case)

    asyncio.run(every())


def test_signed_urls_name_the_host_they_are_for() -> None:
    for case in hosts.combinations():
        wanted = hosts.expected(*case)
        with Client(**given(case)) as client, hosts.Lookups() as lookups:
            for method, role in (("GET", "download"), ("HEAD", "download"), ("PUT", "upload")):
                host = wanted[role]
                if host is None:
                    with pytest.raises(InvalidArgument, match="; set "):
                        client.presign(SPACE, KEY, method=method)
                else:
                    assert client.presign(SPACE, KEY, method=method).split("/")[2] == host, (case, method)
            assert repr(client)
        assert lookups.names == []


# With the real server, by a name that is not of this machine


@pytest.fixture
def named(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """(the server's URL by a public name, every name that was looked up)."""
    real, asked = socket.getaddrinfo, list[str]()

    def find(name: Any, *rest: Any, **more: Any) -> Any:
        text = name.decode() if isinstance(name, bytes) else str(name)
        asked.append(text)
        if text == "media.example.com":
            return real("127.0.0.1", *rest, **more)
        raise socket.gaierror(socket.EAI_NONAME, "this test does not go there")

    monkeypatch.setattr(socket, "getaddrinfo", find)
    yield f"http://media.example.com:{server.port}", asked
    assert set(asked) == {"media.example.com"}


def everything(client: Client) -> None:
    """A space's whole life: each of the three hosts is used."""
    space = client.create_space("h-" + uuid.uuid4().hex[:20]).name
    client.put(space, "a", b"film")
    client.upload(space, "b", io.BytesIO(b"film"))
    assert client.get(space, "a").data == b"film"
    assert [each.key for each in client.list(space)] == ["a", "b"]
    assert urllib.request.urlopen(client.presign(space, "a"), timeout=patience.SECONDS).read() == b"film"
    client.delete_many(space, ["a", "b"])
    client.delete_space(space)


def test_an_endpoint_of_ones_own_is_all_three_hosts(server: Server, named: tuple[str, list[str]]) -> None:
    with Client(server.public_key, server.private_key, endpoint=named[0]) as client:
        everything(client)


def test_an_endpoint_of_the_environment_is_all_three_hosts(
    server: Server, named: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("ENDPOINT", named[0]),
        ("PUBLIC_KEY", server.public_key),
        ("PRIVATE_KEY", server.private_key),
    ):
        monkeypatch.setenv("UVIDEO_" + name, value)
    with Client() as client:
        everything(client)
    files = UVideoFileSystem(skip_instance_cache=True, create_spaces=True)
    space = "h-" + uuid.uuid4().hex[:20]
    files.mkdir(space)
    files.pipe(f"{space}/a", b"film")
    assert files.cat(f"{space}/a") == b"film"
    assert files.sign(f"{space}/a").startswith(named[0] + "/")
    files.rm(space, recursive=True)


def test_an_endpoint_of_an_asynchronous_client_is_all_three_hosts(server: Server, named: tuple[str, list[str]]) -> None:
    async def story() -> None:
        async with AsyncClient(server.public_key, server.private_key, endpoint=named[0]) as client:
            space = (await client.create_space("h-" + uuid.uuid4().hex[:20])).name
            await client.put(space, "a", b"film")
            assert (await client.get(space, "a")).data == b"film"
            assert client.presign(space, "a").startswith(named[0])
            await client.delete(space, "a")
            await client.delete_space(space)

    asyncio.run(story())


def test_the_players_guide_makes_a_link_that_opens(
    server: Server, named: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVIDEO_PUBLIC_KEY", server.public_key)
    monkeypatch.setenv("UVIDEO_PRIVATE_KEY", server.private_key)
    with Client(endpoint=named[0]) as client:
        space = client.create_space("h-" + uuid.uuid4().hex[:20]).name
        client.put(space, KEY, b"film")
    (block,) = (each.text for each in Page("docs/howto/player.md").blocks if each.kind == "python")
    page: dict[str, Any] = {}
    exec(block.replace('"films"', repr(space)), page)  # a space of its own on a server that others share
    link = re.search('src="([^"]*)"', page["player"](KEY, named[0]))
    assert link is not None
    assert urllib.request.urlopen(html.unescape(link[1]), timeout=patience.SECONDS).read() == b"film"


def test_config_init_makes_a_profile_whose_endpoint_is_all_three_hosts(
    server: Server,
    named: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    space = "h-" + uuid.uuid4().hex[:20]
    (tmp_path / "a.txt").write_text("film")
    keys = tmp_path / "keys.json"  # a gateway of a cluster has no credentials.json
    keys.touch(0o600)
    keys.write_text(json.dumps({"public_key": server.public_key, "private_key": server.private_key}))
    for words in (
        ("config", "init", "--endpoint", named[0], "--key-file", str(keys), "--yes"),
        ("mb", f"uvideo://{space}"),
        ("cp", "a.txt", f"uvideo://{space}/"),
        ("cat", f"uvideo://{space}/a.txt"),
        ("presign", f"uvideo://{space}/a.txt"),
        ("stat", f"uvideo://{space}/a.txt"),
        ("rm", f"uvideo://{space}/a.txt"),
        ("rb", f"uvideo://{space}"),
        ("doctor",),
    ):
        context = Context()
        code = invoke(context, words)
        context.close()
        said = capsys.readouterr()
        assert code == 0, (words, said)
        if words[0] == "presign":
            assert said.out.startswith(named[0] + "/")


def test_a_missing_host_is_an_error_of_the_command_with_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (
        ("ENDPOINT", "up.example.com"),
        ("DOWNLOAD_ENDPOINT", "down.example.com"),
        ("PUBLIC_KEY", "p"),
        ("PRIVATE_KEY", "s"),
    ):
        monkeypatch.setenv("UVIDEO_" + name, value)
    context = Context()
    with hosts.Lookups() as lookups:
        assert invoke(context, ("mb", "uvideo://films")) == 2
    assert "set api_url to the URL that manages its spaces" in capsys.readouterr().err
    assert lookups.names == []


# Layers


def profile(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    path.chmod(0o600)
    monkeypatch.setenv("UVIDEO_CONFIG", str(path))


def test_an_endpoint_above_a_profile_is_not_mixed_with_the_profiles_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(
        '[profiles.default]\nendpoint = "a.example.com"\ndownload_endpoint = "cdn.a.example.com"\n'
        'api_url = "https://manage.a.example.com"\n',
        monkeypatch,
        tmp_path,
    )
    found = load().hosts()
    assert (found.upload.host, found.download.host, found.api) == (
        "a.example.com",
        "cdn.a.example.com",
        "https://manage.a.example.com",
    )
    found = load(endpoint="https://b.example.com").hosts()
    assert (found.upload, found.download, found.api) == (found.upload, found.upload, "https://b.example.com")
    monkeypatch.setenv("UVIDEO_ENDPOINT", "https://c.example.com")
    found = load(download_endpoint="cdn.c.example.com").hosts()
    assert (found.upload.host, found.download.host) == ("c.example.com", "cdn.c.example.com")
    with pytest.raises(InvalidArgument, match="set api_url"):
        found.api.refuse()


def test_the_profile_called_default_counts_without_default_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile("[profiles.other]\nretries = 1\n[profiles.default]\nretries = 7\n", monkeypatch, tmp_path)
    assert load().retries == 7
    profile(
        'default_profile = "other"\n[profiles.other]\nretries = 1\n[profiles.default]\nretries = 7\n',
        monkeypatch,
        tmp_path,
    )
    assert load().retries == 1
    profile("[profiles.other]\nretries = 1\n", monkeypatch, tmp_path)
    assert load().retries == 5
