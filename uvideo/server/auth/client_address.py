"""The client's address: that of the connection, or one that a trusted proxy names.

A trusted proxy names the client in ``Forwarded`` or ``X-Forwarded-For``, or at the beginning of a connection (PROXY
protocol); other proxies are not believed.  The client may have written the left part of such a list, so it is read from
the right: the first address that is not a trusted proxy's counts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from uvideo._core import message

__all__ = ["ClientAddress", "TrustedProxies"]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_SAYING = frozenset(("forwarded", "x-forwarded-for"))
_MAPPED = 96  # bits before the IPv4 address in an IPv4-mapped IPv6 address
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: One parameter of Forwarded and its delimiter.  Source: RFC 7239 section 4.
_PAIR = re.compile(rf'[ \t]*({_NAME})=([^\s",;]+|"(?:[^"\\]|\\.)*")[ \t]*(;|,|\Z)', re.ASCII | re.DOTALL)
#: An address with or without a port.  Source: RFC 7239 section 6.
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?", re.ASCII)


def _address(text: str) -> IPAddress | None:
    """The address of a peer or a proxy.  An IPv4-mapped IPv6 address becomes an IPv4 address."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(text: str) -> IPNetwork:
    """The network.  The text of a ValueError says what to write."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as failure:
        reason = "its host bits are not 0" if "host bits" in str(failure) else "it is not an address or a network"
        raise ValueError(f"{text!r}: {reason}; write 10.0.0.5, 10.0.0.0/8, fd00::5 or fd00::/64") from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.ip_network((mapped, network.prefixlen - _MAPPED))
    return network


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """The client of a request or a connection.

    ``address``: "" if the connection has none.  ``is_near``: the address is this machine's and not a trusted proxy's;
    it may be a proxy with many clients behind it.  ``is_proxy``: a trusted proxy, or a client that such a proxy does
    not name.  ``is_known``: False for a client that a trusted proxy does not name; ``address`` is then the proxy's.
    """

    address: str
    is_near: bool = False
    is_proxy: bool = False
    is_known: bool = True

    @property
    def name(self) -> str:
        """The name under which limits count this client.  All addresses of an IPv6 /64 network are one client."""
        found = _address(self.address)
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((found, 64), strict=False))
        return self.address

    @property
    def counted(self) -> str:
        """``name``, for limits that each client has; "" if many clients may have this address."""
        return "" if self.is_near or self.is_proxy else self.name

    @property
    def ip(self) -> IPAddress | None:
        """The address; None unless it is known to be the client's."""
        return _address(self.address) if self.is_known else None


class TrustedProxies:
    """``trusted``: addresses or networks of proxies that name their clients.  ValueError.

    If there are none, the server ignores the headers that name a client.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._networks = [_network(each) for each in trusted]

    def become(self, other: TrustedProxies) -> None:
        """Take over the proxies of another TrustedProxies."""
        self._networks = other._networks

    def __bool__(self) -> bool:
        return bool(self._networks)

    def believes_nobody(self, headers: message.Headers) -> bool:
        """Whether the headers name a client, as a proxy's do, but no proxy is trusted."""
        return not self._networks and headers.has_any(_SAYING)

    def trusts(self, address: str | None) -> bool:
        """Whether this is a trusted proxy's address."""
        found = _address(address or "")
        return found is not None and self._trusts(found)

    def of_connection(self, peer: str | None, said: str | None = None) -> ClientAddress:
        """The client of a connection.  ``said``: the address from ``proxy_protocol.address``, or None."""
        found = _address(peer or "")
        if found is None:
            return ClientAddress(peer or "", is_near=True)
        if not self._trusts(found):
            return ClientAddress(str(found), is_near=found.is_loopback)
        if said is None:
            return ClientAddress(str(found), is_proxy=True)
        named = _address(said)
        if named is None:  # anybody can write the headers of its requests
            return ClientAddress(str(found), is_proxy=True, is_known=False)
        return ClientAddress(str(named), is_proxy=self._trusts(named))

    def of_request(self, connection: ClientAddress, headers: message.Headers) -> ClientAddress:
        """The client of a request on this connection."""
        if not connection.is_proxy or not connection.is_known:
            return connection
        found = [
            self._last(connection, hops(lines))
            for name, hops in (("Forwarded", _forwarded), ("X-Forwarded-For", _forwarded_for))
            if (lines := headers.all(name))
        ]
        if len(found) == 2 and found[0] != found[1]:  # one of them may be the client's
            return replace(connection, is_known=False)
        return found[0] if found else connection

    def _trusts(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)

    def _last(self, proxy: ClientAddress, hops: Iterator[IPAddress | None]) -> ClientAddress:
        """The first hop, from the nearest on, that is not a trusted proxy; else the farthest hop."""
        for hop in hops:
            if hop is None:
                return replace(proxy, is_known=False)
            proxy = ClientAddress(str(hop), is_proxy=self._trusts(hop))
            if not proxy.is_proxy:
                break
        return proxy


def _forwarded_for(lines: Sequence[str]) -> Iterator[IPAddress | None]:
    """The addresses of X-Forwarded-For, from the right; None for an entry that is no address."""
    for line in reversed(lines):
        for element in reversed(line.split(",")):
            text = element.strip(" \t")
            yield _node(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)


def _forwarded(lines: Sequence[str]) -> Iterator[IPAddress | None]:
    """The addresses of Forwarded, from the right; None for an entry that is no address, and for an invalid line."""
    for line in reversed(lines):
        yield from reversed(_elements(line) or [None])


def _elements(line: str) -> list[IPAddress | None] | None:
    """The ``for`` of each element of a line; None if the line is invalid."""
    found: list[IPAddress | None] = []
    at, element = 0, dict[str, str]()
    while True:
        pair = _PAIR.match(line, at)
        if pair is None or pair[1].lower() in element:
            return None
        value = pair[2]
        element[pair[1].lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        at = pair.end()
        if pair[3] != ";":
            found.append(_node(element.get("for", "")))
            element = {}
            if not pair[3]:
                return found


def _node(text: str) -> IPAddress | None:
    """The address of a node; None if it has none, such as ``unknown`` or ``_hidden``."""
    found = _NODE.fullmatch(text)
    return _address(found[1] or found[2]) if found is not None else None
