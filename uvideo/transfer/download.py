"""A download of any size into a file or a stream: verified, in parallel ranges if large, and resumable in a file."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from uvideo._core import byterange, etag, field, keep_or_abort, localfile, operation, ranged_download
from uvideo._core import download as downloads
from uvideo._core import download_target as targets
from uvideo.client import operations
from uvideo.errors import (
    IntegrityError,
    LocalFailure,
    NotFound,
    ObjectChanged,
    Refused,
    UVideoError,
)
from uvideo.models import Downloaded, Progress
from uvideo.transfer import file_time
from uvideo.transfer.journal import Journal, JournalClaim, Subject, boot
from uvideo.transfer.pool import results
from uvideo.transfer.progress import Meter
from uvideo.transfer.transfer_config import TransferConfig
from uvideo.transfer.upload import interrupted

if TYPE_CHECKING:
    from uvideo.client.carrier import Carrier

Download = downloads.Download
FileTarget = targets.FileTarget

__all__ = ["Target", "abort", "download", "resume"]

_log = logging.getLogger("uvideo")

Target = str | os.PathLike[str] | BinaryIO

#: The most unsynced bytes if there are no digests to show later which blocks are on the disk.
UNSYNCED = 32 << 20
#: Seconds between two such syncs if the boot id shows later which blocks a reboot lost.
SYNC_SECONDS = 30.0


class _Download(ranged_download.Watch):
    """One download.  ``claim``: on its record, perhaps an earlier run's.  ``path``: None for a file object."""

    def __init__(
        self,
        carrier: Carrier,
        op: operation.GetObject,
        target: targets.FileTarget | targets.StreamTarget,
        config: TransferConfig,
        expires: int | None,
        claim: JournalClaim | None = None,
        path: str | None = None,
    ) -> None:
        self._carrier, self._op, self._target, self._config = carrier, op, target, config
        self._expires = expires
        self._claim, self._path = claim, path
        self._meter: Meter | None = None
        self._download: Download | None = None
        self._retries = 0
        self._boot = boot()
        self._unsynced: list[int] = []
        self._synced = carrier.ticks()
        self._etag: str | None = None  # the required one

    @property
    def _file(self) -> FileTarget:
        """The target.  Only for a download with a record."""
        assert isinstance(self._target, FileTarget)
        return self._target

    @property
    def _known(self) -> Download:
        """The Download.  Only after the first response."""
        assert self._download is not None
        return self._download

    def hashes(self) -> bool:
        return self._claim is not None and bool(self._config.verify)

    # Called by the Receiver

    def begun(self, download: Download, target: ranged_download.Target) -> None:
        if self._etag is not None and download.etag != self._etag:
            raise ObjectChanged()
        self._download = download
        journal, size = self._config.journal, download.size
        if journal is None or self._path is None or size is None or size <= self._config.threshold:
            self._forget()
            target.start(size)
        else:
            self._note(journal, download)
        self._measure(download, 0)

    def _note(self, journal: Journal, download: Download) -> None:
        """Begin the record.  Everything it names is on the disk first."""
        assert self._path is not None
        target = self._file
        subject = _subject(self._carrier, self._op, self._path)
        try:
            if self._claim is None:
                self._claim = journal.begin(subject)
            temporary = target.named(f".{self._claim.id}.part")
            download.target = {"temporary": temporary, "verify": self._config.verify, "times": self._config.times}
            self._claim.write([journal.first_line(subject), download.header_line()])
        except LocalFailure as error:
            _log.warning("%s: no record was written, so this download cannot be resumed", error)
            self._forget()
            target.start(download.size)
            return
        try:
            target.start(download.size, temporary)
        except LocalFailure:
            self._forget()
            raise
        download.target["identity"] = target.identity()
        self._claim.append(download.target_line())

    def _measure(self, download: Download, done: int) -> None:
        if self._config.progress is None:
            return
        parts = 0 if download.size is None else download.blocks()
        if self._meter is not None:
            self._meter.anew(download.size, parts)
            return
        first = Progress(
            "download",
            download.space,
            download.key,
            self._path,
            done,
            download.size,
            len(download.digests),
            parts,
            done,
            self._retries,
            None if self._claim is None else self._claim.id,
        )
        self._meter = Meter(self._config.progress, first, self._carrier.ticks)

    def moved(self, block: int, size: int) -> None:
        if self._meter is not None:
            self._meter.moved(block, size)

    def failed(self) -> None:
        self._retries += 1
        if self._meter is not None:
            self._meter.failed()

    def arrived(self, block: int, size: int) -> None:
        if self._claim is not None:
            if self._known.digests[block] is not None:
                self._claim.append(self._known.block_line(block))
            else:
                self._unsynced.append(block)
                if self._boot is not None:
                    self._claim.append(self._known.block_line(block, self._boot))
                if len(self._unsynced) * etag.BLOCK >= UNSYNCED and self._is_time():
                    self._sync()
        if self._meter is not None:
            self._meter.settled(block, size, self._known.size)

    def _is_time(self) -> bool:
        return self._boot is None or self._carrier.ticks() - self._synced >= SYNC_SECONDS

    def _sync(self) -> None:
        """Sync blocks without digests to the disk, then record them."""
        blocks, self._unsynced = self._unsynced, []
        if not blocks or self._claim is None:
            return
        self._file.sync()
        self._synced = self._carrier.ticks()
        if self._boot is not None:
            self._claim.append(downloads.SYNCED)
            return
        for block in blocks:
            self._claim.append(self._known.block_line(block))

    def anew(self) -> None:
        self._unsynced = []

    # The whole download

    def run(self, etag: str | None = None) -> Downloaded:
        """Download.  ``etag``: the version to download, else ObjectChanged; None: the current one."""
        config, pinned = self._config, etag is not None
        self._etag = etag
        try:
            download = self._left()
            if download is not None:
                self._download = download
                self._measure(download, download.done())
            found = ranged_download.receive(
                self._carrier,
                self._op.space,
                self._op.key,
                self._target,
                pinned,
                download,
                self,
                expires=self._expires,
                wanted=self._op.range,
                jobs=config.jobs,
                lead=config.threshold,
                verify=bool(config.verify),
                limit=config.limit,
            )
            self._restore_time(found)
            if self._claim is not None:
                self._claim.discard()
        except BaseException as error:
            self._target.leave()
            self._failed(error, pinned)
            raise
        finally:
            if self._claim is not None:
                self._claim.release()
        if self._meter is not None:
            self._meter.end(found.size())
        done = found.known()
        return Downloaded(done.space, done.key, found.size(), done.etag, self._path, found.verified)

    def _restore_time(self, found: ranged_download.Receiver) -> None:
        """Give the file the time that is stored with the object, if it is a whole object."""
        if not self._config.times or self._path is None or not isinstance(self._target, FileTarget):
            return
        done = found.known()
        if not done.is_whole():
            return
        if found.headers is not None:
            text = found.headers.get(field.META + file_time.NAME)
        else:  # an earlier run had received everything
            call = operations.stat(done.space, done.key)
            now = call.convert(self._carrier.call(call.operation)[0])
            text = now.metadata.get(file_time.NAME) if now.etag == done.etag else None
        if text is not None:
            file_time.restore(self._path, text)

    def _left(self) -> Download | None:
        """An earlier run's Download with the blocks that are really in its file; None if none can be continued."""
        read = None if self._claim is None else self._claim.read()
        if read is None or self._claim is None:
            return None
        left: Download = read[1]
        temporary, verify = _temporary(self._claim, left), self._config.verify
        if temporary is not None and left.size is not None and self._file.adopt(temporary, left.size):
            if verify:
                self._rehash(left)
                return left
            if left.target.get("identity") == self._file.identity():
                return left
        _log.info("%s: the partial download is gone or was replaced; it starts over", self._path)
        self._target.remove()
        _remove(self._claim)
        return None

    def _rehash(self, left: Download) -> None:
        """Remove from the Download every block whose bytes do not match its digest."""

        def digest(block: int) -> bytes:
            self._carrier.check()
            return self._file.digest(left.slice(block))

        noted = dict(left.digests)
        _log.info("%s: verifying the %d bytes that were already downloaded", self._path, left.done())
        digests = results(digest, noted, min(self._config.jobs, os.cpu_count() or 1))
        for (block, known), found in zip(noted.items(), digests, strict=True):
            if known is None or known == found:
                left.arrived(block, found)
            else:
                _log.info("%s: block %d is damaged: it is downloaded again", self._path, block)
                del left.digests[block]

    def _failed(self, error: BaseException, pinned: bool) -> None:
        """Keep what a later run can continue, and name it in the error; otherwise keep nothing."""
        if self._claim is None:
            return
        if isinstance(error, ObjectChanged):
            useless = not pinned
        else:
            wrong = isinstance(error, IntegrityError) and (not self._download or self._download.complete())
            useless = wrong or isinstance(error, NotFound)
        if useless:
            self._forget()
            return
        try:
            self._sync()
        except LocalFailure as unsynced:
            _log.warning("the last blocks were not recorded: %s", unsynced)
        if not isinstance(error, UVideoError):
            return
        if keep_or_abort.keep_or_abort(error) == keep_or_abort.RESUME:
            raise interrupted(error, self._claim.id) from error
        error.transfer = self._claim.id

    def _forget(self) -> None:
        """Remove the record and its temporary file."""
        if self._claim is None:
            return
        _remove(self._claim)
        self._claim.discard()
        self._claim = None


