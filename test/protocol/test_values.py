# -*- coding: utf-8 -*-
"""Etags, byte ranges, uploads, providers, headers: each rule in a table."""

from __future__ import absolute_import, division, print_function

import hashlib
import json
import pickle
import unittest

from test.protocol.samples import EMOJI, ETAGS, FILM, OPERATIONS, RESULTS, VECTORS
from ucloud.uvideo.protocol import byterange, etag, provider, upload
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import to_text
from ucloud.uvideo.protocol.errors import IntegrityError, InvalidArgument, InvalidRange
from ucloud.uvideo.protocol.message import Headers, Slice
from ucloud.uvideo.protocol.operation import Part

CYCLE = bytes(bytearray(range(251)))


def pattern(size):
    return (CYCLE * (size // 251 + 1))[:size]


class Etags(unittest.TestCase):
    def test_the_vectors_fed_in_odd_pieces(self):
        for vector in VECTORS["etags"]:
            data = pattern(vector["size"])
            for step in (len(data) or 1, etag.BLOCK, etag.BLOCK - 1, 1000003):
                tree, position = etag.Etag(), 0
                while position < len(data):
                    tree.update(data[position : position + step])
                    position += step
                self.assertEqual(vector["etag"], tree.value())
                self.assertEqual(vector["etag"], tree.value())  # asking changes nothing
                self.assertEqual(vector["size"], tree.size)

    def test_the_vectors_from_their_parts(self):
        for vector in VECTORS["etags"]:
            data = pattern(vector["size"])
            starts = range(0, len(data), etag.BLOCK)
            digests = [hashlib.sha1(data[start : start + etag.BLOCK]).digest() for start in starts]
            self.assertEqual(vector["part_etags"], [etag.part_etag(digest) for digest in digests])
            self.assertEqual(digests, [etag.part_digest(value) for value in vector["part_etags"]])
            self.assertEqual(vector["etag"], etag.from_digests(digests))
            for digest in digests:
                self.assertIs(True, etag.agrees(etag.part_etag(digest), digest))
                self.assertIs(True, etag.agrees(etag.from_digests([digest]), digest))

    def test_small_pieces_and_other_buffers(self):
        for pieces in ([b"hello", b" ", b"", b"world"], [bytearray(b"hello "), memoryview(b"world")]):
            tree = etag.Etag()
            for piece in pieces:
                tree.update(piece)
            self.assertEqual("AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt", tree.value())
        whole, parts = etag.Etag(), etag.Etag()
        data = bytearray(pattern(2 * etag.BLOCK + 5))
        whole.update(data)
        for piece in (data[:7], memoryview(data)[7 : etag.BLOCK], memoryview(data)[etag.BLOCK :]):
            parts.update(piece)
        self.assertEqual(whole.value(), parts.value())

    def test_forms(self):
        for vector in VECTORS["etags"]:
            for name in ("etag", "etag_python_sdk", "etag_go_sdk", "etag_java_sdk"):
                self.assertTrue(etag.is_etag(vector[name]))
                self.assertTrue(etag.same(vector["etag"], vector[name], vector["size"]))
        self.assertFalse(etag.same("AAAAAA==", etag.EMPTY[0], 1))
        self.assertFalse(etag.same("a", "b", 0))
        for value in ("", "5d41402abc4b2a76b9719d911017c592x", "A" * 31, "A" * 33, u"\u89c6" * 32, "!" * 32, None, 5):
            self.assertFalse(etag.is_etag(value))
        wrong = ("", "x", None, 5, u"\u89c6", "A" * 32, "!qZk-NkcGgWq6PiVxeFDCbJzQ2J0=", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")
        for value in wrong + ("qZk-NkcGgWq6PiVxeFDCbJzQ2J1=",):  # the last one's spare bits are set
            self.assertRaises(ValueError, etag.part_digest, value)

    def test_what_a_service_says_of_a_block(self):
        digest = hashlib.sha1(b"abc").digest()
        self.assertEqual("qZk-NkcGgWq6PiVxeFDCbJzQ2J0=", etag.part_etag(digest))
        self.assertIs(False, etag.agrees(ETAGS[0], digest))
        for value in ("opaque", u"\u89c6", u"\ud800", "", "a-b", None):
            self.assertIs(None, etag.agrees(value, digest))


class Ranges(unittest.TestCase):
    def test_headers(self):
        for value, wanted in (
            ("bytes=0-4", ByteRange(0, 4)),
            ("bytes=5-", ByteRange(5, None)),
            ("bytes=-5", ByteRange(None, 5)),
            ("bytes=0-0", ByteRange(0, 0)),
            (" Bytes= 0-4 ", ByteRange(0, 4)),
            ("bytes=-0", ByteRange(None, 0)),
        ):
            self.assertEqual(wanted, byterange.parse(value))
            self.assertEqual(wanted, byterange.parse(byterange.build(wanted)))

    def test_headers_that_are_ignored(self):
        for value in (
            None,
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-3",
            "bytes=0-1,3-4",
            "bytes=a-b",
            "bytes=1.5-2",
            "items=0-1",
            "bytes=--5",
            "bytes=+1-2",
            "bytes=0-1;",
            u"bytes=0-\u0661",
            "bytes=" + "9" * 9999 + "-",
            "bytes=" + " " * 99999,
        ):
            self.assertIsNone(byterange.parse(value))

    def test_within_a_size(self):
        for wanted, size, found in (
            ((0, 4), 10, (0, 5)),
            ((0, 99), 10, (0, 10)),
            ((9, None), 10, (9, 1)),
            ((None, 3), 10, (7, 3)),
            ((None, 99), 10, (0, 10)),
            ((0, None), 0, None),
            ((None, 5), 0, None),
        ):
            self.assertEqual(found, byterange.resolve(ByteRange(*wanted), size))
        for wanted, size in (((10, None), 10), ((10, 12), 10), ((None, 0), 10), ((0, 0), 0), ((None, 0), 0)):
            self.assertRaises(InvalidRange, byterange.resolve, ByteRange(*wanted), size)

    def test_content_range(self):
        self.assertEqual("bytes 2-4/11", byterange.build_content(2, 3, 11))
        self.assertEqual((2, 4, 11), byterange.parse_content("bytes 2-4/11"))
        self.assertEqual((2, 4, None), byterange.parse_content("Bytes 2-4/* "))
        for value in (None, "", "bytes */11", "bytes 4-2/11", "bytes 0-11/11", "bytes 0-1", "0-1/2", "bytes a-b/c"):
            self.assertIsNone(byterange.parse_content(value))

    def test_an_answer_with_another_range(self):
        for wanted, span, size, said in (
            ((2, 4), (2, 3), 11, None),
            ((2, 4), (3, 3), 11, u"bytes 2-4 were requested, but 3-5 were sent"),
            ((9, None), (0, 4), 4, u"bytes 9- were requested, but 0-3 were sent"),
            ((2, 4), None, 11, u"the service sent the whole object although a range was requested"),
        ):
            self.assertEqual(said, byterange.mismatch(ByteRange(*wanted), span, size))
        self.assertEqual(u"bytes all were requested, but 3-5 were sent", byterange.mismatch(None, (3, 3), 11))


def digest_of(part):
    return hashlib.sha1(str(part).encode("ascii")).digest()


def begun(size=25, acknowledged=(), block=10):
    found = upload.Upload(u"space", FILM, u"id", block, size, u"video/mp4", {u"mtime": 1.5, u"path": EMOJI})
    for part in acknowledged:
        found.acknowledge(part, digest_of(part))
    return found


class Uploads(unittest.TestCase):
    def fields(self, found):
        names = ("space", "key", "upload_id", "block_size", "size", "mime", "source", "digests")
        return [getattr(found, name) for name in names]

    def test_parts_and_slices(self):
        for size, slices in (
            (0, []),
            (1, [(0, 1)]),
            (10, [(0, 10)]),
            (11, [(0, 10), (10, 1)]),
            (25, [(0, 10), (10, 10), (20, 5)]),
        ):
            found = begun(size)
            self.assertEqual(list(enumerate(slices)), list(found.pending()))
            self.assertEqual(len(slices), found.parts())
            for part, piece in list(found.pending()):
                self.assertIsInstance(piece, Slice)
                self.assertFalse(found.complete())
                found.acknowledge(part, digest_of(part))
                self.assertEqual(sum(length for _, length in slices[: part + 1]), found.sent())
            self.assertTrue(found.complete())
            self.assertEqual([], list(found.pending()))
            self.assertEqual(len(slices), len(found.part_etags()))

    def test_any_order(self):
        found = begun(25, [2])
        self.assertEqual([(0, (0, 10)), (1, (10, 10))], list(found.pending()))
        self.assertEqual(5, found.sent())
        found.acknowledge(0, digest_of(0))
        self.assertEqual([(1, (10, 10))], list(found.pending()))
        self.assertEqual(15, found.sent())
        found.acknowledge(1, digest_of(1))
        self.assertEqual(tuple(etag.part_etag(digest_of(part)) for part in range(3)), found.part_etags())

    def test_a_stream(self):
        found = begun(None, [0, 1])
        self.assertEqual((None, 20, False), (found.parts(), found.sent(), found.complete()))
        self.assertEqual(Slice(20, 10), found.slice(2))
        found.size = 15
        self.assertEqual((2, 15, True), (found.parts(), found.sent(), found.complete()))

    def test_the_etag_it_must_have(self):
        for vector in VECTORS["etags"]:
            found = begun(vector["size"], block=etag.BLOCK)
            for part, value in enumerate(vector["part_etags"]):
                found.acknowledge(part, etag.part_digest(value))
            self.assertEqual(vector["etag"], found.etag())
            self.assertEqual(tuple(vector["part_etags"]), found.part_etags())
        self.assertIsNone(begun(25, range(3)).etag())
        self.assertEqual(etag.from_digests([digest_of(0)]), begun(5, [0]).etag())
        self.assertEqual(etag.from_digests([digest_of(0)]), begun(5, [0], etag.BLOCK * 2).etag())

    def test_what_the_service_calls_a_part(self):
        found = begun(5)
        found.acknowledge(0, digest_of(0), etag.from_digests([digest_of(0)]))
        self.assertEqual((etag.from_digests([digest_of(0)]),), found.part_etags())
        found.acknowledge(0, digest_of(0), etag.part_etag(digest_of(0)))
        self.assertEqual((etag.part_etag(digest_of(0)),), found.part_etags())
        found.acknowledge(0, digest_of(0), u"opaque \u89c6")
        self.assertEqual((u"opaque \u89c6",), found.part_etags())
        self.assertEqual((u"opaque \u89c6",), upload.read("\n".join(found.lines() + [""])).part_etags())
        found.acknowledge(0, digest_of(0))
        self.assertEqual((etag.part_etag(digest_of(0)),), found.part_etags())
        self.assertRaises(IntegrityError, found.acknowledge, 0, digest_of(0), ETAGS[0])

    def test_the_record_comes_back(self):
        for size, parts in ((25, []), (25, [2, 0]), (None, [0, 1, 7]), (0, [])):
            found = begun(size, parts)
            lines = found.lines()
            self.assertEqual(1 + len(parts), len(lines))
            for line in lines:
                self.assertIs(str, type(line))
                self.assertNotIn("\n", line)
            text = "".join([line + "\n" for line in lines])
            for form in (text, to_text(text), text.encode("ascii"), to_text(text).replace(u"\n", u"\r\n")):
                self.assertEqual(self.fields(found), self.fields(upload.read(form)))

    def test_a_cut_record(self):
        whole = "".join([line + "\n" for line in begun(25, [0, 1]).lines()])
        head = whole.index("\n")
        second = whole.index("\n", head + 1)
        for length in range(len(whole) + 1):
            if length < head:
                self.assertRaises(InvalidArgument, upload.read, whole[:length])
            else:
                known = 0 if length <= second else 1 if length < len(whole) else 2
                self.assertEqual(list(range(known)), sorted(upload.read(whole[:length]).digests))
        self.assertEqual([0, 1], sorted(upload.read(whole.encode("ascii") + b'{"part": 2, "x": "\xe8').digests))

    def test_damaged_lines_are_left_out(self):
        good = begun(25, [0]).lines()
        sha1 = etag.part_etag(digest_of(1))
        for line in (
            "",
            "null",
            "[]",
            "5",
            "{}",
            '{"part": 1}',
            '{"part": 1, "sha1": "x"}',
            '{"part": 1, "sha1": 5}',
            '{"part": -1, "sha1": "%s"}' % sha1,
            '{"part": 3, "sha1": "%s"}' % sha1,
            '{"part": 1.0, "sha1": "%s"}' % sha1,
            '{"part": "1", "sha1": "%s"}' % sha1,
            '{"part": true, "sha1": "%s"}' % sha1,
            '{"part": Infinity, "sha1": "%s"}' % sha1,
            '{"part": 1, "sha1": "%s", "etag": 5}' % sha1,
            '{"part": 1, "sha1": "%s", "etag": "%s"}' % (sha1, ETAGS[0]),
            '{"part": 1, "x{"part": 1, "sha1": "%s"}' % sha1,
            "[" * 100000,
        ):
            found = upload.read("\n".join(good + [line, ""]))
            self.assertEqual([0], sorted(found.digests), line[:80])

    def test_what_is_no_record(self):
        fields = json.loads(begun().header_line())
        for name, value in (
            ("uvideo-upload", 2),
            ("space", None),
            ("key", 5),
            ("upload_id", []),
            ("block_size", 0),
            ("block_size", "10"),
            ("block_size", 1.5),
            ("block_size", True),
            ("size", -1),
            ("size", "25"),
            ("size", 2.5),
            ("mime", 5),
        ):
            self.assertRaises(InvalidArgument, upload.read, json.dumps(dict(fields, **{name: value})) + "\n")
        for name in fields:
            less = dict((key, value) for key, value in fields.items() if key != name)
            self.assertRaises(InvalidArgument, upload.read, json.dumps(less) + "\n")
        for text in (b"\xff\n", b"\xff", "", "\n", "{}", "[]", "null", "5", "x", "[" * 100000, '"uvideo-upload"'):
            self.assertRaises(InvalidArgument, upload.read, text)

    def test_matching_the_services_list(self):
        asked = []

        def ask(part, piece):
            asked.append((part, piece))
            return digest_of(part)

        def part(number):
            return Part(number, etag.part_etag(digest_of(number)), 10, None)

        found = begun(25, [0, 1])
        upload.match(found, [part(0), part(2)], ask)
        self.assertEqual([(2, Slice(20, 5))], asked)  # part 0 was known
        self.assertEqual([1], [number for number, _ in found.pending()])  # the service lost it
        found = begun(25)
        self.assertRaises(IntegrityError, upload.match, found, [Part(0, ETAGS[0], 10, None)], ask)
        self.assertRaises(IntegrityError, upload.match, begun(25), [part(3)], ask)
        stream = begun(None, [0])
        upload.match(stream, [part(0), part(1)], ask)
        self.assertEqual((1, Slice(10, 10)), asked[-1])
        self.assertEqual([0, 1], sorted(stream.digests))
        upload.match(stream, [], ask)
        self.assertEqual({}, stream.digests)

    def test_many_parts_take_no_time(self):
        found = begun(10**7, block=1 << 6)  # sent() is asked for after each part
        for part, _ in found.pending():
            found.acknowledge(part, b"x")
            found.sent()
        self.assertEqual(10**7, found.sent())


class Providers(unittest.TestCase):
    def test_suffixes(self):
        for value, scheme, host, shared, origin in (
            (".cn-bj.ufileos.com", "https", ".cn-bj.ufileos.com", False, "https://sp.cn-bj.ufileos.com"),
            (".CN-BJ.UFILEOS.COM", "https", ".CN-BJ.UFILEOS.COM", False, "https://sp.CN-BJ.UFILEOS.COM"),
            (".ufile.ucloud.cn", "http", ".ufile.ucloud.cn", False, "http://sp.ufile.ucloud.cn"),
            ("uploadvideo.ucloud.cn", "http", "uploadvideo.ucloud.cn", True, "http://uploadvideo.ucloud.cn"),
            (u"127.0.0.1:9000", "http", "127.0.0.1:9000", True, "http://127.0.0.1:9000"),
            ("[::1]:9000", "http", "[::1]:9000", True, "http://[::1]:9000"),
            ("https://a_b.example.com:8443/", "https", "a_b.example.com:8443", True, "https://a_b.example.com:8443"),
            ("http://.localhost:9000", "http", ".localhost:9000", False, "http://sp.localhost:9000"),
            ("https://api.ucloud.cn", "https", "api.ucloud.cn", True, "https://api.ucloud.cn"),
        ):
            found = provider.parse_suffix(value)
            self.assertEqual((scheme, host, shared), tuple(found))
            self.assertEqual(origin, found.origin("sp"))
            self.assertIs(str, type(found.host))

    def test_what_is_no_suffix(self):
        for value in (
            "",
            ".",
            "a b",
            "a/b",
            "ftp://a",
            "HTTP://a",
            "://a",
            "http://",
            "user@host",
            "host:",
            "host:x",
            "host:123456",
            u"host:\u0661",
            u"\u89c6.com",
            u"\ud800",
            "-a",
            "a?b",
            "a\r\nb",
            "a\n",
            "[::1",
            None,
            5,
            [],
        ):
            with self.assertRaises(InvalidArgument) as caught:
                provider.parse_suffix(value, "uploadsuffix")
            self.assertIn(u"uploadsuffix", caught.exception.message)

    def test_a_password_in_what_is_no_suffix_is_not_repeated(self):
        with self.assertRaises(InvalidArgument) as caught:
            provider.parse_suffix("http://user:s3cret@files.example.com", "uploadsuffix")
        self.assertNotIn(u"s3cret", caught.exception.message)
        self.assertIn(u"files.example.com", caught.exception.message)

    def test_loopback(self):
        local = ("127.0.0.1", "127.9.9.9:1", "[::1]:9000", "localhost", "LOCALHOST:1", "a.localhost", ".localhost:1")
        for host in local:
            self.assertTrue(provider.is_loopback(host))
        for host in ("128.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "notlocalhost", "[::2]", "", "1"):
            self.assertFalse(provider.is_loopback(host))

    def test_the_providers(self):
        self.assertEqual(["auto-ai", "local", "ucloud", "us3"], sorted(provider.PROVIDERS))
        for name, found in provider.PROVIDERS.items():
            self.assertEqual(name, found.name)
            self.assertIn(found.word, ("UCloud", "AutoAI"))
            shared = provider.parse_suffix(found.upload.replace("{region}", found.region)).shared
            self.assertEqual(name != "us3", shared)
            provider.parse_suffix(found.download.replace("{region}", found.region))


class Messages(unittest.TestCase):
    def test_headers(self):
        found = Headers([("A", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual(("1", None, "x"), (found.get("a"), found.get("c"), found.get("c", "x")))
        self.assertEqual((["1", "3"], []), (found.all("A"), found.all("c")))
        found.add("C", "4")
        self.assertEqual(("4", 4), (found.get("c"), len(found)))
        self.assertEqual([("A", "1"), ("b", "2"), ("a", "3"), ("C", "4")], list(found))
        self.assertEqual(found, Headers(list(found)))
        self.assertNotEqual(found, Headers())
        self.assertRaises(TypeError, hash, found)
        self.assertEqual("Headers(A, C, a, b)", repr(found))

    def test_values_can_be_pickled(self):
        for value in OPERATIONS + tuple(result for _, result in RESULTS):
            again = pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
            self.assertEqual(value, again)
            self.assertIs(type(value), type(again))


if __name__ == "__main__":
    unittest.main()
