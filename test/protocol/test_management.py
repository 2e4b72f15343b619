# -*- coding: utf-8 -*-
"""The management plane: operations and answers there and back, and what hostile requests and answers are made of."""

from __future__ import absolute_import, division, print_function

import json
import unittest

from test.protocol.samples import ACTION_RESULTS, ACTIONS, CREDENTIALS
from ucloud.uvideo.protocol import errors, location, management, operation, signature
from ucloud.uvideo.protocol.compat import native
from ucloud.uvideo.protocol.message import Headers, Response

JSON = Headers([("Content-Type", "application/json")])


def received(request):
    """(operation, action name) that a server reads, after checking the signature."""
    given = management.parameters(location.parse_target(request.target).query, request.headers, request.body)
    made = signature.action_signature(CREDENTIALS.private_key, given)
    if not signature.equal(made, given["Signature"]):
        raise AssertionError("the signature does not verify")
    return management.decode(given)


class Operations(unittest.TestCase):
    def test_every_operation_comes_back(self):
        self.assertEqual(set(management.BY_CLASS), set(type(op) for op, _ in ACTIONS))
        for op, video in ACTIONS:
            for name in ("BucketName", "SpaceName"):
                request = management.encode(op, "https://api.ucloud.cn", CREDENTIALS, name, video)
                found, called = received(request)
                self.assertEqual(op, found._replace(biz=op.biz) if not video and hasattr(op, "biz") else found)
                self.assertEqual("VideoSpace" in called or "VideoFile" in called, video)
                self.assertEqual(("GET", "https://api.ucloud.cn"), (request.method, request.origin))

    def test_a_form_and_json(self):
        form = management.parameters([], Headers(), b"Action=DescribeBucket&Limit=5&Tag=a+b")
        self.assertEqual({u"Action": u"DescribeBucket", u"Limit": u"5", u"Tag": u"a b"}, form)
        body = b'{"Action":"GetVideoFileBySpace","SpaceName":["sp"],"Limit":5,"Offset":2.0,"X":true,"Y":1.5}'
        given = management.parameters([], JSON, body)
        self.assertEqual(u"5", given["Limit"])
        self.assertEqual((u"true", u"1.5"), (given["X"], given["Y"]))
        expected = operation.ListSpaceFiles(u"sp", 2, 5)
        self.assertEqual((expected, u"GetVideoFileBySpace"), management.decode(given))

    def test_the_query_and_the_body_agree(self):
        query = [(u"Limit", u"5")]
        self.assertEqual({u"Limit": u"5"}, management.parameters(query, JSON, b'{"Limit":5}'))
        self.assertRaises(errors.BadRequest, management.parameters, query, JSON, b'{"Limit":6}')
        self.assertRaises(errors.BadRequest, management.parameters, query + [(u"Limit", u"6")], Headers(), b"")

    def test_bodies_that_are_refused(self):
        for body in (
            b"{",
            b"\xff",
            b"[]",
            b"1",
            b"null",
            b"[" * 100000,
            b'{"a":' * 100000,
            b'{"Action":{"a":1}}',
            b'{"Action":null}',
            b'{"Action":[{"a":1}]}',
            b'{"Action":[[1]]}',
            b'{"Action":"\\ud800"}',
            b'{"\\ud800":"Action"}',
            b'{"Limit":NaN}',
            b'{"Limit":Infinity}',
            b'{"Limit":-Infinity}',
            b'{"Limit":1e999}',
        ):
            self.assertRaises(errors.BadRequest, management.parameters, [], JSON, body)
        for body in (b"a=%ff", b"a=%zz", b"\xff=1", b"a=1&a=2"):
            self.assertRaises(errors.BadRequest, management.parameters, [], Headers(), body)

    def test_calls_that_are_refused(self):
        for given, cls in (
            ({}, errors.ActionMissing),
            ({u"Action": u""}, errors.ActionMissing),
            ({u"Action": u"x" * 5000}, errors.ActionUnknown),
            ({u"Action": u"describebucket"}, errors.ActionUnknown),
            ({u"Action": u"DeleteBucket"}, errors.ParameterMissing),
            ({u"Action": u"CreateBucket", u"BucketName": u""}, errors.ParameterMissing),
            ({u"Action": u"DescribeBucket", u"Limit": u"\xb2"}, errors.BadRequest),
            ({u"Action": u"DescribeBucket", u"Limit": u"\u0661"}, errors.BadRequest),
            ({u"Action": u"DescribeBucket", u"Offset": u"-1"}, errors.BadRequest),
            ({u"Action": u"DescribeBucket", u"Offset": u"9" * 9999}, errors.BadRequest),
        ):
            self.assertRaises(cls, management.decode, given)


