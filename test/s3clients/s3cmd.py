"""s3cmd."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from test.s3clients.client import PROGRAMS, Listing, Place, ran

__all__ = ["S3cmd"]


class S3cmd:
    """It has no call for a range, and signs URLs with version 2 only."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._config = place.folder / "s3cfg"
        host = urlsplit(place.url).netloc
        self._config.write_text(
            f"[default]\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\nbucket_location = cn-bj\n"
            f"access_key = {place.public}\nsecret_key = {place.private}\nmax_retries = 1\n"
        )

    def _ran(self, *words: str | Path) -> bytes:
        return ran(self._place, [PROGRAMS / "s3cmd", "-c", self._config, "--no-progress", *words])

    def make(self, bucket: str) -> None:
        self._ran("mb", f"s3://{bucket}")

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._ran("put", path, f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("get", f"s3://{bucket}/{key}", path)

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._ran("cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        listing, start = Listing(set(), set()), f"s3://{bucket}/"
        for line in self._ran("ls", f"{start}{prefix}").decode().splitlines():
            before, _, name = line.partition(start)
            (listing.folders if before.split() == ["DIR"] else listing.keys).add(name)
        return listing

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._ran("del", *(f"s3://{bucket}/{key}" for key in keys))

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("put", f"--multipart-chunk-size-mb={part >> 20}", path, f"s3://{bucket}/{key}")
