# -*- coding: utf-8 -*-
"""Every result and error that a server says a client understands; a malformed answer is a BadAnswer."""

from __future__ import absolute_import, division, print_function

import copy
import json
import pickle
import unittest

from test.protocol.samples import EMOJI, ETAG, FILM, INFO, RESULTS, TIME, UPLOAD_ID
from ucloud.uvideo.protocol import answer, errors, operation
from ucloud.uvideo.protocol.compat import native
from ucloud.uvideo.protocol.message import Headers, Response

GET = operation.GetObject(u"space", FILM)


def own():
    """The classes of the core; the toolkit has some of its own, if it is loaded."""
    return [cls for cls in tree(errors.UVideoError) if cls.__module__ == errors.__name__]


def tree(cls):
    found = [cls]
    for child in cls.__subclasses__():
        found.extend(tree(child))
    return found


class Results(unittest.TestCase):
    def test_every_result_comes_back(self):
        results = set(type(result) for _, result in RESULTS)
        others = [cls for cls in vars(operation).values() if hasattr(cls, "_fields") and cls not in results]
        for cls in others:
            self.assertRaises(KeyError, answer.encode, None, tuple.__new__(cls, cls._fields))
        self.assertGreater(len(others), len(results))
        for op, result in RESULTS:
            response = answer.encode(op, result)
            self.assertEqual(result, answer.decode(op, response))
            for name, value in response.headers:
                self.assertIs(str, type(name))
                self.assertIs(str, type(value))
            self.assertIn(response.status, (200, 204, 206, 304))
            if response.body:
                self.assertEqual("application/json", response.headers.get("Content-Type"))
                json.loads(response.body.decode("ascii"))

    def test_what_real_clients_need(self):
        response = answer.encode(GET, INFO._replace(span=(2, 3)))
        self.assertEqual(206, response.status)
        self.assertEqual('"%s"' % ETAG, response.headers.get("ETag"))
        self.assertEqual("bytes 2-4/11", response.headers.get("Content-Range"))
        self.assertEqual("3", response.headers.get("Content-Length"))
        self.assertIn("X-Ufile-Meta-Author-Name", dict(response.headers))  # Java minds the case
        self.assertEqual(TIME, answer.parse_date(response.headers.get("Last-Modified")))
        page = [(op, result) for op, result in RESULTS if isinstance(result, operation.ObjectPage)][0]
        said = json.loads(answer.encode(*page).body.decode("ascii"))
        self.assertEqual((u"100", u"1099511627776"), (said["MaxKeys"], said["Contents"][0]["Size"]))
        files = [(op, result) for op, result in RESULTS if isinstance(result, operation.FilePage)][0]
        entry = json.loads(answer.encode(*files).body.decode("ascii"))["DataSet"][0]
        self.assertEqual((FILM, FILM, 11), (entry["FileName"], entry["ObjectName"], entry["Size"]))

    def test_an_object_that_was_stored_encoded_comes_as_it_was_stored(self):
        info = INFO._replace(headers=((u"Content-Encoding", u"gzip"),))
        for each in (info, info._replace(span=(2, 3))):
            self.assertEqual(each, answer.decode(GET, answer.encode(GET, each)))

    def test_what_was_encoded_on_the_way_is_named(self):
        for span, pairs in (
            (None, {"ETag": 'W/"%s"' % ETAG}),
            (None, {"ETag": '"%s-gzip"' % ETAG}),
            (None, {"ETag": '"%s;br"' % ETAG}),
            (None, {"ETag": None}),
            (None, {"Content-Length": None}),
            ((2, 3), {"Content-Length": "40"}),
            ((2, 3), {"Content-Length": None}),
        ):
            sent = answer.encode(GET, INFO._replace(span=span))
            changed = dict(sent.headers.pairs, **{"Content-Encoding": "gzip"})
            changed.update(pairs)
            headers = Headers([(name, value) for name, value in changed.items() if value is not None])
            with self.assertRaises(errors.ConfigurationError) as caught:
                answer.decode(GET, sent._replace(headers=headers))
            self.assertIn("Content-Encoding: gzip", caught.exception.message)
            self.assertTrue(caught.exception.sent)
            plain = Headers([pair for pair in headers.pairs if pair[0] != "Content-Encoding"])
            if pairs.get("ETag", "") is not None:  # without it nothing of this is a sign
                answer.decode(GET, sent._replace(headers=plain))

    def test_an_encoded_answer_that_is_no_object_is_named(self):
        packed = b"\x1f\x8b\x08 of whatever"
        for op, result in RESULTS:
            sent = answer.encode(op, result)
            if isinstance(op, (operation.GetObject, operation.HeadObject)):
                continue
            headers = Headers(sent.headers.pairs + [("Content-Encoding", "gzip")])
            with self.assertRaises(errors.ConfigurationError) as caught:
                answer.decode(op, Response(200, headers, packed))
            self.assertIn("Content-Encoding: gzip, which nobody asked for", caught.exception.message)
            self.assertEqual(result, answer.decode(op, sent._replace(headers=headers)))  # one that can be read is
        for status in (403, 404, 502, 503):
            for pairs in ([], [("X-SessionId", "s")]):
                headers = Headers(pairs + [("Content-Encoding", "br")])
                with self.assertRaises(errors.UVideoError) as caught:
                    answer.decode(GET, Response(status, headers, packed))
                self.assertIn("a body with Content-Encoding: br", caught.exception.message)
                self.assertEqual(caught.exception.status, status)

    def test_the_time_is_never_this_moment(self):
        response = answer.encode(GET, INFO._replace(modified=None, created=None))
        self.assertIsNone(response.headers.get("Last-Modified"))
        self.assertIsNone(answer.decode(GET, response).modified)

    def test_offered_names(self):
        for filename, said in (
            (u"a b.mp4", 'attachment;filename="a b.mp4"'),
            (u"50% off.mp4", 'attachment;filename="50% off.mp4"'),
            (u"%E8%A7%86.mp4", "attachment;filename*=UTF-8''%E8%A7%86.mp4"),
            (u"\u89c6/.mp4", "attachment;filename*=UTF-8''%E8%A7%86%2F.mp4"),
            (u'a"b', "attachment;filename*=UTF-8''a%22b"),
            (u"a\\b", "attachment;filename*=UTF-8''a%5Cb"),
            (u"%0d\r\nSet-Cookie: a=b", "attachment;filename*=UTF-8''%250d%0D%0ASet-Cookie%3A%20a%3Db"),
            (u"%41\n", "attachment;filename*=UTF-8''%2541%0A"),
        ):
            info = INFO._replace(filename=filename, headers=(("Content-Disposition", u"inline"),))
            self.assertEqual([said], answer.encode(GET, info).headers.all("Content-Disposition"))

    def test_sparse_and_odd_headers(self):
        info = answer.decode(GET, Response(200, Headers([("ETag", '"e"')]), b""))
        self.assertEqual(operation.ObjectInfo(None), info._replace(etag=None)._replace(metadata=(), headers=()))
        for pairs in ([], [("ETag", '""')], [("Content-Type", "text/html"), ("Content-Length", "5")]):
            self.assertRaises(errors.BadAnswer, answer.decode, GET, Response(200, Headers(pairs), b""))
        for value in ("x", "-1", u"\xb2", "9" * 9999, "1.5", ""):
            pairs = [("Content-Length", value), ("Last-Modified", value), ("ETag", 'W/"e"')]
            info = answer.decode(GET, Response(200, Headers(pairs), b""))
            self.assertEqual((None, u"e", None), (info.size, info.etag, info.modified))
        for value in (None, "bytes */5", "bytes 5-1/9", "bytes 0-9/5", "x", u"bytes 0-\u0661/5", "bytes 0-1"):
            headers = Headers([("ETag", '"e"')] + ([("Content-Range", value)] if value else []))
            self.assertRaises(errors.BadAnswer, answer.decode, GET, Response(206, headers, b""))
        info = answer.decode(GET, Response(206, Headers([("ETag", "e"), ("Content-Range", "bytes 0-9/*")]), b""))
        self.assertEqual((None, (0, 10)), (info.size, info.span))

    def test_what_a_captive_portal_says_is_no_answer(self):
        page = Headers([("Content-Type", "text/html; charset=utf-8")])
        for op in (operation.DeleteObject(u"space", u"k"), operation.AbortUpload(u"space", u"k", u"u"), GET):
            self.assertRaises(errors.BadAnswer, answer.decode, op, Response(200, page, b"<html>"))
            for status in (301, 308):
                self.assertRaises(errors.ConfigurationError, answer.decode, op, Response(status, page, b"<html>"))
            for status in (302, 303, 307, 401, 403, 404):
                self.assertRaises(errors.BadAnswer, answer.decode, op, Response(status, page, b"<html>"))
        finish = operation.FinishUpload(u"space", u"k", u"u", (u"e",))
        self.assertRaises(errors.BadAnswer, answer.decode, finish, Response(200, Headers(), b"welcome"))
        self.assertTrue(errors.BadAnswer().retryable)

    def test_no_text_of_an_error_holds_control_characters(self):
        for error in (errors.IntegrityError(u"a\x1b[2J\r\nb"), errors.BadAnswer(b"a\x1b[2J\r\nb")):
            self.assertEqual(u"a [2J  b", error.message)

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
            found = answer.parse_date(value)
            if value != "Mon, 99 Mar 2007 19:37:58 GMT":  # some Pythons count on into April
                self.assertEqual(seconds, found, value)
        self.assertEqual("Mon, 26 Mar 2007 19:37:58 GMT", answer.http_date(1174937878))

    def test_retry_after(self):
        self.assertEqual(3, answer.retry_after(Headers([("Retry-After", " 3 ")])))
        self.assertIsNone(answer.retry_after(Headers()))
        date = Headers([("Retry-After", "Thu, 01 Jan 1970 00:01:00 GMT")])
        self.assertEqual((None, 50, 0), tuple(answer.retry_after(date, now) for now in (None, 10, 100)))
        for value in ("x", u"\xb2", "-1", " ", "9" * 9999, "1.5"):
            self.assertIsNone(answer.retry_after(Headers([("Retry-After", value)]), 0))
        self.assertEqual(10**9, answer.retry_after(Headers([("Retry-After", "9" * 18)])))


