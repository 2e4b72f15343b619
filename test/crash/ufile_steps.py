"""What a writer of UFile asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from test.crash.state import UNKNOWN, State, Upload
from test.server.wire import BLOCK
from ucloud.uvideo.protocol import etag, operation

if TYPE_CHECKING:
    from test.crash.story import Writer

__all__ = ["SIZES", "UfileSteps"]

SIZES = (0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 70_000, 200_000, 1_100_000)


class UfileSteps:
    def __init__(self, writer: Writer) -> None:
        self.writer, self.dice, self.space = writer, writer.dice, writer.space
        self.planned = writer.memory.planned

    def choices(self, now: State) -> Sequence[tuple[int, Callable[[State], bool]]]:
        own = [name for name, upload in now.uploads.items() if not upload.is_s3]
        known = set(own) & set(self.planned)
        found: list[tuple[int, Callable[[State], bool]]] = [(40, self.put), (8, self.begin)]
        if now.objects:
            found += [(10, self.delete), (8, self.copy), (8, self.rename), (6, self.append)]
        if known:
            found += [(22, self.multipart)]
        if own:
            found += [(3, self.abort)]
        return found

    def put(self, now: State) -> bool:
        key, data = self.writer.key(), self.dice.randbytes(self.dice.choice(SIZES))
        return self.writer.sure(operation.PutObject(self.space, key), now.with_object(key, data), data)

    def begin(self, now: State) -> bool:
        key = self.writer.key()
        op = operation.InitiateUpload(self.space, key)

        def begun(got: Any) -> State:
            upload_id = got.json()["UploadId"]
            sizes = self.dice.choice(([700], [30_000], [BLOCK, 5000], [BLOCK, 1]))
            self.planned[upload_id] = [self.dice.randbytes(size) for size in sizes]
            return now.with_upload(upload_id, Upload(key, {}))

        unanswered = now.with_upload(UNKNOWN, Upload(key, {}))
        return self.writer.ask("InitiateUpload", lambda: self.writer.peer.call(op), begun, unanswered)

    def abort(self, now: State) -> bool:
        """Also what was begun before the last crash."""
        upload_id = self.dice.choice(sorted(name for name, upload in now.uploads.items() if not upload.is_s3))
        op = operation.AbortUpload(self.space, now.uploads[upload_id].key, upload_id)
        return self.writer.sure(op, now.without_upload(upload_id))

    def delete(self, now: State) -> bool:
        key = self.dice.choice(sorted(now.objects))
        return self.writer.sure(operation.DeleteObject(self.space, key), now.without(key))

    def copy(self, now: State) -> bool:
        source, target = self.dice.choice(sorted(now.objects)), self.writer.key()
        if target == source:
            return True
        copied = now.having(target, now.objects[source]._replace(upload=""))
        return self.writer.sure(operation.CopyObject(self.space, target, self.space, source), copied)

    def rename(self, now: State) -> bool:
        source, target = self.dice.choice(sorted(now.objects)), self.writer.key()
        if target == source:
            return True
        moved = now.having(target, now.objects[source]).without(source)
        return self.writer.sure(operation.RenameObject(self.space, source, target, True), moved)

    def append(self, now: State) -> bool:
        """To a key that is free: what stands there is a put's, whose bytes are not kept here."""
        key = self.writer.key()
        if key in now.objects:
            return True
        first, second = self.dice.randbytes(3000), self.dice.randbytes(20_000)
        middle = now.with_object(key, first)
        if not self.writer.sure(operation.AppendObject(self.space, key, 0), middle, first):
            return False
        op = operation.AppendObject(self.space, key, len(first))
        return self.writer.sure(op, middle.with_object(key, first + second), second)

    def multipart(self, now: State) -> bool:
        """The next step of an upload."""
        upload_id = self.dice.choice(sorted(set(now.uploads) & set(self.planned)))
        upload, parts = now.uploads[upload_id], self.planned[upload_id]
        key, have = upload.key, upload.parts
        missing = [number for number in range(len(parts)) if number not in have]
        if missing:
            number = self.dice.choice(missing)
            name = etag.part_etag(etag.block_digest(parts[number]))
            after = now.with_upload(upload_id, replace_part(upload, number, name))
            return self.writer.sure(operation.UploadPart(self.space, key, upload_id, number), after, parts[number])
        op = operation.FinishUpload(self.space, key, upload_id, tuple(have[number] for number in range(len(parts))))
        return self.writer.sure(op, now.without_upload(upload_id).with_object(key, b"".join(parts)))


def replace_part(upload: Upload, number: int, name: str) -> Upload:
    return upload._replace(parts={**upload.parts, number: name})
