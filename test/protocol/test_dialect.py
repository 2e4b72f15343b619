# -*- coding: utf-8 -*-
"""What a client encodes a server decodes, in both dialects, and back; what is not of the protocol is refused."""

from __future__ import absolute_import, division, print_function

import copy
import json
import unittest

from test.protocol.samples import DIALECTS, FILM, KEYS, OPERATIONS, RESULTS, UFILE, UPLOAD_ID, UVIDEO, received, wired
from ucloud.uvideo.protocol import dialect, errors, operation
from ucloud.uvideo.protocol.compat import PY2
from ucloud.uvideo.protocol.errors import BadRequest, InvalidArgument
from ucloud.uvideo.protocol.message import Headers, Response


class RoundTrip(unittest.TestCase):
    def test_every_operation_in_both_dialects(self):
        self.assertEqual(set(dialect.OPERATIONS), set(type(op) for op in OPERATIONS))
        for op in OPERATIONS:
            for suffix in DIALECTS:
                request = dialect.encode(op, suffix)
                self.assertEqual(op, received(request))
                self.assertIs(type(op), type(received(request)))
                self.assertEqual(suffix.shared, "Bucket" in dict(request.headers))
                self.assertEqual("http" if suffix.shared else "https", request.origin.partition(":")[0])

    def test_every_key_in_both_dialects(self):
        for key in KEYS:
            for op in (
                operation.PutObject(u"space", key),
                operation.GetObject(u"space", key),
                operation.GetObject(u"space", key, filename=key),
                operation.HeadObject(u"space", key),
                operation.DeleteObject(u"space", key),
                operation.InitiateUpload(u"space", key),
                operation.UploadPart(u"space", key, UPLOAD_ID, 3),
                operation.FinishUpload(u"space", key, UPLOAD_ID, (), key),
                operation.AbortUpload(u"space", key, UPLOAD_ID),
                operation.ListFiles(u"space", key, key),
                operation.ListUploads(u"space", key, key, key),
            ):
                for suffix in DIALECTS:
                    request = dialect.encode(op, suffix)
                    self.assertEqual(op, received(request))
                    request.target.encode("ascii") if not PY2 else request.target.decode("ascii")
                    for name, value in request.headers:
                        self.assertIs(str, type(name))
                        self.assertIs(str, type(value))
                    self.assertIs(str, type(request.target))
                    self.assertIs(bytes, type(request.body))

    def test_absolute_targets(self):
        for op in OPERATIONS:
            request = dialect.encode(op, UFILE)
            absolute = request._replace(target="http://user@space.cn-bj.ufileos.com:80" + request.target)
            self.assertEqual(op, received(absolute._replace(origin="http://proxy")))

    def test_the_video_clients_targets(self):
        for op, target in (
            (operation.InitiateUpload(u"space", u"clips/a b.mp4"), "/init/uvideoUploads/clips/a%20b.mp4?uploads"),
            (operation.UploadPart(u"space", u"k", u"U", 0), "/uvideoUploads/k?uploadId=U&partNumber=0"),
            (operation.FinishUpload(u"space", u"k", u"U", ()), "/finish/uvideoUploads/k?uploadId=U"),
            (operation.DeleteObject(u"space", u"k"), "/uvideoUploads/k"),
            (operation.GetObject(u"space", u"k"), "/k"),
        ):
            request = dialect.encode(op, UVIDEO)
            self.assertEqual(target, request.target)
            self.assertEqual("space", request.headers.get("bucket"))
        initiate = dialect.encode(operation.InitiateUpload(u"space", u"k"), UVIDEO)
        self.assertEqual("application/x-www-form-urlencoded", initiate.headers.get("Content-Type"))

    def test_a_header_with_a_line_break_is_not_sent(self):
        for op in (
            operation.PutObject(u"space", u"k", u"text/plain\r\nX: y"),
            operation.PutObject(u"space", u"k", metadata=((u"a", u"b\nc"),)),
            operation.PutObject(u"space", u"k", metadata=((u"a\r\nb", u"c"),)),
            operation.PutObject(u"space", u"k", headers=(("Cache-Control", u"\0"),)),
            operation.UploadPart(u"space", u"k", u"u", 0, u"a\r\nb"),
            operation.GetObject(u"space", u"k", conditions=((u"if-match", u"a\nb"),)),
        ):
            for suffix in DIALECTS:
                self.assertRaises(InvalidArgument, dialect.encode, op, suffix)

    def test_every_result_comes_back(self):
        self.assertEqual(dialect.OPERATIONS, set(type(op) for op, _ in RESULTS))
        for op, result in RESULTS:
            response = dialect.encode_result(op, result)
            self.assertEqual(result, dialect.decode_result(op, response))
            for name, value in response.headers:
                self.assertIs(str, type(name))
                self.assertIs(str, type(value))
            self.assertIn(response.status, (200, 204, 206, 304))
            if response.body:
                self.assertEqual("application/json", response.headers.get("Content-Type"))
                json.loads(response.body.decode("ascii"))


