import os
from collections.abc import Mapping
from typing import Any

from ..uvideo.filemanager import Files
from ..uvideo.handler import ResponseInfo
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None
_Path = str | os.PathLike[str]

class DownloadUFile(BaseUFile, Files):
    def download_file(
        self,
        bucket: str,
        key: str,
        localfile: _Path,
        isprivate: bool = True,
        expires: int | None = None,
        content_range: tuple[int | str | None, int | str | None] | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def public_download_url(self, bucket: str, key: str) -> str: ...
    def private_download_url(
        self, bucket: str, key: str, expires: int | None = None, header: _Header = None, internal: bool = False
    ) -> str: ...
    def private_head_url(self, bucket: str, key: str, expires: int | None = None, header: _Header = None) -> str: ...
