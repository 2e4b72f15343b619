"""An HTTP proxy that really passes requests and tunnels on, and says no where a test wants it."""

from __future__ import absolute_import, division, print_function

import base64
import socket

from .peer import Peer, answer


class HttpProxy(Peer):
    """``to``: the port on this machine that every host is.

    ``account``: (user, password), bytes, that it wants.  ``refusal``: the status it answers with instead.
    """

    def __init__(self, to, account=None, refusal=None, tls=None):
        self.to, self._refusal = to, refusal
        self._wanted = None if account is None else "Basic " + base64.b64encode(b":".join(account)).decode("ascii")
        super(HttpProxy, self).__init__(self._proxy, tls)

    def _proxy(self, call):
        while True:
            line, headers, body = call.request()
            if self._refusal is not None:
                call.send(answer(b"refused", status=self._refusal))
            elif self._wanted not in (None, headers.get("proxy-authorization")):
                challenge = 'Proxy-Authenticate: Basic realm="tests"'
                call.send(answer(b"", challenge, status="407 Proxy Authentication Required"))
            elif line.startswith("CONNECT "):
                call.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                return call.tunnel(self.to)
            else:
                return self._pass_on(call, line, headers, body)

    def _pass_on(self, call, line, headers, body):
        """Pass on one request in plain text and its answer, which ends the connection."""
        server = socket.create_connection(("127.0.0.1", self.to), 240)
        try:
            own = ("connection", "proxy-authorization")
            lines = ["%s: %s" % (name, headers[name]) for name in headers if name not in own]
            server.sendall("\r\n".join([line] + lines + ["Connection: close", "", ""]).encode("latin-1") + body)
            for piece in iter(lambda: server.recv(65536), b""):
                call.send(piece)
        finally:
            server.close()