def _temporary(claim: JournalClaim, left: Download) -> str | None:
    """The temporary file of a record; None if its name is not one of ours."""
    found = left.target.get("temporary")
    return found if isinstance(found, str) and os.path.basename(found) == f".{claim.id}.part" else None


def _remove(claim: JournalClaim) -> None:
    """Remove the temporary file of a record.  LocalFailure."""
    read = claim.read()
    temporary = None if read is None else _temporary(claim, read[1])
    if temporary is None:
        return
    try:
        localfile.remove(temporary)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise LocalFailure(f"{temporary}: {error.strerror}") from None


def origin(carrier: Carrier) -> str:
    """Identifies the service in the journal."""
    suffix = carrier.endpoint.download
    return f"{suffix.scheme}://{suffix.host}"


def _subject(carrier: Carrier, op: operation.GetObject, path: str) -> Subject:
    return Subject(origin(carrier), op.space, op.key, path, "download", op.range or ())


def download(
    carrier: Carrier, op: operation.GetObject, target: Target, config: TransferConfig, expires: int | None
) -> Downloaded:
    """Save the object of the GetObject ``op``; see Client.download.

    expires: seconds until the signed URL expires; None for an anonymous client.
    """
    if callable(getattr(target, "write", None)):
        return _Download(carrier, op, targets.StreamTarget(target), config, expires).run()
    opened = targets.opened(target)  # type: ignore[arg-type]  # without `write` it is a path
    given = os.fsdecode(target)  # type: ignore[arg-type]  # as above
    path = os.path.abspath(given)
    journal = config.journal
    if opened.sequential or journal is None:
        found = _Download(carrier, op, opened, replace(config, journal=None), expires, None, path).run()
        return replace(found, path=given)
    id = _subject(carrier, op, path).id
    with journal.turn(id, carrier.check):
        found = _Download(carrier, op, opened, config, expires, journal.left(id), path).run()
        return replace(found, path=given)


