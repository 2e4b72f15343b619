"""The sums of bytes that are stored already, for copies that need sums which the source does not have."""

from __future__ import annotations

from collections.abc import AsyncIterator

from uvideo._core import etag
from uvideo.server.rules.body_sums import CheckedBody, StoredBody
from uvideo.server.rules.copies import VERIFIED
from uvideo.server.rules.objects import Objects
from uvideo.storage.base import ObjectRecord

__all__ = ["summed"]


async def summed(
    service: Objects, source: ObjectRecord, first: int, length: int, algorithm: str | None, limit: int
) -> CheckedBody:
    """The sums of ``length`` bytes of an object from ``first`` on.  ``algorithm``, ``limit``: as of CheckedBody.

    FileNotFoundError if the object was replaced.  InternalError if its bytes do not fit its etag: they are compared if
    all of them are read, or if the object is not larger than VERIFIED.  Otherwise damaged bytes would get sums that fit
    them.
    """
    checks_itself = length == source.size and etag.is_etag(source.etag)
    checks_before = not checks_itself and source.size <= VERIFIED and not service.switches.verify
    reader = None
    if source.blob is None:
        await service.look(source)
    else:
        reader = await service.open(source, None if checks_before else (first, length))
    try:
        if checks_before or (reader is None and not checks_itself):
            await service.check_bytes(source, reader, always=True)
        pieces = _one((source.inline or b"")[first : first + length]) if reader is None else reader.read(first, length)
        body = CheckedBody(StoredBody(pieces, length), None, None, algorithm, limit)
        while await body.chunk():
            pass
        if checks_itself:
            service.check_tree(source, body.tree)
        return body
    finally:
        if reader is not None:
            await reader.close()


async def _one(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data
