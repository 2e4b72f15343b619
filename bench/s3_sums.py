"""What each sum of a body costs, in one pass beside the SHA-1 of the etag: CPU seconds for each GiB, as JSON.

python -m bench.s3_sums [--without-awscrt]

The bytes come from memory in the pieces in which a server reads them, through the class that sums them there.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator

if "--without-awscrt" in sys.argv:
    sys.modules["awscrt"] = None  # type: ignore[assignment]  # so that its import fails

from uvideo._core import etag
from uvideo.s3 import checksum
from uvideo.s3.operation import ALGORITHMS
from uvideo.server.rules.body_sums import CheckedBody, StoredBody, drained

GIB = 1 << 30
PIECE = 256 * 1024
SIZE, SLOW_SIZE = 128 << 20, 2 << 20  # bytes; the latter where Python computes the sum


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for _ in range(size // PIECE):
        yield data


def of_ufile(size: int) -> float:
    """CPU seconds of the SHA-1 of the blocks alone."""
    data, tree = os.urandom(PIECE), etag.Etag()
    began = time.process_time()
    for _ in range(size // PIECE):
        tree.update(data)
    tree.value()
    return (time.process_time() - began) * GIB / size


def of_s3(algorithm: str | None, size: int) -> float:
    """CPU seconds of SHA-1, MD5 and this checksum in one pass, with the threads' work."""

    async def work() -> float:
        body = CheckedBody(StoredBody(pieces(os.urandom(PIECE), size), size), None, None, algorithm, GIB)
        began = time.process_time()
        await drained(body)
        return time.process_time() - began

    return asyncio.run(work()) * GIB / size


def main() -> None:
    found = {"SHA-1 of the etag": of_ufile(SIZE), "with MD5": of_s3(None, SIZE)}
    for algorithm in ALGORITHMS:
        found[algorithm] = of_s3(algorithm, SIZE if checksum.is_native(algorithm) else SLOW_SIZE)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
