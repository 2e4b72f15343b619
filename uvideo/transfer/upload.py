"""An upload of any size from any source: verified, in parts if large, and resumable if from a file."""

from __future__ import annotations

import functools
import io
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from uvideo._core import keep_or_abort, location, message, operation
from uvideo._core import multipart_upload as machines
from uvideo._core import upload as uploads
from uvideo._core import upload_source as sources
from uvideo.client import operations
from uvideo.client.stream import Source, stream
from uvideo.errors import (
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    InvalidArgument,
    LocalFailure,
    NoAnswer,
    Refused,
    SourceChanged,
    TransferInterrupted,
    UploadNotFound,
    UVideoError,
)
from uvideo.models import Progress, Stored
from uvideo.transfer.journal import Journal, JournalClaim, Subject
from uvideo.transfer.limit import Limit
from uvideo.transfer.progress import Meter
from uvideo.transfer.transfer_config import TransferConfig

if TYPE_CHECKING:
    from uvideo.client.carrier import Carrier

FileSource = sources.FileSource
StreamSource = sources.StreamSource
Upload = uploads.Upload

__all__ = ["abort", "resume", "upload"]

_log = logging.getLogger("uvideo")

#: Characters of a path in the message that there is no such file.  It may be content given by mistake.
SHOWN = 80


class SourceBlock(Protocol):
    """A piece of a source, which can be read again."""

    length: int

    def read(self, size: int = ...) -> bytes | memoryview: ...

    def rewind(self) -> bool: ...


class _Piece:
    """A block's body for Carrier.call, in slices that wait for the limit and report progress."""

    def __init__(
        self, carrier: Carrier, part: int, block: SourceBlock, limit: Limit | None, meter: Meter | None, jobs: int
    ) -> None:
        self._carrier, self._part, self._block = carrier, part, block
        self._limit, self._meter = limit, meter
        self._slice = machines.paced(limit, jobs)  # bytes between two checks of limit, progress and cancel
        self.length = block.length

    def read(self, size: int = -1) -> bytes | memoryview:
        """The next slice, whatever the requested size."""
        self._carrier.check()
        data = self._block.read(self._slice)
        if data:
            self._told(len(data))
        return data

    def _told(self, length: int) -> None:
        """Wait for the limit's share of ``length`` bytes, and report them as progress."""
        if self._limit is not None:
            self._carrier.wait(self._limit.reserve(length, self._carrier.ticks()))
        if self._meter is not None:
            self._meter.moved(self._part, length)

    def rewind(self) -> bool:
        if self._meter is not None:
            self._meter.again(self._part)
        return self._block.rewind()


class _UnreadPiece(_Piece):
    """A _Piece that the system sends directly from the file."""

    _block: sources.UnreadBlock

    def piece(self) -> tuple[int, int, int] | None:
        self._carrier.check()
        return self._block.piece(self._slice)

    def moved(self, length: int) -> None:
        self._block.moved(length)
        self._told(length)


