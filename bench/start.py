"""How long the command and the packages take to start: seconds of wall clock and of CPU, each beside a bare Python's.

python -m bench.start [--rounds 11]
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import Figures, medians, run
from test.server_fixture import start_server
from uvideo.config.profiles import edit
from uvideo.testing import serve

#: name, words behind python, the design's target in ms, whether Python's own start counts
ROWS = (
    ("python -c pass", ("-c", ""), "", True),
    ("import uvideo", ("-c", "import uvideo"), "< 60", False),
    ("import ucloud.uvideo", ("-c", "import ucloud.uvideo"), "", False),
    ("uvideo --help", ("-m", "uvideo", "--help"), "< 150", True),
    ("uvideo ls --help", ("-m", "uvideo", "ls", "--help"), "", True),
    ("uvideo ls", ("-m", "uvideo", "--config", "{config}", "ls"), "", True),
    ("uvideo etag FILE", ("-m", "uvideo", "etag", "{config}"), "", True),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    print(
        f"# {datetime.date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"# medians of {rounds} alternating rounds")
    found: dict[str, list[Figures]] = {}
    ready = []  # seconds until the server of the pytest fixture answers
    with (
        tempfile.TemporaryDirectory(prefix="uvideo-bench-") as folder,
        start_server(Path(folder) / "server", "--no-fsync", anew=True) as server,
    ):
        config = Path(folder) / "config.toml"
        with edit(config) as draft:
            for name in ("public_key", "private_key", "endpoint"):
                draft.set("bench", name, server.host if name == "endpoint" else getattr(server, name))
            draft.use("bench")
        for _ in range(rounds):
            for name, words, _, _ in ROWS:
                command = [sys.executable, *(each.format(config=config) for each in words)]
                found.setdefault(name, []).append(run(command, server.pid))
            with tempfile.TemporaryDirectory(prefix="uvideo-bench-") as empty:
                began = time.perf_counter()
                with serve(Path(empty)):
                    ready.append(time.perf_counter() - began)
    bare = medians(found[ROWS[0][0]])
    print(f"\n{'start, ms':34}{'wall':>12}{'CPU':>12}   target, of the wall clock")
    for name, _, target, whole in ROWS:
        figures = medians(found[name])
        wall, cpu = (figures.wall, figures.cpu) if whole else (figures.wall - bare.wall, figures.cpu - bare.cpu)
        note = target if whole else f"{target}  without Python's own".strip()
        print(f"{name:34}{wall * 1000:>12.0f}{cpu * 1000:>12.0f}   {note}", flush=True)
    print(f"{'the fixture of pytest answers':34}{statistics.median(ready) * 1000:>12.0f}{'':>12}   < 500")


if __name__ == "__main__":
    main()
