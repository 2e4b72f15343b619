"""A sync plan: the steps of a sync, written to a file and read again.

The file has JSON lines: a header, one line per step, and an end with the number of steps.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, TextIO

from uvideo.cli.address import Local, Remote, parse
from uvideo.cli.i18n import say
from uvideo.cli.walk import Entry
from uvideo.config import localfile
from uvideo.errors import InvalidArgument, LocalFailure

__all__ = ["PlanHeader", "PlanWriter", "Step", "SyncPlan", "read"]

VERSION = 1
ACTIONS = ("upload", "download", "copy", "delete")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.  source: None for a delete.  target: the present entry, None if there is none.

    to: the object or local path that is created or removed.
    """

    action: str
    to: Remote | str
    source: Entry | None
    target: Entry | None


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """source, target: the addresses; local ones are absolute.  endpoint: of the service."""

    source: str
    target: str
    endpoint: str


def _written(place: Remote | str) -> dict[str, str]:
    return {"path": os.path.abspath(place)} if isinstance(place, str) else {"space": place.space, "key": place.key}


def _state(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    if isinstance(entry.place, str):
        times = {"mtime_ns": entry.mtime_ns, "ctime_ns": entry.ctime_ns}
        return {**_written(entry.place), "size": entry.size, **times, "inode": entry.inode}
    return {**_written(entry.place), "size": entry.size, "etag": entry.etag}


class PlanWriter:
    """Writes a plan; the file gets its name when it is complete.  Not safe to share between threads."""

    def __init__(self, path: str, head: PlanHeader) -> None:
        self._path, self._head, self._steps = path, head, 0
        self._aside = ""
        self._file: TextIO

    def __enter__(self) -> PlanWriter:
        folder = os.path.dirname(os.path.abspath(self._path))
        # Named like an unfinished download, which every walk skips: the plan may be in the synced folder.
        self._aside = os.path.join(folder, f".{secrets.token_hex(8)}.part")
        descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._write({"uvideo-plan": VERSION, **asdict(self._head), "created": created})
        return self

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def add(self, step: Step) -> None:
        self._steps += 1
        to, source, target = _written(step.to), _state(step.source), _state(step.target)
        self._write({"do": step.action, "to": to, "source": source, "target": target})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write({"end": True, "steps": self._steps})
                self._file.close()
                localfile.replace(self._aside, self._path)
        finally:
            with contextlib.suppress(OSError):  # a full disk has raised an error already
                self._file.close()
            if os.path.lexists(self._aside):
                os.unlink(self._aside)


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """A plan file, read again each time its steps are requested.  deletes: the number of deletes."""

    path: str
    head: PlanHeader
    deletes: int

    def steps(self, deletes: bool) -> Iterator[Step]:
        """The deletes, or all other steps.  InvalidArgument if the file is not a plan any more."""
        for step in _records(self.path):
            if isinstance(step, Step) and (step.action == "delete") == deletes:
                yield step


def read(path: str) -> SyncPlan:
    """Read a plan and check every step.

    InvalidArgument if it is not a plan, is incomplete, or has a step outside its source or target; LocalFailure.
    """
    head: PlanHeader | None = None
    deletes = 0
    for found in _records(path):
        if isinstance(found, PlanHeader):
            head = found
        elif found.action == "delete":
            deletes += 1
    assert head is not None
    return SyncPlan(path, head, deletes)


def _records(path: str) -> Iterator[PlanHeader | Step]:
    try:
        with open(path, encoding="utf-8") as file:
            first = json.loads(file.readline())
            if first["uvideo-plan"] != VERSION:
                raise ValueError(say("it was written by another version"))
            head = PlanHeader(first["source"], first["target"], first["endpoint"])
            yield head
            count, last = 0, None
            for line in file:
                last = json.loads(line)
                if "end" in last:
                    break
                count += 1
                yield _step(head, last)
            if last is None or last.get("end") is not True or last["steps"] != count or file.read(1):
                raise ValueError(say("its end is missing, so it may be cut off"))
    except OSError as error:
        raise LocalFailure(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(say("{path} is not a plan: {reason}", path=path, reason=error)) from None


def _step(head: PlanHeader, record: dict[str, Any]) -> Step:
    action = record["do"]
    if action not in ACTIONS:
        raise ValueError(say("it has the unknown step {action}", action=action))
    source, target = _entry(record["source"]), _entry(record["target"])
    to = record["to"]
    place: Remote | str = to["path"] if "path" in to else Remote(to["space"], to["key"])
    if (source is None) != (action == "delete") or (action == "delete" and target is None):
        raise ValueError(say("a step lacks its source or target"))
    _check_inside(head.target, place)
    if target is not None and target.place != place:
        raise ValueError(say("a step lacks its source or target"))
    if source is not None:
        _check_inside(head.source, source.place)
        ways = {"upload": (str, Remote), "download": (Remote, str), "copy": (Remote, Remote)}
        if (type(source.place), type(place)) != ways[action]:
            raise ValueError(say("a step lacks its source or target"))
    return Step(action, place, source, target)


def _entry(record: dict[str, Any] | None) -> Entry | None:
    if record is None:
        return None
    if "path" in record:
        mtime_ns, inode = int(record["mtime_ns"]), int(record["inode"])
        ctime_ns = int(record.get("ctime_ns", 0))  # plans of earlier versions have none
        return Entry("", int(record["size"]), str(record["path"]), mtime_ns, inode, ctime_ns=ctime_ns)
    return Entry("", int(record["size"]), Remote(str(record["space"]), str(record["key"])), etag=record["etag"])


def _check_inside(root: str, place: Remote | str) -> None:
    base = parse(root)
    if isinstance(base, Local) and isinstance(place, str):
        if os.path.isabs(place) and os.path.normpath(place) == place:
            if os.path.commonpath([base.path, place]) == os.path.normpath(base.path):
                return
    elif isinstance(base, Remote) and isinstance(place, Remote):
        if place.space == base.space and place.key.startswith(base.key):
            return
    raise ValueError(say("the step {place} is outside of {root}", place=place, root=root))
