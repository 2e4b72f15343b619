"""Two small interfaces, and what every driver of them promises.

*Blobs* keeps bytes under names that the driver makes up.  *Catalog* keeps names: spaces, objects, uploads and their
parts.  The catalog is the truth: a blob or draft that it does not name is garbage and may be swept at any time.

Both are asynchronous and are called from one event loop; a driver may do the work on threads.  Neither knows HTTP, a
signature or who is asking.  A driver raises ``protocol.errors`` where its docstrings say so, Unreachable when what it
works on is away for the moment, and OSError (or its own library's errors) when the machine fails.

Everything acknowledged is durable: when a method that stores returns, the effect survives kill -9 and, unless the
driver was opened with ``fsync=False``, loss of power.  A method that is cancelled may or may not have had its effect.
"""

from __future__ import annotations

import builtins
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

__all__ = [
    "CAUSES",
    "DAY",
    "KEEP",
    "Absent",
    "BlobReader",
    "BlobWriter",
    "Blobs",
    "Catalog",
    "CatalogPage",
    "Census",
    "Compacted",
    "Damaged",
    "DayUsage",
    "Freed",
    "Garbage",
    "Holding",
    "KeyRecord",
    "Ledger",
    "Named",
    "NoRoom",
    "ObjectRecord",
    "OpenUploads",
    "PartRecord",
    "PartSlot",
    "Quarantined",
    "SpaceRecord",
    "StaleUpload",
    "SweepStopped",
    "TokenRecord",
    "Unreachable",
    "Unusable",
    "UploadRecord",
]

DAY = 86400  # seconds
KEEP = 7.0 * DAY  # seconds that what a sweep finds without a name is kept


#: Why a database or a store failed, as the metrics count it.
CAUSES = (
    *("database", "bucket", "full", "denied", "redirect", "conflict", "busy", "failed", "name", "certificate"),
    *("refused", "timeout", "broken", "lease", "slot", "damaged"),
)


class Unreachable(OSError):
    """The database or the store does not answer now, or refuses for now: the same may succeed a little later.

    A write that raises this may have had its effect.  ``cause``: out of CAUSES.
    """

    def __init__(self, message: str, cause: str = "database") -> None:
        super().__init__(errno.EAGAIN, message)
        self.cause = cause


class Damaged(OSError):
    """Bytes that were acknowledged are gone or cut short.  Asking again does not help; ``fsck`` names the objects."""

    cause = "damaged"

    def __init__(self, message: str) -> None:
        super().__init__(errno.EIO, message)


class Unusable(RuntimeError):
    """What is there cannot be used, and starting again does not help; one line that says what to do."""


class Absent(Unusable):
    """There is no catalog, or no place of blobs, where one must be; one line that says so."""


class NoRoom(RuntimeError):
    """The disk has too little room for it; one line that says how much it takes.  Nothing was changed."""


class SweepStopped(RuntimeError):
    """A sweep would take so much that the catalog is likely the wrong one.  Nothing was taken."""


@dataclass(frozen=True, slots=True)
class SpaceRecord:
    """One space.  ``space_id``: made by the caller, unique for ever.  Times: unix seconds.

    ``domains``: host names of its own, lower-case, in the order given.
    """

    space_id: str
    name: str
    owner: str
    type: str = "private"
    region: str = ""
    biz: str = "general"
    tag: str = "Default"
    storage_class: str = "STANDARD"
    created: int = 0
    modified: int = 0
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A key pair that may do less than its owner.  Times: unix seconds.

    ``token_id``, ``public``: made by the caller, unique for ever.  ``private`` is kept as it is: signatures need it.
    """

    token_id: str
    owner: str
    name: str
    public: str
    private: str = field(repr=False)
    region: str = ""
    ops: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ("*",)
    spaces: tuple[str, ...] = ("*",)
    black_ips: tuple[str, ...] = ()
    white_ips: tuple[str, ...] = ()
    expires: int = 0
    created: int = 0
    modified: int = 0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key pair that may do all that its owner may.  ``created``: unix seconds.

    ``public``: unique.  ``private`` is kept as it is given: encrypted.
    """

    public: str
    owner: str
    private: str = field(repr=False)
    created: int = 0


