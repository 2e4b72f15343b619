"""Checksums against vectors, against awscrt, and against the sum of all bytes at once."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import checksum
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import ALGORITHMS, COMPOSITE, FULL_OBJECT, AnnouncedChecksum

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "s3-vectors.json").read_text(encoding="utf-8")
)["etags_and_checksums"]
CRCS = ("CRC32", "CRC32C", "CRC64NVME")


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def digest(algorithm: str, data: bytes, native: bool = True) -> bytes:
    found = checksum.hasher(algorithm, native)
    found.update(data)
    return found.digest()


def named(case: dict[str, Any]) -> str:
    return f"{case['size']}-{case['part_size']}"


def test_awscrt_is_tested() -> None:
    """The extra `s3` is installed, so that `native` below means awscrt."""
    pytest.importorskip("awscrt")
    assert all(map(checksum.is_native, ALGORITHMS))


#: In Python a few MiB take seconds.
SHORT = [case for case in VECTORS if case["size"] < 1 << 20]


@pytest.mark.parametrize("case,native", [*((case, True) for case in VECTORS), *((case, False) for case in SHORT)])
def test_the_vectors_of_whole_objects(case: dict[str, Any], native: bool) -> None:
    data = content(case["size"])
    for algorithm, value in case["checksums_full_object"].items():
        assert checksum.value_of(digest(algorithm, data, native)) == value
        assert checksum.digest_of(algorithm, value) == digest(algorithm, data)


@pytest.mark.parametrize("case", [case for case in VECTORS if case["part_size"]], ids=named)
def test_the_vectors_of_multipart_objects(case: dict[str, Any]) -> None:
    data, size = content(case["size"]), case["part_size"]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for algorithm in ALGORITHMS:
        parts = [(digest(algorithm, piece), len(piece)) for piece in pieces]
        if algorithm in CRCS:
            assert [checksum.value_of(raw) for raw, _ in parts] == [part[algorithm] for part in case["part_checksums"]]
            found = checksum.of_parts(algorithm, FULL_OBJECT, parts)
            assert found == case["checksums_full_object"][algorithm]
        if algorithm in case["checksums_composite"]:
            found = checksum.of_parts(algorithm, COMPOSITE, parts)
            assert found == case["checksums_composite"][algorithm]


@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
@pytest.mark.parametrize("algorithm", CRCS[1:])
def test_python_computes_what_awscrt_computes_in_any_pieces(algorithm: str, data: bytes, cut: int) -> None:
    pieces = checksum.hasher(algorithm, native=False)
    pieces.update(memoryview(data)[:cut])
    pieces.update(bytearray(data[cut:]))
    assert pieces.digest() == digest(algorithm, data)


@given(pieces=st.lists(st.binary(max_size=80), max_size=5))
@pytest.mark.parametrize("algorithm", CRCS)
def test_the_parts_combine_to_the_sum_of_all_bytes(algorithm: str, pieces: list[bytes]) -> None:
    parts = [(digest(algorithm, piece), len(piece)) for piece in pieces]
    assert checksum.combined(algorithm, parts) == digest(algorithm, b"".join(pieces))


def test_a_part_of_5_gib_is_combined_without_its_bytes() -> None:
    """The CRC of zeros alone, doubled in length again and again, is that of one combination of the whole length."""
    for algorithm in CRCS:
        raw, size = digest(algorithm, bytes(5)), 5
        for _ in range(30):
            raw, size = checksum.combined(algorithm, [(raw, size), (raw, size)]), size * 2
        assert size == 5 << 30
        nothing = digest(algorithm, b"")
        assert checksum.combined(algorithm, [(nothing, 0), (raw, size)]) == raw
        assert checksum.combined(algorithm, [(raw, size), (nothing, 0)]) == raw


@given(sums=st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(1, 1 << 42)), min_size=1, max_size=4))
@pytest.mark.parametrize("algorithm", CRCS)
def test_parts_of_any_sizes_combine_as_those_of_awscrt(algorithm: str, sums: list[tuple[int, int]]) -> None:
    native, size = pytest.importorskip("awscrt.checksums"), checksum.SIZES[algorithm]
    if not hasattr(native, "combine_crc32"):
        pytest.skip("this awscrt combines no checksums yet (the lowest version that setup.cfg allows)")
    total = 0
    for crc, length in sums:
        total = getattr(native, f"combine_{algorithm.lower()}")(total, crc, length)
    found = checksum.combined(algorithm, [(crc.to_bytes(size, "big"), length) for crc, length in sums])
    assert found == total.to_bytes(size, "big")


@pytest.mark.parametrize(
    "algorithm,wanted,found",
    [
        ("CRC64NVME", None, "FULL_OBJECT"),
        ("CRC32", None, "COMPOSITE"),
        ("CRC32C", "FULL_OBJECT", "FULL_OBJECT"),
        ("SHA256", None, "COMPOSITE"),
        ("SHA1", "FULL_OBJECT", "InvalidRequest"),
        ("CRC64NVME", "COMPOSITE", "InvalidRequest"),
        ("CRC32", "BOTH", "InvalidRequest"),
    ],
)
def test_the_type_of_a_multipart_checksum(algorithm: str, wanted: str | None, found: str) -> None:
    try:
        assert checksum.type_for(algorithm, wanted) == found
    except S3Error as error:
        assert error.code == found


@pytest.mark.parametrize(
    "value", ["", "AAAA", "AAAAAA=", "AAAAAAA=", "AAAAAAAAAAA=", "AAAA AA==", "AAAAAB==", "$$$$$$==", "a\u00e9AAAA=="]
)
def test_a_value_must_be_base64_of_the_size(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        checksum.digest_of("CRC32", value)
    assert caught.value.code == "BadDigest"


CRC = ("x-amz-checksum-crc32", "y/U6HA==")


@pytest.mark.parametrize(
    "headers,found",
    [
        ([], None),
        ([("x-amz-checksum-mode", "ENABLED"), ("x-amz-checksum-type", "COMPOSITE")], None),
        ([CRC], AnnouncedChecksum(algorithm="CRC32", value="y/U6HA==")),
        ([CRC, ("x-amz-sdk-checksum-algorithm", "CRC32")], AnnouncedChecksum(algorithm="CRC32", value="y/U6HA==")),
        ([("x-amz-trailer", "x-amz-checksum-crc64nvme")], AnnouncedChecksum(algorithm="CRC64NVME")),
        ([("x-amz-trailer", "x-amz-meta-a")], None),
        ([("x-amz-trailer", "a"), ("X-Amz-Trailer", "x-amz-checksum-sha1")], AnnouncedChecksum(algorithm="SHA1")),
        ([CRC, ("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=")], "InvalidRequest"),
        ([CRC, ("x-amz-trailer", "x-amz-checksum-crc32")], "InvalidRequest"),
        ([("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-crc32c")], "InvalidRequest"),
        ([("x-amz-trailer", "x-amz-checksum-crc16")], "InvalidRequest"),
        ([("X-Amz-Checksum-CRC16", "AAA=")], "InvalidRequest"),
        ([CRC, ("x-amz-checksum-crc16", "AAA=")], "InvalidRequest"),
        ([("x-amz-sdk-checksum-algorithm", "CRC32")], "InvalidRequest"),
        ([("x-amz-checksum-crc32", "y/U6HA")], "BadDigest"),
        ([("x-amz-checksum-sha512", "AAAA")], "NotImplemented"),
        ([("x-amz-checksum-xxhash64", "AAAA")], "NotImplemented"),
    ],
)
def test_what_a_request_announces(headers: list[tuple[str, str]], found: object) -> None:
    try:
        assert checksum.announced(Headers(headers)) == found
    except S3Error as error:
        assert error.code == found


def test_a_request_without_body_may_name_an_algorithm() -> None:
    assert checksum.announced(Headers([("x-amz-sdk-checksum-algorithm", "CRC32")]), has_body=False) is None


MD5 = ("Content-MD5", base64.b64encode(hashlib.md5(b"hello").digest()).decode())
HELLO = ("x-amz-checksum-crc32", base64.b64encode(digest("CRC32", b"hello")).decode())


@pytest.mark.parametrize(
    "headers,code",
    [
        ([MD5], None),
        ([HELLO], None),
        ([MD5, HELLO], None),
        ([], "InvalidRequest"),
        ([MD5, CRC], "BadDigest"),
        ([HELLO, ("Content-MD5", base64.b64encode(bytes(16)).decode())], "BadDigest"),
        ([("Content-MD5", "YWJyYWNhZGFicmE=")], "InvalidDigest"),
        ([("Content-MD5", "")], "InvalidDigest"),
        ([("Content-MD5", "x")], "InvalidDigest"),
        ([("x-amz-trailer", "x-amz-checksum-crc32")], "InvalidRequest"),
    ],
)
def test_a_body_is_compared_with_its_sums(headers: list[tuple[str, str]], code: str | None) -> None:
    found = None
    try:
        checksum.check_body(Headers(headers), b"hello")
    except S3Error as error:
        found = error.code
    assert found == code
