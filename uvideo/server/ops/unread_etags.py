"""Computes UFile's etag of objects whose parts do not tell it.  Source: s3.md section 4.

S3 may upload parts of any size.  Unless they are multiples of 4 MiB, only the bytes of the whole object tell UFile's
etag.  Nothing waits for it: until then the object has the ETag of S3 in its place.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace

from uvideo._core import errors, etag
from uvideo.server.ops.scrub import ReadPace, part_problem
from uvideo.storage.base import Blobs, Catalog, ObjectRecord, Unreachable, is_part_list
from uvideo.storage.extents import open_blob

__all__ = ["UnreadEtags"]

EVERY = 5.0  # seconds between two looks
PAGE = 100  # objects in one query
KNOWN = 10_000  # part lists that are remembered: those whose copies still follow, and those that cannot be read

log = logging.getLogger("uvideo.server")


class UnreadEtags:
    """Reads each such object once, at ``rate`` bytes a second, which may be changed at any time.

    Several gateways may do this at the same time: the catalog takes the first result.  An object that is damaged keeps
    its ETag of S3, and is read again after a restart.
    """

    def __init__(self, blobs: Blobs, catalog: Catalog, rate: float) -> None:
        self._blobs, self._catalog, self._pace = blobs, catalog, ReadPace(rate)
        self._known = dict[str, str | None]()  # part list -> etag; None: it cannot be read

    def change(self, rate: float) -> None:
        """Set another rate, in bytes a second."""
        self._pace.rate = rate

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self.once()
            except Unreachable as failure:
                log.warning("the etags of objects in parts are computed later: %s", failure.strerror)
            except Exception:
                log.exception("the etags of objects in parts could not be computed")
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Compute the etags of all objects that have none now; returns their number.  Errors of the drivers."""
        count, after = 0, None
        while page := await self._catalog.unread(after, PAGE):
            after = page[-1].space_id, page[-1].key
            random.shuffle(page)  # so that gateways begin with different objects
            for record in page:
                count += await self._store(record)
        return count

    async def _store(self, record: ObjectRecord) -> bool:
        """Store the etag of an object.  False if it is not known, or the object was changed."""
        name = record.blob or ""
        if not is_part_list(name):
            return False
        if name not in self._known:
            if await self._catalog.get(record.space_id, record.key) != record:
                return False
            try:
                value = await self._computed(record, name)
            except FileNotFoundError:
                return False
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[name] = value
        found = self._known[name]
        if found is None:
            return False
        try:
            await self._catalog.put(replace(record, etag=found), source=record)
        except errors.NotFound:
            return False
        return True

    async def _computed(self, record: ObjectRecord, name: str) -> str | None:
        """The etag of an object's bytes; None if they are damaged or unreadable.  FileNotFoundError if it is gone."""
        tree = etag.Etag()
        try:
            reader = await open_blob(self._blobs, self._catalog, name)
            try:
                problem = await part_problem(self._catalog, record, reader, tree, self._pace)
            finally:
                await reader.close()
        except (FileNotFoundError, Unreachable):
            raise
        except OSError as failure:
            problem = f"its bytes cannot be read: {failure.strerror or failure}"
        if problem is None:
            return str(tree.value())
        log.error("object %r of space id %s has no etag of UFile: %s", record.key, record.space_id, problem)
        return None
