"""How the body of a request is sent: plain or in chunks, signed or not, with trailers or without."""

from __future__ import annotations

import re
from dataclasses import dataclass

from uvideo._core import compat, message
from uvideo.s3.errors import S3Error

__all__ = ["CHUNKED", "HEADER", "UNSIGNED", "Payload", "announced", "check_line", "declared_trailers", "of_line"]

HEADER = "x-amz-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNKED = (SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER)
#: The most trailers of a body.
TRAILERS = 16
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}\Z").match


@dataclass(slots=True)  # not frozen: creating a frozen one takes several times as long, per request
class Payload:
    """What the head of a request says of its body.  Do not change it.

    ``framing``: one of CHUNKED, or "" for a plain body.  ``sha256``: the hex digest that a plain body must have, or
    None.  ``length``: of the decoded chunks in bytes, None for a plain body.  ``trailers``: the declared names, lower
    case.
    """

    framing: str = ""
    sha256: str | None = None
    length: int | None = None
    trailers: tuple[str, ...] = ()

    @property
    def has_signed_chunks(self) -> bool:
        return self.framing in (SIGNED_CHUNKS, SIGNED_TRAILER)

    @property
    def has_trailers(self) -> bool:
        return self.framing in (SIGNED_TRAILER, UNSIGNED_TRAILER)


def check_line(line: str) -> None:
    """Refuse a value of x-amz-content-sha256 that is not served.  S3Error: NotImplemented, InvalidArgument."""
    if line == UNSIGNED or line in CHUNKED or _SHA256(line):
        return
    if line.startswith("STREAMING-"):
        raise S3Error("NotImplemented", message=f"{HEADER} asks for a signature that is not served here.")
    raise S3Error("InvalidArgument", message=f"{HEADER} must be {UNSIGNED}, a STREAMING-... value or a SHA-256 in hex.")


def announced(headers: message.Headers, line: str | None, signed_in_header: bool) -> Payload:
    """The Payload of a request.

    ``line``: the value of x-amz-content-sha256, or None.  ``signed_in_header``: whether the request is signed by its
    Authorization.  What is wrong with the checksum among the trailers, ``checksum.announced`` finds.
    S3Error: InvalidArgument, InvalidRequest, MalformedTrailerError, MissingContentLength, NotImplemented.
    """
    if line is not None:
        check_line(line)
    return of_line(headers, line, signed_in_header)


def of_line(headers: message.Headers, line: str | None, signed_in_header: bool) -> Payload:
    """As ``announced``, for a line that ``check_line`` has seen."""
    framing = line if line in CHUNKED else ""
    if framing in (SIGNED_CHUNKS, SIGNED_TRAILER) and not signed_in_header:
        raise S3Error("InvalidRequest", message="Signed chunks need a request that is signed by its Authorization.")
    names = declared_trailers(headers)
    if len(names) > TRAILERS:
        raise S3Error("MalformedTrailerError", message=f"x-amz-trailer names more than {TRAILERS} trailers.")
    if names and framing not in (SIGNED_TRAILER, UNSIGNED_TRAILER):
        raise S3Error("MalformedTrailerError", message=f"x-amz-trailer needs {HEADER} to be a STREAMING-...-TRAILER.")
    if not framing:
        return Payload(sha256=line.lower() if line is not None and line != UNSIGNED else None)
    length = headers.get("x-amz-decoded-content-length")
    if length is None:
        raise S3Error("MissingContentLength", message="You must provide the x-amz-decoded-content-length HTTP header.")
    size = compat.whole(length.strip())
    if size is None:
        raise S3Error("InvalidArgument", message="x-amz-decoded-content-length is not a whole number.")
    return Payload(framing, None, size, names)


def declared_trailers(headers: message.Headers) -> tuple[str, ...]:
    """The names in x-amz-trailer, lower case.  A client may send the header once for each."""
    if headers.get("x-amz-trailer") is None:
        return ()
    given = [name.strip().lower() for value in headers.all("x-amz-trailer") for name in value.split(",")]
    return tuple(name for name in given if name)
