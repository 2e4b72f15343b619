"""The two interfaces of storage, and what every driver of them promises.

*Blobs* stores bytes under names that the driver makes up.  *Catalog* stores the names of the service: spaces, objects,
uploads and their parts.  The catalog is the truth: a blob or draft that it does not name is garbage and may be swept at
any time.

Both are asynchronous and are called from one event loop; a driver may do the work on threads.  Neither knows HTTP,
signatures or the caller's identity.  A driver raises ``protocol.errors`` where its docstrings list them, Unreachable
while its database or store is unavailable, and OSError (or its own library's errors) when the machine fails.

Everything acknowledged is durable: when a method that stores returns, the effect survives kill -9 and, unless the
driver was opened with ``fsync=False``, loss of power.  A cancelled method may or may not have had its effect.
"""

from __future__ import annotations

import builtins
import errno
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol

__all__ = [
    "CAUSES",
    "DAY",
    "KEEP",
    "MOST_EXTENTS",
    "PART_LIST",
    "PART_LISTS",
    "Absent",
    "BlobHold",
    "BlobReader",
    "BlobWriter",
    "Blobs",
    "Catalog",
    "CatalogPage",
    "Census",
    "Compacted",
    "Damaged",
    "DayUsage",
    "Expected",
    "Extent",
    "ExtentPart",
    "FileRegion",
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
    "S3Facts",
    "S3Upload",
    "SpaceRecord",
    "StaleUpload",
    "SweepStopped",
    "TokenRecord",
    "Unreachable",
    "Unusable",
    "UploadRecord",
    "is_part_list",
    "new_part_list",
]

DAY = 86400  # seconds
KEEP = 7.0 * DAY  # seconds that a sweep keeps unnamed files
MOST_EXTENTS = 100_000  # of one part list
PART_LISTS = 7  # the first schema whose programs can read part lists, S3 uploads and S3Facts
PART_LIST = "parts-"  # how the name of a part list begins; no driver of Blobs gives a blob such a name


#: The causes of a database or store failure, as the metrics count them.
CAUSES = (
    *("database", "bucket", "full", "denied", "redirect", "conflict", "busy", "failed", "name", "certificate"),
    *("refused", "timeout", "broken", "lease", "slot", "damaged"),
)


class Unreachable(OSError):
    """The database or the store does not answer, or refuses, at the moment: a later attempt may succeed.

    A write that raises this may have had its effect.  ``cause``: one of CAUSES.
    """

    def __init__(self, message: str, cause: str = "database") -> None:
        super().__init__(errno.EAGAIN, message)
        self.cause = cause


class Damaged(OSError):
    """Acknowledged bytes are gone or cut short.  A retry does not help; ``fsck`` lists the objects."""

    cause = "damaged"

    def __init__(self, message: str) -> None:
        super().__init__(errno.EIO, message)


class Unusable(RuntimeError):
    """The storage cannot be used, and a restart does not help.  The text is one line that says what to do."""


class Absent(Unusable):
    """The catalog or the place of the blobs does not exist, and it must.  The text is one line that says so."""


class NoRoom(RuntimeError):
    """The disk has too little free space.  The text is one line that says how much is needed.  Nothing was changed."""


class SweepStopped(RuntimeError):
    """A sweep would remove so many files that the catalog is probably the wrong one.  Nothing was removed."""


