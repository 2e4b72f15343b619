"""Play a case and judge what came of it: python -m test.fuzz.exchanges NUMBER...   or   --case JSON

The oracle is h11, given the same bytes in the same order.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from test import interpreters
from test.fuzz import reference, schedule
from test.fuzz.schedule import Case
from test.fuzz.stage import Job, Stage, certificate
from test.sdk import carrying
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import pool
from ucloud.uvideo.protocol.errors import NoAnswer
from ucloud.uvideo.protocol.message import Headers, Request
from uvideo import AsyncClient

SHORT = 0.15  # seconds of silence that a client takes where the other side is silent
LONG = 30.0  # likewise where it is not
HUNG = 60  # seconds: whatever has not ended by then never does


class Wrong(AssertionError):
    """A client did something else than h11, or never ended."""


class Narrow(socket.socket):
    """A socket of a client: what a case says about its buffers, and how much a call receives."""

    buffer: int | None = None
    take: int | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.buffer is not None and options.get("fileno") is None:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer)
            self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(size if self.take is None else min(size, self.take), flags)

    def recv_into(self, view: Any, size: int = 0, flags: int = 0) -> int:
        return super().recv_into(view if self.take is None else memoryview(view)[: self.take], size, flags)


@contextmanager
def narrow(case: Case) -> Iterator[None]:
    real, Narrow.buffer, Narrow.take = socket.socket, case.buffer, case.take
    socket.socket = Narrow  # type: ignore[misc]
    try:
        yield
    finally:
        socket.socket = real  # type: ignore[misc]


class Threads:
    """The Transport of the SDK and of Client."""

    def __init__(self, pem: Path) -> None:
        self._pem, self._kept = pem, {}  # type: ignore[var-annotated]

    def start(self, case: Case, origin: str, proxy: str | None, timeout: float) -> dict[str, Any]:
        key = proxy, timeout
        if key not in self._kept:
            self._kept[key] = pool.Transport(timeout, authorities=str(self._pem), proxy=proxy or "")
        self._pipes, self._origin = self._kept[key], origin
        with narrow(case):
            if case.reused:
                carrying.plain(self._pipes, origin, "/first")
            found: dict[str, Any] = carrying.carry(self._pipes, vars(case), origin)
        return found

    def wait(self, event: threading.Event) -> bool:
        return event.wait(HUNG)

    def probe(self) -> Any:
        return carrying.plain(self._pipes, self._origin, "/probe")

    def finish(self) -> None:
        self._pipes.close()

    def close(self) -> None:
        pass


class Loop:
    """The connections of AsyncClient."""

    def __init__(self, pem: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._pem, self._loop = pem, loop or asyncio.new_event_loop()
        self._kept: dict[Any, Any] = {}

    def start(self, case: Case, origin: str, proxy: str | None, timeout: float) -> dict[str, Any]:
        key = proxy, timeout
        if key not in self._kept:
            options: dict[str, Any] = {"proxy": proxy or "", "ca_bundle": str(self._pem)}
            self._kept[key] = AsyncClient("p", "s", endpoint="127.0.0.1:1", retries=0, timeout=timeout, **options)
        self._carrier, self._origin = carrier_of(self._kept[key]), origin
        with narrow(case):
            return self._loop.run_until_complete(self._carry(case))

    async def _carry(self, case: Case) -> dict[str, Any]:
        if case.reused:
            await self._plain("/first")
        found: dict[str, Any] = carrying.nothing()
        request, _ = carrying.request(vars(case), self._origin)
        try:
            response = await self._carrier.send(request, None, None)
            found.update(status=response.status, headers=response.headers.pairs, body=response.body, complete=True)
        except NoAnswer as error:
            carrying.failed(found, error)
        found["kept"] = any(self._carrier.pool.idle.values())
        return found

    async def _plain(self, target: str) -> Any:
        try:
            return (await self._carrier.send(Request("GET", self._origin, target, Headers(), b""), None, None)).status
        except NoAnswer as error:
            return str(error)

    def wait(self, event: threading.Event) -> bool:
        async def work() -> bool:
            until = time.monotonic() + HUNG
            while not event.is_set() and time.monotonic() < until:  # under TLS the loop may have more to send
                await asyncio.sleep(0.001)
            return event.is_set()

        return self._loop.run_until_complete(work())

    def probe(self) -> Any:
        async def work() -> Any:
            for _ in range(5):  # the loop hears what came meanwhile
                await asyncio.sleep(0)
            return await self._plain("/probe")

        return self._loop.run_until_complete(work())

    def finish(self) -> None:
        async def work() -> None:
            await self._carrier.close()
            for _ in range(5):
                await asyncio.sleep(0)

        self._loop.run_until_complete(work())

    def close(self) -> None:
        for client in self._kept.values():
            self._loop.run_until_complete(client.close())
        self._loop.close()


class UvLoop(Loop):
    """Likewise on uvloop, whose sockets are its own."""

    def __init__(self, pem: Path) -> None:
        import uvloop

        super().__init__(pem, uvloop.new_event_loop())


class Python27:
    """The Transport of the SDK on Python 2.7, in a process of its own."""

    def __init__(self, pem: Path) -> None:
        self._pem = pem
        found = interpreters.important()["2.7"]
        assert found is not None
        path = os.pathsep.join([interpreters.prepare(found), str(interpreters.ROOT)])
        self._process = subprocess.Popen(
            [found.path, "-m", "test.sdk.carrying"],
            cwd=interpreters.ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Wrong("the process of Python 2.7 ended")
        return json.loads(line)

    def start(self, case: Case, origin: str, proxy: str | None, timeout: float) -> dict[str, Any]:
        told = {"case": vars(case), "origin": origin, "proxy": proxy or "", "timeout": timeout}
        self._write(json.dumps({**told, "authorities": str(self._pem)}))
        if case.reused:
            self._read()
        found: dict[str, Any] = self._read()
        return {**found, "body": base64.b64decode(found["body"])}

    def wait(self, event: threading.Event) -> bool:
        return event.wait(HUNG)

    def probe(self) -> Any:
        self._write("probe")
        return self._read()["probe"]

    def finish(self) -> None:
        self._write("next")
        self._read()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(HUNG)
        self._process.stdout.close()


CLIENTS: dict[str, Callable[[Path], Any]] = {"threads": Threads, "loop": Loop, "uvloop": UvLoop, "2.7": Python27}


class Theatre:
    """Plays cases.  One at a time."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._pem = certificate(Path(self._folder.name))
        self._stage = Stage(self._pem)
        self._clients: dict[str, Any] = {}
        self._routes: dict[Any, Any] = {}
        self.differences: set[str] = set()  # those of ``reference`` that were met

    def __enter__(self) -> Theatre:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._clients.values():
            each.close()
        self._stage.close()
        self._folder.cleanup()

    def play(self, case: Case, patience: float = LONG) -> None:
        """Wrong if what came of it is not what may."""
        if case.client not in self._clients:
            self._clients[case.client] = CLIENTS[case.client](self._pem)
        client = self._clients[case.client]
        listener = self._stage.listen(case.buffer)
        port = listener.getsockname()[1]
        origin, proxy = {
            "tcp": (f"http://127.0.0.1:{port}", None),
            "tls": (f"https://localhost:{port}", None),
            "tunnel": ("https://service.test", f"http://localhost:{port}"),
            "tunnels": ("https://service.test", f"https://localhost:{port}"),
        }[case.way]
        key = origin, proxy
        if key not in self._routes:
            self._routes[key] = pool.Transport(1, authorities=str(self._pem), proxy=proxy or "").route(origin)
        route = self._routes[key]
        head, body = carrying.sent(vars(case), route)
        # What comes on an idle connection, or before a proxy was asked, is nobody's answer: a client may look first.
        sends, end = _resolved(case.sends, case.end, int(case.reused), len(head), len(body))
        proxied = None if case.proxied is None else _resolved(*case.proxied, 1, len(route.tunnel()), 0)
        job = Job(listener, case.way, case.reused, sends, end, len(head + body), case.piece, proxied)
        quiet = case.end[1] in schedule.QUIET
        began = time.monotonic()
        self._stage.play(job)
        try:
            found = _within(lambda: client.start(case, origin, proxy, SHORT if quiet else patience))
            took = time.monotonic() - began
            probed = None
            if found["kept"] and end[1] == "keep":
                if not client.wait(job.played):
                    raise Wrong("the other side's part never ended")
                job.probe = True
                job.heard.set()
                probed = _within(client.probe)
        finally:
            job.heard.set()
            with suppress(Exception):
                client.finish()
            over = job.over.wait(HUNG)
        if not over:
            raise Wrong("the other side never ended")
        if quiet and took > LONG / 2:
            raise Wrong(f"it took {took:.1f} s where {SHORT} s were allowed; {_brief(found)}")
        if not quiet and "no data" in str(found["error"]):
            raise Wrong(f"only the client's limit ended it; {len(job.seen)} bytes came; {_brief(found)}")
        self._judge(case, job, head + body, found, probed)

    def _judge(self, case: Case, job: Job, request: bytes, found: dict[str, Any], probed: Any) -> None:
        sends, how = job.sends, job.end[1]
        if not request.startswith(bytes(job.seen)):
            raise Wrong(f"the request went out as {bytes(job.seen)[:2000]!r}")
        if job.proxied is not None:
            opened = reference.opened([data for _, data in job.proxied[0]])
            if not opened:
                if found["status"] is not None or found["error"] is None or found["sent"]:
                    raise Wrong(f"the proxy did not connect, but {_brief(found)}")
                return
        if job.failure is not None:
            raise Wrong(f"the other side failed: {job.failure!r}; {_brief(found)}")
        pieces = [data for _, data in sends]
        # Under TLS an end without TLS's word for it is no end: anybody on the way could have made it.
        ended = how in ("half", "close") or (how == "cut" and case.way == "tcp")
        expected = reference.judged(case.method, pieces, ended)
        ours = reference.Outcome(found["status"], reference.pairs(found["headers"]), found["body"], found["complete"])
        why = found["error"]
        if not self._allowed(case, job, expected, ours, why, len(request)):
            listed = reference.differences(case.method, b"".join(pieces), ended, ours, why)
            if not listed:
                raise Wrong(f"h11: {_brief(expected)}\nours: {_brief(ours)} {why}; {len(job.seen)} bytes came")
            self.differences |= listed
            return
        if how != "keep" or not ours.complete:
            return
        # With TLS in TLS, reading sends what was left: the answer may come before the client knows that all is sent.
        early = bool(sends) and (sends[-1][0] < len(request) or case.way == "tunnels")
        if job.probed == "first" and not expected.reusable:
            listed = reference.reuse(b"".join(pieces), True)
            if listed is None:
                raise Wrong(f"the connection served again; h11: {_brief(expected)}")
            self.differences.add(listed)
        if found["kept"] and (probed != 204 or job.probed not in ("first", "second")):
            raise Wrong(f"the next request was answered {probed!r}, on {job.probed}")
        if job.probed == "first" and bytes(job.seen) != request:
            raise Wrong(f"the connection served again after {len(job.seen)} of {len(request)} bytes")
        if expected.reusable and not early and job.probed != "first":
            raise Wrong(f"the connection did not serve again: {found['kept']}, {job.probed}")

    @staticmethod
    def _allowed(
        case: Case, job: Job, expected: reference.Outcome, ours: reference.Outcome, why: str | None, total: int
    ) -> bool:
        sends, (at, how) = job.sends, job.end
        if expected.complete and ours.complete:
            if (ours.status, ours.headers, ours.body) == (expected.status, expected.headers, expected.body):
                return True
        if sends and not sends[0][0] and ours.status is None:
            return True  # it came before anything was asked
        # A reset, or what the system makes of a close before all was read, may take back what is on its way; and where
        # the other side is silent the client's time may be over before the other side did anything.
        lossy = how == "reset" or (how == "close" and at < total) or how in schedule.QUIET
        same = (ours.status, ours.headers) == (expected.status, expected.headers)
        same = same and expected.body.startswith(ours.body)
        if ours.complete:
            # Where sending has failed, any end of TCP ends an answer without length: its status counts more.
            counted = {name for name, _ in ours.headers} & {"content-length", "transfer-encoding"}
            return same and lossy and at < total and case.way == "tcp" and not counted
        if expected.complete and not lossy:
            return False
        if ours.status is None:
            # What is wrong in a body may come together with the head.
            return lossy or expected.status is None or case.read == "send" or "is not HTTP" in str(why)
        return same


