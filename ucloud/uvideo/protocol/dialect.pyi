from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from .message import Headers, Request
from .operation import (
    AbortUpload,
    AppendObject,
    CopyObject,
    CopyPart,
    DeleteObject,
    DeleteTags,
    FinishUpload,
    GetAcl,
    GetObject,
    GetTags,
    HeadObject,
    InitiateUpload,
    ListFiles,
    ListObjects,
    ListParts,
    ListUploads,
    PutAcl,
    PutObject,
    PutTags,
    RenameObject,
    RestoreObject,
    SetMime,
    SwitchClass,
    UploadHit,
    UploadPart,
)
from .provider import Suffix

Operation: TypeAlias = (
    AbortUpload
    | AppendObject
    | CopyObject
    | CopyPart
    | DeleteObject
    | DeleteTags
    | FinishUpload
    | GetAcl
    | GetObject
    | GetTags
    | HeadObject
    | InitiateUpload
    | ListFiles
    | ListObjects
    | ListParts
    | ListUploads
    | PutAcl
    | PutObject
    | PutTags
    | RenameObject
    | RestoreObject
    | SetMime
    | SwitchClass
    | UploadHit
    | UploadPart
)

META: str
DIRECTIVE: str
KEY_LIMIT: int
LIST_LIMIT: int
PART_LIMIT: int
INIT: str
PLAIN: str
FINISH: str
FORM: str
BULK: tuple[type[Operation], ...]
SMALL: tuple[type[Operation], ...]

class Target(NamedTuple):
    authority: str
    path: str
    query: list[tuple[str, str]]

class Address(NamedTuple):
    space: str
    path: str
    shared: bool

def check_space(space: str) -> str: ...
def check_key(key: str) -> str: ...
def encode(operation: Operation, suffix: Suffix) -> Request: ...
def url(operation: GetObject | HeadObject, suffix: Suffix) -> str: ...
def parse_target(target: str) -> Target: ...
def addresses(host: str, bucket: str | None, path: str) -> list[Address]: ...
def key_of(address: Address) -> str: ...
PARAMETERS: frozenset[str]

def parameters(query: Iterable[tuple[str, str]]) -> dict[str, str]: ...
def route(method: str, key: str, query: Mapping[str, str], headers: Headers) -> type[Operation]: ...
def takes_form(address: Address, query: Iterable[tuple[str, str]]) -> bool: ...
def decode(
    cls: type[Operation],
    space: str,
    key: str,
    query: Any,  # whatever has get(name), as the server's own classes
    headers: Any,  # likewise
    body: bytes = b"",
) -> Operation: ...

OPERATIONS: frozenset[type[Operation]]
