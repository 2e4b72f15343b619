# -*- coding: utf-8 -*-
"""Vectors, one example or more of every operation and result, and the way a server takes to a request."""

from __future__ import absolute_import, division, print_function

import io
import json
import os

from ucloud.uvideo.protocol import dialect, operation, provider
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.message import Headers
from ucloud.uvideo.protocol.signature import Credentials
from ucloud.uvideo.protocol.text import native

with io.open(os.path.join(os.path.dirname(__file__), "..", "data", "vectors.json"), encoding="utf-8") as _file:
    VECTORS = json.load(_file)

CREDENTIALS = Credentials(VECTORS["public_key"], VECTORS["private_key"])
UFILE = provider.parse_suffix(".cn-bj.ufileos.com")
UVIDEO = provider.parse_suffix("127.0.0.1:9000")
DIALECTS = (UFILE, UVIDEO)

FILM = u"\u89c6\u9891/\u4e2d\u6587 \u6587\u4ef6.mp4"
EMOJI = u"\U0001f600.mp4"
KEYS = (
    u"a",
    FILM,
    EMOJI,
    u"a b+c%25.txt",
    u"100%",
    u"a//b/../c/./",
    u"/leading",
    u"//",
    u".",
    u"..",
    u"a?b#c&d=e;f",
    u"'\"<>\\^`{|}~[]",
    u"\x00\x01\n\r\t\x7f",
    u"cafe\u0301",
    u"caf\xe9",
    u"uvideoUploads/a",
    u"init/uvideoUploads/a",
    u"finish/uvideoUploads/a",
    u"uvideoUploads/uvideoUploads/\u89c6",
    u"uvideoUploads",
    u"init/uvideoUploads/",
    u"x" * 1023,
)

META = ((u"a", u"1"), (u"author-name", u"\u738b"))
KEPT = (("Content-Language", u"zh"), ("Cache-Control", u"no-cache"))
ETAGS = (u"B3x5ERngVeegrl5QcImj-RFINvU=", u"Xm-Ao0qXmMr8al25bMV7pMTbWcI=")
MD5 = u"5eb63bbbe01eeed093cb22bb8f5acdc3"
UPLOAD_ID = u"0f188eb2-5e19-49c3-94c9-36fb5a0ff72a"

OPERATIONS = (
    operation.PutObject(u"space", FILM),
    operation.PutObject(u"space", EMOJI, u"video/mp4", MD5, u"IA", META, KEPT),
    operation.GetObject(u"space", FILM),
    operation.GetObject(u"space", u"k", ByteRange(0, 99)),
    operation.GetObject(u"space", u"k", ByteRange(5, None), ((u"if-match", u'"e"'), (u"if-range", u'"e"'))),
    operation.GetObject(u"space", u"uvideoUploads/k", ByteRange(None, 5), (), u"\u7247 1+1.mp4"),
    operation.HeadObject(u"space", FILM, ((u"if-modified-since", u"Mon, 26 Mar 2007 19:37:58 GMT"),)),
    operation.DeleteObject(u"space", FILM),
    operation.InitiateUpload(u"space", FILM),
    operation.InitiateUpload(u"space", FILM, u"video/mp4", u"ARCHIVE", META, KEPT),
    operation.UploadPart(u"space", FILM, UPLOAD_ID, 0),
    operation.UploadPart(u"space", FILM, u"odd &=+%\u89c6", 1310719, u"video/mp4", MD5),
    operation.FinishUpload(u"space", FILM, UPLOAD_ID, ()),
    operation.FinishUpload(u"space", FILM, UPLOAD_ID, ETAGS, EMOJI, META, u"REPLACE"),
    operation.AbortUpload(u"space", FILM, UPLOAD_ID),
    operation.ListParts(u"space", UPLOAD_ID),
    operation.ListParts(u"space", UPLOAD_ID, 1000, 0),
    operation.ListUploads(u"space"),
    operation.ListUploads(u"space", FILM, u"a b+c", u"id", 5),
    operation.ListFiles(u"space"),
    operation.ListFiles(u"space", u"dir/", u"dir/100%", 20),
    operation.ListObjects(u"space"),
    operation.ListObjects(u"space", FILM, EMOJI, 0, u"/"),
)

ACTIONS = (  # operation, whether with the names of video spaces
    (operation.CreateSpace(u"space"), False),
    (operation.CreateSpace(u"space", u"public", u"cn-bj", None, u"a b+c%\u89c6", u"org-1"), False),
    (operation.CreateSpace(u"space", u"private", biz=u"vod"), True),
    (operation.DescribeSpace(), False),
    (operation.DescribeSpace(u"space"), True),
    (operation.DescribeSpace(None, 20, 50, u"cn-bj", u"org-1"), False),
    (operation.UpdateSpace(u"space", u"private", u"IA", u"org-1"), False),
    (operation.UpdateSpace(u"space", u"private"), True),
    (operation.DeleteSpace(u"space"), False),
    (operation.DeleteSpace(u"space", u"org-1"), True),
    (operation.ListSpaceFiles(u"space"), False),
    (operation.ListSpaceFiles(u"space", 0, 20, u"org-1"), True),
)

