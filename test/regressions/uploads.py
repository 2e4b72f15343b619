"""Defects 1 to 6: uploads in parts that end wrong."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

from test.regressions.defect import defect
from test.regressions.world import BLOCK, World, content

HTML = {"do": "answer", "status": 503, "body": "<html>busy</html>", "headers": {"Content-Type": "application/json"}}


class Pieces:
    """A stream as a socket is one: no seek, and each read gives what has just come."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class Ending(io.BytesIO):
    """A stream that calls ``at_end`` when it has been read to its end for the first time."""

    def __init__(self, data: bytes, at_end: Any) -> None:
        super().__init__(data)
        self._size, self._at_end = len(data), at_end

    def read(self, size: int | None = -1) -> bytes:
        if size and size > 1024 and self.tell() == self._size and self._at_end:
            at_end, self._at_end = self._at_end, None
            at_end()
        return super().read(size)


#: Where the official SDK waits for a part's thread.
SEMAPHORE = "multipartuploadufile.py:uploadstream threading.py:acquire"
#: Without waits.
OPTIONS = {"retryinterval": 0, "retrycount": 1}
#: Requests that retrycount 1 makes: the official SDK counts tries, ours what follows the first.
TRIES = {"ufile": 1, "ucloud": 2}


@defect(
    1,
    "An upload whose part fails ends, and reports a failure",
    official=(
        "an HTML answer labelled as JSON ends the part's thread; finish is sent with an empty etag in the list",
        "if the service accepts the list, success is reported for an upload that lacks a part",
        "with one thread the same answer makes the program hang",
    ),
    ours="the part is sent again; if the service keeps failing, the call returns its status and never sends finish",
    limit="the real service may reject the list; a scripted answer to finish produced the success",
)
def part_thread_dies(world: World) -> None:
    source = world.file("source", content(3 * BLOCK + 5))
    faults: list[tuple[Any, ...]] = [({"on": "UploadPart", "part": 1}, {**HTML, "times": None})]
    if world.official:  # ours never gets that far, and a fault that does not fire is an error
        faults.append(("FinishUpload", {"do": "answer", "status": 200, "headers": {"ETag": '"x"'}}))
    world.faults(*faults)
    parts = world.sdk.parts()
    ended, answer, _ = world.ends(
        lambda: parts.uploadfile(world.space, world.key("a"), str(source), maxthread=8, **OPTIONS)
    )
    holes = "" in getattr(parts, "etaglist", [])
    world.check(
        not world.seen("FinishUpload", key=world.key("a")) and not holes,
        "an HTML answer labelled as JSON ends the part's thread; finish is sent with an empty etag in the list",
    )
    world.check(
        ended and answer is not None and not answer[1].ok(),
        "if the service accepts the list, success is reported for an upload that lacks a part",
    )
    ended, answer, where = world.ends(
        lambda: world.sdk.parts().uploadfile(world.space, world.key("b"), str(source), maxthread=1, **OPTIONS),
        stuck=SEMAPHORE,
        alone=True,
    )
    world.check(
        ended and answer[1].status_code == 503,
        "with one thread the same answer makes the program hang",
    )
    if not ended and SEMAPHORE not in where:
        raise RuntimeError(f"not at the semaphore: {where}")


