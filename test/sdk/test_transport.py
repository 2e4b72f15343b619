# -*- coding: utf-8 -*-
"""What Transport promises about connections, against a peer that does what it is told byte by byte."""

from __future__ import absolute_import, division, print_function

import errno
import hashlib
import io
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
import unittest

from ucloud.uvideo.engine.cancel import Interrupt
from ucloud.uvideo.engine.retry import Attempts, Retry
from ucloud.uvideo.http import connection
from ucloud.uvideo.http import pool as transport
from ucloud.uvideo.http.proxy import split
from ucloud.uvideo.http.trust import Certificate
from ucloud.uvideo.protocol.errors import (
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    InvalidArgument,
    NoAnswer,
    Unavailable,
)
from ucloud.uvideo.protocol.message import REFUSAL, Headers, Request

from .httpproxy import HttpProxy
from .peer import PEM, Peer, answer, context

LARGE = 64 * 1024 * 1024


class Bytes(object):
    """A body that says its length, or none."""

    def __init__(self, data, length=True):
        self.data, self.sent = data, 0
        self.length = len(data) if length else None

    def read(self, size=65536):
        piece = self.data[self.sent : self.sent + size]
        self.sent += len(piece)
        return piece


class Case(unittest.TestCase):
    def peer(self, talk, tls=None, **options):
        made = Peer(talk, tls, **options)
        self.addCleanup(made.close)
        return made

    def transport(self, timeout=10, **options):
        made = transport.Transport(timeout, **options)
        self.addCleanup(made.close)
        return made

    @staticmethod
    def request(peer, method="GET", target="/", headers=(), body=b"", host=None):
        origin = peer.origin if host is None else "%s://%s" % (peer.origin.partition("://")[0], host)
        return Request(method, origin, target, Headers(headers), body)

    def assertNoAnswer(self, pipes, request, text, sent=True, **options):
        with self.assertRaises(NoAnswer) as caught:
            pipes.send(request, **options)
        self.assertIn(text, caught.exception.message)
        self.assertEqual(caught.exception.sent, sent)
        return caught.exception

    def assertNotShared(self, pipes):
        """A forked child makes a connection of its own, and its parent keeps the one that it had."""
        if not hasattr(os, "fork"):
            return
        peer = self.peer(again(answer(b"it")))
        pipes.send(self.request(peer))
        child = os.fork()
        if not child:
            try:
                os._exit(0 if pipes.send(self.request(peer)).body == b"it" else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(pipes.send(self.request(peer)).body, b"it")
        self.assertEqual([len(call.requests) for call in peer.calls], [2, 1])


def again(*answers):
    """Answers the requests of each connection in turn with these; the last one again and again."""

    def talk(call):
        number = 0
        while True:
            call.request()
            call.send(answers[min(number, len(answers) - 1)])
            number += 1

    return talk


class Connections(Case):
    def test_one_connection_serves_many_requests(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        peer = self.peer(again(answer(b"one"), chunked, answer(status="204 No Content"), answer(status="304 N")))
        pipes = self.transport()
        found = [pipes.send(self.request(peer, "PUT", body=b"x" * n)) for n in (1, 20000, 0, 5)]
        self.assertEqual([each.body for each in found], [b"one", b"abc", b"", b""])
        self.assertEqual(len(peer.calls), 1)
        lengths = [headers["content-length"] for _, headers, _ in peer.calls[0].requests]
        self.assertEqual(lengths, ["1", "20000", "0", "5"])

    def test_the_answer_to_head_has_no_body(self):
        peer = self.peer(again(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))
        pipes = self.transport()
        for _ in range(2):
            found = pipes.send(self.request(peer, "HEAD"))
            self.assertEqual((found.body, found.headers.get("content-length")), (b"", "99"))
        self.assertEqual(len(peer.calls), 1)

    def test_of_a_refusal_without_end_the_beginning_counts(self):
        piece = b"x" * 65536

        def talk(call):
            call.request()
            call.send(b"HTTP/1.1 502 Bad Gateway\r\n" + framing + b"\r\n")
            try:
                while True:
                    call.send(b"10000\r\n" + piece + b"\r\n" if b"chunked" in framing else piece)
            except EnvironmentError:
                pass

        for framing in (b"", b"Content-Length: 999999999999\r\n", b"Transfer-Encoding: chunked\r\n"):
            peer, pipes = self.peer(talk), self.transport()
            for _ in range(2):
                found = pipes.send(self.request(peer))
                self.assertEqual(found.status, 502)
                self.assertTrue(REFUSAL <= len(found.body) <= 2 * REFUSAL, (framing, len(found.body)))
            self.assertEqual(len(peer.calls), 2)  # such a connection does not serve again

    def test_answers_before_the_answer_are_passed_over(self):
        peer = self.peer(again(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\n" + answer(b"it")))
        self.assertEqual(self.transport().send(self.request(peer)).body, b"it")

    def test_a_connection_is_not_used_again_when_that_is_not_safe(self):
        for first in (
            answer(b"one", "Connection: close"),
            answer(b"one") + b"behind it",
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\none\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\nX",
        ):
            peer = self.peer(again(first, answer(b"wrong")))
            pipes = self.transport()
            self.assertEqual([pipes.send(self.request(peer)).body for _ in range(2)], [b"one", b"one"], first)
            self.assertEqual(len(peer.calls), 2, first)

    def test_what_comes_while_a_connection_is_idle_is_nobodys_answer(self):
        came = threading.Event()

        def talk(call):
            call.request()
            call.send(answer(b"right"))
            if len(peer.calls) == 1:
                call.send(answer(b"smuggled"))
                came.set()
            call.request()

        peer = self.peer(talk)
        pipes = self.transport()
        self.assertEqual(pipes.send(self.request(peer)).body, b"right")
        self.assertTrue(came.wait(240))
        self.assertEqual(pipes.send(self.request(peer)).body, b"right")

    def test_one_that_was_closed_while_idle_is_noticed(self):
        closed = threading.Event()

        def talk(call):
            call.request()
            call.send(answer(b"it"))
            call.close()
            closed.set()

        peer = self.peer(talk)
        pipes = self.transport()
        for number in (1, 2, 3):
            self.assertEqual(pipes.send(self.request(peer)).body, b"it")
            self.assertTrue(closed.wait(240))
            closed.clear()
            self.assertEqual(len(peer.calls), number)

    def test_one_that_is_closed_as_it_is_used_again_is_tried_at_once_if_that_is_safe(self):
        for end in ("close", "reset"):

            def talk(call, end=end):
                call.request()
                call.send(answer(b"it"))
                call.request()
                getattr(call, end)()

            peer = self.peer(talk)
            pipes = self.transport()
            pipes.send(self.request(peer))
            error = self.assertNoAnswer(pipes, self.request(peer), "the connection broke")
            self.assertTrue(error.stale)
            self.assertEqual(Attempts(Retry(3, 1000.0), None, lambda: 0.9).failed(error, 0), 0.0)
            self.assertIsNone(Attempts(Retry(0), None, lambda: 0.9).failed(error, 0))
            self.assertEqual(pipes.send(self.request(peer)).body, b"it")
            self.assertEqual(len(peer.calls), 2)
        error = self.assertNoAnswer(self.transport(), self.request(self.peer(lambda call: call.request())), "broke")
        self.assertFalse(error.stale)  # a new one
        self.assertGreater(Attempts(Retry(3, 1000.0), None, lambda: 0.9).failed(Unavailable(), 0), 0)

    def test_one_that_was_idle_for_long_is_not_trusted(self):
        peer = self.peer(again(answer(b"it")))
        pipes = self.transport()
        now = connection.ticks()
        real = connection.ticks
        self.addCleanup(setattr, connection, "ticks", real)
        for passed, calls in ((0, 1), (49, 1), (200, 2)):
            connection.ticks = lambda passed=passed: now + passed
            pipes.send(self.request(peer))
            self.assertEqual(len(peer.calls), calls)

    def test_a_child_does_not_share_its_parents_connections(self):
        self.assertNotShared(self.transport())

    def test_no_more_are_kept_than_the_pool_holds_and_none_after_close(self):
        peer = self.peer(again(answer(b"it")))
        pipes = self.transport(pool=2)
        streams = [pipes.open(self.request(peer)) for _ in range(4)]
        for stream in streams[:3]:
            self.assertEqual(stream.read(10), b"it")
            stream.close(reuse=True)
        idle = pipes.route(peer.origin).idle
        self.assertEqual(len(idle), 2)
        pipes.close()
        streams[3].read(10)
        streams[3].close(reuse=True)
        self.assertEqual(len(idle), 0)

    def test_threads_share_it(self):
        peer = self.peer(again(answer(b"it")))
        pipes = self.transport()
        found = []

        def work():
            for _ in range(50):
                found.append(pipes.send(self.request(peer, "PUT", body=b"x" * 1000)).body)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [b"it"] * 400)
        self.assertLessEqual(len(peer.calls), 8)


class Bodies(Case):
    def test_a_body_of_unknown_length_goes_in_chunks(self):
        whole = []

        def talk(call):
            while b"0\r\n\r\n" not in call.data:
                call.more()
            whole.append(call.data)
            call.send(answer())

        peer = self.peer(talk)
        self.transport().send(self.request(peer, "PUT"), Bytes(b"a" * 70000, length=False))
        self.assertIn(b"Transfer-Encoding: chunked\r\n", whole[0])
        chunks = b"10000\r\n" + b"a" * 65536 + b"\r\n1170\r\n" + b"a" * 4464 + b"\r\n0\r\n\r\n"
        self.assertTrue(whole[0].endswith(b"\r\n" + chunks))

    def test_an_answer_that_comes_while_the_body_is_sent_is_read(self):
        for body in (lambda: b"x" * LARGE, lambda: Bytes(b"x" * LARGE), lambda: Bytes(b"x" * LARGE, False)):
            for reset in (False, True):
                done = threading.Event()

                def talk(call, reset=reset, done=done):
                    call.more()
                    call.send(answer(b"no", status="403 Forbidden"))
                    if reset:
                        call.close()  # with bytes unread: a reset
                    done.wait(240)

                peer = self.peer(talk)
                pipes = self.transport()
                found = pipes.send(self.request(peer, "PUT"), body())
                done.set()
                self.assertEqual((found.status, found.body), (403, b"no"))
                self.assertEqual(len(pipes.route(peer.origin).idle), 0)

    def test_a_body_without_length_ends_with_the_connection(self):
        def talk(call):
            call.request()
            call.send(b"HTTP/1.1 200 OK\r\n\r\nto the ")
            call.send(b"end")

        self.assertEqual(self.transport().send(self.request(self.peer(talk))).body, b"to the end")

    def test_readinto_fills_the_view_and_gives_what_came_before_a_break(self):
        for head in (b"Content-Length: 20", b"Transfer-Encoding: chunked"):

            def talk(call, head=head):
                call.request()
                call.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
                for piece in (b"01234", b"56789", b"abc"):
                    call.send(piece if b"Len" in head else b"%x\r\n" % len(piece) + piece + b"\r\n")
                    time.sleep(0.01)

            stream = self.transport().open(self.request(self.peer(talk)))
            buffer = bytearray(10)
            self.assertEqual(stream.readinto(memoryview(buffer)), 10)
            self.assertEqual(bytes(buffer), b"0123456789")
            self.assertEqual(stream.readinto(memoryview(buffer)), 3)
            self.assertEqual(bytes(buffer[:3]), b"abc")
            for _ in range(2):
                self.assertRaises(NoAnswer, stream.readinto, memoryview(buffer))
            stream.close()

    def test_readinto_says_0_at_the_end_and_the_connection_serves_again(self):
        peer = self.peer(again(answer(b"0123456789")))
        pipes = self.transport()
        for _ in range(2):
            stream = pipes.open(self.request(peer))
            self.assertEqual(stream.missing(), 10)
            buffer = bytearray(7)
            counts = [stream.readinto(memoryview(buffer)) for _ in range(3)]
            self.assertEqual((counts, stream.missing(), stream.read(5)), ([7, 3, 0], 0, b""))
            stream.close(reuse=True)
        self.assertEqual(len(peer.calls), 1)

    def test_a_body_that_breaks_off_is_no_answer(self):
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ):

            def talk(call, data=data):
                call.request()
                call.send(data)

            self.assertNoAnswer(self.transport(), self.request(self.peer(talk)), "the connection broke")

    def test_what_is_not_http_is_no_answer(self):
        for data in (
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
            b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",  # and the rest of it is not waited for
        ):

            def talk(call, data=data):
                call.request()
                call.send(data)
                call.more()

            peer = self.peer(talk)
            self.assertNoAnswer(self.transport(), self.request(peer), "the answer of %s is not HTTP" % peer.origin)


class File(Bytes):
    """A body that the system may send itself, as FileSource's are; notes how it went."""

    def __init__(self, path):
        with io.open(path, "rb") as file:
            super(File, self).__init__(file.read())
        self._file = io.open(path, "rb")
        self.read_at, self.by_system = None, 0

    def piece(self):
        left = self.length - self.sent
        return (self._file.fileno(), self.sent, left) if left else None

    def moved(self, length):
        self.by_system += length
        self.sent += length

    def read(self, size=65536):
        if self.read_at is None:
            self.read_at = self.sent
        return super(File, self).read(size)

    def close(self):
        self._file.close()


class SentBySystem(Case):
    def send(self, tls=None):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "body")
        with io.open(path, "wb") as file:
            file.write(os.urandom(3000000))

        def talk(call):
            while True:
                call.send(answer(hashlib.sha1(call.request()[2]).hexdigest().encode("ascii")))

        body = File(path)
        self.addCleanup(body.close)
        peer, pipes = self.peer(talk, tls), self.transport(authorities=PEM)
        found = pipes.send(self.request(peer, "PUT"), body)
        self.assertEqual(found.body.decode("ascii"), hashlib.sha1(body.data).hexdigest())
        pipes.send(self.request(peer))
        self.assertEqual(len(peer.calls), 1)  # the connection serves again
        return body

    def test_a_file_goes_without_being_read_where_that_can_be(self):
        body = self.send()
        self.assertEqual(body.by_system, 3000000 if hasattr(os, "sendfile") else 0)
        self.assertEqual(self.send(context()).by_system, 0)

    def test_where_the_system_cannot_the_rest_is_read(self):
        real = getattr(os, "sendfile", None)
        if real is None:
            return
        self.addCleanup(setattr, os, "sendfile", real)

        def failing(target, source, offset, length):
            if offset >= 1000:
                raise OSError(errno.EINVAL, "no")
            return real(target, source, offset, 1000)

        os.sendfile = failing
        self.assertEqual(self.send().by_system, 1000)


class Waits(Case):
    def test_every_silence_ends(self):
        def silent_at(step):
            def talk(call):
                if step == "accept":
                    call.more()
                    over.wait(240)
                    return
                call.request()
                if step == "body":
                    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                over.wait(240)

            return talk

        over = threading.Event()
        for step in ("accept", "head", "body"):
            peer = self.peer(silent_at(step))
            pipes = self.transport(timeout=0.15, connect_timeout=60)
            self.assertNoAnswer(pipes, self.request(peer), "no data for too long")
            pipes = self.transport(timeout=60)
            self.assertNoAnswer(pipes, self.request(peer), "not complete in time", seconds=0.15)
        peer = self.peer(silent_at("accept"))
        pipes = self.transport(timeout=0.15, connect_timeout=60)
        self.assertNoAnswer(pipes, self.request(peer, "PUT", body=b"x" * LARGE), "no data")
        over.set()

    def test_no_time_is_no_request(self):
        with self.assertRaises(DeadlineExceeded):
            self.transport().send(self.request(self.peer(again(answer()))), seconds=0)

    def test_a_trickle_does_not_outlast_the_limit(self):
        over = threading.Event()

        def talk(call):
            call.request()
            call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.01):
                call.send(b"x")

        peer = self.peer(talk)
        self.assertNoAnswer(self.transport(), self.request(peer), "not complete in time", seconds=0.1)
        over.set()

    def test_an_interrupt_ends_any_wait_at_once(self):
        for where in ("head", "body", "sending"):
            interrupt, over = Interrupt(), threading.Event()

            def talk(call, where=where, interrupt=interrupt, over=over):
                if where == "sending":
                    call.more()
                else:
                    call.request()
                if where == "body":
                    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                interrupt.cancel()
                over.wait(240)

            peer = self.peer(talk)
            request = self.request(peer, "PUT", body=b"x" * (LARGE if where == "sending" else 1))
            began = time.time()
            with self.assertRaises(Cancelled):
                self.transport(timeout=60).send(request, interrupt=interrupt)
            self.assertLess(time.time() - began, 30)  # the timeout is 60
            over.set()
            self.assertEqual(interrupt.wakes, [])

    def test_one_that_is_set_already_sends_nothing_to_wait_for(self):
        interrupt = Interrupt()
        interrupt.cancel()
        peer = self.peer(again(answer()))
        with self.assertRaises(Cancelled):
            self.transport(timeout=60).send(self.request(peer), interrupt=interrupt)

    def test_where_nobody_listens(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        request = Request("GET", "http://127.0.0.1:%d" % taken.getsockname()[1], "/", Headers(), b"")
        self.assertNoAnswer(self.transport(), request, "no connection: Connection refused", sent=False)
        request = request._replace(origin="http://name.invalid")
        self.assertNoAnswer(self.transport(proxy=""), request, "no connection: ", sent=False)


class Addresses(Case):
    def test_hosts_are_taken_apart(self):
        for host, expected in (
            ("h", ("h", None)),
            ("h.:8", ("h", 8)),
            ("[::1]:9", ("::1", 9)),
            ("[::1]", ("::1", None)),
        ):
            self.assertEqual(split(host), expected)

    def test_localhost_of_any_space_is_this_machine_and_the_host_stays(self):
        peer = self.peer(again(answer()))
        self.transport().send(self.request(peer, host="space.localhost:%d" % peer.port))
        self.assertEqual(peer.calls[0].requests[0][1]["host"], "space.localhost:%d" % peer.port)

    def test_a_header_cannot_hold_a_line_break(self):
        peer = self.peer(again(answer()))
        pipes = self.transport()
        for headers in ([("X", "a\r\nY: b")], [("X\nY", "a")], [("X", "\0")]):
            with self.assertRaises(InvalidArgument):
                pipes.send(self.request(peer, headers=headers))
        with self.assertRaises(InvalidArgument):
            pipes.send(self.request(peer, target="/ HTTP/1.1\r\nX: y"))
        self.assertEqual(peer.calls, [])


class Encrypted(Case):
    def test_only_a_trusted_certificate_will_do(self):
        peer = self.peer(again(answer(b"secret")), context())
        self.assertNoAnswer(self.transport(), self.request(peer), "is not trusted", sent=False)
        pipes = self.transport(authorities=PEM)
        for _ in range(2):
            self.assertEqual(pipes.send(self.request(peer, "PUT", body=b"x" * 300000)).body, b"secret")
        (call,) = [call for call in peer.calls if call.requests]
        self.assertEqual([len(body) for _, _, body in call.requests], [300000] * 2)

    def test_a_client_certificate_is_shown(self):
        peer = self.peer(again(answer(b"in")), context(client_certificate=True))
        pipes = self.transport(authorities=PEM, certificate=Certificate(PEM, None, None))
        self.assertEqual(pipes.send(self.request(peer)).body, b"in")
        with self.assertRaises(NoAnswer):
            self.transport(authorities=PEM).send(self.request(peer))

    def test_certificates_that_cannot_be_read_are_said(self):
        peer = self.peer(again(answer()), context())
        for options in (
            {"authorities": "/nowhere"},
            {"authorities": __file__},
            {"authorities": PEM, "certificate": Certificate(__file__, None, None)},
        ):
            with self.assertRaises(InvalidArgument):
                self.transport(**options).send(self.request(peer))

    def test_an_early_answer_and_an_interrupt_work_there_too(self):
        over = threading.Event()

        def talk(call):
            call.more()
            call.send(answer(b"no", status="403 Forbidden"))
            over.wait(240)

        peer = self.peer(talk, context())
        found = self.transport(authorities=PEM).send(self.request(peer, "PUT"), Bytes(b"x" * LARGE))
        self.assertEqual(found.status, 403)
        over.set()
        interrupt = Interrupt()

        def waiting(call):
            call.request()
            interrupt.cancel()
            call.more()

        with self.assertRaises(Cancelled):
            self.transport(authorities=PEM, timeout=60).send(
                self.request(self.peer(waiting, context())), interrupt=interrupt
            )

    def test_what_tls_says_by_itself_is_no_early_answer(self):
        body = Bytes(b"x" * LARGE)

        def talk(call):  # the tickets of TLS 1.3 are still unread when the client has to wait
            sent = -1
            while sent != body.sent or not sent:
                sent = body.sent
                time.sleep(0.05)
            first = call.connection.recv(65536)
            left = LARGE - len(first.partition(b"\r\n\r\n")[2])
            while left:
                left -= len(call.connection.recv(65536))
            call.send(answer(b"all of it"))

        found = self.transport(authorities=PEM).send(self.request(self.peer(talk, context()), "PUT"), body)
        self.assertEqual(found.body, b"all of it")

    def test_large_bodies_pass_both_ways(self):
        data = bytes(bytearray(range(256))) * 16384

        def talk(call):
            call.send(answer(call.request()[2]))
            call.more()

        pipes = self.transport(authorities=PEM)
        peer = self.peer(talk, context())
        self.assertTrue(pipes.send(self.request(peer, "PUT"), Bytes(data)).body == data)


class Proxied(Case):
    def proxy(self, target, **options):
        made = HttpProxy(target.port, **options)
        self.addCleanup(made.close)
        return made

    def test_https_goes_through_a_tunnel(self):
        peer = self.peer(again(answer(b"inside")), context())
        proxy = self.proxy(peer)
        pipes = self.transport(authorities=PEM, proxy="http://us%3Aer:pa%40ss@" + proxy.host)
        for _ in range(2):
            self.assertEqual(pipes.send(self.request(peer, host="service.test")).body, b"inside")
        line, headers, _ = proxy.calls[0].requests[0]
        self.assertEqual(line, "CONNECT service.test:443 HTTP/1.1")
        self.assertEqual(headers["proxy-authorization"], "Basic dXM6ZXI6cGFAc3M=")
        line, headers, _ = peer.calls[0].requests[0]
        self.assertEqual((line, headers["host"]), ("GET / HTTP/1.1", "service.test"))
        self.assertNotIn("proxy-authorization", headers)
        self.assertEqual(len(peer.calls), 1)

    def test_the_certificate_must_be_of_the_host(self):
        peer = self.peer(again(answer()), context())
        self.assertNoAnswer(
            self.transport(authorities=PEM, proxy=self.proxy(peer).host),
            self.request(peer, host="other.test"),
            "the certificate from https://other.test is not trusted",
            sent=False,
        )
        self.assertEqual([call.requests for call in peer.calls if call.requests], [])

    def test_a_proxy_that_says_no_or_is_not_there(self):
        peer = self.peer(again(answer()), context())
        proxy = self.proxy(peer, account=(b"us:er", b"pa@ss"))
        for options, text in (
            ({"proxy": proxy.host}, "the proxy %s requires a user name and a password" % proxy.host),
            ({"proxy": "http://127.0.0.1:1"}, "the proxy 127.0.0.1:1 accepts no connection: Connection refused"),
        ):
            self.assertNoAnswer(
                self.transport(authorities=PEM, **options),
                self.request(peer, host="service.test"),
                text,
                sent=False,
            )

    def test_a_proxy_that_speaks_tls_itself(self):
        proxy = self.peer(again(answer(b"plain")), context())
        pipes = self.transport(authorities=PEM, proxy=proxy.origin)
        request = Request("GET", "http://service.test", "/k", Headers(), b"")
        self.assertEqual(pipes.send(request).body, b"plain")
        self.assertEqual(proxy.calls[0].requests[0][0], "GET http://service.test/k HTTP/1.1")
        if not hasattr(ssl, "MemoryBIO"):  # Python 2.7
            with self.assertRaises(ConfigurationError) as caught:
                pipes.send(request._replace(origin="https://service.test"))
            self.assertIn(
                "does not support TLS inside of TLS); use an http:// proxy", caught.exception.message
            )
            self.assertFalse(caught.exception.retryable or caught.exception.sent)
            self.assertEqual([len(call.requests) for call in proxy.calls], [1])
            return
        data = bytes(bytearray(range(256))) * 4096

        def talk(call):
            call.send(answer(call.request()[2]))
            call.more()

        peer = self.peer(talk, context())
        pipes = self.transport(authorities=PEM, proxy=self.proxy(peer, tls=context()).origin)
        found = pipes.send(self.request(peer, "PUT", host="service.test"), Bytes(data))
        self.assertTrue(found.body == data)

    def test_a_proxy_that_was_chosen_stands_before_loopback_too(self):
        proxy = self.peer(again(answer(b"proxied")))
        request = Request("GET", "http://127.0.0.1:1", "/k", Headers(), b"")
        self.assertEqual(self.transport(proxy=proxy.origin).send(request).body, b"proxied")
        self.assertEqual(proxy.calls[0].requests[0][0], "GET http://127.0.0.1:1/k HTTP/1.1")
