"""Gateways get another key pair one after the other, as docs/cluster.md says, and nobody is refused meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from test.cluster.gateways import PRIVATE, PUBLIC, Cluster
from test.server.test_keys import added, peer_of
from test.server.test_maintenance import admin, told
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation

pytestmark = pytest.mark.cluster

Pair = dict[str, str]
OLD: Pair = {"public_key": PUBLIC, "private_key": PRIVATE}
NEW: Pair = {"public_key": "UVIDEOnew", "private_key": "private-key-that-is-new"}


def test_a_cluster_changes_its_pair_without_an_outage(cluster: Cluster, tmp_path: Path) -> None:
    running: list[Server] = list(cluster.gateways)
    films = added(tmp_path, "--account", "films", env=cluster.settings)
    space = peer_of(running[0], OLD).space()
    peer_of(running[0], OLD).do(operation.PutObject(space, "key"), b"x")
    tokens: list[Pair] = []

    def look(accepted: list[Pair], refused: list[Pair]) -> None:
        """Every gateway takes these pairs, and every token and key that any of them made or knows."""
        for gateway in running:
            made = peer_of(gateway, accepted[0]).manage(operation.CreateToken("t", ops=("TOKEN_ALLOW_READ",)))
            tokens.append({"public_key": made.public_key, "private_key": made.private_key})
        for gateway in running:
            for pairs, status in ((accepted, 200), (tokens, 200), (refused, 403)):
                for pair in pairs:
                    assert peer_of(gateway, pair).call(operation.GetObject(space, "key")).status == status
            assert peer_of(gateway, films).manage(operation.DescribeSpace(None)).spaces == ()

    def roll(own: Pair, other: Pair | None, accepted: list[Pair], refused: list[Pair]) -> None:
        """Take each gateway's place by one with these pairs; at each step all that run do what they must."""
        settings = {"public_key": own["public_key"], "private_key": own["private_key"]}
        if other is not None:
            file = tmp_path / f"other-{other['public_key']}.json"
            file.touch(0o600)
            file.write_text(json.dumps(other))
            settings["other_keys"] = str(file)
        for gateway in list(running):
            running.append(cluster.gateway(**settings))
            look(accepted, refused)
            assert gateway.stop() == 0
            running.remove(gateway)
        look(accepted, refused)

    look([OLD], [NEW])
    roll(OLD, NEW, [OLD], [])
    look([OLD, NEW], [])
    roll(NEW, OLD, [NEW, OLD], [])
    env = {
        **cluster.settings,
        "UVIDEO_SERVE_PUBLIC_KEY": NEW["public_key"],
        "UVIDEO_SERVE_PRIVATE_KEY": NEW["private_key"],
        "UVIDEO_SERVE_OTHER_KEYS": str(tmp_path / f"other-{PUBLIC}.json"),
    }
    assert [
        json.loads(line)["void"] for line in admin("list-keys", tmp_path, "--json", env=env).stdout.splitlines()
    ] == [False]
    said = told(admin("keys", tmp_path, "--from", env["UVIDEO_SERVE_OTHER_KEYS"], "--json", env=env))
    assert (said["keys"], said["void_tokens"], said["void_keys"]) == (1, 0, 0) and said["tokens"] >= 3
    look([NEW, OLD], [])
    roll(NEW, None, [NEW], [])
    look([NEW], [OLD])
    del env["UVIDEO_SERVE_OTHER_KEYS"]
    said = told(admin("keys", tmp_path, "--json", env=env))
    assert (said["public_key"], said["void_tokens"], said["void_keys"]) == (NEW["public_key"], 0, 0)
    refused = admin("keys", tmp_path, "--replace", env=env)
    assert refused.returncode == 2 and "The pair of a cluster" in refused.stderr
