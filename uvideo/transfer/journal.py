"""The journal: a record on the disk for each resumable transfer of this user.

A record is a file of JSON lines, readable by its owner only.  The first line has the source and the target;
the others are those of the SDK's Upload or Download.  A process that works on a transfer holds a lock on its
record.  The system releases the lock when the process ends, in whatever way.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from uvideo._core import download as downloads
from uvideo._core import localfile, transfer_record
from uvideo._core import upload as uploads
from uvideo.errors import InvalidArgument, LocalFailure, TransferBusy, UVideoError
from uvideo.models import Direction, TransferRecord

__all__ = ["Journal", "JournalClaim", "Subject"]

_log = logging.getLogger("uvideo")

VERSION = 1
LOOK = 0.1  # seconds between two checks during a wait


class Subject(NamedTuple):
    """The source and the target of a transfer.  path: of the local file.  wanted: a range of the object, or None."""

    endpoint: str
    space: str
    key: str
    path: str
    direction: Direction = "upload"
    wanted: tuple[int | None, ...] = ()

    @property
    def id(self) -> str:
        """The transfer's id, the same for the same file and object: a second run finds the first one's record."""
        down = [] if self.direction == "upload" else [self.direction, *self.wanted]
        text = json.dumps([self.endpoint, self.space, self.key, self.path, *down])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@functools.cache
def boot() -> str | None:
    """Identifies the time since the system's last boot; None if the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return None


#: Transfers that threads of this process work on: {path of the record: thread}.
_turns: dict[str, int] = {}
_ended = threading.Condition()


