from collections.abc import Mapping
from typing import Any

from ..uvideo.filemanager import Files
from ..uvideo.handler import ResponseInfo
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None

class DeleteUFile(BaseUFile, Files):
    def deletefile(self, bucket: str, key: str, header: _Header = None) -> _Answer: ...
