"""The audit log: who changed what, when, from where, and with which result.

Each line is a JSON object in ASCII, without secrets and signatures.  Format: docs/server.md, "The audit log".

A line is one write(2) to a file opened with O_APPEND, so lines of several processes never mix.  It is written after the
operation and before its answer, so every answered operation has a line.  While the file cannot be written, lines wait
in memory and changes are refused, so no change is unrecorded.  Operations that free space are still allowed for KEPT
lines, because they may repair a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import mmap
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from uvideo._core import errors, localfile, operation
from uvideo.s3 import operation as s3

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]  # it may be absent

__all__ = [
    *("CHANGES", "DETAILS", "FREES", "OFF", "S3_CHANGES", "S3_DETAILS", "S3_FREES", "Audit", "AuditEntry", "Who"),
    *("details", "keys_made", "note", "noted", "operator", "visited", "visitor"),
]

#: Operations that change data or give out keys: always recorded.
CHANGES: frozenset[type] = frozenset(
    (
        *(operation.PutObject, operation.DeleteObject, operation.InitiateUpload, operation.FinishUpload),
        *(operation.AbortUpload, operation.UploadHit, operation.CopyObject, operation.RenameObject),
        *(operation.SetMime, operation.SwitchClass, operation.RestoreObject, operation.AppendObject),
        *(operation.PutTags, operation.DeleteTags, operation.PutAcl),
        *(operation.CreateSpace, operation.UpdateSpace, operation.DeleteSpace),
        *(operation.CreateToken, operation.UpdateToken, operation.DeleteToken, operation.AssumeRole),
    )
)
#: Operations that only read, and parts of an upload, which are invisible until it is finished: recorded with ``reads``.
DETAILS: frozenset[type] = frozenset(
    (
        *(operation.GetObject, operation.HeadObject, operation.GetTags, operation.GetAcl),
        *(operation.ListFiles, operation.ListObjects, operation.ListUploads, operation.ListParts),
        *(operation.UploadPart, operation.CopyPart),
        *(operation.DescribeSpace, operation.ListSpaceFiles, operation.GetSpaceStatus, operation.DescribeToken),
    )
)
#: Operations that free space.
FREES: frozenset[type] = frozenset((operation.DeleteObject, operation.AbortUpload, operation.DeleteSpace))
#: The same for the operations of S3.
S3_CHANGES: frozenset[type] = frozenset(
    (
        *(s3.CreateBucket, s3.DeleteBucket, s3.PutBucketAcl, s3.PutBucketVersioning, s3.PutBucketRequestPayment),
        *(s3.PutBucketCors, s3.DeleteBucketCors, s3.PutBucketTagging, s3.DeleteBucketTagging),
        *(s3.PutBucketLifecycleConfiguration, s3.DeleteBucketLifecycle),
        *(s3.PutObject, s3.PostObject, s3.CopyObject, s3.DeleteObject, s3.DeleteObjects, s3.RestoreObject),
        *(s3.PutObjectTagging, s3.DeleteObjectTagging, s3.PutObjectAcl),
        *(s3.CreateMultipartUpload, s3.CompleteMultipartUpload, s3.AbortMultipartUpload),
    )
)
S3_DETAILS: frozenset[type] = frozenset(s3.OPERATIONS) - S3_CHANGES
S3_FREES: frozenset[type] = frozenset((s3.DeleteBucket, s3.DeleteObject, s3.DeleteObjects, s3.AbortMultipartUpload))
KEPT = 1000  # lines in memory, above which operations that free space are refused too
NOTE = "audit.path"  # file in the server's folder with the path of its audit log
_APPEND = os.O_RDWR | os.O_APPEND
STRANGERS, MINUTE = 60, 60.0  # lines a minute in each process for clients without a key; seconds

log = logging.getLogger("uvideo.server")


class Who(NamedTuple):
    """``way``: kind of request: header, url, link, policy, form, s3_header, s3_url, s3_form, nobody (unsigned),
    management, console, admin (the command) or server (by itself).  ``token``: the id of the signing token.
    ``issuer``: the public key of the pair that requested a temporary key.  ``user``: the system's user."""

    way: str
    public: str = ""
    account: str = ""
    token: str = ""
    issuer: str = ""
    user: str = ""


