"""s3cmd."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from test.s3clients.client import Listing, Place, many

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

    def _each(self, runs: Sequence[Sequence[str | Path]]) -> bytes:
        return many(self._place, "s3cmd", [("-c", self._config, "--no-progress", *words) for words in runs])

    def _ran(self, *words: str | Path) -> bytes:
        return self._each([words])

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

    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None:
        self._each([("put", path, f"s3://{bucket}/{key}") for key in keys])

    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        self._each([("get", f"s3://{bucket}/{key}", folder / str(number)) for number, key in enumerate(keys)])

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("get", "--continue", f"s3://{bucket}/{key}", path)

    def resume(self, bucket: str, key: str, path: Path, part: int) -> None:
        size = f"--multipart-chunk-size-mb={part >> 20}"
        self._ran(
            "put", "--continue-put", f"--upload-id={self._upload_id(bucket, key)}", size, path, f"s3://{bucket}/{key}"
        )

    def abort(self, bucket: str, key: str) -> None:
        self._ran("abortmp", f"s3://{bucket}/{key}", self._upload_id(bucket, key))

    def _upload_id(self, bucket: str, key: str) -> str:
        rows = [line.split("\t") for line in self._ran("multipart", f"s3://{bucket}").decode().splitlines()]
        (found,) = [row[2] for row in rows if row[1:2] == [f"s3://{bucket}/{key}"]]
        return found
