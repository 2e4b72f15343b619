"""What a writer of S3 asks for."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from test.crash.state import UNKNOWN, Entry, State, Upload, md5, s3_entry
from test.crash.ufile_steps import SIZES, replace_part
from test.s3.peer import etag_of, source, upload_id_of
from test.server.wire import Answer, ufile_etag
from uvideo.s3 import etag as s3_etag

if TYPE_CHECKING:
    from test.crash.story import Writer

__all__ = ["S3Steps"]

LEAST = 5 << 20  # bytes of a part that is not the last
REMEMBERED = 4  # finished uploads that may be finished again
SMALL = 10_000  # bytes of a body that is refused: it arrives whole before the answer
STRANGE = '"0123456789abcdef0123456789abcdef"'  # an ETag that no object has


@functools.cache
def large(number: int) -> bytes:
    """Bytes of a part that need not be the last."""
    return random.Random(number).randbytes((LEAST, LEAST + 1, 8 << 20)[number])


class S3Steps:
    def __init__(self, writer: Writer) -> None:
        self.writer, self.dice, self.space, self.s3 = writer, writer.dice, writer.space, writer.s3
        self.parts, self.finished = writer.memory.parts, writer.memory.finished
        for gone in set(self.parts).difference(writer.before.uploads):
            del self.parts[gone]

    def choices(self, now: State) -> Sequence[tuple[int, Callable[[State], bool]]]:
        own = self._own(now)
        known = [name for name in own if self._is_known(now, name)]
        found: list[tuple[int, Callable[[State], bool]]] = [
            *((20, self.put), (12, self.put_if), (8, self.begin), (6, self.delete_many))
        ]
        if now.objects:
            found += [(5, self.delete), (8, self.copy), (3, self.copy_onto_itself), (4, self.get)]
        if known:
            found += [(16, self.part), (14, self.complete)]
        if known and now.objects:
            found += [(10, self.copy_part)]
        if self.finished:
            found += [(5, self.complete_again)]
        if own:
            found += [(4, self.abort)]
        return found

    def _own(self, now: State) -> list[str]:
        return sorted(name for name, upload in now.uploads.items() if upload.is_s3)

    def _is_known(self, now: State, upload_id: str) -> bool:
        """Whether it has only parts whose bytes are known here."""
        return set(now.uploads[upload_id].parts.values()) <= set(self.parts.get(upload_id, {}))

    def _upload(self, now: State) -> str:
        return self.dice.choice([name for name in self._own(now) if self._is_known(now, name)])

    def _sure(
        self,
        what: str,
        now: State,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        expected: int | None = None,
        etag: str | None = None,
    ) -> bool:
        """Ask for what makes the state ``now``.  ``etag``: of the answer."""

        def after(got: Answer) -> State:
            assert etag is None or etag_of(got) == etag, (what, got.status, got.headers, got.body[:500])
            return now

        call = lambda: self.s3.ask(method, self.space, key, query, headers, body)  # noqa: E731
        return self.writer.ask(what, call, after, now, expected=expected)

    # Objects

    def put(self, now: State) -> bool:
        key, data = self.writer.key(), self.dice.randbytes(self.dice.choice(SIZES))
        made = s3_entry(data)
        return self._sure("s3 PutObject", now.having(key, made), "PUT", key, body=data, etag=made.shown)

    def put_if(self, now: State) -> bool:
        """On a condition, which may hold or not."""
        key, data = self.writer.key(), self.dice.randbytes(SMALL)
        there, made = now.objects.get(key), s3_entry(data)
        condition, status = self.dice.choice(
            [
                ({"If-None-Match": "*"}, 200 if there is None else 412),
                ({"If-Match": STRANGE}, 404 if there is None else 412),
                ({"If-Match": STRANGE if there is None else f'"{there.shown}"'}, 404 if there is None else 200),
            ]
        )
        if status == 200:
            stored = now.having(key, made)
            return self._sure(
                "s3 PutObject on a condition", stored, "PUT", key, None, condition, data, None, made.shown
            )
        return self._sure("s3 PutObject refused", now, "PUT", key, None, condition, data, status)

    def delete(self, now: State) -> bool:
        key = self.dice.choice(sorted(now.objects))
        return self._sure("s3 DeleteObject", now.without(key), "DELETE", key)

    def delete_many(self, now: State) -> bool:
        """Some of them may not be there.  They are deleted one after the other."""
        keys = list(dict.fromkeys(self.writer.key() for _ in range(3)))
        states = [now.without(*keys[: count + 1]) for count in range(len(keys))]
        call = lambda: self.s3.delete_many(self.space, keys)  # noqa: E731
        return self.writer.ask("s3 DeleteObjects", call, lambda got: states[-1], states[-1], states[:-1])

    def copy(self, now: State) -> bool:
        key, target = self.dice.choice(sorted(now.objects)), self.writer.key()
        if target == key:
            return True
        found = now.objects[key]._replace(upload="")
        return self._sure(
            "s3 CopyObject",
            now.having(target, found),
            "PUT",
            target,
            None,
            source(self.space, key),
            b"",
            None,
            found.shown,
        )

    def copy_onto_itself(self, now: State) -> bool:
        """With other metadata; the bytes stay."""
        key = self.dice.choice(sorted(now.objects))
        headers = {**source(self.space, key), "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b"}
        return self._sure("s3 CopyObject onto itself", now, "PUT", key, None, headers, etag=now.objects[key].shown)

    def get(self, now: State) -> bool:
        return self._read(now, self.dice.choice(sorted(now.objects))) is not None

    def _read(self, now: State, key: str) -> bytes | None:
        """The bytes of an object, compared; None without an answer."""
        known, found = now.objects[key], list[bytes]()

        def after(got: Answer) -> State:
            assert (etag_of(got), ufile_etag(got.body)) == (known.shown, known.tag), f"{key} was read with other bytes"
            found.append(got.body)
            return now

        is_there = self.writer.ask("s3 GetObject", lambda: self.s3.ask("GET", self.space, key), after, now)
        return found[0] if is_there else None

    # Uploads

    def begin(self, now: State) -> bool:
        key = self.writer.key()

        def begun(got: Any) -> State:
            return now.with_upload(upload_id_of(got), Upload(key, {}, True))

        unanswered = now.with_upload(UNKNOWN, Upload(key, {}, True))
        call = lambda: self.s3.ask("POST", self.space, key, {"uploads": ""})  # noqa: E731
        return self.writer.ask("s3 CreateMultipartUpload", call, begun, unanswered)

    def part(self, now: State) -> bool:
        """A new part, or one instead of another."""
        if self.dice.random() < 0.25:
            data = large(self.dice.choices(range(3), (8, 3, 1))[0])
        else:
            data = self.dice.randbytes(self.dice.choice(SIZES))
        return self._part(now, self._upload(now), data, {}, data)

    def copy_part(self, now: State) -> bool:
        """A part of an object that is there: whole, or some of its bytes."""
        upload_id = self._upload(now)
        # Mostly of a large one: only its part need not be the last.
        key = max(self.dice.choices(sorted(now.objects), k=2), key=lambda each: now.objects[each].size)
        span, data = None, self._read(now, key)
        if data is None:
            return False
        if data and self.dice.random() < 0.7:
            first = self.dice.randrange(max(1, len(data) - LEAST)) if len(data) > LEAST else 0
            span = first, min(len(data), first + LEAST + self.dice.randrange(1000)) - 1
            data = data[span[0] : span[1] + 1]
        return self._part(now, upload_id, b"", source(self.space, key, span), data)

    def _part(self, now: State, upload_id: str, body: bytes, headers: Mapping[str, str], data: bytes) -> bool:
        upload, number, shown = now.uploads[upload_id], self.dice.randrange(1, 6), md5(data)
        self.parts.setdefault(upload_id, {})[shown] = data
        after = now.with_upload(upload_id, replace_part(upload, number, shown))
        what = "s3 UploadPartCopy" if headers else "s3 UploadPart"
        what += " again" if number in upload.parts else ""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._sure(what, after, "PUT", upload.key, query, headers, body, etag=shown)

    def complete(self, now: State) -> bool:
        """With the parts that can be in an object: all but the last are large.  Sometimes one is left out."""
        upload_id = self._upload(now)
        upload, sent = now.uploads[upload_id], self.parts.get(upload_id, {})
        numbers = sorted(upload.parts)
        chosen = [each for each in numbers if each == numbers[-1] or len(sent[upload.parts[each]]) >= LEAST]
        if len(chosen) > 2 and self.dice.random() < 0.3:
            chosen.remove(self.dice.choice(chosen[:-1]))
        if not chosen:
            return True
        data = b"".join(sent[upload.parts[each]] for each in chosen)
        shown = s3_etag.of_parts([bytes.fromhex(upload.parts[each]) for each in chosen])
        listed = [(each, upload.parts[each]) for each in chosen]
        while len(self.finished) >= REMEMBERED:
            del self.finished[next(iter(self.finished))]
        self.finished[upload_id] = upload.key, listed, shown
        made = Entry(ufile_etag(data), len(data), shown, upload_id)
        condition, expected = self._condition(now, upload.key)
        after = now if expected else now.without_upload(upload_id).having(upload.key, made)
        what = f"s3 CompleteMultipartUpload{' on a condition' if condition else ''}"
        return self._complete(f"{what} refused" if expected else what, after, upload_id, condition, expected)

    def _condition(self, now: State, key: str) -> tuple[dict[str, str], int | None]:
        """(headers, the status of the refusal or None)."""
        there = now.objects.get(key)
        if self.dice.random() < 0.6:
            return {}, None
        if self.dice.random() < 0.5:
            return {"If-None-Match": "*"}, None if there is None else 412
        return ({}, None) if there is None else ({"If-Match": f'"{there.shown}"'}, None)

    def complete_again(self, now: State) -> bool:
        """As long as the object is there the same answer comes; after that the upload is unknown."""
        upload_id = self.dice.choice(sorted(self.finished))
        key, _, _ = self.finished[upload_id]
        if upload_id in now.uploads:  # the first attempt was refused, or killed before it was done
            return True
        there = now.objects.get(key)
        expected = None if there is not None and there.upload == upload_id else 404
        return self._complete("s3 CompleteMultipartUpload again", now, upload_id, {}, expected)

    def _complete(
        self, what: str, after: State, upload_id: str, condition: Mapping[str, str], expected: int | None
    ) -> bool:
        key, listed, shown = self.finished[upload_id]

        def done(got: Answer) -> State:
            assert expected or etag_of(got) == shown, (what, got.body)
            return after

        call = lambda: self.s3.complete(self.space, key, upload_id, listed, condition)  # noqa: E731
        return self.writer.ask(what, call, done, after, expected=expected)

    def abort(self, now: State) -> bool:
        """Also what was begun before the last crash; a second time it is unknown."""
        upload_id = self.dice.choice(self._own(now))
        key = now.uploads[upload_id].key
        after = now.without_upload(upload_id)
        if not self._sure("s3 AbortMultipartUpload", after, "DELETE", key, {"uploadId": upload_id}):
            return False
        return self._sure("s3 AbortMultipartUpload again", after, "DELETE", key, {"uploadId": upload_id}, expected=404)
