"""The storage classes of S3, and those in which the service stores."""

from __future__ import annotations

from uvideo.s3.errors import S3Error

__all__ = ["parse", "shown"]

_STORED = {
    "STANDARD": "STANDARD",
    "STANDARD_IA": "STANDARD",
    "ONEZONE_IA": "IA",
    "INTELLIGENT_TIERING": "IA",
    "REDUCED_REDUNDANCY": "IA",
    "GLACIER_IR": "IA",
    "GLACIER": "ARCHIVE",
    "DEEP_ARCHIVE": "ARCHIVE",
}
_SHOWN = {"STANDARD": "STANDARD", "IA": "ONEZONE_IA", "ARCHIVE": "GLACIER"}


def parse(name: str | None) -> str | None:
    """The class in which the service stores: STANDARD, IA or ARCHIVE.  None if none is named.

    InvalidStorageClass, also for an empty name.
    """
    if name is None:
        return None
    found = _STORED.get(name)
    if found is None:
        raise S3Error("InvalidStorageClass")
    return found


def shown(stored: str) -> str:
    """The name under which S3 shows a class in which the service stores."""
    return _SHOWN[stored]