@dataclass(frozen=True, slots=True)
class DayUsage:
    """``day``: whole days since 1970, UTC.  ``stored``: bytes, of those there now, that were there by its end.
    ``sent``: bytes served on it.  ``received``: bytes of uploads that came on it."""

    day: int
    stored: int
    sent: int
    received: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """What a space of an account holds.  ``stored``, ``uploads_stored``: bytes of objects, and of unfinished uploads.
    ``sent``, ``received``: bytes served from it and uploaded to it since it was made."""

    account: str
    space: str
    objects: int = 0
    stored: int = 0
    uploads: int = 0
    uploads_stored: int = 0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """How much a catalog names.  ``stored``: bytes of all objects, each counted under every key that it has.
    ``unnamed``: blobs and drafts of a ledger that no object names, those of running uploads among them."""

    spaces: int
    objects: int
    stored: int
    uploads: int
    parts: int
    unnamed: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """``before``, ``after``: bytes that the catalog takes.  ``waited``: seconds that writers had to wait at most."""

    before: int
    after: int
    waited: float


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Uploads neither finished nor aborted, and bytes of their parts; of them the stale ones."""

    count: int
    stored: int
    stale: int
    stale_stored: int


@dataclass(slots=True)  # frozen, it would be nine times as dear to make, and each request and listing makes some
class ObjectRecord:
    """One object; not to be changed.  ``blob`` names its bytes in Blobs; None means that they are in ``inline``.

    ``headers``: (name, value) pairs stored with the object and replayed with it, metadata included.
    ``size``: bytes.  ``etag``: unquoted.  ``created``, ``modified``: unix seconds.
    ``tags``: (key, value) pairs.  ``acl``: who may read it beside those who may read the space, "" for nobody.
    ``ready``, ``expires``: unix seconds from and until which an archived object can be read, 0 if never asked for.
    """

    space_id: str
    key: str
    size: int
    etag: str
    mime: str
    blob: str | None = None
    inline: bytes | None = None
    storage_class: str = "STANDARD"
    headers: tuple[tuple[str, str], ...] = ()
    created: int = 0
    modified: int = 0
    tags: tuple[tuple[str, str], ...] = ()
    acl: str = ""
    ready: int = 0
    expires: int = 0


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One unfinished multipart upload.  ``draft`` names its bytes in Blobs.  ``created``: unix seconds."""

    upload_id: str
    space_id: str
    key: str
    draft: str
    mime: str | None = None
    storage_class: str = "STANDARD"
    headers: tuple[tuple[str, str], ...] = ()
    created: int = 0


@dataclass(frozen=True, slots=True)
class StaleUpload:
    """An unfinished upload that had no new part for long.  ``space``: its name.  ``account``: whose the space is."""

    upload_id: str
    space: str
    account: str
    key: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One stored part.  ``part``: number from 0.  ``etag``: unquoted.  ``location``: what PartSlot.write returned."""

    part: int
    etag: str
    size: int
    mime: str | None = None
    location: str = ""
    created: int = 0


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """One page of a listing, in ascending order of the key's UTF-8 bytes.

    ``next_marker``: give it as ``marker`` to go on; "" when this was the last page.
    """

    objects: list[ObjectRecord] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_marker: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What sweeps put aside and nobody took back.  ``size``: bytes."""

    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """A blob or draft of a ledger that no object names.  ``doomed``: it was deleted, discarded or claimed already.
    ``cleared``: its segments were removed once.  ``size``: bytes.  ``segments``: the whole list of its segments, None
    if it was never sealed or the list is a long one."""

    blob: str
    doomed: bool
    cleared: bool
    size: int = 0
    segments: bytes | None = None


@dataclass(slots=True)
class Freed:
    """What a sweep has freed so far: blobs and drafts, those that were deleted included, and their bytes."""

    blobs: int = 0
    size: int = 0


#: Answers which of these names the catalog knows.
Named = Callable[[Sequence[str]], Awaitable[set[str]]]


class BlobReader(Protocol):
    """The bytes of one blob, the same bytes until closed even if the blob is deleted meanwhile."""

    #: Bytes there.  Never less than the object has; what is behind the object's own size is not part of it (see seal).
    size: int
    #: An open regular file with the blob's bytes from offset 0, for sendfile; None if the driver has none.
    file: BinaryIO | None

    def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """Yield ``length`` bytes from ``offset`` in pieces of at most 1 MiB.  OSError if there are fewer."""

    async def close(self) -> None:
        """Free what this holds.  Calling it twice is allowed."""


