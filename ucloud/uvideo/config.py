"""Settings of the SDK for the whole process.  A handler copies them at its first call.

    from ucloud.uvideo import config
    config.set_default(uploadsuffix='uploadvideo.auto-ai.com.cn')
"""

from __future__ import absolute_import, division, print_function

import difflib
import threading

from . import __version__
from .engine.validation import warn_of_plain
from .http.pool import USER_AGENT as _CARRIAGE
from .http.proxy import Proxy
from .protocol.compat import TYPE_CHECKING, NamedTuple, is_integer, is_text, native
from .protocol.errors import InvalidArgument
from .protocol.etag import BLOCK
from .protocol.provider import PROVIDERS, parse_suffix, resolve
from .protocol.signature import WORDS

if TYPE_CHECKING:
    from os import PathLike  # noqa: F401
    from typing import Any, Callable, Collection, Mapping, NoReturn, Sequence  # noqa: F401

    from requests import Session

    from .protocol.provider import Missing, Provider, Suffix  # noqa: F401

#: The default user_agent.
USER_AGENT = "uvideo-python/%s %s" % (__version__, _CARRIAGE)
#: The default URL of the management API; apiurl or another host's setting replaces it.
UCLOUD_API_URL = PROVIDERS["auto-ai"].api
#: Bytes of a block: etags are computed over blocks, and parts are one block long.
BLOCKSIZE = BLOCK


class Defaults(object):
    """A package's options for the whole process.  Safe to share between threads.

    ``first``: initial values that differ from the provider's.  ``providers``: further ones, by name.
    """

    def __init__(self, first=(), providers=()):
        # type: (Mapping[str, Any] | tuple[()], Mapping[str, Provider] | tuple[()]) -> None
        self._providers = dict(PROVIDERS, **dict(providers))
        self._first = dict((name, option[0]) for name, option in _OPTIONS.items())  # type: dict[str, Any]
        self._first.update(dict(first))
        self._now = dict(self._first)
        self._lock = threading.Lock()

    def set(self, given):
        # type: (Mapping[str, Any]) -> None
        """Set these options (a dict), or none: ValueError for a bad value, TypeError for an unknown option."""
        for name, value in given.items():
            if name not in self._first:
                near = difflib.get_close_matches(name, self._first, 1)
                hint = "; did you mean %s?" % near[0] if near else ""
                raise TypeError("set_default has no option %s%s" % (name, hint))
            check = _one_of(self._providers) if name == "provider" else _OPTIONS[name][1]
            check(name, value)
        with self._lock:
            self._now.update(given)

    def unset(self, names):
        # type: (Sequence[str]) -> None
        """Reset these options to their initial values; without names, all.  TypeError for an unknown option."""
        unknown = sorted(set(names) - set(self._first))
        if unknown:
            raise TypeError("there is no option %s" % unknown[0])
        with self._lock:
            self._now.update((name, self._first[name]) for name in names or self._first)

    def get(self, name):
        # type: (str) -> Any
        """An option's value.  KeyError for an unknown option."""
        return self._now[name]

    def settings(self, upload_suffix=None, download_suffix=None, apiurl=None):
        # type: (str | None, str | None, str | None) -> HandlerSettings
        """The current HandlerSettings.  The arguments, if given, replace uploadsuffix, downloadsuffix and apiurl."""
        if apiurl is not None:
            _url("UCLOUD_API_URL", apiurl)
        with self._lock:
            current = dict(self._now)
        hosts = resolve(
            self._providers[current["provider"]],
            upload_suffix or current["uploadsuffix"],
            download_suffix or current["downloadsuffix"],
            current["apiurl"] or apiurl,
            current["region"],
            current["authscheme"],
            current["open_ssl"],
        )
        warn_of_plain(hosts.plain())
        if current["client_key"] is not None and current["client_cert"] is None:
            raise InvalidArgument(u"client_key is set without client_cert: set both")
        current["user_agent"] = current["user_agent"] or USER_AGENT
        return HandlerSettings(*(list(hosts) + [current[name] for name in _COPIED + _WAY]))


