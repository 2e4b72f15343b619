"""What the gateways stand on fails: they say so, lose nothing, and recover."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from test import patience
from test.cluster.gateways import Cluster, client_of, readiness
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.program import until
from test.cluster.recorder import recording
from test.cluster.relay import Relay, start_relay
from test.server.wire import Peer
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation
from uvideo import errors

pytestmark = pytest.mark.cluster


def test_a_volume_server_is_killed(cluster: Cluster, front: Server) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        volume = cluster.object_store.the_first_volume()
        volume.kill()
        try:
            recorder.goes_on(40)
            there = recorder.done
        finally:
            volume.start_again()
        recorder.goes_on(10)
    assert there and recorder.check()


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_postgresql_goes_away_and_comes_back(cluster: Cluster, front: Server, how: str) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        getattr(cluster.postgres, "stop" if how == "restart" else "kill")()
        assert until(lambda: readiness(cluster.gateways[0])[0] == 503, patience.SECONDS)
        cluster.postgres.start_again()
        recorder.goes_on(40)
    assert recorder.check()
    assert readiness(cluster.gateways[0]) == (200, "ok\n")


@pytest.fixture
def to_postgres(postgres: Postgres) -> Iterator[Relay]:
    with start_relay(postgres.port) as relay:
        yield relay


@pytest.fixture
def to_store(object_store: ObjectStore) -> Iterator[Relay]:
    with start_relay(object_store.port, host=object_store.host) as relay:
        yield relay


@pytest.mark.parametrize("how", ["cut", "mute"])
def test_a_gateway_without_its_database_says_so_and_recovers(cluster: Cluster, to_postgres: Relay, how: str) -> None:
    database = cluster.settings["UVIDEO_SERVE_DATABASE"].replace(f":{cluster.postgres.port}/", f":{to_postgres.port}/")
    server = cluster.gateway(database=database)
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "key"), b"x" * 100)
    getattr(to_postgres, how)()
    began = time.monotonic()
    got = peer.call(operation.GetObject(space, "key"))
    assert (got.status, got.header("Retry-After")) == (503, "1")
    assert got.refusal()[1] == -148600
    print(f"the answer came after {time.monotonic() - began:.1f} s")
    status, reason = readiness(server)
    assert status == 503 and reason.startswith("catalog: the database")
    assert time.monotonic() - began < 60
    with client_of(cluster.gateways[0]) as other:
        assert other.get(space, "key").data == b"x" * 100
    to_postgres.mend()
    assert until(lambda: readiness(server)[0] == 200, patience.SECONDS)
    assert peer.call(operation.GetObject(space, "key")).body == b"x" * 100
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("how", ["cut", "mute"])
def test_a_gateway_without_its_store_says_so_and_recovers(cluster: Cluster, to_store: Relay, how: str) -> None:
    blobs = cluster.object_store.through(cluster.settings["UVIDEO_SERVE_BLOBS"], to_store.port)
    server = cluster.gateway(blobs=blobs)
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "small"), b"x" * 100)
    peer.do(operation.PutObject(space, "large"), b"x" * 100_000)
    getattr(to_store, how)()
    with client_of(server, retries=0) as client:
        assert client.get(space, "small").data == b"x" * 100  # in the catalog
        with pytest.raises(errors.UVideoError) as caught:
            client.put(space, "new", b"y" * 100_000)
        assert caught.value.status == 503 and caught.value.retryable
    began = time.monotonic()
    got = peer.call(operation.GetObject(space, "large"))
    print(f"the answer came after {time.monotonic() - began:.1f} s")
    assert (got.status, got.header("Retry-After")) == (503, "1")
    status, reason = readiness(server)
    assert status == 503 and reason.startswith({"cut": "blobs: the store", "mute": "blobs: no answer"}[how])
    assert how == "mute" or "closed the connection" in reason
    to_store.mend()
    assert until(lambda: readiness(server)[0] == 200, patience.SECONDS)
    assert peer.call(operation.GetObject(space, "large")).body == b"x" * 100_000
    with client_of(server) as client, pytest.raises(errors.NotFound):
        client.get(space, "new")
    assert "Traceback" not in server.log.read_text() and "secret" not in server.log.read_text()
