"""The hosts of each provider, and the meaning of an upload or download suffix.

A suffix that begins with "." follows the space in the host name: UFile dialect.  Any other is a shared host: UVideo
dialect, with the space in the header Bucket.  Either may have a scheme.

Source: design.md section 2, clients.md.
"""

from __future__ import absolute_import, division, print_function

import re

from .compat import TYPE_CHECKING, NamedTuple, is_text
from .errors import InvalidArgument

if TYPE_CHECKING:
    from typing import Iterable, NoReturn, TypeVar  # noqa: F401
    T = TypeVar("T")
    _Names = tuple[str, str, str]
    _Three = tuple["Suffix | Missing", "Suffix | Missing", "str | Missing"]


class Provider(
    NamedTuple(
        "Provider",
        [
            ("name", "str"), ("upload", "str"), ("download", "str"), ("api", "str"), ("word", "str"),
            ("region", "str"), ("domains", "tuple[str, ...]"),
        ],
    )
):
    """A named set of hosts.  ``word``: the first word of Authorization.  "{region}" in a host is replaced.

    ``domains``: all hosts below them are the provider's.
    """

    __slots__ = ()


PROVIDERS = dict(
    (provider.name, provider)
    for provider in (
        Provider(
            "auto-ai",
            "uploadvideo.auto-ai.com.cn",
            ".uvideo.auto-ai.com.cn",
            "https://api.ucloud.cn",
            "AutoAI",
            "cn-bj",
            ("auto-ai.com.cn",),
        ),
        Provider(
            "ucloud",
            "uploadvideo.ucloud.cn",
            ".uvideo.ucloud.com.cn",
            "https://api.ucloud.cn",
            "UCloud",
            "cn-bj",
            ("ucloud.cn", "ucloud.com.cn"),
        ),
        Provider(
            "us3",
            "https://.{region}.ufileos.com",
            "https://.{region}.ufileos.com",
            "https://api.ucloud.cn",
            "UCloud",
            "cn-bj",
            ("ufileos.com",),
        ),
        Provider("local", "127.0.0.1:9000", "127.0.0.1:9000", "http://127.0.0.1:9000", "UCloud", "cn-bj", ()),
    )
)


def owner_of(host):
    # type: (str) -> Provider | None
    """The Provider of a host, with or without a port, or of a suffix; None for the user's own host."""
    name = u"." + host.partition(":")[0].strip(".").lower()
    for found in PROVIDERS.values():
        if any(name.endswith(u"." + domain) for domain in found.domains):
            return found
    return None


class Hosts(
    NamedTuple(
        "Hosts",
        [
            ("upload", "Suffix | Missing"), ("download", "Suffix | Missing"), ("api", "str | Missing"),
            ("word", "str"), ("region", "str"),
        ],
    )
):
    """All hosts.  ``upload``, ``download``: Suffix.  ``api``: URL without a trailing slash.

    Each of the three may be Missing instead.
    """

    __slots__ = ()

    def suffixes(self):
        # type: () -> list[Suffix]
        """The upload and the download Suffix, without a Missing one."""
        return [each for each in (self.upload, self.download) if not isinstance(each, Missing)]

    def plain(self):
        # type: () -> list[str]
        """Names of the public hosts that are used without TLS."""
        found = self.suffixes()
        if not isinstance(self.api, Missing):
            found.append(parse_suffix(self.api, "api"))
        return plain(found)


class Missing(NamedTuple("Missing", [("reason", "str")])):
    """Stands for a host that was not given and cannot be derived.  Using it raises InvalidArgument.

    ``reason``: what is missing and how to set it.
    """

    __slots__ = ()

    def refuse(self, *_):
        # type: (*object) -> NoReturn
        raise InvalidArgument(self.reason)

    scheme = host = shared = property(refuse)
    origin = refuse


def named(place):
    # type: (T | Missing) -> T
    """``place``, a part of Hosts.  InvalidArgument if it is Missing."""
    return place.refuse() if isinstance(place, Missing) else place


class Suffix(NamedTuple("Suffix", [("scheme", "str"), ("host", "str"), ("shared", "bool")])):
    """``shared``: the host serves every space, so the header Bucket has the space."""

    __slots__ = ()

    def origin(self, space):
        # type: (str) -> str
        """The origin, "http://host", for a request about this space."""
        return self.scheme + "://" + (self.host if self.shared else str(space) + self.host)


#: The users' names for the upload host, the download host and the management URL.
_NAMES = ("uploadsuffix", "downloadsuffix", "apiurl")

_LOOPBACK = re.compile(r"(?:127(?:\.[0-9]{1,3}){3}|\[::1\]|(?:.*\.)?localhost)\.?(?::[0-9]+)?\Z", re.I).match
_HOST = re.compile(r"\.?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)\.?(?::[0-9]{1,5})?\Z").match


def is_loopback(host):
    # type: (str) -> bool
    """True for 127.0.0.0/8, [::1], localhost and *.localhost, with or without a port."""
    return bool(_LOOPBACK(host.lstrip(".")))


_LABEL = "(?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9]%s\.)+[a-z]%s\Z" % (_LABEL, _LABEL)).match


def check_domain(value):
    # type: (str) -> str
    """A space's own domain as lower-case text.  InvalidArgument unless it is a host name of two labels or more."""
    text = value.strip().rstrip(u".").lower() if is_text(value) else u""
    if not _DOMAIN(text) or is_loopback(text):
        raise InvalidArgument(u"the domain %s is not a host name such as video.example.com" % text[:80])
    return text


def domain_of(host):
    # type: (str) -> str | None
    """The domain in a Host header or authority, lower-case; None if it cannot be a space's own."""
    name = host.partition(":")[0].rstrip(".").lower()
    return name if "." in name and not name.endswith("localhost") and _DOMAIN(name) else None