class _Upload:
    """One upload."""

    def __init__(self, carrier: Carrier, op: operation.PutObject, config: TransferConfig) -> None:
        self._carrier, self._op, self._config = carrier, op, config
        self._space, self._key, self._verify = op.space, op.key, bool(config.verify)
        self._meter: Meter | None = None

    def _measure(self, path: str | None, total: int | None, parts: int, done: int, id: str | None) -> None:
        if self._config.progress is not None:
            first = Progress("upload", self._space, self._key, path, done, total, 0, parts, done, 0, id)
            self._meter = Meter(self._config.progress, first, self._carrier.ticks)

    def _is_watched(self) -> bool:
        return self._config.limit is not None or self._meter is not None or self._carrier.is_bound()

    def _body(self, part: int, block: SourceBlock) -> SourceBlock:
        if not self._is_watched():
            return block
        kind, config = _UnreadPiece if isinstance(block, sources.UnreadBlock) else _Piece, self._config
        return kind(self._carrier, part, block, config.limit, self._meter, config.jobs)

    def whole(self, data: bytes, path: str | None) -> Stored:
        """Upload in one request."""
        op, verify = self._op, self._verify
        self._measure(path, len(data), 1, 0, None)
        sent = self._body(0, sources.Block(data, False)) if self._is_watched() else data
        result, response = self._carrier.call(op, sent, proof=verify)
        verified = verify and operations.agrees(op, result.etag, data, response.status)
        if self._meter is not None:
            self._meter.end(len(data))
        return Stored(self._space, self._key, len(data), result.etag, verified)

    def begin(self, size: int | None, made: dict[str, Any] | None) -> Upload:
        """Begin and return the Upload.  size: None for a stream.  made: the record's data about the file."""
        put = self._op
        op = operation.InitiateUpload(put.space, put.key, put.mime, put.storage_class, put.metadata, put.headers)

        def make(upload_id: str, block_size: int) -> Upload:
            return Upload(put.space, put.key, upload_id, block_size, size, put.mime, made)

        return machines.begin(self._carrier, op, make)

    def parts(
        self, upload: Upload, source: FileSource | StreamSource, claim: JournalClaim | None, path: str | None
    ) -> Stored:
        """Send every pending part, then finish."""
        done = upload.sent() if upload.digests else 0
        self._measure(path, upload.size, upload.parts() or 0, done, claim.id if claim else None)

        def acknowledged(part: int) -> None:
            if claim is not None:
                claim.append(upload.part_line(part))
            if self._meter is not None:
                self._meter.settled(part, upload.slice(part).length, upload.size)

        if not upload.complete():
            jobs, retry = self._config.jobs, self._carrier.retry
            machines.Sender(self._carrier, upload, source, jobs, retry, acknowledged, self._body, self._verify).send()
        finished, _, agrees = machines.finish(self._carrier, upload, None, self._verify)
        return self.stored(upload, finished, agrees)

    def stored(self, upload: Upload, finished: operation.Finished, agrees: bool) -> Stored:
        """agrees: whether the object's etag was compared with that of the parts and is equal."""
        assert upload.size is not None  # everything was sent
        if self._meter is not None:
            self._meter.end(upload.size)
        verified = agrees and upload.verified()
        return Stored(self._space, finished.key, upload.size, finished.etag, verified)

    # Sources

    def stream(self, source: StreamSource) -> Stored:
        """Upload a source that can be read only once.  Aborted on failure, as it cannot be continued."""
        return self.unrecorded(self.begin(None, None), source, None)

    def file(self, source: FileSource) -> Stored:
        journal = self._config.journal
        if source.size <= self._config.threshold:
            data = source.read(message.Slice(0, source.size))
            source.check()
            return self.whole(data, source.path)
        if journal is None:
            return self.stream_of_file(source)
        subject = self._subject(os.path.abspath(source.path))
        with journal.turn(subject.id, self._carrier.check):
            try:
                claim = journal.begin(subject)
            except LocalFailure as error:
                _log.warning("%s: no record was written, so this upload cannot be resumed", error)
                return self.stream_of_file(source)
            try:
                upload = self._left(claim, source)
                return self.journalled(claim, upload, source, journal, subject.path)
            finally:
                claim.release()

    def _subject(self, path: str) -> Subject:
        return Subject(origin(self._carrier), self._space, self._key, path)

    def stream_of_file(self, source: FileSource) -> Stored:
        made = {"path": source.path, "identity": source.identity}
        return self.unrecorded(self.begin(source.size, made), source, source.path)

    def unrecorded(self, upload: Upload, source: FileSource | StreamSource, path: str | None) -> Stored:
        """Upload without a record.  Aborted on failure."""
        try:
            return self.parts(upload, source, None, path)
        except BaseException:
            machines.give_up(self._carrier.tidying(), upload)
            raise

    def _left(self, claim: JournalClaim, source: FileSource) -> Upload | None:
        """An earlier run's Upload of this same file, or None.  An upload of a changed file is aborted."""
        read = claim.read()
        if read is None:
            return None
        upload: Upload = read[1]
        if upload.source.get("identity") == source.identity and upload.size == source.size:
            return upload
        _log.info("%s changed since its upload was interrupted; that upload is aborted", source.path)
        if not machines.give_up(self._carrier, upload):
            self._carrier.check()  # if it was cancelled, the record stays, and a later run aborts the upload
        return None

    def journalled(
        self, claim: JournalClaim, upload: Upload | None, source: FileSource, journal: Journal, path: str
    ) -> Stored:
        """Upload with a record in the journal, by which a later run can resume."""
        noted = True
        try:
            if upload is not None:
                try:
                    found = machines.reconcile(self._carrier, upload, source)
                except UploadNotFound:
                    _log.info("the service no longer knows the upload; it starts over")
                    upload = None
                else:
                    if found is not None:
                        claim.discard()
                        return self.stored(upload, found[0], True)
            if upload is None:
                upload = self.begin(source.size, {"path": path, "identity": source.identity})
            left = claim.read()
            started = left[0]["started"] if left is not None and upload.digests else None
            first = journal.first_line(self._subject(path), started)
            try:
                claim.write([first, *upload.lines()])
            except LocalFailure as error:
                _log.warning("%s: no record was written, so this upload cannot be resumed", error)
                noted = False
                claim.discard()
                return self.unrecorded(upload, source, source.path)
            result = self.parts(upload, source, claim, path)
        except UVideoError as error:
            if not noted:
                raise
            if upload is None:
                claim.discard()
                raise
            fate = keep_or_abort.keep_or_abort(error)
            if fate == keep_or_abort.RESUME:
                raise interrupted(error, claim.id) from error
            if fate == keep_or_abort.FREE and machines.give_up(self._carrier.tidying(), upload):
                claim.discard()
            else:  # another key may resume it
                error.transfer = claim.id
            raise
        claim.discard()
        return result


