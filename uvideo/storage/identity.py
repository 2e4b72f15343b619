"""Checks that a catalog and blobs belong together.

Both store the same identity.  A catalog that does not know the blobs beside it (a new one, or one of another server or
bucket) would have all of them swept as garbage.  So the two identities are compared whenever both are opened.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from uvideo.storage.base import Absent, Blobs, Catalog, Unusable

__all__ = ["Apart", "adopt", "compare", "opened"]

SAMPLE = 200  # names to look for
ADOPT = (
    'If you are sure that they belong together, read "The catalog and the blobs" in docs/server.md, then run '
    "`uvideo admin adopt DIR` with the same --database and --blobs."
)

log = logging.getLogger("uvideo.storage")


class Apart(Unusable):
    """The catalog and the blobs do not belong together, or nothing shows that they do.  The text says what to do."""


@asynccontextmanager
async def opened(blobs: Blobs, catalog: Catalog, *, create: bool) -> AsyncIterator[None]:
    """Start both, compare them, and close them at the end.

    ``create``: create what is missing, as on a server's first start; a catalog only where there is no blob yet.  Apart
    if they do not belong together; ``base.Absent`` if one is missing and ``create`` is false; errors of ``start``.
    """
    async with contextlib.AsyncExitStack() as stack:
        if create:
            await blobs.start()
            stack.push_async_callback(blobs.close)
            is_new = await blobs.identity() is None and await blobs.is_empty()
            try:
                await catalog.start(create=is_new)
            except Absent as failure:
                raise Apart(
                    f"{failure}, but there are blobs. Nothing was changed. Restore the catalog from a backup, or "
                    "give a DIR, --database and --blobs that belong together. To start with an empty catalog, "
                    "move the blobs away"
                ) from None
            stack.push_async_callback(catalog.close)
        else:  # never create blobs beside a missing catalog
            await catalog.start(create=False)
            stack.push_async_callback(catalog.close)
            await blobs.start(create=False)
            stack.push_async_callback(blobs.close)
        await _tie(blobs, catalog)
        yield


async def compare(blobs: Blobs, catalog: Catalog) -> None:
    """Apart unless both have the same identity now: another volume may have been mounted in the meantime."""
    ours, theirs = await catalog.identity(), await blobs.identity()
    if ours is None or ours != theirs:
        raise Apart(f"the catalog has the identity {ours or 'none'}, the blobs have {theirs or 'none'}")


async def adopt(blobs: Blobs, catalog: Catalog) -> str:
    """Give both one identity, whatever they had; return it.  The catalog's is used if it has one."""
    identity = await catalog.identify(await blobs.identity() or uuid.uuid4().hex)
    await blobs.identify(identity)
    return identity


async def _tie(blobs: Blobs, catalog: Catalog) -> None:
    """Give both one identity if they have none yet and are new or surely belong together."""
    ours, theirs = await catalog.identity(), await blobs.identity()
    if ours is not None and theirs is not None:
        if ours != theirs:
            raise Apart(
                f"the catalog does not belong to these blobs: its identity is {ours}, theirs is {theirs}. Give a "
                f"DIR, --database and --blobs that belong together. {ADOPT}"
            )
        return
    names = await catalog.sample(SAMPLE)
    if not await blobs.has_any(names):
        if names:
            raise Apart(
                "the catalog names blobs, but none of them was found. Check that the volume is mounted, and "
                f"that DIR, --database and --blobs belong together. {ADOPT}"
            )
        if theirs is not None or not await blobs.is_empty():
            raise Apart(
                "there are blobs, but the catalog names none of them: it is new, or belongs to another server. "
                "Nothing was changed. Restore the right catalog, or give a DIR, --database and --blobs that "
                f"belong together. {ADOPT}"
            )
    try:
        await adopt(blobs, catalog)
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        log.warning(
            "the identity of the catalog and the blobs could not be stored; the next start retries it: %s",
            failure.strerror,
        )
