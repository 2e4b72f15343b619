"""What the other process does: ``python -m test.contract.worker JSON``.  It says each step on stdout and is killed."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sys
from typing import Any

from test.contract.place import Place
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import (
    Blobs,
    Catalog,
    Extent,
    ExtentPart,
    ObjectRecord,
    PartRecord,
    S3Upload,
    SpaceRecord,
    UploadRecord,
)
from uvideo.storage.extents import open_blob


def say(*words: object) -> None:
    print(*words, flush=True)


async def told() -> None:
    """Wait for a line from the test, or forever."""
    if not await asyncio.to_thread(sys.stdin.readline):
        await asyncio.sleep(3600)


def block(blobs: Blobs, part: int) -> bytes:
    return bytes([part + 65]) * blobs.block_size


async def write_unsealed(blobs: Blobs) -> None:
    writer = await blobs.writer()
    await writer.write([b"half of it"])
    say("written")
    await told()


async def seal_blobs(blobs: Blobs) -> None:
    for number in itertools.count():
        writer = await blobs.writer()
        data = b"%d." % number * 1000
        await writer.write([data[:500], data[500:]])
        say(await writer.seal(), hashlib.sha1(data).hexdigest())


async def hold_part(blobs: Blobs, draft: str, part: int) -> None:
    async with blobs.part(draft, part) as slot:
        say("held", await slot.write([block(blobs, part)]))
        await told()
        say("leaving")
    say("left")


async def seal_draft(blobs: Blobs, draft: str, count: int) -> None:
    """Says the blob's name, then each part's location."""
    parts = []
    for part in range(count):
        async with blobs.part(draft, part) as slot:
            location = await slot.write([block(blobs, part)])
        parts.append(PartRecord(part, "e", blobs.block_size, location=location))
    say(await blobs.seal(draft, parts), *(part.location for part in parts))
    await told()


async def put_objects(catalog: Catalog, space_id: str, name: str) -> None:
    async def some(first: int) -> None:
        for number in itertools.count(first, 8):
            key = f"{name}-{number}"
            await catalog.put(ObjectRecord(space_id, key, len(key), "e", "m", inline=key.encode()))
            say(key)

    await asyncio.gather(*(some(first) for first in range(8)))


async def count_up(catalog: Catalog, space_id: str, name: str, count: int) -> None:
    say("ready")
    await told()
    for number in range(count):
        key = f"{name}-{number}"
        await catalog.put(ObjectRecord(space_id, key, len(key), "e", "m", inline=key.encode()))
    say("done")
    await told()


async def race(catalog: Catalog, what: str, name: str) -> None:
    say("ready")
    await told()
    try:
        if what == "create":
            await catalog.create_space(SpaceRecord(f"id of {name}", "wanted", name))
        else:
            await catalog.finish("upload", ObjectRecord("s", "key", 1, name, "m", blob="b"))
        say("won")
    except (errors.SpaceExists, errors.UploadNotFound) as failure:
        say(type(failure).__name__)
    await told()


async def multipart(blobs: Blobs, catalog: Catalog, stop: str) -> None:
    """An upload of two parts, as the server does it; stands still after the step ``stop``."""
    draft = blobs.draft()

    async def step(name: str) -> None:
        if name == stop:
            say(draft)
            await told()

    await catalog.begin(UploadRecord("upload", "s", "key", draft))
    await step("begun")
    for part in range(2):
        async with blobs.part(draft, part) as slot:
            location = await slot.write([block(blobs, part)])
            await step(f"written {part}")
            await catalog.add_part("upload", PartRecord(part, "e", blobs.block_size, location=location))
            await step(f"recorded {part}")
    blob = await blobs.seal(draft, await catalog.parts("upload", 0, None))
    await step("sealed")
    dropped = await catalog.finish("upload", ObjectRecord("s", "key", 2 * blobs.block_size, "new", "m", blob=blob))
    await step("finished")
    for old in dropped:
        await blobs.delete(old)
    await step("cleaned")


async def parts(blobs: Blobs, catalog: Catalog, stop: str) -> None:
    """An upload of S3 with two parts, one of them sent again; stands still after the step ``stop``."""

    async def step(name: str) -> None:
        if name == stop:
            say(name)
            await told()

    async def stored(number: int, letter: bytes) -> ExtentPart:
        writer, data = await blobs.writer(), letter * 6000
        await writer.write([data])
        extents = (Extent(await writer.seal(), 0, len(data)),)
        await step(f"stored {number}")
        return ExtentPart(number, len(data), hashlib.md5(data).hexdigest(), extents)

    await catalog.begin(UploadRecord("upload", "s", "key", "parts-0", s3=S3Upload()))
    await step("begun")
    for number, letter in ((1, b"A"), (2, b"B")):
        await catalog.replace_part("upload", await stored(number, letter))
        await step(f"recorded {number}")
    gone = await catalog.replace_part("upload", await stored(2, b"b"))
    await step("replaced")
    for blob in gone:
        await blobs.delete(blob)
    record = ObjectRecord("s", "key", 12_000, "new", "m", "parts-0")
    gone = await catalog.finish_s3("upload", record, await catalog.s3_parts("upload", 0, 10))
    await step("finished")
    for blob in gone:
        await blobs.delete(blob)
    await step("cleaned")


async def read_parts(blobs: Blobs, catalog: Catalog, name: str) -> None:
    """Open a part list, and stand still."""
    reader = await open_blob(blobs, catalog, name)
    say(reader.size)
    await told()


async def main(scenario: str, places: list[list[Any]], arguments: list[Any]) -> None:
    drivers = [Place(*place).driver_here() for place in places]
    for driver in drivers:
        await driver.start()
    await globals()[scenario](*drivers, *arguments)


if __name__ == "__main__":
    asyncio.run(main(*json.loads(sys.argv[1])))