class Answers(unittest.TestCase):
    def test_the_end_of_temporary_keys_in_each_form(self):
        """Text of UTC as documented; a number, as servers before 1.0 said it."""
        keys = {"AccessKeyId": "a", "AccessKeySecret": "b", "SecurityToken": "c"}

        def said(expiration):
            document = {"RetCode": 0, "Credentials": dict(keys, Expiration=expiration)}
            response = Response(200, JSON, json.dumps(document).encode("ascii"))
            return management.decode_result(operation.AssumeRole(), response).expires

        for text in (
            u"2023-07-11T20:15:58Z",
            u"2023-07-11 20:15:58",
            u"2023-07-11T20:15:58.250Z",
            u"2023-07-11T20:15:58+00:00",
            1689106558,
            u"1689106558",
        ):
            self.assertEqual(1689106558, said(text))
        self.assertEqual(1709164800, said(u"2024-02-29T00:00:00Z"))
        dates = (u"2023-02-29T00:00:00Z", u"2023-13-01T00:00:00Z", u"2023-07-11T20:15:58+08:00")
        for text in dates + (u"soon", None, 1.5, -1):
            self.assertRaises(errors.BadAnswer, said, text)

    def test_every_result_comes_back(self):
        for op, result in ACTION_RESULTS:
            name = management.name_of(op)
            response = management.encode_result(name, result)
            self.assertEqual(result, management.decode_result(op, response))
            self.assertEqual(200, response.status)
            said = json.loads(response.body.decode("ascii"))
            self.assertEqual((0, name + u"Response"), (said["RetCode"], said["Action"]))

    def test_every_error_comes_back(self):
        for cls in errors.CLASSES:
            response = management.encode_error(u"CreateBucket", cls(u"caf\xe9"))
            self.assertEqual(200, response.status)
            with self.assertRaises(errors.Refused) as caught:
                management.decode_result(operation.CreateSpace(u"space"), response)
            error, code = caught.exception, cls.action_code or 15005
            self.assertEqual((code, u"caf\xe9", u"space"), (error.ret_code, error.message, error.space))
            if code not in (150, 15005):
                self.assertEqual(cls.action_code, type(error).action_code)
            else:
                self.assertIs(errors.Unavailable, type(error))

    def test_codes_with_a_meaning(self):
        for code, cls in (
            (110, errors.Unavailable),
            (153, errors.Throttled),
            (170, errors.NoCredentials),
            (171, errors.SignatureMismatch),
            (172, errors.UnknownKey),
            (174, errors.TokenUnknown),
            (15008, errors.DomainInvalid),
            (15009, errors.DomainTaken),
            (15038, errors.TooManyTokens),
            (15040, errors.TokenNotFound),
            (299, errors.AccessDenied),
            (15000, errors.SpaceExists),
            (15010, errors.SpaceNotFound),
            (15023, errors.SpaceNotEmpty),
            (15039, errors.SpaceNotFound),
            (15017, errors.BadRequest),
            (99999, errors.Refused),
            (-1, errors.Refused),
        ):
            self.assertIs(cls, type(errors.action_refusal(code)), code)
        self.assertIn(u"duplicate bucket name", errors.SpaceExists().message)

    def test_messages_of_any_kind(self):
        op = operation.DescribeSpace()
        for message, said in (
            (u"a\x1b[31mb\r\n", u"a [31mb"),
            (None, u"bucket not exist"),
            (5, u"5"),
            ([1], u"bucket not exist"),
            ({u"a": 1}, u"bucket not exist"),
            (u"x" * 5000, u"x" * 500),
            (u"\ud800x", u"x"),
        ):
            body = json.dumps({"RetCode": 15010, "Message": message}).encode("ascii")
            with self.assertRaises(errors.SpaceNotFound) as caught:
                management.decode_result(op, Response(200, JSON, body))
            self.assertEqual(said, caught.exception.message)
            self.assertEqual(native(said), str(caught.exception))

    def test_answers_that_are_not_of_this_protocol(self):
        for op in (operation.DescribeSpace(), operation.ListSpaceFiles(u"s"), operation.CreateSpace(u"s")):
            for body in (b"", b"<html>", b"[]", b"{}", b'{"RetCode":"0"}', b'{"RetCode":true}', b"[" * 100000):
                self.assertRaises(errors.BadAnswer, management.decode_result, op, Response(200, JSON, body))
        bad = ("5", '"x"', "[1]", '["x"]', "[{}]", "[[]]", '{"a":1}', '[{"BucketName":5}]')
        more = ('[{"BucketName":"b","Domain":[]}]', '[{"BucketName":"b","Domain":{"Src":[5]}}]')
        more += ('[{"BucketName":"\\ud800"}]', '[{"BucketName":"b","CreateTime":"x"}]')
        more += ('[{"BucketName":"b","Domain":{"Src":5}}]',)
        for entries in bad + more:
            body = ('{"RetCode":0,"DataSet":%s}' % entries).encode("ascii")
            for op in (operation.DescribeSpace(), operation.ListSpaceFiles(u"s")):
                if entries != '[{"BucketName":"b","Domain":[]}]':  # an empty list stands for no domains
                    self.assertRaises(errors.BadAnswer, management.decode_result, op, Response(200, JSON, body))

    def test_an_error_of_a_proxy(self):
        for status, cls, cause in ((200, errors.BadAnswer, "page"), (502, errors.Unavailable, "gateway")):
            with self.assertRaises(cls) as caught:
                response = Response(status, Headers(), b"<html><title>Bad Gateway\x1b</title>")
                management.decode_result(operation.DescribeSpace(), response)
            error = caught.exception
            self.assertEqual((status, cause, True), (error.status, error.cause, error.retryable))
            self.assertIn('the answer %d is not from the service: "Bad Gateway"' % status, str(error))


if __name__ == "__main__":
    unittest.main()
