"""Which host each kind of operation may go to, for every combination of hosts that a user may name.  2.7 and 3.

Written apart from ``provider.resolve``, so that the two can be compared; no name in it resolves anywhere.
"""

from __future__ import absolute_import, division, print_function

import itertools
import socket

SPACE = "films"
UPLOADS = {
    "auto-ai": "uploadvideo.auto-ai.com.cn",
    "ucloud": "uploadvideo.ucloud.cn",
    "us3": ".cn-bj.ufileos.com",
    "local": "127.0.0.1:9000",
}
DOWNLOADS = dict(UPLOADS, **{"auto-ai": ".uvideo.auto-ai.com.cn", "ucloud": ".uvideo.ucloud.com.cn"})
OWN, SUFFIX, LOOPBACK = "video.example.com", ".spaces.example.net", "localhost:9"
API = "api.ucloud.cn"
FOREIGN = {"auto-ai": "ucloud", "ucloud": "auto-ai", "us3": "ucloud", "local": "ucloud"}


def uploads(provider):
    return [None, OWN, "https://" + OWN, SUFFIX, UPLOADS[provider], UPLOADS[FOREIGN[provider]], LOOPBACK]


def downloads(provider):
    return [None, OWN, "cdn.example.org", ".cdn.example.org", DOWNLOADS[provider], LOOPBACK]


APIS = [None, "https://manage.example.org", "https://" + API, "http://localhost:9"]


def combinations():
    """Every (provider, upload, download, api)."""
    for provider in sorted(UPLOADS):
        for each in itertools.product(uploads(provider), downloads(provider), APIS):
            yield (provider,) + each


def expected(provider, upload, download, api):
    """{"upload": host, "download": host, "api": host}; None where the call must be refused."""
    local = provider == "local"
    bare = None if upload is None else upload.rpartition("/")[2]
    alien = api is not None and API not in api and not local  # a manager of one's own, and no host beside it
    foreign = bare == UPLOADS[FOREIGN[provider]]
    if upload is None:
        refused = alien or (download == LOOPBACK and not local)
        up = None if refused else UPLOADS[provider]
        down = None if refused else DOWNLOADS[provider]
        manager = None if refused else "127.0.0.1:9000" if local else API
    elif bare in (OWN, SUFFIX, LOOPBACK):
        up = down = bare
        alone = download in (None, bare) and bare == OWN
        manager = bare if alone or bare == LOOPBACK else None
    else:
        up, manager = bare, "127.0.0.1:9000" if bare == "127.0.0.1:9000" else API
        down = None if foreign else DOWNLOADS[provider]
    return {
        "upload": _host(up),
        "download": _host(download or down),
        "api": _host(api.rpartition("/")[2] if api else manager),
    }


def _host(suffix):
    return SPACE + suffix if suffix is not None and suffix.startswith(".") else suffix


class Lookups(object):
    """In place of socket.getaddrinfo: no name resolves, and which were asked for is noted."""

    def __init__(self):
        self.names, self._real = [], socket.getaddrinfo

    def __call__(self, name, *_, **__):
        self.names.append(name.decode("ascii") if isinstance(name, bytes) else str(name))
        raise socket.gaierror(socket.EAI_NONAME, "no name resolves here")

    def __enter__(self):
        socket.getaddrinfo = self
        return self

    def __exit__(self, *_):
        socket.getaddrinfo = self._real


def looked_up(host, session=False):
    """The set of names that the resolver is asked for a host: none for localhost.  ``session``: by requests."""
    name = host.partition(":")[0]
    return set() if name.endswith("localhost") and not session else {name}