def plain(suffixes):
    # type: (Iterable[Suffix]) -> list[str]
    """The hosts of those Suffixes that are public and used without TLS."""
    return [each.host for each in suffixes if each.scheme == "http" and not is_loopback(each.host)]


def parse_suffix(value, name="suffix"):
    # type: (str, str) -> Suffix
    """Suffix for ".cn-bj.ufileos.com", "uploadvideo.ucloud.cn", "127.0.0.1:9000", "https://..."; InvalidArgument."""
    if not is_text(value):
        raise InvalidArgument(u"%s is a %s; a str is needed" % (name, type(value).__name__))
    scheme, mark, host = value.partition("://")
    if not mark:
        scheme, host = "", value
    host = host[:-1] if host.endswith("/") else host
    if (mark and scheme not in ("http", "https")) or not _HOST(host):
        _, at, shown = value.rpartition("@")
        value = "...@" + shown if at else value  # a password may be before it
        raise InvalidArgument(
            u"%s is %r: give a host such as uploadvideo.auto-ai.com.cn or 127.0.0.1:9000, or a suffix that begins with "
            u"a dot such as .cn-bj.ufileos.com, with http:// or https:// before it if you wish" % (name, value)
        )
    if not scheme:
        # As in the provider's own documents: us3 and the API use https, the video hosts http.
        scheme = "https" if host.split(":")[0].lower().endswith((".ufileos.com", "api.ucloud.cn")) else "http"
    return Suffix(str(scheme), str(host), not host.startswith("."))


def resolve(
    provider,  # type: str | Provider
    upload=None,  # type: str | None
    download=None,  # type: str | None
    api=None,  # type: str | None
    region=None,  # type: str | None
    word=None,  # type: str | None
    ssl=None,  # type: bool | None
    names=_NAMES,  # type: tuple[str, str, str]
):
    # type: (...) -> Hosts
    """The Hosts of a Provider, or of its name, and of the given hosts (None: not given).  InvalidArgument.

    A host that is not given is derived, and Missing if that is not possible:

    ============================  =====================  =================================================
    the upload host is            downloads go to        management goes to
    ============================  =====================  =================================================
    not given                     the provider           the provider
    the user's own                the upload host        the upload host, if it is the only host given
    a host of the provider        the provider           the provider
    a host of another provider    that host, if it       that other provider
                                  serves both, as a
                                  suffix does
    ============================  =====================  =================================================

    Without an upload host, only a download host, which can be a CDN, may be the user's own.  So nothing signed goes to
    a host that the user did not name.  ``ssl``: True for https, False for http, for hosts without a scheme.  ``names``:
    of upload, download and api in error texts.
    """
    chosen = provider if isinstance(provider, Provider) else PROVIDERS[provider]
    region = str(region or chosen.region)
    to = choose(upload, names[0], ssl) if upload else None
    source = choose(download, names[1], ssl) if download else None
    manager = parse_suffix(api, names[2]) if api else None
    if to is None:
        hosts = _beside(chosen, source, manager, names, region, ssl)
    else:
        hosts = to, source or _download_of(to, chosen, names, region, ssl), _api_of(to, source, names)
    if manager is not None:
        hosts = hosts[:2] + (str(api).rstrip("/"),)
    return Hosts(*hosts + (word or chosen.word, region))


def _own(suffix):
    # type: (Suffix | None) -> bool
    """Whether it is given and the user's own."""
    return suffix is not None and owner_of(suffix.host) is None


def _beside(chosen, source, manager, names, region, ssl):
    # type: (Provider, Suffix | None, Suffix | None, _Names, str, bool | None) -> _Three
    """(upload, download, api) if no upload host is given."""
    lone = None
    if chosen.domains:  # else the provider is this machine, chosen by name
        if _own(manager):
            lone = names[2]
        elif source is not None and is_loopback(source.host):
            lone = names[1]
    if lone is not None:
        text = u"%%s: %s is a custom host, but %s is not set; set %s too" % (lone, names[0], names[0])
        return (
            Missing(text % u"there is no host to upload to"),
            source or Missing(text % u"there is no host to download from"),
            Missing(text % u"there is no host for management"),
        )
    to, found = (choose(each.format(region=region), u"", ssl) for each in (chosen.upload, chosen.download))
    return to, source or found, chosen.api


def _download_of(to, chosen, names, region, ssl):
    # type: (Suffix, Provider, _Names, str, bool | None) -> Suffix | Missing
    owner = owner_of(to.host)
    if owner is None or not to.shared or owner.upload == owner.download:
        return to
    if owner is chosen:
        return choose(owner.download.format(region=region), names[1], ssl)
    return Missing(
        u"there is no host to download from: %s is a host of the provider %s, but the provider is %s; set %s, or the "
        u"provider to %s" % (names[0], owner.name, chosen.name, names[1], owner.name)
    )


def _api_of(to, source, names):
    # type: (Suffix, Suffix | None, _Names) -> str | Missing
    owner = owner_of(to.host)
    if owner is not None:
        return owner.api
    alone = to.shared and (source is None or source.host.lower() == to.host.lower())
    if alone or is_loopback(to.host):
        return to.scheme + "://" + to.host.lstrip(".")
    return Missing(
        u"there is no host for management: %s is custom, but it is a suffix or not the only host; set %s to the "
        u"URL that manages its spaces, such as https://video.example.com" % (names[0], names[2])
    )


def choose(value, name, ssl):
    # type: (str, str, bool | None) -> Suffix
    """The Suffix of a host; ``ssl`` decides if it has no scheme.  InvalidArgument."""
    found = parse_suffix(value, name)
    if ssl is None or "://" in value:
        return found
    return found._replace(scheme="https" if ssl else "http")
