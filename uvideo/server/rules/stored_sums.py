"""The sums of bytes that are stored already, for copies that need sums which the source does not have."""

from __future__ import annotations

from uvideo._core import etag
from uvideo.server.limits.memory_budget import WHOLE
from uvideo.server.rules.body_sums import BodySums
from uvideo.server.rules.copies import VERIFIED
from uvideo.server.rules.objects import Objects
from uvideo.storage.base import ObjectRecord

__all__ = ["summed"]


async def summed(service: Objects, source: ObjectRecord, first: int, length: int, algorithm: str | None) -> BodySums:
    """The sums of ``length`` bytes of an object from ``first`` on.  ``algorithm``: of the checksum, or None.

    FileNotFoundError if the object was replaced.  InternalError if its bytes do not fit: those of an object up to
    VERIFIED are compared with its etag, or with the MD5s of its parts.  Those of a larger one are compared if all of
    them are read and it has an etag of UFile.  Otherwise damaged bytes get sums that fit them.
    """
    checks_itself = length == source.size and etag.is_etag(source.etag)
    checks_before = not checks_itself and source.size <= VERIFIED
    sums, reader = BodySums(algorithm), None
    if source.blob is None:
        await service.look(source)
        sums.add([(source.inline or b"")[first : first + length]])
    else:
        reader = await service.open(source, None if checks_before else (first, length))
    try:
        if checks_before and (reader is None or not service.switches.verify):  # else ``open`` has compared them
            await service.check_bytes(source, reader, always=True)
        if reader is not None:
            for start in range(first, first + length, WHOLE):
                async with service.memory.places:  # in each place are the bytes of one block
                    async for piece in reader.read(start, min(WHOLE, first + length - start)):
                        await sums.add_on_thread(piece)
    finally:
        if reader is not None:
            await reader.close()
    if checks_itself:
        service.check_tree(source, sums.tree)
    return sums
