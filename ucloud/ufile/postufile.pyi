import os
from collections.abc import Mapping
from typing import Any

from ..uvideo.filemanager import Files
from ..uvideo.handler import ResponseInfo
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None
_Path = str | os.PathLike[str]

class PostUFile(BaseUFile, Files):
    def postfile(self, bucket: str, key: str, localfile: _Path, header: _Header = None) -> _Answer: ...
