"""A folder of small files up and down: the command, upload_dir and download_dir, and the official SDK in threads.

python -m bench.folders [--rounds 5] [--files 10000] [--size 4096] [--jobs 8] [--folder DIR]

All against our own server without fsync.  ufile has no call for folders, so its single calls in as many threads stand
for it; it verifies nothing.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from bench.measure import Figures, medians, run
from test.server_fixture import Server, start_server
from uvideo import Client

SPACE = "localhost"  # the official SDK can be pointed at a local server by this name
UFILE = "ufile 3.2.11, in threads"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.folders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--size", type=int, default=4096, help="bytes of each")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--folder", default=None, help="where files and the server's data go (default: TMPDIR)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    try:
        make(folder / "source", options.files, options.size)
        with start_server(folder / "server", "--no-fsync", anew=True) as server:
            with Client(server.public_key, server.private_key, endpoint=server.endpoint) as client:
                client.create_space(SPACE, type="public")
            compare(server, folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make(folder: Path, files: int, size: int) -> None:
    for number in range(files):
        path = folder / f"{number % 100:02d}" / f"{number:06d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(8, "big") + os.urandom(size - 8))


def compare(server: Server, folder: Path, options: argparse.Namespace) -> None:
    found: dict[str, dict[str, list[Figures]]] = {"up": {}, "down": {}}
    for turn in range(options.rounds):
        for name in ("uvideo cp -r", "upload_dir, download_dir", UFILE):
            target = folder / "target"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            prefix = f"{turn}-{name.split()[0].strip(',')}"
            for direction, place in (("up", folder / "source"), ("down", target)):
                command, secret = words(name, direction, server, place, prefix, options.jobs)
                found[direction].setdefault(name, []).append(run(command, server.pid, secret))
            assert sum(path.is_file() for path in target.rglob("*")) == options.files, name
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"# {datetime.date.today()}  {machine}")
    print(f"# {options.files} files of {options.size} bytes, {options.jobs} jobs, medians of {options.rounds} rounds")
    for direction, cases in found.items():
        print(f"\n{direction:32}{'files/s':>9}{'x':>7}{'cpu us':>9}{'MiB':>6}")
        base = options.files / medians(cases[UFILE]).wall
        for name, figures in cases.items():
            each = medians(figures)
            rate = options.files / each.wall
            cpu = each.cpu / options.files * 1e6
            print(f"{name:32}{rate:9.0f}{rate / base:7.2f}{cpu:9.0f}{each.memory:6.0f}", flush=True)


def words(name: str, direction: str, server: Server, place: Path, prefix: str, jobs: int) -> tuple[list[str], str]:
    """The command, and what it reads on its standard input."""
    if name.startswith("uvideo"):
        there = f"uvideo://{SPACE}/{prefix}/"
        ends = [str(place), there] if direction == "up" else [there, str(place)]
        environment = [f"UVIDEO_{key.upper()}={getattr(server, key)}" for key in ("public_key", "endpoint")]
        program = [sys.executable, "-m", "bench.folders_command", "cp", "-r", "-q", f"--jobs={jobs}", *ends]
        return ["env", *environment, *program], server.private_key
    kind = "ufile" if name == UFILE else "client"
    program = [sys.executable, "-m", "bench.folders_client", kind, direction, server.host, server.public_key]
    return [*program, SPACE, prefix, str(place), str(jobs)], server.private_key


if __name__ == "__main__":
    main()
