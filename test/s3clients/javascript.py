"""The AWS SDK for JavaScript: @aws-sdk/client-s3, and lib-storage for uploads in parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from test.s3clients.client import NODE, PROGRAMS, Listing, Place, ran

__all__ = ["JavaScript"]

PROGRAM = Path(__file__).with_name("javascript_program.mjs")


class JavaScript:
    def __init__(self, place: Place) -> None:
        self._place = place

    def _ran(self, *words: str | Path) -> bytes:
        return ran(self._place, [NODE, PROGRAM, PROGRAMS.parent, self._place.url, *words])

    def make(self, bucket: str) -> None:
        self._ran("make", bucket)

    def put(self, bucket: str, key: str, path: Path) -> None:
        self.put_each(bucket, [key], path)

    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None:
        self._ran("put", bucket, path, *keys)

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("get", bucket, key, path)

    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        pairs = [(key, str(folder / str(number))) for number, key in enumerate(keys)]
        self._ran("get", bucket, *(word for pair in pairs for word in pair))

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return self._ran("span", bucket, key, str(first), str(last))

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("finish", bucket, key, path)

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._ran("copy", bucket, key, target)

    def listing(self, bucket: str, prefix: str) -> Listing:
        found = json.loads(self._ran("list", bucket, prefix))
        return Listing(set(found["keys"]), set(found["folders"]))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._ran("delete", bucket, *keys)

    def presign(self, bucket: str, key: str) -> str:
        return self._ran("presign", bucket, key).decode()

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("multipart", bucket, key, path, str(part))

    def resume(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("resume", bucket, key, path, str(part))

    def abort(self, bucket: str, key: str) -> None:
        self._ran("abort", bucket, key)