@dataclass(slots=True)
class AuditEntry:
    """The fields of a line that are known before the operation ends."""

    who: Who
    operation: str
    space: str = ""
    object: str = ""
    more: dict[str, Any] = field(default_factory=dict)


class Audit:
    """Writes the file ``path``; None: nothing is recorded.  ``reads``: record DETAILS as well.

    The file is created with mode 0600, or opened, before the workers are forked; OSError.  After the file was moved
    away, the next line creates a new one.  ``clock``: unix seconds; ``ticks``: seconds of a monotonic clock.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        reads: bool = False,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._clock, self._ticks = path, clock, ticks
        self._wanted = CHANGES | S3_CHANGES
        if reads:
            self._wanted |= DETAILS | S3_DETAILS
        if path is None:
            self._wanted = frozenset()
        self._fd, self._place = -1, (0, 0)
        self._waiting: deque[bytes] = deque()
        self._failing = False
        self._torn = mmap.mmap(-1, 1)  # shared by all workers: whether the file ends within a line
        self._strangers, self._until, self._left_out = 0, 0.0, 0
        if path is not None:
            self._open(path)

    @property
    def is_on(self) -> bool:
        return self._path is not None

    def is_foreign(self) -> bool:
        """Whether root opened a file of another owner than its folder has, for example through a link."""
        if self._path is None or not localfile.HAS_OWNERS or os.geteuid() != 0:
            return False
        return os.stat(self._path.parent).st_uid not in (0, os.fstat(self._fd).st_uid)

    def wants(self, cls: type) -> bool:
        """Whether an operation is recorded."""
        return cls in self._wanted

    def admit(self, *, frees: bool = False) -> None:
        """Call this before a recorded operation.  Unavailable while lines cannot be written.

        ``frees``: in FREES or S3_FREES.
        """
        if self._waiting and not self._flush() and (not frees or len(self._waiting) >= KEPT):
            raise errors.Unavailable("the audit log cannot be written, so nothing is changed", cause="audit")

    def record(
        self,
        operation: str,
        who: Who,
        *,
        space: str = "",
        object: str = "",
        status: int = 0,
        ret_code: int = 0,
        address: str | None = "",
        session: str = "",
        **more: object,
    ) -> None:
        """Add a line.  Never raises: a line that cannot be written waits.

        ``status``: of HTTP; 0 if there is none.  ``ret_code``: 0 for success.  ``session``: the answer's X-SessionId,
        as in the access log.  ``more``: further members, JSON values.
        """
        if self._path is None:
            return
        now = datetime.fromtimestamp(self._clock(), timezone.utc).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {
            "time": now[:-6] + "Z",
            "operation": operation,
            "way": who.way,
            "public_key": who.public,
            "account": who.account,
            "space": space,
            "object": object,
            "status": status,
            "ret_code": ret_code,
            "address": address or "",
            "session": session,
        }
        for name, value in (("token_id", who.token), ("issuer", who.issuer), ("user", who.user), *more.items()):
            if value not in ("", None):
                fields[name] = value
        text = json.dumps(fields, separators=(",", ":")).replace("\x7f", "\\u007f")
        self._waiting.append(text.encode() + b"\n")
        self._flush()

    def end(self, entry: AuditEntry, status: int, ret_code: int, address: str | None, session: str) -> None:
        """``record`` the entry of a finished operation."""
        self.record(
            entry.operation,
            entry.who,
            space=entry.space,
            object=entry.object,
            status=status,
            ret_code=ret_code,
            address=address,
            session=session,
            **entry.more,
        )

    def stranger(self, operation: str, who: Who, *, status: int = 0, address: str | None = "") -> None:
        """``record`` for clients without a key: at most STRANGERS lines a minute; further ones are only counted.

        The next line has their number in ``left_out``.
        """
        now = self._ticks()
        if now >= self._until:
            self._strangers, self._until = 0, now + MINUTE
        self._strangers += 1
        if self._strangers > STRANGERS or len(self._waiting) >= KEPT:
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        self.record(operation, who, status=status, address=address, left_out=left_out or None)

    def close(self) -> None:
        """Write waiting lines to the server's log."""
        if self._waiting and not self._flush():
            for line in self._waiting:
                log.error("this line is missing in the audit log: %s", line.decode().rstrip())
            self._waiting.clear()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # The file

    def _open(self, path: Path) -> None:
        try:
            fd = localfile.opened(path, _APPEND)
        except FileNotFoundError:
            fd = _made(path)
        if self._fd >= 0:
            os.close(self._fd)
        status = os.fstat(fd)
        self._fd, self._place = fd, (status.st_dev, status.st_ino)
        if status.st_size and localfile.read_at(fd, 1, status.st_size - 1) != b"\n":
            self._torn[0] = 1

    def _flush(self) -> bool:
        """Write the waiting lines; whether all of them were written."""
        assert self._path is not None
        try:
            while self._waiting:
                self._write(self._path, self._waiting[0])
                self._waiting.popleft()
        except OSError as failure:
            if not self._failing:
                log.error("the audit log cannot be written, so changes are refused: %s", failure)
            self._failing = True
            return False
        if self._failing:
            log.warning("the audit log can be written again")
        self._failing = False
        return True

    def _write(self, path: Path, line: bytes) -> None:
        try:
            status = os.stat(path)
            moved = (status.st_dev, status.st_ino) != self._place
        except FileNotFoundError:
            moved = True
        if moved or self._fd < 0:
            self._open(path)
        if self._torn[0]:
            line = b"\n" + line
        count = os.write(self._fd, line)
        if count < len(line):  # disk full: the partial line stays, and the whole line is written again later
            self._torn[0] = 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn[0] = 0


