"""An object's record as S3 shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from uvideo._core import errors, field, operation
from uvideo.s3 import etag
from uvideo.s3 import operation as s3
from uvideo.server.limits.body_buffer import Body
from uvideo.server.rules.object_record import is_open, is_public, metadata, restore_state, stored_acl
from uvideo.storage.base import ExtentPart, ObjectRecord, S3Facts, SpaceRecord

__all__ = [
    *(
        "ACL",
        "MIME",
        "RequestContext",
        "acl_of",
        "acl_to_store",
        "bucket_acl",
        "check_owner_id",
        "checksum_of",
        "entry",
        "facts_of",
        "info",
        "may_anybody_read",
        "owner",
    ),
    *("part_checksum", "shown_etag", "with_acl", "written_checksum"),
]

MIME = "binary/octet-stream"
ACL = "acl"  # kind of a space's document: the bucket's ACL, if it is not private
ANYBODY = "anonymous"  # as the initiator of an upload that nobody signed
FROZEN, RESTORING, RESTORED = operation.RESTORES


class RequestContext(NamedTuple):
    """What the rules need of a request, beside its operation.

    ``account``: of the signer, "" for nobody.  ``body``: for operations with bulk bytes.  ``url``: makes the URL of the
    object.
    """

    space: SpaceRecord
    account: str
    body: Body
    url: Callable[[], str]


def owner(account: str) -> s3.Owner:
    """An account as S3 shows it."""
    return s3.Owner(id=account or ANYBODY, display_name=account or ANYBODY)


def check_owner_id(space: SpaceRecord | None, given: str | None) -> None:
    """AccessDenied unless this is the id of the bucket's owner; None: any.  ``space``: None if there is no bucket."""
    if given is not None and (space is None or space.owner != given):
        raise errors.AccessDenied()


def shown_etag(record: ObjectRecord) -> str:
    """The ETag that S3 shows, unquoted."""
    return record.s3.etag if record.s3 is not None and record.s3.etag else etag.from_ufile(record.etag)


def checksum_of(record: ObjectRecord) -> s3.Checksum | None:
    facts = record.s3
    if facts is None or not facts.checksum:
        return None
    return s3.Checksum(algorithm=facts.algorithm, value=facts.checksum, type=facts.checksum_type)


def written_checksum(checksum: s3.Checksum | None) -> str:
    """The checksum of a part as it is stored."""
    return "" if checksum is None else f"{checksum.algorithm}:{checksum.value}"


def part_checksum(part: ExtentPart) -> s3.Checksum | None:
    """The checksum of a part, from ``written_checksum``."""
    algorithm, _, value = part.checksum.partition(":")
    return s3.Checksum(algorithm=algorithm, value=value) if value else None


def facts_of(facts: S3Facts) -> S3Facts | None:
    """The facts to store: None if there are none."""
    return None if facts == S3Facts() else facts


def acl_of(record: ObjectRecord) -> str:
    """The ACL that S3 shows, of operation.ACLS.  UFile may have changed whether everybody may read it."""
    if not is_public(record):
        return s3.PRIVATE
    both = record.s3 is not None and record.s3.acl == s3.PUBLIC_READ_WRITE
    return s3.PUBLIC_READ_WRITE if both else s3.PUBLIC_READ


def acl_to_store(acl: str | None) -> str:
    """The ACL of a record for one of operation.ACLS; None: no ACL was given."""
    return "" if acl in (None, s3.PRIVATE) else stored_acl(s3.PUBLIC_READ)


def with_acl(record: ObjectRecord, acl: str | None) -> ObjectRecord:
    """The record with another ACL, of operation.ACLS; None: no ACL was given."""
    return replace(record, acl=acl_to_store(acl), s3=facts_of(replace(record.s3 or S3Facts(), acl=acl or "")))


def may_anybody_read(space: SpaceRecord, record: ObjectRecord | None) -> bool:
    """Whether a request without a signature may read the object, or learn that there is none."""
    return is_open(space, record) or (record is None and bucket_acl(space) != s3.PRIVATE)


def bucket_acl(space: SpaceRecord) -> str:
    """The ACL of a bucket, of operation.ACLS."""
    return space.document(ACL) or s3.PRIVATE


def restore(record: ObjectRecord, now: float) -> s3.Restore | None:
    """The state of an archived object; None for any other one, and for one of which no restore was asked."""
    state = restore_state(record, now)
    if state is None or state == FROZEN:
        return None
    return s3.Restore(ongoing=True) if state == RESTORING else s3.Restore(ongoing=False, expiry=record.expires)


def _kept(record: ObjectRecord) -> s3.Pairs:
    """The stored headers that are no metadata."""
    return tuple(pair for pair in record.headers if not pair[0].startswith(field.META)) if record.headers else ()


def _metadata(record: ObjectRecord) -> s3.Pairs:
    return tuple((name.lower(), value) for name, value in metadata(record)) if record.headers else ()


def info(
    record: ObjectRecord,
    now: float,
    span: tuple[int, int] | None = None,
    parts_count: int | None = None,
    checksum: s3.Checksum | None = None,
) -> s3.GetObjectOutput:
    """The result of GetObject and HeadObject.  ``checksum``: the one to show, or None."""
    return s3.GetObjectOutput(
        size=record.size,
        etag=shown_etag(record),
        modified=record.modified,
        content_type=record.mime,
        storage_class=record.storage_class,
        span=span,
        headers=_kept(record),
        metadata=_metadata(record),
        redirect=(record.s3.redirect or None) if record.s3 is not None else None,
        checksum=checksum,
        parts_count=parts_count,
        tag_count=len(record.tags),
        restore=restore(record, now),
    )


def entry(record: ObjectRecord, now: float, shown_owner: s3.Owner | None, with_restore: bool) -> s3.ObjectEntry:
    """The object's entry in a listing."""
    return s3.ObjectEntry(
        key=record.key,
        modified=record.modified,
        etag=shown_etag(record),
        size=record.size,
        storage_class=record.storage_class,
        owner=shown_owner,
        checksum_algorithm=(record.s3.algorithm or None) if record.s3 is not None else None,
        checksum_type=(record.s3.checksum_type or None) if record.s3 is not None else None,
        restore=restore(record, now) if with_restore else None,
    )
