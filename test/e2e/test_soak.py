"""Transfers whose process is killed at random points, over and over: each ends verified, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from test import patience
from test.fakes import FaultProxy
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import Client

BLOCK = 4194304
ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "100"))  # docs/reliability.md has the figures of 200
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
            proxy.on("UploadPart", part=part).pause("here", bytes=after)
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

        def connected() -> Client:
            return Client(server.public_key, server.private_key, endpoint=host)

        with connected() as client:
            client.create_space("soak")
        for number in range(ROUNDS):  # without a client: the connections that the proxy then has are the process's
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
            with connected() as client:
                stored = client.upload("soak", key, file)
                assert stored.verified and stored.size == len(data), (number, point)
                sent = sum(seen.body_bytes for seen in proxy.log("UploadPart"))
                assert sent <= len(data), (number, point)
                assert client.get("soak", key).data == data, (number, point)
            proxy.reset()
        with connected() as client:
            assert client.transfers() == ()
            assert [each.key for each in client.list("soak")] == [f"{number:03}" for number in range(ROUNDS)]
            carrier_of(client).clock = lambda: 1e10  # what was begun and never noted is an orphan by then
            assert len(client.clean_uploads("soak", older_than=1)) <= points["begin"] + points["begun"]
            assert list(client.list_uploads("soak")) == []
    assert min(points.values()) >= 5 and len(points) == 5


FETCHES = int(os.environ.get("UVIDEO_TEST_ROUNDS", "60"))
#: Where a download is killed, and at which call of it at the latest.
POINTS = {"begin": 1, "write": 1, "start": 1, "moved": 40, "append": 4, "commit": 1, "discard": 1}
FETCH = """
import os, signal, sys
from uvideo import Client
from ucloud.uvideo.engine import download_target, ranged_download
from uvideo.transfer.journal import JournalClaim

point, left, after = sys.argv[4], int(sys.argv[5]), sys.argv[6] == "after"
cls = next(cls for cls in (JournalClaim, download_target.FileTarget, ranged_download.Receiver) if hasattr(cls, point))
real = getattr(cls, point)

def step(*given):
    global left
    left -= 1
    if left < 0 and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(*given)
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(cls, point, step)
with Client() as client:
    client.download("soak", sys.argv[1], sys.argv[2], part_jobs=int(sys.argv[3]))
"""


@pytest.mark.long
def test_downloads_killed_at_random_points_end_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(20261125)
    folder = tmp_path / "films"
    folder.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    killed: dict[str, int] = {}
    with start_server(tmp_path / "server", "--no-fsync") as server:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "UVIDEO_PUBLIC_KEY": server.public_key,
            "UVIDEO_PRIVATE_KEY": server.private_key,
            "UVIDEO_ENDPOINT": server.host,
        }
        with Client(server.public_key, server.private_key, endpoint=server.host) as near:
            near.create_space("soak")
            for number in range(FETCHES):
                data = number.to_bytes(4, "big") + os.urandom(PARTS * BLOCK + dice.randrange(1, BLOCK))
                key, target = f"{number:03}", folder / f"{number:03}.mp4"
                near.put("soak", key, data)
                jobs, kills = dice.choice([1, 4]), dice.choice([1, 1, 2])
                for _ in range(kills):
                    point = dice.choice(list(POINTS))
                    when, calls = dice.choice(["before", "after"]), dice.randrange(POINTS[point])
                    process = subprocess.Popen(
                        [sys.executable, "-c", FETCH, key, str(target), str(jobs), point, str(calls), when],
                        env=environment,
                        stderr=subprocess.PIPE,
                    )
                    error = process.communicate(timeout=patience.SECONDS)[1]
                    assert process.returncode in (0, -signal.SIGKILL), (number, point, error)
                    killed[point] = killed.get(point, 0) + (process.returncode != 0)
                records = near.transfers()
                assert all(record.key == key and not record.active for record in records), (number, records)
                if records and number % 2:
                    found = near.resume(records[0].id)
                else:
                    found = near.download("soak", key, target)
                assert found.verified and target.read_bytes() == data, (number, killed)
                assert os.listdir(folder) == [target.name], (number, killed)
                assert near.transfers() == (), (number, killed)
                target.unlink()
    assert min(killed.values()) >= 5 and len(killed) == len(POINTS), killed
    assert sum(killed.values()) >= FETCHES * 0.9, killed
