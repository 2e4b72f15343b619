"""What the head of an S3 request says of its body."""

from __future__ import annotations

import pytest

from ucloud.uvideo.protocol import message
from uvideo.s3.errors import S3Error
from uvideo.s3.payload import CHUNKED, Payload, announced

SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER = CHUNKED
HEX = "0123456789abcdef" * 4
LENGTH = ("x-amz-decoded-content-length", "11")
CRC32 = ("x-amz-trailer", "x-amz-checksum-crc32")


def refused(line: str | None, *headers: tuple[str, str], signed: bool = True) -> S3Error:
    with pytest.raises(S3Error) as caught:
        announced(message.Headers(headers), line, signed)
    return caught.value


@pytest.mark.parametrize(
    "line,headers,expected",
    [
        (None, [], Payload()),
        ("UNSIGNED-PAYLOAD", [], Payload()),
        ("UNSIGNED-PAYLOAD", [LENGTH], Payload()),
        (HEX, [], Payload(sha256=HEX)),
        (HEX.upper(), [], Payload(sha256=HEX)),
        (SIGNED, [LENGTH], Payload(SIGNED, length=11)),
        (SIGNED_TRAILER, [LENGTH], Payload(SIGNED_TRAILER, length=11)),
        (UNSIGNED_TRAILER, [LENGTH, CRC32], Payload(UNSIGNED_TRAILER, None, 11, ("x-amz-checksum-crc32",))),
        (
            UNSIGNED_TRAILER,
            [("X-Amz-Trailer", "X-Amz-Checksum-CRC32, a"), ("x-amz-trailer", "b,"), LENGTH],
            Payload(UNSIGNED_TRAILER, None, 11, ("x-amz-checksum-crc32", "a", "b")),
        ),
        (
            UNSIGNED_TRAILER,
            [LENGTH, CRC32, ("x-amz-sdk-checksum-algorithm", "CRC32"), ("x-amz-checksum-algorithm", "CRC32")],
            Payload(UNSIGNED_TRAILER, None, 11, ("x-amz-checksum-crc32",)),
        ),
    ],
)
def test_how_a_body_is_sent(line: str | None, headers: list[tuple[str, str]], expected: Payload) -> None:
    assert announced(message.Headers(headers), line, True) == expected
    if not expected.has_signed_chunks:
        assert announced(message.Headers(headers), line, False) == expected


@pytest.mark.parametrize(
    "line,code",
    [
        ("", "InvalidArgument"),
        ("abc", "InvalidArgument"),
        (HEX + "0", "InvalidArgument"),
        (HEX + "\n", "InvalidArgument"),
        ("unsigned-payload", "InvalidArgument"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "NotImplemented"),
        (SIGNED + "\n", "NotImplemented"),
    ],
)
def test_a_value_that_is_not_served(line: str, code: str) -> None:
    error = refused(line, LENGTH)
    assert (error.code, error.status) == (code, {"InvalidArgument": 400, "NotImplemented": 501}[code])


@pytest.mark.parametrize("line", [SIGNED, SIGNED_TRAILER])
def test_signed_chunks_need_a_signed_header(line: str) -> None:
    assert refused(line, LENGTH, signed=False).code == "InvalidRequest"


@pytest.mark.parametrize("line", CHUNKED)
def test_chunks_need_the_decoded_length(line: str) -> None:
    missing = refused(line)
    assert (missing.status, missing.code) == (411, "MissingContentLength")
    for value in ("", "-1", "1e3", "0x5", "1" * 19):
        assert refused(line, ("x-amz-decoded-content-length", value)).code == "InvalidArgument"


@pytest.mark.parametrize("line", [None, HEX, "UNSIGNED-PAYLOAD", SIGNED])
def test_a_body_without_trailers_declares_none(line: str | None) -> None:
    assert refused(line, LENGTH, CRC32).code == "MalformedTrailerError"


def test_the_number_of_trailers_is_limited() -> None:
    many = ("x-amz-trailer", ",".join(f"x-{n}" for n in range(17)))
    assert refused(UNSIGNED_TRAILER, LENGTH, many).code == "MalformedTrailerError"
