# -*- coding: utf-8 -*-
"""Put policies, form uploads and domains: what the server reads out of texts that anybody may have written."""

from __future__ import absolute_import, division, print_function

import base64
import json
import unittest

from test.protocol.samples import CREDENTIALS
from ucloud.uvideo.protocol import errors, policy, postfile, provider, signature
from ucloud.uvideo.protocol.compat import native, to_bytes
from ucloud.uvideo.protocol.message import Headers, Response

URL = u"http://cb.example.com/hook"


def encoded(text):
    return native(base64.urlsafe_b64encode(to_bytes(text)))


class Policies(unittest.TestCase):
    def test_there_and_back(self):
        for body, mime, variables, expected in (
            (u"key=flower.jpg&size=1", None, None, u"key=flower.jpg&size=1"),
            (u"\u89c6 $(x:a)", u"application/json", {u"x:a": u"\xe9"}, u"\u89c6 \xe9"),
            (u"$(x:a)$(x:b)$(y)", None, {u"x:a": u"$(x:b)", u"x:b": u""}, u"$(x:b)$(y)"),
            (u"$(x:none)", None, {}, u"$(x:none)"),
        ):
            found = policy.parse(policy.build(URL, body, mime, variables))
            self.assertEqual(policy.Policy(native(URL), to_bytes(expected), native(mime or policy.FORM)), found)

    def test_the_form_of_the_vectors(self):
        text = policy.build(URL, u"key=flower.jpg&size=1")
        expected = b'{"callbackUrl":"http://cb.example.com/hook","callbackBody":"key=flower.jpg&size=1"}'
        self.assertEqual(expected, base64.urlsafe_b64decode(text))

    def test_padding_may_be_left_out(self):
        for body in (u"", u"x", u"xx", u"xxx"):
            text = policy.build(URL, body)
            self.assertEqual(policy.parse(text), policy.parse(text.rstrip("=")))

    def test_the_longest_has_4096_bytes(self):
        bare = len(base64.urlsafe_b64decode(policy.build(URL, u"")))
        longest = policy.build(URL, u"x" * (3072 - bare))
        self.assertEqual(policy.LIMIT, len(longest))
        self.assertEqual(3072 - bare, len(policy.parse(longest).body))
        for text in (policy.build(URL, u"x" * (3073 - bare)).rstrip("="), longest + "="):
            with self.assertRaises(errors.BadRequest) as caught:
                policy.parse(text)
            self.assertIn("longer than 4096 bytes", str(caught.exception))

    def test_the_method_that_the_android_sdk_writes(self):
        for method, taken in ((u"POST", True), (u"post", True), (u"", True), (u"GET", False), (7, False)):
            text = u'{"callbackUrl":"%s","callbackBody":"a=b","callbackMethod":%s}' % (URL, json.dumps(method))
            if taken:
                self.assertEqual(b"a=b", policy.parse(encoded(text)).body)
            else:
                with self.assertRaises(errors.BadRequest) as caught:
                    policy.parse(encoded(text))
                self.assertIn("callbackMethod", str(caught.exception))

    def test_what_is_refused(self):
        good = {"callbackUrl": URL, "callbackBody": u""}
        for text in (
            "",
            "=",
            "a+b/",
            u"\u89c6",
            "x" * 5000,
            encoded(u"{"),
            encoded(b"\xff"),
            encoded(u"[]"),
            encoded(u"7"),
            encoded(u"[" * 3000),
            encoded(u"{}"),
            encoded(u'{ "callbackUrl":"http://a/","callbackBody":""}'),
            encoded(u'{"a":1,"callbackUrl":"http://a/","callbackBody":""}'),
            policy.build(URL, u"x").rstrip("=") + policy.build(URL, u"x"),
        ) + tuple(
            encoded(json.dumps(dict(good, **changed)))
            for changed in (
                {"callbackUrl": None},
                {"callbackUrl": 7},
                {"callbackUrl": u"gopher://x"},
                {"callbackUrl": u"http:///x"},
                {"callbackUrl": u"http://a@b/"},
                {"callbackUrl": u"http://a/\u89c6"},
                {"callbackUrl": u"http://a/ b"},
                {"callbackBody": None},
                {"callbackBody": [u"x"]},
                {"callbackBody": u"\ud800"},
                {"callbackBodyType": u"text/html"},
                {"callbackBodyType": u"application/json;\r\nX: y"},
                {"callbackVar": u"x"},
                {"deadline": 1893456000},  # it would not hold
                {"callbackurl": URL},
                {"callbackVar": {u"x:a": None}},
                {"callbackBody": u"$(x:a)" * 200, "callbackVar": {u"x:a": u"y" * 1000}},
            )
        ):
            self.assertRaises(errors.BadRequest, policy.parse, text)

    def test_every_policy_begins_in_one_of_two_ways(self):
        compact, lines = signature.POLICIES
        for body, mime, variables in ((u"", None, None), (u"x", policy.JSON, {u"x:a": u"\u89c6"})):
            self.assertTrue(policy.build(URL, body, mime, variables).startswith(compact))
        for name in sorted(policy.MEMBERS):
            self.assertTrue(encoded(u'{"%s' % name).startswith(compact))
            self.assertTrue(encoded(u'{\n  "%s' % name).startswith(lines))
        for one, other in ((compact, lines), (lines, compact)):  # a key with a policy behind has but one
            self.assertFalse(any(one.endswith(other[:length]) for length in range(1, len(other) + 1)))

    def test_the_lines_that_the_ios_sdk_writes(self):
        text = u'{\n  "callbackBody" : "key=a\\/b",\n  "callbackUrl" : "http:\\/\\/cb.example.com\\/hook"\n}'
        found = policy.parse(native(base64.b64encode(to_bytes(text))))
        self.assertEqual((native(URL), b"key=a/b"), (found.url, found.body))

    def test_the_policy_of_a_request(self):
        text = policy.build(URL, u"x")
        signed = signature.authorization(CREDENTIALS, "PUT", "space", "k", Headers(), policy=text)
        self.assertEqual(policy.parse(text), policy.of(Headers([("Authorization", signed)])))
        plain = signature.authorization(CREDENTIALS, "PUT", "space", "k", Headers())
        for headers in (Headers(), Headers([("Authorization", plain)]), Headers([("Authorization", plain + ":")])):
            self.assertIs(None, policy.of(headers))

    def test_what_is_passed_through(self):
        given = Response(200, Headers([("ETag", '"x"'), ("content-type", "text/plain")]), b"old")
        found = policy.passed_through(given, b"{}")
        self.assertEqual((200, b"{}"), (found.status, found.body))
        self.assertEqual([("ETag", '"x"'), ("Content-Type", "application/json")], found.headers.pairs)


