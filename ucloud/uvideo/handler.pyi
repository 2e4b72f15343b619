from typing import Any

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
    content_range: str | None
    x_session_id: str | None
    content: bytes | None
    def __init__(
        self,
        status_code: int,
        headers: Any = None,
        content: bytes | None = None,
        error: str | None = None,
        ret_code: int | None = None,
    ) -> None: ...
    def ok(self) -> bool: ...

class Handler:
    def __init__(
        self,
        public_key: str,
        private_key: str,
        upload_suffix: str | None = None,
        download_suffix: str | None = None,
    ) -> None: ...
