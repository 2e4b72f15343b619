"""Whether a catalog and blobs belong together.

Both carry one identity.  A catalog that knows nothing of the blobs beside it (a new one, another server's, that of
another bucket) would have all of them swept as garbage, so the two are compared whenever both are opened.
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

SAMPLE = 200  # names that are looked for
ADOPT = (
    "If you are sure that they do, run `uvideo admin adopt DIR` with the same --database and --blobs, and read "
    '"The catalog and the blobs" in docs/server.md first.'
)

log = logging.getLogger("uvideo.storage")


class Apart(Unusable):
    """The catalog and the blobs do not belong together, or nothing shows that they do; what to do is in the text."""


@asynccontextmanager
async def opened(blobs: Blobs, catalog: Catalog, *, create: bool) -> AsyncIterator[None]:
    """Start both, compare them, close them at the end.

    ``create``: make what is missing, as a server's first start does; a catalog only where there is no blob yet.
    Apart if they do not belong together; without ``create`` ``base.Absent`` if one is missing; what starting raises.
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
                    f"{failure}, but there are blobs. Nothing was changed. Bring the catalog back from a backup, or "
                    "give the DIR, --database and --blobs that belong together. To begin anew, move the blobs away"
                ) from None
            stack.push_async_callback(catalog.close)
        else:  # nothing is made beside a catalog that is not there
            await catalog.start(create=False)
            stack.push_async_callback(catalog.close)
            await blobs.start(create=False)
            stack.push_async_callback(blobs.close)
        await _tie(blobs, catalog)
        yield


async def compare(blobs: Blobs, catalog: Catalog) -> None:
    """Apart unless both have the same identity now: another volume may have been mounted meanwhile."""
    ours, theirs = await catalog.identity(), await blobs.identity()
    if ours is None or ours != theirs:
        raise Apart(f"the catalog has the identity {ours or 'none'}, the blobs have {theirs or 'none'}")


async def adopt(blobs: Blobs, catalog: Catalog) -> str:
    """Say that they belong together, whatever they carry; the identity that both have now: the catalog's, if any."""
    identity = await catalog.identify(await blobs.identity() or uuid.uuid4().hex)
    await blobs.identify(identity)
    return identity


async def _tie(blobs: Blobs, catalog: Catalog) -> None:
    """Give both one identity if they have none yet and are new or surely belong together."""
    ours, theirs = await catalog.identity(), await blobs.identity()
    if ours is not None and theirs is not None:
        if ours != theirs:
            raise Apart(
                f"the catalog does not belong to these blobs: its identity is {ours}, theirs is {theirs}. Give the "
                f"DIR, --database and --blobs that belong together. {ADOPT}"
            )
        return
    names = await catalog.sample(SAMPLE)
    if not await blobs.has_any(names):
        if names:
            raise Apart(
                "the catalog names blobs, and none of them is where they should be. Is the volume mounted, and are "
                f"DIR, --database and --blobs those of one server? {ADOPT}"
            )
        if theirs is not None or not await blobs.is_empty():
            raise Apart(
                "there are blobs, and the catalog names none: it is new, or another one's. Nothing was changed. Bring "
                f"the right catalog back, or give the DIR, --database and --blobs that belong together. {ADOPT}"
            )
    try:
        await adopt(blobs, catalog)
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        log.warning("the identity of the catalog and the blobs is noted at the next start: %s", failure.strerror)
