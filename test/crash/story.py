"""Writers who note what they asked for and what they were told, and what a folder may hold after that.

Each writer has keys of its own and asks for one thing at a time.  So after a crash its keys are as they were after the
last acknowledged step or, whole, after the one that was under way: nothing else.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from test.server.wire import BLOCK, Peer
from ucloud.uvideo.protocol import etag, operation
from uvideo.storage.base import Blobs, Catalog, PartRecord
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.sqlite import SqliteCatalog

KEYS = 6  # of a writer: few, so that most puts replace something
SIZES = (0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 70_000, 200_000, 1_100_000)
UNKNOWN = "?"  # an upload whose beginning was never acknowledged


@dataclass(frozen=True)
class State:
    """``objects``: key -> (etag, size).  ``uploads``: id -> (key, {part: its etag})."""

    objects: dict[str, tuple[str, int]] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, str]]] = field(default_factory=dict)

    def with_object(self, key: str, data: bytes) -> State:
        return replace(self, objects={**self.objects, key: (tag(data), len(data))})

    def without(self, key: str) -> State:
        return replace(self, objects={name: value for name, value in self.objects.items() if name != key})

    def with_upload(self, upload_id: str, key: str, parts: dict[int, str]) -> State:
        return replace(self, uploads={**self.uploads, upload_id: (key, parts)})

    def without_upload(self, upload_id: str) -> State:
        return replace(self, uploads={name: value for name, value in self.uploads.items() if name != upload_id})


@dataclass(frozen=True)
class Step:
    """``session``: of the answer, None if there was none.  ``after``: the state once it is done."""

    what: str
    session: str | None
    after: State


def tag(data: bytes) -> str:
    tree = etag.Etag()
    tree.update(data)
    return tree.value()


class Writer(threading.Thread):
    """Asks until it gets no answer any more, or ``stop`` is set.  ``start_state``: what its keys hold."""

    def __init__(self, server: Any, space: str, name: str, seed: int, before: State) -> None:
        super().__init__(daemon=True)
        self.peer, self.space, self.prefix = Peer(server), space, f"{name}/"
        self.dice = random.Random(seed)
        self.before, self.steps = before, list[Step]()
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._parts: dict[str, list[bytes]] = {}

    def run(self) -> None:
        try:
            while not self.stop.is_set() and self._step(self.steps[-1].after if self.steps else self.before):
                pass
        except BaseException as failure:
            self.failure = failure

    def _ask(self, op: Any, after: Callable[[Any], State], unanswered: State, body: bytes = b"") -> bool:
        """Ask, and note the outcome; False if there was no answer."""
        what = type(op).__name__
        try:
            got = self.peer.call(op, body)
        except (OSError, ConnectionError, ValueError, EOFError) as failure:
            self.steps.append(Step(f"{what}: {type(failure).__name__}", None, unanswered))
            return False
        except Exception as failure:  # http.client's, for an answer that broke off
            self.steps.append(Step(f"{what}: {type(failure).__name__}", None, unanswered))
            return False
        if got.status not in (200, 204):
            raise AssertionError(f"{what} was refused: {got.status} {got.body!r}")
        self.steps.append(Step(what, got.header("X-SessionId"), after(got)))
        return True

    def _sure(self, op: Any, state: State, body: bytes = b"") -> bool:
        return self._ask(op, lambda got: state, state, body)

    def _data(self) -> bytes:
        return self.dice.randbytes(self.dice.choice(SIZES))

    def _step(self, now: State) -> bool:
        dice, space = self.dice, self.space
        key = self.prefix + str(dice.randrange(KEYS))
        taken = sorted(now.objects)
        uploads = sorted(set(now.uploads) & set(self._parts))
        chosen = dice.choices(
            ("put", "delete", "copy", "rename", "append", "begin", "part", "finish", "abort"),
            (
                40,
                *((10, 8, 8, 6) if taken else (0, 0, 0, 0)),
                8,
                *((14, 8) if uploads else (0, 0)),
                3 if now.uploads else 0,
            ),
        )[0]
        if chosen == "put":
            data = self._data()
            return self._sure(operation.PutObject(space, key), now.with_object(key, data), data)
        if chosen == "begin":
            op = operation.InitiateUpload(space, key)

            def begun(got: Any) -> State:
                upload_id = got.json()["UploadId"]
                sizes = dice.choice(([700], [30_000], [BLOCK, 5000], [BLOCK, 1]))
                self._parts[upload_id] = [dice.randbytes(size) for size in sizes]
                return now.with_upload(upload_id, key, {})

            return self._ask(op, begun, now.with_upload(UNKNOWN, key, {}))
        if chosen == "abort":  # also what was begun before the last crash
            upload_id = dice.choice(sorted(now.uploads))
            op = operation.AbortUpload(space, now.uploads[upload_id][0], upload_id)
            return self._sure(op, now.without_upload(upload_id))
        if chosen in ("part", "finish"):
            return self._multipart(now, dice.choice(uploads))
        source = dice.choice(taken)
        if chosen == "delete":
            return self._sure(operation.DeleteObject(space, source), now.without(source))
        if chosen == "append":
            return self._append(now, key)
        target = self.prefix + str(dice.randrange(KEYS))
        if target == source:
            return True
        copied = replace(now, objects={**now.objects, target: now.objects[source]})
        if chosen == "copy":
            return self._sure(operation.CopyObject(space, target, space, source), copied)
        return self._sure(operation.RenameObject(space, source, target, True), copied.without(source))

    def _append(self, now: State, key: str) -> bool:
        """To a key that is free: what stands there is a put's, whose bytes are not kept here."""
        if key in now.objects:
            return True
        first, second = self.dice.randbytes(3000), self.dice.randbytes(20_000)
        middle = now.with_object(key, first)
        if not self._sure(operation.AppendObject(self.space, key, 0), middle, first):
            return False
        op = operation.AppendObject(self.space, key, len(first))
        return self._sure(op, middle.with_object(key, first + second), second)

    def _multipart(self, now: State, upload_id: str) -> bool:
        """The next step of an upload."""
        (key, have), parts, space = now.uploads[upload_id], self._parts[upload_id], self.space
        missing = [number for number in range(len(parts)) if number not in have]
        if missing:
            number = self.dice.choice(missing)
            name = etag.part_etag(etag.block_digest(parts[number]))
            after = now.with_upload(upload_id, key, {**have, number: name})
            return self._sure(operation.UploadPart(space, key, upload_id, number), after, parts[number])
        op = operation.FinishUpload(space, key, upload_id, tuple(have[number] for number in range(len(parts))))
        return self._sure(op, now.without_upload(upload_id).with_object(key, b"".join(parts)))

    def allowed(self, acknowledged: Callable[[str], bool] = lambda session: True) -> list[State]:
        """The states that may be found, given which answers had left."""
        found = self.before
        for step in self.steps:
            if step.session is None or not acknowledged(step.session):
                return [found, step.after]
            found = step.after
        return [found]


