"""Settings of the older SDK's handlers for the whole process.  A handler copies them at its first call.

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
#: As in the older SDK.  Calls go to the same host over https; for other URLs see bucketmanager.
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
#: Option in the older SDK: (its name here, its initial value).
_OLDER = {
    "upload_suffix": ("uploadsuffix", UCLOUD_PROXY_SUFFIX),
    "download_suffix": ("downloadsuffix", UCLOUD_DOWNLOAD_SUFFIX),
}


def get_default(key):
    # type: (str) -> Any
    """The value that a handler would copy at its first call now.  None for an unknown name."""
    name, first = _OLDER.get(key, (key, None))
    try:
        return DEFAULTS.get(name) or first
    except KeyError:
        return None


def set_default(
    connection_timeout=None, expires=None, user_agent=None, uploadsuffix=None, downloadsuffix=None, **more
):
    # type: (float | None, int | None, str | None, str | None, str | None, **object) -> None
    """Set defaults for handlers that have made no call yet.

    An option that is None, 0, empty or not given stays as it is; of ``more``, one that is None.

    connection_timeout: seconds to connect, and the most seconds of silence; initially 60.  expires: seconds until a
    private download's signed URL expires; initially 300.  user_agent: the User-Agent header.  uploadsuffix,
    downloadsuffix: initially .ufile.ucloud.cn.  A host of your own, for example 127.0.0.1:9000, is also used for the
    other one and for management, unless they are set.  more: further options of ucloud.uvideo.config.set_default, for
    example apiurl, retries and maxthread.

    Raises ValueError for a bad value and TypeError for an unknown option.  Safe to call from any thread.
    """
    given = dict((name, value) for name, value in locals().items() if name != "more" and value)
    given.update((name, value) for name, value in more.items() if value is not None)
    DEFAULTS.set(given)
