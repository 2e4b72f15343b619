"""A SOCKS proxy, 4, 4a and 5, that really passes bytes on, and says no where a test wants it."""

from __future__ import absolute_import, division, print_function

import socket
import struct

from .peer import Peer


class Asked(object):
    """What one client said.  name: of the host as it came, an address or a name.  account: (user, password), bytes."""

    def __init__(self, version, account=None, name=None, port=None):
        self.version, self.account, self.name, self.port = version, account, name, port

    def __repr__(self):
        return "<Asked %r>" % (vars(self),)


class SocksServer(Peer):
    """``to``: the port on this machine that every host is.  ``asked``: an Asked of each connection.

    ``account``: (user, password) that it wants.  ``reply``: the code of its answer instead of success.
    ``slowly(call)``: called before each byte of an answer.
    """

    def __init__(self, to, account=None, reply=None, slowly=None):
        self.to, self._account, self._reply, self._slowly = to, account, reply, slowly
        self.asked = []
        super(SocksServer, self).__init__(self._proxy)

    def _proxy(self, call):
        asked = Asked(ord(_read(call, 1)))
        self.asked.append(asked)
        yes = self._five(call, asked) if asked.version == 5 else self._four(call, asked)
        if yes:
            call.tunnel(self.to)

    def _say(self, call, data):
        if self._slowly is None:
            call.send(data)
            return
        for place in range(len(data)):
            self._slowly(call)
            call.send(data[place : place + 1])

    def _five(self, call, asked):
        methods = _read(call, ord(_read(call, 1)))
        if self._account is not None:
            if b"\x02" not in methods:
                self._say(call, b"\x05\xff")
                return False
            self._say(call, b"\x05\x02")
            _read(call, 1)
            asked.account = tuple([_read(call, ord(_read(call, 1))) for _ in range(2)])
            good = asked.account == self._account
            self._say(call, b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return False
        else:
            self._say(call, b"\x05\x00")
        kind = _read(call, 4)[3:]
        if kind == b"\x03":
            asked.name = _read(call, ord(_read(call, 1))).decode("ascii")
        else:
            family, length = (socket.AF_INET, 4) if kind == b"\x01" else (socket.AF_INET6, 16)
            asked.name = socket.inet_ntop(family, _read(call, length))
        (asked.port,) = struct.unpack(">H", _read(call, 2))
        self._say(call, struct.pack(">BBBB4sH", 5, self._reply or 0, 0, 1, b"\0" * 4, 0))
        return not self._reply

    def _four(self, call, asked):
        command, asked.port, address = struct.unpack(">BH4s", _read(call, 7))
        asked.account = (_until_zero(call), b"")
        asked.name = socket.inet_ntoa(address)
        if address[:3] == b"\0\0\0":
            asked.name = _until_zero(call).decode("ascii")
        good = self._account is None or asked.account == self._account
        self._say(call, struct.pack(">BBH4s", 0, self._reply or (0x5A if good else 0x5D), 0, b"\0" * 4))
        return good and not self._reply


def _read(call, count):
    data = b""
    while len(data) < count:
        piece = call.connection.recv(count - len(data))
        if not piece:
            raise EnvironmentError("the client is gone")
        data += piece
    return data


def _until_zero(call):
    data = b""
    while not data.endswith(b"\0"):
        data += _read(call, 1)
    return data[:-1]
