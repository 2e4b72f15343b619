"""One contract of clocks: no call outlasts a limit of time, wherever it waits, on new and on used connections.

A row is a limit, a place to wait and a client.  The limit is short; every other one, and the peer's patience, is so
long that a call which ends was ended by the limit.  So a busy machine cannot make a row red.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from test.forked import forked
from test.sdk.dead import Dead, Names
from test.sdk.peer import PEM, Peer, answer
from test.sdk.phases import LARGE, PHASES, WAITS, Phase, Script
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import connection
from uvideo import AsyncClient, Client, Retry, errors

SHORT, LONG, OTHERS = 0.15, 30.0, 60.0  # the limit; what a call that ignored it would take at least; other limits
AT_ONCE = 24


@dataclass(frozen=True)
class Row:
    limit: str
    phase: Phase
    used: bool

    def __str__(self) -> str:
        return f"{self.limit}, {self.phase.name}, {'a used' if self.used else 'a new'} connection"


def rows() -> list[Row]:
    made = []
    for phase in PHASES:
        for limit in ("total_timeout", "attempt_timeout", "timeout"):
            if phase.silent or limit != "timeout":
                made += [Row(limit, phase, used) for used in (False, True)]
    return made + [Row("total_timeout", phase, False) for phase in WAITS]


def expected(limit: str, error: BaseException | None, seconds: float) -> str:
    """What is wrong with how a call ended; "" if nothing is.  Half a refusal may be told as one that is not known."""
    if seconds >= LONG:
        return f"it took {seconds:.1f} s"
    total = isinstance(error, errors.DeadlineExceeded)
    if total is not (limit == "total_timeout") or not isinstance(error, (errors.NoAnswer, errors.BadAnswer)):
        return f"{type(error).__name__}: {error}"
    return ""


def options(peer: Peer) -> dict[str, Any]:
    return {"endpoint": peer.host, "timeout": OTHERS, "connect_timeout": OTHERS, "proxy": ""}


def tighten(carrier: Any, limit: str) -> None:
    """Let the limit be short from now on, whatever connections there are."""
    if limit == "timeout":
        carrier.transport.pace = connection.Pace(SHORT)
        carrier.retry = Retry(0)
    elif limit == "attempt_timeout":
        carrier.retry = Retry(0, attempt_seconds=SHORT)
    else:
        carrier.retry = Retry(10**6, base=0.001, cap=0.01, budget=1e6, total_seconds=SHORT)


@contextlib.contextmanager
def scripted(row: Row) -> Iterator[Peer]:
    script = Script(row.phase, int(row.used))
    peer = Peer(script, room=4096)
    try:
        yield peer
    finally:
        script.over.set()
        peer.close()


def timed(limit: str, call: Callable[[], object]) -> str:
    began, error = time.monotonic(), None
    try:
        call()
    except Exception as caught:
        error = caught
    return expected(limit, error, time.monotonic() - began)


# Client


def client_row(row: Row, folder: Path) -> str:
    with scripted(row) as peer, Client("p", "s", state_dir=str(folder), **options(peer)) as client:
        if row.used:
            client.stat("space", "k")
        tighten(carrier_of(client), row.limit)
        wrong = timed(row.limit, lambda: calls(client, row, folder)())
        assert not row.used or len(peer.calls[0].requests) <= 2
        return wrong


def calls(client: Client, row: Row, folder: Path) -> Callable[[], object]:
    if row.phase.call == "put":
        return lambda: client.put("space", "k", LARGE)
    return lambda: client.get("space", "k")


def client_download(row: Row, folder: Path) -> str:
    """A download, and of the rows with a body to send an upload of one request."""
    with scripted(row) as peer, Client("p", "s", state_dir=str(folder), **options(peer)) as client:
        if row.used:
            client.stat("space", "k")
        tighten(carrier_of(client), row.limit)
        if row.phase.call == "put":
            return timed(row.limit, lambda: client.upload("space", "k", io.BytesIO(LARGE), journal=False))
        target = folder / str(id(row))
        wrong = timed(row.limit, lambda: client.download("space", "k", target, journal=False))
        return wrong or ("a file was left" if target.exists() else "")


def together(job: Callable[[Row, Path], str], folder: Path, chosen: list[Row]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda row: job(row, folder), chosen))
    assert {str(row): wrong for row, wrong in zip(chosen, found, strict=True) if wrong} == {}


def test_no_small_call_outlasts_a_limit(tmp_path: Path) -> None:
    together(client_row, tmp_path, rows())


def test_no_transfer_outlasts_a_limit(tmp_path: Path) -> None:
    # A download that comes forward, be it byte by byte, goes on after an attempt; the body of an upload is put as parts
    chosen = [row for row in rows() if row.limit != "attempt_timeout" and row.phase.call == "get"]
    together(client_download, tmp_path, chosen)


def test_no_upload_in_parts_outlasts_a_limit(tmp_path: Path) -> None:
    """The parts get no answer; the upload is aborted all the same, as that is answered."""
    over, aborted = threading.Event(), threading.Event()
    begun = b'{"UploadId": "u", "BlkSize": 65536, "Bucket": "space", "Key": "k"}'

    def talk(call: Any) -> None:
        while True:
            line = call.request()[0]
            if line.startswith("PUT"):
                over.wait(OTHERS)
            call.send(answer(begun if line.startswith("POST") else b"", status="200 OK"))
            if line.startswith("DELETE"):
                aborted.set()

    peer = Peer(talk)
    try:
        with Client("p", "s", state_dir=str(tmp_path), **options(peer)) as client:
            tighten(carrier_of(client), "total_timeout")
            source = io.BytesIO(b"x" * 300000)
            assert not timed("total_timeout", lambda: client.upload("space", "k", source, journal=False))
            assert aborted.wait(LONG)  # the client has its answer first
    finally:
        over.set()
        peer.close()


# AsyncClient, on either loop


async def async_row(row: Row) -> str:
    with scripted(row) as peer:
        async with AsyncClient("p", "s", **options(peer)) as client:
            carrier = carrier_of(client)
            if row.used:
                await client.stat("space", "k")
            tighten(carrier.carrier, row.limit)
            if row.limit == "timeout":
                carrier.settings = replace(carrier.settings, timeout=SHORT)
                for each in carrier.pool.open:  # its timer is set for the long one
                    each.timer = each.timer and each.timer.cancel()
            began, error = time.monotonic(), None
            try:
                if row.phase.call == "put":
                    await client.put("space", "k", LARGE)
                else:
                    await client.get("space", "k")
            except Exception as caught:
                error = caught
            return expected(row.limit, error, time.monotonic() - began)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_no_call_on_a_loop_outlasts_a_limit(loop: str) -> None:
    chosen = rows()

    async def main() -> None:
        found = await asyncio.gather(*(async_row(row) for row in chosen))
        assert {str(row): wrong for row, wrong in zip(chosen, found, strict=True) if wrong} == {}

    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="there is none for this system").run(main())
    else:
        asyncio.run(main())
    gc.collect()


# Connecting


WAYS = ["look-up", "connect", "tls", "proxy", "proxy byte by byte", "tls proxy", "socks"]


@contextlib.contextmanager
def way_of(name: str) -> Iterator[dict[str, Any]]:
    """Options of a client whose way there does not lead on."""
    phase = next(each for each in PHASES if each.name == ("a head byte by byte" if "byte" in name else "no head"))
    script = Script(phase)
    peer = Peer(script)
    found: dict[str, Any] = {"endpoint": "https://h.test", "ca_bundle": PEM}
    try:
        if name == "look-up":
            with Names(h_test=None):
                yield {**found, "proxy": ""}
        elif name == "connect":
            with Dead() as dead:
                yield {"endpoint": dead.host, "proxy": ""}
        elif name == "tls":
            yield {**found, "endpoint": f"https://{peer.host}", "proxy": ""}
        else:
            scheme = {"tls proxy": "https", "socks": "socks5h"}.get(name, "http")
            yield {**found, "proxy": f"{scheme}://{peer.host}"}
    finally:
        script.over.set()
        peer.close()


@pytest.mark.parametrize("limit", ["total_timeout", "attempt_timeout", "connect_timeout"])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_a_connection_outlasts_a_limit(way: str, limit: str) -> None:
    with way_of(way) as given:
        limits: dict[str, Any] = {"timeout": OTHERS, "connect_timeout": OTHERS, limit: SHORT}
        retries: dict[str, Any] = {"retries": 5 if limit == "total_timeout" else 0}
        with Client("p", "s", **{**given, **limits, **retries}) as client:
            wrong = timed(limit, lambda: client.get("space", "k"))
        assert not wrong

        async def main() -> str:
            began, error = time.monotonic(), None
            async with AsyncClient("p", "s", **{**given, **limits, **retries}) as made:
                try:
                    await made.get("space", "k")
                except Exception as caught:
                    error = caught
            return expected(limit, error, time.monotonic() - began)

        assert not asyncio.run(main())
        gc.collect()


# Waits for a turn, and calls of several operations


def test_a_wait_for_a_connection_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvideo.client.aio_carrier.CONNECTIONS", 1)
    with scripted(Row("total_timeout", PHASES[1], False)) as peer:

        async def main() -> None:
            async with AsyncClient("p", "s", **options(peer)) as client:
                first = asyncio.ensure_future(client.get("space", "k"))
                while not peer.calls:
                    await asyncio.sleep(0.005)
                tighten(carrier_of(client).carrier, "total_timeout")
                with pytest.raises(errors.DeadlineExceeded, match="not complete in time"):
                    await client.get("space", "k")
                assert not first.done() and len(peer.calls) == 1
                first.cancel()
                await asyncio.wait([first])

        asyncio.run(main())


def test_a_wait_for_a_thread_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("uvideo.client.aio.TRANSFERS", 1)
    with scripted(Row("total_timeout", PHASES[1], False)) as peer:

        async def main() -> None:
            async with AsyncClient("p", "s", state_dir=str(tmp_path), **options(peer)) as client:
                first = asyncio.ensure_future(client.download("space", "k", tmp_path / "first"))
                while not peer.calls:
                    await asyncio.sleep(0.005)
                with pytest.raises(errors.DeadlineExceeded, match="other transfers were before it"):
                    await client.download("space", "k", tmp_path / "second", deadline=SHORT)
                assert not first.done() and len(peer.calls) == 1
                first.cancel()
                await asyncio.wait([first])

        asyncio.run(main())


def test_a_wait_for_another_thread_at_the_same_transfer_counts(tmp_path: Path) -> None:
    with scripted(Row("total_timeout", PHASES[1], False)) as peer:
        with Client("p", "s", state_dir=str(tmp_path), **options(peer)) as client, ThreadPoolExecutor(1) as pool:
            first = pool.submit(client.download, "space", "k", tmp_path / "it", deadline=5 * SHORT)
            while not peer.calls:
                time.sleep(0.005)
            wrong = timed("total_timeout", lambda: client.download("space", "k", tmp_path / "it", deadline=SHORT))
            assert not wrong and len(peer.calls) == 1
            assert isinstance(first.exception(LONG), errors.DeadlineExceeded)


@pytest.mark.parametrize("name", ["append", "copy", "create_space"])
def test_a_call_of_several_operations_has_its_time_once(name: str) -> None:
    """What the first has used up, on a clock that each answer moves, the next one does not have."""
    now, asked = 1000.0, 0
    taken = b'{"Action": "CreateBucketResponse", "RetCode": 15000, "Message": "duplicate bucket name"}'

    def talk(call: Any) -> None:
        nonlocal now, asked
        call.request()
        now, asked = now + 6.0, asked + 1
        if name != "create_space":
            now += 6.0
            call.send(answer(b"", f'ETag: "{"x" * 28}"'))
        elif asked == 2:  # the first one's answer is lost
            call.send(answer(taken))

    peer = Peer(talk)
    try:
        with Client("p", "s", **options(peer), total_timeout=10.0) as client:
            carrier_of(client).ticks = lambda: now
            carrier_of(client).sleep = lambda seconds: None
            with pytest.raises(errors.DeadlineExceeded):
                if name == "append":
                    client.append("space", "k", b"more")
                elif name == "copy":
                    client.copy("space", "k", "space", "other")
                else:
                    client.create_space("space")
        assert asked == (2 if name == "create_space" else 1)
    finally:
        peer.close()


def test_each_read_of_an_open_file_has_its_time() -> None:
    size, over = 100000, threading.Event()

    def talk(call: Any) -> None:
        etag = f'ETag: "{"x" * 28}"'
        while True:
            line, headers, _ = call.request()
            if line.startswith("HEAD"):
                call.send(answer(b"x" * size, etag)[:-size])
                continue
            first, _, last = headers["range"].partition("=")[2].partition("-")
            length = int(last) - int(first) + 1
            span = f"Content-Range: bytes {first}-{last}/{size}"
            call.send(answer(b"x" * length, etag, span, status="206 Partial Content")[:-length])
            while not over.wait(0.02):
                call.send(b"x")

    peer = Peer(talk)
    try:
        with Client("p", "s", **options(peer)) as client:
            carrier_of(client).retry = Retry(0, total_seconds=OTHERS)
            with client.open("space", "k", checksum=False) as file:
                tighten(carrier_of(file.raw), "total_timeout")
                buffer = bytearray(70000)
                reads: list[Callable[[], object]] = [file.read, lambda: file.read(70000), file.readline]
                reads += [lambda: file.readinto(buffer)]
                assert [timed("total_timeout", read) for read in reads] == [""] * len(reads)
    finally:
        over.set()
        peer.close()


# The command and fsspec


@pytest.mark.parametrize("words", ["cat uvideo://space/k", "ls uvideo://space", "cp uvideo://space/k ."])
def test_no_command_outlasts_a_limit(words: str, tmp_path: Path) -> None:
    phase = next(each for each in PHASES if each.name == "a head byte by byte")
    with scripted(Row("total_timeout", phase, False)) as peer:
        settings = {"ENDPOINT": peer.host, "TIMEOUT": OTHERS, "CONNECT_TIMEOUT": OTHERS, "TOTAL_TIMEOUT": SHORT}
        settings |= {"PUBLIC_KEY": "p", "PRIVATE_KEY": "s", "PROXY": ""}
        given = {"UVIDEO_" + name: str(value) for name, value in settings.items()}
        done = forked().whole(words.split(), {**os.environ, **given}, tmp_path)
        assert done.returncode == 1 and b"the time for this call is over" in done.stderr, done


def test_no_call_of_the_filesystem_outlasts_a_limit() -> None:
    filesystem = pytest.importorskip("uvideo.fs").UVideoFileSystem
    phase = next(each for each in PHASES if each.name == "a head byte by byte")
    with scripted(Row("total_timeout", phase, False)) as peer:
        fs = filesystem(public_key="p", private_key="s", total_timeout=SHORT, skip_instance_cache=True, **options(peer))
        try:
            calls: list[Callable[[], object]] = [
                lambda: fs.cat_file("space/k"),
                lambda: fs.ls("space"),
                lambda: fs.info("space/k"),
                lambda: fs.pipe_file("space/k", b"x"),
                lambda: fs.open("space/k").read(),
            ]
            for call in calls:
                began = time.monotonic()
                with pytest.raises(OSError, match="the time for this call is over"):
                    call()
                assert time.monotonic() - began < LONG
        finally:
            fs.close()
