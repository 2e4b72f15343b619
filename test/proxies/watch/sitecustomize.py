"""Notes where every Python that a test of a box starts connects to, and which names it looks up.  2.7, 3.8 and up."""

import os
import socket
import sys


def note(what, value):
    descriptor = os.open(os.environ["UVIDEO_TEST_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, ("%s %s\n" % (what, value)).encode("utf-8"))
    os.close(descriptor)


def heard(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        note("connect", "%s:%d" % arguments[1][:2])
    elif event == "socket.getaddrinfo":
        note("lookup", arguments[0])


if hasattr(sys, "addaudithook"):
    sys.addaudithook(heard)
else:

    def watched(name):
        plain = getattr(socket.socket, name)

        def call(self, address):
            heard("socket.connect", (self, address))
            return plain(self, address)

        setattr(socket.socket, name, call)

    watched("connect")
    watched("connect_ex")
    look_up = socket.getaddrinfo

    def getaddrinfo(host, *arguments):
        note("lookup", host)
        return look_up(host, *arguments)

    socket.getaddrinfo = getaddrinfo
