"""From a folder to a cluster and back; backup and restore; what fsck finds there."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest

from test import patience
from test.cluster.gateways import Cluster
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import BINARIES
from test.cluster.program import find, until
from test.server.part_objects import COPIED, COUNT, LINKED, fill_parts, holds_parts
from test.server.test_keys import added, peer_of
from test.server.test_maintenance import admin, fill, holds, told
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation
from uvideo import Client

pytestmark = pytest.mark.cluster


def keys_of(cluster: Cluster) -> dict[str, str]:
    return {name: value for name, value in cluster.settings.items() if name.endswith("_KEY")}


def test_a_folder_becomes_a_cluster_and_a_folder_again(cluster: Cluster, tmp_path: Path) -> None:
    env, folder, back = cluster.settings, tmp_path / "folder", tmp_path / "back"
    to = ("--to-database", env["UVIDEO_SERVE_DATABASE"], "--to-blobs", env["UVIDEO_SERVE_BLOBS"])
    with start_server(folder, "--no-fsync", env=keys_of(cluster)) as server:
        space = fill(Peer(server))
        fill_parts(server, space)
    moved = told(admin("migrate", folder, *to, "--json", env=cluster.object_store.credentials))
    assert (moved["copied"], moved["linked"], moved["uploads"]) == (5 + COPIED, 1 + LINKED, 2)
    for each in cluster.gateways:
        holds(Peer(each), space)
        holds_parts(each, space)
    assert told(admin("fsck", folder, "--rehash", "--json", env=env)) == {"objects": 6 + COUNT, "damaged": 0}
    again = told(admin("migrate", folder, *to, "--json", env=cluster.object_store.credentials))
    assert (again["copied"], again["kept"]) == (0, 6 + COUNT)
    returned = told(admin("migrate", tmp_path / "none", "--to-folder", back, "--json", env=env))
    assert (returned["copied"], returned["linked"]) == (5 + COPIED, 1 + LINKED)
    with start_server(back, "--no-fsync", env=keys_of(cluster)) as server:
        holds(Peer(server), space)
        holds_parts(server, space)
    stats = told(admin("stats", folder, "--json", env=env))
    assert (stats["objects"], stats["unnamed"]) == (6 + COUNT, 0)


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
    other = added(tmp_path / "none", env=strangers)  # encrypted with another pair: no gateway opens it
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
    said, total = done.stdout.splitlines()
    segment = lost.rpartition("/")[2]
    assert re.match(
        rf"{space}/large: its bytes are damaged: the segment [0-9a-f]+/{segment} is lost: the store: ", said
    )
    assert total == "6 objects, 1 damaged"


def test_a_catalog_is_restored_from_its_backup(cluster: Cluster, tmp_path: Path) -> None:
    """As docs/cluster.md says it: the dump of the database; the bytes are there longer than the grace."""
    env, dump = cluster.settings, tmp_path / "catalog.dump"
    peer = Peer(cluster.gateways[0])
    space = fill(peer)
    database = env["UVIDEO_SERVE_DATABASE"]
    subprocess.run([find("pg_dump", BINARIES), "-Fc", "-f", str(dump), database], check=True, timeout=patience.SECONDS)
    for key in ("one", "large", "small"):
        peer.do(operation.DeleteObject(space, key))
    with cluster.postgres.database() as restored:
        subprocess.run([find("pg_restore", BINARIES), "-d", restored, str(dump)], check=True, timeout=patience.SECONDS)
        gateway = cluster.gateway(database=restored)
        holds(Peer(gateway), space)
        assert told(admin("fsck", tmp_path, "--rehash", "--json", env={**env, "UVIDEO_SERVE_DATABASE": restored})) == {
            **{"objects": 6, "damaged": 0}
        }
        assert gateway.stop() == 0


class Writer:
    """Stores one version after the other under a few keys; ``acknowledged``: key -> the last one."""

    SIZES = (100, 20_000, 300_000)  # in the catalog, one segment, one segment

    def __init__(self, number: int) -> None:
        self.number = number
        self.acknowledged: dict[str, int] = {}

    def data(self, key: str, version: int) -> bytes:
        line = f"{key} {version} ".encode()
        return (line * (self.SIZES[version % 3] // len(line) + 1))[: self.SIZES[version % 3]]

    def write(self, client: Client, space: str, over: threading.Event) -> None:
        version = 0
        while not over.is_set():
            key = f"{self.number}/{version % 4}"
            client.put(space, key, self.data(key, version))
            self.acknowledged[key] = version
            version += 1


def test_a_hot_backup_holds_all_that_was_acknowledged_before_it(cluster: Cluster, tmp_path: Path) -> None:
    """As docs/cluster.md says it: the dump of the database first, then a copy of the store, writers at work."""
    env, dump, over = cluster.settings, tmp_path / "catalog.dump", threading.Event()
    database, writers = env["UVIDEO_SERVE_DATABASE"], [Writer(number) for number in range(10)]
    server = cluster.gateways[0]
    with (
        Client(server.public_key, server.private_key, endpoint=server.host) as client,
        ThreadPoolExecutor(len(writers)) as threads,
    ):
        space = client.create_space("hot").name
        going = [threads.submit(writer.write, client, space, over) for writer in writers]

        def all_wrote(more: int) -> None:
            aims = [sum(writer.acknowledged.values()) + more for writer in writers]
            pairs = list(zip(writers, aims, strict=True))

            def wrote() -> bool:
                assert not any(each.done() for each in going), [each.exception() for each in going if each.done()]
                return all(sum(writer.acknowledged.values()) >= aim for writer, aim in pairs)

            assert until(wrote, patience.SECONDS)

        try:
            all_wrote(30)
            before = {key: version for writer in writers for key, version in writer.acknowledged.items()}
            subprocess.run(
                [find("pg_dump", BINARIES), "-Fc", "-f", str(dump), database], check=True, timeout=patience.SECONDS
            )
            all_wrote(1)
            copied = copy_of(cluster.object_store, env["UVIDEO_SERVE_BLOBS"])
            all_wrote(1)
        finally:
            over.set()
        for each in going:
            each.result(60)
    assert len(before) == 4 * len(writers)
    with cluster.postgres.database() as restored:
        subprocess.run([find("pg_restore", BINARIES), "-d", restored, str(dump)], check=True, timeout=patience.SECONDS)
        place = {**env, "UVIDEO_SERVE_DATABASE": restored, "UVIDEO_SERVE_BLOBS": copied}
        found = told(admin("fsck", tmp_path, "--rehash", "--json", env=place))
        assert found == {"objects": len(before), "damaged": 0}
        gateway = cluster.gateway(database=restored, blobs=copied)
        with Client(gateway.public_key, gateway.private_key, endpoint=gateway.host) as client:
            for key, version in before.items():
                data = client.get(space, key).data
                seen = int(data.split(b" ", 2)[1])
                assert seen >= version and data == writers[int(key[0])].data(key, seen)
            client.put(space, "after", b"x" * 100_000)
        assert gateway.stop() == 0


def copy_of(store: ObjectStore, place: str) -> str:
    """The URL of a copy of the place, made as rclone makes it: what is listed, one after the other."""
    target = store.fresh()
    old, new = (url.partition("?")[0].rpartition("/")[2] for url in (place, target))
    for chunk in obstore.list(store.store(), prefix=old):
        for entry in chunk:
            with contextlib.suppress(FileNotFoundError):
                data = obstore.get(store.store(), entry["path"]).bytes()
                obstore.put(store.store(), entry["path"].replace(old, new, 1), bytes(data), use_multipart=False)
    return target
