"""The AWS CLI, version 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from test.s3clients.client import Listing, Place, many

__all__ = ["AwsCli"]


class AwsCli:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._config = place.folder / "aws"

    def _each(self, runs: Sequence[Sequence[str | Path]], part: int = 8 << 20) -> bytes:
        self._config.write_text(
            "[default]\nmax_attempts = 1\ns3 =\n  signature_version = s3v4\n  addressing_style = path\n"
            f"  multipart_threshold = {part}\n  multipart_chunksize = {part}\n"
        )
        given = [("--endpoint-url", self._place.url, *words) for words in runs]
        return many(self._place, "aws", given, AWS_CONFIG_FILE=str(self._config))

    def _ran(self, *words: str | Path, part: int = 8 << 20) -> bytes:
        return self._each([words], part)

    def make(self, bucket: str) -> None:
        self._ran("s3", "mb", f"s3://{bucket}")

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._ran("s3", "cp", path, f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._ran("s3", "cp", f"s3://{bucket}/{key}", path)

    get_resumed = get

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        path = self._place.folder / "span"
        words = ("--bucket", bucket, "--key", key, "--range", f"bytes={first}-{last}")
        self._ran("s3api", "get-object", *words, path)
        return path.read_bytes()

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._ran("s3", "cp", f"s3://{bucket}/{key}", f"s3://{bucket}/{target}")

    def listing(self, bucket: str, prefix: str) -> Listing:
        words = ("--bucket", bucket, "--prefix", prefix, "--delimiter", "/", "--output", "json")
        found = json.loads(self._ran("s3api", "list-objects-v2", *words))
        keys = {each["Key"] for each in found.get("Contents", [])}
        return Listing(keys, {each["Prefix"] for each in found.get("CommonPrefixes", [])})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        asked = self._place.folder / "deleted.json"
        asked.write_text(json.dumps({"Objects": [{"Key": key} for key in keys], "Quiet": True}))
        assert b"Errors" not in self._ran("s3api", "delete-objects", "--bucket", bucket, "--delete", f"file://{asked}")

    def presign(self, bucket: str, key: str) -> str:
        return self._ran("s3", "presign", f"s3://{bucket}/{key}").decode().strip()

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._ran("s3", "cp", path, f"s3://{bucket}/{key}", part=part)

    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None:
        self._each([("s3", "cp", path, f"s3://{bucket}/{key}") for key in keys])

    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        self._each([("s3", "cp", f"s3://{bucket}/{key}", folder / str(n)) for n, key in enumerate(keys)])

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        rest = self._place.folder / "rest"
        words = ("--bucket", bucket, "--key", key, "--range", f"bytes={path.stat().st_size}-")
        self._ran("s3api", "get-object", *words, rest)
        with path.open("ab") as file:
            file.write(rest.read_bytes())

    def abort(self, bucket: str, key: str) -> None:
        found = json.loads(self._ran("s3api", "list-multipart-uploads", "--bucket", bucket, "--output", "json"))
        ids = [each["UploadId"] for each in found["Uploads"] if each["Key"] == key]
        words = ("--bucket", bucket, "--key", key)
        self._each([("s3api", "abort-multipart-upload", *words, "--upload-id", each) for each in ids])
