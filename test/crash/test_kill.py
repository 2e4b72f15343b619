"""kill -9 at random instants, again and again on one folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from test import patience
from test.crash.state import State, fits, observe
from test.crash.story import Memory, judge, matches, names, writers
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation

ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "100"))
WRITERS = 6
SPACE = "crash"
OPTIONS = ((), ("--no-fsync",), ("--workers", "2"), ("--workers", "2", "--no-fsync"))


def wait_for_the_end(folder: Path) -> None:
    """Workers whose parent was killed end by themselves; the lock says when."""
    with open(folder / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def one_round(
    folder: Path,
    states: dict[str, State],
    memories: dict[str, Memory],
    dice: random.Random,
    options: tuple[str, ...],
) -> Counter[str]:
    """Serve, write, kill; what is there then.  ``states`` and ``memories`` are brought up to date."""
    done: Counter[str] = Counter()
    with start_server(folder, *options) as server:
        at_work = writers([server], SPACE, states, dice, memories)
        for writer in at_work:
            writer.start()
        wanted, deadline = dice.randrange(1, 80), time.monotonic() + 60
        while sum(len(writer.steps) for writer in at_work) < wanted and time.monotonic() < deadline:
            time.sleep(dice.uniform(0, 0.004))
        server.kill()
        wait_for_the_end(folder)
        for writer in at_work:
            writer.stop.set()
            writer.join(patience.SECONDS)
            assert writer.failure is None and not writer.is_alive(), writer.failure
    found, leaked = asyncio.run(observe(folder, SPACE, list(states)))
    for writer in at_work:
        state = found[writer.prefix[:-1]]
        judge(writer, state)
        states[writer.prefix[:-1]] = state
        done.update(step.what for step in writer.steps if step.session is not None)
        done["broken off"] += sum(step.session is None for step in writer.steps)
        done["done though not acknowledged"] += not fits(state, writer.allowed()[0])
    assert leaked == 0
    done["rounds"] += 1
    return done


def run(folder: Path, rounds: int, seed: int) -> Counter[str]:
    dice, done = random.Random(seed), Counter[str]()
    with start_server(folder) as server:
        Peer(server).manage(operation.CreateSpace(SPACE))
    states = {name: State() for name in names(WRITERS)}
    memories: dict[str, Memory] = {}
    for number in range(rounds):
        done += one_round(folder, states, memories, dice, OPTIONS[number % len(OPTIONS)])
    with start_server(folder) as server:  # and the service says the same as its folder
        for state in states.values():
            matches(server, SPACE, state)
    return done


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    done = run(tmp_path, 4, seed=7)
    assert done["rounds"] == 4 and sum(done.values()) > 20


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_by_kill_9_in_many_rounds(tmp_path: Path) -> None:
    done = run(tmp_path, ROUNDS, seed=20261125)
    print(f"kill -9: {dict(done)}")
    assert done["rounds"] == ROUNDS and done["broken off"] > ROUNDS
    assert min(done[name] for name in ("PutObject", "FinishUpload", "RenameObject", "AppendObject", "AbortUpload")) > 0
