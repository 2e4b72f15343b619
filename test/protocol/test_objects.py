# -*- coding: utf-8 -*-
"""Whole objects: the headers of requests and responses, as real clients send them, and wrong ones."""

from __future__ import absolute_import, division, print_function

import json
import unittest

from test.protocol.samples import EMOJI, ETAG, FILM, INFO, RESULTS, TIME, wired
from ucloud.uvideo.protocol import dates, dialect, errors, operation
from ucloud.uvideo.protocol.compat import PY2, native
from ucloud.uvideo.protocol.errors import BadRequest, TooLarge
from ucloud.uvideo.protocol.message import Headers, Response

GET = operation.GetObject(u"space", FILM)


class Requests(unittest.TestCase):
    def test_headers(self):
        op = wired(
            "PUT",
            "/k",
            [
                ("content-type", " video/mp4 "),
                ("content-md5", " 5EB63BBBE01EEED093CB22BB8F5ACDC3 "),
                ("x-ufile-meta-B", "1"),
                ("X-UFILE-META-a", native(EMOJI)),
                ("x-ufile-storage-class", "IA"),
                ("expires", "never"),
                ("x-other", "1"),
            ],
        )
        expected = operation.PutObject(
            u"space",
            u"k",
            u"video/mp4",
            u"5eb63bbbe01eeed093cb22bb8f5acdc3",
            u"IA",
            ((u"a", EMOJI), (u"b", u"1")),
            (("Expires", u"never"),),
        )
        self.assertEqual(expected, op)
        self.assertEqual(operation.PutObject(u"space", u"k"), wired("PUT", "/k", [("Content-Type", " ")]))

    def test_the_two_spellings_of_an_md5(self):
        for value in ("5EB63BBBE01EEED093CB22BB8F5ACDC3", " XrY7u+Ae7tCTyyK7j1rNww== "):
            found = wired("PUT", "/k", [("Content-MD5", value)])
            self.assertEqual(u"5eb63bbbe01eeed093cb22bb8f5acdc3", found.md5)
        for value in ("5eb63bbbe01eeed093cb22bb8f5acdc3", "abc"):
            self.assertEqual(value, wired("PUT", "/k?uploadId=u&partNumber=0", [("Content-MD5", value)]).md5)

    def test_wrong_headers(self):
        odd = "\xff" if PY2 else "\udcff"
        for pair in (
            ("Content-MD5", "abc"),
            ("Content-MD5", "XrY7u-Ae7tCTyyK7j1rNww=="),
            ("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww"),
            ("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNwx=="),
            ("Content-MD5", "XrY7u+Ae7tCTyyK7j1rN"),
            ("X-Ufile-Storage-Class", "GLACIER"),
            ("X-Ufile-Meta-", "x"),
            ("X-Ufile-Meta-a_b", "x"),
            ("X-Ufile-Meta-a", odd),
            ("X-Ufile-Meta-a", " x"),
            ("X-Ufile-Meta-a", "x\t"),
            ("Content-Type", odd),
            ("Content-Type", "text/html\r\nX: y"),
            ("Cache-Control", odd),
        ):
            self.assertRaises(BadRequest, wired, "PUT", "/k", [pair])
        self.assertRaises(BadRequest, wired, "GET", "/k", [("If-Match", odd)])
        self.assertRaises(TooLarge, wired, "PUT", "/k", [("X-Ufile-Meta-a", "x" * 8192)])
        self.assertEqual(1, len(wired("PUT", "/k", [("X-Ufile-Meta-a", "x" * 8191)]).metadata))
        self.assertRaises(BadRequest, wired, "POST", "/k?uploadId=u", [("X-Ufile-Metadata-Directive", "COPY")])
        self.assertRaises(BadRequest, wired, "GET", "/?listobjects&delimiter=x")

    def test_a_wrong_range_is_ignored(self):
        for value in ("bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=-", "", "bytes=a-b"):
            self.assertIsNone(wired("GET", "/k", [("Range", value)]).range)

    def test_etags_with_and_without_quotes(self):
        for given in (ETAG, "%22" + ETAG + "%22"):
            op = wired("POST", "/uploadhit?Hash=" + native(given) + "&FileName=d/b.txt&FileSize=11")
            self.assertEqual(operation.UploadHit(u"space", u"d/b.txt", ETAG, 11), op)


