# -*- coding: utf-8 -*-
"""Vectors, one example or more of every operation and result, and the way a server takes to a request."""

from __future__ import absolute_import, division, print_function

import io
import json
import os

from ucloud.uvideo.protocol import dialect, location, operation, provider
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import native
from ucloud.uvideo.protocol.message import Headers, Request
from ucloud.uvideo.protocol.signature import Credentials

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
    operation.PutObject(u"space", FILM, acl=u"public-read"),
    operation.UploadHit(u"space", FILM, u"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt", 0),
    operation.UploadHit(u"space", u"a b+c&d=%25", u"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt", 2**40, u"video/mp4"),
    operation.CopyObject(u"space", FILM, u"source", u"/a b+c%25.txt"),
    operation.CopyObject(u"space", EMOJI, u"source", FILM, u"COPY", u"IA"),
    operation.CopyObject(u"space", u"k", u"space", u"k", u"REPLACE", u"ARCHIVE", META, u"video/mp4", KEPT),
    operation.CopyPart(u"space", FILM, UPLOAD_ID, 0, u"source", EMOJI),
    operation.CopyPart(u"space", FILM, u"odd &=+%\u89c6", 1310719, u"source", u"a//../b", ByteRange(4194304, 4194304)),
    operation.RenameObject(u"space", FILM, EMOJI),
    operation.RenameObject(u"space", FILM, u"a b+c&d=%25", True),
    operation.SetMime(u"space", FILM, u"text/x-\u89c6"),
    operation.SwitchClass(u"space", FILM, u"IA"),
    operation.RestoreObject(u"space", FILM),
    operation.RestoreObject(u"space", FILM, u"Expedited"),
    operation.PutTags(u"space", FILM, ()),
    operation.PutTags(u"space", FILM, ((u"a b", u"+-=._:/@"), (u"\u89c6", u""))),
    operation.GetTags(u"space", FILM),
    operation.DeleteTags(u"space", FILM),
    operation.PutAcl(u"space", FILM, u"public-read"),
    operation.GetAcl(u"space", FILM),
    operation.AppendObject(u"space", FILM, 0),
    operation.AppendObject(u"space", FILM, 2**40, u"video/mp4", MD5, u"IA", META, KEPT),
)

TIME = 1893450000
TOKEN_FIELDS = (
    (u"TOKEN_ALLOW_READ", u"TOKEN_DENY_UPDATE"),
    (u"dir/", u"\u89c6"),
    (u"space",),
    TIME,
    (u"192.0.2.1",),
    (u"2001:db8::/32", u"192.0.2.0/24"),
    u"cn-bj",
    u"org-1",
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
    (operation.CreateSpace(u"space", domains=tuple([u"d%d.example.com" % at for at in range(12)])), False),
    (operation.GetSpaceStatus(()), True),
    (operation.GetSpaceStatus((u"space", u"other"), TIME, TIME + 86400), True),
    (operation.CreateToken(u"name"), False),
    (operation.CreateToken(u"a b", *TOKEN_FIELDS), False),
    (operation.DescribeToken(), False),
    (operation.DescribeToken(u"token-id", u"name", 0, u"cn-bj", u"org-1"), False),
    (operation.UpdateToken(u"token-id"), False),
    (operation.UpdateToken(u"token-id", None, ops=(), black_ips=()), False),
    (operation.UpdateToken(u"token-id", u"name", *TOKEN_FIELDS), False),
    (operation.DeleteToken(u"token-id", u"cn-bj", u"org-1"), False),
    (operation.AssumeRole(u"ucs:iam::1:role/r", u"session", 900), False),
    (operation.AssumeRole(None, None, None, u'{"Version":"1","Statement":[]}'), False),
)

