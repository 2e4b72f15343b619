from collections.abc import Mapping
from typing import Any

from ..uvideo.filemanager import Files
from ..uvideo.handler import ResponseInfo
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None

class GetFileList(BaseUFile, Files):
    def getfilelist(
        self,
        bucket: str,
        prefix: str | None = None,
        marker: str | None = None,
        limit: int | str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
