# -*- coding: utf-8 -*-
"""Copies, names, states and tags on the wire: what real clients send, and what is a BadRequest."""

from __future__ import absolute_import, division, print_function

import json
import unittest

from test.protocol.samples import ETAG, UFILE, UVIDEO
from ucloud.uvideo.protocol import answer, dialect, errors, operation, restore
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import PY2, native, to_bytes
from ucloud.uvideo.protocol.errors import BadRequest, CopyRangeInvalid
from ucloud.uvideo.protocol.message import Headers, Response


def wired(method, target, headers=(), body=b""):
    """The operation of a request to the space ``space``, verbatim kept."""
    target = dialect.parse_target(target)
    found = Headers([(name, native(value)) for name, value in headers])
    key = dialect.key_of(dialect.Address(u"space", target.path[1:], False))
    query = dialect.parameters(target.query)
    return dialect.decode(dialect.route(method, key, query, found), u"space", key, query, found, body)


def copied(source, *more):
    return wired("PUT", "/k", [("X-Ufile-Copy-Source", source)] + list(more))


class Sources(unittest.TestCase):
    def test_every_spelling_that_clients_use(self):
        film = u"\u89c6\u9891/a b.mp4"
        for source, key, verbatim in (
            ("/src/%E8%A7%86%E9%A2%91/a%20b.mp4", film, u"%E8%A7%86%E9%A2%91/a%20b.mp4"),  # Python
            ("/src/%E8%A7%86%E9%A2%91%2Fa%20b.mp4", film, u"%E8%A7%86%E9%A2%91%2Fa%20b.mp4"),  # Java
            (u"/src/\u89c6\u9891/a b.mp4", film, None),  # Go
            (u"/src/\u89c6\u9891/a%20b.mp4", film, u"\u89c6\u9891/a%20b.mp4"),
            ("/src/100%.txt", u"100%.txt", None),
            ("/src/100%25.txt", u"100%.txt", u"100%25.txt"),
            ("/src/a+b", u"a+b", None),
            ("/src//a", u"/a", None),
            ("src/a", u"a", None),
            (" /src/a ", u"a", None),
        ):
            op = copied(source)
            self.assertEqual((u"src", key, verbatim), (op.source_space, op.source_key, op.verbatim))

    def test_no_source(self):
        for source in ("", "/", "/src", "/src/", "//k", "/%ff/k", "/src/" + ("\xff" if PY2 else "\udcff")):
            if source or PY2:
                self.assertRaises(BadRequest, copied, source)

    def test_what_is_sent(self):
        op = operation.CopyObject(u"space", u"k", u"src", u"\u89c6/a b+%.mp4")
        for suffix, target in ((UFILE, "/k"), (UVIDEO, "/uvideoUploads/k")):
            request = dialect.encode(op, suffix)
            self.assertEqual(("PUT", target), (request.method, request.target))
            self.assertEqual("/src/%E8%A7%86/a%20b+%25.mp4", request.headers.get("X-Ufile-Copy-Source"))

    def test_directives(self):
        self.assertRaises(BadRequest, copied, "/a/b", ("X-Ufile-Metadata-Directive", "UNCHANGED"))
        op = copied("/a/b", ("X-Ufile-Metadata-Directive", "REPLACE"), ("x-ufile-meta-A", "1"), ("Content-Type", "t/x"))
        self.assertEqual((u"REPLACE", ((u"a", u"1"),), u"t/x"), (op.directive, op.metadata, op.mime))

    def test_ranges(self):
        def ranged(value):
            headers = [("X-Ufile-Copy-Source", "/a/b"), ("X-Ufile-Copy-Source-Range", value)]
            return wired("PUT", "/k?uploadId=u&partNumber=3", headers)

        self.assertEqual(ByteRange(0, 0), ranged("bytes=0-0").range)
        self.assertEqual(ByteRange(5, 4194308), ranged("Bytes=5-4194308").range)
        for value in ("", "0-5", "bytes=5-4", "bytes=-5", "bytes=5-", "bytes=0-1,3-4", "bytes=a-b", "bytes=0--1"):
            self.assertRaises(CopyRangeInvalid, ranged, value)


