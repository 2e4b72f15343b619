import os
from collections.abc import Mapping
from typing import Any

from .handler import Handler, ResponseInfo

class DownloadUVideo(Handler):
    def download_file(
        self,
        space: str,
        key: str,
        localfile: str | os.PathLike[str],
        isprivate: bool = True,
        expires: int | None = None,
        content_range: tuple[int | str | None, int | str | None] | None = None,
        header: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
