"""PyArrow's S3FileSystem, which is the C++ SDK of AWS.  It signs no URLs and chooses the size of parts itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from test import patience
from test.s3clients.client import Each, Listing, Place

__all__ = ["PyArrow"]


class PyArrow(Each):
    def __init__(self, place: Place) -> None:
        self._place = place
        self._fs = self._connected()

    def _connected(self, attempts: int = 1) -> Any:
        from pyarrow import fs

        place = self._place
        return fs.S3FileSystem(
            access_key=place.public,
            secret_key=place.private,
            region="cn-bj",
            scheme="http",
            endpoint_override=urlsplit(place.url).netloc,
            allow_bucket_creation=True,
            request_timeout=patience.SECONDS,
            connect_timeout=patience.SECONDS,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=attempts),
        )

    def make(self, bucket: str) -> None:
        self._fs.create_dir(bucket)

    def put(self, bucket: str, key: str, path: Path) -> None:
        with self._fs.open_output_stream(f"{bucket}/{key}") as stream:
            stream.write(path.read_bytes())

    def get(self, bucket: str, key: str, path: Path) -> None:
        with self._fs.open_input_stream(f"{bucket}/{key}") as stream:
            path.write_bytes(stream.read())

    def get_resumed(self, bucket: str, key: str, path: Path) -> None:
        with self._connected(3).open_input_stream(f"{bucket}/{key}") as stream:
            path.write_bytes(stream.read())

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        with self._fs.open_input_file(f"{bucket}/{key}") as file:
            return bytes(file.read_at(last - first + 1, first))

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._fs.copy_file(f"{bucket}/{key}", f"{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        from pyarrow import fs

        found = self._fs.get_file_info(fs.FileSelector(f"{bucket}/{prefix}".rstrip("/")))
        names = [(each.type == fs.FileType.Directory, each.path.removeprefix(f"{bucket}/")) for each in found]
        return Listing({name for folder, name in names if not folder}, {f"{name}/" for folder, name in names if folder})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._fs.delete_file(f"{bucket}/{key}")

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        with self._fs.open_output_stream(f"{bucket}/{key}") as stream, path.open("rb") as source:
            while piece := source.read(part):
                stream.write(piece)
