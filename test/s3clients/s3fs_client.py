"""s3fs, which pins what we use: a program of its environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from test.s3clients.client import PROGRAMS, Listing, Place, ran

__all__ = ["S3fs"]

PROGRAM = Path(__file__).with_name("s3fs_program.py")


class S3fs:
    def __init__(self, place: Place) -> None:
        self._place = place

    def _ran(self, *words: str | Path) -> bytes:
        return ran(self._place, [PROGRAMS / "python", PROGRAM, self._place.url, *words])

    def make(self, bucket: str) -> None:
        self._ran("mkdir", bucket)

    def put(self, bucket: str, key: str, path: Path) -> None:
        self.put_each(bucket, [key], path)

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("get", f"{bucket}/{key}", path)

    get_resumed = get

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return self._ran("span", f"{bucket}/{key}", str(first), str(last + 1))

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._ran("cp_file", f"{bucket}/{key}", f"{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        listing = Listing(set(), set())
        for name, kind in json.loads(self._ran("ls", f"{bucket}/{prefix}")):
            key = name.removeprefix(f"{bucket}/")
            if kind == "directory":
                listing.folders.add(f"{key}/")
            else:
                listing.keys.add(key)
        return listing

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._ran("rm", *(f"{bucket}/{key}" for key in keys))

    def presign(self, bucket: str, key: str) -> str:
        return self._ran("sign", f"{bucket}/{key}").decode().strip()

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("put", str(part), path, f"{bucket}/{key}")

    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None:
        self._ran("put", str(50 << 20), path, *(f"{bucket}/{key}" for key in keys))

    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        pairs = [(f"{bucket}/{key}", folder / str(number)) for number, key in enumerate(keys)]
        self._ran("get", *(word for pair in pairs for word in pair))

    def abort(self, bucket: str, key: str) -> None:
        self._ran("clear_multipart_uploads", bucket)