OFF = Audit(None)


def _made(path: Path) -> int:
    """Create the file; if root does so, with an owner that lets the server open it."""
    try:
        fd = localfile.opened(path, _APPEND | os.O_CREAT | os.O_EXCL)
    except FileExistsError:  # another process created it
        return localfile.opened(path, _APPEND)
    localfile.belong(fd, path.parent)
    return fd


def details(op: object) -> dict[str, Any]:
    """Members for an operation, in addition to space and key."""
    found = {name: getattr(op, name, None) for name in ("new_key", "upload_id", "acl", "type", "source_space")}
    found["source"], found["about_token"] = getattr(op, "source_key", None), getattr(op, "token_id", None)
    source = getattr(op, "source", None)
    if isinstance(source, s3.CopySource):
        found["source_space"], found["source"] = source.bucket, source.key
    if isinstance(op, s3.DeleteObjects):
        found["keys"] = [each.key for each in op.objects]
    return {name: value for name, value in found.items() if value}


def keys_made(result: object) -> dict[str, str]:
    """Members for the result of an operation that made a token or temporary keys."""
    if isinstance(result, operation.TemporaryKeys):
        return {"made": result.public_key}
    return {"about_token": result.token_id} if isinstance(result, operation.TokenInfo) else {}


def operator() -> Who:
    """The user who runs a command on this machine."""
    user = ""
    if pwd is not None:
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(os.getuid()).pw_name
        user = user or str(os.getuid())
    through = os.environ.get("SUDO_USER")
    return Who("admin", user=f"{through} as {user}" if through else user)


def note(folder: Path, path: Path | None) -> None:
    """Save the path of the audit log in the server's folder, so that commands use the same log.  OSError."""
    there = folder / NOTE
    if path is None:
        there.unlink(missing_ok=True)
    elif noted(folder) != path.absolute():
        aside = folder / f".{NOTE}.{os.getpid()}"
        localfile.write(aside, os.fsencode(path.absolute()) + b"\n")
        localfile.replace(aside, there)


def noted(folder: Path) -> Path | None:
    """The path of the audit log of the folder's server; None if it has none."""
    try:
        text = os.fsdecode((folder / NOTE).read_bytes().rstrip(b"\n"))
    except FileNotFoundError:
        return None
    return Path(text) if text else None


#: The user of the current console call, and the address.
_visitor: ContextVar[tuple[Who, str]] = ContextVar("visitor")


@contextmanager
def visited(who: Who, address: str | None) -> Iterator[None]:
    """Set the user and the address of a console call for the block."""
    token = _visitor.set((who, address or ""))
    try:
        yield
    finally:
        _visitor.reset(token)


def visitor() -> tuple[Who, str]:
    """(user of the current console call, address)."""
    return _visitor.get((Who("console"), ""))
