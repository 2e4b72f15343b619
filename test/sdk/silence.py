# -*- coding: utf-8 -*-
"""Silence that the fault proxy tells instead of one that is measured: a delay of a busy machine is none."""

from __future__ import absolute_import, division, print_function

import contextlib
import socket
import sys
import threading

from ucloud.uvideo.http.connection import Connection

SLICE = 20  # milliseconds from one look to the next


class _Wait(object):
    """What a Connection asks how long it may wait."""

    def __init__(self, milliseconds):
        self.milliseconds = lambda: milliseconds


@contextlib.contextmanager
def told(held):
    """Within: a connection whose wait goes on is silent for too long if the proxy holds it, and only then.

    ``held()``: a container of the clients' ports of the connections that are held.  The client's own timeout is left
    as it is and should be long.
    """
    plain = Connection.wait
    # What a session's connections wait in; the socket of Python 2.7 cannot be changed so.
    receive = socket.socket.recv_into if sys.version_info >= (3,) else None
    asking = threading.local()

    def wait(self, events, pace):
        for left in range(pace.milliseconds(), 0, -SLICE):
            try:
                return plain(self, events, _Wait(min(SLICE, left)))
            except socket.timeout:
                if _port(self.socket) in held():
                    break
        return plain(self, events, _Wait(0))  # what was sent before the silence has arrived

    def received(self, *arguments):
        timeout = self.gettimeout()
        if not timeout or getattr(asking, "now", False):
            return receive(self, *arguments)
        try:
            for left in range(int(timeout * 1000), 0, -SLICE):
                self.settimeout(min(SLICE, left) / 1000.0)
                try:
                    return receive(self, *arguments)
                except socket.timeout:
                    asking.now = True
                    if _port(self) in held():
                        raise
                finally:
                    asking.now = False
        finally:
            self.settimeout(timeout)

    Connection.wait = wait
    if receive is not None:
        socket.socket.recv_into = received
    try:
        yield
    finally:
        Connection.wait = plain
        if receive is not None:
            socket.socket.recv_into = receive


def _port(connected):
    copy = socket.fromfd(connected.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    try:
        return copy.getsockname()[1]
    finally:
        copy.close()
