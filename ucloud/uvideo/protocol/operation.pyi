from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from .byterange import ByteRange
from .message import Slice

_Pairs: TypeAlias = tuple[tuple[str, str], ...]
_R = TypeVar("_R", covariant=True)

# For type checkers alone: an operation of which plane it is, and what its result is.
class Data(Protocol[_R]):
    @property
    def space(self) -> str: ...
    @property
    def key(self) -> str: ...
    def _data(self) -> _R: ...

class Management(Protocol[_R]):
    def _action(self) -> _R: ...

class PutObject(NamedTuple):
    space: str
    key: str
    mime: str | None = None
    md5: str | None = None
    storage_class: str | None = None
    metadata: _Pairs = ()
    headers: _Pairs = ()
    acl: str | None = None
    def _data(self) -> Stored: ...

class GetObject(NamedTuple):
    space: str
    key: str
    range: ByteRange | None = None
    conditions: _Pairs = ()
    filename: str | None = None
    def _data(self) -> ObjectInfo | NotModified: ...

class HeadObject(NamedTuple):
    space: str
    key: str
    conditions: _Pairs = ()
    def _data(self) -> ObjectInfo | NotModified: ...

class DeleteObject(NamedTuple):
    space: str
    key: str
    def _data(self) -> Done: ...

class InitiateUpload(NamedTuple):
    space: str
    key: str
    mime: str | None = None
    storage_class: str | None = None
    metadata: _Pairs = ()
    headers: _Pairs = ()
    def _data(self) -> Initiated: ...

class UploadPart(NamedTuple):
    space: str
    key: str
    upload_id: str
    part: int
    mime: str | None = None
    md5: str | None = None
    slice: Slice | None = None
    def _data(self) -> StoredPart: ...

class FinishUpload(NamedTuple):
    space: str
    key: str
    upload_id: str
    etags: tuple[str, ...]
    new_key: str | None = None
    metadata: _Pairs = ()
    directive: str | None = None
    def _data(self) -> Finished: ...

class AbortUpload(NamedTuple):
    space: str
    key: str
    upload_id: str
    def _data(self) -> Done: ...

class ListParts(NamedTuple):
    space: str
    upload_id: str
    limit: int | None = None
    marker: int | None = None
    key: str = ""
    def _data(self) -> PartPage: ...

class ListUploads(NamedTuple):
    space: str
    prefix: str = ""
    marker: str = ""
    upload_id_marker: str = ""
    limit: int | None = None
    key: str = ""
    def _data(self) -> UploadPage: ...

class ListFiles(NamedTuple):
    space: str
    prefix: str = ""
    marker: str = ""
    limit: int | None = None
    key: str = ""
    def _data(self) -> FilePage: ...

class ListObjects(NamedTuple):
    space: str
    prefix: str = ""
    marker: str = ""
    limit: int | None = None
    delimiter: str = ""
    key: str = ""
    def _data(self) -> ObjectPage: ...

class UploadHit(NamedTuple):
    space: str
    key: str
    etag: str
    size: int
    mime: str | None = None
    def _data(self) -> Stored: ...

class CopyObject(NamedTuple):
    space: str
    key: str
    source_space: str
    source_key: str
    directive: str | None = None
    storage_class: str | None = None
    metadata: _Pairs = ()
    mime: str | None = None
    headers: _Pairs = ()
    verbatim: str | None = None
    def _data(self) -> Stored: ...

class CopyPart(NamedTuple):
    space: str
    key: str
    upload_id: str
    part: int
    source_space: str
    source_key: str
    range: ByteRange | None = None
    verbatim: str | None = None
    def _data(self) -> CopiedPart: ...

class RenameObject(NamedTuple):
    space: str
    key: str
    new_key: str
    force: bool = False
    def _data(self) -> Done: ...

class SetMime(NamedTuple):
    space: str
    key: str
    mime: str
    def _data(self) -> Done: ...

class SwitchClass(NamedTuple):
    space: str
    key: str
    storage_class: str
    def _data(self) -> Done: ...

class RestoreObject(NamedTuple):
    space: str
    key: str
    tier: str | None = None
    def _data(self) -> Done: ...

class PutTags(NamedTuple):
    space: str
    key: str
    tags: _Pairs
    def _data(self) -> Done: ...

class GetTags(NamedTuple):
    space: str
    key: str
    def _data(self) -> Tags: ...

class DeleteTags(NamedTuple):
    space: str
    key: str
    def _data(self) -> Done: ...

class PutAcl(NamedTuple):
    space: str
    key: str
    acl: str
    def _data(self) -> Done: ...

class GetAcl(NamedTuple):
    space: str
    key: str
    def _data(self) -> Acl: ...

class AppendObject(NamedTuple):
    space: str
    key: str
    position: int
    mime: str | None = None
    md5: str | None = None
    storage_class: str | None = None
    metadata: _Pairs = ()
    headers: _Pairs = ()
    def _data(self) -> Stored: ...

class GetSpaceStatus(NamedTuple):
    spaces: tuple[str, ...]
    begin: int | None = None
    end: int | None = None
    def _action(self) -> SpaceStatus: ...

class CreateToken(NamedTuple):
    name: str
    ops: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    expires: int | None = None
    black_ips: tuple[str, ...] = ()
    white_ips: tuple[str, ...] = ()
    region: str | None = None
    project: str | None = None
    def _action(self) -> TokenInfo: ...

class DescribeToken(NamedTuple):
    token_id: str | None = None
    name: str | None = None
    display: int | None = None
    region: str | None = None
    project: str | None = None
    def _action(self) -> TokenList: ...

