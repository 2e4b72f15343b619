"""Defects 7 to 9: downloads that end wrong."""

from __future__ import annotations

import gzip

from test.regressions.defect import defect
from test.regressions.world import World, content


@defect(
    7,
    "A failed download leaves the existing file unchanged",
    official=(
        "a connection that breaks leaves 0 bytes where a file of 800 bytes was",
        "a body with a flipped bit is saved and success is reported",
        "an answer with another range than requested is saved and success is reported",
    ),
    ours="the new file replaces the old one only when it is complete and its etag matches",
    limit="no client can detect a flipped bit in a range: the service gives no etag for a range",
)
def broken_download(world: World) -> None:
    data, key = content(1000), world.key("a")
    world.put(key, data)
    target = world.file("target", b"o" * 800)
    files = world.sdk.downloader()
    world.faults(("GetObject", {"do": "truncate", "bytes": 10, "times": None}))
    world.ends(lambda: files.download_file(world.space, key, str(target)))
    left = target.stat().st_size
    world.check(left == 800, f"a connection that breaks leaves {left} bytes where a file of 800 bytes was")
    world.faults(("GetObject", {"do": "flip", "bytes": 500, "times": None}))
    _, resp = files.download_file(world.space, key, str(world.path("flipped")))
    world.check(not resp.ok(), "a body with a flipped bit is saved and success is reported")
    world.faults(("GetObject", {"do": "header", "name": "Content-Range", "value": "bytes 20-29/1000", "times": None}))
    _, resp = files.download_file(world.space, key, str(world.path("range")), content_range=(10, 19))
    world.check(not resp.ok(), "an answer with another range than requested is saved and success is reported")


@defect(
    8,
    "The caller's header dict is not changed",
    official=(
        "Range stays in the dict: the next download with it saves 10 of 100 bytes and reports success",
        "the dict is left with Expires, Range and User-Agent in it",
    ),
    ours="the SDK reads the dict and never changes it",
)
def header_dict_is_changed(world: World) -> None:
    key, header = world.key("a"), {"X-Note": "mine"}
    world.put(key, content(100))
    files = world.sdk.downloader()
    files.download_file(world.space, key, str(world.path("range")), content_range=(0, 9), header=header)
    _, resp = files.download_file(world.space, key, str(world.path("whole")), header=header)
    size = world.path("whole").stat().st_size
    world.check(
        resp.ok() and size == 100,
        f"Range stays in the dict: the next download with it saves {size} of 100 bytes and reports success",
    )
    added = sorted(set(header) - {"X-Note"})
    world.check(not added, f"the dict is left with {', '.join(added[:-1])} and {added[-1]} in it" if added else "")


@defect(
    9,
    "A download returns the stored bytes",
    official=("an object of Content-Encoding gzip is unpacked on the way: 5000 bytes are saved of 41",),
    ours="the stored bytes, for which the etag was computed",
    limit="the header is set by the proxy",
)
def gzip_is_unpacked(world: World) -> None:
    data, key = gzip.compress(b"a" * 5000, mtime=0), world.key("a")
    world.put(key, data)
    world.faults(("GetObject", {"do": "header", "name": "Content-Encoding", "value": "gzip"}))
    target = world.path("target")
    _, resp = world.sdk.downloader().download_file(world.space, key, str(target))
    size = target.stat().st_size
    world.check(
        resp.ok() and target.read_bytes() == data,
        f"an object of Content-Encoding gzip is unpacked on the way: {size} bytes are saved of {len(data)}",
    )
