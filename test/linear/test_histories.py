"""Clients at work on the same few keys: what they were told is explained by one order for each key."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from test.crash.story import tag
from test.linear.checker import NEVER, Op, linearizable
from test.server.wire import Answer, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

CLIENTS = 8
KEYS = ("a", "b", "c")
HISTORIES = int(os.environ.get("UVIDEO_TEST_ROUNDS", "80"))
SIZES = (100, 20_000, 90_000)


class Client(threading.Thread):
    """Does ``count`` operations on random keys and notes them.  ``copies``: whether it copies too.

    ``servers``: several see the same things; it speaks to the first, and to the next where that one is gone.
    """

    def __init__(self, servers: Sequence[Server], space: str, seed: int, count: int, copies: bool) -> None:
        super().__init__(daemon=True)
        self.peers = deque(Peer(server) for server in servers)
        self.space, self.count, self.copies = space, count, copies
        self.dice = random.Random(seed)
        self.history: list[tuple[str, Op]] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(self.count):
                self._one(self.dice.choice(KEYS))
        except BaseException as failure:
            self.failure = failure

    def _call(self, op: Any, body: bytes = b"") -> Answer:
        """The answer; ConnectionRefusedError, of something that was surely not done, only if all are gone."""
        for _ in self.peers:
            try:
                return self.peers[0].call(op, body)
            except ConnectionRefusedError as failure:
                self.peers.rotate(-1)
                gone = failure
        raise gone

    def _one(self, key: str) -> None:
        kind = self.dice.choices(("put", "get", "delete", "copy"), (30, 50, 10, 10 if self.copies else 0))[0]
        if kind == "copy":
            return self._copy(self.dice.choice([each for each in KEYS if each != key]), key)
        value, body = None, b""
        if kind == "put":
            body = self.dice.randbytes(self.dice.choice(SIZES))
            value, op = tag(body), operation.PutObject(self.space, key)
        else:
            op = (operation.GetObject if kind == "get" else operation.DeleteObject)(self.space, key)
        begin = time.monotonic()
        try:
            got = self._call(op, body)
        except Exception:  # no answer, or half of one: a worker was killed
            self.history.append((key, Op(kind, value, begin, NEVER)))
            return
        end = time.monotonic()
        if got.status == 503 and len(self.peers) > 1:  # of a gateway: it may have been done
            self.history.append((key, Op(kind, value, begin, NEVER)))
            return
        assert got.status in (200, 204, 404) and (got.status != 404 or kind != "put"), (kind, got)
        if kind == "get" and got.status == 200:
            value = (got.header("ETag") or "").strip('"')
            assert tag(got.body) == value, "bytes of one version under the etag of another"
        self.history.append((key, Op(kind, value, begin, end)))

    def _copy(self, source: str, target: str) -> None:
        """The answer says which value it was: read from one register, put into the other."""
        begin = time.monotonic()
        got = self._call(operation.CopyObject(self.space, target, self.space, source))
        end = time.monotonic()
        assert got.status in (200, 404, 503), got  # 503: the source changes too often
        if got.status == 503:
            return
        value = (got.header("ETag") or "").strip('"') if got.status == 200 else None
        self.history.append((source, Op("get", value, begin, end)))
        if value is not None:
            self.history.append((target, Op("put", value, begin, end)))


def history(
    servers: Sequence[Server], seed: int, count: int, *, kill: Callable[[random.Random], object] | None = None
) -> Counter[str]:
    """One history, judged; what it was made of.  ``kill``: what happens at a random instant of it."""
    space, dice = Peer(servers[0]).space(), random.Random(seed)
    clients = [
        Client([*servers[number % len(servers) :], *servers], space, 1000 * seed + number, count, kill is None)
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
    assert done["histories"] == 3 and min(done["put"], done["get"], done["delete"]) > 30


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