def _forked() -> None:
    """After a fork, forget the parent's threads and their transfers."""
    global _ended
    _ended = threading.Condition()
    _turns.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class JournalClaim:
    """Exclusive access to one transfer.  Release it at the end."""

    def __init__(self, id: str, path: Path, descriptor: int) -> None:
        self.id, self._path, self._descriptor = id, path, descriptor

    def read(self) -> tuple[dict[str, Any], Any] | None:
        """(first line, Upload or Download) of an earlier run's record; None if it cannot be continued."""
        return _read(self._path)

    def record(self, endpoint: str, is_known: Callable[[Any], bool]) -> tuple[dict[str, Any], Any]:
        """As ``read``, for resuming at this endpoint.  InvalidArgument if that is not possible; the record is kept.

        ``is_known``: whether the service at the endpoint knows the transfer.  It is called if the record has another
        address, which may be another gateway of the same service.
        """
        found = self.read()
        if found is None:
            if os.fstat(self._descriptor).st_size:
                raise InvalidArgument(f"{self._path} cannot be read: it is damaged, or of another version")
            self.discard()
            raise InvalidArgument(f"there is no transfer {self.id} in the journal")
        if found[0]["endpoint"] != endpoint and not is_known(found[1]):
            raise InvalidArgument(f"the transfer {self.id} belongs to {found[0]['endpoint']}, not to {endpoint}")
        return found

    def write(self, lines: Iterable[str]) -> None:
        """Replace the record atomically and sync it."""
        aside = self._path.with_suffix(".new")  # no other process uses it: this one has the claim
        try:
            if not transfer_record.write(str(self._path), str(aside), lines, self._descriptor):
                raise TransferBusy(transfer=self.id)
        except OSError as error:
            raise LocalFailure(f"{self._path}: {error.strerror}") from None

    def append(self, line: str) -> None:
        """Add one line.  If that fails, the transfer goes on: the service knows its parts too."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_END)
            os.write(self._descriptor, line.encode() + b"\n")
        except OSError as error:
            _log.warning("%s: a part was not recorded: %s", self._path, error.strerror)

    def discard(self) -> None:
        """Remove the record and release the claim."""
        try:
            os.ftruncate(self._descriptor, 0)  # if it cannot be removed, no process may resume it
            localfile.remove(self._path, self.release)
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("%s could not be removed: %s", self._path, error.strerror)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Journal:
    """The records in one folder, which is created with the first record.  Safe to share between threads."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.jsonl"

    @contextmanager
    def turn(self, id: str, check: Callable[[], None] | None = None) -> Iterator[None]:
        """Be the only thread of this process that works on a transfer, inside the block.

        If another thread does, wait until it ends.  ``check()``: called while waiting; it raises to end the wait.
        None: raise TransferBusy instead of waiting.  TransferBusy also if this thread already works on it, for example
        in a callback.
        """
        path, ours = os.path.abspath(self._path(id)), threading.get_ident()
        with _ended:
            while path in _turns:
                if _turns[path] == ours:
                    raise TransferBusy("this thread is already working on this transfer", transfer=id)
                if check is None:
                    raise TransferBusy("another thread of this process is working on this transfer", transfer=id)
                _ended.wait(LOOK)
                check()
            _turns[path] = ours
        try:
            yield
        finally:
            with _ended:
                _turns.pop(path, None)
                _ended.notify_all()

    @contextmanager
    def held(
        self, id: str, endpoint: str, is_known: Callable[[Any], bool]
    ) -> Iterator[tuple[JournalClaim, dict[str, Any], Any]]:
        """A transfer to resume or abort at this endpoint: its claim, and its record's content."""
        with self.turn(id):
            claim = self.claim(id)
            try:
                yield claim, *claim.record(endpoint, is_known)
            finally:
                claim.release()

    def begin(self, subject: Subject) -> JournalClaim:
        """Claim a transfer, new or of an earlier run.  TransferBusy."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LocalFailure(f"{self._folder}: {error.strerror}") from None
        return self._claim(subject.id, os.O_CREAT)

    def left(self, id: str) -> JournalClaim | None:
        """Claim an earlier run's transfer; None if there is none.  TransferBusy."""
        try:
            return self._claim(id, 0)
        except (InvalidArgument, LocalFailure):
            return None

    def first_line(self, subject: Subject, started: int | None = None) -> str:
        """The first line of a record.  ``started``: Unix seconds, None for now."""
        fields = {name: value for name, value in subject._asdict().items() if name != "wanted"}
        begun = int(self._clock()) if started is None else started
        return json.dumps({"uvideo-transfer": VERSION, **fields, "started": begun}, sort_keys=True)

    def claim(self, id: str) -> JournalClaim:
        """Claim a transfer by its id.  InvalidArgument if there is none, TransferBusy if another process has it."""
        self._claimable(id)
        return self._claim(id, 0)

    @staticmethod
    def _claimable(id: str) -> None:
        if not isinstance(id, str) or not id.isalnum():
            raise InvalidArgument(f"{id!r} is not the id of a transfer")

    def _claim(self, id: str, create: int, looks: int = 20) -> JournalClaim:
        """``looks``: how often to try the lock, as a process that lists the journal holds it for a moment."""
        path = self._path(id)
        while True:
            try:
                descriptor = localfile.opened(path, os.O_RDWR | create)
            except FileNotFoundError:
                raise InvalidArgument(f"there is no transfer {id} in the journal") from None
            except OSError as error:
                raise LocalFailure(f"{path}: {error.strerror}") from None
            try:
                if not localfile.lock(descriptor):
                    looks -= 1
                    if looks <= 0:
                        raise TransferBusy(transfer=id)
                    time.sleep(0.005)
                elif localfile.is_at(descriptor, path):
                    return JournalClaim(id, path, descriptor)
            except TransferBusy:
                os.close(descriptor)
                raise
            except OSError as error:
                os.close(descriptor)
                raise LocalFailure(f"{path} cannot be locked: {error.strerror}") from None
            os.close(descriptor)  # its holder replaced or removed the file: try again

    def entries(self) -> tuple[TransferRecord, ...]:
        """Every unfinished transfer, the oldest first.  Unreadable records are left out."""
        found = []
        for path in self._folder.glob("*.jsonl"):
            read = _read(path)
            if read is None:
                continue
            try:
                found.append(self._record(path, *read))
            except (KeyError, TypeError, ValueError, OSError) as error:
                _log.warning("%s is not a record of a transfer: %s", path, error)
        return tuple(sorted(found, key=lambda record: record.started))

    def direction(self, id: str) -> Direction:
        """Whether a transfer is an upload or a download.  InvalidArgument for an invalid id."""
        self._claimable(id)
        read = _read(self._path(id))
        return "download" if read is not None and _is_download(read[0]) else "upload"

    def _record(self, path: Path, first: dict[str, Any], state: uploads.Upload | downloads.Download) -> TransferRecord:
        return TransferRecord(
            path.stem,
            "upload" if isinstance(state, uploads.Upload) else "download",
            str(first["endpoint"]),
            state.space,
            state.key,
            first["path"],
            state.size,
            state.sent() if isinstance(state, uploads.Upload) else state.done(),
            datetime.fromtimestamp(first["started"], timezone.utc),
            datetime.fromtimestamp(path.stat().st_mtime, timezone.utc),
            state.upload_id if isinstance(state, uploads.Upload) else None,
            state.etag if isinstance(state, downloads.Download) else None,
            self._is_active(path.stem),
        )

    def _is_active(self, id: str) -> bool:
        try:
            self._claim(id, 0, 1).release()
        except TransferBusy:
            return True
        except UVideoError:
            pass
        return False


def _is_download(first: dict[str, Any]) -> bool:
    return bool(first["direction"] == "download")


def _read(path: Path) -> tuple[dict[str, Any], Any] | None:
    try:
        head, _, rest = transfer_record.content(str(path)).partition(b"\n")
        if not rest:  # nothing had begun
            return None
        first = json.loads(head)
        if first["uvideo-transfer"] != VERSION:
            raise ValueError("written by another version")
        state: Any = downloads.read(rest) if _is_download(first) else uploads.read(rest)
        texts = (first["endpoint"], first["path"])
        if not all(isinstance(text, str) for text in texts) or not isinstance(first["started"], int):
            raise ValueError("fields of the wrong kind")
        if not _is_download(first) and (state.size is None or not isinstance(state.source, dict)):
            raise ValueError("fields of the wrong kind")
        if _is_download(first):
            for block, held in state.unsynced.items():
                if held != boot():  # after a reboot: the blocks in memory are lost
                    del state.digests[block]
        return first, state
    except FileNotFoundError:  # another process ended the transfer
        return None
    except OSError as error:
        _log.warning("%s cannot be read: %s", path, error.strerror)
        return None
    except (ValueError, KeyError, TypeError, UVideoError) as error:
        _log.warning("%s is not a record of a transfer: %s", path, error)
        return None
