"""s5cmd."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from test.s3clients.client import PROGRAMS, Listing, Place, ran

__all__ = ["S5cmd"]


class S5cmd:
    """It has no call for a range."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _ran(self, *words: str | Path, given: bytes = b"", tries: int = 0) -> bytes:
        options = ("--endpoint-url", self._place.url, "--retry-count", str(tries), "--json")
        command = [PROGRAMS / "s5cmd", *options, *words]
        return ran(self._place, command, given)

    def make(self, bucket: str) -> None:
        self._ran("mb", f"s3://{bucket}")

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._ran("cp", "--raw", path, f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("cp", "--raw", f"s3://{bucket}/{key}", path)

    def get_resumed(self, bucket: str, key: str, path: Path) -> None:
        self._ran("cp", "--raw", f"s3://{bucket}/{key}", path, tries=10)

    def copy(self, bucket: str, key: str, target: str) -> None:
        """By itself it says that its own metadata, which are none, replace those of the source."""
        words = ("--raw", "--metadata-directive", "COPY")
        self._ran("cp", *words, f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        found = [json.loads(line) for line in self._ran("ls", f"s3://{bucket}/{prefix}").splitlines()]
        listing, start = Listing(set(), set()), len(f"s3://{bucket}/")
        for each in found:
            (listing.folders if each["type"] == "directory" else listing.keys).add(each["key"][start:])
        return listing

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._ran("rm", "--raw", *(f"s3://{bucket}/{key}" for key in keys))

    def presign(self, bucket: str, key: str) -> str:
        return self._ran("presign", f"s3://{bucket}/{key}").decode().strip()

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("cp", "--raw", "--part-size", str(part >> 20), path, f"s3://{bucket}/{key}")

    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None:
        self._each([("cp", "--raw", str(path), f"s3://{bucket}/{key}") for key in keys])

    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        self._each([("cp", "--raw", f"s3://{bucket}/{key}", str(folder / str(n))) for n, key in enumerate(keys)])

    def _each(self, runs: Sequence[Sequence[str]]) -> None:
        """In one process, which reads a line for each; where a word has several lines, in one of its own."""
        lines = [shlex.join(words) for words in runs]
        self._ran("run", given="".join(f"{line}\n" for line in lines if "\n" not in line).encode())
        for words, line in zip(runs, lines, strict=True):
            if "\n" in line:
                self._ran(*words)
