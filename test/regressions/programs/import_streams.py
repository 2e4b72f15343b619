# -*- coding: utf-8 -*-
"""putstream of everything that requests sends: text, bytes, generators, files opened as text and as bytes."""

import codecs
import io
import os

from ucloud.compact import BytesIO, StringIO
from ucloud.uvideo import config, filemanager

config.set_default(uploadsuffix=os.environ["SUFFIX"], downloadsuffix=os.environ["SUFFIX"])
files, bucket = filemanager.FileManager(os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"]), os.environ["BUCKET"]
written = u"第一行\r\nsecond\n".encode("utf-8")
with io.open("lines.txt", "wb") as made:
    made.write(written)
moved = io.open("lines.txt", encoding="utf-8", newline="")
assert moved.readline() == u"第一行\r\n"


def pieces():
    yield b"one "
    yield bytearray(b"two")


for number, (stream, expected) in enumerate([
    ("text", b"text"),
    (u"\u4e2d", u"\u4e2d".encode("utf-8")),
    (b"bytes", b"bytes"),
    (bytearray(b"array"), b"array"),
    (pieces(), b"one two"),
    (iter([u"\u4e2d", "x"]), u"\u4e2dx".encode("utf-8")),
    ([b"a", b"b"], b"ab"),
    (open("lines.txt"), written),
    (io.open("lines.txt", encoding="utf-8"), written),
    (moved, b"second\n"),
    (io.StringIO(u"\u4e2d"), u"\u4e2d".encode("utf-8")),
    (codecs.open("lines.txt", "r", "utf-8"), written),
    (open("lines.txt", "rb"), written),
    (StringIO(u"\u4e2d"), u"\u4e2d".encode("utf-8")),
    (BytesIO(b"bytes"), b"bytes"),
    ("", b""),
]):
    ret, resp = files.putstream(bucket, "stream-%d" % number, stream)
    assert resp.status_code == 200, (number, resp)
    ret, resp = files.download_file(bucket, "stream-%d" % number, "back")
    assert open("back", "rb").read() == expected, (number, open("back", "rb").read())