ETAG = u"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"
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
    (operation.HeadObject(u"space", FILM), INFO._replace(restore=u'ongoing-request="true"')),
    (
        operation.ListFiles(u"space"),
        operation.FilePage(u"space", u"ufile-1", u"", (LISTED._replace(storage_class=u"ARCHIVE", restore=u"Frozen"),)),
    ),
    (
        operation.ListObjects(u"space"),
        operation.ObjectPage(u"space", u"", 1, u"", False, u"", (OBJECT._replace(restore=u"Restored"),), ()),
    ),
    (operation.UploadHit(u"space", FILM, ETAG, 1), operation.Stored(ETAG)),
    (operation.CopyObject(u"space", FILM, u"space", EMOJI), operation.Stored(ETAG)),
    (operation.AppendObject(u"space", FILM, 0), operation.Stored(ETAG)),
    (
        operation.CopyPart(u"space", FILM, UPLOAD_ID, 7, u"space", EMOJI, ByteRange(5, 9)),
        operation.CopiedPart(7, ETAGS[0], 5, 5, 2**40),
    ),
    (operation.RenameObject(u"space", FILM, EMOJI), operation.Done()),
    (operation.SetMime(u"space", FILM, u"video/mp4"), operation.Done()),
    (operation.SwitchClass(u"space", FILM, u"IA"), operation.Done()),
    (operation.RestoreObject(u"space", FILM), operation.Done()),
    (operation.PutTags(u"space", FILM, ()), operation.Done()),
    (operation.DeleteTags(u"space", FILM), operation.Done()),
    (operation.PutAcl(u"space", FILM, u"default"), operation.Done()),
    (operation.GetTags(u"space", FILM), operation.Tags(((u"a b", u"+-=._:/@"), (u"\u89c6", u"")))),
    (operation.GetTags(u"space", FILM), operation.Tags(())),
    (operation.GetAcl(u"space", FILM), operation.Acl(u"owner", u"\u738b", u"public-read")),
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

_TOKEN = operation.TokenInfo(
    u"cn-bj", u"token-id", u"name", u"TOKEN_1", u"2", (u"TOKEN_ALLOW_READ",), (u"*",), (u"*",), TIME, TIME, TIME, (), ()
)

ACTION_RESULTS = (
    (operation.CreateSpace(u"space"), operation.SpaceNamed(u"space", u"ufile-1")),
    (operation.UpdateSpace(u"space", u"public"), operation.SpaceNamed(u"space", u"ufile-1")),
    (operation.DeleteSpace(u"space"), operation.SpaceNamed(u"space", None)),
    (operation.DescribeSpace(), operation.SpaceList((_SPACE, _SPACE._replace(space=u"other", source=(), cdn=())))),
    (operation.DescribeSpace(), operation.SpaceList(())),
    (operation.DescribeSpace(), operation.SpaceList((_SPACE._replace(custom=(u"a.example.com", u"b.example.com")),))),
    (operation.GetSpaceStatus(()), operation.SpaceStatus(())),
    (
        operation.GetSpaceStatus((u"space",), TIME),
        operation.SpaceStatus((operation.SpaceUsage(TIME, 2**40, 7, 0, 0, 0, 0),)),
    ),
    (operation.CreateToken(u"name"), _TOKEN),
    (operation.DescribeToken(), operation.TokenList((_TOKEN, _TOKEN._replace(private_key=None, prefixes=(u"a/",))))),
    (operation.UpdateToken(u"token-id"), operation.Done()),
    (operation.DeleteToken(u"token-id"), operation.Done()),
    (operation.AssumeRole(), operation.TemporaryKeys(u"STS_a", u"b", u"c.d", TIME)),
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
    """The operation that a server reads out of a client's request.

    verbatim only says how a source was spelled, so it is left out.
    """
    target = location.parse_target(request.target)
    host = request.origin.partition("://")[2]
    address = location.addresses(target.authority or host, request.headers.get("Bucket"), target.path)[0]
    key = location.key_of(address)
    query = dialect.parameters(target.query)
    cls = dialect.route(request.method, key, query, request.headers)
    op = dialect.decode(cls, address.space, key, query, request.headers, request.body)
    return op._replace(verbatim=None) if "verbatim" in op._fields else op


def wired(method, target, headers=(), body=b"", host="space.cn-bj.ufileos.com"):
    """The operation read out of a request as it came over the wire."""
    found = Headers([(name, native(value)) for name, value in headers])
    return received(Request(method, "http://" + host, target, found, body))
