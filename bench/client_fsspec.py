"""One timed read with a library's filesystem: python -m bench.client_fsspec LIBRARY JOB ENDPOINT KEY SPACE

The secret key comes on standard input.  LIBRARY: uvideo, obstore or opendal.  JOB: cat, all bytes of the object `big`;
column, one of `table.parquet` by PyArrow.  Prints seconds and CPU seconds of the read alone, without imports, as JSON.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow.parquet

BIG, TABLE, COLUMN = "big", "table.parquet", "value"

#: (all bytes of an object, it as a file for PyArrow)
Reads = tuple[Callable[[str], bytes], Callable[[str], Any]]


def main() -> None:
    library, job, endpoint, key, space = sys.argv[1:]
    cat, opened = LIBRARIES[library](endpoint, key, sys.stdin.readline().strip(), space)
    cat("ready")  # connections, caches of code and what is loaded late
    wall, cpu = time.perf_counter(), time.process_time()
    if job == "cat":
        size = len(cat(BIG))
    else:
        with opened(TABLE) as file:
            size = pyarrow.parquet.read_table(file, columns=[COLUMN]).nbytes
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "size": size}), flush=True)
    os._exit(0)  # PyArrow's threads may still hold a Python file, any, and abort an interpreter that ends


def uvideo(endpoint: str, key: str, secret: str, space: str) -> Reads:
    from uvideo.fs import UVideoFileSystem

    fs = UVideoFileSystem(endpoint=endpoint, public_key=key, private_key=secret)
    return lambda name: fs.cat_file(f"{space}/{name}"), lambda name: fs.open(f"{space}/{name}")


def _s3(endpoint: str, key: str, secret: str) -> dict[str, str]:
    return {"endpoint": endpoint, "region": "us-east-1", "access_key_id": key, "secret_access_key": secret}


def obstore(endpoint: str, key: str, secret: str, space: str) -> Reads:
    from obstore.fsspec import FsspecStore

    fs = FsspecStore("s3", **_s3(endpoint, key, secret), client_options={"allow_http": True})
    return lambda name: bytes(fs.cat_file(f"{space}/{name}")), lambda name: fs.open(f"{space}/{name}")


def opendal(endpoint: str, key: str, secret: str, space: str) -> Reads:
    import opendal as library

    operator = library.Operator("s3", bucket=space, **_s3(endpoint, key, secret))

    def opened(name: str) -> io.BufferedReader:
        """Its file may give less than was asked for, which PyArrow takes for the end."""
        return io.BufferedReader(operator.open(name, "rb"), 1 << 16)

    return lambda name: bytes(operator.read(name)), opened


LIBRARIES = {"uvideo": uvideo, "obstore": obstore, "opendal": opendal}

if __name__ == "__main__":
    main()