#: The options in a handler's copy, in this order, after the hosts.
_COPIED = "connection_timeout expires maxthread retries user_agent space_parameter video_actions md5 open_ssl".split()
#: How to reach the service.  Pickles of earlier handlers have none of these.
_WAY = "ca_bundle client_cert client_key client_key_password proxy session".split()


class HandlerSettings(
    NamedTuple(
        "HandlerSettings",
        [
            ("upload", "Suffix | Missing"),
            ("download", "Suffix | Missing"),
            ("api", "str | Missing"),
            ("word", "str"),
            ("region", "str"),
            ("timeout", "float"),
            ("expires", "int"),
            ("maxthread", "int"),
            ("retries", "int"),
            ("user_agent", "str"),
            ("space_parameter", "str"),
            ("video_actions", "bool"),
            ("md5", "bool"),
            ("open_ssl", "bool | None"),
            ("ca_bundle", "str | None"),
            ("client_cert", "str | None"),
            ("client_key", "str | None"),
            ("client_key_password", "str | None"),
            ("proxy", "str | None"),
            ("session", "Session | None"),
        ],
    )
):
    """One handler's copy, with the provider's hosts filled in.  upload, download: provider.Suffix."""

    __slots__ = ()

    def __repr__(self):
        # type: () -> str
        return "<HandlerSettings of %s>" % (self.upload,)


HandlerSettings.__new__.__defaults__ = (None,) * len(_WAY)
Settings = HandlerSettings  # in the pickles of earlier handlers


def set_default(
    uploadsuffix=None,  # type: str | None
    downloadsuffix=None,  # type: str | None
    connection_timeout=None,  # type: float | None
    expires=None,  # type: int | None
    provider=None,  # type: str | None
    authscheme=None,  # type: str | None
    apiurl=None,  # type: str | None
    region=None,  # type: str | None
    maxthread=None,  # type: int | None
    retries=None,  # type: int | None
    user_agent=None,  # type: str | None
    space_parameter=None,  # type: str | None
    video_actions=None,  # type: bool | None
    md5=None,  # type: bool | None
    open_ssl=None,  # type: bool | None
    ca_bundle=None,  # type: str | PathLike[str] | None
    client_cert=None,  # type: str | PathLike[str] | None
    client_key=None,  # type: str | PathLike[str] | None
    client_key_password=None,  # type: str | None
    proxy=None,  # type: str | None
    session=None,  # type: Session | None
    **unknown  # type: NoReturn
):
    # type: (...) -> None
    """Set defaults for handlers that have made no call yet.  An option that is None or not given stays as it is.

    uploadsuffix: upload host, for example uploadvideo.auto-ai.com.cn or 127.0.0.1:9000, or a suffix that begins with a
    dot.  downloadsuffix: download host or suffix, for example .uvideo.auto-ai.com.cn.  connection_timeout: seconds to
    connect, and the most seconds of silence.  expires: seconds until a private download's signed URL expires.
    provider: auto-ai, ucloud, us3 or local; its hosts are used where none are set here.  authscheme: the first word of
    Authorization, UCloud or AutoAI.  apiurl: URL of the management API.  region: of a new space and of us3's hosts.
    maxthread: parts sent at the same time.  retries: the most retries of a request.  user_agent: the User-Agent header.
    space_parameter: BucketName or SpaceName.  video_actions: use CreateVideoSpace and similar actions.  md5: send
    Content-MD5 with whole objects, which reads them once more.  The etag is compared in any case.  open_ssl: True for
    https, False for http, for hosts given without a scheme; unset: as the provider's documents say.  ca_bundle: file or
    folder of trusted CA certificates, in place of REQUESTS_CA_BUNDLE's or certifi's.  client_cert, client_key: PEM
    files of the client's certificate and key; without client_key the key is in client_cert.  client_key_password: of an
    encrypted key, which is refused without it.  proxy: URL of a proxy for every host, "" for none; unset: the
    environment decides.  session: a requests.Session for all requests, slower than the SDK's own connections.  It is
    never closed here.

    Raises ValueError for a bad value and TypeError for an unknown option.  Safe to call from any thread.
    """
    given = dict((name, value) for name, value in locals().items() if name != "unknown" and value is not None)
    DEFAULTS.set(dict(given, **unknown))


