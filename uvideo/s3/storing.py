"""What a request says of the object that it stores.  Source: s3.md sections 2.3 and 3.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uvideo._core import field as shared
from uvideo._core import message
from uvideo.s3 import acl, field, storage_class, tagging
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import ALGORITHMS, KEPT

__all__ = ["META", "METADATA_LIMIT", "refuse_unserved", "stored"]

META, METADATA_LIMIT = "x-amz-meta-", 8192
#: What a request must not ask for, because the answer would hide that it was not done.
_UNSERVED = (
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-write-offset-bytes",
)
#: Of the usual request: none of these, and of what is stored only Content-Type.
_USUAL = frozenset(
    (
        *("accept", "accept-encoding", "authorization", "connection", "content-length", "content-md5", "content-type"),
        *("date", "expect", "host", "if-match", "if-none-match", "range", "transfer-encoding", "user-agent"),
        *("amz-sdk-invocation-id", "amz-sdk-request", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"),
        *("x-amz-checksum-mode", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm", "x-amz-trailer"),
        *(f"x-amz-checksum-{name.lower()}" for name in ALGORITHMS),
    )
)


def refuse_unserved(headers: message.Headers) -> None:
    """NotImplemented for headers that ask for encryption by the server, locks, or appending."""
    if _USUAL.issuperset(headers.names()):
        return
    for name in headers.names():
        if name.startswith(_UNSERVED):
            raise S3Error("NotImplemented", Header=next(sent for sent, _ in headers if sent.lower() == name))


def stored(asked: OperationRequest) -> dict[str, Any]:
    """The fields of an operation that stores an object."""
    headers = asked.headers
    content_type = (headers.get("Content-Type") or "").strip() or None
    if _USUAL.issuperset(headers.names()):
        _check_sendable([("Content-Type", content_type or "")], ())
        return {**field.of_object(asked), "content_type": content_type}
    refuse_unserved(headers)
    kept, metadata = _kept(headers), _metadata(headers)
    redirect = headers.get("x-amz-website-redirect-location") or None
    _check_sendable([*kept, ("Content-Type", content_type or ""), ("Location", redirect or "")], metadata)
    return {
        **field.of_object(asked),
        "content_type": content_type,
        "headers": kept,
        "metadata": metadata,
        "storage_class": storage_class.parse(headers.get("x-amz-storage-class")),
        "acl": acl.of_headers(headers),
        "tags": tagging.of_header(headers.get("x-amz-tagging")),
        "redirect": redirect,
    }


def _check_sendable(pairs: Sequence[tuple[str, str]], metadata: Sequence[tuple[str, str]]) -> None:
    """InvalidArgument for what no GET could send back as a header: a field of a form may hold anything."""
    if not all(field.is_token(name) for name, _ in metadata):
        raise S3Error("InvalidArgument", message="A name of metadata cannot be the name of a header.")
    for name, value in (*pairs, *metadata):
        if value and field.has_control(value):
            raise S3Error("InvalidArgument", message=f"The value of {name} has a line break or a control character.")


def _kept(headers: message.Headers) -> tuple[tuple[str, str], ...]:
    if not headers.has_any(shared.KEPT_NAMES):
        return ()
    found = [(name, headers.get(name, "").strip()) for name in KEPT]
    found = [(name, _without_aws_chunked(value) if name == "Content-Encoding" else value) for name, value in found]
    return tuple((name, value) for name, value in found if value)


def _without_aws_chunked(value: str) -> str:
    """A Content-Encoding without aws-chunked, which is only the form in which the bytes are sent."""
    if "aws-chunked" not in value.lower():
        return value
    items = [item.strip() for item in value.split(",")]
    return ", ".join(item for item in items if item and item.lower() != "aws-chunked")


def _metadata(headers: message.Headers) -> tuple[tuple[str, str], ...]:
    if not any(name.startswith(META) for name in headers.names()):
        return ()
    found: dict[str, str] = {}
    for name, value in headers:
        if name[:11].lower() == META:
            bare = name[11:].lower()
            found[bare] = f"{found[bare]},{value}" if bare in found else value
    size = sum(len(name) + len(value.encode("utf-8", "surrogateescape")) for name, value in found.items())
    if size > METADATA_LIMIT or len(found) > shared.STORED_COUNT:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(METADATA_LIMIT))
    if "" in found:
        raise S3Error("InvalidArgument", message="A metadata header needs a name behind x-amz-meta-")
    for name, value in found.items():
        if shared.has_outer_blank(value):  # of a form or a query; HTTP would lose it in the answers
            raise S3Error("InvalidArgument", message=f"The metadata {name} {shared.OUTER_BLANK}.")
    return tuple(sorted(found.items()))
