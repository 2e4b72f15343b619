"""The server beside a bare aiohttp handler, alternating, medians; and what the design asks for beside each figure.

python -m bench.server [--rounds 5] [--seconds 2] [--size 1024] [--folder DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.load import load, save
from bench.measure import processor_seconds
from test.server_fixture import Server, start_server
from ucloud.uvideo import config, spacemanager
from ucloud.uvideo.protocol import signature
from ucloud.uvideo.protocol.message import Headers

SMALL = bytes(range(256)) * 4
KEYS = 20_000  # different ones, so that most PUTs of a round are new objects
CONNECTIONS, WRITERS = 16, 32
MIB = 1048576


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.server", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each load of small requests")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file")
    parser.add_argument("--folder", default=None, help="where files and the servers' data go (default: TMPDIR)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    print(
        f"# {datetime.date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"# medians of {options.rounds} alternating rounds")
    try:
        with start_server(folder / "server", "--no-fsync", anew=True) as server, start_bare(folder / "bare") as bare:
            idle = resident(server.pid)
            bench = Bench(server, bare, folder, options)
            bench.small()
            bench.large()
        with start_server(folder / "synced", anew=True) as server:
            group_commit(server, folder, options)
        starts(folder, options.rounds)
        row("idle server, MiB", f"{idle:.0f}", "", "< 60")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(name: str, ours: str, other: str = "", target: str = "") -> None:
    print(f"{name:34}{ours:>12}{other:>12}   {target}", flush=True)


# Servers


class Bare:
    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid


@contextlib.contextmanager
def start_bare(folder: Path) -> Iterator[Bare]:
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Bare(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.communicate()


def resident(pid: int) -> float:
    """MiB that a process has in memory now."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


class Requests:
    """Signed requests to one server, as bytes."""

    def __init__(self, server: Server) -> None:
        self._credentials = signature.Credentials(server.public_key, server.private_key)
        config.set_default(uploadsuffix=server.host, downloadsuffix=server.host)
        spaces = spacemanager.BucketManager(server.public_key, server.private_key)
        for name in ("private", "public"):
            assert spaces.createspace(name, name)[1].ok()

    def headers(self, method: str, key: str, space: str = "private", *, signed: bool = True) -> list[tuple[str, str]]:
        pairs = [("Host", f"{space}.localhost"), ("Content-Type", "video/mp4")]
        if signed:
            value = signature.authorization(self._credentials, method, space, key, Headers(pairs))
            pairs.append(("Authorization", value))
        return pairs

    def build(self, method: str, key: str, space: str = "private", *, signed: bool = True, body: bytes = b"") -> bytes:
        return build(method, key, self.headers(method, key, space, signed=signed), body)

    def series(self, method: str, prefix: object, body: bytes = b"") -> Iterable[bytes]:
        return (self.build(method, f"{prefix}/{number}", body=body) for number in range(KEYS))


