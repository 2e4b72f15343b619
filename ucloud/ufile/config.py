"""Settings of the older SDK's handlers for the whole process, which copy them at their first call.

    from ucloud.ufile import config
    config.set_default(uploadsuffix='.ufile.ucloud.cn')
"""

from __future__ import absolute_import, division, print_function

import platform  # noqa: F401  the older SDK's module has these names too

from ..uvideo.config import BLOCKSIZE as BLOCKSIZE
from ..uvideo.config import USER_AGENT as USER_AGENT
from ..uvideo.config import Defaults
from ..uvideo.protocol.compat import TYPE_CHECKING
from ..uvideo.protocol.provider import PROVIDERS, Provider

if TYPE_CHECKING:
    from typing import Any  # noqa: F401

UCLOUD_PROXY_SUFFIX = ".ufile.ucloud.cn"
UCLOUD_DOWNLOAD_SUFFIX = ".ufile.ucloud.cn"
#: As the older SDK has it.  Calls go to the same host by https; bucketmanager says what another URL does.
UCLOUD_API_URL = "http://api.ucloud.cn"

_HOSTS = Provider(
    "ufile",
    UCLOUD_PROXY_SUFFIX,
    UCLOUD_DOWNLOAD_SUFFIX,
    PROVIDERS["ucloud"].api,
    PROVIDERS["ucloud"].word,
    "",
    PROVIDERS["ucloud"].domains,
)
DEFAULTS = Defaults({"provider": "ufile", "expires": 300, "user_agent": USER_AGENT}, {"ufile": _HOSTS})
#: What the older SDK calls an option -> (what it is called here, what it is while nobody sets it).
_OLDER = {
    "upload_suffix": ("uploadsuffix", UCLOUD_PROXY_SUFFIX),
    "download_suffix": ("downloadsuffix", UCLOUD_DOWNLOAD_SUFFIX),
}


def get_default(key):
    # type: (str) -> Any
    """The value that a handler's first call would copy now; None for an unknown name."""
    name, first = _OLDER.get(key, (key, None))
    try:
        return DEFAULTS.get(name) or first
    except KeyError:
        return None


def set_default(
    connection_timeout=None, expires=None, user_agent=None, uploadsuffix=None, downloadsuffix=None, **more
):
    # type: (float | None, int | None, str | None, str | None, str | None, **object) -> None
    """Set defaults for handlers that have made no call yet.  What is None, 0, empty or not given stays as it is; of
    ``more`` what is None.

    connection_timeout: seconds to connect, and seconds of silence, until a request counts as unanswered; first 60.
    expires: seconds that the signed URL of a private download lasts; first 300.
    user_agent: what requests call themselves.
    uploadsuffix, downloadsuffix: .ufile.ucloud.cn at first.  A host of your own, such as 127.0.0.1:9000, stands for the
    other and for management too, unless they are set.
    more: further options of ucloud.uvideo.config.set_default, such as apiurl, retries and maxthread.

    Raises ValueError for a bad value and TypeError for an unknown option.  Safe to call from any thread.
    """
    given = dict((name, value) for name, value in locals().items() if name != "more" and value)
    given.update((name, value) for name, value in more.items() if value is not None)
    DEFAULTS.set(given)
