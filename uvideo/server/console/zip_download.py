"""A ZIP archive of many objects, made while it is sent: nothing is compressed, and there is no temporary file."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
import unicodedata
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from uvideo._core import operation
from uvideo.server.http.exchange import object_pieces
from uvideo.server.rules.object_record import check_readable
from uvideo.server.rules.objects import ObjectBody
from uvideo.server.rules.service import Service
from uvideo.storage.base import SpaceRecord

__all__ = ["LEAST_RATE", "OBJECTS_LIMIT", "EntryNames", "ZipContents", "ZipDownload", "zip_contents", "zip_pieces"]

OBJECTS_LIMIT = 20_000  # in one archive: its directory is in memory until the end
STEP = 500  # keys of one query
LEAST_RATE = 32 * 1024.0  # bytes a second that a reader must keep up: it holds one of few places
DEPTH = 32  # folders in one another
BLOCK = 64 * 1024  # bytes that are collected before they are sent
PART = 200  # bytes of a part of a name: file systems have at most 255, and a number may follow
FILE, FOLDER = "file", "folder"  # what a name is taken by
#: What Windows forbids in names or reads as a path, and what changes the direction of the text behind it.
FORBIDDEN = frozenset('\\:<>"|?*\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
DEVICES = frozenset(["CON", "PRN", "AUX", "NUL", *(name + each for name in ("COM", "LPT") for each in "123456789¹²³")])
FIRST, LAST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)  # what the format can hold

#: Opens an object; the receiver closes its reader.
Opener = Callable[[operation.GetObject], Awaitable[tuple[object, ObjectBody | None]]]


@dataclass(slots=True)
class ZipContents:
    """``keys``: of the objects, in their order in the archive.  ``size``: bytes of all of them.  ``cut``: whether there
    are more than OBJECTS_LIMIT, which are not in ``keys``."""

    keys: list[str] = field(default_factory=list)
    size: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class ZipDownload:
    """``filename``: what a browser saves it as.  ``pieces``: its bytes.  If they end with an exception, the archive is
    not complete, and the receiver must see that."""

    filename: str
    pieces: AsyncGenerator[bytes, None]


async def zip_contents(service: Service, space: SpaceRecord, prefix: str, names: Sequence[str]) -> ZipContents:
    """The objects with these names below a prefix; a name that ends with "/" is a folder with all that is in it, and ""
    is all below the prefix.  ObjectNotFound; NotRestored if one of them is archived."""
    found, seen, now = ZipContents(), set[str](), service.clock()
    for name in _outermost(names):
        await asyncio.sleep(0)  # a query of SQLite does not suspend
        if name and not name.endswith("/"):
            records, marker = [await service.record(space, prefix + name)], ""
        else:
            page = await service.catalog.list(space.space_id, prefix + name, "", STEP)
            records, marker = page.objects, page.next_marker
        while True:
            for record in records:
                if record.key in seen or (record.key == prefix and not record.size):
                    continue
                if len(seen) == OBJECTS_LIMIT:
                    found.cut = True
                    return found
                check_readable(record, now)
                seen.add(record.key)
                found.keys.append(record.key)
                found.size += record.size
            if not marker:
                break
            await asyncio.sleep(0)
            page = await service.catalog.list(space.space_id, prefix + name, marker, STEP)
            records, marker = page.objects, page.next_marker
    return found


async def zip_pieces(open_object: Opener, space: str, prefix: str, keys: Iterable[str]) -> AsyncGenerator[bytes, None]:
    """The bytes of an archive of objects, whose names begin behind the prefix."""
    sink, names = _Sink(), EntryNames()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        try:
            for key in keys:
                await asyncio.sleep(0)  # neither a query of SQLite nor a client that reads fast suspends
                result, body = await open_object(operation.GetObject(space, key))
                assert isinstance(result, operation.ObjectInfo) and body is not None
                try:
                    name = key[len(prefix) :]
                    if body.length and (not name or name.endswith("/")):
                        name += "_"  # the entry of a folder has no bytes
                    info = zipfile.ZipInfo(names.take(name), _date(result.modified or 0))
                    info.file_size, info.create_system = body.length, 3
                    info.external_attr = (0o40755 << 16 | 0x10) if info.is_dir() else 0o100644 << 16
                    with archive.open(info, "w") as entry:
                        async with contextlib.aclosing(_bytes_of(body)) as pieces:
                            async for piece in pieces:
                                entry.write(piece)
                                if sink.size >= BLOCK:
                                    yield sink.take()
                finally:
                    if body.reader is not None:
                        await body.reader.close()
        except BaseException:
            archive.filelist.clear()  # nobody reads the directory
            raise
        await asyncio.to_thread(archive.close)  # a directory of 20,000 entries takes long
    yield sink.take()


class EntryNames:
    """The names of the entries of an archive.  They are relative and different from one another, whatever the case;
    none of them leads out of the folder that it is unpacked in, and no file has the name of a folder."""

    def __init__(self) -> None:
        self._taken = dict[int, str]()  # by the hash of a name, which is shorter: a key can have hundreds of folders
        self._next = dict[int, int]()
        self._renamed = dict[str, str]()

    def take(self, name: str) -> str:
        """The name of the entry for a part of a key; of a folder if that ends with "/"."""
        parts = [_safe(part) for part in name.split("/") if part] or ["_"]
        is_folder, at = name.endswith("/"), ""
        folders = parts if is_folder else parts[:-1]
        if len(folders) > DEPTH:
            folders = [*folders[: DEPTH - 1], _safe("_".join(folders[DEPTH - 1 :]))]
        for part in folders:
            at = self._folder(at + part) + "/"
        if is_folder:
            return at
        stem, dot, end = parts[-1].rpartition(".")
        return self._free(at + (stem or parts[-1]), dot + end if stem else "", FILE)

    def _folder(self, path: str) -> str:
        if self._taken.get(hash(_folded(path)), FOLDER) == FOLDER:
            self._taken[hash(_folded(path))] = FOLDER
            return path
        if path not in self._renamed:
            self._renamed[path] = self._free(path, "", FOLDER)
        return self._renamed[path]

    def _free(self, stem: str, end: str, kind: str) -> str:
        """The name itself, or with the first number that makes it different from all others."""
        first, found = hash(_folded(stem + end)), stem + end
        while hash(_folded(found)) in self._taken:
            number = self._next[first] = self._next.get(first, 1) + 1
            found = f"{stem} ({number}){end}"
        self._taken[hash(_folded(found))] = kind
        return found


class _Sink(io.RawIOBase):
    """Collects what is written; it cannot seek, so the archive puts the length of each entry behind it."""

    def __init__(self) -> None:
        self._chunks = list[bytes]()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]  # zipfile writes bytes only
        self._chunks.append(chunk)
        self.size += len(chunk)
        return len(chunk)

    def take(self) -> bytes:
        found = b"".join(self._chunks)
        self._chunks.clear()
        self.size = 0
        return found


async def _bytes_of(body: ObjectBody) -> AsyncGenerator[bytes, None]:
    if body.reader is None:
        yield (body.inline or b"")[body.offset : body.offset + body.length]
        return
    async with contextlib.aclosing(object_pieces(body)) as pieces:
        async for piece in pieces:
            yield piece


def _outermost(names: Sequence[str]) -> list[str]:
    """The names once each, without those in a folder that is named itself: each key is read once."""
    wanted = dict.fromkeys(names)

    def is_inside(name: str) -> bool:
        ends = [0, *(at + 1 for at, each in enumerate(name) if each == "/")]
        return any(name[:end] in wanted for end in ends if end < len(name))

    return [name for name in wanted if not is_inside(name)]


def _safe(part: str) -> str:
    """A part of a name that every system can store as it is: it is no path, no drive and no device, it is short, and
    does not end with dots or blanks, which Windows drops."""
    shown = "".join("_" if each in FORBIDDEN or unicodedata.category(each) == "Cc" else each for each in part)
    if len(shown.encode()) > PART:
        stem, dot, end = shown.rpartition(".")
        ending = dot + end if stem and len(end.encode()) <= 20 else ""
        shown = shown.encode()[: PART - len(ending.encode())].decode(errors="ignore") + ending
    kept = shown.rstrip(". ")
    shown = kept + "_" * (len(shown) - len(kept))
    return "_" + shown if shown.partition(".")[0].rstrip(" ").upper() in DEVICES else shown


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _date(modified: float) -> tuple[int, int, int, int, int, int]:
    found = time.gmtime(modified)[:6]
    return min(max(found, FIRST), LAST)
