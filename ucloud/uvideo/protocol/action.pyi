from collections.abc import Iterable, Mapping
from typing import TypeAlias, overload

from .errors import UVideoError
from .message import Headers, Request, Response
from .operation import (
    AssumeRole,
    CreateSpace,
    CreateToken,
    DeleteSpace,
    DeleteToken,
    DescribeSpace,
    DescribeToken,
    Done,
    FilePage,
    GetSpaceStatus,
    ListSpaceFiles,
    SpaceList,
    SpaceNamed,
    SpaceStatus,
    TemporaryKeys,
    TokenInfo,
    TokenList,
    UpdateSpace,
    UpdateToken,
)
from .signature import Credentials

Operation: TypeAlias = (
    CreateSpace
    | DescribeSpace
    | UpdateSpace
    | DeleteSpace
    | ListSpaceFiles
    | GetSpaceStatus
    | CreateToken
    | DescribeToken
    | UpdateToken
    | DeleteToken
    | AssumeRole
)
Result: TypeAlias = SpaceNamed | FilePage | SpaceList | SpaceStatus | TokenInfo | TokenList | TemporaryKeys | Done

LIMIT: int
LIST_LIMIT: int

def encode(
    op: Operation,
    api: str,
    credentials: Credentials,
    name: str = "BucketName",
    video: bool = False,
    end: int | None = None,
) -> Request: ...
def check_end(given: Mapping[str, str], now: float) -> None: ...
def name_of(op: Operation) -> str: ...
def parameters(query: Iterable[tuple[str, str]], headers: Headers, body: bytes) -> dict[str, str]: ...
def decode(given: Mapping[str, str]) -> tuple[Operation, str]: ...
def encode_result(name: str, result: Result) -> Response: ...
def encode_error(name: str | None, error: UVideoError) -> Response: ...
@overload
def decode_result(
    op: CreateSpace | UpdateSpace | DeleteSpace, response: Response, now: float | None = None
) -> SpaceNamed: ...
@overload
def decode_result(op: DescribeSpace, response: Response, now: float | None = None) -> SpaceList: ...
@overload
def decode_result(op: ListSpaceFiles, response: Response, now: float | None = None) -> FilePage: ...
@overload
def decode_result(op: GetSpaceStatus, response: Response, now: float | None = None) -> SpaceStatus: ...
@overload
def decode_result(op: CreateToken, response: Response, now: float | None = None) -> TokenInfo: ...
@overload
def decode_result(op: DescribeToken, response: Response, now: float | None = None) -> TokenList: ...
@overload
def decode_result(op: AssumeRole, response: Response, now: float | None = None) -> TemporaryKeys: ...
@overload
def decode_result(op: UpdateToken | DeleteToken, response: Response, now: float | None = None) -> Done: ...

OPERATIONS: dict[str, type[Operation]]
