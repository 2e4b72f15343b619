"""Blobs in an S3-compatible store: each blob is a list of segments, one S3 object each, and a ledger has the lists.

Below the prefix of the bucket::

    <name>/<number>-<nonce>    one segment: a block of a blob or draft, the last one shorter
    probe, probe-<nonce>       temporary objects of readiness probes and of a start
    identity                   the identity shared with the catalog

A name is 32 hex digits chosen here.  The nonce, 16 hex digits, is new for each attempt, so no attempt overwrites
another, and segments in the ledger never change.  The ledger's segment list is the nonces, 8 bytes each; all segments
except the last are one block long.  The bucket is never listed to find blobs: the ledger records a blob before its
first segment is stored.  ``delete`` only marks a blob.  ``sweep`` removes blobs that were marked for longer than the
grace, and blobs that were unnamed for a longer time although nobody deleted them.  Readers and writers that last longer
than a fraction of the grace hold a lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import re
import time
import uuid
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.store import S3Store

from uvideo._core import errors, localfile
from uvideo.storage.base import (
    KEEP,
    BlobHold,
    BlobReader,
    BlobWriter,
    Damaged,
    FileRegion,
    Freed,
    Garbage,
    Ledger,
    Named,
    PartRecord,
    PartSlot,
    Quarantined,
    Unreachable,
    Unusable,
)
from uvideo.storage.s3_failures import telling
from uvideo.storage.send_window import Window

__all__ = ["WINDOW", "S3Blobs", "S3Place"]

PIECE = 1024 * 1024  # bytes of one piece that a reader yields
AHEAD = 2  # segments that a reader fetches ahead
WINDOW, LEAST = 64 * 1024 * 1024, 32 * 1024  # bytes that all readers hold; bytes that one reader may always hold
AT_ONCE = 2  # segments of one writer in flight
NONCE = 8  # bytes
LISTED = 512  # nonces that one reader keeps in memory: 4 KiB, for 2 GiB
BATCH = 500  # names per batch of a sweep
LISTS, DELETES, DELETED = 16, 4, 250  # of a sweep: concurrent lists, concurrent deletions, paths per deletion
SHORT = 64  # a sweep takes up to this many segments from the ledger (256 MiB); a longer blob's are listed
FAILURES = 3  # a sweep ends after this many failed batches
REQUEST, SILENCE, CONNECT = timedelta(seconds=60), timedelta(seconds=12), timedelta(seconds=3)
RETRIES, RETRY_FOR = 4, timedelta(seconds=10)
BACKOFF, LONGEST_BACKOFF = timedelta(milliseconds=100), timedelta(seconds=2)
GRACE = 3600.0  # seconds
REMOVAL = 5.0  # seconds that a finish waits for the removal of replaced parts

_NAME = re.compile(r"[0-9a-f]{32}")
_SEGMENT = re.compile(rf"([0-9]{{6,}})-[0-9a-f]{{{2 * NONCE}}}")
_KNOWN = ("endpoint", "region", "credentials", "virtual_hosted")

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger("uvideo.storage")


@dataclass(frozen=True, slots=True)
class S3Place:
    """The location of the segments, and the credentials for it.  Its repr has no secret."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    virtual_hosted: bool = False
    access: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> S3Place:
        """From ``s3://bucket[/prefix]?endpoint=URL&region=NAME``; ValueError with the mistake.

        ``credentials``: a JSON file with access_key_id and secret_access_key (and session_token), readable by its owner
        only; without it the environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are
        used.  ``virtual_hosted=true``: the bucket is part of the host name; otherwise of the path.
        """
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = sorted(set(given) - set(_KNOWN))
        if parts.scheme != "s3" or not parts.hostname:
            raise ValueError("it must look like s3://bucket/prefix?endpoint=https://host&region=name")
        if parts.username is not None or parts.password is not None:
            raise ValueError("it must not contain credentials: use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        if unknown:
            raise ValueError(f"it has the unknown parameter {unknown[0]!r}; there are {', '.join(_KNOWN)}")
        endpoint = given.get("endpoint", "")
        if endpoint and not re.match(r"https?://[^/?#@]+/?\Z", endpoint):
            raise ValueError("the endpoint must be http://host:port or https://host:port")
        hosted = given.get("virtual_hosted", "false")
        if hosted not in ("true", "false"):
            raise ValueError("virtual_hosted must be true or false")
        keys = _from_file(Path(given["credentials"])) if "credentials" in given else _from_environment()
        region = given.get("region") or "us-east-1"
        return cls(parts.netloc, parts.path.strip("/"), endpoint.rstrip("/"), region, hosted == "true", *keys)


def _from_environment() -> tuple[str, str, str]:
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not access or not secret:
        raise ValueError(
            "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add credentials=FILE"
        )
    return access, secret, os.environ.get("AWS_SESSION_TOKEN", "")


def _from_file(path: Path) -> tuple[str, str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            if localfile.is_open_to_others(os.fstat(file.fileno())):
                raise ValueError(f"{path} can be read by others: run `chmod 600 {path}`")
            found = json.load(file)
            access, secret = found["access_key_id"], found["secret_access_key"]
            token = found.get("session_token", "")
    except OSError as failure:
        raise ValueError(f"the credentials cannot be read: {failure}") from None
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        access = secret = token = None
    if not all(isinstance(each, str) for each in (access, secret, token)):
        raise ValueError(f'{path} is not JSON with "access_key_id" and "secret_access_key"')
    return access, secret, token


class S3Blobs:
    """Blobs in an S3Place; their ``ledger`` is in the catalog's database.

    ``grace``: seconds that deleted or discarded blobs are kept; 0 for tests only.  ``keep``: seconds that unnamed blobs
    are kept if nobody deleted them.  All gateways must have the same values.  ``block_size``: bytes of every segment
    except the last.  ``window``: bytes that all readers together hold.
    """

    def __init__(
        self,
        place: S3Place,
        ledger: Ledger,
        *,
        grace: float = GRACE,
        keep: float = KEEP,
        block_size: int = 4 * 1024 * 1024,
        window: int = WINDOW,
    ) -> None:
        self.block_size, self.ledger, self.grace, self.keep = block_size, ledger, grace, keep
        self.window = Window(window, LEAST)
        self._bucket = place.bucket
        self.client = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            config=_config(place),
            client_options={
                "allow_http": True,
                "timeout": REQUEST,
                "read_timeout": SILENCE,
                "connect_timeout": CONNECT,
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": RETRY_FOR,
                "backoff": {"init_backoff": BACKOFF, "max_backoff": LONGEST_BACKOFF, "base": 2},
            },
        )
        self._turns: weakref.WeakValueDictionary[tuple[str, int], asyncio.Lock] = weakref.WeakValueDictionary()
        self._noted: set[str] = set()  # drafts that are known to be in the ledger
        self._open: weakref.WeakSet[_Leased] = weakref.WeakSet()
        self._renewing: asyncio.Task[None] | None = None

    async def start(self, *, create: bool = True) -> None:
        await self.ledger.start()
        try:
            await self._try()
        except BaseException:
            await self.ledger.close()
            raise
        if self.grace and self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renewing_on())

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        await self.ledger.close()

    async def _try(self) -> None:
        """Use every kind of request once, so that missing rights are reported at the start."""
        path = f"probe-{os.urandom(NONCE).hex()}"  # each gateway has its own: several may start at once
        with self._telling():
            made = await obstore.put_async(self.client, path, b"probe", use_multipart=False)
        try:
            if made.get("version") not in (None, "null"):
                raise Unusable(
                    f"the bucket {self._bucket} keeps old versions, so deletes would free no space: use a bucket "
                    "that never had versioning"
                )
            with self._telling(reading=True):
                got = await obstore.get_range_async(self.client, path, start=0, length=5)
            with self._telling():
                chunks = obstore.list(self.client, prefix=None, offset=path[:-1])
                listed = {entry["path"] async for chunk in chunks for entry in chunk}
        finally:
            with self._telling():
                await obstore.delete_async(self.client, [path])
        if bytes(got) != b"probe" or path not in listed:
            raise Unreachable(
                "the store: an object cannot be read or listed right after it was stored: use a store that is "
                "consistent",
                "failed",
            )

    async def check(self) -> None:
        with self._telling():
            await obstore.put_async(self.client, "probe", b"probe", use_multipart=False)

    async def identity(self) -> str | None:
        try:
            with self._telling(reading=True):
                got = await obstore.get_async(self.client, "identity")
                found = bytes(await got.bytes_async()).decode("ascii", "replace").strip()
        except Damaged:  # it does not exist
            return None
        return checked(found)

    async def identify(self, identity: str) -> None:
        with self._telling():
            await obstore.put_async(self.client, "identity", checked(identity).encode(), use_multipart=False)

    async def has_any(self, names: Sequence[str]) -> bool:
        for name in names:
            if await self._first(checked(name)) is not None:
                return True
        return False

    async def is_empty(self) -> bool:
        return await self._first(None) is None

    async def _first(self, blob: str | None) -> str | None:
        """The path of the first segment of this blob, or of any blob."""
        with self._telling():
            async for chunk in obstore.list(self.client, prefix=blob, chunk_size=50):
                for entry in chunk:
                    if _NAME.fullmatch(str(entry["path"]).partition("/")[0]):
                        return str(entry["path"])
        return None

    async def writer(self) -> BlobWriter:
        return _S3Writer(self, self.draft())

    def draft(self) -> str:
        return uuid.uuid4().hex

    def part(self, draft: str, part: int) -> AbstractAsyncContextManager[PartSlot]:
        checked(draft)
        if part < 0:
            raise ValueError(f"part {part}: numbers begin at 0")
        return self._slot(draft, part)

    @asynccontextmanager
    async def _slot(self, draft: str, part: int) -> AsyncIterator[PartSlot]:
        turn = self._turns.setdefault((draft, part), asyncio.Lock())  # the ledger's lock is per process
        async with turn, self.ledger.slot(draft, part) as sealed:
            slot = _S3PartSlot(self, draft, part, is_sealed=part < sealed // NONCE)
            try:
                yield slot
            finally:
                slot.left = True

    async def seal(
        self, draft: str, parts: Sequence[PartRecord], confirm: Callable[[], Awaitable[None]] | None = None
    ) -> str:
        """As the contract.  Nothing beyond the last part is removed, so ``confirm`` is not needed."""
        if [p.part for p in parts] != list(range(len(parts))) or any(p.size != self.block_size for p in parts[:-1]):
            raise ValueError("a draft in segments has parts 0, 1, 2 ... in order, all but the last one block long")
        checked(draft)
        try:
            nonces = [bytes.fromhex(p.location) for p in parts]
        except ValueError:
            nonces = [b""]
        if any(len(nonce) != NONCE for nonce in nonces):
            raise Damaged(f"the bytes of a part of {draft} were never stored")
        await self.ledger.seal(draft, sum(p.size for p in parts), b"".join(nonces))
        self._noted.discard(draft)
        try:
            await asyncio.wait_for(self._remove_replaced(draft, nonces), REMOVAL)
        except (Unreachable, asyncio.TimeoutError) as failure:  # they go with the blob
            reason = failure if isinstance(failure, Unreachable) else f"the store took longer than {REMOVAL:g} s"
            log.warning("replaced parts of the blob %s could not be removed: %s", draft, reason)
        return draft

    async def _remove_replaced(self, draft: str, nonces: Sequence[bytes]) -> None:
        """Remove what was stored of these parts by attempts that the catalog did not record."""
        used, numbers = {segment(draft, number, nonce) for number, nonce in enumerate(nonces)}, range(len(nonces))
        with self._telling():
            async for chunk in obstore.list(self.client, prefix=draft, chunk_size=1000):
                paths = [str(entry["path"]) for entry in chunk]
                await self._delete([path for path in paths if path not in used and _number(path) in numbers])

    async def discard(self, draft: str) -> None:
        await self.delete(draft)

    async def open(self, blob: str) -> BlobReader:
        return await self.reader(blob)

    async def reader(self, blob: str, *, deleted: bool = False) -> BlobReader:
        """As ``open``.  ``deleted``: also of a blob that was deleted but not swept."""
        known = await self.ledger.segments(checked(blob), 0, LISTED * NONCE, deleted=deleted)
        if known is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such blob", blob)
        return _S3Reader(self, blob, *known)

    async def hold(self, blobs: Sequence[str]) -> BlobHold:
        """As the contract.  What was deleted is kept for the grace, and by a lease after that."""
        return _S3Hold(self, *map(checked, dict.fromkeys(blobs)))

    async def delete(self, blob: str) -> None:
        await self.ledger.doom(checked(blob))
        self._noted.discard(blob)

    async def sweep(self, named: Named, older_than: float, freed: Freed | None = None, *, limited: bool = True) -> int:
        """As the contract, but never SweepStopped: the ledger is in the catalog's database, so they always match."""
        age = max(time.time() - older_than, self.grace)  # an age by the database's clock, whatever our clock shows
        kept = max(age, self.keep)
        swept, after, failures = 0, "", list[Unreachable]()
        while found := await self.ledger.garbage(age, kept, after, BATCH, SHORT * NONCE):
            after = found[-1].blob
            known = await named([each.blob for each in found])
            for each in found:
                if each.doomed and each.blob in known:
                    log.error("the blob %s was deleted, but the catalog still names it: it is kept", each.blob)
            taken = [each for each in found if each.blob not in known]
            claimed = await self.ledger.claim([each.blob for each in taken if not each.doomed], kept)
            taken = [each for each in taken if each.doomed or each.blob in claimed]
            try:
                await self._remove(taken, freed or Freed())
            except Unreachable as failure:  # one failed batch must not stop the others
                failures.append(failure)
                if len(failures) == FAILURES:
                    raise
            else:
                swept += len(claimed)
        if failures:
            raise failures[0]
        return swept

    async def take_back(self, named: Named) -> int:
        return 0

    async def quarantined(self) -> Quarantined:
        return Quarantined()  # garbage stays in place: see Census.unnamed

    async def relieve(self, named: Named, free: int) -> int:
        return 0

    # For this driver's writers, slots and readers

    async def note(self, draft: str) -> None:
        """Record the draft in the ledger before any of it is stored."""
        if draft not in self._noted:
            await self.ledger.intend(draft)
            if len(self._noted) >= 10_000:
                self._noted.clear()
            self._noted.add(draft)

    async def store(self, blob: str, number: int, chunks: Sequence[bytes]) -> bytes:
        """Store a segment; return its nonce."""
        nonce = os.urandom(NONCE)
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        with self._telling():
            await obstore.put_async(self.client, segment(blob, number, nonce), data, use_multipart=False)
        return nonce

    async def fetch(self, blob: str, number: int, nonce: bytes, start: int, length: int) -> memoryview:
        """Bytes of a segment.  Damaged if the segment is gone or too short."""
        path = segment(blob, number, nonce)
        try:
            with self._telling(reading=True):
                got = await obstore.get_range_async(self.client, path, start=start, length=length)
        except Damaged as failure:
            raise Damaged(f"the segment {path} is lost: {failure.strerror}") from None
        view = memoryview(got)
        if len(view) != length:
            raise Damaged(f"the segment {path} has {start + len(view)} bytes, not {start + length}")
        return view

    def _telling(self, *, reading: bool = False) -> AbstractContextManager[None]:
        return telling(self._bucket, reading=reading)

    def watch(self, leased: _Leased) -> None:
        """Renew the lease while the object exists and is not ``over``."""
        self._open.add(leased)

    async def _remove(self, taken: Sequence[Garbage], freed: Freed) -> None:
        """Remove what is stored under these names, and record that.

        The first time the segments in the ledger are removed.  A request in flight may have stored more, so after the
        grace the store is listed too.
        """
        known, others = list[Garbage](), list[str]()
        for each in taken:
            if self.grace and not each.cleared and each.segments is not None:
                known.append(each)
            else:
                others.append(each.blob)
        paths = [path for each in known for path in _segments(each)]
        await at_once(DELETES, self._delete, [paths[at : at + DELETED] for at in range(0, len(paths), DELETED)])
        freed.size += sum(each.size for each in known)
        freed.size += sum(await at_once(LISTS, self._empty, others))
        freed.blobs += sum(not each.cleared for each in taken)
        await self.ledger.cleared([each.blob for each in taken if self.grace and not each.cleared])
        await self.ledger.forget([each.blob for each in taken if each.cleared or not self.grace])

    async def _empty(self, blob: str) -> int:
        """Remove every segment stored under the name, page by page; return their bytes."""
        size = 0
        with self._telling():
            async for chunk in obstore.list(self.client, prefix=blob, chunk_size=1000):
                await self._delete([entry["path"] for entry in chunk])
                size += sum(entry["size"] for entry in chunk)
        return size

    async def _delete(self, paths: Sequence[str]) -> None:
        if paths:
            with self._telling():
                await obstore.delete_async(self.client, paths)

    async def renew(self) -> None:
        """Renew the leases of everything that has been open for a fraction of the grace."""
        now = time.monotonic()
        old = [each for each in self._open if not each.over and now - each.renewed >= self.grace / 4]
        if old:
            await self.ledger.lease([name for each in old for name in each.names], self.grace)
            for each in old:
                each.renewed = now

    async def _renewing_on(self) -> None:
        while True:
            await asyncio.sleep(self.grace / 8)
            try:
                await self.renew()
            except Exception as failure:
                log.warning("leases could not be renewed: %s", failure)


class _Leased:
    """Open blobs that must not be swept.  ``renewed``: the time from which they were safe for one more grace."""

    def __init__(self, store: S3Blobs, *names: str) -> None:
        self.store, self.names = store, names
        self.renewed = time.monotonic()
        self.over = False
        store.watch(self)

    @property
    def name(self) -> str:
        """Of the only blob."""
        return self.names[0]

    def check(self) -> None:
        """Unreachable if it may have been swept: this process was suspended, or the ledger was unreachable for long."""
        if self.store.grace and time.monotonic() - self.renewed > self.store.grace / 2:
            raise Unreachable("the lease of the bytes that are being written has expired", "lease")


class _S3Writer(_Leased):
    """Buffers bytes until they fill a segment; stores up to AT_ONCE full segments in the background."""

    def __init__(self, store: S3Blobs, name: str) -> None:
        super().__init__(store, name)
        self.block = store.block_size
        self._held: list[bytes] = []
        self._size = self._stored = 0  # bytes buffered, bytes handed to the store
        self._going: list[asyncio.Task[bytes]] = []
        self._nonces: list[bytes] = []
        self._fit, self._sealed, self._noted = True, False, False

    async def write(self, chunks: Sequence[bytes]) -> None:
        async with self._at_work():
            for chunk in chunks:
                self._held.append(chunk)
                self._size += len(chunk)
                if self._size >= self.store.block_size:
                    await self._flush()

    async def settle(self) -> None:
        async with self._at_work():
            await self._flush(all=True)
            await self._wait(0)

    async def seal(self) -> str:
        await self.settle()
        async with self._at_work():
            self.check()
            await self.store.ledger.seal(self.name, self._stored, b"".join(self._nonces))
        self._sealed, self.over = True, True
        return self.name

    async def discard(self) -> None:
        if self._sealed or self.over:
            return
        self._fit, self.over = False, True
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        self._held.clear()
        if self._noted:
            with contextlib.suppress(Unreachable):  # without the mark it becomes garbage later
                await asyncio.shield(self.store.ledger.doom(self.name))

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """Ensures that the ledger knows the blob.  If the block fails, only ``discard`` may be called."""
        if not self._fit or self._sealed:
            raise ValueError("this writer has failed, or was sealed or discarded")
        try:
            if not self._noted:
                self._noted = True
                await self.store.ledger.intend(self.name)
            yield
        except BaseException:
            self._fit = False
            raise

    async def _flush(self, all: bool = False) -> None:
        """Hand full segments to the store; with ``all`` the rest too."""
        data = memoryview(b"".join(self._held))
        block = self.store.block_size
        while len(data) >= block or (all and len(data)):
            await self._wait(AT_ONCE - 1)
            self.check()
            number = len(self._nonces) + len(self._going)
            piece = cast(bytes, data[:block])
            self._going.append(asyncio.ensure_future(self.store.store(self.name, number, [piece])))
            self._stored += len(piece)
            data = data[block:]
        self._held = [bytes(data)] if data else []
        self._size = len(data)

    async def _wait(self, most: int) -> None:
        """Wait until at most ``most`` segments are in flight."""
        while len(self._going) > most:
            self._nonces.append(await asyncio.shield(self._going[0]))
            del self._going[0]


class _S3PartSlot:
    def __init__(self, store: S3Blobs, draft: str, part: int, *, is_sealed: bool) -> None:
        self._store, self._draft, self._part, self._is_sealed = store, draft, part, is_sealed
        self.left = False

    async def write(self, chunks: Sequence[bytes]) -> str:
        if sum(map(len, chunks)) > self._store.block_size:
            raise ValueError(f"part {self._part} is longer than a block")
        if self.left:
            raise ValueError("the slot was released")
        if self._is_sealed:
            raise errors.UploadNotFound("the upload was finished meanwhile")
        await self._store.note(self._draft)
        return (await self._store.store(self._draft, self._part, chunks)).hex()


class _S3Reader(_Leased):
    """Fetches segments ahead of the reader; at most AHEAD + 1 are in memory, and no more than the window allows."""

    has_files = False

    def __init__(self, store: S3Blobs, blob: str, size: int, nonces: bytes) -> None:
        super().__init__(store, blob)
        self.size = size
        self._first, self._nonces = 0, nonces  # the number of the first nonce in memory

    async def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Damaged(f"the blob {self.name} has {self.size} bytes, not {offset + length}")
        block, end = self.store.block_size, offset + length
        fetching: list[asyncio.Task[memoryview]] = []
        following, window, taken = offset, self.store.window, list[int]()
        try:
            while offset < end:
                while following < end and len(fetching) <= (0 if window.is_full else AHEAD):
                    number, start = divmod(following, block)
                    nonce = await self._nonce(number)
                    count = window.take(min(block - start, end - following))
                    taken.append(count)
                    fetching.append(asyncio.ensure_future(self.store.fetch(self.name, number, nonce, start, count)))
                    following += count
                view = await fetching[0]
                del fetching[0]
                for first in range(0, len(view), PIECE):
                    yield cast(bytes, view[first : first + PIECE])
                offset += len(view)
                window.give(taken.pop(0))
        finally:
            window.give(sum(taken))
            for task in fetching:
                task.cancel()
            await asyncio.gather(*fetching, return_exceptions=True)

    def files(self, offset: int, length: int) -> AsyncGenerator[FileRegion, None]:
        raise ValueError("the bytes are in no file")

    async def close(self) -> None:
        self.over = True

    async def _nonce(self, number: int) -> bytes:
        at = number - self._first
        if at < 0 or (at + 1) * NONCE > len(self._nonces):
            self._first, at = number, 0
            self._nonces = await self.store.ledger.kept(self.name, number * NONCE, LISTED * NONCE)
        nonce = self._nonces[at * NONCE : (at + 1) * NONCE]
        if len(nonce) != NONCE:
            raise Damaged(f"the ledger has no segment {number} of the blob {self.name}")
        return nonce


class _S3Hold(_Leased):
    has_files = False

    async def open(self, blob: str) -> BlobReader:
        return await self.store.reader(blob, deleted=True)

    async def close(self) -> None:
        self.over = True


def checked(name: str) -> str:
    """ValueError unless ``name`` has the form of this driver's names: it comes from a catalog and becomes a path."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a blob in segments: {name!r}")
    return name


def _segments(garbage: Garbage) -> Iterator[str]:
    """The paths of the segments in the ledger's list."""
    nonces = garbage.segments or b""
    for number, at in enumerate(range(0, len(nonces), NONCE)):
        yield segment(garbage.blob, number, nonces[at : at + NONCE])


async def at_once(most: int, work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """The results of ``work`` for each item, at most ``most`` at a time; none runs when this returns or raises."""
    turn = asyncio.Semaphore(most)

    async def one(item: T) -> R:
        async with turn:
            return await work(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def segment(blob: str, number: int, nonce: bytes) -> str:
    return f"{blob}/{number:06}-{nonce.hex()}"


def _number(path: str) -> int | None:
    """The number of a segment, from its path; None if no segment has such a path."""
    found = _SEGMENT.fullmatch(path.rpartition("/")[2])
    return int(found[1]) if found else None


def _config(place: S3Place) -> Any:
    given = {"endpoint": place.endpoint, "session_token": place.token}
    return {
        "region": place.region,
        "access_key_id": place.access,
        "secret_access_key": place.secret,
        "virtual_hosted_style_request": place.virtual_hosted,
        **{name: value for name, value in given.items() if value},
    }
