from typing import Any, Literal, NoReturn, TypeAlias, overload

from .dialect import Operation
from .errors import UVideoError
from .message import Headers, Response
from .operation import (
    AbortUpload,
    Acl,
    AppendObject,
    CopiedPart,
    CopyObject,
    CopyPart,
    DeleteObject,
    DeleteTags,
    Done,
    FileInfo,
    FilePage,
    Finished,
    FinishUpload,
    GetAcl,
    GetObject,
    GetTags,
    HeadObject,
    Initiated,
    InitiateUpload,
    ListFiles,
    ListObjects,
    ListParts,
    ListUploads,
    NotModified,
    ObjectInfo,
    ObjectPage,
    PartPage,
    PutAcl,
    PutObject,
    PutTags,
    RenameObject,
    RestoreObject,
    SetMime,
    Stored,
    StoredPart,
    SwitchClass,
    Tags,
    UploadHit,
    UploadPage,
    UploadPart,
)

Result: TypeAlias = (
    Done
    | Stored
    | ObjectInfo
    | NotModified
    | Initiated
    | StoredPart
    | Finished
    | PartPage
    | UploadPage
    | FilePage
    | ObjectPage
    | CopiedPart
    | Tags
    | Acl
)

JSON: tuple[str, str]
SESSION: str
RESTORE: str

def http_date(seconds: float) -> str: ...
def parse_date(value: str | None) -> int | None: ...
def utc_text(seconds: float) -> str: ...
def parse_utc(value: object) -> int | None: ...
def file_entry(space: str, info: FileInfo) -> dict[str, Any]: ...
def parse_file_entry(entry: dict[str, Any]) -> FileInfo: ...
def encode(op: Operation, result: Result) -> Response: ...
def encode_error(error: UVideoError) -> Response: ...
@overload
def unquoted(etag: str) -> str: ...
@overload
def unquoted(etag: None) -> None: ...
def document(response: Response) -> dict[str, Any] | None: ...
def retry_after(headers: Headers, now: float | None = None) -> float | None: ...
def readable(message: object) -> str | None: ...
def stranger(response: Response, now: float | None = None, **context: object) -> UVideoError: ...
def raise_refusal(response: Response, now: float | None = None, **context: object) -> NoReturn: ...
@overload
def text(value: object, optional: Literal[False] = False) -> str: ...
@overload
def text(value: object, optional: bool) -> str | None: ...
@overload
def number(value: object, optional: Literal[False] = False) -> int: ...
@overload
def number(value: object, optional: bool) -> int | None: ...
def check_coding(headers: Headers, status: int) -> None: ...
def decode_info(headers: Headers, status: int = 200) -> ObjectInfo: ...
@overload
def decode(
    op: PutObject | UploadHit | CopyObject | AppendObject, response: Response, now: float | None = None
) -> Stored: ...
@overload
def decode(op: GetObject | HeadObject, response: Response, now: float | None = None) -> ObjectInfo | NotModified: ...
@overload
def decode(
    op: DeleteObject
    | AbortUpload
    | RenameObject
    | SetMime
    | SwitchClass
    | RestoreObject
    | PutTags
    | DeleteTags
    | PutAcl,
    response: Response,
    now: float | None = None,
) -> Done: ...
@overload
def decode(op: InitiateUpload, response: Response, now: float | None = None) -> Initiated: ...
@overload
def decode(op: UploadPart, response: Response, now: float | None = None) -> StoredPart: ...
@overload
def decode(op: FinishUpload, response: Response, now: float | None = None) -> Finished: ...
@overload
def decode(op: ListParts, response: Response, now: float | None = None) -> PartPage: ...
@overload
def decode(op: ListUploads, response: Response, now: float | None = None) -> UploadPage: ...
@overload
def decode(op: ListFiles, response: Response, now: float | None = None) -> FilePage: ...
@overload
def decode(op: ListObjects, response: Response, now: float | None = None) -> ObjectPage: ...
@overload
def decode(op: CopyPart, response: Response, now: float | None = None) -> CopiedPart: ...
@overload
def decode(op: GetTags, response: Response, now: float | None = None) -> Tags: ...
@overload
def decode(op: GetAcl, response: Response, now: float | None = None) -> Acl: ...
