# -*- coding: utf-8 -*-
"""The media type of a file name: the same on every machine, by the last ending alone."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.protocol.media_type import BY_ENDING, TYPES, of_name


class TestOfName(unittest.TestCase):
    def test_media_have_the_types_that_players_expect(self):
        for name, expected in (
            (u"live/index.m3u8", u"application/vnd.apple.mpegurl"),
            (u"live/index.mpd", u"application/dash+xml"),
            (u"live/00001.ts", u"video/mp2t"),
            (u"live/00001.m4s", u"video/iso.segment"),
            (u"a.mkv", u"video/x-matroska"),
            (u"a.MOV", u"video/quicktime"),
            (u"a.webm", u"video/webm"),
            (u"a.vtt", u"text/vtt"),
            (u"a.srt", u"application/x-subrip"),
            (u"a.avif", u"image/avif"),
            (u"a.HEIC", u"image/heic"),
            (u"a.flac", u"audio/flac"),
            (u"a.opus", u"audio/ogg"),
            (u"视频/片.mp4", u"video/mp4"),
        ):
            self.assertEqual(expected, of_name(name), name)

    def test_a_compressed_file_has_the_type_of_its_compression(self):
        for name in (u"a.json.gz", u"a.tar.gz", u"a.tgz", u"a.svgz"):
            self.assertEqual(u"application/gzip", of_name(name), name)
        self.assertEqual(u"application/zstd", of_name(u"a.csv.zst"))
        self.assertEqual(u"application/x-bzip2", of_name(u"a.mp4.bz2"))

    def test_a_name_without_a_known_ending_has_none(self):
        for name in (u"", u"a", u"a.", u".json", u"dir.mp4/a", u"a/.mp4", u"a.mp4/", u"a.no-such", u"data:image/png,x"):
            self.assertEqual(None, of_name(name), name)

    def test_the_table_can_be_sent(self):
        for ending, media_type in BY_ENDING.items():
            self.assertEqual(ending.strip().lower(), ending)
            self.assertEqual(1, media_type.count(u"/"), media_type)
            self.assertTrue(all(u" " < char < u"\x7f" for char in media_type), media_type)

    def test_no_ending_has_two_types(self):
        endings = [ending for _, found in TYPES for ending in found.split()]
        self.assertEqual(sorted(BY_ENDING), sorted(endings))
