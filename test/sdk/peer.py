# -*- coding: utf-8 -*-
"""A peer on a socket that does what a test tells it, byte by byte; it may speak TLS, and be a proxy."""

from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
import ssl
import threading

PEM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "tls.pem")


def context(client_certificate=False):
    """The SSLContext of a server with the tests' certificate, which is its own authority."""
    made = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_SERVER", ssl.PROTOCOL_SSLv23))
    made.load_cert_chain(PEM)
    if client_certificate:
        made.load_verify_locations(PEM)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


class Peer(object):
    """Calls ``talk(call)`` for each connection, in a thread of its own.  ``calls``: every Call so far.

    ``room``: bytes that the system keeps of what comes and of what goes, for a client that has to wait.
    """

    def __init__(self, talk, tls=None, room=None):
        self._talk, self._tls, self.calls = talk, tls, []
        self._socket = socket.socket()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF) if room is not None else ():
            self._socket.setsockopt(socket.SOL_SOCKET, option, room)  # before it listens, or the window is large
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(50)
        self.port = self._socket.getsockname()[1]
        self.host = "127.0.0.1:%d" % self.port
        # A certificate of an address is one that Python 2.7 cannot check.
        self.origin = "http://" + self.host if tls is None else "https://localhost:%d" % self.port
        self._start(self._accept)

    @staticmethod
    def _start(work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        thread.daemon = True
        thread.start()

    def _accept(self):
        while True:
            try:
                self._start(self._serve, self._socket.accept()[0])  # no name: on Python 2.7 it would hold it open
            except EnvironmentError:
                self._socket.close()
                return

    def _serve(self, connection):
        try:
            connection.settimeout(240)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a reset takes back what was sent
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            call = Call(connection)
            self.calls.append(call)
            self._talk(call)
        except (EnvironmentError, ValueError):
            pass
        finally:
            connection.close()

    def close(self):
        """End everything.  The threads close what they use: a descriptor closed under them may be another's by then."""
        for connection in [self._socket] + [call.connection for call in self.calls]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except EnvironmentError:
                pass


class Call(object):
    """One connection that a Peer took.  ``requests``: (line, {header: value}, body) of those read so far."""

    def __init__(self, connection):
        self.connection, self.requests = connection, []
        self.data = b""

    def more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EnvironmentError("the client is gone")
        self.data += data

    def request(self):
        """Read one request and note it."""
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict((line.partition(": ")[0].lower(), line.partition(": ")[2]) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        while len(self.data) < length:
            self.more()
        body, self.data = self.data[:length], self.data[length:]
        self.requests.append((lines[0], headers, body))
        return self.requests[-1]

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        """Close so that the client sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def close(self):
        try:
            self.connection.close()
        except EnvironmentError:
            pass

    def tunnel(self, port):
        """Be a proxy that said yes: pass bytes both ways until one side ends."""
        other = socket.create_connection(("127.0.0.1", port), 240)
        goes = {self.connection: other, other: self.connection}  # by one thread: two may not share a TLS connection
        held = {self.connection: b"", other: b""}  # what is to be sent to each
        for each in goes:
            each.setblocking(False)
        try:
            while True:
                sources = [each for each in goes if not held[goes[each]]]
                ready = [each for each in sources if getattr(each, "pending", int)()]
                if not ready:
                    ready, free, _ = select.select(sources, [each for each in held if held[each]], [], 20)
                    if not ready and not free:
                        return
                    for each in free:
                        try:
                            held[each] = held[each][_now(each.send, held[each]) or 0 :]
                        except EnvironmentError:  # it takes no more, but may have said something
                            held[each] = b""
                for each in ready:
                    held[goes[each]] = _now(each.recv, 16384)
                    if held[goes[each]] == b"":
                        return
                    held[goes[each]] = held[goes[each]] or b""
        finally:
            other.close()


def _now(work, argument):
    """What a call on a socket that does not block returns; None if it would have to wait."""
    try:
        return work(argument)
    except (EnvironmentError, ssl.SSLError) as error:
        if error.args[0] in (errno.EAGAIN, ssl.SSL_ERROR_WANT_READ, ssl.SSL_ERROR_WANT_WRITE):
            return None
        raise


def answer(body=b"", *fields, **options):
    """Bytes of an answer with its length."""
    head = ["HTTP/1.1 %s" % options.get("status", "200 OK"), "Content-Length: %d" % len(body)]
    return "\r\n".join(head + list(fields) + ["", ""]).encode("ascii") + body
