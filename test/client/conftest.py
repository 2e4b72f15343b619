"""A Client of the real server, a space for each test, and a fault proxy before the server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo import Client, Retry


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither profile nor environment of whoever runs the tests counts."""
    for name in ("PUBLIC_KEY", "PRIVATE_KEY"):
        monkeypatch.delenv("UVIDEO_" + name, raising=False)
        monkeypatch.delenv("UCLOUD_" + name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.public_key, server.private_key, endpoint=server.host) as made:
        yield made


@pytest.fixture
def space(client: Client) -> str:
    return client.create_space("c-" + uuid.uuid4().hex[:20]).name


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    """Faults that never fired fail the test."""
    with FaultProxy("127.0.0.1", server.port) as made:
        yield made


@pytest.fixture
def through(server: Server, proxy: FaultProxy) -> Iterator[Client]:
    """A Client whose requests pass the proxy, and which does not wait between tries."""
    endpoint = f"127.0.0.1:{proxy.port}"
    with Client(server.public_key, server.private_key, endpoint=endpoint, retry=Retry(5, base=0.0)) as made:
        yield made
