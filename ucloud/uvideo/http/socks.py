"""SOCKS: the handshake by which a proxy connects a socket on to a host.  PySocks speaks it, where it is installed."""

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
#: Bytes of a user, a password or a name that PySocks sends right: it writes longer lengths as UTF-8.
_LONGEST = 127


class Unfit(Exception):
    """The proxy said no, or cannot do it.  ``code``: of a cause.  ``reason``: what was said."""

    def __init__(self, code, reason):
        # type: (str, str) -> None
        super(Unfit, self).__init__(code, reason)
        self.code, self.reason = code, reason


def destination(told, addresses):
    # type: (Socks, Sequence[Address]) -> str
    """(name or address, as a proxy.Socks that looks up nothing wants it) of what getaddrinfo gave.  Unfit."""
    found = [each for each in addresses if told.version == 5 or each[0] == socket.AF_INET]
    found.sort(key=lambda each: each[0] != socket.AF_INET)  # what a proxy without IPv6 reaches too
    if not found:
        raise Unfit("socks-unfit", u"SOCKS 4 knows no IPv6")
    return str(found[0][4][0])


class Handshake(_BASE):  # type: ignore[misc,valid-type]
    """PySocks' socket over another one that is connected to the proxy.  ``run``, in any thread, then ``close``.

    ``told``: a proxy.Socks.  ``name``: of the host, or an address of it.  The other socket stays open when this is
    closed; shutting that down ends ``run``.
    """

    def __init__(self, connected, told, name, port, pace):
        # type: (socket.socket, Socks, str, int, Pace) -> None
        self._pace, self._to = pace, (name, port)
        seconds = pace.milliseconds() / 1000.0
        beneath = connected._sock if PY2 else socket.dup(connected.fileno())  # type: ignore[attr-defined]
        super(Handshake, self).__init__(connected.family, socket.SOCK_STREAM, connected.proto, beneath)
        self.settimeout(seconds)
        # As set_proxy would; but that takes no bytes, and on Python 2.7 no text that is not ASCII.
        kind = library.SOCKS4 if told.version == 4 else library.SOCKS5
        self.proxy = (kind, None, None, told.resolves, told.user or None, told.password or None)

    def run(self):
        # type: () -> None
        """Let the proxy connect it on; blocks as long as the Pace allows.  Unfit, EOFError, EnvironmentError."""
        name, port = self._to
        if len(name) > _LONGEST:
            raise Unfit("socks-unfit", u"the name is longer than %d characters" % _LONGEST)
        if not 0 < port < 65536:
            raise Unfit("address", u"there is no such port")
        if max(len(each or b"") for each in self.proxy[-2:]) > _LONGEST:
            raise Unfit("socks-auth", u"one of them is longer than %d bytes" % _LONGEST)
        try:
            self._proxy_negotiators[self.proxy[0]](self, name, port)
        except library.ProxyError as error:
            raise _unfit(error)
        except UnicodeError:
            raise Unfit("address", u"it cannot be the name of a host")

    def _readall(self, file, count):
        # type: (IO[bytes], int) -> bytes
        data = b""
        while len(data) < count:
            super(library.socksocket, self).settimeout(self._pace.milliseconds() / 1000.0)
            piece = file.read(1)  # of more, each byte could take that long
            if not piece:
                raise EOFError()
            data += piece
        return data


def _unfit(error):
    # type: (Exception) -> Unfit
    """What PySocks says, as the cause that it is."""
    text = str(error)
    if isinstance(error, library.SOCKS5AuthError) or text.startswith(("0x5c", "0x5d")):
        return Unfit("socks-auth", text)
    if isinstance(error, (library.SOCKS4Error, library.SOCKS5Error)):
        return Unfit(_REFUSALS.get(text[:4], "socks-gateway"), text)
    return Unfit("not-socks", text)


#: Source: RFC 1928, section 6.
_REFUSALS = {"0x02": "socks-denied", "0x07": "socks-unfit", "0x08": "socks-unfit"}
