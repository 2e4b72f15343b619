# -*- coding: utf-8 -*-
"""The numbers in a listing's request."""

from __future__ import absolute_import, division, print_function

import unittest

from test.protocol.samples import wired
from ucloud.uvideo.protocol.errors import BadRequest


class Requests(unittest.TestCase):
    def test_numbers(self):
        for value in ("-1", "+1", "1.5", "x", "%C2%B2", "%D9%A1", "1310720", "9" * 30, "9" * 6000, "%00", "1%0A"):
            self.assertRaises(BadRequest, wired, "PUT", "/k?uploadId=u&partNumber=" + value)
            if value != "1310720":
                self.assertRaises(BadRequest, wired, "GET", "/?list&limit=" + value)
                self.assertRaises(BadRequest, wired, "GET", "/?listobjects&max-keys=" + value)
                self.assertRaises(BadRequest, wired, "GET", "/?muploadpart&uploadId=u&part-number-marker=" + value)
        self.assertEqual(1000, wired("GET", "/?list&limit=1001").limit)
        self.assertEqual(1000, wired("GET", "/?list&limit=1310720").limit)
        self.assertIsNone(wired("GET", "/?list&limit=").limit)
        self.assertEqual(0, wired("GET", "/?listobjects&max-keys=0").limit)


if __name__ == "__main__":
    unittest.main()
