"""SDK, clients, command, filesystem and console store the same media type, whatever the machine's table says."""

from __future__ import annotations

import json
import mimetypes
import urllib.request
from pathlib import Path

import pytest

import uvideo
from test import patience
from test.server_fixture import Server
from ucloud.ufile.magicwrapper import Mimetype
from ucloud.uvideo.engine.validation import mime_of
from ucloud.uvideo.protocol.media_type import BY_ENDING
from uvideo import Client
from uvideo.cli.context import Context
from uvideo.cli.program import invoke

NAMES = {"a.ts": "video/mp2t", "a.json.gz": "application/gzip", "a.m3u8": "application/vnd.apple.mpegurl"}


@pytest.fixture
def odd_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose own table has other types."""
    mimetypes.init()
    for ending in (".ts", ".gz", ".m3u8", ".json"):
        monkeypatch.setitem(mimetypes.types_map, ending, "text/vnd.trolltech.linguist")
        assert mimetypes.guess_type("a" + ending)[0] == "text/vnd.trolltech.linguist" or ending == ".gz"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(b"1")
    return folder


def stored(client: Client, space: str) -> dict[str, str | None]:
    return {each.key: client.stat(space, each.key).mime for each in client.list(space)}


@pytest.mark.usefixtures("odd_machine")
class TestStored:
    def test_by_the_client(self, client: Client, space: str, files: Path) -> None:
        for name in NAMES:
            client.upload(space, name, files / name)
        assert stored(client, space) == NAMES
        for name in NAMES:
            client.put(space, name, b"2")
        assert stored(client, space) == NAMES

    def test_by_the_sdk(self) -> None:
        assert {name: mime_of(None, name) for name in NAMES} == NAMES
        assert {name: mime_of(None, "key", "folder/" + name) for name in NAMES} == NAMES
        assert {name: Mimetype.from_file(name) for name in NAMES} == NAMES

    def test_by_the_command(
        self, server: Server, client: Client, space: str, files: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UVIDEO_PUBLIC_KEY", server.public_key)
        monkeypatch.setenv("UVIDEO_PRIVATE_KEY", server.private_key)
        context = Context()
        assert invoke(context, ["cp", "-q", "-r", str(files), f"uvideo://{space}/", "--endpoint", server.host]) == 0
        context.close()
        assert stored(client, space) == NAMES

    def test_by_the_filesystem(self, server: Server, client: Client, space: str, files: Path) -> None:
        fs = pytest.importorskip("uvideo.fs").UVideoFileSystem(
            public_key=server.public_key,
            private_key=server.private_key,
            endpoint=server.host,
            skip_instance_cache=True,
        )
        for name in NAMES:
            fs.put(str(files / name), f"{space}/{name}")
        with fs.open(f"{space}/b.ts", "wb") as file:
            file.write(b"1")
        fs.close()
        assert stored(client, space) == {**NAMES, "b.ts": "video/mp2t"}

    def test_by_the_console(self, server: Server) -> None:
        with urllib.request.urlopen(f"{server.admin}/media_types.js", timeout=patience.SECONDS) as answer:
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            text = answer.read().decode()
        assert json.loads(text.removeprefix("export const BY_ENDING = ").rstrip().rstrip(";")) == BY_ENDING


def test_a_program_can_ask() -> None:
    assert {name: uvideo.media_type(name) for name in NAMES} == NAMES
    assert uvideo.media_type("none") is None
