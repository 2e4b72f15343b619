"""What the S3 protocol costs beside its I/O: python -m bench.s3_protocol [--rounds N].

Listings: CPU time to write an answer of 1,000 keys.  Checksums: bytes a second of each algorithm, on one core, with
awscrt if it is installed and without.  The best of the rounds; the machine should be idle.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable

from uvideo._core import message
from uvideo.s3 import checksum, dialect, operation
from uvideo.s3.codec import OperationRequest

KEYS = {
    "plain keys": "photos/2026/11/29/camera-{:05}-front.jpg",
    "keys to escape": "photos/2026/11/29/camera & {:05} front \u89c6\u9891.jpg",
}
OWNER = operation.Owner(id="account-1", display_name="main")


def best(rounds: int, work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    found = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return min(found)


def entry(number: int, form: str) -> operation.ObjectEntry:
    return operation.ObjectEntry(
        key=form.format(number),
        modified=1_700_000_000 + number * 977,
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size=number * 1_000_003,
        storage_class="STANDARD",
        owner=OWNER,
    )


def listings(rounds: int) -> None:
    for name, form in KEYS.items():
        result = operation.ListObjectsV2Output(contents=tuple(entry(number, form) for number in range(1000)))
        for encoding in ({}, {"encoding-type": "url"}):
            op = dialect.decode(operation.ListObjectsV2, OperationRequest("bucket", "", encoding, message.Headers()))
            taken = best(rounds, functools.partial(dialect.encode, op, result))
            print(f"list of 1,000 {name}, {'url' if encoding else 'as they are':11} {taken * 1000:6.2f} ms")


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
    parser = argparse.ArgumentParser(prog="bench.s3_protocol", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    listings(rounds * 4)
    checksums(max(rounds // 10, 3))


if __name__ == "__main__":
    main()
