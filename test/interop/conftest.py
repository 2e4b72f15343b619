"""A client of each kind, with a connection and a new space of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.interop.replay import PHP, Browser, C, Client, Cpp, CSharp, Go, Hadoop, Java, JuiceFS, Node, Requests, UVideo
from test.server_fixture import Server


def opened(kind: type[Client], server: Server) -> Iterator[Client]:
    client = kind(server)
    yield client
    client.close()


@pytest.fixture
def go(server: Server) -> Iterator[Client]:
    yield from opened(Go, server)


@pytest.fixture
def java(server: Server) -> Iterator[Client]:
    yield from opened(Java, server)


@pytest.fixture
def hadoop(server: Server) -> Iterator[Client]:
    yield from opened(Hadoop, server)


@pytest.fixture
def c(server: Server) -> Iterator[Client]:
    yield from opened(C, server)


@pytest.fixture
def cpp(server: Server) -> Iterator[Client]:
    yield from opened(Cpp, server)


@pytest.fixture
def php(server: Server) -> Iterator[Client]:
    yield from opened(PHP, server)


@pytest.fixture
def node(server: Server) -> Iterator[Client]:
    yield from opened(Node, server)


@pytest.fixture
def csharp(server: Server) -> Iterator[Client]:
    yield from opened(CSharp, server)


@pytest.fixture
def browser(server: Server) -> Iterator[Client]:
    yield from opened(Browser, server)


@pytest.fixture
def requests_ucloud(server: Server) -> Iterator[Client]:
    yield from opened(Requests, server)


@pytest.fixture
def juicefs(server: Server) -> Iterator[Client]:
    yield from opened(JuiceFS, server)


@pytest.fixture
def uvideo(server: Server) -> Iterator[Client]:
    yield from opened(UVideo, server)


@pytest.fixture
def old(server: Server) -> Iterator[Client]:
    yield from opened(Client, server)
