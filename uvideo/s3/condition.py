"""The conditions of requests: read from the headers, and held against the stored object.

An etag is the one that S3 shows, unquoted.  A condition may quote it or not, mark it as weak, and list several; ``*``
stands for every object.
"""

from __future__ import annotations

from dataclasses import dataclass

from uvideo._core import condition, dates, field, message
from uvideo.s3.errors import S3Error

__all__ = [
    *("ANY_DELETE", "ANY_READ", "ANY_WRITE", "DeleteConditions", "ReadConditions", "WriteConditions"),
    *("of_delete", "of_read", "of_source", "of_write"),
]

#: What stands before the names of the headers with the conditions on the source of a copy.
SOURCE = "x-amz-copy-source-"


def _names(value: str, etag: str) -> bool:
    """Whether a list of etags has this one."""
    return value.strip() == "*" or any(
        field.unquoted(tag) == etag for tag in value.split(",")
    )  # our etags have no comma


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConditions:
    """Of a GET or HEAD, and of the source of a copy.

    ``if_match``, ``if_none_match``, ``if_range``: as sent.  ``if_modified_since``, ``if_unmodified_since``: Unix
    seconds; a date that cannot be read does not count.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None
    if_range: str | None = None

    def not_modified(self, etag: str, modified: int) -> bool:
        """Whether the answer is 304.  PreconditionFailed if a condition does not hold.

        ``modified``: Unix seconds.  A date counts only if there is no etag for the same purpose.
        """
        if self.if_match is not None:
            if not _names(self.if_match, etag):
                raise _failed("If-Match")
        elif self.if_unmodified_since is not None and modified > self.if_unmodified_since:
            raise _failed("If-Unmodified-Since")
        if self.if_none_match is not None:
            return _names(self.if_none_match, etag)
        return self.if_modified_since is not None and modified <= self.if_modified_since

    def check_source(self, etag: str, modified: int) -> None:
        """PreconditionFailed if the source of a copy does not fulfil all of them."""
        if self.not_modified(etag, modified):
            raise _failed(f"{SOURCE}if-{'modified-since' if self.if_none_match is None else 'none-match'}")

    def range_holds(self, etag: str, modified: int) -> bool:
        """Whether a Range applies: there is no If-Range, or it names this object."""
        if self.if_range is None:
            return True
        return condition.range_holds([("if-range", self.if_range)], etag, modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteConditions:
    """Of a request that stores an object: on the object that has the key now.  As sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None) -> None:
        """``etag``: None if there is no object, or a delete marker.  NoSuchKey; PreconditionFailed."""
        if self.if_match is not None:
            if etag is None:
                raise S3Error("NoSuchKey")
            if not _names(self.if_match, etag):
                raise _failed("If-Match")
        if self.if_none_match is not None and etag is not None and _names(self.if_none_match, etag):
            raise _failed("If-None-Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteConditions:
    """Of DeleteObject, and of one key of DeleteObjects.

    ``if_match``: as sent.  ``last_modified``: Unix seconds.  ``size``: bytes.
    """

    if_match: str | None = None
    last_modified: int | None = None
    size: int | None = None

    def check(self, etag: str, modified: int, size: int) -> None:
        """PreconditionFailed.  Not to be asked where no object is: an absent key is deleted without error."""
        if self.if_match is not None and not _names(self.if_match, etag):
            raise _failed("If-Match")
        if self.last_modified is not None and modified != self.last_modified:
            raise _failed("x-amz-if-match-last-modified-time")
        if self.size is not None and size != self.size:
            raise _failed("x-amz-if-match-size")


def _failed(name: str) -> S3Error:
    return S3Error("PreconditionFailed", Condition=name)


_HEADERS = frozenset(("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"))
_DELETE_HEADERS = frozenset(("if-match", "x-amz-if-match-last-modified-time", "x-amz-if-match-size"))
#: Of the usual request: no conditions.
ANY_READ, ANY_WRITE, ANY_DELETE = ReadConditions(), WriteConditions(), DeleteConditions()


def of_read(headers: message.Headers, prefix: str = "") -> ReadConditions:
    """The conditions of a GET or HEAD.  ``prefix``: of the names of the headers."""
    if not prefix and not headers.has_any(_HEADERS):
        return ANY_READ
    return ReadConditions(
        if_match=headers.get(f"{prefix}If-Match"),
        if_none_match=headers.get(f"{prefix}If-None-Match"),
        if_modified_since=dates.parse_date(headers.get(f"{prefix}If-Modified-Since")),
        if_unmodified_since=dates.parse_date(headers.get(f"{prefix}If-Unmodified-Since")),
        if_range=None if prefix else headers.get("If-Range"),
    )


def of_source(headers: message.Headers) -> ReadConditions:
    """The conditions on the source of a copy."""
    return of_read(headers, SOURCE)


def of_write(headers: message.Headers) -> WriteConditions:
    """The conditions of a request that stores an object."""
    if not headers.has_any(_HEADERS):
        return ANY_WRITE
    return WriteConditions(if_match=headers.get("If-Match"), if_none_match=headers.get("If-None-Match"))


def of_delete(headers: message.Headers) -> DeleteConditions:
    """The conditions of DeleteObject.  InvalidArgument for a date or a size that is none."""
    if not headers.has_any(_DELETE_HEADERS):
        return ANY_DELETE
    return DeleteConditions(
        if_match=headers.get("If-Match"),
        last_modified=_date(headers.get("x-amz-if-match-last-modified-time")),
        size=_size(headers.get("x-amz-if-match-size")),
    )


def _date(value: str | None) -> int | None:
    found = dates.parse_date(value)
    if found is None and value is not None:
        found = dates.parse_utc(value)
        if found is None:
            raise S3Error("InvalidArgument", message="x-amz-if-match-last-modified-time is no date")
    return found


def _size(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise S3Error("InvalidArgument", message="x-amz-if-match-size is no number of bytes")
    return int(value)
