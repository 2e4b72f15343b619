"""The ETags of S3 against the vectors, and there and back."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.s3.test_checksum import VECTORS, content, named
from ucloud.uvideo.protocol import etag as ufile
from uvideo.s3 import etag


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def blocks(piece: bytes) -> bytes:
    tree = ufile.Etag()
    tree.update(piece)
    return b"".join(tree.digests())


@pytest.mark.parametrize("case", VECTORS, ids=named)
def test_the_vectors(case: dict[str, Any]) -> None:
    data = content(case["size"])
    assert etag.from_ufile(case["ufile_etag"]) == case["s3_etag_of_ufile_written"]
    assert etag.to_ufile(case["s3_etag_of_ufile_written"]) == case["ufile_etag"]
    if case["part_size"] is None:
        assert hashlib.md5(data).hexdigest() == case["s3_etag"]
        return
    pieces = split(data, case["part_size"])
    assert [hashlib.md5(piece).hexdigest() for piece in pieces] == case["part_etags"]
    assert etag.of_parts([hashlib.md5(piece).digest() for piece in pieces]) == case["s3_etag"]
    found = etag.ufile_of_parts((len(piece), blocks(piece)) for piece in pieces)
    assert found == (None if case["part_size"] % ufile.BLOCK and len(pieces) > 1 else case["ufile_etag"])


B = ufile.BLOCK


@pytest.mark.parametrize(
    "sizes,known",
    [
        ([], True),
        ([0], True),
        ([5], True),
        ([B], True),
        ([B, B, 3], True),
        ([B, 0, 3], True),
        ([2 * B + 1], True),
        ([3, 0], True),
        ([3, 0, 1], False),
        ([B + 1, B], False),
    ],
)
def test_the_ufile_etag_of_parts_is_that_of_all_bytes_or_unknown(sizes: list[int], known: bool) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    tree = ufile.Etag()
    tree.update(b"".join(pieces))
    found = etag.ufile_of_parts((len(piece), blocks(piece)) for piece in pieces)
    assert found == (tree.value() if known else None)


@given(st.binary(min_size=20, max_size=20), st.integers(1, (1 << 32) - 1))
def test_the_form_with_a_dash_leads_back(digest: bytes, count: int) -> None:
    shown = f"{digest.hex()}-{count}"
    back = etag.to_ufile(shown)
    assert back is not None and ufile.is_etag(back) and etag.from_ufile(back) == shown


@pytest.mark.parametrize("value", ufile.EMPTY)
def test_every_form_of_an_empty_object_is_the_md5_of_nothing(value: str) -> None:
    assert etag.from_ufile(value) == etag.EMPTY == hashlib.md5(b"").hexdigest()
    assert etag.to_ufile(etag.EMPTY) == ufile.EMPTY[0]


@pytest.mark.parametrize(
    "value",
    ["", "x", "0" * 32, "0" * 32 + "-2", "0" * 40, "0" * 40 + "-0", "0" * 40 + "-01", "0" * 40 + f"-{1 << 32}"]
    + ["A" * 40 + "-1", "0" * 40 + "-\u0661", "0" * 40 + "-1\n"],
)
def test_other_forms_are_no_ufile_etags(value: str) -> None:
    assert etag.to_ufile(value) is None


def test_an_etag_that_s3_gave_stays_as_it_is() -> None:
    for value in ("0" * 32 + "-2", "0" * 31):
        assert etag.from_ufile(value) == value
