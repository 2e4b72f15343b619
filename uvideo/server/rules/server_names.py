"""The server's own host names.

A host names a space in two ways: as a domain that is bound to the space, or by its first label.  On the server's own
names a space in the path has precedence over both.  Otherwise the owner of a space with the right name would get the
requests for all others.  Nobody can create a space or bind a domain that conflicts with such a name; for those that
exist the server logs a warning.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import AsyncIterator, Iterable

from uvideo._core import errors, provider
from uvideo.s3.recognition import HostNames
from uvideo.server.auth.credentials import OWNER
from uvideo.storage.base import Catalog

__all__ = ["OwnNames", "canonical", "name_of", "s3_names"]

PAGE = 1000
_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z").match
#: The last label of a name, if it is a number: C libraries parse such a name as an IPv4 address.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z").match
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?\Z").match
_OCTET = re.compile(r"(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])\Z").match  # the first label of an IPv4 address


def name_of(host: str) -> str | None:
    """The name in a Host header, without the port; None if it is not a valid name."""
    found = _HOST(host)
    return found.group(1).lower() if found else None


def canonical(text: str) -> str:
    """A host without port in ASCII and lower case, without the dot at the end.

    The result is a name, an IPv4 address of four decimal numbers, or an IPv6 address.  ValueError otherwise.
    """
    if ":" in text and "%" not in text:
        return str(ipaddress.IPv6Address(text))
    import idna

    # Full-width digits, for example, become a number only here: they are not accepted as an address.
    name = text if text.isascii() else idna.encode(text, uts46=True).decode()
    name = name.removesuffix(".").lower()
    if _NUMERIC(name):
        return str(ipaddress.IPv4Address(text.removesuffix(".")))
    if not _NAME(name):
        raise ValueError(f"{text!r} is not a host name")
    return name


def _providers() -> tuple[set[str], set[str]]:
    """(the providers' shared hosts, the suffixes of their hosts of single spaces)."""
    shared, below = set[str](), set[str]()
    for each in provider.PROVIDERS.values():
        for value in (each.upload, each.download):
            host = value.rpartition("://")[2].replace(".{region}", "")
            if not provider.is_loopback(host):
                (below if host.startswith(".") else shared).add(host.lstrip("."))
    return shared, below


_SHARED, _BELOW = _providers()


def s3_names(given: Iterable[str] = ()) -> HostNames:
    """The host names for S3.  ``given``: names from the operator, without ports.  ValueError names an invalid one."""
    names = []
    for each in given:
        try:
            names.append(canonical(each))
        except ValueError:
            raise ValueError(f"{each!r} is no host name without a port") from None
    return HostNames(suffixes=(*sorted(_BELOW), "localhost"), names=tuple(names))


class OwnNames:
    """``given``: host names and addresses from the operator, without ports.  ValueError names an invalid one.

    The server also owns localhost, every IP address, and the shared hosts of the providers: clients behind an HTTP
    proxy send requests for those to it.  ``told``: whether the operator gave any names.
    """

    def __init__(self, given: Iterable[str] = (), *, told: bool = False) -> None:
        names = set[str]()
        for each in given:
            try:
                names.add(canonical(each.removeprefix("[").removesuffix("]")))
            except ValueError:
                raise ValueError(f"{each!r} is not a host name or address without a port") from None
        self.told = told
        self._names = names | _SHARED | {"localhost"}
        self._labels = {name.partition(".")[0] for name in self._names}

    def become(self, other: OwnNames) -> None:
        """Take over the names of another OwnNames."""
        self.told, self._names, self._labels = other.told, other._names, other._labels

    def owns(self, host: str) -> bool:
        """Whether a Host header or an authority, with or without port, names the server and not a space."""
        if host.startswith("["):
            return True
        name = host.partition(":")[0].rstrip(".").lower()
        return name in self._names or _NUMERIC(name) is not None

    def check_space(self, name: str) -> None:
        """SpaceNameInvalid if one of the server's own names begins with this label."""
        if name in self._labels or _OCTET(name):
            raise errors.SpaceNameInvalid(f"a host name of the server begins with {name}: choose another name")

    def check_domain(self, domain: str, owner: str) -> None:
        """DomainTaken if it is one of the server's own names, or the host of a space, existing or not."""
        if not self.told and owner != OWNER:
            raise errors.DomainTaken(
                "no domains for this account: the server does not know its own host names (--hostname)"
            )
        if self._covers(domain):
            raise errors.DomainTaken(f"{domain} is a name of the server's own, or the host of a space")

    def _covers(self, domain: str) -> bool:
        name = domain
        while name:
            if name in self._names or name in _BELOW:
                return True
            name = name.partition(".")[2]
        return False

    async def conflicts(self, catalog: Catalog) -> AsyncIterator[str]:
        """Warnings about existing spaces and domains that conflict with these names."""
        after = ""
        while spaces := await catalog.all_spaces(after, PAGE):
            for space in spaces:
                if space.name in self._labels or _OCTET(space.name):
                    yield f"the space {space.name} receives requests to the server's own host names"
                for domain in space.domains:
                    if self._covers(domain):
                        yield f"the domain {domain} of the space {space.name} is the server's own, or a space's host"
            after = spaces[-1].name
        if not self.told and any(key.owner != OWNER for key in await catalog.keys()):
            yield (
                "there are other accounts, and the server does not know its own host names: give each host name "
                "that clients use as --hostname, otherwise an account can create a space that receives the "
                "requests of others"
            )
