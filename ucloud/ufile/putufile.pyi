import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..uvideo.filemanager import Files
from ..uvideo.handler import ResponseInfo
from ..uvideo.multipartuploaduvideo import _Readable, _Receiving
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None
_Path = str | os.PathLike[str]

class PutUFile(BaseUFile, Files):
    def putstream(
        self,
        bucket: str,
        key: str,
        stream: _Readable | _Receiving | bytes | str | Iterable[bytes | str],
        mime_type: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def putfile(self, bucket: str, key: str, localfile: _Path, header: _Header = None) -> _Answer: ...
