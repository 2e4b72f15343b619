"""The clients' results and reports: frozen dataclasses.

Sizes are in bytes, etags are unquoted, times are aware datetimes in UTC; None if the service did not say.  space, key,
path and part are those of the request; all other values were counted here or reported by the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Generic, Literal, TypeVar

from uvideo.transfer import file_time

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Direction = Literal["upload", "download"]
Verdict = Literal["ok", "warning", "failed", "skipped"]


def _pairs() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class SpaceName:
    """A space that was created, changed or removed."""

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
    """One day of a space.  storage: bytes stored.  traffic: bytes downloaded.  Others: seconds of video transcoded."""

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

    headers: stored with the object and sent with each download, for example Cache-Control.  restore: the restore state
    of an object of class ARCHIVE, else None.  In a listing, values that it does not have are missing.

    is_prefix: this is no object but a folder of a listing with a delimiter: ``key`` is the prefix, and its size is 0.
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
    is_prefix: bool = False

    @property
    def file_modified(self) -> datetime | None:
        """The modification time of its file, which uploads with ``times`` store; None without one that can be read."""
        ns = file_time.stored(self.metadata)
        try:
            return None if ns is None else EPOCH + timedelta(microseconds=ns // 1000)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form with which somebody without keys can upload one file.  url: where to POST it, as multipart/form-data.

    fields: to be sent first and unchanged; the field ``file`` follows them, with the file.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of an object, or of a range of it that begins at ``start``."""

    info: ObjectInfo
    data: bytes = field(repr=False)
    start: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored object.  size: bytes sent or copied.  etag: the service's.

    verified: the etag was compared with that of the bytes sent, or of the source, and is equal.
    """

    space: str
    key: str
    size: int | None
    etag: str | None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An object, or a range of it, saved locally.  verified: its etag was compared with the object's.

    path: None for a file object of the caller.
    """

    space: str
    key: str
    size: int
    etag: str | None
    path: str | None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing.  prefixes: with a delimiter, the common prefixes of the keys that are not in items.

    marker: of the next page, "" on the last one.
    """

    items: tuple[T, ...]
    prefixes: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An unfinished multipart upload at the service."""

    space: str
    key: str
    upload_id: str
    started: datetime | None = None
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class BegunUpload:
    """A multipart upload that has begun.  block_size: bytes of every part but the last."""

    space: str
    key: str
    upload_id: str
    block_size: int


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A part of an unfinished upload at the service.  Parts count from 0."""

    part: int
    etag: str
    size: int | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acl:
    """Who can read an object besides its owner."""

    grant: str
    owner: str | None = None
    owner_name: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A key pair with fewer rights than its owner.  private_key: None if the service does not show it."""

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
    """A temporary key pair, which expires.  A client needs all three values."""

    public_key: str
    private_key: str = field(repr=False)
    security_token: str = field(repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a transfer.

    done: bytes on this side.  It never goes down, even if bytes are sent again, with one exception: if an object
    changes during its download and is smaller then, done is at most its new size.  total: bytes, None while unknown.
    parts_done and parts: 0 for a transfer without parts.  resumed: bytes of done that an earlier run transferred.
    retries: failed tries so far.  transfer: its id in the journal or None.
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
    """The progress of all transfers of a TransferManager.  files: submitted so far.  files_done: succeeded.

    failed: failed or cancelled.  done, total: bytes.  done never goes down; total grows as sizes become known.
    """

    files: int
    files_done: int
    failed: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A transfer in the journal.  path: the local file; None for a stream, which cannot be resumed.

    active: a process is working on it now.  upload_id: of an upload that has begun.  identity: shows whether the file
    (of an upload: size and time of change) or the object (of a download: its etag) has changed.
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
    """One item of many that failed.  path: the local file, if any."""

    space: str
    key: str
    path: str | None
    error: Exception


@dataclass(frozen=True, slots=True)
class Summary(Generic[T]):
    """The results of many items.  done: the results, in the order of completion.  skipped: the number not begun."""

    done: tuple[T, ...]
    failures: tuple[Failure, ...] = ()
    skipped: int = 0

    @property
    def size(self) -> int:
        """Bytes of the items done."""
        return sum(getattr(each, "size", 0) or 0 for each in self.done)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one step of a diagnosis.  check: the step, for example "clock".  code: the result, in one word.

    causes: codes of a failure's causes, the likeliest first.  facts: details; never a private key, a signature or more
    of a public key than its end.
    """

    check: str
    verdict: Verdict
    code: str
    facts: Mapping[str, object] = field(default_factory=dict, hash=False)
    causes: tuple[str, ...] = ()
