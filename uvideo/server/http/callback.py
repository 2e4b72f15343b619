"""The callback of a put policy: an HTTP request after an upload is stored.  Also checks its address.

The uploader chooses the URL, so a callback must not reach the server's internal network.  Source: signing.md section 4.

A host is an IPv4 address of four decimal numbers, an IPv6 address in brackets, or a name.  Other forms that a resolver
would parse as a number are refused.  The final check is of the address to which a socket is opened.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from uvideo._core import errors, json_document, policy
from uvideo.server.rules.server_names import canonical

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Callbacks"]

CONNECT, TOTAL = 3.0, 10.0  # seconds
ANSWER_LIMIT = 64 * 1024  # bytes
AT_ONCE = 64  # calls
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # other IPv6 addresses are local, reserved or for translation

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Found = tuple[int, int, int, str, tuple[Any, ...]]  # of getaddrinfo

log = logging.getLogger("uvideo.server")


class Callbacks:
    """Sends callbacks to public addresses.  ``connect``, ``total``: seconds.

    ``allow``: more addresses that may be called, each "host" or "host:port" with a name or an address.  Without it
    every address that is not public is refused: loopback, private, link-local, multicast and others.  ValueError names
    a malformed entry.
    """

    def __init__(self, allow: Iterable[str] = (), *, connect: float = CONNECT, total: float = TOTAL) -> None:
        self.change(allow)
        self._connect, self._total = connect, total
        self._slots = asyncio.Semaphore(AT_ONCE)

    def change(self, allow: Iterable[str]) -> None:
        """Replace the allowed addresses.  ValueError."""
        self._allow = frozenset(_allowed(each) for each in allow)

    def check(self, policy: policy.Policy) -> None:
        """BadRequest if the policy's URL can never be called.  Does not resolve names."""
        _parsed(policy.url)

    async def call(self, policy: policy.Policy) -> bytes:
        """Send the callback; the JSON of its answer.  CallbackFailed says why there is none."""
        try:
            async with asyncio.timeout(self._total) if hasattr(asyncio, "timeout") else _Nothing(), self._slots:
                return await self._post(policy)
        except errors.CallbackFailed as failure:
            log.info("a callback failed: %s", failure)
            raise
        except Exception as failure:  # its text may contain the URL, and that may contain a secret
            log.info("a callback failed: %s", type(failure).__name__)
            late = isinstance(failure, asyncio.TimeoutError | TimeoutError)
            raise errors.CallbackFailed("callback failed: " + ("timeout" if late else "no answer")) from None

    async def _post(self, policy: policy.Policy) -> bytes:
        import aiohttp

        url = _parsed(policy.url)
        connector = aiohttp.TCPConnector(
            resolver=_resolver(self, url.raw_host),
            socket_factory=lambda found: self.make_socket(url.raw_host, found),
            use_dns_cache=False,
            force_close=True,
        )
        timeout = aiohttp.ClientTimeout(total=self._total, connect=self._connect, sock_connect=self._connect)
        headers = {"Content-Type": policy.mime, "Accept-Encoding": "identity", "User-Agent": "uvideo"}
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.post(url, data=policy.body, headers=headers, allow_redirects=False) as response,
        ):
            return await _answer(response)

    def may(self, host: str, port: int, address: Address) -> bool:
        """Whether a connection to this address of ``host`` is allowed."""
        names = (host.lower().rstrip("."), str(address), str(_plain(address)))
        if any((name, known) in self._allow for name in names for known in (None, port)):
            return True
        plain = _plain(address)
        if isinstance(plain, ipaddress.IPv6Address) and plain not in _UNICAST:
            return False
        return plain.is_global and not plain.is_multicast and not plain.is_reserved

    def make_socket(self, host: str, found: Found) -> socket.socket:
        """A socket for an address in the form of getaddrinfo.  CallbackFailed if it is not allowed for ``host``."""
        family, kind, proto, _, place = found
        if family not in (socket.AF_INET, socket.AF_INET6) or not self.may(host, place[1], _address(place[0])):
            raise errors.CallbackFailed("callback failed: address not allowed")
        return socket.socket(family, kind, proto)


class _Nothing:
    """Replaces asyncio.timeout, which needs Python 3.11.  aiohttp's timeouts still apply."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


async def _answer(response: aiohttp.ClientResponse) -> bytes:
    if not 200 <= response.status <= 299:
        raise errors.CallbackFailed(f"callback failed: it answered {response.status}")
    if (
        response.content_type != "application/json"
        or response.headers.get("Content-Encoding", "identity") != "identity"
    ):
        raise errors.CallbackFailed("callback failed: its answer is not application/json")
    body = bytearray()
    while data := await response.content.readany():
        body += data
        if len(body) > ANSWER_LIMIT:
            raise errors.CallbackFailed(f"callback failed: its answer is longer than {ANSWER_LIMIT} bytes")
    try:
        json_document.parse_json(bytes(body))
    except ValueError:
        raise errors.CallbackFailed("callback failed: its answer is not JSON") from None
    return bytes(body)


def _resolver(callbacks: Callbacks, host: str) -> Any:
    """aiohttp's resolver.  aiohttp connects to exactly these addresses, so none changes between check and use."""
    from aiohttp.abc import AbstractResolver

    class Resolver(AbstractResolver):
        async def resolve(self, name: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, family=socket.AF_UNSPEC)
            hosts = []
            for kind, _, proto, _, place in found:
                if kind not in (socket.AF_INET, socket.AF_INET6):
                    continue
                address = _address(place[0])
                if callbacks.may(host, port, address):
                    where = {"hostname": name, "host": str(address), "port": port, "family": kind, "proto": proto}
                    hosts.append({**where, "flags": socket.AI_NUMERICHOST})
            if not hosts:
                raise errors.CallbackFailed("callback failed: address not allowed")
            return hosts

        async def close(self) -> None: ...

    return Resolver()


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 address, if there is one; else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
    return address


def _address(text: object) -> Address:
    """ValueError."""
    return ipaddress.ip_address(str(text).partition("%")[0])


def _parsed(url: str) -> Any:
    """A yarl.URL with a host in the form of ``canonical``, and a port.  BadRequest."""
    from yarl import URL

    try:
        parsed = URL(url, encoded=True)
        if parsed.raw_host and parsed.port and parsed.raw_user is None:
            return parsed.with_host(canonical(parsed.raw_host))
    except ValueError:
        pass
    raise errors.BadRequest("the callbackUrl of the put policy is not an http URL with a name or an IP address as host")


def _allowed(text: str) -> tuple[str, int | None]:
    host, mark, port = text.strip().rpartition(":")
    if not mark or text.endswith("]") or (":" in host and not host.startswith("[")):  # no port, or bare IPv6
        host, port = text.strip(), ""
    number = int(port) if port.isascii() and port.isdigit() else None
    try:
        if port and (number is None or not 0 < number < 65536):
            raise ValueError
        return canonical(host.removeprefix("[").removesuffix("]")), number
    except ValueError:
        raise ValueError(f"{text!r} is not HOST or HOST:PORT") from None
