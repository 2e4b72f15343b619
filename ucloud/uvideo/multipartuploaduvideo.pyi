import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .handler import ResponseInfo
from .manual_multipart import Assembler

class _Readable(Protocol):
    def read(self, n: int, /) -> bytes | None: ...

class _Receiving(Protocol):
    def recv(self, n: int, /) -> bytes: ...

class MultipartUploadUVideo(Assembler):
    def uploadfile(
        self,
        space: str,
        key: str,
        localfile: str | os.PathLike[str],
        maxthread: int | None = None,
        retrycount: int = 3,
        retryinterval: float = 5,
        mime_type: str | None = None,
        header: Mapping[str, str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
    def resumeuploadfile(
        self, checkpoint: str | os.PathLike[str] | None = None
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
    def uploadstream(
        self,
        space: str,
        key: str,
        stream: _Readable | _Receiving,
        maxthread: int | None = None,
        retrycount: int = 3,
        retryinterval: float = 5,
        mime_type: str | None = None,
        header: Mapping[str, str] | None = None,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
    def resumeuploadstream(self) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
    def abort(
        self, checkpoint: str | os.PathLike[str] | None = None
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
