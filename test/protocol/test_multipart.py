# -*- coding: utf-8 -*-
"""Multipart uploads: lists of etags, new names, and responses that are of no use."""

from __future__ import absolute_import, division, print_function

import json
import unittest

from test.protocol.samples import FILM, UFILE, UPLOAD_ID, wired
from ucloud.uvideo.protocol import dialect, errors, operation
from ucloud.uvideo.protocol.errors import BadRequest
from ucloud.uvideo.protocol.message import Headers, Response


class Requests(unittest.TestCase):
    def test_initiate_of_the_video_client_says_no_type(self):
        mime = wired("POST", "/k?uploads", [("Content-Type", "application/x-www-form-urlencoded")]).mime
        self.assertIsNone(mime)

    def test_finish_bodies(self):
        for body, etags in (
            (b"", ()),
            (b" \n", ()),
            (b"a,b", (u"a", u"b")),
            (b'"a","b"', (u"a", u"b")),
            (b' "a" , b\r\n', (u"a", u"b")),
            (b"a,b,", (u"a", u"b")),
            (b'"a","b", \r\n', (u"a", u"b")),
            (b"a,,b", (u"a", u"", u"b")),
            (b"a,b,,", (u"a", u"b", u"")),
            (b",a", (u"", u"a")),
            (b",", (u"",)),
        ):
            self.assertEqual(etags, wired("POST", "/k?uploadId=u", body=body).etags)
        self.assertRaises(BadRequest, wired, "POST", "/k?uploadId=u", body=b"\xff")

    def test_new_key(self):
        self.assertIsNone(wired("POST", "/k?uploadId=u&newKey=").new_key)
        self.assertEqual(u"x y", wired("POST", "/k?uploadId=u&newObject=x+y").new_key)
        made = dialect.encode(operation.FinishUpload(u"space", u"k", u"u", (), u"\u89c6 b+c%"), UFILE)
        for name in ("X-UCloud-New-Key", "X-AutoAI-New-Key"):  # the query is not signed, these are
            self.assertEqual("%E8%A7%86%20b+c%25", made.headers.get(name))


class Responses(unittest.TestCase):
    def test_initiate_must_be_of_use(self):
        op = operation.InitiateUpload(u"space", FILM)
        pairs = ((u"", 1), (u"u", 0), (u"u", -1), (5, 1), (u"u", u"x"), (u"u", True), (u"u", None))
        for upload_id, block_size in pairs:
            body = json.dumps({"UploadId": upload_id, "BlkSize": block_size}).encode("ascii")
            self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(200, Headers(), body))

    def test_a_part_needs_its_etag(self):
        op = operation.UploadPart(u"space", FILM, UPLOAD_ID, 0)
        for pairs in ([], [("ETag", "")], [("ETag", '""')]):
            self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(200, Headers(pairs), b"{}"))


if __name__ == "__main__":
    unittest.main()
