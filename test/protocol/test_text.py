"""Quoting and text on every interpreter."""

from __future__ import absolute_import, division, print_function

import unittest

from test.protocol.samples import EMOJI, KEYS
from ucloud.uvideo.protocol import compat

PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
LONE = (u"\ud800", u"a\udfffb", u"\udc00\ud800", u"\ud800\ud800")
WRONG = (b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80")


class Quoting(unittest.TestCase):
    def test_every_byte_that_text_can_have(self):
        plain = {compat.quote_path: PLAIN + b"/!$&'()*,;=:@+", compat.quote_query: PLAIN + b"/"}
        for number in list(range(0x800)) + list(range(0x800, 0xD800, 61)) + list(range(0xE000, 0x110000, 4093)):
            text = (u"\\U%08x" % number).encode("ascii").decode("unicode-escape")
            data = bytearray(text.encode("utf-8"))
            for quote, safe in plain.items():
                quoted = "".join([chr(byte) if byte in bytearray(safe) else "%%%02X" % byte for byte in data])
                self.assertEqual((quoted, quoted + "%20"), (quote(text), quote(text + u" ")))

    def test_every_byte(self):
        for number in range(256):
            byte = bytes(bytearray([number]))
            if number < 128:
                for quote in (compat.quote_path, compat.quote_query):
                    quoted = quote(byte.decode("ascii"))
                    self.assertIsInstance(quoted, str)
                    self.assertEqual(byte.decode("ascii"), compat.unquote(quoted))
            for escape in ("%%%02X" % number, "%%%02x" % number):
                if number < 128:
                    self.assertEqual(byte.decode("ascii"), compat.unquote(escape))
                else:
                    self.assertRaises(UnicodeDecodeError, compat.unquote, escape)

    def test_all_text_comes_back(self):
        for key in KEYS:
            for quote in (compat.quote_path, compat.quote_query):
                self.assertEqual(key, compat.unquote(quote(key)))
                self.assertEqual(quote(key).encode("ascii").decode("ascii"), quote(key))

    def test_a_plus_is_a_plus_in_a_path_and_a_blank_in_a_query(self):
        self.assertEqual("a+b", compat.quote_path(u"a+b"))
        self.assertEqual("a%2Bb%20c", compat.quote_query(u"a+b c"))
        self.assertEqual(u"a+b", compat.unquote("a+b"))
        self.assertEqual([(u"a b", u"c d+")], compat.parse_query("a+b=c+d%2B"))

    def test_escapes_are_undone_once(self):
        self.assertEqual(u"100%25", compat.unquote("100%2525"))
        self.assertEqual("100%2525", compat.quote_path(u"100%25"))

    def test_wrong_escapes(self):
        for value in ("%", "%2", "%zz", "a%", "%%41", "%u1234", "%-1", "%+1"):
            self.assertRaises(ValueError, compat.unquote, value)

    def test_bytes_that_are_not_utf8(self):
        for value in WRONG:
            escaped = "".join(["%%%02x" % number for number in bytearray(value)])
            self.assertRaises(ValueError, compat.unquote, escaped)
            self.assertRaises(ValueError, compat.parse_query, "a=" + escaped)
            self.assertRaises(UnicodeDecodeError, compat.to_text, value)
            raw = value if compat.PY2 else value.decode("utf-8", "surrogateescape")
            self.assertRaises(ValueError, compat.unquote, raw)
            self.assertRaises(ValueError, compat.unquote, raw + "%41")

    def test_raw_utf8_in_a_target(self):
        self.assertEqual(EMOJI, compat.unquote(compat.native(EMOJI)))
        self.assertEqual(u"a" + EMOJI, compat.unquote("%61" + compat.native(EMOJI)))

    def test_a_query(self):
        pairs = [(u"a", u"1"), (u"uploads", u""), (u"", u"x"), (u"a", u"1=2")]
        self.assertEqual(pairs, compat.parse_query("a=1&uploads&&=x&a=1=2&"))
        self.assertEqual("a=1&b", compat.build_query([("a", "1"), ("b", None)]))
        self.assertEqual([], compat.parse_query(""))


class Text(unittest.TestCase):
    def test_lone_surrogates_are_refused(self):
        for value in LONE:
            self.assertRaises(UnicodeEncodeError, compat.to_bytes, value)
            self.assertRaises(UnicodeEncodeError, compat.quote_path, value)
            self.assertRaises(UnicodeEncodeError, compat.quote_query, value)

    def test_a_character_beyond_the_plane_is_one(self):
        self.assertEqual(b"\xf0\x9f\x98\x80.mp4", compat.to_bytes(EMOJI))
        self.assertEqual(EMOJI, compat.to_text(b"\xf0\x9f\x98\x80.mp4"))
        self.assertEqual("%F0%9F%98%80.mp4", compat.quote_path(EMOJI))

    def test_native_is_str(self):
        for value in (u"a", b"a", EMOJI, EMOJI.encode("utf-8")):
            self.assertIs(str, type(compat.native(value)))

    def test_printable(self):
        self.assertEqual(u"a b  c " + EMOJI, compat.printable(u"a\x1bb\r\nc\x9b" + EMOJI))
        for value in LONE:
            compat.to_bytes(compat.printable(value))
            self.assertEqual(len(value), len(compat.printable(value)))

    def test_whole(self):
        for value, number in (("0", 0), (u"12", 12), ("007", 7), ("9" * 18, 10**18 - 1)):
            self.assertEqual(number, compat.whole(value))
        for value in ("", "-1", "+1", " 1", "1 ", "1.0", "1_0", "1\n", u"\xb2", u"\u0661", "9" * 19, "9" * 9999):
            self.assertIsNone(compat.whole(value))

    def test_kinds(self):
        self.assertTrue(compat.is_text(u"") and compat.is_text(""))
        self.assertFalse(compat.is_text(None) or compat.is_text(1))
        self.assertTrue(compat.is_integer(2**70))
        self.assertFalse(compat.is_integer(True) or compat.is_integer(1.0) or compat.is_integer("1"))


if __name__ == "__main__":
    unittest.main()
