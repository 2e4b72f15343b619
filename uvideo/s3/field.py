"""Parameters and headers that several operations share, and elements that several answers share.

Source: s3.md sections 3.2 to 3.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from uvideo._core import compat, dates
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import COPY, DIRECTIVES, Checksum, CopySource, Owner
from uvideo.s3.xml_text import element

__all__ = [
    *("KEY_LIMIT", "PARTS", "checksum_headers", "checksum_of", "directive", "has_control", "invalid"),
    *("is_token", "number", "of_bucket"),
    *("on_bucket", "on_version"),
    *("of_object", "of_version", "owner", "part_number", "quoted", "source", "time_header", "upload_id", "version"),
]

KEY_LIMIT, PARTS = 1024, 10000
_TOO_LARGE = 1 << 31  # of a marker or a count
#: Whether a text can be the name of a header.
is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
#: Whether a text has a character that a header's value cannot have.
has_control = re.compile("[\x00-\x08\x0a-\x1f\x7f]").search


def invalid(text: str, name: str, value: str | None) -> S3Error:
    """InvalidArgument that names the argument."""
    return S3Error("InvalidArgument", message=text, ArgumentName=name, ArgumentValue=value or "")


def of_bucket(asked: OperationRequest) -> dict[str, Any]:
    """The fields of an operation on a bucket."""
    return {"bucket": asked.bucket, "expected_owner": asked.headers.get("x-amz-expected-bucket-owner")}


def of_object(asked: OperationRequest) -> dict[str, Any]:
    """The fields of an operation on an object.  KeyTooLongError."""
    size = len(asked.key.encode())
    if size > KEY_LIMIT:
        raise S3Error("KeyTooLongError", Size=str(size), MaxSizeAllowed=str(KEY_LIMIT))
    found = of_bucket(asked)
    found["key"] = asked.key
    return found


def number(value: str | None, name: str, default: int, low: int = 0, high: int = _TOO_LARGE) -> int:
    """A whole number of a parameter or header; ``default`` if it is absent or empty.  InvalidArgument."""
    if not value:
        return default
    found = compat.whole(value.strip())
    if found is None or not low <= found <= high:
        text = f"must be a whole number that is at least {low}" + (f" and at most {high}" if high < _TOO_LARGE else "")
        raise invalid(f"{name} {text}", name, value)
    return found


def on_bucket(cls: Callable[..., Any]) -> Callable[[OperationRequest], Any]:
    """The decoder of an operation on a bucket that has no parameters."""
    return lambda asked: cls(**of_bucket(asked))


def on_version(cls: Callable[..., Any]) -> Callable[[OperationRequest], Any]:
    """The decoder of an operation on a version of an object that has no other parameters."""
    return lambda asked: cls(**of_version(asked))


def upload_id(asked: OperationRequest) -> str:
    """NoSuchUpload for an empty id."""
    found = asked.query.get("uploadId")
    if not found:
        raise S3Error("NoSuchUpload")
    return found


def part_number(asked: OperationRequest) -> int:
    """1 to 10000.  InvalidArgument."""
    found = number(asked.query.get("partNumber"), "partNumber", 0, 1, PARTS)
    if not found:
        raise invalid("Part number must be an integer between 1 and 10000, inclusive", "partNumber", "")
    return found


_VERSION = re.compile("[A-Za-z0-9._~-]{1,1024}").fullmatch


def version(value: str | None) -> str | None:
    """A version id.  InvalidArgument for one that the server never makes."""
    if value is not None and not _VERSION(value):
        raise invalid("Invalid version id specified", "versionId", value)
    return value


def of_version(asked: OperationRequest) -> dict[str, Any]:
    """The fields of an operation on one version of an object."""
    found = of_object(asked)
    found["version_id"] = version(asked.query.get("versionId"))
    return found


def source(asked: OperationRequest) -> CopySource:
    """x-amz-copy-source: [/]bucket/key[?versionId=id], percent-encoded.  InvalidArgument."""
    value = asked.headers.get("x-amz-copy-source", "")
    raw, mark, raw_version = value.rpartition("?versionId=")
    if not mark:
        raw, raw_version = value, ""
    try:
        path, found = compat.unquote(raw), compat.unquote(raw_version)
    except ValueError:
        raise invalid("The copy source is not percent-encoded UTF-8", "x-amz-copy-source", value) from None
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket or not key or "\0" in path:
        text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise invalid(text, "x-amz-copy-source", value)
    return CopySource(bucket=bucket, key=key, version_id=version(found if mark else None))


def directive(asked: OperationRequest, name: str) -> str:
    """COPY or REPLACE.  InvalidArgument."""
    value = asked.headers.get(name) or COPY
    if value not in DIRECTIVES:
        raise invalid(f"Unknown value of {name}: use COPY or REPLACE", name, value)
    return value


def quoted(etag: str) -> str:
    return f'"{etag}"'


def checksum_headers(checksum: Checksum | None) -> list[tuple[str, str]]:
    """The value, and what it is of."""
    if checksum is None:
        return []
    return [(f"x-amz-checksum-{checksum.algorithm.lower()}", checksum.value), ("x-amz-checksum-type", checksum.type)]


def checksum_of(checksum: Checksum | None, with_type: bool = True) -> str:
    """The elements of a checksum."""
    if checksum is None:
        return ""
    kind = element("ChecksumType", checksum.type) if with_type else ""
    return element(f"Checksum{checksum.algorithm}", checksum.value) + kind


def owner(name: str, account: Owner) -> str:
    """An account as the element ``name``."""
    return f"<{name}>{element('ID', account.id)}{element('DisplayName', account.display_name)}</{name}>"


def time_header(seconds: int) -> tuple[str, str]:
    return "Last-Modified", dates.http_date(seconds)
