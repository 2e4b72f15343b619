# -*- coding: utf-8 -*-
"""Which space and key a request means, and which names are allowed."""

from __future__ import absolute_import, division, print_function

import unittest

from test.protocol.samples import FILM, KEYS, wired
from ucloud.uvideo.protocol import location
from ucloud.uvideo.protocol.compat import PY2, native, to_text
from ucloud.uvideo.protocol.errors import BadRequest, InvalidArgument


class Spaces(unittest.TestCase):
    def test_the_rules_in_order(self):
        address = location.Address
        for host, bucket, path, expected in (
            ("h", "sp", "/init/uvideoUploads/k", [address(u"sp", "k", True)]),
            ("h", " sp ", "/finish/uvideoUploads/uvideoUploads/k", [address(u"sp", "uvideoUploads/k", True)]),
            ("h", "sp", "/k", [address(u"sp", "k", True)]),
            ("h", "sp", "/", [address(u"sp", "", True)]),
            ("SP.cn-bj.ufileos.com:80", None, "/a/b", [address(u"sp", "a/b", False), address(u"a", "b", False)]),
            ("localhost:9000", None, "/", [address(u"localhost", "", False)]),
            ("127.0.0.1:9000", None, "/a", [address(u"127", "a", False), address(u"a", "", False)]),
            ("[::1]:9000", None, "/a/", [address(u"[::1]", "a/", False), address(u"a", "", False)]),
            ("[", None, "//a", [address(u"", "/a", False)]),
            ("", None, "/%ff/a", [address(u"", "%ff/a", False)]),
        ):
            self.assertEqual(expected, location.addresses(host, bucket, path))

    def test_names_that_are_not_utf8(self):
        wrong = "\xff" if PY2 else "\udcff"
        self.assertRaises(BadRequest, location.addresses, "h", wrong, "/k")
        self.assertRaises(BadRequest, location.addresses, wrong, None, "/k")

    def test_check_space(self):
        for name in ("abc", u"a-1", "0" * 63):
            self.assertEqual(to_text(name), location.check_space(name))
        wrong = ("", "ab", "A23", "a_b", "-ab", "ab-", "0" * 64)
        for name in wrong + (u"\u89c6\u9891\u9891", u"ab\n", "abc\n", u"a\ud800c"):
            self.assertRaises(InvalidArgument, location.check_space, name)
        for value in (None, 1, [], object()):
            self.assertRaises(InvalidArgument, location.check_space, value)

    def test_check_key(self):
        for key in KEYS:
            self.assertEqual(key, location.check_key(key))
        self.assertEqual(FILM, location.check_key(native(FILM)))
        for key in ("", u"x" * 1024, u"\u89c6" * 342, u"\ud800", u"a\udc00b", None, 1):
            self.assertRaises(InvalidArgument, location.check_key, key)
        if PY2:
            self.assertRaises(InvalidArgument, location.check_key, b"\xed\xa0\x80")


class Targets(unittest.TestCase):
    def test_targets(self):
        for target, expected in (
            ("/a//../b+%20?x=1+2", ("", "/a//../b+%20", [(u"x", u"1 2")])),
            ("http://h", ("h", "/", [])),
            ("http://u:p@h:1/k?uploads", ("h:1", "/k", [(u"uploads", u"")])),
            ("https://h?list", ("h", "/", [(u"list", u"")])),
            ("/k#f?x", ("", "/k", [])),
            ("//h/k", ("", "//h/k", [])),
        ):
            self.assertEqual(expected, tuple(location.parse_target(target)))
        for target in ("", "*", "k", "host:443", "/k?a=%ff", "/k?%", "/k?a=%zz", "/?\xff" if PY2 else "/?\udcff"):
            self.assertRaises(BadRequest, location.parse_target, target)

    def test_keys_that_cannot_be_read(self):
        for target in ("/%", "/%ff", "/%ed%a0%80", "/a%2", "/\xff" if PY2 else "/\udcff"):
            self.assertRaises(BadRequest, wired, "PUT", target)

    def test_slashes_of_old_java(self):
        self.assertEqual(u"a//b/../c/", wired("PUT", "/a%2F%2Fb%2F..%2Fc%2F").key)


if __name__ == "__main__":
    unittest.main()
