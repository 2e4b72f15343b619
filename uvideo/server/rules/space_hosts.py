"""The host names by which clients reach a space, as answers say them.

The names that the operator gave come first.  The host of the request that asks is the last resort: it may be one that
serves the management plane only, such as api.ucloud.cn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from uvideo._core import provider
from uvideo.server.rules.server_names import canonical, name_of
from uvideo.storage.base import SpaceRecord

__all__ = ["SpaceHosts"]

VIDEO = "vod"  # of spaces made by a *VideoSpace action
_PORT = re.compile(r":[0-9]+\Z").search
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z").match


class SpaceHosts:
    """``names``: by which clients reach the server, as OwnNames takes them; a space's host is below each.

    ``public_url``: where browsers reach it, which counts if there is no such name.
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
        """At least one.  ``asked``: the host that the request named, which gives a port to a name without one."""
        if self._below:
            return tuple(f"{space.name}.{each}{_port_of(asked, each)}" for each in self._below)
        return (_guessed(space, asked),)


def _guessed(space: SpaceRecord, asked: str) -> str:
    """Of a server that was not told its names."""
    name = name_of(asked)
    owner = provider.owner_of(asked) if name is not None else None
    if owner is not None:  # behind an HTTP proxy: the provider's host of the space comes to this server as well
        return space.name + _suffix(owner, space)
    if name is None or provider.is_loopback(asked):
        port = _PORT(asked) if name is not None else None
        return f"{space.name}.localhost{port.group() if port else ''}"
    if _is_address(name):
        return f"{asked}/{space.name}"  # no name is below an address: the path names the space
    return f"{space.name}.{asked}"


def _suffix(owner: provider.Provider, space: SpaceRecord) -> str:
    if owner.name == "ucloud" and space.biz != VIDEO:  # its host of management is that of all
        owner = provider.PROVIDERS["us3"]
    region = space.region if _REGION(space.region) else owner.region
    return owner.download.rpartition("://")[2].format(region=region)


def _port_of(asked: str, name: str) -> str:
    """ ":port" if the request named this very name with a port; a name that has one keeps it."""
    same = name_of(asked) == name or (provider.is_loopback(asked) and provider.is_loopback(name))
    port = _PORT(asked) if same else None
    return port.group() if port else ""


def _is_address(name: str) -> bool:
    return ":" in name or "[" in name or name.rpartition(".")[2].isdecimal()
