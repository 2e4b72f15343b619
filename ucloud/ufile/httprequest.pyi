from typing import Any

from ..uvideo import handler

class ResponseInfo(handler.ResponseInfo):
    def __init__(
        self,
        response: Any,  # of requests or of this SDK, or None
        exception: BaseException | None = None,
        content_consumed: bool = False,
    ) -> None: ...
