"""Uploads whose process is killed at random points, over and over: each ends verified, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from test.fakes import FaultProxy
from test.server_fixture import ROOT, start_server
from uvideo import Client

BLOCK = 4194304
ROUNDS = 200
PARTS = 3

PROGRAM = """
import pathlib, sys
from uvideo import Client
with Client() as client:
    client.upload("soak", sys.argv[1], pathlib.Path(sys.argv[2]), part_jobs=int(sys.argv[3]))
"""


def hold(proxy: FaultProxy, dice: random.Random) -> str:
    """Let the upload stop at one point of its way, which is returned."""
    point = dice.choice(["begin", "begun", "part", "part", "part", "part", "finish", "finished"])
    if point in ("begin", "begun"):
        proxy.on("InitiateUpload").pause("here", answered=point == "begun")
    elif point == "part":
        part, after = dice.randrange(PARTS), dice.choice([None, 0, 1, BLOCK // 3, "answered"])
        if after == "answered":
            proxy.on("UploadPart", part=part).pause("here", answered=True)
        else:
            proxy.on("UploadPart", part=part).pause("here", after=after)
    else:
        proxy.on("FinishUpload").pause("here", answered=point == "finished")
    return point


@pytest.mark.long
def test_uploads_killed_at_random_points_end_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(20261124)
    file = tmp_path / "film.mp4"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    points: dict[str, int] = {}
    with start_server(tmp_path / "server", "--no-fsync") as server, FaultProxy("127.0.0.1", server.port) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "UVIDEO_PUBLIC_KEY": server.public_key,
            "UVIDEO_PRIVATE_KEY": server.private_key,
            "UVIDEO_ENDPOINT": host,
        }
        with Client(server.public_key, server.private_key, endpoint=host) as client:
            client.create_space("soak")
            for number in range(ROUNDS):
                client.close()  # the connections that the proxy then has are the process's
                data = number.to_bytes(4, "big") + os.urandom((PARTS - 1) * BLOCK + dice.randrange(1, BLOCK))
                file.write_bytes(data)
                key = f"{number:03}"
                point = hold(proxy, dice)
                points[point] = points.get(point, 0) + 1
                jobs = str(dice.choice([1, 4]))
                process = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, key, str(file), jobs], env=environment, stderr=subprocess.PIPE
                )
                held = proxy.wait("here", 30)
                process.send_signal(signal.SIGKILL)
                error = process.communicate()[1]
                assert held, (number, point, error)
                proxy.settle("here")
                proxy.reset()
                stored = client.upload("soak", key, file)
                assert stored.verified and stored.size == len(data), (number, point)
                sent = sum(seen.body_bytes for seen in proxy.log("UploadPart"))
                assert sent <= len(data), (number, point)
                assert client.get("soak", key).data == data, (number, point)
                proxy.reset()
            assert client.transfers() == ()
            assert [each.key for each in client.list("soak")] == [f"{number:03}" for number in range(ROUNDS)]
            client._carrier.clock = lambda: 1e10  # what was begun and never noted is an orphan by then
            assert len(client.clean_uploads("soak", older_than=1)) <= points["begin"] + points["begun"]
            assert list(client.list_uploads("soak")) == []
    assert min(points.values()) >= 5 and len(points) == 5