@defect(
    2,
    "An interrupted upload can be resumed",
    official=(
        "resume appends to a list that has holes: 7 etags for 4 parts",
        "the resumed upload does not give the object",
    ),
    ours="resume sends only the missing parts and finishes with one etag for each part",
    limit="our server refuses the wrong list; the real service may accept it",
)
def resume_after_failure(world: World) -> None:
    data, key = content(4 * BLOCK), world.key("a")
    source = world.file("source", data)
    world.faults(({"on": "UploadPart", "part": 1}, {"do": "pause", "name": "one"}))

    def break_off() -> None:
        """The other parts are done; then the connections go."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(world.seen("UploadPart", status=200)) < 3:
            time.sleep(0.01)
        if len(world.seen("UploadPart", status=200)) != 3:
            raise RuntimeError("the other parts did not arrive")
        world.ask("POST", "/stop_listening", {"drop": True})

    parts = world.sdk.parts()
    stream = Ending(data, break_off)
    _, resp = parts.uploadstream(world.space, key, stream, maxthread=4, mime_type="video/mp4", **OPTIONS)
    if resp.status_code != -1:
        raise RuntimeError(f"the upload did not break off: {resp.status_code} {resp.error}")
    world.ask("POST", "/listen_again")
    if world.official:
        world.sdk.resume(parts, source)
        world.check(
            len(parts.etaglist) == 4,
            f"resume appends to a list that has holes: {len(parts.etaglist)} etags for 4 parts",
        )
    else:
        parts.resumeuploadstream()
    world.check(world.stored(key) == data, "the resumed upload does not give the object")


@defect(
    3,
    "A resumed upload goes to the same host as before",
    official=("resume sends parts to the host of the process-wide settings, and finish to the handler's host",),
    ours="every request of an upload goes to the handler's host",
)
def resume_keeps_the_host(world: World) -> None:
    world.sdk.config.set_default(uploadsuffix=world.sdk.suffix(world.server))
    source = world.file("source", content(2 * BLOCK + 5))
    times = TRIES[world.sdk.name]
    world.faults(({"on": "UploadPart", "part": 1}, {"do": "answer", "status": 500, "times": times}))
    parts = world.sdk.parts(world.sdk.suffix(world.proxy))
    _, resp = parts.uploadfile(world.space, world.key("a"), str(source), maxthread=1, **OPTIONS)
    if resp.status_code != 500:
        raise RuntimeError(f"the upload did not break off: {resp.status_code}")
    before = len(world.seen("UploadPart"))
    world.sdk.resume(parts, source)
    world.check(
        len(world.seen("UploadPart")) == before + 2,
        "resume sends parts to the host of the process-wide settings, and finish to the handler's host",
    )


@defect(
    4,
    "A part can be copied from the middle of an object",
    official=("for 4 MiB at 4 MiB the range bytes=4194304-4194303 is asked for",),
    ours="the range is from offset to offset + size - 1",
)
def part_copy_range(world: World) -> None:
    data = content(2 * BLOCK)
    world.put(world.key("source"), data)
    parts = world.sdk.parts()
    _, resp = parts.init_multipart_upload(world.space, world.key("copy"))
    if not resp.ok():
        raise RuntimeError(f"initiate: {resp.status_code}")
    parts.upload_part_copy(world.space, world.key("source"), "video/mp4", BLOCK, BLOCK, 0)
    wanted = f"bytes={BLOCK}-{2 * BLOCK - 1}"
    asked = [entry["headers"].get("x-ufile-copy-source-range") for entry in world.seen()]
    sent = [text for text in asked if text]
    if not sent:
        raise RuntimeError("no range was sent")
    if world.check(sent == [wanted], f"for 4 MiB at 4 MiB the range {sent[0]} is asked for"):
        parts.finish_upload()
        world.check(world.stored(world.key("copy")) == data[BLOCK:], "the copied part has other bytes")


@defect(
    5,
    "Two threads can upload with one handler",
    official=("the second upload overwrites the state of the first: the first object is never finished",),
    ours="each upload has its own state; the handler has none",
)
def two_threads_one_handler(world: World) -> None:
    first, second = content(BLOCK + 5, 1), content(BLOCK + 5, 2)
    source, other = world.file("first", first), world.file("second", second)
    held = {"on": "UploadPart", "key": world.key("first")}
    world.faults((held, {"do": "pause", "name": "first", "times": None}))
    parts = world.sdk.parts()
    thread = threading.Thread(target=lambda: parts.uploadfile(world.space, world.key("first"), str(source), **OPTIONS))
    thread.start()
    if not world.ask("POST", "/wait", {"name": "first"})["paused"]:
        raise RuntimeError("the first upload sent no part")
    for _ in range(5):  # the official SDK's threads race for a dict, and now and then an upload dies of that alone
        parts.uploadfile(world.space, world.key("second"), str(other), **OPTIONS)
        if world.stored(world.key("second")) == second:
            break
    else:
        raise RuntimeError("the second upload went wrong")
    world.ask("POST", "/release", {"name": "first"})
    thread.join()
    world.check(
        world.stored(world.key("first")) == first,
        "the second upload overwrites the state of the first: the first object is never finished",
    )


@defect(
    6,
    "A stream with short reads is uploaded in whole blocks",
    official=("5 short reads become 5 short parts", "finish refuses the upload"),
    ours="short reads are collected into blocks",
    limit="the documentation requires full blocks except for the last part; our server enforces this",
)
def short_reads(world: World) -> None:
    pieces = [content(1000, seed) for seed in range(5)]
    _, resp = world.sdk.parts().uploadstream(world.space, world.key("a"), Pieces(*pieces), maxthread=1, **OPTIONS)
    world.check(len(world.seen("UploadPart")) == 1, "5 short reads become 5 short parts")
    world.check(resp.ok() and world.stored(world.key("a")) == b"".join(pieces), "finish refuses the upload")