class Requests(unittest.TestCase):
    def test_a_key_that_is_too_long(self):
        self.assertRaises(BadRequest, wired, "PUT", "/" + "x" * 1024)
        self.assertRaises(BadRequest, wired, "PUT", "/" + "%e8%a7%86" * 342)
        self.assertEqual(u"x" * 1023, wired("PUT", "/" + "x" * 1023).key)
        self.assertRaises(BadRequest, wired, "POST", "/k?uploadId=u&newKey=" + "x" * 1024)

    def test_dispatch(self):
        for method, target, cls in (
            ("PUT", "/k", operation.PutObject),
            ("PUT", "/k?iopcmd=thumbnail", operation.PutObject),
            ("PUT", "/k?partNumber=0&UPLOADID=u", operation.UploadPart),
            ("PUT", "/k?PartNumber=0&uploadid=u", operation.UploadPart),
            ("POST", "/k?uploads=", operation.InitiateUpload),
            ("POST", "/k?UploadId=u", operation.FinishUpload),
            ("DELETE", "/k", operation.DeleteObject),
            ("DELETE", "/k?uploads=u", operation.AbortUpload),
            ("HEAD", "/k", operation.HeadObject),
            ("GET", "/k", operation.GetObject),
            ("GET", "/?limit=1000&marker=&muploadid=&prefix=", operation.ListUploads),
            ("GET", "/?muploadpart&uploadId=u", operation.ListParts),
            ("GET", "/?list&listobjects", operation.ListObjects),
            ("GET", "/?prefix=a&list=", operation.ListFiles),
            ("PUT", "/k?restore", operation.RestoreObject),
            ("PUT", "/k?storageClass=IA", operation.SwitchClass),
            ("PUT", "/k?newFileName=x&force=true", operation.RenameObject),
            ("PUT", "/k?append&position=0", operation.AppendObject),
            ("POST", "/uploadhit?Hash=h&FileName=k&FileSize=1", operation.UploadHit),
            ("POST", "/uploadhit?uploads", operation.InitiateUpload),
            ("PUT", "/uploadhit?Hash=h&FileName=k&FileSize=1", operation.PutObject),
            ("DELETE", "/k?tagging", operation.DeleteTags),
            ("DELETE", "/k?tagging&uploadId=u", operation.AbortUpload),
            ("GET", "/k?acl", operation.GetAcl),
            ("GET", "/k?tagging", operation.GetTags),
            ("HEAD", "/k?acl", operation.HeadObject),
        ):
            self.assertIs(cls, type(wired(method, target)), (method, target))
        copy = [("X-Ufile-Copy-Source", "/a/b")]
        self.assertIs(operation.CopyObject, type(wired("PUT", "/k", copy)))
        self.assertIs(operation.CopyPart, type(wired("PUT", "/k?uploadId=u&partNumber=0", copy)))
        self.assertIs(operation.RestoreObject, type(wired("PUT", "/k?restore", copy)))
        self.assertIs(operation.FinishUpload, type(wired("POST", "/k?uploadId=u", copy)))

    def test_what_is_not_supported_stores_and_deletes_nothing(self):
        for method, target in (
            ("PUT", "/k?storageClass"),
            ("PUT", "/k?storageClass=COLD"),
            ("PUT", "/k?newFileName="),
            ("PUT", "/k?newFileName=x&force=yes"),
            ("PUT", "/k?newFileName=" + "x" * 1024),
            ("PUT", "/k?append"),
            ("PUT", "/k?append&position=-1"),
            ("PUT", "/k?append&position=x"),
            ("PUT", "/k?tagging"),
            ("PUT", "/k?acl="),
            ("PUT", "/k?uploadId=u"),
            ("PUT", "/k?partNumber=1"),
            ("PUT", "/k?partNumber=&uploadId=u"),
            ("PUT", "/k?partNumber=1&uploadId="),
            ("PUT", "/"),
            ("POST", "/k"),
            ("POST", "/k?opmeta"),
            ("POST", "/uploadhit?Hash=&FileName=k&FileSize=1"),
            ("POST", "/uploadhit?Hash=h&FileName=&FileSize=1"),
            ("POST", "/uploadhit?Hash=h&FileName=k&FileSize="),
            ("POST", "/uploadhit?Hash=h&FileName=k&FileSize=-1"),
            ("POST", "/uploadhit?Hash=h&FileName=k&filename=l&FileSize=1"),
            ("POST", "/uploadhit?Hash=h&FileName=" + "x" * 1024 + "&FileSize=1"),
            ("POST", "/uploadhit?Hash=h&FileName=k&uploads"),
            ("POST", "/uploadhit?Hash=h&FileName=k&uploadId=u"),
            ("DELETE", "/"),
            ("DELETE", "/k?uploads"),
            ("DELETE", "/k?uploads="),
            ("DELETE", "/k?uploadId="),
            ("GET", "/"),
            ("HEAD", "/"),
            ("PATCH", "/k"),
            ("", "/k"),
        ):
            self.assertRaises(BadRequest, wired, method, target)

    def test_parameters_given_twice(self):
        self.assertRaises(BadRequest, wired, "GET", "/?list&prefix=a&PREFIX=b")
        self.assertEqual(u"a", wired("GET", "/?list&prefix=a&prefix=a").prefix)
        self.assertEqual({u"uploadId": u"u"}, dialect.parameters([(u"UploadId", u"u"), (u"x", u"1"), (u"x", u"2")]))


