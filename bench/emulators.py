"""The server beside what people test with instead: moto_server (PyPI, moto[server]) and s3rver (npm), alternating.

python -m bench.emulators [--rounds 5] [--seconds 2] [--size 256] [--moto moto_server] [--s3rver s3rver]

Each gets the same bytes in its own protocol.  Ours checks signatures and keeps what it acknowledged; moto keeps all in
memory and checks no signature, and s3rver is asked without one.  An emulator that is not installed is left out.
Needs wrk, as an emulator may close the connection after each answer.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.load import load, save
from bench.server import CONNECTIONS, MIB, SMALL, Requests, build, write
from test.server_fixture import start_server

KEYS = 50
BUCKET = "bench"
START_SECONDS = 60
#: moto asks for a signature where it is not public, and does not look at it.
CLAIM = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.emulators", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each load of small requests")
    parser.add_argument("--size", type=int, default=256, help="MiB of the large file")
    parser.add_argument("--moto", default="moto_server", help="its command")
    parser.add_argument("--s3rver", default="s3rver", help="its command")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        parser.error("wrk is needed (Debian: apt-get install wrk)")
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            targets = [Ours(stack, folder)]
            for name, command in (("moto_server", options.moto), ("s3rver", options.s3rver)):
                if shutil.which(command):
                    targets.append(Emulator(stack, folder, name, command))
            compare(targets, folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Ours:
    name = "uvideo serve"

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        server = stack.enter_context(start_server(folder / "uvideo", "--no-fsync", anew=True))
        self.port, self._requests = server.port, Requests(server)

    def request(self, method: str, key: str, body: bytes = b"") -> bytes:
        return self._requests.build(method, key, body=body)

    def curl(self, method: str, key: str) -> list[str]:
        given = [f"-H{name}: {value}" for name, value in self._requests.headers(method, key)]
        return [*given, f"http://127.0.0.1:{self.port}/{key}"]


class Emulator:
    def __init__(self, stack: contextlib.ExitStack, folder: Path, name: str, command: str) -> None:
        self.name = name
        self._headers = [("Content-Type", "video/mp4"), *([("Authorization", CLAIM)] if name == "moto_server" else [])]
        self.port, _ = stack.enter_context(started(folder / name, name, command))
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/{BUCKET}", method="PUT")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200, answer.status

    def request(self, method: str, key: str, body: bytes = b"") -> bytes:
        headers = [("Host", f"127.0.0.1:{self.port}"), *self._headers]
        return build(method, f"{BUCKET}/{key}", headers, body)

    def curl(self, method: str, key: str) -> list[str]:
        given = [f"-H{name}: {value}" for name, value in self._headers]
        return [*given, f"http://127.0.0.1:{self.port}/{BUCKET}/{key}"]


@contextlib.contextmanager
def started(folder: Path, name: str, command: str) -> Iterator[tuple[int, int]]:
    """(port, process id) of an emulator that answers."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    folder.mkdir()
    words = {
        "moto_server": [command, "-H", "127.0.0.1", "-p", str(port)],
        "s3rver": [command, "-a", "127.0.0.1", "-p", str(port), "-d", str(folder), "--silent"],
    }[name]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} does not answer: {(folder / 'log').read_text()[-1000:]}")
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def compare(targets: list[Ours | Emulator], folder: Path, options: argparse.Namespace) -> None:
    source = folder / "source"
    write(source, options.size)
    found: dict[str, dict[str, list[float]]] = {}
    for turn in range(options.rounds):
        for target in targets:
            for job, rate in round_of(target, folder, source, turn, options):
                found.setdefault(job, {}).setdefault(target.name, []).append(rate)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"# {datetime.date.today()}  {machine}")
    print(f"# medians of {options.rounds} alternating rounds; x: of the emulator's rate, >= 3 is asked")
    print(f"{'':28}" + "".join(f"{target.name:>20}" for target in targets))
    for job, rates in found.items():
        ours = statistics.median(rates[Ours.name])
        cells = [f"{ours:>20.0f}"]
        for target in targets[1:]:
            rate = statistics.median(rates[target.name])
            cells.append(f"{f'{rate:.0f}  ({ours / rate:.1f}x)':>20}")
        print(f"{job:28}" + "".join(cells), flush=True)


def round_of(
    target: Ours | Emulator, folder: Path, source: Path, turn: int, options: argparse.Namespace
) -> Iterator[tuple[str, float]]:
    """(job, rate) of each job."""
    path = folder / "requests"
    save(path, [target.request("PUT", f"{turn}-{number}", SMALL) for number in range(KEYS)])
    yield "1 KiB PUT, a second", load(target.port, CONNECTIONS, options.seconds, path)
    save(path, [target.request("GET", f"{turn}-{number}") for number in range(KEYS)])
    yield "1 KiB GET, a second", load(target.port, CONNECTIONS, options.seconds, path)
    for method, words in (("PUT", ["-T", str(source), "-HExpect:"]), ("GET", [])):
        began = time.perf_counter()
        command = ["curl", "-sS", "--fail", "-o/dev/null", *words, *target.curl(method, "big")]
        subprocess.run(command, check=True, timeout=600)
        yield f"{options.size} MiB {method}, MiB a second", source.stat().st_size / MIB / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