ODD = (None, 5, -1, 1.5, True, u"x", u"\ud800", [], [5], [u"x"], [[]], {}, {u"a": 1}, float("inf"))


class Malformed(unittest.TestCase):
    def test_bodies_that_are_not_of_this_protocol(self):
        for op, result in RESULTS:
            if not answer.encode(op, result).body or isinstance(result, (operation.Finished, operation.StoredPart)):
                continue  # nothing in these bodies is needed
            for body in (b"", b"<html>", b"\xff", b"[]", b"5", b"null", b"{}", b"[" * 100000, b'{"a":' * 100000):
                self.assertRaises(errors.BadAnswer, answer.decode, op, Response(200, Headers(), body))

    def test_values_of_another_kind(self):
        for op, result in RESULTS:
            response = answer.encode(op, result)
            if not response.body:
                continue
            said = json.loads(response.body.decode("ascii"))
            for path in paths(said):
                for value in ODD:
                    changed = copy.deepcopy(said)
                    put(changed, path, value)
                    body = json.dumps(changed).encode("ascii")
                    try:
                        found = answer.decode(op, Response(200, response.headers, body))
                    except errors.BadAnswer:
                        continue
                    self.assertIs(type(result), type(found))
                    hash(found)  # nothing but text, numbers and tuples in it

    def test_initiate_must_be_of_use(self):
        op = operation.InitiateUpload(u"space", FILM)
        pairs = ((u"", 1), (u"u", 0), (u"u", -1), (5, 1), (u"u", u"x"), (u"u", True), (u"u", None))
        for upload_id, block_size in pairs:
            body = json.dumps({"UploadId": upload_id, "BlkSize": block_size}).encode("ascii")
            self.assertRaises(errors.BadAnswer, answer.decode, op, Response(200, Headers(), body))

    def test_a_part_needs_its_etag(self):
        op = operation.UploadPart(u"space", FILM, UPLOAD_ID, 0)
        for pairs in ([], [("ETag", "")], [("ETag", '""')]):
            self.assertRaises(errors.BadAnswer, answer.decode, op, Response(200, Headers(pairs), b"{}"))

    def test_only_a_get_or_head_may_be_not_modified(self):
        op = operation.PutObject(u"space", FILM)
        self.assertRaises(errors.Refused, answer.decode, op, Response(304, Headers(), b""))


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


