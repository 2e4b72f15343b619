"""SOCKS proxies: every kind, with and without an account, what they refuse with, and their limits of time."""

from __future__ import absolute_import, division, print_function

import gc
import threading
import time

from ucloud.uvideo import config, filemanager
from ucloud.uvideo.engine.cancel import Interrupt
from ucloud.uvideo.http import socks
from ucloud.uvideo.protocol.errors import Cancelled, ConfigurationError, NoAnswer
from ucloud.uvideo.protocol.message import Headers, Request

from .peer import PEM, answer, context
from .socksserver import SocksServer
from .surroundings import environment
from .test_transport import Bytes, Case, again

ACCOUNT = (b"us:er", u"p\xe4ss".encode("utf-8"))
ADDRESS = "us%3Aer:p%C3%A4ss@"


class Socks(Case):
    def server(self, to, **options):
        made = SocksServer(to if isinstance(to, int) else to.port, **options)
        self.addCleanup(made.close)
        return made

    @staticmethod
    def get(origin="http://service.test"):
        return Request("GET", origin, "/k", Headers(), b"")


class Passing(Socks):
    def test_who_looks_up_the_name(self):
        peer = self.peer(again(answer(b"inside")))
        for scheme, version, host, name in (
            ("socks4", 4, "localhost", "127.0.0.1"),
            ("socks4a", 4, "service.test", "service.test"),
            ("socks4a", 4, "10.1.2.3", "10.1.2.3"),
            ("socks5", 5, "localhost", "127.0.0.1"),
            ("socks5", 5, "[::1]", "::1"),
            ("socks5h", 5, "service.test", "service.test"),
            ("SOCKS5H", 5, "space.localhost", "127.0.0.1"),
        ):
            proxy = self.server(peer)
            pipes = self.transport(proxy="%s://%s" % (scheme, proxy.host))
            for _ in range(2):  # over one connection
                self.assertEqual(pipes.send(self.get("http://%s:81" % host)).body, b"inside")
            (asked,) = proxy.asked
            self.assertEqual((asked.version, asked.name, asked.port), (version, name, 81), scheme)
        line, headers, _ = peer.calls[-1].requests[0]
        self.assertEqual((line, headers["host"]), ("GET /k HTTP/1.1", "space.localhost:81"))

    def test_tls_and_large_bodies_go_through(self):
        data = bytes(bytearray(range(256))) * 4096

        def talk(call):
            call.send(answer(call.request()[2]))
            call.more()

        peer = self.peer(talk, context())
        proxy = self.server(peer, account=ACCOUNT)
        pipes = self.transport(authorities=PEM, proxy="socks5h://%s%s" % (ADDRESS, proxy.host))
        found = pipes.send(self.request(peer, "PUT", host="service.test"), Bytes(data))
        self.assertTrue(found.body == data)
        self.assertEqual((proxy.asked[0].account, proxy.asked[0].name), (ACCOUNT, "service.test"))

    def test_an_account_of_socks4_is_a_user(self):
        peer = self.peer(again(answer(b"inside")))
        proxy = self.server(peer, account=(b"me", b""))
        self.assertEqual(self.transport(proxy="socks4a://me@" + proxy.host).send(self.get()).body, b"inside")

    def test_the_environment_names_one(self):
        peer = self.peer(again(answer(b"", 'ETag: "x"')))
        proxy = self.server(peer)
        self.addCleanup(config.unset_default)
        config.set_default(uploadsuffix="service.test", open_ssl=False, retries=0)
        with environment(ALL_PROXY="socks5h://" + proxy.host):
            with filemanager.FileManager("public", "private") as files:
                self.assertEqual(200, files.head_file("space", "a")[1].status_code)
        self.assertEqual(["service.test"], [asked.name for asked in proxy.asked])


