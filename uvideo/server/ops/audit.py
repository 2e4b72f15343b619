"""The audit log: who changed what, when, from where, and how it ended.

One JSON object a line, ASCII only, no secret and no signature; the format is in docs/server.md, "The audit log".

A line is written by one write(2) to a file that is open for appending, so lines of several processes never mix.  It is
written when the operation is over and before its answer is sent: whoever got an answer has a line.  While the file
cannot be written, lines wait in memory and every change is refused, so nothing happens unseen; what frees room goes on
for KEPT lines, as it may be what mends the disk.
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

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]

__all__ = [
    *("CHANGES", "DETAILS", "FREES", "OFF", "Audit", "AuditEntry", "Who"),
    *("details", "note", "noted", "operator", "visited", "visitor"),
]

#: What changes something, or hands out a way to: always recorded.
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
#: What only reads, and each part of an upload, which nobody sees before it is finished: recorded if asked for.
DETAILS: frozenset[type] = frozenset(
    (
        *(operation.GetObject, operation.HeadObject, operation.GetTags, operation.GetAcl),
        *(operation.ListFiles, operation.ListObjects, operation.ListUploads, operation.ListParts),
        *(operation.UploadPart, operation.CopyPart),
        *(operation.DescribeSpace, operation.ListSpaceFiles, operation.GetSpaceStatus, operation.DescribeToken),
    )
)
#: What leaves more room than it found.
FREES: frozenset[type] = frozenset((operation.DeleteObject, operation.AbortUpload, operation.DeleteSpace))
KEPT = 1000  # lines that wait in memory before what frees room is refused too
NOTE = "audit.path"  # in the server's folder: where its audit log is
_APPEND = os.O_RDWR | os.O_APPEND
STRANGERS, MINUTE = 60, 60.0  # lines a minute, in each process, that those without a key can cause; seconds

log = logging.getLogger("uvideo.server")


class Who(NamedTuple):
    """``way``: how somebody asked: header, url, link, policy, form, nobody (anybody may), management, console, admin
    (the command) or server (by itself).  ``token``: the id of the token that signed.  ``issuer``: the public key of the
    pair that a temporary key was made with.  ``user``: of the system."""

    way: str
    public: str = ""
    account: str = ""
    token: str = ""
    issuer: str = ""
    user: str = ""


@dataclass(slots=True)
class AuditEntry:
    """What is known of a line before its operation is over."""

    who: Who
    operation: str
    space: str = ""
    object: str = ""
    more: dict[str, Any] = field(default_factory=dict)


class Audit:
    """Writes the file ``path``; None: nothing is recorded.  ``reads``: record DETAILS as well.

    It is made with mode 0600, or opened as it is, before the workers are forked; OSError.  When the file is moved away
    a new one is made by the next line.  ``clock``: unix seconds; ``ticks``: seconds that never go back.
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
        self._wanted = CHANGES | DETAILS if reads else CHANGES
        if path is None:
            self._wanted = frozenset()
        self._fd, self._place = -1, (0, 0)
        self._waiting: deque[bytes] = deque()
        self._failing = False
        self._torn = mmap.mmap(-1, 1)  # of all workers: whether the file ends within a line
        self._strangers, self._until, self._left_out = 0, 0.0, 0
        if path is not None:
            self._open(path)

    @property
    def is_on(self) -> bool:
        return self._path is not None

    def is_foreign(self) -> bool:
        """Whether root has opened what does not belong to whom its folder belongs to, for example through a link."""
        if self._path is None or not localfile.HAS_OWNERS or os.geteuid() != 0:
            return False
        return os.stat(self._path.parent).st_uid not in (0, os.fstat(self._fd).st_uid)

    def wants(self, cls: type) -> bool:
        """Whether an operation is recorded."""
        return cls in self._wanted

    def admit(self, *, frees: bool = False) -> None:
        """Before what is recorded: errors.Unavailable while lines cannot be written.  ``frees``: it is one of FREES."""
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
        """Add a line.  It never raises: a line that cannot be written waits.

        ``status``: of HTTP, 0 where there is none.  ``ret_code``: 0 if it was done.  ``session``: the X-SessionId of
        the answer, as in the access log.  ``more``: further members, JSON values.
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
        """``record`` of an entry whose operation is over."""
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
        """``record`` of what anybody can cause without a key: at most STRANGERS a minute, then only counted.

        The next line has ``left_out``, how many there were.
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
        """What could not be written goes to the server's log."""
        if self._waiting and not self._flush():
            for line in self._waiting:
                log.error("not in the audit log: %s", line.decode().rstrip())
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
        """Write what waits; whether all of it was."""
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
            log.warning("the audit log is written again")
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
        if count < len(line):  # the disk is full; the half line stands alone, and this one is written again
            self._torn[0] = 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn[0] = 0


OFF = Audit(None)


def _made(path: Path) -> int:
    """A new file, which the server can open also if root made it."""
    try:
        fd = localfile.opened(path, _APPEND | os.O_CREAT | os.O_EXCL)
    except FileExistsError:  # another process just made it
        return localfile.opened(path, _APPEND)
    localfile.belong(fd, path.parent)
    return fd


def details(op: object) -> dict[str, Any]:
    """What of an operation is worth a line beside its space and key."""
    found = {name: getattr(op, name, None) for name in ("new_key", "upload_id", "acl", "type", "source_space")}
    found["source"] = getattr(op, "source_key", None)
    return {name: value for name, value in found.items() if value}


def operator() -> Who:
    """Who runs a command on this machine."""
    user = ""
    if pwd is not None:
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(os.getuid()).pw_name
        user = user or str(os.getuid())
    through = os.environ.get("SUDO_USER")
    return Who("admin", user=f"{through} as {user}" if through else user)


def note(folder: Path, path: Path | None) -> None:
    """Keep in the server's folder where its audit log is, so that commands write to the same one.  OSError."""
    there = folder / NOTE
    if path is None:
        there.unlink(missing_ok=True)
    elif noted(folder) != path.absolute():
        aside = folder / f".{NOTE}.{os.getpid()}"
        localfile.write(aside, os.fsencode(path.absolute()) + b"\n")
        localfile.replace(aside, there)


def noted(folder: Path) -> Path | None:
    """Where the audit log of the folder's server is; None if it has none."""
    try:
        text = os.fsdecode((folder / NOTE).read_bytes().rstrip(b"\n"))
    except FileNotFoundError:
        return None
    return Path(text) if text else None


#: Who asks a call of the console that is being answered, and from where.
_visitor: ContextVar[tuple[Who, str]] = ContextVar("visitor")


@contextmanager
def visited(who: Who, address: str | None) -> Iterator[None]:
    """The block answers a call of the console."""
    token = _visitor.set((who, address or ""))
    try:
        yield
    finally:
        _visitor.reset(token)


def visitor() -> tuple[Who, str]:
    """(who asks the call of the console that is being answered, from where)."""
    return _visitor.get((Who("console"), ""))