class Responses(unittest.TestCase):
    def test_what_real_clients_need(self):
        response = dialect.encode_result(GET, INFO._replace(span=(2, 3)))
        self.assertEqual(206, response.status)
        self.assertEqual('"%s"' % ETAG, response.headers.get("ETag"))
        self.assertEqual("bytes 2-4/11", response.headers.get("Content-Range"))
        self.assertEqual("3", response.headers.get("Content-Length"))
        self.assertIn("X-Ufile-Meta-Author-Name", dict(response.headers))  # Java minds the case
        self.assertEqual(TIME, dates.parse_date(response.headers.get("Last-Modified")))
        page = [(op, result) for op, result in RESULTS if isinstance(result, operation.ObjectPage)][0]
        said = json.loads(dialect.encode_result(*page).body.decode("ascii"))
        self.assertEqual((u"100", u"1099511627776"), (said["MaxKeys"], said["Contents"][0]["Size"]))
        files = [(op, result) for op, result in RESULTS if isinstance(result, operation.FilePage)][0]
        entry = json.loads(dialect.encode_result(*files).body.decode("ascii"))["DataSet"][0]
        self.assertEqual((FILM, FILM, 11), (entry["FileName"], entry["ObjectName"], entry["Size"]))

    def test_an_object_that_was_stored_encoded_comes_as_it_was_stored(self):
        info = INFO._replace(headers=((u"Content-Encoding", u"gzip"),))
        for each in (info, info._replace(span=(2, 3))):
            self.assertEqual(each, dialect.decode_result(GET, dialect.encode_result(GET, each)))

    def test_what_was_encoded_on_the_way_is_named(self):
        for span, pairs in (
            (None, {"ETag": 'W/"%s"' % ETAG}),
            (None, {"ETag": '"%s-gzip"' % ETAG}),
            (None, {"ETag": '"%s;br"' % ETAG}),
            (None, {"ETag": None}),
            (None, {"Content-Length": None}),
            ((2, 3), {"Content-Length": "40"}),
            ((2, 3), {"Content-Length": None}),
        ):
            sent = dialect.encode_result(GET, INFO._replace(span=span))
            changed = dict(sent.headers.pairs, **{"Content-Encoding": "gzip"})
            changed.update(pairs)
            headers = Headers([(name, value) for name, value in changed.items() if value is not None])
            with self.assertRaises(errors.ConfigurationError) as caught:
                dialect.decode_result(GET, sent._replace(headers=headers))
            self.assertIn("Content-Encoding: gzip", caught.exception.message)
            self.assertTrue(caught.exception.sent)
            plain = Headers([pair for pair in headers.pairs if pair[0] != "Content-Encoding"])
            if pairs.get("ETag", "") is not None:  # without it nothing of this is a sign
                dialect.decode_result(GET, sent._replace(headers=plain))

    def test_the_time_is_never_this_moment(self):
        response = dialect.encode_result(GET, INFO._replace(modified=None, created=None))
        self.assertIsNone(response.headers.get("Last-Modified"))
        self.assertIsNone(dialect.decode_result(GET, response).modified)

    def test_offered_names(self):
        for filename, said in (
            (u"a b.mp4", 'attachment;filename="a b.mp4"'),
            (u"50% off.mp4", 'attachment;filename="50% off.mp4"'),
            (u"%E8%A7%86.mp4", "attachment;filename*=UTF-8''%E8%A7%86.mp4"),
            (u"\u89c6/.mp4", "attachment;filename*=UTF-8''%E8%A7%86%2F.mp4"),
            (u'a"b', "attachment;filename*=UTF-8''a%22b"),
            (u"a\\b", "attachment;filename*=UTF-8''a%5Cb"),
            (u"%0d\r\nSet-Cookie: a=b", "attachment;filename*=UTF-8''%250d%0D%0ASet-Cookie%3A%20a%3Db"),
            (u"%41\n", "attachment;filename*=UTF-8''%2541%0A"),
        ):
            info = INFO._replace(filename=filename, headers=(("Content-Disposition", u"inline"),))
            self.assertEqual([said], dialect.encode_result(GET, info).headers.all("Content-Disposition"))

    def test_sparse_and_odd_headers(self):
        info = dialect.decode_result(GET, Response(200, Headers([("ETag", '"e"')]), b""))
        self.assertEqual(operation.ObjectInfo(None), info._replace(etag=None)._replace(metadata=(), headers=()))
        for pairs in ([], [("ETag", '""')], [("Content-Type", "text/html"), ("Content-Length", "5")]):
            self.assertRaises(errors.BadAnswer, dialect.decode_result, GET, Response(200, Headers(pairs), b""))
        for value in ("x", "-1", u"\xb2", "9" * 9999, "1.5", ""):
            pairs = [("Content-Length", value), ("Last-Modified", value), ("ETag", 'W/"e"')]
            info = dialect.decode_result(GET, Response(200, Headers(pairs), b""))
            self.assertEqual((None, u"e", None), (info.size, info.etag, info.modified))
        for value in (None, "bytes */5", "bytes 5-1/9", "bytes 0-9/5", "x", u"bytes 0-\u0661/5", "bytes 0-1"):
            headers = Headers([("ETag", '"e"')] + ([("Content-Range", value)] if value else []))
            self.assertRaises(errors.BadAnswer, dialect.decode_result, GET, Response(206, headers, b""))
        headers = Headers([("ETag", "e"), ("Content-Range", "bytes 0-9/*")])
        info = dialect.decode_result(GET, Response(206, headers, b""))
        self.assertEqual((None, (0, 10)), (info.size, info.span))


if __name__ == "__main__":
    unittest.main()
