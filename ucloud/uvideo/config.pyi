from os import PathLike
from typing import Any

from requests import Session

USER_AGENT: str
UCLOUD_API_URL: str
BLOCKSIZE: int

def set_default(
    uploadsuffix: str | None = None,
    downloadsuffix: str | None = None,
    connection_timeout: float | None = None,
    expires: int | None = None,
    provider: str | None = None,
    authscheme: str | None = None,
    apiurl: str | None = None,
    region: str | None = None,
    maxthread: int | None = None,
    retries: int | None = None,
    user_agent: str | None = None,
    space_parameter: str | None = None,
    video_actions: bool | None = None,
    md5: bool | None = None,
    open_ssl: bool | None = None,
    ca_bundle: str | PathLike[str] | None = None,
    client_cert: str | PathLike[str] | None = None,
    client_key: str | PathLike[str] | None = None,
    client_key_password: str | None = None,
    proxy: str | None = None,
    session: Session | None = None,
) -> None: ...
def unset_default(*names: str) -> None: ...
def get_default(name: str) -> Any: ...