def _resolved(
    sends: Any, end: Any, first: int, head: int, body: int
) -> tuple[list[tuple[int, bytes]], tuple[int, str]]:
    """With places in bytes, from ``first`` on, none before the one that stands before it."""
    last, found = first, []
    for place, text in sends:
        last = max(last, schedule.at(place, head, body))
        found.append((last, text.encode("latin-1")))
    return found, (max(last, schedule.at(end[0], head, body)), end[1])


def _brief(value: object) -> str:
    """What a reader can take in."""
    return re.sub(r"(.)\1{9,}", r"\1...", repr(value))[:1500]


def _within(work: Callable[[], Any]) -> Any:
    """What ``work`` returns.  Wrong if it never does."""

    def hung(*_: object) -> None:
        raise Wrong(f"it did not end within {HUNG} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, HUNG)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(theatre: Theatre, case: Case, number: int | None = None) -> None:
    """Play it.  If it is wrong, look for a simpler one that is, and say how to play either again."""
    try:
        theatre.play(case)
    except Exception as failure:
        again = "" if number is None else f"python -m test.fuzz.exchanges {number} --client {case.client}\n"
        small, why = shrunk(case, failure)
        raise Wrong(
            f"{failure!s:.3000}\n{again}Shrunk to: {why!s:.3000}\npython -m test.fuzz.exchanges --case '{small.text()}'"
        ) from failure


def shrunk(case: Case, why: BaseException, seconds: float = 30.0) -> tuple[Case, BaseException]:
    """A simpler case that is wrong too, and how."""
    until = time.monotonic() + seconds
    progress = True
    while progress:
        progress = False
        for simpler in schedule.simpler(case):
            if time.monotonic() > until:
                return case, why
            try:
                with Theatre() as theatre:  # nothing of the last one is left
                    theatre.play(simpler, patience=1.0)
            except Wrong as failure:
                case, why, progress = simpler, failure, True
                break
    return case, why


def main() -> None:
    parser = argparse.ArgumentParser(prog="test.fuzz.exchanges", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--case", type=schedule.parsed)
    parser.add_argument("--upto", type=int, default=0, metavar="N", help="all numbers from the last one given to N")
    parser.add_argument("--client", choices=sorted(CLIENTS))
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    numbers = options.numbers + list(range(*(options.numbers or [0])[-1:], options.upto))
    clients = (options.client,) if options.client in ("uvloop", "2.7") else ("threads", "loop")
    wrong = 0
    with Theatre() as theatre:
        cases = [(n, schedule.made(n, clients)) for n in numbers] + ([(None, options.case)] if options.case else [])
        for number, case in cases * options.times:
            try:
                run(theatre, case, number)
            except Wrong as failure:
                wrong += 1
                print(f"{number}: {failure}\n", flush=True)
        print(f"{len(cases) * options.times} cases, {wrong} wrong; differences met: {sorted(theatre.differences)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
