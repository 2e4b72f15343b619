from collections.abc import Mapping
from typing import Any, TypeVar

from requests import Session

from .protocol.errors import NoAnswer

_T = TypeVar("_T")

NO_ANSWER: int
NOT_VERIFIED: int
LOCAL: int

class ResponseInfo:
    status_code: int
    error: str | None
    ret_code: int | None
    etag: str | None
    content_type: str | None
    content_length: int | None
    content_range: str | tuple[int, int] | None
    x_session_id: str | None
    content: bytes | None
    md5: str | None
    headers: Any
    x_ufile_restore: str | None
    exception: NoAnswer | None
    def __init__(
        self,
        status_code: int,
        headers: Any = None,  # whatever has get(name)
        content: bytes | None = None,
        error: str | None = None,
        ret_code: int | None = None,
    ) -> None: ...
    def ok(self) -> bool: ...
    def need_retry(self) -> bool: ...

class Handler:
    def __init__(
        self,
        public_key: str,
        private_key: str,
        upload_suffix: str | None = None,
        download_suffix: str | None = None,
        session: Session | None = None,
    ) -> None: ...
    def set_keys(self, public_key: str, private_key: str) -> None: ...
    def close(self) -> None: ...
    def __enter__(self: _T) -> _T: ...
    def __exit__(self, *_: object) -> None: ...

class Signer(Handler):
    def authorization(
        self,
        method: str,
        bucket: str,
        key: str,
        header: Mapping[str, str] | None = None,
        mime_type: str | None = None,
        action: str | None = None,
        url_param: Mapping[str, str] | None = None,
    ) -> str: ...
    def signature(
        self,
        bucket: str,
        key: str,
        method: str = "get",
        header: Mapping[str, str] | None = None,
        mime_type: str | None = None,
    ) -> str: ...
