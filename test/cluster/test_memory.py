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
from test.overload.test_memory import held, in_flight, stalled
from test.patience import until
from test.server.wire import BLOCK, MIB, Peer, head, pattern, receive
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


def test_uploads_that_stall_are_on_the_gateway_s_disk(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """A writer to the store holds what is no whole segment yet: 4 MiB of each client that stalled."""
    with start_cluster(postgres, object_store, tmp_path / "cluster", 0) as cluster:
        gateway = cluster.gateway("--idle", "600")  # those that came first wait for all
        peer, data = Peer(gateway), pattern(2 * BLOCK + 1000)
        space = peer.space()
        before = memory(gateway.pid)
        length = ("Content-Length", str(len(data)))
        heads = [
            head("PUT", f"/k{number}", [("Host", f"{space}.x"), ("Authorization", signed), length])
            for number in range(CONNECTIONS)
            if (signed := peer.signed("PUT", space, f"k{number}"))
        ]
        with stalled(gateway, heads, data[:3_000_000]) as socks:
            until(lambda: in_flight(gateway) == CONNECTIONS)
            until(lambda: held(gateway) == 0)
            assert gateway.peak_memory() - before < 256 * MIB + CONNECTIONS * 128 * 1024
            socks[0].sendall(data[3_000_000:])
            assert receive(socks[0], "PUT").status == 200
        assert peer.call(operation.GetObject(space, "k0")).body == data
        assert "Traceback" not in gateway.log.read_text()
