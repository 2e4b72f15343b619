# -*- coding: utf-8 -*-
"""Media types, tags, rights and restores on the wire, and what is a BadRequest or a BadAnswer."""

from __future__ import absolute_import, division, print_function

import json
import unittest

from test.protocol.samples import wired
from ucloud.uvideo.protocol import dialect, errors, operation, restore
from ucloud.uvideo.protocol.compat import to_bytes
from ucloud.uvideo.protocol.errors import BadRequest
from ucloud.uvideo.protocol.message import Headers, Response


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
            self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(200, Headers(), body))
        op = operation.CopyPart(u"s", u"k", u"u", 0, u"a", u"b")
        self.assertEqual(
            operation.CopiedPart(0, u"e", None, None, None),
            dialect.decode_result(op, Response(200, Headers([("ETag", '"e"')]), b"")),
        )


if __name__ == "__main__":
    unittest.main()
