"""Defects 27 and 28: names of objects, and what a call cannot say."""

from __future__ import annotations

import urllib.parse

from test.regressions.defect import defect
from test.regressions.world import World, content

NAMES = ("a#b", "a?b", "a%2Fb", "a/../b", "100%", "a b", "a+b", "视频")


@defect(
    27,
    "Every key can be stored and read back, and every URL can be pasted",
    official=(
        "an upload to one of these keys is refused or stored under another: a#b, a?b, a%2Fb, a/../b",
        "private_download_url does not escape blanks and #",
        "some signatures of private_download_url contain an unescaped +",
    ),
    ours="keys are escaped exactly once; URLs are escaped completely",
)
def keys(world: World) -> None:
    source, files, lost = world.file("source", b"hello"), world.sdk.files(), []
    for name in NAMES:
        _, resp = files.putfile(world.space, world.key(name), str(source))
        if not resp.ok() or world.stored(world.key(name)) != b"hello":
            lost.append(name)
    world.check(not lost, f"an upload to one of these keys is refused or stored under another: {', '.join(lost)}")
    url = files.private_download_url(world.space, "a b#c")
    world.check(" " not in url and "#" not in url, "private_download_url does not escape blanks and #")
    urls = [files.private_download_url(world.space, f"key-{number}") for number in range(100)]
    world.check(not any("+" in url for url in urls), "some signatures of private_download_url contain an unescaped +")
    if not all(urllib.parse.urlsplit(url).query for url in urls):
        raise RuntimeError(f"not signed: {urls[0]}")


@defect(
    28,
    "A copy can go to any key, and a range can be open",
    official=(
        "copy escapes only the source: a copy to a#b is refused",
        "content_range=(100, None) asks for bytes=100-None",
        "content_range=(None, 5) asks for bytes=None-5",
    ),
    ours="both keys are escaped; (100, None) is bytes=100-, (None, 5) the last five bytes",
    limit="in both, list calls return one page, as published",
)
def copies_and_ranges(world: World) -> None:
    data = content(200)
    world.put(world.key("source"), data)
    _, resp = world.sdk.files().copy(world.space, world.key("a#b"), world.space, world.key("source"))
    world.check(
        resp.ok() and world.stored(world.key("a#b")) == data, "copy escapes only the source: a copy to a#b is refused"
    )
    for wanted, expected in (((100, None), data[100:]), ((None, 5), data[-5:])):
        target = world.path(f"target{wanted[0]}")
        _, resp = world.sdk.downloader().download_file(
            world.space, world.key("source"), str(target), content_range=wanted
        )
        asked = world.seen("GetObject")[-1]["headers"].get("range")
        kept = resp.status_code == 206 and target.read_bytes() == expected
        world.check(kept, f"content_range={wanted} asks for {asked}")