class Errors(unittest.TestCase):
    def test_every_class_comes_back_from_the_data_plane(self):
        for cls in errors.CLASSES:
            response = answer.encode_error(cls())
            self.assertEqual("application/json", response.headers.get("Content-Type"))
            with self.assertRaises(errors.Refused) as caught:
                answer.decode(GET, response)
            error = caught.exception
            self.assertIs(cls, type(error))
            self.assertEqual((cls.status, cls.ret_code, cls.message), (error.status, error.ret_code, error.message))
            self.assertEqual((u"GetObject", u"space", FILM), (error.operation, error.space, error.key))
            self.assertIs(cls, type(errors.refusal(cls.status, cls.ret_code, cls.message)))

    def test_another_text_keeps_the_family(self):
        for cls in errors.CLASSES:
            response = answer.encode_error(cls(u"another text \u89c6"))
            with self.assertRaises(errors.Refused) as caught:
                answer.decode(GET, response)
            self.assertEqual(u"another text \u89c6", caught.exception.message)
            self.assertEqual((cls.status, cls.ret_code), (caught.exception.status, caught.exception.ret_code))
            self.assertEqual(cls.retryable, caught.exception.retryable)

    def test_what_the_field_saw(self):
        for status, code, text, cls in (
            (403, -148658, u"invalid signature", errors.SignatureMismatch),
            (401, -148658, u"invalid signature", errors.SignatureMismatch),
            (403, -148658, u"permission denied", errors.AccessDenied),
            (403, -148658, u"something", errors.AccessDenied),
            (404, -30010, u"bucket not exist", errors.SpaceNotFound),
            (400, -148653, u"bucket not exists", errors.SpaceNotFound),
            (404, -148654, u"file not exist", errors.NotFound),
            (404, None, None, errors.NotFound),
            (400, -148660, u"content length:4194404 larger than block size:4194304", errors.BadRequest),
            (500, -1014, u"put duplicate key error", errors.PartExists),
            (500, None, None, errors.InternalError),
            (502, None, None, errors.Unavailable),
            (429, None, u"slow down", errors.Throttled),
            (418, None, None, errors.Refused),
            (302, None, None, errors.Refused),
            (412, None, None, errors.PreconditionFailed),
        ):
            self.assertIs(cls, type(errors.refusal(status, code, text)), (status, code, text))

    def test_an_answer_that_is_none_of_ours(self):
        for body, message in (
            (b"", u"the service answered 503"),
            (b"<html>\x00\x1b[31m\r\n</html>", u"[31m"),
            (b"\xff\xfe", u"\ufffd\ufffd"),
            (b"x" * 9999, u"x" * 200),
            (b"[" * 100000, u"[" * 200),
            (b'{"RetCode":"x","ErrMsg":5}', u"5"),
            (b'{"RetCode":-1,"ErrMsg":{"a":1}}', u"the service answered 503"),
            (b'{"RetCode":-1,"ErrMsg":"\\ud800a\\u009b"}', u"a"),
            (b'{"RetCode":-1,"Message":"m"}', u"m"),
            (b'{"RetCode":-1,"ErrMsg":"\\ud83d\\ude00"}', u"\U0001f600"),
        ):
            with self.assertRaises(errors.Unavailable) as caught:
                answer.decode(GET, Response(503, Headers([("X-SessionId", "s"), ("Retry-After", "2")]), body))
            error = caught.exception
            self.assertEqual((message, "s", 2), (error.message, error.request_id, error.retry_after))
            self.assertEqual(native(message), str(error))

    def test_what_has_the_services_form_is_a_refusal(self):
        html, session = ("Content-Type", "text/html"), ("X-SessionId", "s")
        xml = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></Error>'
        for pairs, body, status, cls, message in (
            ([], b"", 404, errors.NotFound, u"the service answered 404"),  # to HEAD
            ([("Content-Type", "application/json")], b"", 403, errors.AccessDenied, u"the service answered 403"),
            ([session, html], b"<html><title>a</title>", 404, errors.NotFound, u"a"),
            ([session], b"gone", 500, errors.InternalError, u"gone"),
            ([("Content-Type", "application/xml")], xml, 403, errors.AccessDenied, u"AccessDenied: No"),
            ([], b'{"ErrMsg":"x"}', 401, errors.SignatureMismatch, u"x"),
        ):
            with self.assertRaises(cls) as caught:
                answer.decode(GET, Response(status, Headers(pairs), body))
            error = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual((message, None, None), (error.message, error.ret_code, error.cause))
        own = answer.encode_error(errors.NotFound())
        self.assertRaises(errors.NotFound, answer.decode, GET, own)

    def test_what_has_another_form_is_not(self):
        html, text = ("Content-Type", "text/html"), ("Content-Type", "text/plain")
        for pairs, body, shown in (
            ([html], b"", u"without a word"),  # to HEAD
            ([("WWW-Authenticate", "Basic")], b"", u"without a word"),
            ([("WWW-Authenticate", "Basic")], b'{"RetCode":-1,"ErrMsg":"x"}', u'"{"RetCode":-1,"ErrMsg":"x"}"'),
            ([html], u"<title>\u767b\u5f55</title>".encode("utf-8"), u'"\u767b\u5f55"'),
            ([("Content-Type", "text/html; charset=GBK")], u"<TITLE>\u767b\u5f55".encode("gbk"), u'"\u767b\u5f55"'),
            ([("Content-Type", "text/html; charset=zlib")], b"<title>a", u'"a"'),
            ([], b"<!DOCTYPE html><style>b{}</style><h1>No &amp;\x1b[2J way</h1>", u"No & [2J way"),
            ([text], b"upstream connect error\r\nmore", u'"upstream connect error more"'),
            ([], b'{"message":"no key"}', u"no key"),
            ([], b"\xff" * 9, u"\ufffd" * 9),
            ([html], b"<title" * 30000, u'"<title<title'),
            ([html], b"<" * 100000, u"<"),
        ):
            for status in (400, 401, 403, 404, 405, 416, 429, 500, 502, 503, 504):
                late = status >= 429
                with self.assertRaises(errors.Refused if late else errors.BadAnswer) as caught:
                    answer.decode(GET, Response(status, Headers(pairs + [("Retry-After", "2")]), body))
                error = caught.exception
                self.assertEqual((status, 2, None), (error.status, error.retry_after, error.ret_code))
                self.assertEqual("gateway" if late else "page", error.cause)
                self.assertIn(shown, error.message)
                self.assertTrue(error.retryable and len(error.message) < 500)

    def test_retry_after_is_sent(self):
        response = answer.encode_error(errors.Throttled(retry_after=1.5))
        self.assertEqual("1", response.headers.get("Retry-After"))

    def test_each_can_be_pickled_and_copied(self):
        for cls in own():
            context = {"operation": "PutObject", "space": u"space", "key": EMOJI, "status": 418, "retry_after": 3}
            for error in (cls(), cls(u"caf\xe9 " + EMOJI, **context)):
                for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                    self.same(error, pickle.loads(pickle.dumps(error, protocol)))
                self.same(error, copy.copy(error))

    def same(self, error, other):
        self.assertIs(type(error), type(other))
        for name in set(vars(error)) | set(vars(other)):
            self.assertEqual(getattr(error, name), getattr(other, name))
        self.assertEqual((str(error), error.message, error.args), (str(other), other.message, other.args))

    def test_their_text(self):
        error = errors.NotFound(u"no \u89c6")
        self.assertEqual(native(u"no \u89c6"), str(error))
        self.assertEqual(u"no \u89c6", u"%s" % error)
        self.assertIs(str, type(str(error)))

    def test_their_context(self):
        self.assertRaises(TypeError, errors.NotFound, u"x", colour=1)
        error = errors.NotFound(status=410, retryable=True)
        self.assertEqual((410, True, None), (error.status, error.retryable, error.key))
        self.assertEqual((404, False), (errors.NotFound.status, errors.NotFound.retryable))
        self.assertIsInstance(errors.InvalidArgument(), ValueError)

    def test_each_is_drawn_in_the_tree(self):
        for cls in own():
            if not issubclass(cls, errors.Refused):
                self.assertIn(cls.__name__, errors.__doc__)


if __name__ == "__main__":
    unittest.main()
