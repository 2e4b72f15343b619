"""The storage classes of S3 and those of the service."""

from __future__ import annotations

import pytest

from uvideo.s3 import storage_class
from uvideo.s3.errors import S3Error


@pytest.mark.parametrize(
    "names,stored,shown",
    [
        ("STANDARD STANDARD_IA", "STANDARD", "STANDARD"),
        ("ONEZONE_IA INTELLIGENT_TIERING REDUCED_REDUNDANCY GLACIER_IR", "IA", "ONEZONE_IA"),
        ("GLACIER DEEP_ARCHIVE", "ARCHIVE", "GLACIER"),
    ],
)
def test_a_class_is_stored_and_shown_again(names: str, stored: str, shown: str) -> None:
    assert {storage_class.parse(name) for name in names.split()} == {stored}
    assert storage_class.shown(stored) == shown and storage_class.parse(shown) == stored


def test_none_given_is_left_to_the_bucket() -> None:
    assert storage_class.parse(None) is None


@pytest.mark.parametrize("name", ["", "IA", "ARCHIVE", "standard", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE"])
def test_another_class_is_refused(name: str) -> None:
    with pytest.raises(S3Error) as caught:
        storage_class.parse(name)
    assert caught.value.code == "InvalidStorageClass"
