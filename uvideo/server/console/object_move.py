"""Moves of an object that take only what was seen: what changed meanwhile stays where it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from uvideo._core import errors, operation
from uvideo.server.rules.service import Service
from uvideo.storage.base import Expected, ObjectRecord, SpaceRecord

__all__ = ["only_version", "rename_version", "version_of"]


def version_of(record: ObjectRecord) -> str:
    """A text that changes with the object's bytes, headers, tags, class and access; a rename leaves it as it is."""
    seen = replace(record, space_id="", key="", inline=None, modified=0)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def only_version(version: str) -> Expected:
    """For a write: PreconditionFailed unless the object has this version; "" is any.  NotFound."""

    def check(found: ObjectRecord | None) -> None:
        if found is None:
            raise errors.NotFound()
        if version and version_of(found) != version:
            raise errors.PreconditionFailed("the object changed meanwhile")

    return check


async def rename_version(service: Service, op: operation.RenameObject, space: SpaceRecord, version: str) -> str:
    """Rename an object that has this version; "" is any.  The version that it had, and still has.  Errors as
    ``only_version``; AlreadyExists."""
    seen, check = list[ObjectRecord](), only_version(version)

    def expected(found: ObjectRecord | None) -> None:
        check(found)
        assert found is not None
        seen.append(found)

    await service.copies.rename(op, space, expected)
    return version_of(seen[-1])
