"""Where an operation goes: the hosts of each provider, and what an upload or download suffix means.

A suffix that begins with "." stands behind the space in the host name: UFile dialect.  Any other is a shared host:
UVideo dialect, the space in the header Bucket.  A scheme may stand before either.

Source: design.md section 2, clients.md.
"""

from __future__ import absolute_import, division, print_function

import re
from collections import namedtuple

from .errors import InvalidArgument
from .text import is_text


class Provider(namedtuple("Provider", "name upload download api word region")):
    """A named bundle of hosts.  ``word``: the scheme word of Authorization.  "{region}" in a host is filled in."""

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
        ),
        Provider(
            "ucloud", "uploadvideo.ucloud.cn", ".uvideo.ucloud.com.cn", "https://api.ucloud.cn", "UCloud", "cn-bj"
        ),
        Provider(
            "us3",
            "https://.{region}.ufileos.com",
            "https://.{region}.ufileos.com",
            "https://api.ucloud.cn",
            "UCloud",
            "cn-bj",
        ),
        Provider("local", "127.0.0.1:9000", "127.0.0.1:9000", None, "UCloud", "cn-bj"),
    )
)


class Hosts(namedtuple("Hosts", "upload download api word region")):
    """Where everything goes.  ``upload``, ``download``: Suffix.  ``api``: URL without a trailing slash."""

    __slots__ = ()

    def plain(self):
        """Names of the public hosts that are spoken to without TLS."""
        suffixes = (self.upload, self.download, parse_suffix(self.api, "api"))
        return [each.host for each in suffixes if each.scheme == "http" and not is_loopback(each.host)]


class Suffix(namedtuple("Suffix", "scheme host shared")):
    """``shared``: the host serves every space, so the header Bucket names it."""

    __slots__ = ()

    def origin(self, space):
        """ "http://host" that a request about this space goes to."""
        return self.scheme + "://" + (self.host if self.shared else str(space) + self.host)


#: What a user calls the upload host, the download host and the URL of the management plane.
_NAMES = ("uploadsuffix", "downloadsuffix", "apiurl")

_LOOPBACK = re.compile(r"(?:127(?:\.[0-9]{1,3}){3}|\[::1\]|(?:.*\.)?localhost)\.?(?::[0-9]+)?\Z", re.I).match
_HOST = re.compile(r"\.?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)\.?(?::[0-9]{1,5})?\Z").match


def is_loopback(host):
    """True for 127.0.0.0/8, [::1], localhost and *.localhost, with or without a port."""
    return bool(_LOOPBACK(host.lstrip(".")))


_LABEL = "(?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9]%s\.)+[a-z]%s\Z" % (_LABEL, _LABEL)).match


def check_domain(value):
    """Text of a space's own domain, lower-case; InvalidArgument unless it is a host name of two labels or more."""
    text = value.strip().rstrip(u".").lower() if is_text(value) else u""
    if not _DOMAIN(text) or is_loopback(text):
        raise InvalidArgument(u"the domain %s is not a host name such as video.example.com" % text[:80])
    return text


def domain_of(host):
    """The domain that a Host header or authority names, lower-case; None if no space can have it as its own."""
    name = host.partition(":")[0].rstrip(".").lower()
    return name if "." in name and not name.endswith("localhost") and _DOMAIN(name) else None


def parse_suffix(value, name="suffix"):
    """Suffix of ".cn-bj.ufileos.com", "uploadvideo.ucloud.cn", "127.0.0.1:9000", "https://..."; InvalidArgument."""
    if not is_text(value):
        raise InvalidArgument(u"%s is a %s; a str is needed" % (name, type(value).__name__))
    scheme, mark, host = value.partition("://")
    if not mark:
        scheme, host = None, value
    host = host[:-1] if host.endswith("/") else host
    if scheme not in (None, "http", "https") or not _HOST(host):
        _, at, shown = value.rpartition("@")
        value = "...@" + shown if at else value  # a password may stand before it
        raise InvalidArgument(
            u"%s is %r: give a host such as uploadvideo.auto-ai.com.cn or 127.0.0.1:9000, or a suffix that begins with "
            u"a dot such as .cn-bj.ufileos.com, with http:// or https:// before it if you wish" % (name, value)
        )
    if scheme is None:
        # What the provider's own documents show: us3 and the API https, the video hosts http.
        scheme = "https" if host.split(":")[0].lower().endswith((".ufileos.com", "api.ucloud.cn")) else "http"
    return Suffix(scheme, str(host), not host.startswith("."))


def resolve(provider, upload=None, download=None, api=None, region=None, word=None, ssl=None, names=_NAMES):
    """The Hosts of a provider's name; what is given stands in for the provider's own.  InvalidArgument.

    A program pointed at a local server reads from it and manages its spaces there too.  ``ssl``: True https, False http
    for hosts given without either.  ``names``: what upload, download and api are called in an error.
    """
    found = PROVIDERS[provider]
    region = str(region or found.region)
    to = choose(upload or found.upload.format(region=region), names[0], ssl)
    local = is_loopback(to.host)
    if download is None and upload is not None and local:
        source = to
    else:
        source = choose(download or found.download.format(region=region), names[1], ssl)
    if api is None:
        api = to.scheme + "://" + to.host.lstrip(".") if local else found.api
    api = str(api).rstrip("/")
    parse_suffix(api, names[2])
    return Hosts(to, source, api, word or found.word, region)


def choose(value, name, ssl):
    """Suffix of a host; ``ssl`` decides where it is given without scheme.  InvalidArgument."""
    found = parse_suffix(value, name)
    if ssl is None or "://" in value:
        return found
    return found._replace(scheme="https" if ssl else "http")
