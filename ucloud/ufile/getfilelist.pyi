from collections.abc import Mapping
from typing import Any

from ..uvideo.handler import ResponseInfo
from . import getufilelist

class GetFileList(getufilelist.GetFileList):
    def list(
        self, bucket: str, marker: str | None, limit: int | str | None, header: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
