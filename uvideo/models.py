"""What the clients return and report: frozen dataclasses.

Sizes are bytes, etags unquoted, times aware datetimes in UTC; None where the service did not say.  space, key, path and
part name what was asked for; everything else was seen: counted here, or said by the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

Direction = Literal["upload", "download"]
Verdict = Literal["ok", "warning", "failed", "skipped"]


def _pairs() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class SpaceName:
    """A space that was made, changed or removed."""

    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """A space.  source, cdn, domains: host names; domains are the space's own."""

    name: str
    id: str | None
    type: str | None
    region: str | None
    storage_class: str | None
    created: datetime | None
    modified: datetime | None
    source: tuple[str, ...] = ()
    cdn: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    tag: str | None = None
    biz: str | None = None


@dataclass(frozen=True, slots=True)
class SpaceUsage:
    """One day of a space.  storage: bytes kept; traffic: bytes read; the others: seconds of video transcoded."""

    time: datetime
    storage: int
    traffic: int
    fhd: int = 0
    shd: int = 0
    hd: int = 0
    sd: int = 0


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object.  size: of the whole object.  metadata: the user's, names in lower case.

    headers: what was stored with it and is replayed, for example Cache-Control.  restore: what the service says of an
    object of class ARCHIVE, else None.  A listing leaves out what it does not know.
    """

    space: str
    key: str
    size: int
    etag: str | None
    mime: str | None = None
    storage_class: str | None = None
    modified: datetime | None = None
    created: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=_pairs, hash=False)
    headers: Mapping[str, str] = field(default_factory=_pairs, hash=False)
    restore: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of an object, or of a part of it: ``data`` stands at ``start``."""

    info: ObjectInfo
    data: bytes = field(repr=False)
    start: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was stored.  size: bytes that were sent, or copied.  etag: as the service said it.

    verified: the etag was compared with that of the bytes that were sent, or of the source, and is the same.
    """

    space: str
    key: str
    size: int | None
    etag: str | None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An object, or a part of it, that is now in a local file.  verified: its etag was compared with the object's.

    path: None where it was written into a file object of the caller's.
    """

    space: str
    key: str
    size: int
    etag: str | None
    path: str | None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer to a listing.  prefixes: with a delimiter, what the keys that are not in items have in common.

    marker: where the next page begins, "" on the last one.
    """

    items: tuple[T, ...]
    prefixes: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An unfinished multipart upload that the service keeps."""

    space: str
    key: str
    upload_id: str
    started: datetime | None = None
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class BegunUpload:
    """A multipart upload that was begun.  block_size: bytes of every part but the last."""

    space: str
    key: str
    upload_id: str
    block_size: int


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A part that the service keeps of an unfinished upload; parts count from 0."""

    part: int
    etag: str
    size: int | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acl:
    """Who may read an object beside its owner."""

    grant: str
    owner: str | None = None
    owner_name: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A key pair that may do less than its owner.  private_key: None where the service does not show it."""

    id: str
    name: str
    public_key: str
    private_key: str | None = field(repr=False)
    ops: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    expires: datetime | None = None
    created: datetime | None = None
    modified: datetime | None = None
    black_ips: tuple[str, ...] = ()
    white_ips: tuple[str, ...] = ()
    region: str | None = None


@dataclass(frozen=True, slots=True)
class TemporaryKeys:
    """A key pair that ends by itself; a client is made of it with all three."""

    public_key: str
    private_key: str = field(repr=False)
    security_token: str = field(repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is.  done never goes down, whatever had to be sent again; it counts bytes on this side.  Only
    where an object that changed while it was downloaded is smaller now, it is as large as that.

    total: bytes, None while unknown.  parts_done and parts: 0 of a transfer that has none.  resumed: bytes of done that
    an earlier run had moved already.  retries: tries that failed so far.  transfer: its id in the journal or None.
    """

    direction: Direction
    space: str
    key: str
    path: str | None
    done: int
    total: int | None
    parts_done: int = 0
    parts: int = 0
    resumed: int = 0
    retries: int = 0
    transfer: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Where all transfers of a TransferManager are.  files: submitted so far.  files_done: of them, well ended.

    failed: ended with an error, cancelled ones too.  done, total: bytes; done never goes down, total grows as sizes get
    known.
    """

    files: int
    files_done: int
    failed: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A transfer in the journal.  path: the local file, None of a stream, which cannot be resumed.

    active: a process is at it right now.  upload_id: of an upload that has begun.  identity: what tells whether the
    file (of an upload: size and time of change) or the object (of a download: its etag) is still the same.
    """

    id: str
    direction: Direction
    endpoint: str
    space: str
    key: str
    path: str | None
    size: int | None
    done: int
    started: datetime
    updated: datetime
    upload_id: str | None = None
    etag: str | None = None
    active: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """One item of many that failed.  path: the local file, if there is one."""

    space: str
    key: str
    path: str | None
    error: Exception


@dataclass(frozen=True, slots=True)
class Summary(Generic[T]):
    """What became of many items.  done: the results, in the order in which they ended.  skipped: not begun."""

    done: tuple[T, ...]
    failures: tuple[Failure, ...] = ()
    skipped: int = 0

    @property
    def size(self) -> int:
        """Bytes of what is done."""
        return sum(getattr(each, "size", 0) or 0 for each in self.done)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a diagnosis found in one step.  check: the step, for example "clock".  code: what was found, in one word.

    causes: of a failure, codes too, the likeliest first.  facts: what there is to say of it; never a private key, a
    signature or more of a public key than its end.
    """

    check: str
    verdict: Verdict
    code: str
    facts: Mapping[str, object] = field(default_factory=dict, hash=False)
    causes: tuple[str, ...] = ()