class Refusing(Socks):
    def no(self, pipes, kind, text):
        with self.assertRaises(NoAnswer) as caught:
            pipes.send(self.get())
        self.assertIs(kind, type(caught.exception), caught.exception)
        self.assertIn(text, caught.exception.message)
        self.assertFalse(caught.exception.sent)

    def test_an_account_that_is_absent_or_wrong(self):
        for scheme, account in (("socks5h", ""), ("socks5h", "other:word@"), ("socks4a", ""), ("socks4a", "other@")):
            proxy = self.server(1, account=ACCOUNT)
            self.no(self.transport(proxy="%s://%s%s" % (scheme, account, proxy.host)), ConfigurationError, "password")

    def test_each_reply(self):
        for scheme, reply, kind, text in (
            ("socks5h", 1, NoAnswer, "General SOCKS server failure"),
            ("socks5h", 2, ConfigurationError, "not allowed by ruleset"),
            ("socks5h", 3, NoAnswer, "Network unreachable"),
            ("socks5h", 4, NoAnswer, "Host unreachable"),
            ("socks5h", 5, NoAnswer, "Connection refused"),
            ("socks5h", 6, NoAnswer, "TTL expired"),
            ("socks5h", 7, ConfigurationError, "Command not supported"),
            ("socks5h", 8, ConfigurationError, "Address type not supported"),
            ("socks5h", 99, NoAnswer, "Unknown"),
            ("socks4a", 0x5B, NoAnswer, "rejected or failed"),
            ("socks4a", 0x5C, ConfigurationError, "identd"),
        ):
            proxy = self.server(1, reply=reply)
            self.no(self.transport(proxy="%s://%s" % (scheme, proxy.host)), kind, text)

    def test_what_does_not_speak_socks(self):
        for data, kind, text in (
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", ConfigurationError, "is not SOCKS"),
            (b"\x05\x09", ConfigurationError, "is not SOCKS"),
            (b"\x05", NoAnswer, "ended too early"),
        ):

            def talk(call, data=data):
                call.more()
                call.send(data)

            self.no(self.transport(proxy="socks5h://" + self.peer(talk).host), kind, text)
        self.no(self.transport(proxy="socks5h://127.0.0.1:1"), NoAnswer, "proxy")

    def test_what_pysocks_would_send_wrongly(self):
        proxy = self.server(1)
        self.no(self.transport(proxy="socks5h://u:%s@%s" % ("x" * 128, proxy.host)), ConfigurationError, "127 bytes")
        pipes = self.transport(proxy="socks5h://" + proxy.host)
        with self.assertRaises(ConfigurationError):
            pipes.send(self.get("http://%s.test" % ".".join(["a" * 60] * 3)))

    def test_a_host_that_cannot_be(self):
        for scheme in ("socks5h", "socks4a"):
            proxy = self.server(1)
            for host in ("a..test", "service.test:99999", "%s.test" % ("a" * 64)):
                with self.assertRaises(ConfigurationError) as caught:
                    self.transport(proxy="%s://%s" % (scheme, proxy.host)).send(self.get("http://" + host))
                self.assertEqual(caught.exception.cause, "address")

    def test_a_name_that_does_not_resolve_here(self):
        pipes = self.transport(proxy="socks5://" + self.server(1).host)
        with self.assertRaises(NoAnswer) as caught:
            pipes.send(self.get("http://no-such-host.invalid"))
        self.assertFalse(caught.exception.sent)


class Limits(Socks):
    def slow(self, trickle):
        """(proxy, event that lets it go): a proxy that says nothing, or one byte now and then."""
        go = threading.Event()
        self.addCleanup(go.set)
        return self.server(1, slowly=lambda call: go.wait(0.03 if trickle else 60)), go

    def test_neither_silence_nor_a_trickle_outlasts_the_limit(self):
        for trickle in (False, True):
            for connect_timeout, seconds in ((0.15, None), (60, 0.15)):
                proxy, go = self.slow(trickle)
                pipes = self.transport(60, connect_timeout=connect_timeout, proxy="socks5h://" + proxy.host)
                began = time.time()
                with self.assertRaises(NoAnswer):
                    pipes.send(self.get(), seconds=seconds)
                self.assertLess(time.time() - began, 30)
                go.set()

    def test_an_interrupt_ends_it(self):
        proxy, go = self.slow(False)
        interrupt = Interrupt()
        threading.Timer(0.05, interrupt.set).start()
        with self.assertRaises(Cancelled):
            self.transport(60, proxy="socks5h://" + proxy.host).send(self.get(), interrupt=interrupt)

    def test_no_socket_is_left(self):
        ended = threading.Event()

        def talk(call):
            call.more()
            call.send(b"\x05\xff")
            try:
                call.more()
            except EnvironmentError:
                ended.set()
                raise

        proxy = self.peer(talk)
        pipes = self.transport(proxy="socks5h://" + proxy.host)
        for _ in range(3):
            with self.assertRaises(ConfigurationError):
                pipes.send(self.get())
            self.assertTrue(ended.wait(60))
            ended.clear()
        gc.collect()


class Missing(Socks):
    def test_without_pysocks_it_says_what_to_install(self):
        kept, socks.library = socks.library, None
        try:
            self.addCleanup(config.unset_default)
            config.set_default(uploadsuffix="service.test", open_ssl=False, retries=9)
            for options in ({"proxy": "socks5://127.0.0.1:1"}, {}):
                config.set_default(**options)
                with environment(ALL_PROXY="socks4a://127.0.0.1:1"):
                    resp = filemanager.FileManager("public", "private").head_file("space", "a")[1]
                self.assertEqual(-3, resp.status_code)
                self.assertIn("pip install 'uvideo[socks]'", resp.error)
                config.unset_default("proxy")
        finally:
            socks.library = kept

    def test_a_scheme_that_is_none_is_said_at_once(self):
        with environment(ALL_PROXY="socks://us:s3cret@127.0.0.1:1"):
            with self.assertRaises(ConfigurationError) as caught:
                self.transport().send(self.get())
        self.assertIn("socks5h://", caught.exception.message)
        self.assertNotIn("s3cret", caught.exception.message)
