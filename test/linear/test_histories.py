"""Clients at work on the same few keys: what they were told is explained by one order for each key."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from test.linear.checker import NEVER, linearizable
from test.linear.clients import KEYS, LARGE, Client, Values
from test.server.wire import Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

CLIENTS = 8
HISTORIES = int(os.environ.get("UVIDEO_TEST_ROUNDS", "80"))


def history(
    servers: Sequence[Server], seed: int, count: int, *, kill: Callable[[random.Random], object] | None = None
) -> Counter[str]:
    """One history, judged; what it was made of.  ``kill``: what happens at a random instant of it."""
    peer, dice, values = Peer(servers[0]), random.Random(seed), Values()
    space = peer.space()
    peer.do(operation.PutObject(space, "large"), LARGE)
    alone = kill is None and len(servers) == 1  # else what became of a copy may be unknown, and of which value it was
    clients = [
        Client([*servers[number % len(servers) :], *servers], space, 1000 * seed + number, count, alone, values)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    if kill is not None:
        wanted = dice.randrange(CLIENTS * count)
        while sum(len(client.history) for client in clients) < wanted and any(map(Client.is_alive, clients)):
            time.sleep(0.001)
        kill(dice)
    for client in clients:
        client.join(180)
        assert client.failure is None and not client.is_alive(), client.failure
    done: Counter[str] = Counter(histories=1)
    for key in KEYS:
        ops = [op for client in clients for name, op in client.history if name == key]
        assert linearizable(ops), (seed, key, sorted(ops, key=lambda op: op.begin))
        done.update(op.kind for op in ops)
        done["unanswered"] += sum(op.end == NEVER for op in ops)
    return done


def a_worker_of(server: Server) -> Callable[[random.Random], None]:
    """What kills one."""
    return lambda dice: os.kill(dice.choice(children(server.pid)), signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The workers of a server."""
    with contextlib.suppress(FileNotFoundError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def test_histories_are_linearizable(tmp_path: Path) -> None:
    with start_server(tmp_path, "--workers", "2", "--no-fsync") as server:
        done = sum((history([server], seed, 25) for seed in range(3)), Counter())
    compared = done["swap"] + done["other"]  # how many of them set a value, the order of the threads decides
    assert done["histories"] == 3 and min(done["put"], done["get"], done["delete"], compared) > 30 and done["swap"]


def test_they_are_when_a_worker_is_killed(tmp_path: Path) -> None:
    with start_server(tmp_path, "--workers", "2", "--no-fsync") as server:
        done = sum((history([server], seed, 25, kill=a_worker_of(server)) for seed in range(2)), Counter())
    assert done["histories"] == 2


@pytest.mark.soak
def test_many_histories_are_linearizable(tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    for turn, options in enumerate((("--no-fsync",), ())):
        with start_server(tmp_path / str(turn), "--workers", "2", *options) as server:
            for seed in range(HISTORIES // 2):
                done += history([server], seed, 60)
    for seed in range(HISTORIES // 3):  # not too often, or the server takes it for a fault of its own
        with start_server(tmp_path / f"killed-{seed}", "--workers", "2", "--no-fsync") as server:
            done += history([server], 5000 + seed, 60, kill=a_worker_of(server))
    print(f"linearizable: {dict(done)}")
    assert done["histories"] >= HISTORIES and done["unanswered"] > 0
