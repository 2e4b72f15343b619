"""Copies that read what they copy: for another checksum, for the MD5 of a part, and to find damage."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest

from test.s3.s3_server import S3Server, refusal
from test.server.wire import MIB, Peer, pattern
from ucloud.uvideo.protocol import operation

BUCKET = "copies"


@pytest.fixture
def s3(own_server: S3Server) -> Any:
    return own_server.client()


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def sums(s3: Any, key: str) -> dict[str, str]:
    """What HeadObject and GetObjectAttributes show, which agree."""
    head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    found = {name: value for name, value in head.items() if name.startswith("Checksum")}
    asked = s3.get_object_attributes(Bucket=BUCKET, Key=key, ObjectAttributes=["Checksum"])
    assert asked.get("Checksum", {}) == found
    return found


@pytest.mark.parametrize("size", [0, 1000, 3 * MIB])
@pytest.mark.parametrize("by_ufile", [False, True])
def test_a_copy_gets_the_checksum_that_is_asked_for(own_server: S3Server, s3: Any, size: int, by_ufile: bool) -> None:
    data, key = pattern(size), f"of-{size}-{by_ufile}"
    if by_ufile:
        Peer(own_server.server).do(operation.PutObject(BUCKET, key), data)
    else:
        s3.put_object(Bucket=BUCKET, Key=key, Body=data, ChecksumAlgorithm="SHA1")
    before = s3.head_object(Bucket=BUCKET, Key=key)["ETag"]
    for algorithm, expected in (("CRC32", crc32(data)), ("SHA256", sha256(data))):
        made = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/{key}", ChecksumAlgorithm=algorithm)[
            "CopyObjectResult"
        ]
        assert made[f"Checksum{algorithm}"] == expected and made["ETag"] == before
        assert sums(s3, "copy") == {f"Checksum{algorithm}": expected, "ChecksumType": "FULL_OBJECT"}
    again = s3.copy_object(Bucket=BUCKET, Key="again", CopySource=f"{BUCKET}/copy", ChecksumAlgorithm="SHA256")
    assert again["CopyObjectResult"]["ChecksumSHA256"] == sha256(data)  # which is there already
    s3.copy_object(
        Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/{key}", ChecksumAlgorithm="CRC32", MetadataDirective="REPLACE"
    )
    assert sums(s3, key)["ChecksumCRC32"] == crc32(data)


def test_a_copy_of_an_object_in_parts(s3: Any) -> None:
    here, data = {"Bucket": BUCKET, "Key": "in-parts"}, pattern(6 * MIB)
    upload = s3.create_multipart_upload(ChecksumAlgorithm="CRC32", **here)["UploadId"]
    parts = []
    for number, body in enumerate((data[: 5 * MIB], data[5 * MIB :]), 1):
        sent = s3.upload_part(PartNumber=number, UploadId=upload, Body=body, ChecksumAlgorithm="CRC32", **here)
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
    done = s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **here)
    assert sums(s3, "in-parts")["ChecksumType"] == "COMPOSITE"
    made = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/in-parts", ChecksumAlgorithm="SHA256")
    assert made["CopyObjectResult"]["ETag"] == done["ETag"]
    assert sums(s3, "copy") == {"ChecksumSHA256": sha256(data), "ChecksumType": "FULL_OBJECT"}
    got = s3.get_object(Bucket=BUCKET, Key="copy", PartNumber=2, ChecksumMode="ENABLED")
    assert got["Body"].read() == data[5 * MIB :] and got["PartsCount"] == 2
    assert not [name for name in got if name.startswith("Checksum")]  # the part has one of another algorithm


def damage(folder: Path, data: bytes) -> None:
    """Change a byte of the one file that has these bytes."""
    (blob,) = [
        each
        for each in folder.rglob("*")
        if each.is_file() and each.stat().st_size == len(data) and each.read_bytes() == data
    ]
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("span", ["whole", "some", "in parts"])
def test_damaged_bytes_get_no_sums_that_fit_them(folder: Path, s3: Any, span: str) -> None:
    data, damaged = pattern(6 * MIB, seed=len(span)), (500, "InternalError")
    key, here = f"damaged-{span}", {"Bucket": BUCKET, "Key": f"target-{span}"}
    if span == "in parts":  # of a size of which the parts do not tell UFile's etag
        source = {"Bucket": BUCKET, "Key": key}
        upload, parts = s3.create_multipart_upload(**source)["UploadId"], []
        for number, body in enumerate((data[: 5 * MIB], data[5 * MIB :]), 1):
            sent = s3.upload_part(PartNumber=number, UploadId=upload, Body=body, **source)
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **source)
        damage(folder, data[5 * MIB :])
    else:
        s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        damage(folder, data)
    upload = s3.create_multipart_upload(**here)["UploadId"]
    more = {} if span == "whole" else {"CopySourceRange": f"bytes=0-{5 * MIB - 1}"}
    part = {"PartNumber": 1, "UploadId": upload, "CopySource": f"{BUCKET}/{key}", **here}
    assert refusal(s3.upload_part_copy, **part, **more) == damaged
    assert "Parts" not in s3.list_parts(UploadId=upload, **here)
    copy = {"Bucket": BUCKET, "Key": f"copied-{span}", "CopySource": f"{BUCKET}/{key}", "ChecksumAlgorithm": "SHA256"}
    assert refusal(s3.copy_object, **copy) == damaged
    assert refusal(s3.head_object, Bucket=BUCKET, Key=f"copied-{span}")[0] == 404