@dataclass(frozen=True, slots=True)
class SpaceRecord:
    """One space.  ``space_id``: made by the caller, never used again.  Times: unix seconds.

    ``domains``: the space's own host names, lower-case, in the order given.
    ``documents``: (kind, text) of settings that only S3 has, for example ("cors", ...), by kind.
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
    documents: tuple[tuple[str, str], ...] = ()

    def document(self, kind: str) -> str | None:
        """The text of this kind; None if it is not set."""
        return next((text for name, text in self.documents if name == kind), None)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A key pair with fewer rights than its owner.  Times: unix seconds.

    ``token_id``, ``public``: made by the caller, never used again.  ``private``: stored as given; signatures need it.
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
    """A key pair with all the rights of its owner.  ``created``: unix seconds.

    ``public``: unique.  ``private``: encrypted by the caller, stored as given.
    """

    public: str
    owner: str
    private: str = field(repr=False)
    created: int = 0


@dataclass(frozen=True, slots=True)
class DayUsage:
    """The usage of one day.  ``day``: whole days since 1970, UTC.  ``stored``: bytes of the objects that exist now and
    existed at the end of that day.  ``sent``: bytes served on that day.  ``received``: bytes uploaded on that day."""

    day: int
    stored: int
    sent: int
    received: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """What one space of an account contains.  ``stored``, ``uploads_stored``: bytes of objects, and of unfinished
    uploads.  ``sent``, ``received``: bytes served from the space and uploaded to it since it was created.
    ``infrequent``, ``archived``: how many of the objects have the class IA or ARCHIVE."""

    account: str
    space: str
    objects: int = 0
    stored: int = 0
    uploads: int = 0
    uploads_stored: int = 0
    sent: int = 0
    received: int = 0
    infrequent: int = 0
    infrequent_stored: int = 0
    archived: int = 0
    archived_stored: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """Counts of everything in a catalog.  ``stored``: bytes of all objects; shared bytes count once for each key.
    ``unnamed``: blobs and drafts of a ledger that no object names, including those of running uploads."""

    spaces: int
    objects: int
    stored: int
    uploads: int
    parts: int
    unnamed: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """``before``, ``after``: bytes of the catalog.  ``waited``: the longest wait of a writer, in seconds."""

    before: int
    after: int
    waited: float


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Uploads neither finished nor aborted, and the bytes of their parts; the stale ones are also counted apart."""

    count: int
    stored: int
    stale: int
    stale_stored: int


def new_part_list() -> str:
    """A name for a part list, never returned twice."""
    return PART_LIST + uuid.uuid4().hex


def is_part_list(blob: str | None) -> bool:
    """Whether this names a part list, not a blob: the bytes are in other blobs, which the catalog knows."""
    return blob is not None and blob.startswith(PART_LIST)


class Extent(NamedTuple):
    """``length`` bytes of a blob from ``offset`` on."""

    blob: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class ExtentPart:
    """One part of an upload that S3 began, or of its object: any number of bytes, which are extents of blobs.

    ``number``: from 1; numbers may be missing.  ``md5``: 32 hex digits.  ``checksum``: as the caller wrote it, "" if
    there is none.  ``digests``: the SHA-1 of each 4 MiB of the part, 20 bytes each, b"" if unknown; an object's part
    has none.  ``created``: unix seconds; 0 in an object's part.
    """

    number: int
    size: int
    md5: str
    extents: tuple[Extent, ...] = ()
    checksum: str = ""
    digests: bytes = field(default=b"", repr=False)
    created: int = 0


@dataclass(slots=True)  # not frozen, as ObjectRecord
class S3Facts:
    """What only S3 shows of an object; "" for what it does not have.  Its tags and its metadata are in ObjectRecord.

    Do not change it.

    ``etag``: unquoted.  ``checksum``: its value, without the name of the ``algorithm``.  ``checksum_type``: FULL_OBJECT
    or COMPOSITE.  ``upload_id``: of the upload that was finished with this object; a copy must not have it.
    ``redirect``: of a website.  ``acl``: the canned ACL that S3 set.
    """

    etag: str = ""
    checksum: str = ""
    algorithm: str = ""
    checksum_type: str = ""
    upload_id: str = ""
    redirect: str = ""
    acl: str = ""


@dataclass(frozen=True, slots=True)
class S3Upload:
    """What only S3 needs of an upload that it began; "" for what the upload does not have.

    ``initiator``: who began it.  ``algorithm``, ``checksum_type``: of its checksums.  ``tags``, ``acl``, ``redirect``:
    of the object.
    """

    initiator: str = ""
    algorithm: str = ""
    checksum_type: str = ""
    acl: str = ""
    redirect: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)  # not frozen: creating a frozen one takes nine times as long, per request
