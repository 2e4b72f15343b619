from typing import Any

def set_default(
    uploadsuffix: str | None = ...,
    downloadsuffix: str | None = ...,
    connection_timeout: float | None = ...,
    expires: int | None = ...,
    provider: str | None = ...,
    authscheme: str | None = ...,
    apiurl: str | None = ...,
    region: str | None = ...,
    maxthread: int | None = ...,
    retries: int | None = ...,
    user_agent: str | None = ...,
    space_parameter: str | None = ...,
    video_actions: bool | None = ...,
    md5: bool | None = ...,
    open_ssl: bool | None = ...,
) -> None: ...
def get_default(name: str) -> Any: ...
