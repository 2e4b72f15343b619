"""Clients that store, replace, read and delete all the time, and a record of what they were told."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from test import patience
from test.cluster.program import until
from test.server_fixture import Server
from uvideo import Client, errors

__all__ = ["Recorder", "recording"]

KEYS = 12  # of each client
SIZES = (0, 700, 30_000, 300_000, 5 * 1024 * 1024, 9 * 1024 * 1024 + 5)  # inline, one segment, two, in parts
WEIGHTS = (1, 8, 6, 6, 2, 1)
GONE = "gone"


class Recorder:
    """``wrong``: every answer that contradicts what was acknowledged.  ``done``: operations that succeeded.

    Each client has keys of its own.  What a failed operation leaves there is one of two things until the next one
    succeeds; anything else is wrong.
    """

    def __init__(self, server: Server, clients: int, retries: int) -> None:
        self.server, self._retries = server, retries
        self.wrong: list[str] = []
        self.failed: list[str] = []
        self.done = 0
        self.slowest = 0.0  # seconds of one operation, all its tries included
        self._stop = threading.Event()
        self._known: dict[str, set[str]] = {}
        with self._client() as client:
            self.space = client.create_space(f"rec-{time.time_ns()}").name
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(clients)]

    def _client(self) -> Client:
        server = self.server
        return Client(server.public_key, server.private_key, endpoint=server.host, retries=self._retries, timeout=20.0)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def goes_on(self, count: int = 20, seconds: float = patience.SECONDS) -> None:
        """Return once so many more operations have succeeded."""
        aim = self.done + count
        assert until(lambda: self.done >= aim, seconds), f"nothing works: {self.failed[-3:]}, {self.wrong[-3:]}"

    def _work(self, number: int) -> None:
        dice = random.Random(number)
        with self._client() as client:
            while not self._stop.is_set():
                key = f"{number}/{dice.randrange(KEYS)}"
                began = time.monotonic()
                try:
                    self._one(client, key, dice)
                    self.done += 1
                except errors.UVideoError as error:
                    if not (error.retryable or isinstance(error, errors.NoAnswer)):
                        self.wrong.append(f"{key}: {error!r}")
                    self.failed.append(f"{key}: {error!r}")
                self.slowest = max(self.slowest, time.monotonic() - began)

    def _one(self, client: Client, key: str, dice: random.Random) -> None:
        step = dice.random()
        known = self._known.setdefault(key, {GONE})
        if step < 0.45:
            (size,) = dice.choices(SIZES, WEIGHTS)
            data = dice.randbytes(size)
            digest = hashlib.sha1(data).hexdigest()
            self._known[key] = known | {digest}
            if dice.random() < 0.5 and size > 1_000_000:
                client.upload(self.space, key, data)
            else:
                client.put(self.space, key, data)
            self._known[key] = {digest}
        elif step < 0.55:
            self._known[key] = known | {GONE}
            try:
                client.delete(self.space, key)
            except errors.NotFound:
                if GONE not in known:
                    self.wrong.append(f"{key} was there and is not found when deleted")
            self._known[key] = {GONE}
        else:
            self._look(client, key)

    def _look(self, client: Client, key: str) -> None:
        try:
            found = hashlib.sha1(client.get(self.space, key).data).hexdigest()
        except errors.NotFound:
            found = GONE
        if found not in self._known[key]:
            self.wrong.append(f"{key} is {found}, not one of {self._known[key]}")
        self._known[key] = {found}

    def check(self, server: Server | None = None) -> int:
        """Read everything again, through one server; how many objects are there.  Fails if anything was ever wrong."""
        self.server = server or self.server
        with self._client() as client:
            for key in list(self._known):
                self._look(client, key)
            listed = {each.key for each in client.list(self.space)}
        there = {key for key, known in self._known.items() if known != {GONE}}
        print(f"{self.done} done, {len(self.failed)} failed for good, the slowest took {self.slowest:.1f} s")
        assert self.wrong == []
        assert listed == there
        return len(there)


@contextmanager
def recording(server: Server, clients: int = 4, retries: int = 12) -> Iterator[Recorder]:
    """Clients at work until the end of the block."""
    recorder = Recorder(server, clients, retries)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()