class Documents(unittest.TestCase):
    def test_mime(self):
        def meta(document):
            body = document if isinstance(document, bytes) else to_bytes(json.dumps(document))
            return wired("POST", "/k?opmeta", (), body)

        good = {"op": "set", "metak": "mimetype", "metav": "text/x-foo"}
        self.assertEqual(operation.SetMime(u"space", u"k", u"text/x-foo"), meta(good))
        for change in (
            {"op": "get"},
            {"op": None},
            {"metak": "size"},
            {"metav": ""},
            {"metav": " "},
            {"metav": 5},
            {"metav": None},
            {"metav": "a\r\nX: y"},
            {"metav": "a\tb"},
            {"metav": u"\ud800"},
            {"metav": "x" * 1025},
        ):
            self.assertRaises(BadRequest, meta, dict(good, **change))
        for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100000, b"{}"):
            self.assertRaises(BadRequest, meta, body)

    def test_tags(self):
        def put(tags):
            body = tags if isinstance(tags, bytes) else to_bytes(json.dumps({"Tags": tags}))
            return wired("PUT", "/k?tagging", (), body)

        def tag(key=u"k", value=u"v"):
            return {"Key": key, "Value": value}

        self.assertEqual(((u"k", u"v"), (u"K 1", u"")), put([tag(), tag(u"K 1", u"")]).tags)
        self.assertEqual((u"x" * 128, u"+-=._:/@" * 32), put([tag(u"x" * 128, u"+-=._:/@" * 32)]).tags[0])
        self.assertEqual(10, len(put([tag(u"%d" % number) for number in range(10)]).tags))
        for wrong in (
            [tag(u"%d" % number) for number in range(11)],
            [tag(u"x" * 129)],
            [tag(value=u"x" * 257)],
            [tag(u"")],
            [tag(u"a,b")],
            [tag(value=u"<")],
            [tag(u"a\n")],
            [tag(u"a"), tag(u"a")],
            [tag(5)],
            [tag(value=None)],
            [{"Key": "a"}],
            [{"Value": "a"}],
            ["a"],
            None,
            {},
            5,
        ):
            self.assertRaises(BadRequest, put, wrong)
        for body in (b"", b"{", b"[]", b"{}", b"\xff"):
            self.assertRaises(BadRequest, put, body)

    def test_headers_that_must_be_known(self):
        self.assertRaises(BadRequest, wired, "PUT", "/k?acl")
        self.assertRaises(BadRequest, wired, "PUT", "/k?acl", [("x-ufile-object-acl", "public-read-write")])
        self.assertRaises(BadRequest, wired, "PUT", "/k", [("x-ufile-object-acl", "private")])
        self.assertRaises(BadRequest, wired, "PUT", "/k?restore", [("Tier", "Bulk")])
        self.assertEqual(u"public-read", wired("PUT", "/k", [("X-Ufile-Object-Acl", "public-read")]).acl)
        self.assertIsNone(wired("PUT", "/k?restore", [("Tier", "")]).tier)


class Hits(unittest.TestCase):
    def test_etags_with_and_without_quotes(self):
        for given in (ETAG, "%22" + ETAG + "%22"):
            op = wired("POST", "/uploadhit?Hash=" + native(given) + "&FileName=d/b.txt&FileSize=11")
            self.assertEqual(operation.UploadHit(u"space", u"d/b.txt", ETAG, 11), op)


class Answers(unittest.TestCase):
    def test_restores(self):
        for given, parsed in (
            (restore.build(1893450000), (False, 1893450000)),
            (u'ongoing-request="true"', (True, None)),
            (u'ongoing-request="false"', (False, None)),
            (u'ongoing-request="false", expiry-date="x"', (False, None)),
            (u"x", None),
            (u"", None),
            (None, None),
        ):
            self.assertEqual(parsed, restore.parse(given))
        self.assertEqual(
            u'ongoing-request="false", expiry-date="Mon, 01 Jan 2029 00:00:00 GMT"', restore.build(1861920000)
        )

    def test_odd_answers(self):
        for op, body in (
            (operation.GetTags(u"s", u"k"), b""),
            (operation.GetTags(u"s", u"k"), b"{}"),
            (operation.GetTags(u"s", u"k"), b'{"Tags":[{"Key":"a"}]}'),
            (operation.GetTags(u"s", u"k"), b'{"Tags":[{"Key":"a","Value":"\\ud800"}]}'),
            (operation.GetAcl(u"s", u"k"), b"{}"),
            (operation.GetAcl(u"s", u"k"), b'{"AccessControlList":[]}'),
            (operation.GetAcl(u"s", u"k"), b'{"AccessControlList":{"Grant":5}}'),
            (operation.CopyPart(u"s", u"k", u"u", 0, u"a", u"b"), b"{}"),
        ):
            self.assertRaises(errors.BadAnswer, answer.decode, op, Response(200, Headers(), body))
        op = operation.CopyPart(u"s", u"k", u"u", 0, u"a", u"b")
        self.assertEqual(
            operation.CopiedPart(0, u"e", None, None, None),
            answer.decode(op, Response(200, Headers([("ETag", '"e"')]), b"")),
        )


if __name__ == "__main__":
    unittest.main()