GET = operation.GetObject(u"space", FILM)
ODD = (None, 5, -1, 1.5, True, u"x", u"\ud800", [], [5], [u"x"], [[]], {}, {u"a": 1}, float("inf"))


class Responses(unittest.TestCase):
    def test_an_encoded_answer_that_is_no_object_is_named(self):
        packed = b"\x1f\x8b\x08 of whatever"
        for op, result in RESULTS:
            sent = dialect.encode_result(op, result)
            if isinstance(op, (operation.GetObject, operation.HeadObject)):
                continue
            headers = Headers(sent.headers.pairs + [("Content-Encoding", "gzip")])
            with self.assertRaises(errors.ConfigurationError) as caught:
                dialect.decode_result(op, Response(200, headers, packed))
            self.assertIn("Content-Encoding: gzip, which the client did not request", caught.exception.message)
            readable = sent._replace(headers=headers)
            self.assertEqual(result, dialect.decode_result(op, readable))
        for status in (403, 404, 502, 503):
            for pairs in ([], [("X-SessionId", "s")]):
                headers = Headers(pairs + [("Content-Encoding", "br")])
                with self.assertRaises(errors.UVideoError) as caught:
                    dialect.decode_result(GET, Response(status, headers, packed))
                self.assertIn("a body with Content-Encoding: br", caught.exception.message)
                self.assertEqual(caught.exception.status, status)

    def test_what_a_captive_portal_says_is_no_answer(self):
        page = Headers([("Content-Type", "text/html; charset=utf-8")])
        for op in (operation.DeleteObject(u"space", u"k"), operation.AbortUpload(u"space", u"k", u"u"), GET):
            self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(200, page, b"<html>"))
            for status in (301, 308):
                moved = Response(status, page, b"<html>")
                self.assertRaises(errors.ConfigurationError, dialect.decode_result, op, moved)
            for status in (302, 303, 307, 401, 403, 404):
                self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(status, page, b"<html>"))
        finish = operation.FinishUpload(u"space", u"k", u"u", (u"e",))
        self.assertRaises(errors.BadAnswer, dialect.decode_result, finish, Response(200, Headers(), b"welcome"))
        self.assertTrue(errors.BadAnswer().retryable)

    def test_bodies_that_are_not_of_this_protocol(self):
        for op, result in RESULTS:
            bare = isinstance(result, (operation.Finished, operation.StoredPart))  # nothing in these bodies is needed
            if bare or not dialect.encode_result(op, result).body:
                continue
            for body in (b"", b"<html>", b"\xff", b"[]", b"5", b"null", b"{}", b"[" * 100000, b'{"a":' * 100000):
                self.assertRaises(errors.BadAnswer, dialect.decode_result, op, Response(200, Headers(), body))

    def test_values_of_another_kind(self):
        for op, result in RESULTS:
            response = dialect.encode_result(op, result)
            if not response.body:
                continue
            said = json.loads(response.body.decode("ascii"))
            for path in paths(said):
                for value in ODD:
                    changed = copy.deepcopy(said)
                    put(changed, path, value)
                    body = json.dumps(changed).encode("ascii")
                    try:
                        found = dialect.decode_result(op, Response(200, response.headers, body))
                    except errors.BadAnswer:
                        continue
                    self.assertIs(type(result), type(found))
                    hash(found)  # nothing but text, numbers and tuples in it

    def test_only_a_get_or_head_may_be_not_modified(self):
        op = operation.PutObject(u"space", FILM)
        self.assertRaises(errors.Refused, dialect.decode_result, op, Response(304, Headers(), b""))


def paths(value, path=()):
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        found.append(path + (name,))
        found.extend(paths(child, path + (name,)))
    return found


def put(document, path, value):
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


if __name__ == "__main__":
    unittest.main()
