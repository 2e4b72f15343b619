# -*- coding: utf-8 -*-
"""Copies: the spellings of a source that real clients send, and what is a BadRequest."""

from __future__ import absolute_import, division, print_function

import unittest

from test.protocol.samples import UFILE, UVIDEO
from ucloud.uvideo.protocol import dialect, location, operation
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import PY2, native
from ucloud.uvideo.protocol.errors import BadRequest, CopyRangeInvalid
from ucloud.uvideo.protocol.message import Headers


def wired(method, target, headers=(), body=b""):
    """The operation of a request to the space ``space``, verbatim kept."""
    target = location.parse_target(target)
    found = Headers([(name, native(value)) for name, value in headers])
    key = location.key_of(location.Address(u"space", target.path[1:], False))
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


if __name__ == "__main__":
    unittest.main()