def build(method: str, key: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    lines = [f"{method} /{key} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


# Against the bare handler


class Bench:
    def __init__(self, server: Server, bare: Bare, folder: Path, options: argparse.Namespace) -> None:
        self.server, self.bare, self.folder, self.options = server, bare, folder, options
        self.requests = Requests(server)

    def small(self) -> None:
        """CPU is of the server, microseconds a request."""
        plain = [("Host", "bare.localhost"), ("Content-Type", "video/mp4")]
        self.send(self.server.port, [self.requests.build("PUT", "one", space, body=SMALL) for space in SPACES])
        self.send(self.bare.port, [build("PUT", "one", plain, SMALL)])
        found: dict[str, list[tuple[float, float]]] = {}
        for turn in range(self.options.rounds):
            bare_put = [build("PUT", f"{turn}/{number}", plain, SMALL) for number in range(KEYS)]
            for name, server, requests in (
                ("bare GET", self.bare, [build("GET", "one", plain)]),
                ("GET, signed", self.server, [self.requests.build("GET", "one")]),
                ("GET, public", self.server, [self.requests.build("GET", "one", "public", signed=False)]),
                ("bare PUT", self.bare, bare_put),
                ("PUT, signed", self.server, self.requests.series("PUT", turn, SMALL)),
                ("DELETE, signed", self.server, self.requests.series("DELETE", turn)),
            ):
                found.setdefault(name, []).append(self.load(server, requests))
        print(f"\n1 KiB, {CONNECTIONS} connections, --no-fsync")
        row("", "a second", "CPU us", "x of the bare handler's rate")
        for name, target in (
            ("bare GET", ""),
            ("GET, signed", ">= 0.35"),
            ("GET, public", ">= 0.35"),
            ("bare PUT", ""),
            ("PUT, signed", ">= 0.2"),
            ("DELETE, signed", ""),
        ):
            rate, cpu = (statistics.median(each) for each in zip(*found[name], strict=True))
            base = found["bare GET" if "GET" in name else "bare PUT"]
            ratio = statistics.median(ours[0] / other[0] for ours, other in zip(found[name], base, strict=True))
            row(name, f"{rate:.0f}", f"{cpu:.0f}", f"{ratio:.2f}  {target}")

    def load(self, server: Server | Bare, requests: Iterable[bytes]) -> tuple[float, float]:
        """(answers a second, microseconds of CPU each)."""
        save(self.folder / "requests", requests)
        before = processor_seconds(server.pid)
        rate = load(server.port, CONNECTIONS, self.options.seconds, self.folder / "requests")
        cpu = processor_seconds(server.pid) - before
        return rate, cpu / (rate * self.options.seconds) * 1e6

    def send(self, port: int, requests: Iterable[bytes]) -> None:
        save(self.folder / "requests", requests)
        load(port, 1, 1, self.folder / "requests")

    def large(self) -> None:
        source = self.folder / "source"
        write(source, self.options.size)
        found: dict[tuple[int, str, str], list[float]] = {}
        for _ in range(self.options.rounds):
            for connections in (1, 4):
                for method in ("PUT", "GET"):
                    for name, server in (("bare", self.bare), ("ours", self.server)):
                        cpu = self.curl(server, method, connections, source)
                        found.setdefault((connections, method, name), []).append(cpu)
        print(f"\n{self.options.size} MiB by curl, --no-fsync: server CPU seconds for each GiB")
        row("", "ours", "bare", "x")
        for connections in (1, 4):
            for method in ("PUT", "GET"):
                ours, bare = found[connections, method, "ours"], found[connections, method, "bare"]
                ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
                name = f"{method}, {connections} connection{'s' if connections > 1 else ''}"
                figures = (f"{statistics.median(each):.2f}" for each in (ours, bare))
                row(name, *figures, f"{ratio:.2f}  <= 1.2")

    def curl(self, server: Server | Bare, method: str, connections: int, source: Path) -> float:
        """CPU seconds of the server for each GiB, over ``connections`` curls at once."""
        commands = []
        for number in range(connections):
            key = f"big-{number}"
            given = [f"-H{name}: {value}" for name, value in self.requests.headers(method, key)]
            moved = ["-T", str(source), "-HExpect:"] if method == "PUT" else []
            url = f"http://127.0.0.1:{server.port}/{key}"
            commands.append(["curl", "-sS", "--fail", "-o/dev/null", *given, *moved, url])
        before = processor_seconds(server.pid)
        running = [subprocess.Popen(command) for command in commands]
        if any(process.wait() for process in running):
            raise RuntimeError(f"curl failed: {method}")
        return (processor_seconds(server.pid) - before) * 1024 / (self.options.size * connections)


SPACES = ("private", "public")


def write(path: Path, mebibytes: int) -> None:
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(block)


# Alone


def group_commit(server: Server, folder: Path, options: argparse.Namespace) -> None:
    """With fsync: many writers share a sync, one writer waits for its own."""
    requests, path = Requests(server), folder / "requests"
    one, many = [], []
    for turn in range(options.rounds):
        for rates, connections, prefix in ((one, 1, "one"), (many, WRITERS, "many")):
            save(path, requests.series("PUT", f"{prefix}-{turn}", SMALL))
            rates.append(load(server.port, connections, options.seconds, path))
    print("\n1 KiB PUT with fsync")
    row("", f"{WRITERS} at once", "1 at a time", "x")
    ratio = statistics.median(each / alone for each, alone in zip(many, one, strict=True))
    row("a second", f"{statistics.median(many):.0f}", f"{statistics.median(one):.0f}", f"{ratio:.2f}  >= 5")


def starts(folder: Path, rounds: int) -> None:
    def ready() -> float:
        began = time.perf_counter()
        with start_server(folder / "started", anew=True):
            return time.perf_counter() - began

    print("\nstart")
    row("", "ms", "", "")
    ms = statistics.median(ready() for _ in range(rounds)) * 1000
    row("uvideo serve answers after", f"{ms:.0f}", "", "< 600")


if __name__ == "__main__":
    main()
