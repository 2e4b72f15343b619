"""minio-py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from test.s3clients.client import Each, Listing, Place

__all__ = ["Minio"]


class Minio(Each):
    def __init__(self, place: Place) -> None:
        import minio
        import urllib3

        host = urlsplit(place.url).netloc
        pool = urllib3.PoolManager(retries=False)
        self._s3: Any = minio.Minio(
            host, access_key=place.public, secret_key=place.private, secure=False, http_client=pool
        )

    def make(self, bucket: str) -> None:
        self._s3.make_bucket(bucket)

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._s3.fput_object(bucket, key, str(path))

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._s3.fget_object(bucket, key, str(path))

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        response = self._s3.get_object(bucket, key, offset=first, length=last - first + 1)
        try:
            found: bytes = response.read()
            return found
        finally:
            response.close()
            response.release_conn()

    def copy(self, bucket: str, key: str, target: str) -> None:
        from minio.commonconfig import CopySource

        self._s3.copy_object(bucket, target, CopySource(bucket, key))

    def listing(self, bucket: str, prefix: str) -> Listing:
        found = list(self._s3.list_objects(bucket, prefix=prefix))
        keys = {each.object_name for each in found if not each.is_dir}
        return Listing(keys, {each.object_name for each in found if each.is_dir})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        from minio.deleteobjects import DeleteObject

        assert list(self._s3.remove_objects(bucket, [DeleteObject(key) for key in keys])) == []

    def presign(self, bucket: str, key: str) -> str:
        url: str = self._s3.presigned_get_object(bucket, key, expires=timedelta(minutes=10))
        return url

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        self._s3.fput_object(bucket, key, str(path), part_size=part)

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        response = self._s3.get_object(bucket, key, offset=path.stat().st_size)
        try:
            with path.open("ab") as file:
                file.write(response.read())
        finally:
            response.close()
            response.release_conn()
