from collections.abc import Mapping
from typing import Any

from .handler import Handler, ResponseInfo

class DeleteUVideo(Handler):
    def deletefile(
        self, space: str, key: str, header: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any] | None, ResponseInfo]: ...