ETAG = u"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"
TIME = 1893450000
INFO = operation.ObjectInfo(11, ETAG, u"text/plain", u"STANDARD", TIME, TIME - 5, META, KEPT)
LISTED = operation.FileInfo(FILM, 11, ETAG, u"video/mp4", u"IA", TIME - 5, TIME)
OBJECT = operation.FileInfo(FILM, 2**40, ETAG, u"video/mp4", u"IA", TIME - 5, TIME, META)

RESULTS = (  # operation, result
    (operation.PutObject(u"space", FILM), operation.Stored(ETAG)),
    (operation.GetObject(u"space", FILM), INFO),
    (operation.GetObject(u"space", FILM), INFO._replace(span=(2, 3))),
    (operation.GetObject(u"space", FILM), operation.NotModified(ETAG, TIME)),
    (operation.HeadObject(u"space", FILM), INFO._replace(size=0, metadata=(), headers=())),
    (operation.HeadObject(u"space", FILM), operation.NotModified(ETAG, TIME)),
    (operation.DeleteObject(u"space", FILM), operation.Done()),
    (operation.AbortUpload(u"space", FILM, UPLOAD_ID), operation.Done()),
    (operation.InitiateUpload(u"space", FILM), operation.Initiated(UPLOAD_ID, 4194304, u"space", FILM)),
    (operation.UploadPart(u"space", FILM, UPLOAD_ID, 7), operation.StoredPart(7, ETAGS[0])),
    (operation.FinishUpload(u"space", FILM, UPLOAD_ID, ETAGS), operation.Finished(u"space", EMOJI, 2**40, ETAG)),
    (
        operation.ListParts(u"space", UPLOAD_ID),
        operation.PartPage(
            u"space", FILM, UPLOAD_ID, u"STANDARD", 100, True, 1, (operation.Part(1, ETAGS[0], 4194304, TIME),)
        ),
    ),
    (
        operation.ListParts(u"space", UPLOAD_ID),
        operation.PartPage(u"space", FILM, UPLOAD_ID, u"STANDARD", 100, False, 0, ()),
    ),
    (
        operation.ListUploads(u"space"),
        operation.UploadPage(
            u"space", True, FILM, UPLOAD_ID, (operation.UploadInfo(UPLOAD_ID, FILM, TIME, u"STANDARD"),)
        ),
    ),
    (operation.ListFiles(u"space"), operation.FilePage(u"space", u"ufile-1", FILM, (LISTED,))),
    (operation.ListFiles(u"space"), operation.FilePage(u"space", u"ufile-1", u"", ())),
    (
        operation.ListObjects(u"space"),
        operation.ObjectPage(u"space", u"\u89c6", 100, u"/", True, FILM, (OBJECT,), (u"\u89c6/", u"b/")),
    ),
    (operation.ListObjects(u"space"), operation.ObjectPage(u"space", u"", 0, u"", False, u"", (), ())),
)

_SPACE = operation.SpaceInfo(
    u"space",
    u"ufile-1",
    u"public",
    u"cn-bj",
    u"vod",
    u"Default",
    u"STANDARD",
    TIME,
    TIME + 1,
    (u"space.cn-bj.ufileos.com",),
    (u"space.ufile.ucloud.com.cn",),
)

ACTION_RESULTS = (
    (operation.CreateSpace(u"space"), operation.SpaceNamed(u"space", u"ufile-1")),
    (operation.UpdateSpace(u"space", u"public"), operation.SpaceNamed(u"space", u"ufile-1")),
    (operation.DeleteSpace(u"space"), operation.SpaceNamed(u"space", None)),
    (operation.DescribeSpace(), operation.SpaceList((_SPACE, _SPACE._replace(space=u"other", source=(), cdn=())))),
    (operation.DescribeSpace(), operation.SpaceList(())),
    (operation.ListSpaceFiles(u"space"), operation.FilePage(u"space", u"ufile-1", u"", (LISTED,))),
)


def headers(given):
    """Headers of a vector's object: a value may be a list of values."""
    found = Headers()
    for name in sorted(given):
        values = given[name] if isinstance(given[name], list) else [given[name]]
        for value in values:
            found.add(native(name), native(value))
    return found


def received(request):
    """The operation that a server reads out of a client's request."""
    target = dialect.parse_target(request.target)
    host = request.origin.partition("://")[2]
    address = dialect.addresses(target.authority or host, request.headers.get("Bucket"), target.path)[0]
    key = dialect.key_of(address)
    query = dialect.parameters(target.query)
    cls = dialect.route(request.method, key, query, request.headers)
    return dialect.decode(cls, address.space, key, query, request.headers, request.body)