class ObjectRecord:
    """One object.  Do not change it.  ``blob`` names its bytes in Blobs; None means that they are in ``inline``.

    ``blob`` may also name a part list (``is_part_list``): ``uvideo.storage.extents`` opens either.

    ``headers``: (name, value) pairs stored with the object and returned with it, metadata included.
    ``size``: bytes.  ``etag``: unquoted.  ``created``, ``modified``: unix seconds.  ``tags``: (key, value) pairs.
    ``acl``: who may read the object in addition to the readers of the space, "" for nobody.
    ``ready``, ``expires``: unix seconds from and until which an archived object can be read, 0 without a restore.
    ``s3``: None for an object of which S3 shows nothing more than the rest of the record.
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
    s3: S3Facts | None = None


#: Returns if the object is as the caller of a write expects it (None: there is no object), else raises the refusal.
#: It is called within the transaction, maybe on another thread, and again in a retry.
Expected = Callable[[ObjectRecord | None], None]


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One unfinished multipart upload.  ``draft`` names its bytes in Blobs.  ``created``: unix seconds.

    ``s3``: None for an upload that UFile began.  The other ones have parts of any size, each an ExtentPart, and
    ``draft`` is the name of the part list that they become.
    """

    upload_id: str
    space_id: str
    key: str
    draft: str
    mime: str | None = None
    storage_class: str = "STANDARD"
    headers: tuple[tuple[str, str], ...] = ()
    created: int = 0
    s3: S3Upload | None = None


@dataclass(frozen=True, slots=True)
class StaleUpload:
    """An unfinished upload without a new part for long.  ``space``: its name.  ``account``: the space's owner."""

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

    ``next_marker``: the ``marker`` of the next page; "" if this is the last page.
    """

    objects: list[ObjectRecord] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_marker: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The files that sweeps put into quarantine and that are still there.  ``size``: bytes."""

    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """A blob or draft of a ledger that no object names.  ``doomed``: it was already deleted, discarded or claimed.
    ``cleared``: its segments were removed once.  ``size``: bytes.
    ``segments``: its whole segment list, None if it was never sealed or the list is long."""

    blob: str
    doomed: bool
    cleared: bool
    size: int = 0
    segments: bytes | None = None


@dataclass(slots=True)
class Freed:
    """What a sweep has freed so far: the number of blobs and drafts, deleted ones included, and their bytes."""

    blobs: int = 0
    size: int = 0


#: Returns those of the given names that the catalog knows.
Named = Callable[[Sequence[str]], Awaitable[set[str]]]


class FileRegion(NamedTuple):
    """``length`` bytes from ``offset`` of an open regular file, for sendfile.  ``blob``: its name, for messages."""

    blob: str
    file: BinaryIO
    offset: int
    length: int


class BlobReader(Protocol):
    """The bytes of one blob.  They stay the same until ``close``, even if the blob is deleted in the meantime."""

    #: Bytes in the blob, at least the object's size.  Bytes beyond the object's size are not part of it (see seal).
    size: int
    #: Whether the bytes are in regular files of this machine, so that ``files`` may be called.
    has_files: bool

    def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """Yield ``length`` bytes from ``offset`` in pieces of at most 1 MiB.  OSError if there are fewer."""

    def files(self, offset: int, length: int) -> AsyncGenerator[FileRegion, None]:
        """Yield regions of files with these bytes, in order.  A file may be closed when the next one is asked for."""

    async def close(self) -> None:
        """Free the resources of the reader.  Calling it twice is allowed."""


class BlobHold(Protocol):
    """Keeps the bytes of some blobs until ``close``, even if they are deleted in the meantime."""

    #: As in the readers.
    has_files: bool

    async def open(self, blob: str) -> BlobReader:
        """Read one of the blobs; the caller closes the reader.  FileNotFoundError if its bytes are lost after all."""

    async def close(self) -> None:
        """Let go of the blobs.  Calling it twice is allowed."""