class BlobWriter(Protocol):
    """A blob being written from start to end.  Nothing of it is visible until ``seal``."""

    #: Bytes that it holds until it has so many of them; 0: it holds nothing.
    block: int

    async def settle(self) -> None:
        """Store what it holds.  Unless that was whole blocks, nothing more can be written.  Fails as ``write``."""

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append all the chunks.  After an OSError, as ENOSPC, or a cancel the writer is fit for ``discard`` only."""

    async def seal(self) -> str:
        """Make it durable and return the blob's name.  Nothing written at all: an empty blob.

        Afterwards write and seal raise ValueError.
        """

    async def discard(self) -> None:
        """Remove what was written.  After ``seal`` has returned, or called twice, it does nothing."""


class PartSlot(Protocol):
    """The right to write one part of one draft, held by one task of one process at a time."""

    async def write(self, chunks: Sequence[bytes]) -> str:
        """Store the part's bytes (all of them, in order), durably.  Return its location, "" if it needs none.

        Until the catalog names the part, writing it again replaces the bytes.  ValueError if they are more than a
        block.  ``errors.UploadNotFound`` where that would change sealed bytes: the upload was finished meanwhile.
        """


class Blobs(Protocol):
    """Bytes.  Promises: a broken or discarded write leaves nothing; sealed bytes never change; a BlobReader sees all of
    one version or raises."""

    #: Every part of a draft but the last is exactly this long.
    block_size: int
    #: Seconds that what a sweep finds without a name is kept.  May be changed at any time.
    keep: float

    async def start(self, *, create: bool = True) -> None:
        """Make ready.  OSError with a path if the place is unusable.  Started already, it is only looked at again.

        ``create``: make what is missing; otherwise Absent if there is no such place.
        """

    async def close(self) -> None:
        """Free everything.  Writers and readers still open may fail afterwards."""

    async def check(self) -> None:
        """Return if a write would work now; raise OSError with the reason otherwise.  For readiness probes."""

    async def identity(self) -> str | None:
        """What the catalog that names these blobs has too; None if nobody said yet."""

    async def identify(self, identity: str) -> None:
        """Keep it, in place of any other.  ``identity``: 32 hex digits."""

    async def has_any(self, names: Sequence[str]) -> bool:
        """Whether there are bytes of one of these blobs and drafts."""

    async def is_empty(self) -> bool:
        """Whether there is no byte of any blob or draft, named or not."""

    async def writer(self) -> BlobWriter:
        """A new blob, to be written from start to end."""

    def draft(self) -> str:
        """The name for the bytes of a new multipart upload.  Nothing is stored yet; never the same twice."""

    def part(self, draft: str, part: int) -> AbstractAsyncContextManager[PartSlot]:
        """Hold the slot of one part.  A second taker, in this process or in another on the same store, waits.

        The caller looks the upload and the part up in the catalog after entering and records the part before leaving,
        so a part that the catalog names is never written over.  Do not call seal from inside: it waits for the slots.
        """

    async def seal(
        self, draft: str, parts: Sequence[PartRecord], confirm: Callable[[], Awaitable[None]] | None = None
    ) -> str:
        """Turn the draft into a blob made of exactly these parts, durable, and return the blob's name.

        Copies no data.  Calling it again with the same parts, even after a crash in between, returns the same name; if
        the catalog did not finish, more parts may be stored and it be called again with those too.  With no parts the
        blob is empty.  Bytes behind the last part are cut off, except where that could take bytes from another finish
        of the same upload: so serve the size that the catalog has.  OSError if bytes of a part are missing; ValueError
        unless the parts are 0, 1, 2 ... in order, all but the last one block long.

        ``confirm``: raises if the catalog names other parts than these.  A driver that cuts awaits it while no part can
        be stored, and before anything is changed: a part that was acknowledged after the list was read is never cut.
        """

    async def discard(self, draft: str) -> None:
        """Remove a draft (sealed or not).  A draft that does not exist is no error.

        Only for a draft that ``Catalog.abort`` or ``delete_space`` returned: a finished upload's draft is a blob.
        """

    async def open(self, blob: str) -> BlobReader:
        """Read a blob.  FileNotFoundError if it is gone."""

    async def delete(self, blob: str) -> None:
        """Remove a blob.  One that does not exist is no error; readers already open go on."""

    async def sweep(self, named: Named, older_than: float, freed: Freed | None = None, *, limited: bool = True) -> int:
        """Take blobs, drafts and half-written files that nobody names; return how many.

        They are not removed yet: a driver puts them into a quarantine, or leaves them where they are, for the time that
        it was made with (KEEP), and takes back by itself what has a name again.  Files touched after ``older_than``
        (unix seconds) are left alone.  A driver that only puts aside what it is told to delete or discard ends that
        here, and does not count it.
        ``freed``: counts all that is freed, step by step, so it is right also if the sweep raises.
        ``limited``: SweepStopped, and nothing is taken, if that would be over 100 files and over a tenth of all.
        """

    async def take_back(self, named: Named) -> int:
        """Bring back from the quarantine what has a name; return how many."""

    async def quarantined(self) -> Quarantined:
        """What is in the quarantine."""

    async def relieve(self, named: Named, free: int) -> int:
        """Remove from the quarantine, the oldest first, until so many bytes of the disk are free; how many files."""


class Catalog(Protocol):
    """Names.  Each method is one transaction: it happens as a whole, or not at all with an exception.

    Keys are text of 1 to 1023 UTF-8 bytes; order is that of the bytes.  Methods that take an object away return the
    blobs that no object names any more; the caller deletes those from Blobs *after* the method has returned.
    """

    async def start(self, *, create: bool = True) -> None:
        """Open and migrate the schema.  Unusable if the schema is newer than this program.  Open already: nothing.

        ``create``: make the catalog if there is none; otherwise Absent.
        """

    async def close(self) -> None:
        """Do what was asked before, then free everything.  Other methods raise RuntimeError afterwards."""

    async def check(self) -> None:
        """Return if the catalog answers and can be written; raise otherwise."""

    async def identity(self) -> str | None:
        """What the blobs that it names have too; None if nobody said yet."""

    async def problems(self) -> builtins.list[str]:
        """What the database itself finds damaged in its tables and indexes, a few lines; reads all of it.

        PostgreSQL is not asked: its own tool is pg_amcheck.
        """

    async def upkeep(self) -> None:
        """Keep what it takes on a disk small, for ever or until there is nothing to do; for one process of a server."""

    async def compact(self) -> Compacted:
        """Give back to the disk what deleted rows took, beside running servers.  NoRoom."""

    async def identify(self, identity: str) -> str:
        """Keep it, unless there is one already; the one that counts.  ``identity``: 32 hex digits."""

    async def sample(self, limit: int) -> builtins.list[str]:
        """At most so many blobs that objects name, and as many drafts of uploads that have parts."""

    # Spaces

    async def create_space(self, space: SpaceRecord) -> None:
        """``errors.SpaceExists`` if the name is taken, by anyone; ``errors.DomainTaken`` if one of its domains is."""

    async def space(self, name: str) -> SpaceRecord | None: ...

    async def space_of_domain(self, domain: str) -> SpaceRecord | None:
        """The space that has this domain, lower-case."""

    async def spaces(self, owner: str, offset: int, limit: int) -> builtins.list[SpaceRecord]:
        """The owner's spaces in order of name."""

    async def all_spaces(self, after: str, limit: int) -> builtins.list[SpaceRecord]:
        """Everybody's spaces in order of name, behind the name ``after``; for an operator."""

    async def update_space(self, name: str, *, type: str | None, storage_class: str | None, modified: int) -> None:
        """None leaves a value as it is.  ``errors.SpaceNotFound`` if there is none."""

    async def delete_space(self, name: str) -> builtins.list[str]:
        """Remove an empty space, its domains and its unfinished uploads; return the drafts of those, to be discarded.

        ``errors.SpaceNotFound``; ``errors.SpaceNotEmpty`` while it holds an object.
        """

    # Objects

    async def put(
        self, record: ObjectRecord, *, overwrite: bool = True, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        """Store or replace; return the blobs no longer named.

        ``record.created`` is kept from the object replaced, if any.  ``errors.SpaceNotFound`` if the space is gone,
        ``errors.AlreadyExists`` if the key is taken and ``overwrite`` is false.
        ``source``: the object that the record was made from (a copy, or the same key with other headers).
        ``errors.NotFound`` unless it is still there with the same blob, etag and size, and all else the same too if it
        is the key that is written; without this a copy may name a blob that was deleted meanwhile, and a change of
        headers may bring back bytes, or undo another change.
        """

    async def rename(
        self, space_id: str, key: str, new_key: str, *, overwrite: bool, modified: int
    ) -> builtins.list[str] | None:
        """Give an object another key; return the blobs no longer named, or None if there is no such object.

        ``errors.AlreadyExists`` if the new key is taken and ``overwrite`` is false.  The same key changes nothing.
        """

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        """The object with its inline bytes, if it has any."""

    async def find(self, owner: str, etag: str, size: int) -> ObjectRecord | None:
        """Any object with this etag and size in a space of the owner, with its inline bytes; for UploadHit.

        One of class ARCHIVE does not count: its bytes may not be readable.
        """

    async def delete(self, space_id: str, key: str) -> builtins.list[str] | None:
        """Remove; return the blobs no longer named, or None if there was no such object."""

    async def list(self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "") -> CatalogPage:
        """At most ``limit`` objects and common prefixes together, keys beginning with ``prefix``, after ``marker``.

        Never fills ``inline``.  With a delimiter, keys that hold it behind the prefix are rolled up into one common
        prefix (delimiter included), which counts once; a marker that is a common prefix skips all below it; and an
        object equal to a prefix that ends with the delimiter is left out.  Any page costs about what the first does.
        """

    async def walk(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        """At most ``limit`` objects of all spaces behind this (space_id, key), None for the first ones.

        Never fills ``inline``.  Every object that is there all the while is met once; the order is the driver's.
        """

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        """What the deprecated GetFileList asks for; costs more the farther in."""

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        """``errors.SpaceNotFound`` if the space is gone."""

    async def upload(self, upload_id: str) -> UploadRecord | None: ...

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int
    ) -> builtins.list[UploadRecord]:
        """Unfinished uploads with (key, upload_id) after (marker, upload_id_marker), ascending.

        With ``upload_id_marker`` "" all uploads of the key ``marker`` itself are skipped.
        """

    async def open_uploads(self, before: int) -> OpenUploads:
        """Of all spaces.  Stale: begun, and the last part stored, before ``before``, unix seconds.  Reads all parts."""

    async def part(self, upload_id: str, part: int) -> PartRecord | None: ...

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        """``errors.UploadNotFound`` if the upload is gone, ``errors.PartExists`` if the number is taken."""

    async def parts(self, upload_id: str, first: int, limit: int | None) -> builtins.list[PartRecord]:
        """Parts with number >= first, ascending; None for all of them."""

    async def count_parts(self, upload_id: str) -> int:
        """How many parts there are; 0 of an upload that is gone."""

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        """Store the object and forget the upload and its parts, as one; return the blobs no longer named.

        ``errors.AlreadyExists`` if the key is taken and ``overwrite`` is false; the upload then stays.
        ``errors.UploadNotFound`` if the upload is gone: of two that finish at once, one gets this.
        ``parts``: how many parts the object has.  ``errors.InvalidPartList`` if there are others by now; all stays.
        """

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        """At most so many uploads that were begun, and had their last part, before ``before``, unix seconds.

        ``space_id``: of that space only.
        """

    async def abort(self, upload_id: str, before: int | None = None) -> str | None:
        """Forget the upload; return its draft, to be discarded, or None if there is no such upload.

        ``before``: None too, and nothing changed, unless it is stale as ``stale_uploads`` has it.  A part that is added
        at the same time is seen by this, or is told UploadNotFound.
        """

    # Tokens

    async def create_token(self, token: TokenRecord, limit: int) -> None:
        """``errors.TooManyTokens`` if the owner has ``limit`` of them already."""

    async def token(self, public: str) -> TokenRecord | None: ...

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        """All of the owner's, oldest first."""

    async def update_token(self, token: TokenRecord) -> None:
        """Replace the one with this token_id and owner, but for its private key, which stays.

        ``errors.TokenNotFound``.
        """

    async def delete_token(self, owner: str, token_id: str) -> None:
        """``errors.TokenNotFound``."""

    async def all_tokens(self) -> builtins.list[TokenRecord]:
        """Of every owner."""

    async def reencrypt(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        """Give tokens and key pairs the private key that ``change`` says, None to leave one as it is.

        All in one transaction, while nobody adds or changes one; how many (tokens, keys) were changed.  ``change`` may
        be called on another thread, and again for the same record if the transaction is tried again.
        """

    # Programs

    async def oldest_program(self) -> int:
        """The schema of the oldest program that may run on this catalog now, 0 if it does not know of this question.

        What is written must be such that it can be read by that program.
        """

    async def retire_older(self) -> None:
        """Say that no program older than this one runs any more; none can start again, as the schema is too new."""

    # Key pairs beside the server's own

    async def add_key(self, key: KeyRecord) -> bool:
        """False, and nothing changed, if there is one with this public key."""

    async def key(self, public: str) -> KeyRecord | None: ...

    async def keys(self) -> builtins.list[KeyRecord]:
        """All of them, oldest first."""

    async def remove_key(self, public: str) -> bool:
        """False if there was none.  What its owner has stays."""

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int] | None = None) -> None:
        """Add bytes served and uploaded on a day (since 1970, UTC) to what is counted already, by the space's name.

        A space that does not exist any more is left out.
        """

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        """What these spaces together stored and sent on each day from ``first`` to ``last``.  Reads every object."""

    async def holdings(self) -> builtins.list[Holding]:
        """Of every space, in order of account and name.  Counts every object, as it goes: what is changed meanwhile
        may or may not be in it."""

    async def census(self) -> Census:
        """Counts every object; for an operator."""

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        """Those of these blob and draft names that an object or an upload names."""


