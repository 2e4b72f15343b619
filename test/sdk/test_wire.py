# -*- coding: utf-8 -*-
"""HTTP/1.1 as bytes: what is written cannot break out of its line, and what is read has one meaning or is refused."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.http import wire
from ucloud.uvideo.protocol.compat import native
from ucloud.uvideo.protocol.errors import InvalidArgument


def fed(data, method="GET", step=None):
    """(Answer, rest) of these bytes, given ``step`` at a time."""
    head = wire.Head(method)
    for at in range(0, len(data), step or len(data)):
        found = head.feed(data[at : at + (step or len(data))])
        if found is not None:
            return found, head.rest + data[at + (step or len(data)) :]
    return None


class Requests(unittest.TestCase):
    def test_a_head_is_these_bytes(self):
        pairs = [("Host", "h:1"), ("X-Ufile-Meta-T", native(u"片"))]
        self.assertEqual(
            wire.request_head("PUT", "/a%20b?c", pairs),
            u"PUT /a%20b?c HTTP/1.1\r\nHost: h:1\r\nX-Ufile-Meta-T: 片\r\n\r\n".encode("utf-8"),
        )

    def test_nothing_breaks_out_of_its_line(self):
        for bad in ("a\r\nX: y", "a\n", "a\r", "a\0", "\r\n\r\nGET / HTTP/1.1"):
            self.assertRaises(InvalidArgument, wire.request_head, "GET", "/", [("X", bad)])
            self.assertRaises(InvalidArgument, wire.request_head, "GET", "/" + bad, [])
            self.assertRaises(InvalidArgument, wire.request_head, "GET", "/", [(bad, "x")])
        for target in ("/a b", "/\x7f", "/" + native(u"片"), "/\t"):
            self.assertRaises(InvalidArgument, wire.request_head, "GET", target, [])
        for name in ("", "a b", "a:", " a", native(u"片")):
            self.assertRaises(InvalidArgument, wire.request_head, "GET", "/", [(name, "x")])

    def test_a_value_that_is_no_text_is_refused(self):
        if str is not bytes:
            self.assertRaises(InvalidArgument, wire.request_head, "GET", "/", [("X", u"\ud800")])


class Heads(unittest.TestCase):
    def test_a_head_comes_in_any_pieces(self):
        data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
        data += b'HTTP/1.1 206 P\r\nETag:  "e" \r\nContent-Length: 3\r\netag: second\r\n\r\nabcmore'
        for step in range(1, len(data) + 1):
            found, rest = fed(data, step=step)
            self.assertEqual((found.status, found.length, found.chunked, found.keep), (206, 3, False, True))
            self.assertEqual((found.headers.get("ETAG"), found.headers.all("etag")), ('"e"', ['"e"', "second"]))
            self.assertEqual(rest, b"abcmore")

    def test_utf_8_in_a_value_is_text_and_other_bytes_do_no_harm(self):
        found, _ = fed(u"HTTP/1.1 200 OK\r\nX: 片\r\n\r\n".encode("utf-8"))
        self.assertEqual(found.headers.get("x"), native(u"片"))
        fed(b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\n\r\n")

    def test_what_is_not_http_is_refused_as_soon_as_that_is_clear(self):
        for data in (b"SSH-2.0", b"<html>", b"HTTP/0.9 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"\0", b"HTTP/1X"):
            self.assertRaises(wire.Malformed, fed, data)
        with self.assertRaises(wire.Malformed) as caught:  # however much of it comes at once
            fed(b"SSH-2.0" * wire.HEAD_LIMIT, step=7 * wire.HEAD_LIMIT)
        self.assertIn("begin like HTTP/1", str(caught.exception))
        for line in (b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 abc", b"HTTP/1.1  200", b"HTTP/1.2 200 OK"):
            self.assertRaises(wire.Malformed, fed, line + b"\r\n\r\n")

    def test_what_cannot_become_an_answer_is_refused_before_the_head_ends(self):
        for begin in (
            b"HTTP/1.1 200 OK\n",
            b"HTTP/1.1 200 OK\r\nX: a\n",
            b"HTTP/1.1 200 OK\n\nbody",
            b"HTTP/1.1 200 OK\rX",
            b"HTTP/1.1 200 OK\r\r\n",
            b"HTTP/1.1 200 OK\r\nX: \0",
            b"HTTP/1.1 OK\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\n",
        ):
            for step in (None, 1):
                self.assertRaises(wire.Malformed, fed, begin, "GET", step)
        for begin in (b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 OK\r\n\r", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nX: y\r\n"):
            for step in (None, 1):
                self.assertIsNone(fed(begin, "GET", step))

    def test_a_folded_line_is_one_with_blanks_in_it(self):
        for lines, expected in (
            (b"X: a\r\n b", "a b"),
            (b"X: a\r\n\t \tb\r\n c", "a b c"),
            (b"X:\r\n a: b", "a: b"),
            (b"X: a\r\n \r\nY: b", "a"),
            (b"X: a\r\n  \r\n b\r\nContent-Length:\r\n 3", "a  b"),
        ):
            for step in (None, 1):
                found, rest = fed(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\nabc", "GET", step)
                self.assertEqual((found.headers.get("x"), rest), (expected, b"abc"))
                self.assertEqual(found.length, 3 if b"Content-Length" in lines else None)
        self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 200 OK\r\n X: a\r\nY: b\r\n\r\n")
        for twice in (b"Content-Length: 1\r\n 2", b"Content-Length: 1\r\nContent-Length:\r\n 2"):
            self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 200 OK\r\n" + twice + b"\r\n\r\n")

    def test_fields_that_two_readers_could_read_in_two_ways_are_refused(self):
        for lines in (
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: 1, 1",
            b"Content-Length: +1",
            b"Content-Length: -1",
            b"Content-Length: 0x10",
            b"Content-Length:",
            b"Content-Length: " + b"9" * 19,
            u"Content-Length: ²".encode("utf-8"),
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: x",
            b"X : a",
            b" X: a",
            b"no field",
            b"X: a\nY: b",
            b"X: a\rb",
            b"X: a\0b",
            b": a",
        ):
            self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n")

    def test_sizes_are_bounded(self):
        many = b"".join([b"X-%d: v\r\n" % n if str is not bytes else b"X: v\r\n" for n in range(300)])
        self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 200 OK\r\n" + many + b"\r\n")
        for long in (b"HTTP/1.1 200 OK\r\nX: " + b"v" * 70000, b"HTTP/1.1 200 OK\r\nX: " + b"v" * 70000 + b"\r\n\r\n"):
            self.assertRaises(wire.Malformed, fed, long)
            self.assertRaises(wire.Malformed, fed, long, "GET", 9999)
        self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 100 Continue\r\n\r\n" * 20)
        self.assertRaises(wire.Malformed, fed, b"HTTP/1.1 101 Switching\r\n\r\n")

    def test_how_a_body_ends(self):
        for method, status, lines, expected in (
            ("GET", 200, "Content-Length: 5", (5, False, True)),
            ("GET", 200, "Content-Length: 5\r\nContent-Length: 5", (5, False, True)),
            ("GET", 200, "Transfer-Encoding: Chunked", (None, True, True)),
            ("GET", 200, "Transfer-Encoding: chunked\r\nContent-Length: 5", (None, True, False)),
            ("GET", 200, "X: y", (None, False, False)),
            ("HEAD", 200, "Content-Length: 5", (0, False, True)),
            ("HEAD", 200, "X: y", (0, False, True)),
            ("GET", 204, "Content-Length: x", (0, False, True)),
            ("GET", 304, "Content-Length: 5", (0, False, True)),
            ("GET", 200, "Content-Length: 5\r\nConnection: Close", (5, False, False)),
            ("GET", 200, "Content-Length: 5\r\nConnection: keep-alive\r\nConnection: X, Close", (5, False, False)),
        ):
            data = "HTTP/1.1 %d X\r\n%s\r\n\r\n" % (status, lines)
            found, _ = fed(data.encode("ascii"), method)
            self.assertEqual((found.length, found.chunked, found.keep), expected, data)

    def test_http_1_0_keeps_a_connection_only_when_it_says_so(self):
        for line, keep in (("X: y", False), ("Connection: keep-alive", True), ("Connection: close", False)):
            found, _ = fed(("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n%s\r\n\r\n" % line).encode("ascii"))
            self.assertEqual(found.keep, keep)


class Chunked(unittest.TestCase):
    def test_chunks_come_in_any_pieces(self):
        data = b"4;x=y\r\nWiki\r\n00A \r\n0123456789\r\n1\r\n\n\r\n000\r\nTrailer: t\r\n\r\nmore"
        for step in range(1, len(data) + 1):
            chunks = wire.Chunks()
            body = b"".join([chunks.feed(data[at : at + step]) for at in range(0, len(data), step)])
            self.assertEqual((body, chunks.ended, chunks.rest), (b"Wiki0123456789\n", True, b"more"))

    def test_what_is_written_is_read(self):
        pieces = [b"a", b"b" * 70000, b"\r\n0\r\n\r\n"]
        sent = b"".join([before + piece + after for piece in pieces for before, after in [wire.chunk(piece)]])
        chunks = wire.Chunks()
        self.assertEqual(chunks.feed(sent + wire.LAST_CHUNK), b"".join(pieces))
        self.assertTrue(chunks.ended and not chunks.rest)

    def test_chunks_that_two_readers_could_read_in_two_ways_are_refused(self):
        for data in (
            b"x\r\n", b"\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1\nab", b"1\r\nab\r\n", b"1\r\na\n", b"1 1\r\n",
            b"1" * 16 + b"\r\n", b"1" * 5000, b"1;" + b"x" * 5000 + b"\r\n", b"1\r\r\n", b"1\r\na1\r\n",
        ):
            self.assertRaises(wire.Malformed, wire.Chunks().feed, data)
        self.assertRaises(wire.Malformed, wire.Chunks().feed, b"0\r\n" + b"X: y\r\n" * 20000)
