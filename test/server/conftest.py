"""What the tests of the server share."""

from __future__ import annotations

import pytest

from test.server.wire import Peer
from test.server_fixture import Server


@pytest.fixture(scope="session")
def peer(server: Server) -> Peer:
    return Peer(server)


@pytest.fixture
def space(peer: Peer) -> str:
    """A private space of the test's own."""
    return peer.space()


@pytest.fixture
def public(peer: Peer) -> str:
    """A public space of the test's own."""
    return peer.space("public")
