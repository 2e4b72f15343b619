"""boto3, with its transfer manager, and as programs set it up that want no checksums beside Content-MD5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from test.s3clients.client import Each, Listing, Place

__all__ = ["Boto3", "Boto3Plain", "connected"]

DELETED = 1000  # keys of one request


def connected(url: str, public: str, private: str, *, verify: str | None = None, **config: Any) -> Any:
    """A client of boto3.  ``verify``: the certificate of the server.  ``config``: more of botocore's Config."""
    import boto3
    from botocore.client import Config

    fixed = Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={}, **config)
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="cn-bj",
        aws_access_key_id=public,
        aws_secret_access_key=private,
        verify=verify,
        config=fixed,
    )


class Boto3(Each):
    """With a checksum in each request, which is what it does by itself."""

    checksums = "when_supported"

    def __init__(self, place: Place) -> None:
        self._s3: Any = connected(
            *(place.url, place.public, place.private),
            request_checksum_calculation=self.checksums,
            response_checksum_validation=self.checksums,
            retries={"total_max_attempts": 1},
        )

    def make(self, bucket: str) -> None:
        self._s3.create_bucket(Bucket=bucket)

    def put(self, bucket: str, key: str, path: Path) -> None:
        self._s3.upload_file(str(path), bucket, key)

    def get(self, bucket: str, key: str, path: Path) -> None:
        self._s3.download_file(bucket, key, str(path))

    get_resumed = get

    def span(self, bucket: str, key: str, first: int, last: int) -> bytes:
        found: bytes = self._s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")["Body"].read()
        return found

    def copy(self, bucket: str, key: str, target: str) -> None:
        self._s3.copy({"Bucket": bucket, "Key": key}, bucket, target)

    def listing(self, bucket: str, prefix: str) -> Listing:
        pages = list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"))
        keys = {each["Key"] for page in pages for each in page.get("Contents", [])}
        return Listing(keys, {each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])})

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETED):
            some = [{"Key": key} for key in keys[start : start + DELETED]]
            assert "Errors" not in self._s3.delete_objects(Bucket=bucket, Delete={"Objects": some})

    def presign(self, bucket: str, key: str) -> str:
        url: str = self._s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, ExpiresIn=600)
        return url

    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None:
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=part, multipart_chunksize=part)
        self._s3.upload_file(str(path), bucket, key, Config=config)

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        """Only if the object is still the same."""
        etag, first = self._s3.head_object(Bucket=bucket, Key=key)["ETag"], path.stat().st_size
        got = self._s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-", IfMatch=etag)
        with path.open("ab") as file:
            file.write(got["Body"].read())

    def resume(self, bucket: str, key: str, path: Path, part: int) -> None:
        """By the parts that the server lists, each with its ETag; those are not sent again."""
        upload = {"Bucket": bucket, "Key": key, "UploadId": self._upload_id(bucket, key)}
        pages = self._s3.get_paginator("list_parts").paginate(**upload)
        etags = {each["PartNumber"]: each["ETag"] for page in pages for each in page.get("Parts", [])}
        with path.open("rb") as file:
            for number, piece in enumerate(iter(lambda: file.read(part), b""), 1):
                if number not in etags:
                    etags[number] = self._s3.upload_part(**upload, PartNumber=number, Body=piece)["ETag"]
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    def abort(self, bucket: str, key: str) -> None:
        self._s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=self._upload_id(bucket, key))

    def _upload_id(self, bucket: str, key: str) -> str:
        (found,) = self._s3.list_multipart_uploads(Bucket=bucket, Prefix=key)["Uploads"]
        return str(found["UploadId"])


class Boto3Plain(Boto3):
    """Checksums only where S3 demands one."""

    checksums = "when_required"
