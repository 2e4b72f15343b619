"""A copy of an object of any size that the service makes."""

from __future__ import annotations

import asyncio

from uvideo import AsyncClient
from uvideo.models import ObjectInfo, PartInfo

__all__ = ["copied"]

#: Bytes up to which an object is copied in one request.
ONE_REQUEST = 100_000_000


async def copied(client: AsyncClient, source: ObjectInfo, space: str, key: str) -> str | None:
    """The etag of the copy.  A large object goes part by part, several at a time; one that fails leaves nothing."""
    if source.size <= ONE_REQUEST:
        return (await client.copy(space, key, source.space, source.key)).etag
    begun = await client.begin_upload(
        space,
        key,
        mime=source.mime,
        metadata=source.metadata,
        headers=source.headers,
        storage_class=source.storage_class,
    )
    room = asyncio.Semaphore(client.settings.part_jobs)

    async def one(part: int, start: int) -> PartInfo:
        async with room:
            end = min(source.size, start + begun.block_size)
            return await client.copy_part(begun, part, source.space, source.key, start=start, end=end)

    jobs = [asyncio.ensure_future(one(*each)) for each in enumerate(range(0, source.size, begun.block_size))]
    try:
        parts = await asyncio.gather(*jobs)
        return (await client.finish_upload(begun, parts)).etag
    except BaseException:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await client.abort_upload(space, key, begun.upload_id)
        raise
