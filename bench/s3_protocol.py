"""What the S3 protocol costs beside its I/O: python -m bench.s3_protocol [--rounds N] [--old FOLDER].

Listings: CPU time to write an answer of 1,000 keys.  Checksums: bytes a second of each algorithm, on one core, with
awscrt if it is installed and without.  The best of the rounds; the machine should be idle.

--old: a folder with another version of this repository.  Only the listings, of both versions in turn.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from uvideo._core import message
from uvideo.s3 import checksum, dialect, operation
from uvideo.s3.codec import OperationRequest

KEYS = {
    "plain keys": "photos/2026/11/29/camera-{:05}-front.jpg",
    "keys to escape": "photos/2026/11/29/camera & {:05} front \u89c6\u9891.jpg",
}
#: Each key has other characters.
CHINESE = [
    "\u7167\u7247/" + "".join(chr(0x4E00 + (each * 7919 + n * 613) % 20000) for n in range(12)) for each in range(1000)
]
SUMMED = "keys with checksums"
OWNER = operation.Owner(id="account-1", display_name="main")


def best(rounds: int, work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    found = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return min(found)


def entry(number: int, key: str, algorithm: str | None = None) -> operation.ObjectEntry:
    return operation.ObjectEntry(
        key=key,
        modified=1_700_000_000 + number * 977,
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size=number * 1_000_003,
        storage_class="STANDARD",
        owner=OWNER,
        checksum_algorithm=algorithm,
        checksum_type=None if algorithm is None else operation.FULL_OBJECT,
    )


def listings(rounds: int) -> dict[str, float]:
    """CPU milliseconds of a page of each kind of keys."""
    found = {}
    pages = {name: [form.format(number) for number in range(1000)] for name, form in KEYS.items()}
    for name, keys in {**pages, SUMMED: pages["plain keys"], "Chinese keys": CHINESE}.items():
        algorithm = "CRC64NVME" if name == SUMMED else None
        entries = tuple(entry(number, key, algorithm) for number, key in enumerate(keys))
        result = operation.ListObjectsV2Output(contents=entries)
        for encoding in ({}, {"encoding-type": "url"}):
            op = dialect.decode(operation.ListObjectsV2, OperationRequest("bucket", "", encoding, message.Headers()))
            taken = best(rounds, functools.partial(dialect.encode, op, result))
            found[f"list of 1,000 {name}, {'url' if encoding else 'as they are'}"] = taken * 1000
    return found


def other(folder: Path, rounds: int) -> dict[str, float]:
    """The listings of the version in this folder."""
    command = [sys.executable, str(Path(__file__)), "--listings", "--rounds", str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    found: dict[str, float] = json.loads(subprocess.check_output(command, cwd=folder, env=environment))
    return found


def compare(old: Path, rounds: int) -> None:
    turns = [(other(old, rounds), other(Path(__file__).resolve().parents[1], rounds)) for _ in range(5)]
    for name in turns[0][0]:
        before, after = (min(turn[side][name] for turn in turns) for side in (0, 1))
        print(f"{name:48} {before:6.2f} -> {after:6.2f} ms")


def rate(algorithm: str, native: bool, size: int, rounds: int) -> float:
    """Bytes a second."""
    hasher, data = checksum.hasher(algorithm, native), bytes(range(256)) * (size >> 8)
    return size / best(rounds, lambda: hasher.update(data))


def checksums(rounds: int) -> None:
    for algorithm in operation.ALGORITHMS:
        print(f"{algorithm:9} {rate(algorithm, True, 16 << 20, rounds) / 1e6:8.0f} MB/s")
    for algorithm in ("CRC32C", "CRC64NVME"):
        print(f"{algorithm:9} {rate(algorithm, False, 1 << 20, rounds) / 1e6:8.0f} MB/s without awscrt")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.s3_protocol", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--old", type=Path)
    parser.add_argument("--listings", action="store_true", help="only the listings, as JSON")
    options = parser.parse_args()
    if options.old is not None:
        return compare(options.old, options.rounds)
    found = listings(options.rounds * 4)
    if options.listings:
        return print(json.dumps(found))
    for name, taken in found.items():
        print(f"{name:48} {taken:6.2f} ms")
    checksums(max(options.rounds // 10, 3))


if __name__ == "__main__":
    main()
