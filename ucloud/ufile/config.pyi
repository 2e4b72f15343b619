from typing import Any

USER_AGENT: str
UCLOUD_PROXY_SUFFIX: str
UCLOUD_DOWNLOAD_SUFFIX: str
UCLOUD_API_URL: str
BLOCKSIZE: int

def get_default(key: str) -> Any: ...
def set_default(
    connection_timeout: float | None = None,
    expires: int | None = None,
    user_agent: str | None = None,
    uploadsuffix: str | None = None,
    downloadsuffix: str | None = None,
    **more: object,
) -> None: ...
