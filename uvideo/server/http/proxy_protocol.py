"""The header of the PROXY protocol, in which a load balancer names the client of a connection.

Bytes in, values out.  Source: proxy-protocol.txt of HAProxy, versions 1 and 2.
"""

from __future__ import annotations

import ipaddress
import re

__all__ = ["LIMIT", "MalformedProxyHeader", "address", "size"]

LIMIT = 4096  # bytes of a header with its extensions
_LINE, _LINE_LIMIT = b"PROXY ", 107
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = len(_SIGNATURE) + 4  # also version and command, family and transport, length of the rest
_PORT = rb"(0|[1-9][0-9]{0,4})"
_WHOLE_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) %s %s)\r\n" % (_PORT, _PORT)
)
_OWN, _OTHERS = 0x20, 0x21  # version 2, LOCAL and PROXY
_OF_STREAMS = {0x11: 4, 0x21: 16}  # TCP over IPv4 and IPv6 -> bytes of an address
_LEAST = {0x0: 0, 0x1: 12, 0x2: 36, 0x3: 216}  # family -> bytes of both addresses and ports


class MalformedProxyHeader(Exception):
    """The bytes begin as a header does, but are not a valid one."""


def size(seen: bytes) -> int | None:
    """The length in bytes of the header that begins with ``seen``, or how many bytes are needed to find it.

    None if it is not a header.  ``seen``: at least one byte.  MalformedProxyHeader for a header that is too long.
    """
    if _SIGNATURE.startswith(seen[: len(_SIGNATURE)]):
        whole = _FIXED + int.from_bytes(seen[_FIXED - 2 : _FIXED], "big") if len(seen) >= _FIXED else _FIXED
        if whole > LIMIT:
            raise MalformedProxyHeader()
        return whole
    if _LINE.startswith(seen[: len(_LINE)]):
        end = seen.find(b"\n", 0, _LINE_LIMIT)
        if end < 0 and len(seen) >= _LINE_LIMIT:
            raise MalformedProxyHeader()
        return (len(seen) if end < 0 else end) + 1
    return None


def address(header: bytes) -> str | None:
    """The client's address.  "": it is not named; None: a connection of the balancer itself.  MalformedProxyHeader."""
    try:
        return _of_line(header) if header.startswith(_LINE) else _of_block(header)
    except ValueError:
        raise MalformedProxyHeader() from None


def _of_line(header: bytes) -> str:
    found = _WHOLE_LINE.fullmatch(header)
    if found is None:
        raise MalformedProxyHeader()
    family, *addresses = (piece.decode() for piece in found.groups(b"")[:3])
    if not family:
        return ""
    kind = ipaddress.IPv4Address if family == "4" else ipaddress.IPv6Address
    if max(map(int, found.groups()[3:])) > 65535:
        raise MalformedProxyHeader()
    source, _ = map(kind, addresses)
    return str(source)


def _of_block(header: bytes) -> str | None:
    command, family, rest = header[len(_SIGNATURE)], header[len(_SIGNATURE) + 1], header[_FIXED:]
    if command == _OWN:
        return None
    least = _LEAST.get(family >> 4)
    if command != _OTHERS or least is None or family & 15 > 2 or len(rest) < least:
        raise MalformedProxyHeader()
    length = _OF_STREAMS.get(family)
    return str(ipaddress.ip_address(rest[:length])) if length else ""
