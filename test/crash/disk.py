"""A disk that loses what was not synced: the changes of a folder, as shim.c noted them, up to any point.

The model: what was written to a file before a sync of it began is there after that sync.  Of what was not synced each
write may be there, be missing, or be there in part, by sectors of 512 bytes; a file's length likewise.  A name (made,
renamed, removed) is durable once its folder was synced, either folder for a rename; before that each may or may not
have happened, a rename as a whole.  Data is never mixed up between files, and a sync does what it says.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
(CREATE, WRITE, CUT, RENAME, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, FOLDER_BEGIN, FOLDER_END, ANSWER) = range(
    1, 13
)
#: What becomes of writes that were not synced, and of names.
WRITES = ("none", "all", "first", "some", "torn")
NAMES = ("none", "all", "first", "some")


class Record(NamedTuple):
    kind: int
    file: int
    offset: int
    text: str
    data: bytes


def read(log: Path) -> list[Record]:
    """The log of a process, up to the last whole record."""
    found, data, at = [], log.read_bytes(), 0
    while at + 25 <= len(data):
        length, kind, file, offset, text = struct.unpack_from("<IBQQI", data, at)
        end = at + 4 + length
        if end > len(data):
            break
        found.append(Record(kind, file, offset, data[at + 25 : at + 25 + text].decode(), data[at + 25 + text : end]))
        at = end
    return found


@dataclass
class _File:
    #: (offset, bytes) of a write, (length, None) of a change of length, in order
    changes: list[tuple[int, bytes | None]] = field(default_factory=list)
    synced: int = 0  # how many of them are durable


@dataclass
class _Name:
    """``source`` -> ``target`` for a rename; only a target for a new name; only a source for one removed."""

    source: str | None
    target: str | None
    file: _File | None
    durable: bool = False


def _folder(path: str | None) -> str | None:
    return path.rpartition("/")[0] if path else None


class Disk:
    """The state of the disk after the first ``count`` records."""

    def __init__(self, records: list[Record], count: int) -> None:
        self._files: dict[int, _File] = {}
        self._names: list[_Name] = []
        there: dict[str, _File | None] = {}
        begun: dict[int, int] = {}
        for kind, number, offset, text, data in records[:count]:
            if kind == CREATE:
                self._files[number] = there[text] = _File()
                self._names.append(_Name(None, text, there[text]))
            elif kind == MKDIR:
                there[text] = None
                self._names.append(_Name(None, text, None))
            elif kind in (UNLINK, RMDIR):
                self._names.append(_Name(text, None, there.pop(text, None)))
            elif kind == RENAME:
                target = data.decode()
                there[target] = there.pop(text, None)
                self._names.append(_Name(text, target, there[target]))
            elif number in self._files and kind in (WRITE, CUT):
                self._files[number].changes.append((offset, data if kind == WRITE else None))
            elif kind == SYNC_BEGIN:
                begun[offset] = len(self._files[number].changes) if number in self._files else 0
            elif kind == SYNC_END and number in self._files:
                self._files[number].synced = max(self._files[number].synced, begun[offset])
            elif kind == FOLDER_BEGIN:
                begun[offset] = len(self._names)
            elif kind == FOLDER_END:
                for name in self._names[: begun[offset]]:
                    name.durable = name.durable or text in (_folder(name.source), _folder(name.target))

    def unsynced(self) -> int:
        """How many writes and names a loss of power may take."""
        return sum(len(file.changes) - file.synced for file in self._files.values()) + sum(
            not name.durable for name in self._names
        )

    def lay_out(self, root: str, folder: Path, writes: str, names: str, dice: random.Random) -> None:
        """Make in ``folder`` what may be found below ``root`` after the power was lost."""
        kept = set(_kept(names, [at for at, name in enumerate(self._names) if not name.durable], dice))
        found: dict[str, _File | None] = {}
        for at, name in enumerate(self._names):
            if name.durable or at in kept:
                if name.source is not None:
                    found.pop(name.source, None)
                if name.target is not None:
                    found[name.target] = name.file
        folder.mkdir(mode=0o700)
        for path, file in sorted(found.items()):
            if not path.startswith(root + "/"):
                continue
            target = folder / path[len(root) + 1 :]
            if file is None:
                target.mkdir(mode=0o700, exist_ok=True)
            elif target.parent.is_dir():
                target.touch(0o600)
                target.write_bytes(_content(file, writes, dice))


def _kept(how: str, choices: list[int], dice: random.Random) -> list[int]:
    if how == "none":
        return []
    if how == "all":
        return choices
    if how == "first":
        return choices[: dice.randrange(len(choices) + 1)]
    return [each for each in choices if dice.random() < 0.5]


def _content(file: _File, how: str, dice: random.Random) -> bytes:
    kept = set(_kept(how, list(range(file.synced, len(file.changes))), dice))
    content = bytearray()
    for at, (offset, data) in enumerate(file.changes):
        if at >= file.synced and at not in kept:
            continue
        if data is None:
            content[offset:] = bytes(max(0, offset - len(content)))
            continue
        for start, piece in _sectors(offset, data) if how == "torn" and at >= file.synced else ((offset, data),):
            if piece is data or dice.random() < 0.7:
                if start > len(content):
                    content += bytes(start - len(content))
                content[start : start + len(piece)] = piece
    return bytes(content)


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        count = SECTOR - (offset + at) % SECTOR
        yield offset + at, data[at : at + count]
        at += count