def interrupted(error: UVideoError, transfer: str) -> NoAnswer:
    """The error of a transfer that can be resumed."""
    if isinstance(error, (Cancelled, ConfigurationError, DeadlineExceeded)):
        error.transfer = transfer
        return error
    found = TransferInterrupted(
        f"{error.message}; finished parts are kept: repeat the call or call resume({transfer!r}) to continue",
        operation=error.operation,
        space=error.space,
        key=error.key,
        status=error.status,
        ret_code=error.ret_code,
        request_id=error.request_id,
        retry_after=error.retry_after,
        transfer=transfer,
        cause=error.cause,
    )
    found.facts = error.facts
    return found


def origin(carrier: Carrier) -> str:
    """Identifies the service in the journal."""
    suffix = carrier.endpoint.upload
    return f"{suffix.scheme}://{suffix.host}"


def upload(carrier: Carrier, op: operation.PutObject, source: Source, config: TransferConfig) -> Stored:
    """Store ``source`` by the PutObject ``op``; see Client.upload."""
    job = _Upload(carrier, op, config)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = source if isinstance(source, bytes) else bytes(source)
        if len(data) <= config.threshold:
            return job.whole(data, None)
        return job.stream(StreamSource(io.BytesIO(data)))
    if isinstance(source, (str, os.PathLike)):
        file = _opened(os.fspath(source), isinstance(source, str))
        try:
            return job.file(file)
        finally:
            file.close()
    return job.stream(StreamSource(stream(source)))


def _opened(path: str, is_text: bool) -> FileSource:
    """The file at a path.  If there is none, the error tells a caller who gave content as text what to do."""
    try:
        return FileSource(path)
    except (InvalidArgument, LocalFailure) as error:
        if is_text and not os.path.lexists(path.replace("\0", "")):
            shown = path if len(path) <= SHOWN else path[:SHOWN] + "..."
            raise type(error)(
                f"there is no file {shown!r}: text is the path of a file; give content as bytes (text.encode())"
            ) from None
        raise


def _is_known(carrier: Carrier, upload: Upload) -> bool:
    """Whether the service has the upload, or the object made from it."""
    try:
        carrier.call(operation.ListParts(upload.space, upload.upload_id, 1))
        return True
    except UploadNotFound:
        return bool(upload.complete()) and machines.stored(carrier, upload) is not None
    except Refused as error:
        if error.retryable or error.status in (401, 403):
            raise
        return False


def resume(carrier: Carrier, id: str, config: TransferConfig) -> Stored:
    """Resume an upload of the journal.  SourceChanged if its file changed; the record is kept."""
    journal = config.journal
    assert journal is not None
    with journal.held(id, origin(carrier), functools.partial(_is_known, carrier)) as (claim, first, found):
        file = FileSource(first["path"])
        try:
            if found.source.get("identity") != file.identity:
                raise SourceChanged(
                    f"{first['path']} changed since its upload was interrupted: call abort({id!r}) and upload it again",
                    space=found.space,
                    key=found.key,
                    transfer=id,
                )
            op = operation.PutObject(location.check_space(found.space), location.check_key(found.key))
            job = _Upload(carrier, op, config)
            return job.journalled(claim, found, file, journal, first["path"])
        finally:
            file.close()


def abort(carrier: Carrier, journal: Journal, id: str) -> None:
    """Abort an upload of the journal, which frees its parts at the service.  UVideoError; the record is then kept."""
    with journal.held(id, origin(carrier), functools.partial(_is_known, carrier)) as (claim, _, found):
        with suppress(UploadNotFound):
            carrier.call(operation.AbortUpload(found.space, found.key, found.upload_id))
        claim.discard()
