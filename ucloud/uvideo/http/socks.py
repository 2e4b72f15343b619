"""SOCKS: the handshake by which a proxy connects a socket to a host.  Needs PySocks."""

from __future__ import absolute_import, division, print_function

import socket

from ..protocol.compat import PY2, TYPE_CHECKING

if TYPE_CHECKING:
    from typing import IO, Any, Sequence  # noqa: F401

    from .address import Address  # noqa: F401
    from .connection import Pace  # noqa: F401
    from .proxy import Socks  # noqa: F401

try:
    import socks as library
except ImportError:
    library = None

_BASE = object if library is None else library.socksocket
#: The most bytes of a user, password or name: PySocks writes larger lengths wrongly, as UTF-8.
_LONGEST = 127


def is_installed():
    # type: () -> bool
    """Whether PySocks is."""
    return library is not None


class SocksError(Exception):
    """The proxy refused, or is not able to connect.  ``code``: of the cause.  ``reason``: text."""

    def __init__(self, code, reason):
        # type: (str, str) -> None
        super(SocksError, self).__init__(code, reason)
        self.code, self.reason = code, reason


def destination(told, addresses):
    # type: (Socks, Sequence[Address]) -> str
    """The (name or address) of getaddrinfo's result, for a Socks proxy that looks up no names.  SocksError."""
    found = [each for each in addresses if told.version == 5 or each[0] == socket.AF_INET]
    found.sort(key=lambda each: each[0] != socket.AF_INET)  # IPv4 first: a proxy without IPv6 reaches it, too
    if not found:
        raise SocksError("socks-unfit", u"SOCKS 4 does not support IPv6")
    return str(found[0][4][0])


class Handshake(_BASE):  # type: ignore[misc,valid-type]  # PySocks may be absent
    """PySocks' socket around a socket that is connected to the proxy.  ``run``, in any thread, then ``close``.

    ``told``: a proxy.Socks.  ``name``: the host's name or address.  Closing this leaves the inner socket open; shutting
    the inner socket down ends ``run``.
    """

    def __init__(self, connected, told, name, port, pace):
        # type: (socket.socket, Socks, str, int, Pace) -> None
        self._pace, self._to = pace, (name, port)
        seconds = pace.milliseconds() / 1000.0
        if PY2:
            beneath = connected._sock
        else:
            beneath = socket.dup(connected.fileno())
        super(Handshake, self).__init__(connected.family, socket.SOCK_STREAM, connected.proto, beneath)
        self.settimeout(seconds)
        # As set_proxy does.  But that takes no bytes, and on Python 2.7 only ASCII text.
        kind = library.SOCKS4 if told.version == 4 else library.SOCKS5
        self.proxy = (kind, None, None, told.resolves, told.user or None, told.password or None)

    def run(self):
        # type: () -> None
        """Let the proxy connect to the host; blocks within the Pace.  SocksError, EOFError, EnvironmentError."""
        name, port = self._to
        if len(name) > _LONGEST:
            raise SocksError("socks-unfit", u"the name is longer than %d characters" % _LONGEST)
        if not 0 < port < 65536:
            raise SocksError("address", u"there is no such port")
        if max(len(each or b"") for each in self.proxy[-2:]) > _LONGEST:
            raise SocksError("socks-auth", u"one of them is longer than %d bytes" % _LONGEST)
        try:
            self._proxy_negotiators[self.proxy[0]](self, name, port)
        except library.ProxyError as error:
            raise _unfit(error)
        except UnicodeError:
            raise SocksError("address", u"it is not a valid host name")

    def _readall(self, file, count):
        # type: (IO[bytes], int) -> bytes
        data = b""
        while len(data) < count:
            super(library.socksocket, self).settimeout(self._pace.milliseconds() / 1000.0)
            piece = file.read(1)  # for a longer read, each byte could take the whole timeout
            if not piece:
                raise EOFError()
            data += piece
        return data


def _unfit(error):
    # type: (Exception) -> SocksError
    """The SocksError for an error of PySocks."""
    text = str(error)
    if isinstance(error, library.SOCKS5AuthError) or text.startswith(("0x5c", "0x5d")):
        return SocksError("socks-auth", text)
    if isinstance(error, (library.SOCKS4Error, library.SOCKS5Error)):
        return SocksError(_REFUSALS.get(text[:4], "socks-gateway"), text)
    return SocksError("not-socks", text)


#: Source: RFC 1928, section 6.
_REFUSALS = {"0x02": "socks-denied", "0x07": "socks-unfit", "0x08": "socks-unfit"}
