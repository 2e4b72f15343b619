"""A copy of an object of any size that the service makes: its steps, which threads or an event loop carry out.

A large object is copied in parts.  Before the parts become an object the source is looked at again: if it is not what
it was, nothing is stored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from uvideo import calls
from uvideo._core import errors as refusals
from uvideo._core import etag, operation
from uvideo.calls import Call
from uvideo.errors import IntegrityError, NotFound, ObjectChanged, Refused, UploadNotFound
from uvideo.meter import Meter
from uvideo.models import BegunUpload, ObjectInfo, PartInfo, Progress, Stored
from uvideo.pool import results

__all__ = ["ONE_REQUEST", "Copy", "carried", "carried_soon"]

#: Bytes up to which an object is copied in one request; the service recommends no more.
ONE_REQUEST = 100_000_000

#: How the service answers, and what its answer shows, where the source is gone, shorter, or another object.
CHANGED = (NotFound, refusals.CopyRangeInvalid, refusals.InvalidRange, IntegrityError)

#: What a step asks for: one call, or several lines of steps that may go on side by side.
Steps = Generator[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Together:
    """Steps that do not need one another's results."""

    lines: Iterable[Steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy.  mime, metadata, headers: with any of them all three are the new object's, else the source's.

    storage_class: None for the source's.  verify: compare etags.  threshold: bytes up to which it is one request.
    """

    space: str
    key: str
    source_space: str
    source_key: str
    mime: str | None = None
    storage_class: str | None = None
    metadata: Any = None
    headers: Any = None
    verify: bool = True
    threshold: int = ONE_REQUEST
    progress: Callable[[Progress], None] | None = None
    ticks: Callable[[], float]

    def steps(self) -> Steps:
        """Yields calls, and Together; is sent their results; returns the Stored."""
        source: ObjectInfo = yield self._look()
        if source.size > self.threshold:
            return (yield from self._by_parts(source))
        call = calls.copy(*self._names(), self.mime, self._class(source), self.metadata, self.headers)
        stored: Stored = yield from self._made_of(source, call)
        if not _agree(stored.etag, source):  # the source may have changed before the service read it
            source = yield self._look()
        return self._done(source, stored.etag)

    def _names(self) -> tuple[str, str, str, str]:
        return self.space, self.key, self.source_space, self.source_key

    def _look(self) -> Call[ObjectInfo]:
        return calls.stat(self.source_space, self.source_key)

    def _made_of(self, source: ObjectInfo, step: Call[Stored] | Together) -> Steps:
        """The result of a step that reads the source.  If it fails because the source changed, that is the error."""
        try:
            return (yield step)
        except CHANGED:
            yield from self._check(source)
            raise

    def _check(self, source: ObjectInfo) -> Steps:
        """Look at the source again.  ObjectChanged if it is another object now, NotFound if it is gone."""
        now: ObjectInfo = yield self._look()
        if (now.etag, now.size, now.modified) != (source.etag, source.size, source.modified):
            raise ObjectChanged(
                "the source changed while it was copied: nothing was stored",
                operation="CopyPart",
                space=self.source_space,
                key=self.source_key,
            )

    def _class(self, source: ObjectInfo) -> str | None:
        known = source.storage_class if source.storage_class in operation.STORAGE_CLASSES else None
        return self.storage_class or known

    def _done(self, source: ObjectInfo, made: str | None) -> Stored:
        """What was stored.  IntegrityError if its etag is not the source's; forms that are not known are let pass."""
        verified = self.verify and _agree(made, source)
        if self.verify and not verified and etag.is_etag(made) and etag.is_etag(source.etag):
            raise IntegrityError(
                f"the copy has etag {made}, its source {source.etag}",
                operation="CopyObject",
                space=self.space,
                key=self.key,
            )
        return Stored(self.space, self.key, source.size, made, verified)

    # In parts

    def _by_parts(self, source: ObjectInfo) -> Steps:
        is_new = any(each is not None for each in (self.mime, self.metadata, self.headers))
        kept = (self.mime, self.metadata, self.headers) if is_new else (source.mime, source.metadata, source.headers)
        tags = {} if is_new else (yield from self._tags())
        mime, metadata, headers = kept
        begun: BegunUpload = yield calls.begin_upload(
            self.space, self.key, mime, self._class(source), metadata, headers
        )
        meter = None
        if self.progress is not None:
            count = -(-source.size // begun.block_size)
            first = Progress("upload", self.space, self.key, None, 0, source.size, 0, count)
            meter = Meter(self.progress, first, self.ticks)
        try:
            parts: list[PartInfo] = yield from self._made_of(source, Together(self._parts(begun, source, meter)))
            yield from self._check(source)
            made = _whole(parts, begun.block_size)
            if made is not None:
                self._done(source, made)
            stored = yield from self._finish(begun, parts, made)
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong is told, not what went wrong after it
                yield calls.abort_upload(self.space, self.key, begun.upload_id)
            raise
        done = self._done(source, stored)
        if is_new:  # services differ in whether the upload's type counts for it, or that of what its parts were made of
            found: ObjectInfo = yield calls.stat(self.space, self.key)
            wanted = calls.mime_of(mime, self.key)
            if found.mime != wanted:
                yield calls.set_mime(self.space, self.key, wanted)
        if tags:
            yield calls.set_tags(self.space, self.key, tags)
        if meter is not None:
            meter.end(source.size)
        return done

    def _tags(self) -> Steps:
        """The source's tags, which a copy in one request has too; none of a service that has no tags."""
        try:
            return (yield calls.get_tags(self.source_space, self.source_key))
        except Refused:
            return {}

    def _parts(self, begun: BegunUpload, source: ObjectInfo, meter: Meter | None) -> Iterator[Steps]:
        for part in range(-(-source.size // begun.block_size)):
            yield self._part(begun, part, source, meter)

    def _part(self, begun: BegunUpload, part: int, source: ObjectInfo, meter: Meter | None) -> Steps:
        start = part * begun.block_size
        end = min(source.size, start + begun.block_size)
        try:
            made = yield calls.copy_part(begun, part, self.source_space, self.source_key, start, end)
        except refusals.PartExists:  # an earlier try arrived though its answer did not
            page = yield calls.list_parts(self.space, begun.upload_id, str(part - 1) if part > 1 else "")
            made = next((each for each in page.items if each.part == part), None)
            if made is None or made.size not in (None, end - start):
                raise
        if meter is not None:
            meter.settled(part, end - start, source.size)
        return made

    def _finish(self, begun: BegunUpload, parts: list[PartInfo], made: str | None) -> Steps:
        """The etag of the object.  ``made``: the one that it must have, None if that is not known."""
        try:
            return (yield calls.finish_upload(begun, parts, None)).etag
        except UploadNotFound:  # an earlier try may have finished it though its answer did not arrive
            if made is None:
                raise
            found: ObjectInfo = yield calls.stat(self.space, self.key)
            if found.etag != made:
                raise
            return found.etag


def _agree(made: str | None, source: ObjectInfo) -> bool:
    return made is not None and source.etag is not None and bool(etag.same(made, source.etag, source.size))


def _whole(parts: list[PartInfo], block_size: int) -> str | None:
    """The etag that an object of these parts has; None where it cannot be told."""
    if block_size != etag.BLOCK:
        return None
    try:
        return str(etag.from_digests([etag.part_digest(each.etag) for each in parts]))
    except ValueError:
        return None


# Who carries the steps out


def carried(steps: Steps, ask: Callable[[Call[Any]], Any], jobs: int) -> Any:
    """What the steps return.  ``ask(call)``: its result.  jobs: lines of steps at a time, in threads."""
    reply: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(reply) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        reply = error = None
        try:
            reply = _together(step.lines, ask, jobs) if isinstance(step, Together) else ask(step)
        except BaseException as found:
            error = found


def _together(lines: Iterable[Steps], ask: Callable[[Call[Any]], Any], jobs: int) -> list[Any]:
    return list(results(lambda line: carried(line, ask, 1), lines, jobs))


async def carried_soon(steps: Steps, ask: Callable[[Call[Any]], Awaitable[Any]], jobs: int) -> Any:
    """As ``carried``, on an event loop."""
    reply: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(reply) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        reply = error = None
        try:
            reply = await (_together_soon(step.lines, ask, jobs) if isinstance(step, Together) else ask(step))
        except BaseException as found:
            error = found


async def _together_soon(lines: Iterable[Steps], ask: Callable[[Call[Any]], Awaitable[Any]], jobs: int) -> list[Any]:
    import asyncio

    left, found = enumerate(lines), {}

    async def work() -> None:
        for place, line in left:
            found[place] = await carried_soon(line, ask, 1)

    tasks = [asyncio.ensure_future(work()) for _ in range(jobs)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [found[place] for place in sorted(found)]
