"""What boto3 writes each client of UFile reads, and what each of those writes boto3 reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.contract.client import Subject
from test.contract.test_clients import AsyncTyped, Sdk, Typed
from test.s3clients.boto3_client import Boto3
from test.s3clients.client import Place

pytestmark = pytest.mark.s3clients

PART = 5 << 20
SMALL, LARGE = b"small", b"".join(b"%015d\n" % number for number in range(11 * 1024 * 1024 // 16))
WRITERS: dict[str, type[Subject]] = {"ucloud": Sdk, "uvideo": Typed, "uvideo-async": AsyncTyped}


@pytest.fixture(params=WRITERS)
def other(request: pytest.FixtureRequest, s3_server: object) -> Iterator[Subject]:
    server = request.getfixturevalue("s3_server").server
    made = WRITERS[request.param](server.host, server.public_key, server.private_key)
    yield made
    made.close()


@pytest.fixture
def boto3(place: Place) -> Boto3:
    return Boto3(place)


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "parts"])
def test_s3_writes_ufile_reads(boto3: Boto3, other: Subject, bucket: str, tmp_path: Path, data: bytes) -> None:
    source, got = tmp_path / "source", tmp_path / "got"
    source.write_bytes(data)
    boto3.multipart(bucket, "视频/a b+c.bin", source, PART)
    other.download(bucket, "视频/a b+c.bin", got)
    assert got.read_bytes() == data
    assert other.keys(bucket, "视频/") == ["视频/a b+c.bin"]
    if data:
        other.download(bucket, "视频/a b+c.bin", got, 1, len(data) - 2)
        assert got.read_bytes() == data[1:-1]
    other.delete(bucket, "视频/a b+c.bin")
    assert boto3.listing(bucket, "").folders == set()


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "parts"])
def test_ufile_writes_s3_reads(boto3: Boto3, other: Subject, bucket: str, tmp_path: Path, data: bytes) -> None:
    source, got = tmp_path / "source", tmp_path / "got"
    source.write_bytes(data)
    other.upload(bucket, "视频/a b+c.bin", source)  # in parts
    other.put(bucket, "b.bin", source)  # in one request
    for key in ("视频/a b+c.bin", "b.bin"):
        boto3.get(bucket, key, got)
        assert got.read_bytes() == data
        if data:
            assert boto3.span(bucket, key, 1, len(data) - 2) == data[1:-1]
    assert boto3.listing(bucket, "").keys == {"b.bin"}
    boto3.copy(bucket, "视频/a b+c.bin", "copy.bin")
    other.download(bucket, "copy.bin", got)
    assert got.read_bytes() == data
    boto3.delete(bucket, ["视频/a b+c.bin", "b.bin", "copy.bin"])
    assert other.keys(bucket, "") == []
