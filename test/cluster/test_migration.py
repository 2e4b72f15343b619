"""From a folder to a cluster and back; backup and restore; what fsck finds there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import obstore
import pytest

from test.cluster.gateways import Cluster, start_cluster
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import BINARIES, Postgres
from test.cluster.program import find
from test.server.test_keys import added, peer_of
from test.server.test_maintenance import admin, fill, holds, told
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation

pytestmark = pytest.mark.cluster


@pytest.fixture
def cluster(postgres: Postgres, object_store: ObjectStore, tmp_path: Path):
    with start_cluster(postgres, object_store, tmp_path / "cluster") as started:
        yield started


def keys_of(cluster: Cluster) -> dict[str, str]:
    return {name: value for name, value in cluster.settings.items() if name.endswith("_KEY")}


def test_a_folder_becomes_a_cluster_and_a_folder_again(cluster: Cluster, tmp_path: Path) -> None:
    env, folder, back = cluster.settings, tmp_path / "folder", tmp_path / "back"
    to = ("--to-database", env["UVIDEO_SERVE_DATABASE"], "--to-blobs", env["UVIDEO_SERVE_BLOBS"])
    with start_server(folder, "--no-fsync", env=keys_of(cluster)) as server:
        space = fill(Peer(server))
    moved = told(admin("migrate", folder, *to, "--json", env=cluster.object_store.credentials))
    assert (moved["copied"], moved["linked"], moved["uploads"]) == (5, 1, 1)
    for each in cluster.gateways:
        holds(Peer(each), space)
    assert told(admin("fsck", folder, "--rehash", "--json", env=env)) == {"objects": 6, "damaged": 0}
    again = told(admin("migrate", folder, *to, "--json", env=cluster.object_store.credentials))
    assert (again["copied"], again["kept"]) == (0, 6)
    returned = told(admin("migrate", tmp_path / "none", "--to-folder", back, "--json", env=env))
    assert (returned["copied"], returned["linked"]) == (5, 1)
    with start_server(back, "--no-fsync", env=keys_of(cluster)) as server:
        holds(Peer(server), space)
    stats = told(admin("stats", folder, "--json", env=env))
    assert (stats["objects"], stats["unnamed"]) == (6, 0)


def test_a_key_pair_counts_at_all_gateways_until_it_is_removed(cluster: Cluster, tmp_path: Path) -> None:
    pair = added(tmp_path / "none", "--account", "films", env=cluster.settings)
    one, two = (peer_of(each, pair) for each in cluster.gateways)
    space = one.space()
    two.do(operation.PutObject(space, "key"), b"theirs")
    assert one.call(operation.GetObject(space, "key")).body == b"theirs"
    assert Peer(cluster.gateways[0]).call(operation.GetObject(space, "key")).status == 403
    (listed,) = admin("list-keys", tmp_path, "--json", env=cluster.settings).stdout.splitlines()
    assert json.loads(listed)["account"] == "films" and pair["private_key"] not in listed
    dumped = cluster.postgres.run(cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2], "SELECT * FROM keys")
    assert pair["public_key"] in dumped and pair["private_key"] not in dumped
    told(admin("remove-key", tmp_path, pair["public_key"], "--json", env=cluster.settings))
    for peer in (one, two):
        assert peer.call(operation.GetObject(space, "key")).status == 403
    strangers = {**cluster.settings, "UVIDEO_SERVE_PRIVATE_KEY": "another gateway's"}
    other = added(tmp_path / "none", env=strangers)  # sealed under another pair: no gateway opens it
    assert peer_of(cluster.gateways[0], other).call(operation.GetObject(space, "key")).status == 403


def test_fsck_of_a_cluster_names_what_lost_a_segment(cluster: Cluster, tmp_path: Path) -> None:
    env = cluster.settings
    space = fill(Peer(cluster.gateways[0]))
    store = cluster.object_store.store()
    prefix = env["UVIDEO_SERVE_BLOBS"].partition("?")[0].rpartition("/")[2]
    paths = [entry["path"] for chunk in obstore.list(store, prefix=prefix) for entry in chunk]
    (lost,) = (path for path in paths if "/000001-" in path)
    obstore.delete(store, lost)
    done = admin("fsck", tmp_path, "--rehash", env=env)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"{space}/large: its bytes are missing", "6 objects, 1 damaged"]


def test_a_catalog_is_restored_from_its_backup(cluster: Cluster, tmp_path: Path) -> None:
    """As docs/operate.md says it: the dump of the database; the bytes are there longer than the grace."""
    env, dump = cluster.settings, tmp_path / "catalog.dump"
    peer = Peer(cluster.gateways[0])
    space = fill(peer)
    database = env["UVIDEO_SERVE_DATABASE"]
    subprocess.run([find("pg_dump", BINARIES), "-Fc", "-f", str(dump), database], check=True, timeout=60)
    for key in ("one", "large", "small"):
        peer.do(operation.DeleteObject(space, key))
    with cluster.postgres.database() as restored:
        subprocess.run([find("pg_restore", BINARIES), "-d", restored, str(dump)], check=True, timeout=60)
        gateway = cluster.gateway(database=restored)
        holds(Peer(gateway), space)
        assert told(admin("fsck", tmp_path, "--rehash", "--json", env={**env, "UVIDEO_SERVE_DATABASE": restored})) == {
            **{"objects": 6, "damaged": 0}
        }
        assert gateway.stop() == 0