def fits(found: State, allowed: State) -> bool:
    if found.objects != allowed.objects:
        return False
    unknown = {name: value for name, value in found.uploads.items() if name not in allowed.uploads}
    expected = {name: value for name, value in allowed.uploads.items() if name != UNKNOWN}
    if any(found.uploads.get(name) != value for name, value in expected.items()):
        return False
    return not unknown or list(unknown.values()) == [allowed.uploads.get(UNKNOWN)]


def judge(writer: Writer, found: State, acknowledged: Callable[[str], bool] = lambda session: True) -> None:
    """AssertionError unless the state found may be there."""
    allowed = writer.allowed(acknowledged)
    if any(fits(found, each) for each in allowed):
        return
    last = [step.what for step in writer.steps[-4:]]
    raise AssertionError(f"{writer.prefix} last steps {last}\n found {found}\n allowed {allowed}")


async def observe(folder: Path, space: str, names: list[str]) -> tuple[dict[str, State], int]:
    """({writer: what is there}, files that nothing names after a sweep) of a folder that no server uses."""
    blobs, catalog = DiskBlobs(folder, fsync=False), SqliteCatalog(folder / "catalog.db", fsync=False)

    async def part_bytes(draft: str, part: PartRecord) -> bytes:
        path = blobs.draft_path(draft)
        with open(path if path.exists() else blobs.blob_path(draft), "rb") as file:  # half finished
            file.seek(part.part * BLOCK)
            return file.read(part.size)

    await blobs.start()
    await catalog.start()
    try:
        found = await look(blobs, catalog, space, names, part_bytes)
        await blobs.sweep(catalog.named, float("inf"))
        files = {path.name for place in ("incoming", "blobs") for path in (folder / place).rglob("*") if path.is_file()}
        return found, len(files - await catalog.named(files))
    finally:
        await catalog.close()
        await blobs.close()


async def look(
    blobs: Blobs,
    catalog: Catalog,
    space: str,
    names: list[str],
    part_bytes: Callable[[str, PartRecord], Awaitable[bytes]],
) -> dict[str, State]:
    """{writer: what is there}.  ``part_bytes(draft, part)``: how the drivers keep what has no name yet.

    Every byte is read: an object or a part that does not have its etag's bytes is an AssertionError.
    """
    record = await catalog.space(space)
    found = {name: State() for name in names}
    if record is None:
        return found
    for name in names:
        prefix = f"{name}/"
        for entry in (await catalog.list(record.space_id, prefix, "", 10_000)).objects:
            known = await catalog.get(record.space_id, entry.key)
            assert known is not None
            found[name].objects[entry.key] = (tag(await _bytes(blobs, known)), known.size)
            assert found[name].objects[entry.key][0] == known.etag, f"{entry.key} has other bytes than its etag"
        for upload in await catalog.uploads(record.space_id, prefix, "", "", 10_000):
            parts = {}
            for part in await catalog.parts(upload.upload_id, 0, None):
                digest = etag.block_digest(await part_bytes(upload.draft, part))
                assert etag.part_etag(digest) == part.etag, f"part {part.part} of {upload.key} has other bytes"
                parts[part.part] = part.etag
            found[name].uploads[upload.upload_id] = (upload.key, parts)
    return found


async def _bytes(blobs: Blobs, record: Any) -> bytes:
    if record.blob is None:
        return record.inline or b""
    reader = await blobs.open(record.blob)
    try:
        return b"".join([piece async for piece in reader.read(0, record.size)])
    finally:
        await reader.close()
