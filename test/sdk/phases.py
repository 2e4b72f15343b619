# -*- coding: utf-8 -*-
"""Where a call may have to wait, each as a peer that makes it wait forever: the rows of the contracts of clocks."""

from __future__ import absolute_import, division, print_function

import threading
from collections import namedtuple

from .peer import answer

HEAD = b'HTTP/1.1 200 OK\r\nETag: "%s"\r\n' % (b"x" * 28)
#: What a request before it was answered with, on a connection that is used again.
FIRST = HEAD + b"Content-Length: 2\r\n\r\n"
#: Bytes that no buffer of the system takes in.
LARGE = b"x" * (24 << 20)
TRICKLE = 0.02  # seconds between two bytes


class Phase(namedtuple("Phase", "name talk call silent")):
    """``talk(call, over)``: what the peer does once the request is there, until ``over`` is set.

    ``call``: the call that meets it, "get" or "put".  ``silent``: whether nothing more comes, so that silence ends it.
    """

    __slots__ = ()


def silent(before=b""):
    def talk(call, over):
        call.request()
        call.send(before)
        over.wait(60)

    return talk


def trickling(before, piece=b"x"):
    def talk(call, over):
        call.request()
        call.send(before)
        while not over.wait(TRICKLE):
            call.send(piece)

    return talk


def deaf(call, over):
    over.wait(60)


def busy(*fields):
    def talk(call, over):
        while True:
            call.request()
            call.send(answer(b"", *fields, status="503 Busy"))

    return talk


PHASES = [
    Phase("the body is not taken", deaf, "put", True),
    Phase("no head", silent(), "get", True),
    Phase("half a head", silent(b"HTTP/1.1 200 OK\r\nX: y"), "get", True),
    Phase("a head byte by byte", trickling(b"HTTP/1.1 200 OK\r\nX: "), "get", False),
    Phase("half a body", silent(HEAD + b"Content-Length: 9\r\n\r\nhalf"), "get", True),
    Phase("a body byte by byte", trickling(HEAD + b"Content-Length: 100000\r\n\r\n"), "get", False),
    Phase("a body until the end byte by byte", trickling(HEAD + b"\r\n"), "get", False),
    Phase("half a chunk", silent(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "get", True),
    Phase("chunks of one byte", trickling(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "get", False),
    Phase("a refusal byte by byte", trickling(b"HTTP/1.1 403 No\r\nContent-Length: 9999\r\n\r\n"), "get", False),
]
#: What only a limit for all tries ends.
WAITS = [
    Phase("Retry-After", busy("Retry-After: 60"), "get", False),
    Phase("busy again and again", busy(), "get", False),
]


class Script(object):
    """Talks of a Phase for a Peer.  ``first``: requests of each connection that are answered before."""

    def __init__(self, phase, first=0):
        self._phase, self._first = phase, first
        self.over = threading.Event()

    def __call__(self, call):
        for _ in range(self._first):
            call.request()
            call.send(FIRST)
        self._phase.talk(call, self.over)
