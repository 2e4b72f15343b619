# -*- coding: utf-8 -*-
"""Addresses that never answer, names that resolve as a test wants, and a resolver that hangs."""

from __future__ import absolute_import, division, print_function

import socket
import threading


class Dead(object):
    """A port of a loopback address on which a connection never comes to be: whoever listens there has no room.

    ``with Dead("127.0.0.2", port)``; Linux answers on all of 127.0.0.0/8.
    """

    def __init__(self, address="127.0.0.2", port=0):
        self._sockets = [socket.socket()]
        self._sockets[0].bind((address, port))
        self._sockets[0].listen(0)
        self.port = self._sockets[0].getsockname()[1]
        self.host = "%s:%d" % (address, self.port)

    def __enter__(self):
        for _ in range(3):  # one is taken, the others wait forever
            made = socket.socket()
            made.setblocking(False)
            made.connect_ex(self._sockets[0].getsockname())
            self._sockets.append(made)
        return self

    def __exit__(self, *_):
        for each in self._sockets:
            each.close()


class Names(object):
    """In place of socket.getaddrinfo: names as they are given here; any other is the real one's.

    ``names``: {name: [address, ...]}, or None instead of addresses: whoever asks waits until the end of the block.
    ``asked``: the names, as often as they were looked up.
    """

    def __init__(self, **names):
        self._names = dict((name.replace("_", "."), found) for name, found in names.items())
        self._real, self._over, self.asked = socket.getaddrinfo, threading.Event(), []

    def __call__(self, name, port, *rest, **more):
        text = name.decode("ascii") if isinstance(name, bytes) else str(name)
        if text not in self._names:
            return self._real(name, port, *rest, **more)
        self.asked.append(text)
        addresses = self._names[text]
        if addresses is None:
            self._over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "it took too long")
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")
        return [found for each in addresses for found in self._real(each, port, 0, socket.SOCK_STREAM)]

    def __enter__(self):
        socket.getaddrinfo = self
        return self

    def __exit__(self, *_):
        socket.getaddrinfo = self._real
        self._over.set()
        for each in threading.enumerate():  # who asks for the same name next must not meet this answer
            if each.name == "look-up":
                each.join(60)
