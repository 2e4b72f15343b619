# -*- coding: utf-8 -*-
"""HTTP dates, well and oddly formed."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.protocol import dates


class Dates(unittest.TestCase):
    def test_dates(self):
        for value, seconds in (
            ("Mon, 26 Mar 2007 19:37:58 GMT", 1174937878),
            ("Mon, 26 Mar 2007 19:37:58 -0000", 1174937878),
            ("Mon, 26 Mar 2007 19:37:58", 1174937878),
            ("Mon, 26 Mar 2007 21:37:58 +0200", 1174937878),
            ("Monday, 26-Mar-07 19:37:58 GMT", 1174937878),
            (None, None),
            ("", None),
            (" ", None),
            ("20240131235959", None),
            ("Mon, 99 Mar 2007 19:37:58 GMT", None),
            ("Mon, 26 Mar 99999999999 19:37:58 GMT", None),
            (",", None),
            ("0", None),
        ):
            found = dates.parse_date(value)
            if value != "Mon, 99 Mar 2007 19:37:58 GMT":  # some Pythons count on into April
                self.assertEqual(seconds, found, value)
        self.assertEqual("Mon, 26 Mar 2007 19:37:58 GMT", dates.http_date(1174937878))


if __name__ == "__main__":
    unittest.main()
