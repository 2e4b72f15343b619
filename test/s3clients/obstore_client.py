"""obstore, which is object_store of Rust.  It makes no buckets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from test import patience
from test.s3clients.client import Each, Listing, Place

__all__ = ["Obstore"]

PATIENT = timedelta(seconds=patience.SECONDS)


class Obstore(Each):
    def __init__(self, place: Place) -> None:
        self._place = place

    def _store(self, bucket: str, **retries: int) -> Any:
        from obstore.store import S3Store

        place = self._place
        return S3Store(
            bucket,
            endpoint=place.url,
            access_key_id=place.public,
            secret_access_key=place.private,
            region="cn-bj",
            client_options={"allow_http": True, "timeout": PATIENT, "connect_timeout": PATIENT},
            retry_config={"max_retries": 0, **retries},
        )

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._store(bucket).put(key, path.read_bytes(), use_multipart=False)

    def get(self, bucket: str, key: str, path: Path) -> None:
        path.write_bytes(self._store(bucket).get(key).bytes())

    def get_resumed(self, bucket: str, key: str, path: Path) -> None:
        path.write_bytes(self._store(bucket, max_retries=10).get(key).bytes())

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return bytes(self._store(bucket).get_range(key, start=first, end=last + 1))

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._store(bucket).copy(key, target)

    def listing(self, bucket: str, prefix: str) -> Listing:
        found = self._store(bucket).list_with_delimiter(prefix)
        return Listing({each["path"] for each in found["objects"]}, {f"{each}/" for each in found["common_prefixes"]})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._store(bucket).delete(list(keys))

    def presign(self, bucket: str, key: str) -> str:
        import obstore

        url: str = obstore.sign(self._store(bucket), "GET", key, timedelta(minutes=10))
        return url

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._store(bucket).put(key, path, use_multipart=True, chunk_size=part)