class Ledger(Protocol):
    """What blobs in segments are made of, for drivers of Blobs whose store knows no rename, lock or age to rely on.

    Kept in the database of the catalog, so that naming a blob and finding it unnamed exclude each other: a blob is born
    unnamed, an object that names it ends that, and the last one that stops naming it begins it again.  All times are
    of the database's clock, so gateways may disagree about theirs.
    """

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def intend(self, blob: str) -> None:
        """Note that segments of a blob or draft are going to be stored.  Known already: nothing happens."""

    async def seal(self, blob: str, size: int, segments: bytes) -> None:
        """Keep what it is made of.  More segments than are known replace them, fewer change nothing.

        FileNotFoundError if it was deleted, discarded or swept.
        """

    async def segments(self, blob: str, first: int, length: int) -> tuple[int, bytes] | None:
        """(size of the blob, bytes of the segment list from byte ``first`` on); None if it is not sealed or is gone.

        Readers that are open may go on asking after the blob was deleted: see ``kept``.
        """

    async def kept(self, blob: str, first: int, length: int) -> bytes:
        """As ``segments``, of a blob that may have been deleted meanwhile; b"" once it is swept."""

    async def doom(self, blob: str) -> None:
        """It was deleted: nobody opens it from now on.  One that is not known is no error.

        One that has a name is left alone: whoever says so was not told that its own transaction has named it.
        """

    async def lease(self, blobs: Sequence[str], seconds: float) -> None:
        """Keep these from being swept for so long, whether they are named or not."""

    async def garbage(self, age: float, kept: float, after: str, limit: int, longest: int) -> Sequence[Garbage]:
        """Those that nobody has named for so long and nobody leases, in order of name, behind ``after``.

        ``age``: seconds since they were doomed.  ``kept``: seconds for those that were not.
        ``longest``: bytes of a segment list that is told.
        """

    async def claim(self, blobs: Sequence[str], age: float) -> set[str]:
        """``doom``, unless named or leased meanwhile; those that are doomed now.

        One that another transaction is at is left out: it is being named, or another gateway claims it.
        """

    async def cleared(self, blobs: Sequence[str]) -> None:
        """Their segments were removed: what comes late is removed when they are garbage once more."""

    async def forget(self, blobs: Sequence[str]) -> None:
        """Nothing of them is left."""

    def slot(self, draft: str, part: int) -> AbstractAsyncContextManager[int]:
        """Hold a lock against all processes; gives how many bytes the draft's segment list has, 0 if not sealed.

        It is freed when the process dies.  Unreachable if another holds it for too long.
        """