def unset_default(*names):
    # type: (*str) -> None
    """Reset these options to the provider's values; without names, all.  TypeError for an unknown option."""
    DEFAULTS.unset(names)


def get_default(name):
    # type: (str) -> Any
    """The value that a handler would copy at its first call now.  KeyError for an unknown option."""
    return DEFAULTS.get(name)


def settings(upload_suffix=None, download_suffix=None):
    # type: (str | None, str | None) -> HandlerSettings
    """The current HandlerSettings.  The arguments, if given, replace uploadsuffix and downloadsuffix."""
    return DEFAULTS.settings(upload_suffix, download_suffix)


def _host(name, value):
    # type: (str, object) -> None
    if not is_text(value) or not value:
        raise InvalidArgument(u"%s must be a host name" % name)
    parse_suffix(native(value), name)


def _url(name, value):
    # type: (str, object) -> None
    if not is_text(value) or not value.startswith(("http://", "https://")):
        raise InvalidArgument(u"%s must be a URL that begins with http:// or https://" % name)
    parse_suffix(native(value), name)


def _seconds(name, value):
    # type: (str, object) -> None
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 10**7
    if not good:
        raise InvalidArgument(u"%s must be a number of seconds above 0, not %r" % (name, value))


def _whole(low, high):
    # type: (int, int) -> Callable[[str, object], None]
    def check(name, value):
        # type: (str, object) -> None
        if not is_integer(value) or not low <= value <= high:
            raise InvalidArgument(u"%s must be a whole number from %d to %d, not %r" % (name, low, high, value))

    return check


def _one_of(values):
    # type: (Collection[str]) -> Callable[[str, object], None]
    def check(name, value):
        # type: (str, object) -> None
        if value not in values:
            raise InvalidArgument(u"%s must be one of %s, not %r" % (name, u", ".join(sorted(values)), value))

    return check


def _word(name, value):
    # type: (str, object) -> None
    if not is_text(value) or not value or any(char < " " or char > "~" for char in value):
        raise InvalidArgument(u"%s must be printable ASCII text" % name)


def _flag(name, value):
    # type: (str, object) -> None
    if not isinstance(value, bool):
        raise InvalidArgument(u"%s must be True or False" % name)


def _path(name, value):
    # type: (str, object) -> None
    if not (is_text(value) or hasattr(value, "__fspath__")) or not value:
        raise InvalidArgument(u"%s must be the path of a file" % name)


def _password(name, value):
    # type: (str, object) -> None
    if not is_text(value) or not value:
        raise InvalidArgument(u"%s must be text and not empty" % name)
    if value.endswith(("\n", "\r")):
        raise InvalidArgument(u"%s ends with a line break, probably from a file: remove it with .strip()" % name)


def _proxy(name, value):
    # type: (str, object) -> None
    if not is_text(value):
        raise InvalidArgument(u"%s must be the URL of a proxy, or empty for none" % name)
    if value:
        Proxy(native(value))


def check_session(name, value):
    # type: (str, object) -> None
    """InvalidArgument unless it is a requests.Session."""
    from .http.requests_session import check  # this import loads requests

    check(name, value)


#: Each option: its value while it is not set, and the check of a value.
_OPTIONS = {
    "uploadsuffix": (None, _host),
    "downloadsuffix": (None, _host),
    "connection_timeout": (60, _seconds),
    "expires": (60, _whole(1, 10**9)),
    "provider": ("auto-ai", _one_of(PROVIDERS)),
    "authscheme": (None, _one_of(WORDS)),
    "apiurl": (None, _url),
    "region": (None, _word),
    "maxthread": (4, _whole(1, 64)),
    "retries": (3, _whole(0, 100)),
    "user_agent": (None, _word),
    "space_parameter": ("BucketName", _one_of(("BucketName", "SpaceName"))),
    "video_actions": (False, _flag),
    "md5": (False, _flag),
    "open_ssl": (None, _flag),
    "ca_bundle": (None, _path),
    "client_cert": (None, _path),
    "client_key": (None, _path),
    "client_key_password": (None, _password),
    "proxy": (None, _proxy),
    "session": (None, check_session),
}  # type: dict[str, tuple[Any, Callable[[str, object], None]]]
DEFAULTS = Defaults()
