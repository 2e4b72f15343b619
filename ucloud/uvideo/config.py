"""Settings of the SDK for the whole process.  A handler copies them when it is made.

    from ucloud.uvideo import config
    config.set_default(uploadsuffix='uploadvideo.auto-ai.com.cn')
"""

from __future__ import absolute_import, division, print_function

import difflib
import threading
from collections import namedtuple

from .argument import warn_of_plain
from .protocol.errors import InvalidArgument
from .protocol.provider import PROVIDERS, parse_suffix, resolve
from .protocol.signature import WORDS
from .protocol.text import is_integer, is_text, native

_UNSET = object()
_lock = threading.Lock()

_DEFAULTS = {
    "uploadsuffix": None,
    "downloadsuffix": None,
    "connection_timeout": 60,
    "expires": 60,
    "provider": "auto-ai",
    "authscheme": None,
    "apiurl": None,
    "region": None,
    "maxthread": 4,
    "retries": 3,
    "user_agent": None,
    "space_parameter": "BucketName",
    "video_actions": False,
    "md5": False,
    "open_ssl": None,
}
_config = dict(_DEFAULTS)


def set_default(
    uploadsuffix=_UNSET,
    downloadsuffix=_UNSET,
    connection_timeout=_UNSET,
    expires=_UNSET,
    provider=_UNSET,
    authscheme=_UNSET,
    apiurl=_UNSET,
    region=_UNSET,
    maxthread=_UNSET,
    retries=_UNSET,
    user_agent=_UNSET,
    space_parameter=_UNSET,
    video_actions=_UNSET,
    md5=_UNSET,
    open_ssl=_UNSET,
    **unknown
):
    """Set defaults for the handlers made from now on; what is not given stays as it is, None means the provider's.

    uploadsuffix: upload host, such as uploadvideo.auto-ai.com.cn or 127.0.0.1:9000, or a suffix that begins with a dot.
    downloadsuffix: download host or suffix, such as .uvideo.auto-ai.com.cn.
    connection_timeout: seconds to connect, and seconds of silence, until a request counts as unanswered.
    expires: seconds that the signed URL of a private download lasts.
    provider: auto-ai, ucloud, us3 or local; it names the hosts that are not set here.
    authscheme: UCloud or AutoAI, the first word of Authorization.
    apiurl: URL of the management plane.  region: of a new space and of us3's hosts.
    maxthread: parts sent at a time.  retries: how often a request is sent again.
    user_agent: what requests call themselves.
    space_parameter: BucketName or SpaceName.  video_actions: use CreateVideoSpace and its like.
    md5: send Content-MD5 with whole objects, which are read once more for it; the etag is compared anyway.
    open_ssl: True https, False http for hosts given without either; None: as the provider's documents have it.

    Raises ValueError for a bad value and TypeError for an unknown option.  Safe to call from any thread.
    """
    given = dict((name, value) for name, value in locals().items() if name in _DEFAULTS and value is not _UNSET)
    if unknown:
        name = sorted(unknown)[0]
        near = difflib.get_close_matches(name, _DEFAULTS, 1)
        hint = "; did you mean %s?" % near[0] if near else ""
        raise TypeError("set_default has no option %s%s" % (name, hint))
    for name, value in given.items():
        if value is None:
            given[name] = _DEFAULTS[name]
        else:
            _CHECKS[name](name, value)
    with _lock:
        _config.update(given)


def get_default(name):
    """The value that handlers made now would copy; KeyError for an unknown name."""
    return _config[name]


def _host(name, value):
    if not is_text(value) or not value:
        raise InvalidArgument(u"%s must be a host name" % name)
    parse_suffix(native(value), name)


def _url(name, value):
    if not is_text(value) or not value.startswith(("http://", "https://")):
        raise InvalidArgument(u"%s must be a URL that begins with http:// or https://" % name)
    parse_suffix(native(value), name)


def _seconds(name, value):
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 10**7
    if not good:
        raise InvalidArgument(u"%s must be a number of seconds above 0, not %r" % (name, value))


def _whole(low, high):
    def check(name, value):
        if not is_integer(value) or not low <= value <= high:
            raise InvalidArgument(u"%s must be a whole number from %d to %d, not %r" % (name, low, high, value))

    return check


def _one_of(values):
    def check(name, value):
        if value not in values:
            raise InvalidArgument(u"%s must be one of %s, not %r" % (name, u", ".join(sorted(values)), value))

    return check


def _word(name, value):
    if not is_text(value) or not value or any(char < " " or char > "~" for char in value):
        raise InvalidArgument(u"%s must be printable ASCII text" % name)


def _flag(name, value):
    if not isinstance(value, bool):
        raise InvalidArgument(u"%s must be True or False" % name)


_CHECKS = {
    "uploadsuffix": _host,
    "downloadsuffix": _host,
    "connection_timeout": _seconds,
    "expires": _whole(1, 10**9),
    "provider": _one_of(tuple(PROVIDERS)),
    "authscheme": _one_of(WORDS),
    "apiurl": _url,
    "region": _word,
    "maxthread": _whole(1, 64),
    "retries": _whole(0, 100),
    "user_agent": _word,
    "space_parameter": _one_of(("BucketName", "SpaceName")),
    "video_actions": _flag,
    "md5": _flag,
    "open_ssl": _flag,
}


_SETTINGS = (
    "upload download api word region timeout expires maxthread retries user_agent space_parameter video_actions md5 "
    "open_ssl"
)


class Settings(namedtuple("Settings", _SETTINGS)):
    """One handler's copy, the provider's hosts filled in.  upload, download: provider.Suffix."""

    __slots__ = ()


def settings(upload_suffix=None, download_suffix=None):
    """The Settings as they are now; arguments stand in for uploadsuffix and downloadsuffix."""
    with _lock:
        current = dict(_config)
    hosts = resolve(
        current["provider"],
        upload_suffix or current["uploadsuffix"],
        download_suffix or current["downloadsuffix"],
        current["apiurl"],
        current["region"],
        current["authscheme"],
        current["open_ssl"],
    )
    warn_of_plain(hosts)
    return Settings(
        hosts.upload,
        hosts.download,
        hosts.api,
        hosts.word,
        hosts.region,
        current["connection_timeout"],
        current["expires"],
        current["maxthread"],
        current["retries"],
        current["user_agent"],
        current["space_parameter"],
        current["video_actions"],
        current["md5"],
        current["open_ssl"],
    )
