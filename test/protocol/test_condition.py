# -*- coding: utf-8 -*-
"""The conditional headers against what is stored."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.protocol import condition
from ucloud.uvideo.protocol.errors import PreconditionFailed


class Conditions(unittest.TestCase):
    def test_etags(self):
        for value in ('"e"', "e", "*", 'W/"e"', '"x", "e"', "x,e", ' "e" '):
            self.assertTrue(condition.not_modified([("if-none-match", value)], "e", 100), value)
        for value in ('"x"', "x", "", '"e', 'e"', ",", '"'):
            self.assertFalse(condition.not_modified([("if-none-match", value)], "e", 100), value)
            self.assertRaises(PreconditionFailed, condition.not_modified, [("if-match", value)], "e", 100)
        self.assertRaises(PreconditionFailed, condition.not_modified, [("if-match", 'W/"e"')], "e", 100)
        self.assertFalse(condition.not_modified([("if-match", '"e"')], "e", 100))

    def test_an_earlier_etag_counts_like_the_present_one(self):
        for value in ('"e"', '"s-2"', 's-2'):
            self.assertTrue(condition.not_modified([("if-none-match", value)], "e", 100, ("s-2",)), value)
            self.assertFalse(condition.not_modified([("if-match", value)], "e", 100, ("s-2",)), value)
            self.assertTrue(condition.range_holds([("if-range", value)], "e", 10, ("s-2",)), value)
        self.assertFalse(condition.not_modified([("if-none-match", '"s-3"')], "e", 100, ("s-2",)))
        self.assertFalse(condition.range_holds([("if-range", '"s-3"')], "e", 10, ("s-2",)))
        self.assertRaises(PreconditionFailed, condition.not_modified, [("if-match", '"s-3"')], "e", 100, ("s-2",))

    def test_the_etag_to_answer_with(self):
        for name in ("if-match", "if-range"):
            for value, etag in (('"s-2"', "s-2"), ('"x", "s-2"', "s-2"), ('"e", "s-2"', "e"), ("*", "e"), ('"x"', "e")):
                self.assertEqual(etag, condition.shown([(name, value)], "e", ("s-2",)), value)
        self.assertEqual("e", condition.shown([("if-match", '"s-2"')], "e", ()))
        self.assertEqual("e", condition.shown([("if-none-match", '"s-2"')], "e", ("s-2",)))

    def test_dates(self):
        early, late = "Thu, 01 Jan 1970 00:00:10 GMT", "Thu, 01 Jan 1970 00:10:00 GMT"
        self.assertTrue(condition.not_modified([("if-modified-since", late)], "e", 100))
        self.assertFalse(condition.not_modified([("if-modified-since", early)], "e", 100))
        self.assertRaises(PreconditionFailed, condition.not_modified, [("if-unmodified-since", early)], "e", 100)
        self.assertFalse(condition.not_modified([("if-unmodified-since", "nonsense")], "e", 100))

    def test_if_range(self):
        self.assertTrue(condition.range_holds([], "e", 10))
        for value, holds in (
            ('"e"', True),
            ('"x"', False),
            ('W/"e"', False),
            ("e", True),
            ("Thu, 01 Jan 1970 00:00:10 GMT", True),
            ("Thu, 01 Jan 1970 00:00:11 GMT", False),
        ):
            self.assertEqual(holds, condition.range_holds([("if-range", value)], "e", 10))

    def test_long_headers_take_no_time(self):
        # A quadratic reader needs a minute for these, a linear one a millisecond.
        for value in ("a" * 200000 + '"', " " * 200000 + 'x"', '"' * 200000, "a," * 100000):
            self.assertFalse(condition.not_modified([("if-none-match", value)], "e", 100))


if __name__ == "__main__":
    unittest.main()
