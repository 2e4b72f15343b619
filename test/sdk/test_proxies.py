"""Which proxy counts, and when: the environment may change while a program runs."""

from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import threading

from ucloud.uvideo.http.proxy import Proxy
from ucloud.uvideo.protocol.compat import native
from ucloud.uvideo.protocol.errors import InvalidArgument
from ucloud.uvideo.protocol.message import Headers, Request

from .peer import PEM, answer, context
from .surroundings import environment
from .test_transport import Case, again


class Urls(Case):
    def test_what_is_a_proxy(self):
        for url, name, port, fields in (
            ("h", "h", 80, []),
            ("h:3128", "h", 3128, []),
            ("HTTPS://h/", "h", 443, []),
            ("http://[::1]:8", "::1", 8, []),
            ("us:p%40s@h:8", "h", 8, [("Proxy-Authorization", "Basic dXM6cEBz")]),
            ("http://us:100%@h", "h", 80, [("Proxy-Authorization", "Basic dXM6MTAwJQ==")]),
            (u"http://us:p\xe4@h", "h", 80, [("Proxy-Authorization", "Basic dXM6cMOk")]),
            ("socks5://h", "h", 1080, []),
        ):
            made = Proxy(native(url))
            self.assertEqual((made.name, made.port, made.fields), (name, port, fields), url)

    def test_what_is_none(self):
        for url in (
            "://h",
            "http://",
            "http://us:pw@",
            "http://us:p/w@h",
            "http://h:0",
            "http://h:65536",
            "http://h:x",
            u"http://h:\xb2",
            "http://[::1",
            "http://h h",
            "http://h\r\nX: y",
            "ftp://h",
            "socks://h",
            "file:///etc/proxy.pac",
        ):
            with self.assertRaises(InvalidArgument):
                Proxy(native(url))

    def test_one_that_is_unicode_keeps_its_connections(self):
        peer = self.peer(again(answer(b"it")))
        pipes = self.transport(proxy=u"http://us:p\xe4@" + peer.host)
        for _ in range(2):
            pipes.send(Request("GET", "http://service.test", "/", Headers(), b""))
        self.assertEqual(len(peer.calls), 1)


class Changes(Case):
    def get(self, pipes, origin="http://service.test"):
        return pipes.send(Request("GET", origin, "/", Headers(), b"")).body

    def named(self, name, gone=None):
        """A proxy that answers with its name; ``gone`` is set when a connection to it ends."""

        def talk(call):
            try:
                again(answer(name))(call)
            finally:
                if gone is not None:
                    gone.set()

        return self.peer(talk)

    def test_a_changed_variable_counts_from_the_next_request_on(self):
        gone = threading.Event()
        first, second = self.named(b"first", gone), self.named(b"second")
        pipes = self.transport()
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            with environment(**{name: first.origin}):
                self.assertEqual([self.get(pipes) for _ in range(2)], [b"first", b"first"])
                calls = len(first.calls)
                os.environ[name] = second.origin
                self.assertEqual([self.get(pipes) for _ in range(2)], [b"second", b"second"])
                self.assertTrue(gone.wait(240), "the idle connection through the old proxy stands")
                gone.clear()
                os.environ[name] = first.origin
                self.assertEqual(self.get(pipes), b"first")
                self.assertEqual(len(first.calls), calls + 1)
        self.assertEqual(len(second.calls), 4)

    def test_a_host_that_needs_no_proxy_any_more_has_none(self):
        pipes = self.transport()
        with environment(http_proxy="http://127.0.0.1:1"):
            self.assertEqual(pipes.route("http://service.test").proxy.port, 1)
            for name, value in (("no_proxy", "service.test"), ("NO_PROXY", "*"), ("http_proxy", "")):
                with environment(**{"http_proxy": "http://127.0.0.1:1", name: value}):
                    self.assertIs(pipes.route("http://service.test").proxy, None, name)
                self.assertEqual(pipes.route("http://service.test").proxy.port, 1, name)

    def test_where_nothing_changed_connections_stay(self):
        proxy, pipes = self.named(b"it"), self.transport()
        with environment(http_proxy=proxy.origin):
            self.get(pipes)
            os.environ["no_proxy"] = "other.test"
            os.environ["UNRELATED"] = "1"
            self.get(pipes)
        self.assertEqual(len(proxy.calls), 1)

    def test_what_the_variables_do_not_show_is_looked_up_for_each_new_connection(self):
        """The system's settings on Windows and macOS; here, a name that is spelt in its own way."""
        closing = again(answer(b"first", "Connection: close"))
        first, second, pipes = self.peer(closing), self.named(b"second"), self.transport()
        with environment(Http_Proxy=first.origin):
            self.assertEqual(self.get(pipes), b"first")
            os.environ["Http_Proxy"] = second.origin
            self.assertEqual(self.get(pipes), b"second")

    def test_a_connection_in_use_ends_when_it_is_done(self):
        going, gone = threading.Event(), threading.Event()

        def talk(call):
            call.request()
            call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi")
            going.wait(240)
            call.send(b"rst")
            try:
                call.request()
            finally:
                gone.set()

        first, second, pipes = self.peer(talk), self.named(b"second"), self.transport()
        request = Request("GET", "http://service.test", "/", Headers(), b"")
        with environment(http_proxy=first.origin):
            stream = pipes.open(request)
            os.environ["http_proxy"] = second.origin
            self.assertEqual(self.get(pipes), b"second")
            going.set()
            self.assertEqual(b"".join(iter(lambda: stream.read(9), b"")), b"first")
            stream.close(reuse=True)
            self.assertTrue(gone.wait(240))
            self.assertEqual(self.get(pipes), b"second")

    def test_one_that_was_chosen_and_what_is_on_this_machine_do_not_change(self):
        chosen, own = self.named(b"chosen"), self.named(b"own")
        pipes, direct = self.transport(proxy=chosen.origin), self.transport()
        with environment():
            self.get(pipes), self.get(direct, own.origin)
            os.environ["http_proxy"] = "http://127.0.0.1:1"
            self.assertEqual((self.get(pipes), self.get(direct, own.origin)), (b"chosen", b"own"))
        self.assertEqual((len(chosen.calls), len(own.calls)), (1, 1))

    def test_changed_authorities_count_from_the_next_connection_on(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        copy = os.path.join(folder, "own.pem")
        shutil.copy(PEM, copy)
        peer, pipes = self.peer(again(answer(b"it", "Connection: close")), context()), self.transport()
        with environment(REQUESTS_CA_BUNDLE=PEM):
            self.assertEqual(pipes.send(self.request(peer)).body, b"it")
            os.environ["REQUESTS_CA_BUNDLE"] = os.path.join(folder, "absent.pem")
            with self.assertRaises(InvalidArgument):
                pipes.send(self.request(peer))
            os.environ["REQUESTS_CA_BUNDLE"] = copy
            self.assertEqual(pipes.send(self.request(peer)).body, b"it")