class Forms(unittest.TestCase):
    def test_what_a_form_is(self):
        for value, expected in (
            ("multipart/form-data; boundary=x", True),
            ("Multipart/FORM-data", True),
            ("multipart/mixed; boundary=x", False),
            ("application/x-www-form-urlencoded", False),
        ):
            self.assertIs(expected, postfile.is_form(Headers([("Content-Type", value)])))
        self.assertFalse(postfile.is_form(Headers()))

    def test_the_fields_take_the_place_of_headers(self):
        headers = Headers(
            [("authorization", "old"), ("Content-Type", "multipart/form-data"), ("CONTENT-MD5", "m"), ("X-A", "b")]
        )
        fields = {u"filename": u"\u89c6", u"authorization": u"new", u"content-type": u"video/mp4", u"other": u"x"}
        key, readings = postfile.readings(headers, fields, u"text/plain")
        self.assertEqual(u"\u89c6", key)
        self.assertEqual(["video/mp4", "text/plain"], [each.get("Content-Type") for each in readings])
        for each in readings:
            self.assertEqual((["new"], "m", "b"), (each.all("Authorization"), each.get("Content-MD5"), each.get("X-A")))
        key, readings = postfile.readings(headers, {u"objectname": u"k", u"content-md5": u"n"}, u"")
        self.assertEqual([("k", "old", ["n"], "")], [
            (native(key), each.get("Authorization"), each.all("Content-MD5"), each.get("Content-Type"))
            for each in readings
        ])

    def test_the_key_of_a_form(self):
        for fields in ({}, {u"filename": u""}, {u"filename": u"a", u"objectname": u"b"}):
            self.assertRaises(errors.BadRequest, postfile.readings, Headers(), fields, u"")
        both = {u"filename": u"a", u"objectname": u"a"}
        for fields, target in ((both, u""), (both, u"a"), ({u"filename": u"a"}, u"a"), ({}, u"a")):
            self.assertEqual(u"a", postfile.readings(Headers(), fields, u"", target)[0])
        for fields in (both, {u"filename": u"a"}, {u"objectname": u"A", u"filename": u"b"}):
            self.assertRaises(errors.BadRequest, postfile.readings, Headers(), fields, u"", u"b")


class Domains(unittest.TestCase):
    def test_a_domain(self):
        for given, expected in (
            (u"Video.Example.com", u"video.example.com"),
            (u" a.b ", None),
            (u" a-b.c0m. ", u"a-b.c0m"),
            (u"xn--fiq228c.example", u"xn--fiq228c.example"),
        ):
            if expected is None:
                self.assertRaises(errors.InvalidArgument, provider.check_domain, given)
            else:
                self.assertEqual(expected, provider.check_domain(given))
        for given in (u"", u"localhost", u"a.localhost", u"1.2.3.4", u"a..b", u"-a.b.com", u"\u89c6.com", 7, None):
            self.assertRaises(errors.InvalidArgument, provider.check_domain, given)

    def test_the_domain_that_a_host_names(self):
        self.assertEqual("a.example.com", provider.domain_of("A.example.com.:80"))
        for host in ("", "a", "a.localhost:1", "127.0.0.1", "[::1]:80"):
            self.assertIs(None, provider.domain_of(host))


if __name__ == "__main__":
    unittest.main()