def _is_known(carrier: Carrier, left: Download) -> bool:
    """Whether the service has this version of the object."""
    try:
        return bool(carrier.call(operation.HeadObject(left.space, left.key))[0].etag == left.etag)
    except Refused as error:  # HEAD has no body, so a missing space is a plain 400
        if error.retryable or error.status in (401, 403):
            raise
        return False


def resume(carrier: Carrier, id: str, config: TransferConfig, expires: int | None) -> Downloaded:
    """Resume a download of the journal.  ObjectChanged if the object changed; the record and the file are kept."""
    journal = config.journal
    assert journal is not None
    with journal.held(id, origin(carrier), functools.partial(_is_known, carrier)) as (claim, first, left):
        wanted = None if left.is_whole() else byterange.ByteRange(left.first, left.first + left.size - 1)
        op = operation.GetObject(left.space, left.key, wanted)
        if config.verify is None:
            config = replace(config, verify=bool(left.target.get("verify", True)))
        config = replace(config, times=bool(left.target.get("times")))
        target = targets.opened(first["path"])
        if target.sequential:
            raise LocalFailure(
                f"{first['path']} is not a file any more: call abort({id!r}) and download it again", transfer=id
            )
        return _Download(carrier, op, target, config, expires, claim, first["path"]).run(left.etag)


def abort(carrier: Carrier, journal: Journal, id: str) -> None:
    """Abort a download of the journal and remove its temporary file.  LocalFailure; the record is then kept."""
    with journal.held(id, origin(carrier), functools.partial(_is_known, carrier)) as (claim, _, _):
        _remove(claim)
        claim.discard()
