import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..uvideo.handler import ResponseInfo
from ..uvideo.multipartuploaduvideo import MultipartUploadUVideo, _Readable, _Receiving
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None

class MultipartUploadUFile(BaseUFile, MultipartUploadUVideo):
    uploadid: str | None
    blocksize: int | None
    etaglist: list[str]
    pausepartnumber: int
    def uploadfile(  # type: ignore[override]  # as the older SDK has it
        self,
        bucket: str,
        key: str,
        localfile: str | os.PathLike[str],
        retrycount: int = 3,
        retryinterval: float = 5,
        header: _Header = None,
    ) -> _Answer: ...
    def uploadstream(  # type: ignore[override]  # as the older SDK has it
        self,
        bucket: str,
        key: str,
        stream: _Readable | _Receiving,
        retrycount: int = 3,
        retryinterval: float = 5,
        mime_type: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def resumeuploadfile(  # type: ignore[override]  # as the older SDK has it
        self,
        retrycount: int = 3,
        retryinterval: float = 5,
        bucket: str | None = None,
        key: str | None = None,
        uploadid: str | None = None,
        blocksize: int | None = None,
        etaglist: Sequence[str] | None = None,
        localfile: str | os.PathLike[str] | None = None,
        pausepartnumber: int | None = None,
        mime_type: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def resumeuploadstream(
        self,
        retrycount: int = 3,
        retryinterval: float = 5,
        bucket: str | None = None,
        key: str | None = None,
        uploadid: str | None = None,
        blocksize: int | None = None,
        etaglist: Sequence[str] | None = None,
        stream: _Readable | _Receiving | None = None,
        pausepartnumber: int | None = None,
        mime_type: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
