"""What strangers can make a gateway hold of objects that lie in the store."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from test.cluster.gateways import start_cluster
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.hostile.test_memory import attack, unread
from test.hostile.test_sockets import memory
from test.server.wire import BLOCK, Peer
from ucloud.uvideo.protocol import operation
from uvideo.storage.s3 import AHEAD, LEAST, WINDOW

pytestmark = pytest.mark.cluster

CONNECTIONS = 200


def test_objects_that_are_not_read_stay_in_the_store(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """Each connection asked for as much as is fetched ahead: together some gigabytes."""
    with start_cluster(postgres, object_store, tmp_path / "cluster", 1) as cluster, contextlib.ExitStack() as stack:
        (gateway,) = cluster.gateways
        peer = Peer(gateway)
        space = peer.space()
        peer.do(operation.PutObject(space, "large", acl="public-read"), bytes((AHEAD + 1) * BLOCK))
        before = memory(gateway.pid)
        attack(stack, gateway.port, unread(space, "/large"), False, CONNECTIONS)
        assert gateway.peak_memory() - before < 2 * WINDOW + CONNECTIONS * 4 * LEAST
        assert "Traceback" not in gateway.log.read_text()
        assert Peer(gateway).call(operation.HeadObject(space, "large")).status == 200
