"""The host names of a space, as answers contain them.

They are made of the names that the operator gave.  Without any, they are made of the host of the request; but that may
serve the management plane only, as api.ucloud.cn does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from uvideo._core import provider
from uvideo.server.rules.server_names import canonical, name_of
from uvideo.storage.base import SpaceRecord

__all__ = ["SpaceHosts"]

VIDEO = "vod"  # ``biz`` of spaces made by a *VideoSpace action
_PORT = re.compile(r":[0-9]+\Z").search
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z").match


class SpaceHosts:
    """``names``: the server's names, as in OwnNames; a space's host is a subdomain of each.

    ``public_url``: the server's URL for browsers; used if there are no names.
    """

    def __init__(self, names: Iterable[str] = (), public_url: str | None = None) -> None:
        found = [canonical(each.removeprefix("[").removesuffix("]")) for each in names]
        below = [each for each in dict.fromkeys(found) if not _is_address(each)]
        if not below and public_url is not None:
            url = urlsplit(public_url)
            if url.hostname and not _is_address(url.hostname) and url.path in ("", "/"):
                below.append(url.hostname if url.port is None else f"{url.hostname}:{url.port}")
        self._below = tuple(below)

    def of(self, space: SpaceRecord, asked: str) -> tuple[str, ...]:
        """At least one host.  ``asked``: the host of the request; its port is added to names without a port."""
        if self._below:
            return tuple(f"{space.name}.{each}{_port_of(asked, each)}" for each in self._below)
        return (_guessed(space, asked),)


def _guessed(space: SpaceRecord, asked: str) -> str:
    """The host of a space on a server without configured names."""
    name = name_of(asked)
    owner = provider.owner_of(asked) if name is not None else None
    if owner is not None:  # behind an HTTP proxy: requests for the provider's host of it reach this server too
        return space.name + _suffix(owner, space)
    if name is None or provider.is_loopback(asked):
        port = _PORT(asked) if name is not None else None
        return f"{space.name}.localhost{port.group() if port else ''}"
    if _is_address(name):
        return f"{asked}/{space.name}"  # an address has no subdomains: the path names the space
    return f"{space.name}.{asked}"


def _suffix(owner: provider.Provider, space: SpaceRecord) -> str:
    if owner.name == "ucloud" and space.biz != VIDEO:  # api.ucloud.cn manages spaces of us3 too
        owner = provider.PROVIDERS["us3"]
    region = space.region if _REGION(space.region) else owner.region
    return owner.download.rpartition("://")[2].format(region=region)


def _port_of(asked: str, name: str) -> str:
    """ ":port" if the request named this name with a port and the name itself has none; else ""."""
    same = name_of(asked) == name or (provider.is_loopback(asked) and provider.is_loopback(name))
    port = _PORT(asked) if same else None
    return port.group() if port else ""


def _is_address(name: str) -> bool:
    return ":" in name or "[" in name or name.rpartition(".")[2].isdecimal()
