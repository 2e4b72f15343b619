"""An object's record: its fields as stored, as answered, and whether the object can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from uvideo._core import condition, errors, expiry, field, operation, restore
from uvideo.s3.operation import PRIVATE
from uvideo.storage.base import ObjectRecord, S3Facts, SpaceRecord

__all__ = [
    "ARCHIVE",
    "MIME",
    "STANDARD",
    "check_readable",
    "copied_facts",
    "earlier_etags",
    "file_info",
    "is_closed",
    "is_open",
    "is_public",
    "metadata",
    "object_info",
    "own_facts",
    "restore_state",
    "said_acl",
    "stored_acl",
    "stored_headers",
]

MIME = "application/octet-stream"
STANDARD, IA, ARCHIVE = operation.STORAGE_CLASSES

Pairs = tuple[tuple[str, str], ...]


def stored_headers(headers: Sequence[tuple[str, str]], metadata: Sequence[tuple[str, str]]) -> Pairs:
    """The headers to store in a record: those that answers repeat unchanged, and the metadata.  TooLarge."""
    field.check_count(len(headers) + len(metadata))
    return (*headers, *((field.META + name, value) for name, value in metadata))


def metadata(record: ObjectRecord) -> Pairs:
    if not record.headers:
        return ()
    return tuple((name[len(field.META) :], value) for name, value in record.headers if name.startswith(field.META))


def stored_acl(grant: str | None) -> str:
    """The acl to store in a record."""
    return grant if grant in operation.ACLS[1:] else ""


def said_acl(record: ObjectRecord) -> str:
    """The acl that answers contain, one of operation.ACLS."""
    return record.acl or operation.ACLS[0]


def is_public(record: ObjectRecord | None) -> bool:
    """Whether the object is public, even in a private space."""
    return record is not None and record.acl == operation.ACLS[1]


def is_closed(record: ObjectRecord | None) -> bool:
    """Whether S3 made the object private explicitly: then the type of its space does not let everybody read it."""
    return record is not None and record.s3 is not None and record.s3.acl == PRIVATE


def is_open(space: SpaceRecord, record: ObjectRecord | None) -> bool:
    """Whether everybody may read the object: by its own ACL, or by the type of its space unless it ``is_closed``.

    ``record``: None if there is no object; everybody may learn that of a public space.
    """
    return is_public(record) or (space.type == "public" and not is_closed(record))


def restore_state(record: ObjectRecord, now: float) -> str | None:
    """One of operation.RESTORES; None for an object whose class is not ARCHIVE."""
    if record.storage_class != ARCHIVE:
        return None
    frozen, restoring, restored = operation.RESTORES
    if not record.ready:
        return frozen
    if now < record.ready:
        return restoring
    return frozen if expiry.is_past(record.expires, now) else restored


def copied_facts(facts: S3Facts | None) -> S3Facts | None:
    """The facts of a copy: of the bytes, none of the object's own."""
    return None if facts is None else replace(facts, upload_id="", redirect="", acl="")


def own_facts(facts: S3Facts | None) -> S3Facts | None:
    """The facts of an object that gets other bytes: all but those of the bytes."""
    kept = S3Facts() if facts is None else S3Facts(redirect=facts.redirect, acl=facts.acl)
    return kept if kept != S3Facts() else None


def earlier_etags(record: ObjectRecord) -> tuple[str, ...]:
    """What UFile may have shown as the etag of the same bytes: S3's ETag, until the bytes were read."""
    shown = "" if record.s3 is None else record.s3.etag
    return (shown,) if "-" in shown and shown != record.etag else ()


def check_readable(record: ObjectRecord, now: float) -> None:
    """NotRestored for an archived object whose bytes cannot be read now."""
    if record.storage_class == ARCHIVE and restore_state(record, now) != operation.RESTORES[2]:
        raise errors.NotRestored()


def _restore(record: ObjectRecord, now: float) -> str | None:
    """The value of X-Ufile-Restore; None unless the object has been restored."""
    return restore.build(record.expires) if restore_state(record, now) == operation.RESTORES[2] else None


def object_info(
    record: ObjectRecord,
    now: float,
    span: tuple[int, int] | None = None,
    filename: str | None = None,
    conditions: Pairs = (),
) -> operation.ObjectInfo:
    """The result of HeadObject and GetObject.  ``conditions``: of the operation; they may ask for an earlier etag."""
    return operation.ObjectInfo(
        record.size,
        condition.shown(conditions, record.etag, earlier_etags(record)) if conditions else record.etag,
        record.mime,
        record.storage_class,
        record.modified,
        record.created,
        metadata(record),
        tuple(pair for pair in record.headers if not pair[0].startswith(field.META)) if record.headers else (),
        span,
        filename,
        None if record.storage_class != ARCHIVE else _restore(record, now),
    )


def file_info(record: ObjectRecord, now: float) -> operation.FileInfo:
    """The object's entry in a listing."""
    return operation.FileInfo(
        record.key,
        record.size,
        record.etag,
        record.mime,
        record.storage_class,
        record.created,
        record.modified,
        metadata(record),
        restore_state(record, now),
    )
