"""Finds the objects and folders below a prefix whose own names contain a text, a bounded number of keys at a time."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from uvideo.storage.base import Catalog, ObjectRecord

__all__ = ["SEARCHED", "NameMatches", "search_names"]

SEARCHED = 20_000  # keys that one call reads
SECONDS = 1.0  # after which a call reads no more keys
STEP = 500  # keys of one query: it holds the loop for about as long as a page of a listing
TURN = 0.02  # seconds after which other tasks run: a key can have hundreds of folders


@dataclass(slots=True)
class NameMatches:
    """``objects``, ``folders``: what was found, each in the order of the keys; a folder is a prefix that ends with "/".

    ``searched``: how many keys were read.  ``next_marker``: where the next call continues, "" at the end.
    """

    objects: list[ObjectRecord] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    searched: int = 0
    next_marker: str = ""


async def search_names(
    catalog: Catalog,
    space_id: str,
    prefix: str,
    text: str,
    marker: str,
    limit: int,
    clock: Callable[[], float] = time.monotonic,
) -> NameMatches:
    """Search the keys that begin with ``prefix`` and come after ``marker``.

    A name is one part of a key between slashes, behind the prefix.  Case and compatibility forms of letters do not
    matter.  The call ends after ``limit`` matches, SEARCHED keys or SECONDS, and other tasks run meanwhile.
    """
    found, wanted, end = NameMatches(), _folded(text), clock() + SECONDS
    last, folder, turn = marker, None, clock() + TURN
    while True:
        page = await catalog.list(space_id, prefix, last, STEP)
        for record in page.objects:
            if clock() > turn:
                await asyncio.sleep(0)
                turn = clock() + TURN
            key = record.key
            before, _, name = key[len(prefix) :].rpartition("/")
            if before != folder:
                folder = before
                found.folders += _new_folders(prefix, before, last, wanted)
            if name and wanted in _folded(name):
                found.objects.append(record)
            last = key
            found.searched += 1
            if len(found.objects) + len(found.folders) >= limit:
                found.next_marker = last
                return found
        if not page.next_marker:
            return found
        if found.searched >= SEARCHED or clock() > end:
            found.next_marker = last
            return found
        await asyncio.sleep(0)  # a query of SQLite does not suspend


def _new_folders(prefix: str, path: str, last: str, wanted: str) -> list[str]:
    """The matching folders on a path, but for those that contain the key before: they were found already."""
    found, at = list[str](), prefix
    for name in path.split("/"):
        at += name + "/"
        if wanted in _folded(name) and not last.startswith(at):
            found.append(at)
    return found


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text.casefold()).casefold()
