# -*- coding: utf-8 -*-
"""Every error that a server says a client understands, and what others say in its place."""

from __future__ import absolute_import, division, print_function

import copy
import pickle
import unittest

from test.protocol.samples import EMOJI, FILM
from ucloud.uvideo.protocol import dialect, error_response, errors, operation
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


class Errors(unittest.TestCase):
    def test_every_class_comes_back_from_the_data_plane(self):
        for cls in errors.CLASSES:
            response = error_response.encode_error(cls())
            self.assertEqual("application/json", response.headers.get("Content-Type"))
            with self.assertRaises(errors.Refused) as caught:
                dialect.decode_result(GET, response)
            error = caught.exception
            self.assertIs(cls, type(error))
            self.assertEqual((cls.status, cls.ret_code, cls.message), (error.status, error.ret_code, error.message))
            self.assertEqual((u"GetObject", u"space", FILM), (error.operation, error.space, error.key))
            self.assertIs(cls, type(errors.refusal(cls.status, cls.ret_code, cls.message)))

    def test_another_text_keeps_the_family(self):
        for cls in errors.CLASSES:
            response = error_response.encode_error(cls(u"another text \u89c6"))
            with self.assertRaises(errors.Refused) as caught:
                dialect.decode_result(GET, response)
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
                dialect.decode_result(GET, Response(503, Headers([("X-SessionId", "s"), ("Retry-After", "2")]), body))
            error = caught.exception
            self.assertEqual((message, "s", 2), (error.message, error.request_id, error.retry_after))
            self.assertEqual(native(message), str(error))

    def test_what_has_the_services_form_is_a_refusal(self):
        html, session = ("Content-Type", "text/html"), ("X-SessionId", "s")
        json_type, told = ("Content-Type", "application/json"), u"the service answered %d: %s"
        xml = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></Error>'
        for pairs, body, status, cls, message in (
            ([], b"", 404, errors.NotFound, u"the service answered 404"),  # to HEAD
            ([json_type], b"", 403, errors.AccessDenied, told % (403, u"the key is unknown, or may not do this")),
            ([json_type], b"", 401, errors.SignatureMismatch, told % (401, u"the signature is wrong or has expired")),
            ([session, html], b"<html><title>a</title>", 404, errors.NotFound, u"a"),
            ([session], b"gone", 500, errors.InternalError, u"gone"),
            ([("Content-Type", "application/xml")], xml, 403, errors.AccessDenied, u"AccessDenied: No"),
            ([], b'{"ErrMsg":"x"}', 401, errors.SignatureMismatch, u"x"),
        ):
            with self.assertRaises(cls) as caught:
                dialect.decode_result(GET, Response(status, Headers(pairs), body))
            error = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual((message, None, None), (error.message, error.ret_code, error.cause))
        own = error_response.encode_error(errors.NotFound())
        self.assertRaises(errors.NotFound, dialect.decode_result, GET, own)

    def test_what_has_another_form_is_not(self):
        html, text = ("Content-Type", "text/html"), ("Content-Type", "text/plain")
        for pairs, body, shown in (
            ([html], b"", u"an empty body"),  # to HEAD
            ([("WWW-Authenticate", "Basic")], b"", u"an empty body"),
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
                    dialect.decode_result(GET, Response(status, Headers(pairs + [("Retry-After", "2")]), body))
                error = caught.exception
                self.assertEqual((status, 2, None), (error.status, error.retry_after, error.ret_code))
                self.assertEqual("gateway" if late else "page", error.cause)
                self.assertIn(shown, error.message)
                self.assertTrue(error.retryable and len(error.message) < 500)

    def test_retry_after_is_sent(self):
        response = error_response.encode_error(errors.Throttled(retry_after=1.5))
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

    def test_no_text_of_an_error_holds_control_characters(self):
        for error in (errors.IntegrityError(u"a\x1b[2J\r\nb"), errors.BadAnswer(b"a\x1b[2J\r\nb")):
            self.assertEqual(u"a [2J  b", error.message)

    def test_retry_after(self):
        self.assertEqual(3, error_response.retry_after(Headers([("Retry-After", " 3 ")])))
        self.assertIsNone(error_response.retry_after(Headers()))
        date = Headers([("Retry-After", "Thu, 01 Jan 1970 00:01:00 GMT")])
        self.assertEqual((None, 50, 0), tuple(error_response.retry_after(date, now) for now in (None, 10, 100)))
        for value in ("x", u"\xb2", "-1", " ", "9" * 9999, "1.5"):
            self.assertIsNone(error_response.retry_after(Headers([("Retry-After", value)]), 0))
        self.assertEqual(10**9, error_response.retry_after(Headers([("Retry-After", "9" * 18)])))


if __name__ == "__main__":
    unittest.main()