class BlobWriter(Protocol):
    """Writes one blob from start to end.  Nothing of it is visible until ``seal``."""

    #: The writer buffers bytes until it has a block of this size; 0: it does not buffer.
    block: int

    async def settle(self) -> None:
        """Store buffered bytes.  Unless they were whole blocks, nothing more can be written.  Errors as ``write``."""

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append all the chunks.  After an OSError, for example ENOSPC, or a cancellation call only ``discard``."""

    async def seal(self) -> str:
        """Make the blob durable and return its name.  If nothing was written, the blob is empty.

        Afterwards ``write`` and ``seal`` raise ValueError.
        """

    async def discard(self) -> None:
        """Remove what was written.  Does nothing after ``seal`` has returned, or when called again."""


class PartSlot(Protocol):
    """The right to write one part of one draft.  One task of one process holds it at a time."""

    async def write(self, chunks: Sequence[bytes]) -> str:
        """Store all bytes of the part, in order, durably.  Return the part's location, "" if it needs none.

        Until the catalog names the part, writing it again replaces the bytes.  ValueError if they are more than a
        block.  ``errors.UploadNotFound`` if that would change sealed bytes: the upload was finished in the meantime.
        """


class Blobs(Protocol):
    """Stores bytes.  Promises: a broken or discarded write leaves nothing; sealed bytes never change; a BlobReader
    returns the bytes of one version or raises."""

    #: Bytes of every part of a draft except the last.
    block_size: int
    #: Seconds that a sweep keeps unnamed files.  May be changed at any time.
    keep: float

    async def start(self, *, create: bool = True) -> None:
        """Open the store, or only check it again if it is open.  OSError with a path if the place is unusable.

        ``create``: create what is missing; if false, a missing place raises Absent.
        """

    async def close(self) -> None:
        """Free all resources.  Writers and readers that are still open may fail afterwards."""

    async def check(self) -> None:
        """Return if a write would succeed now; otherwise raise OSError with the reason.  For readiness probes."""

    async def identity(self) -> str | None:
        """The identity shared with the catalog that names these blobs; None if none was set yet."""

    async def identify(self, identity: str) -> None:
        """Store the identity; it replaces any other.  ``identity``: 32 hex digits."""

    async def has_any(self, names: Sequence[str]) -> bool:
        """Whether any of these blobs and drafts has bytes."""

    async def is_empty(self) -> bool:
        """Whether the store has no byte of any blob or draft, named or not."""

    async def writer(self) -> BlobWriter:
        """A writer for a new blob."""

    def draft(self) -> str:
        """A new name for the bytes of a multipart upload, never returned twice.  Nothing is stored yet."""

    def part(self, draft: str, part: int) -> AbstractAsyncContextManager[PartSlot]:
        """Hold the slot of one part.  A second taker, in this process or in another on the same store, waits.

        After entering, the caller looks up the upload and the part in the catalog; before leaving, it records the part.
        So a part that the catalog names is never overwritten.  ``seal`` waits for the slots: do not call it in one.
        """

    async def seal(
        self, draft: str, parts: Sequence[PartRecord], confirm: Callable[[], Awaitable[None]] | None = None
    ) -> str:
        """Turn the draft into a durable blob of exactly these parts, and return the blob's name.

        No data is copied.  A second call with the same parts, even after a crash, returns the same name.  If the
        catalog did not finish the upload, more parts may be stored and ``seal`` called again with them too.  With no
        parts the blob is empty.  Bytes beyond the last part are cut off, unless they could belong to another finish of
        the same upload; so always serve the size that the catalog has.  OSError if bytes of a part are missing.
        ValueError unless the parts are 0, 1, 2 ... in order and all but the last are one block long.

        ``confirm``: raises if the catalog names other parts than these.  A driver that cuts bytes off awaits
        ``confirm`` first, while no part can be stored: so a part acknowledged after the list was read is never cut.
        """

    async def discard(self, draft: str) -> None:
        """Remove a draft (sealed or not), or a blob.  One that does not exist is no error.

        Only for what ``Catalog.abort`` or ``delete_space`` returned: a finished upload's draft is a blob.
        """

    async def open(self, blob: str) -> BlobReader:
        """Read a blob.  FileNotFoundError if it is gone."""

    async def hold(self, blobs: Sequence[str]) -> BlobHold:
        """Keep the bytes of these blobs.  However many there are, only a few are open at once.

        FileNotFoundError if one is gone, unless its bytes can still be read.  A disk without hard links, or a full one,
        cannot keep many: ``open`` then fails for those deleted since.
        """

    async def delete(self, blob: str) -> None:
        """Remove a blob.  A blob that does not exist is no error; open readers can still read it."""

    async def sweep(self, named: Named, older_than: float, freed: Freed | None = None, *, limited: bool = True) -> int:
        """Sweep the blobs, drafts and half-written files that nobody names; return how many.

        A driver does not remove them at once: it puts them into quarantine, or leaves them in place, for its keep time
        (KEEP).  By itself it takes back what has a name again.  Files touched after ``older_than`` (unix seconds) are
        left alone.  A driver whose ``delete`` and ``discard`` only put files aside removes those files here, and does
        not count them.

        ``freed``: counts everything freed, step by step, so it is correct even if the sweep raises.

        ``limited``: raise SweepStopped, and take nothing, if that would be over 100 files and over a tenth of all.
        """

    async def take_back(self, named: Named) -> int:
        """Move the files that have a name again out of the quarantine; return how many."""

    async def quarantined(self) -> Quarantined:
        """What is in the quarantine."""

    async def relieve(self, named: Named, free: int) -> int:
        """Remove files from the quarantine, oldest first, until the disk has ``free`` bytes; return how many files."""


class Catalog(Protocol):
    """Stores names.  Each method is one transaction: it has its whole effect, or raises and has none.

    Keys are text of 1 to 1024 UTF-8 bytes, ordered by these bytes.  Methods that remove an object return the blobs that
    nothing names any more; the caller deletes those from Blobs *after* the method has returned.  A blob is named by an
    object, by the part list of an object, or by a part of an unfinished upload that S3 began.  A part list lasts as
    long as an object names it, and is never among the blobs returned.

    S3 uploads, part lists and S3Facts are stored only once no program runs that cannot read them (``oldest_program``);
    until then ``errors.Unavailable``.
    """

    async def start(self, *, create: bool = True) -> None:
        """Open and migrate the schema.  Unusable if the schema is too new for this program.  Does nothing if open.

        ``create``: create the catalog if there is none; if false, a missing catalog raises Absent.
        """

    async def close(self) -> None:
        """Finish the pending calls, then free all resources.  Other methods raise RuntimeError afterwards."""

    async def check(self) -> None:
        """Return if the catalog can be read and written; raise otherwise."""

    async def identity(self) -> str | None:
        """The identity shared with the blobs that this catalog names; None if none was set yet."""

    async def problems(self) -> builtins.list[str]:
        """The damage that the database's own check finds, as a few lines; reads all tables and indexes.

        The PostgreSQL driver checks nothing: PostgreSQL's own tool is pg_amcheck.
        """

    async def upkeep(self) -> None:
        """Keep the catalog's files small.  Runs until it has nothing to do, or forever; in one process of a server."""

    async def compact(self) -> Compacted:
        """Return the disk space of deleted rows to the disk, while servers run.  NoRoom."""

    async def identify(self, identity: str) -> str:
        """Store the identity unless there is one already; return the stored one.  ``identity``: 32 hex digits."""

    async def sample(self, limit: int) -> builtins.list[str]:
        """At most ``limit`` blobs that objects name, as many that parts name, and as many drafts that have parts."""

    # Spaces

    async def create_space(self, space: SpaceRecord) -> None:
        """``errors.SpaceExists`` if anyone has the name; ``errors.DomainTaken`` if anyone has one of the domains."""

    async def space(self, name: str) -> SpaceRecord | None: ...

    async def space_of_domain(self, domain: str) -> SpaceRecord | None:
        """The space with this domain (lower-case), None if there is none."""

    async def spaces(self, owner: str, offset: int, limit: int) -> builtins.list[SpaceRecord]:
        """The owner's spaces, ordered by name."""

    async def all_spaces(self, after: str, limit: int) -> builtins.list[SpaceRecord]:
        """The spaces of all owners after the name ``after``, ordered by name; for an operator."""

    async def update_space(self, name: str, *, type: str | None, storage_class: str | None, modified: int) -> None:
        """Change a space; None leaves a value as it is.  ``errors.SpaceNotFound`` if the space does not exist."""

    async def set_document(self, space_id: str, kind: str, text: str | None) -> None:
        """Set or (None) remove one of a space's documents.  ``errors.SpaceNotFound`` if the space does not exist.

        By its id: another account may have created a space with the same name meanwhile.
        """

    async def delete_space(self, name: str) -> builtins.list[str]:
        """Remove an empty space, its domains and unfinished uploads; return what ``Blobs.discard`` must remove.

        ``errors.SpaceNotFound``; ``errors.SpaceNotEmpty`` while the space has an object.
        """

    # Objects

    async def put(
        self,
        record: ObjectRecord,
        *,
        overwrite: bool = True,
        source: ObjectRecord | None = None,
        expected: Expected | None = None,
    ) -> builtins.list[str]:
        """Store or replace an object; return the blobs that nothing names any more.

        The ``created`` of a replaced object is kept.  ``errors.SpaceNotFound`` if the space is gone,
        ``errors.AlreadyExists`` if the key is taken and ``overwrite`` is false.

        ``source``: the object that the record was made from (the original of a copy, or the same key with other
        headers).  ``errors.NotFound`` unless the source still exists with the same blob, etag and size; if its key is
        the one written, everything else must be the same too.  Without this check a copy could name a blob that was
        deleted in the meantime, and a change of headers could bring back old bytes or undo another change.

        ``expected``: called with the object that would be replaced.  If it raises, nothing is changed.
        """

    async def rename(
        self,
        space_id: str,
        key: str,
        new_key: str,
        *,
        overwrite: bool,
        modified: int,
        expected: Expected | None = None,
    ) -> builtins.list[str] | None:
        """Rename an object; return the blobs that nothing names any more, or None if there is no such object.

        ``errors.AlreadyExists`` if the new key is taken and ``overwrite`` is false.  The same key changes nothing.

        ``expected``: called first, with the object that would be renamed.  If it raises, nothing is changed.
        """

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        """The object, with its inline bytes if it has any; None if it does not exist."""

    async def find(self, owner: str, etag: str, size: int) -> ObjectRecord | None:
        """Any object with this etag and size in a space of the owner, with its inline bytes; for UploadHit.

        Objects of class ARCHIVE do not count: their bytes may not be readable.
        """

    async def delete(self, space_id: str, key: str, *, expected: Expected | None = None) -> builtins.list[str] | None:
        """Remove an object; return the blobs that nothing names any more, or None if there was no such object.

        ``expected``: as in ``put``.
        """

    async def part_list(self, name: str) -> builtins.list[ExtentPart] | None:
        """The parts of a part list, in order; None if no object names it any more."""

    async def extents(self, name: str) -> Sequence[Extent] | None:
        """The extents of a part list, in order: less than ``part_list``, for readers.  None as there.

        Other callers may get the same object: do not change it.
        """

    async def list(
        self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "", *, itself: bool = False
    ) -> CatalogPage:
        """At most ``limit`` objects and common prefixes together; keys begin with ``prefix`` and follow ``marker``.

        Never fills ``inline``.  With a delimiter, keys that contain it after the prefix are rolled up into one common
        prefix (delimiter included), which counts once.  A marker that is a common prefix skips all keys below it.  An
        object whose key equals a prefix ending with the delimiter is left out, unless ``itself`` is set.  Every page
        costs about the same.
        """

    async def walk(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        """At most ``limit`` objects of all spaces after this (space_id, key); None starts at the first.

        Never fills ``inline``.  Every object that exists during the whole walk is returned once, in any order.
        """

    async def unread(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        """At most ``limit`` objects with an etag of more than 32 characters: with one that UFile does not make.

        Of all spaces, ordered by (space_id, key), after this one; None starts at the first.  Never fills ``inline``.
        """

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        """A page for the deprecated GetFileList; a higher offset costs more."""

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        """Store a new upload.  ``errors.SpaceNotFound`` if the space is gone."""

    async def upload(self, upload_id: str, *, s3: bool = False) -> UploadRecord | None:
        """The upload; None also if the other dialect began it.  ``s3``: one that S3 began."""

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int, *, s3: bool = False
    ) -> builtins.list[UploadRecord]:
        """Unfinished uploads with (key, upload_id) after (marker, upload_id_marker), ascending.  ``s3``: as ``upload``.

        With ``upload_id_marker`` "" all uploads of the key ``marker`` itself are skipped.
        """

    async def open_uploads(self, before: int) -> OpenUploads:
        """Counts over all spaces.  Stale: begun and last extended before ``before``, unix seconds.  Reads all parts."""

    async def part(self, upload_id: str, part: int) -> PartRecord | None: ...

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        """``errors.UploadNotFound`` if the upload is gone, ``errors.PartExists`` if the number is taken."""

    async def parts(self, upload_id: str, first: int, limit: int | None) -> builtins.list[PartRecord]:
        """At most ``limit`` parts with number >= first, ascending; None for all of them."""

    async def count_parts(self, upload_id: str) -> int:
        """The number of parts; 0 if the upload is gone."""

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        """Atomically store the object and remove the upload; return the blobs that nothing names any more.

        ``errors.AlreadyExists`` if the key is taken and ``overwrite`` is false; the upload then stays.
        ``errors.UploadNotFound`` if the upload is gone; of two calls at the same time one gets this.
        ``parts``: the number of parts of the object.  ``errors.InvalidPartList``, and nothing changed, if the upload
        now has another number.
        """

    async def replace_part(
        self, upload_id: str, part: ExtentPart, *, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        """Store a part of an S3 upload, instead of an earlier one with its number if there is one.

        Returns the blobs that nothing names any more.  Of two calls with one number the later commit wins.
        ``errors.UploadNotFound`` if the upload is gone: the caller deletes the part's blobs.

        ``source``: the object whose bytes the part names or repeats.  ``errors.NotFound`` as for a copy in ``put``.
        Without it the blobs are new.
        """

    async def s3_parts(self, upload_id: str, after: int, limit: int) -> builtins.list[ExtentPart]:
        """At most ``limit`` parts of an S3 upload with number > after, ascending."""

    async def finish_s3(
        self,
        upload_id: str,
        record: ObjectRecord,
        chosen: Sequence[ExtentPart],
        *,
        overwrite: bool = True,
        expected: Expected | None = None,
    ) -> builtins.list[str]:
        """Atomically store the object of these parts and remove the S3 upload.

        Returns the blobs that nothing names any more: those of the replaced object and of parts not chosen.

        ``record``: its ``blob`` is the upload's ``draft``.  ``chosen``: parts as ``s3_parts`` returned them, in the
        order of the object.  ``errors.InvalidPartList``, and nothing changed, if one of them was replaced since;
        ``errors.BadRequest`` if they have more than MOST_EXTENTS extents, for a second call does not help then.  Other
        errors as ``finish``.  ``expected``: as in ``put``.
        """

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        """At most ``limit`` uploads that were begun, and got their last part, before ``before``, unix seconds.

        ``space_id``: only uploads of that space.
        """

    async def abort(self, upload_id: str, before: int | None = None) -> builtins.list[str] | None:
        """Remove the upload; return what ``Blobs.discard`` must remove, or None if there is no such upload.

        That is its draft, or the blobs of an S3 upload's parts that nothing else names.

        ``before``: an upload that is not stale (see ``stale_uploads``) is left unchanged, and the result is None.  A
        part added at the same time is either counted here, or its ``add_part`` raises UploadNotFound.
        """

    # Tokens

    async def create_token(self, token: TokenRecord, limit: int) -> None:
        """Store a token.

        If the owner already has ``limit`` of them, the one that ended first, before this one was created, is removed.
        ``errors.TooManyTokens`` if none has ended.
        """

    async def token(self, public: str) -> TokenRecord | None: ...

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        """All tokens of the owner, oldest first."""

    async def update_token(self, token: TokenRecord) -> None:
        """Replace the token with this token_id and owner, except for its private key.

        ``errors.TokenNotFound``.
        """

    async def delete_token(self, owner: str, token_id: str) -> None:
        """Remove a token.  ``errors.TokenNotFound``."""

    async def all_tokens(self) -> builtins.list[TokenRecord]:
        """The tokens of all owners."""

    async def reencrypt(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        """Replace the private keys of tokens and key pairs by what ``change`` returns; None leaves a key as it is.

        All in one transaction, during which nobody can add or change one.  Returns how many (tokens, keys) were
        changed.  ``change`` may be called on another thread, and again for the same record in a retry.
        """

    # Programs

    async def oldest_program(self) -> int:
        """The schema version of the oldest program that may run on this catalog, 0 if it predates this record.

        Write only what that program can read.
        """

    async def retire_older(self) -> None:
        """Record that no older program runs any more.  None can start again: the schema is too new for it."""

    # Key pairs in addition to the server's own

    async def add_key(self, key: KeyRecord) -> bool:
        """Store a key pair.  False, and nothing changed, if one with this public key exists."""

    async def key(self, public: str) -> KeyRecord | None: ...

    async def keys(self) -> builtins.list[KeyRecord]:
        """All key pairs, oldest first."""

    async def remove_key(self, public: str) -> bool:
        """Remove a key pair.  False if there was none.  The owner's spaces and tokens stay."""

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int] | None = None) -> None:
        """Add bytes served and uploaded on ``day`` (days since 1970, UTC) to the counts.  Mappings: by space name.

        A space that no longer exists is left out.
        """

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        """The usage of these spaces together on each day from ``first`` to ``last``.  Reads every object."""

    async def holdings(self) -> builtins.list[Holding]:
        """What every space contains, ordered by account and name.  Counts every object; a change made during the count
        may or may not be included."""

    async def census(self) -> Census:
        """Counts of the whole catalog.  Counts every object; for an operator."""

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        """Those of these blob and draft names that an object, a part or an upload names."""


class Ledger(Protocol):
    """The segment lists of blobs, for drivers of Blobs whose store has no rename, no locks and no reliable file ages.

    The ledger is in the catalog's database, so naming a blob and finding it unnamed exclude each other.  A blob is
    unnamed at first; it is named while an object, a part list or a part names it; then it is unnamed again.
    All times are from the database's clock, so the clocks of gateways may differ.
    """

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def intend(self, blob: str) -> None:
        """Record that segments of a blob or draft are going to be stored.  Does nothing if it is known."""

    async def seal(self, blob: str, size: int, segments: bytes) -> None:
        """Store the blob's segment list.  A longer list replaces the known one; a shorter list changes nothing.

        FileNotFoundError if the blob was deleted, discarded or swept.
        """

    async def segments(self, blob: str, first: int, length: int, *, deleted: bool = False) -> tuple[int, bytes] | None:
        """(size of the blob, bytes of the segment list from byte ``first`` on); None if it is unsealed or gone.

        ``deleted``: also of a blob that was deleted but not swept.

        For readers that stay open after a delete see ``kept``.
        """

    async def kept(self, blob: str, first: int, length: int) -> bytes:
        """As ``segments``, but also for a blob deleted in the meantime; b"" once it is swept."""

    async def doom(self, blob: str) -> None:
        """Mark the blob as deleted: it cannot be opened any more.  An unknown blob is no error.

        A blob that has a name is left alone: the caller may not know that its transaction named it.
        """

    async def lease(self, blobs: Sequence[str], seconds: float) -> None:
        """Protect these blobs from sweeps for ``seconds``, named or not."""

    async def garbage(self, age: float, kept: float, after: str, limit: int, longest: int) -> Sequence[Garbage]:
        """Blobs after ``after`` that were unnamed long enough and have no lease, ordered by name.

        ``age``: seconds since a blob was doomed.  ``kept``: seconds for blobs that were not doomed.  ``longest``: bytes
        of the longest segment list that is returned.
        """

    async def claim(self, blobs: Sequence[str], age: float) -> set[str]:
        """``doom`` these blobs, except those named or leased in the meantime; return the blobs that are doomed now.

        A blob that another transaction has locked is left out: it is being named, or another gateway claims it.
        """

    async def cleared(self, blobs: Sequence[str]) -> None:
        """Record that their segments were removed.  Later segments are removed when the blobs are garbage again."""

    async def forget(self, blobs: Sequence[str]) -> None:
        """Remove these blobs from the ledger: nothing of them is left."""

    def slot(self, draft: str, part: int) -> AbstractAsyncContextManager[int]:
        """Hold a lock on a part against all processes; gives the length of the draft's list in bytes, 0 if unsealed.

        The lock is freed when the process dies.  Unreachable if another process holds it for too long.
        """
