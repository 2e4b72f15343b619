"""200 MiB up and down over 20 Mbit/s, 50 ms and resets: it ends, verifies, and sends little twice."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from test.server_fixture import start_server
from test.shaping import Network, bad_network
from uvideo import Client

SIZE = 200 << 20
RATE = 20e6 / 8
LATENCY = 0.05
RESETS = [61_000_000, 149_000_000]  # of some 50 requests: four times the one in a hundred that is to be borne


@pytest.mark.long
def test_a_large_file_goes_up_and_down_a_bad_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    block = os.urandom((1 << 20) - 8)
    source = tmp_path / "film.mp4"
    with source.open("wb") as file:
        for number in range(SIZE >> 20):
            file.write(number.to_bytes(8, "big") + block)
    with (
        start_server(tmp_path / "server", "--no-fsync") as server,
        bad_network("127.0.0.1", server.port, RATE, LATENCY, RESETS) as up,
        bad_network("127.0.0.1", server.port, RATE, LATENCY, RESETS) as down,
        bad_network("127.0.0.1", server.port, RATE, LATENCY, RESETS) as single,
    ):
        keys = (server.public_key, server.private_key)
        with Client(*keys, endpoint=server.host) as near:
            near.create_space("films")
            near.upload("films", "down", source)
        failures: list[BaseException] = []

        def download(network: Network, name: str, jobs: int) -> None:
            try:
                with Client(*keys, endpoint=f"127.0.0.1:{network.port}") as far:
                    assert far.download("films", "down", tmp_path / name, part_jobs=jobs).verified
            except BaseException as error:
                failures.append(error)

        others = [threading.Thread(target=download, args=each) for each in ((down, "down", 4), (single, "single", 1))]
        for other in others:
            other.start()
        with Client(*keys, endpoint=f"127.0.0.1:{up.port}") as far:
            stored = far.upload("films", "up", source)
        for other in others:
            other.join()
        assert failures == []
        assert stored.verified and stored.size == SIZE
        with Client(*keys, endpoint=server.host) as near:
            assert near.stat("films", "up").etag == near.stat("films", "down").etag
        for name in ("down", "single"):
            with (tmp_path / name).open("rb") as got, source.open("rb") as want:
                while piece := want.read(1 << 20):
                    assert got.read(1 << 20) == piece
        assert (up.reset, down.reset, single.reset) == (2, 2, 2)
        extra = [network.passed[way] / SIZE - 1 for network, way in ((up, 0), (down, 1), (single, 1))]
        print("sent {:.2%} more than the file, received {:.2%} more in 4 ranges, {:.2%} in one".format(*extra))
        assert max(extra) < 0.05
