"""Thousands of clients that send a byte now and then, beside fifty that are fast: the fast ones hardly notice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import statistics
import time
from pathlib import Path

import pytest

from test import patience
from test.server.test_monitoring import asked
from test.server.wire import BLOCK, MIB, Peer, connect, head, pattern, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import byterange, dialect, etag, operation, provider

SLOW, FAST = 2000, 50
PARTS = 96  # four times as many as the memory has room for
EVERY = 5.0  # seconds between two bytes of a slow client
SECONDS = 2.0  # of one measurement
ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "5"))


class Slow:
    """Connections that have sent the head of an upload, and then a byte now and then."""

    def __init__(self, port: int, request: bytes, count: int) -> None:
        self._port, self._request, self._count = port, request, count
        self._writers: list[asyncio.StreamWriter] = []
        self._task: asyncio.Task[None] | None = None
        self.sent = 0

    async def start(self) -> None:
        for _ in range(self._count):
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(self._request)
            self._writers.append(writer)
        self._task = asyncio.create_task(self._drip())

    async def _drip(self) -> None:
        while True:
            for writer in self._writers:
                writer.write(b"x")
                self.sent += 1
                await asyncio.sleep(EVERY / self._count)

    async def stop(self) -> int:
        """How many were still connected."""
        assert self._task is not None
        self._task.cancel()
        alive = sum(not writer.is_closing() for writer in self._writers)
        for writer in self._writers:
            writer.transport.abort()
        return alive


async def rate(port: int, request: bytes, seconds: float) -> float:
    """Answers a second to the fast clients."""
    stop, done = time.monotonic() + seconds, 0

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < stop:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(1024)
            done += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(FAST)))
    return done / seconds


async def compare(server: Server, slow: int, rounds: int, seconds: float) -> tuple[float, int, int]:
    """(the fast ones' rate beside slow ones, of their rate alone), slow ones alive, bytes that these sent."""
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), bytes(1024))
    fast = head("GET", "/k", [("Host", f"{space}.x"), ("Authorization", peer.signed("GET", space, "k"))])
    signed = ("Authorization", peer.signed("PUT", space, "slow"))
    upload = head("PUT", "/slow", [("Host", f"{space}.x"), signed, ("Content-Length", "1000000")])
    ratios, alive, sent = [], slow, 0
    for _ in range(rounds):
        alone = await rate(server.port, fast, seconds)
        crowd = Slow(server.port, upload, slow)
        await crowd.start()
        beside = await rate(server.port, fast, seconds)
        alive, sent = min(alive, await crowd.stop()), sent + crowd.sent
        ratios.append(beside / alone)
    return statistics.median(ratios), alive, sent


def test_slow_parts_hold_no_other_part_up(tmp_path: Path) -> None:
    """Sixteen phones with a bad line were enough: all other parts waited until one of theirs had come."""
    options = ("--no-fsync", "--memory", "128", "--idle", "3600")
    with start_server(tmp_path, *options) as server, contextlib.ExitStack() as stack:
        peer = Peer(server)
        space = peer.space()
        begun = peer.do(operation.InitiateUpload(space, "slow"))
        slow = []
        for number in range(PARTS):
            request = dialect.encode(
                operation.UploadPart(space, "slow", begun.upload_id, number), provider.parse_suffix(server.host)
            )
            signed = peer.signed(request.method, space, "slow", request.headers)
            pairs = [("Host", "x"), *request.headers, ("Authorization", signed), ("Content-Length", str(BLOCK))]
            slow.append(stack.enter_context(connect(server.port)))
            slow[-1].sendall(head(request.method, request.target, pairs) + bytes(1000 + number))
        patience.until(lambda: f"uvideo_requests_in_flight {len(slow)}\n" in asked(server, "/metrics")[1])
        data = pattern(3 * BLOCK + 17)
        peer.upload(space, "fast", data)
        copied = peer.do(operation.InitiateUpload(space, "copied"))
        part = operation.CopyPart(
            space, "copied", copied.upload_id, 0, space, "fast", byterange.ByteRange(0, BLOCK - 1)
        )
        assert peer.do(part).length == BLOCK
        assert peer.call(operation.GetObject(space, "fast")).body == data
        for number, sock in enumerate(slow):  # and theirs come to their end, in memory or on the disk
            sock.sendall(bytes(BLOCK - 1000 - number))
        assert [receive(sock, "PUT").status for sock in slow] == len(slow) * [200]
        listed = peer.do(operation.ListParts(space, begun.upload_id))
        assert [each.etag for each in listed.parts] == len(slow) * [etag.part_etag(etag.block_digest(bytes(BLOCK)))]
        print(f"server peak {server.peak_memory() >> 20} MiB")
        assert server.peak_memory() < 80 * MIB + 128 * MIB
    assert sum(path.is_file() for path in (tmp_path / "incoming").iterdir()) == 2  # the drafts


@pytest.mark.soak  # it compares rates, which other work on the machine disturbs
def test_slow_clients_hold_nobody_up(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        ratio, alive, sent = asyncio.run(compare(server, 200, 3, 0.3))
        assert alive == 200 and sent > 0
        assert ratio > 0.4  # the long form measures; here a machine may be busy


@pytest.mark.soak
def test_two_thousand_slow_clients_hold_nobody_up(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > SLOW + 200, f"this machine lets a process open {hard} files only"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with start_server(tmp_path, "--no-fsync") as server:
        ratio, alive, sent = asyncio.run(compare(server, SLOW, ROUNDS, SECONDS))
        peak = server.peak_memory()
    print(f"{alive} slow clients ({sent} bytes): {FAST} fast ones keep {ratio:.0%}; server peak {peak >> 20} MiB")
    assert alive == SLOW and ratio > 0.8