class UpdateToken(NamedTuple):
    token_id: str
    name: str | None = None
    ops: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] | None = None
    spaces: tuple[str, ...] | None = None
    expires: int | None = None
    black_ips: tuple[str, ...] | None = None
    white_ips: tuple[str, ...] | None = None
    region: str | None = None
    project: str | None = None
    def _action(self) -> Done: ...

class AssumeRole(NamedTuple):
    role: str | None = None
    session: str | None = None
    seconds: int | None = None
    policy: str | None = None
    def _action(self) -> TemporaryKeys: ...

class TemporaryKeys(NamedTuple):
    public_key: str
    private_key: str
    security_token: str
    expires: int

class DeleteToken(NamedTuple):
    token_id: str
    region: str | None = None
    project: str | None = None
    def _action(self) -> Done: ...

class CreateSpace(NamedTuple):
    space: str
    type: str | None = None
    region: str | None = None
    biz: str | None = None
    tag: str | None = None
    project: str | None = None
    domains: tuple[str, ...] = ()
    def _action(self) -> SpaceNamed: ...

class DescribeSpace(NamedTuple):
    space: str | None = None
    offset: int = 0
    limit: int | None = None
    region: str | None = None
    project: str | None = None
    def _action(self) -> SpaceList: ...

class UpdateSpace(NamedTuple):
    space: str
    type: str | None = None
    storage_class: str | None = None
    project: str | None = None
    def _action(self) -> SpaceNamed: ...

class DeleteSpace(NamedTuple):
    space: str
    project: str | None = None
    def _action(self) -> SpaceNamed: ...

class ListSpaceFiles(NamedTuple):
    space: str
    offset: int = 0
    limit: int | None = None
    project: str | None = None
    def _action(self) -> FilePage: ...

class Done(NamedTuple): ...

class Stored(NamedTuple):
    etag: str | None

class ObjectInfo(NamedTuple):
    size: int | None = None
    etag: str | None = None
    mime: str | None = None
    storage_class: str | None = None
    modified: int | None = None
    created: int | None = None
    metadata: _Pairs = ()
    headers: _Pairs = ()
    span: tuple[int, int] | None = None
    filename: str | None = None
    restore: str | None = None

class NotModified(NamedTuple):
    etag: str | None
    modified: int | None

class Initiated(NamedTuple):
    upload_id: str
    block_size: int
    space: str
    key: str

class StoredPart(NamedTuple):
    part: int
    etag: str

class CopiedPart(NamedTuple):
    part: int
    etag: str
    first: int | None
    length: int | None
    size: int | None

class Tags(NamedTuple):
    tags: _Pairs

class Acl(NamedTuple):
    owner: str | None
    owner_name: str | None
    grant: str

class Finished(NamedTuple):
    space: str
    key: str
    size: int | None
    etag: str | None

class Part(NamedTuple):
    part: int
    etag: str
    size: int | None
    modified: int | None

class PartPage(NamedTuple):
    space: str
    key: str | None
    upload_id: str
    storage_class: str | None
    limit: int | None
    truncated: bool
    next_marker: int
    parts: tuple[Part, ...]

class UploadInfo(NamedTuple):
    upload_id: str
    key: str
    started: int | None
    storage_class: str | None

class UploadPage(NamedTuple):
    space: str
    truncated: bool
    next_marker: str
    next_upload_id: str
    uploads: tuple[UploadInfo, ...]

class FileInfo(NamedTuple):
    key: str
    size: int
    etag: str
    mime: str
    storage_class: str | None = None
    created: int | None = None
    modified: int | None = None
    metadata: _Pairs = ()
    restore: str | None = None

class FilePage(NamedTuple):
    space: str
    space_id: str | None
    next_marker: str
    files: tuple[FileInfo, ...]

class ObjectPage(NamedTuple):
    space: str
    prefix: str
    limit: int
    delimiter: str
    truncated: bool
    next_marker: str
    objects: tuple[FileInfo, ...]
    prefixes: tuple[str, ...]

class SpaceNamed(NamedTuple):
    space: str
    space_id: str | None

class SpaceInfo(NamedTuple):
    space: str
    space_id: str | None
    type: str | None
    region: str | None
    biz: str | None
    tag: str | None
    storage_class: str | None
    created: int | None
    modified: int | None
    source: tuple[str, ...]
    cdn: tuple[str, ...]
    custom: tuple[str, ...] = ()

class SpaceList(NamedTuple):
    spaces: tuple[SpaceInfo, ...]

class SpaceUsage(NamedTuple):
    time: int
    storage: int
    flux: int
    fhd: int
    shd: int
    hd: int
    sd: int

class SpaceStatus(NamedTuple):
    entries: tuple[SpaceUsage, ...]

class TokenInfo(NamedTuple):
    region: str | None
    token_id: str
    name: str
    public_key: str
    private_key: str | None
    ops: tuple[str, ...]
    prefixes: tuple[str, ...]
    spaces: tuple[str, ...]
    expires: int
    created: int | None
    modified: int | None
    black_ips: tuple[str, ...]
    white_ips: tuple[str, ...]

class TokenList(NamedTuple):
    tokens: tuple[TokenInfo, ...]

CONDITIONS: tuple[str, ...]
KEPT: tuple[str, ...]
STORAGE_CLASSES: tuple[str, ...]
SPACE_TYPES: tuple[str, ...]
DIRECTIVES: tuple[str, ...]
TIERS: tuple[str, ...]
ACLS: tuple[str, ...]
RESTORES: tuple[str, ...]
TOKEN_OPS: tuple[str, ...]
NOT_IDEMPOTENT: tuple[type[AppendObject], type[RenameObject], type[CreateToken]]
