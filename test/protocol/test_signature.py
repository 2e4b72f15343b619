"""Every vector is signed and verified; a request altered in one signed element is refused."""

from __future__ import absolute_import, division, print_function

import base64
import hashlib
import hmac
import json
import unittest

from test.protocol.samples import CREDENTIALS, UFILE, VECTORS, headers
from ucloud.uvideo.protocol import dialect, location, management, signature
from ucloud.uvideo.protocol.compat import build_query, native, to_bytes, to_text
from ucloud.uvideo.protocol.errors import InvalidArgument, NoCredentials, SignatureExpired, SignatureMismatch
from ucloud.uvideo.protocol.message import Headers, Request
from ucloud.uvideo.protocol.operation import PutObject

HEADER = [vector for vector in VECTORS["signatures"] if vector["kind"] == "header"]
URL = [vector for vector in VECTORS["signatures"] if vector["kind"] == "url"]
ACTION = [vector for vector in VECTORS["signatures"] if vector["kind"] == "mgmt"]
BY_ID = dict((vector["id"], vector) for vector in VECTORS["signatures"])
NOW = 1893455700


def pieces(vector):
    """(mime, canonical headers, tail) of what the vector signs."""
    given = headers(vector["headers"])
    mime = vector.get("content_type_signed", vector["headers"].get("Content-Type", u""))
    canonical = signature.canonical_headers(given, native(vector.get("scheme", u"UCloud")))
    if vector["id"] == "h28-java-copy-part":
        for name in ("x-ufile-copy-source", "x-ufile-copy-source-range"):
            canonical += u"%s:%s\n" % (name, to_text(given.get(name)))
    tail = signature.list_tail(list(vector["query"].items())) if vector["id"].startswith("h20") else u""
    return mime, canonical, tail


class Received(object):
    """What a server knows of a vector's request; one element may be given otherwise than it was signed."""

    def __init__(self, vector, target=None, **altered):
        self.method = altered.get("method", vector["method"])
        self.space = altered.get("space", vector["bucket"])
        self.headers = headers(vector["headers"])
        self.mime = vector.get("content_type_signed")
        if "mime" in altered:
            self.mime = altered["mime"]
        for name, value in altered.get("headers", ()):
            self.headers = Headers([pair for pair in self.headers if pair[0] != name] + [(name, value)])
        if vector["kind"] == "header":
            authorization = altered.get("authorization", vector["authorization"])
            self.headers.add("authorization", native(authorization))
            found = location.parse_target(native(target or vector["request_target"]))
        else:
            found = location.parse_target(native(target))
        prefix = "myspace" if vector.get("dialect") == "uvideo" else None
        self.path_key = location.key_of(location.addresses("demobucket.cn-bj.ufileos.com", prefix, found.path)[0])
        self.keys, self.tails = signature.variants(vector["method"], self.path_key, found.query)
        if vector["id"].startswith("h18"):  # a form: the key stands in the field FileName
            self.keys = [vector["key"]]
        if "key" in altered:
            self.keys = [altered["key"]]
        if "tail" in altered:
            self.tails = [altered["tail"]]
        self.claim = signature.claim(self.headers, found.query)
        if "expires" in altered:
            self.claim = self.claim._replace(expires=altered["expires"])
        if "signature" in altered:
            self.claim = self.claim._replace(signature=altered["signature"])

    def verify(self, private_key=CREDENTIALS.private_key, now=NOW):
        texts = signature.candidates(
            self.claim, self.method, self.space, self.keys, self.headers, self.tails, self.mime
        )
        return signature.verify(self.claim, private_key, texts, now)


class HeaderVectors(unittest.TestCase):
    def test_there_are_as_many_as_the_page_says(self):
        self.assertEqual((31, 5, 10, 7), (len(HEADER), len(URL), len(ACTION), len(VECTORS["etags"])))

    def test_the_text_is_the_vectors(self):
        for vector in HEADER:
            mime, canonical, tail = pieces(vector)
            given = vector["headers"]
            text = signature.string_to_sign(
                vector["method"],
                vector["bucket"],
                vector["key"],
                given.get("Content-MD5", u""),
                mime,
                given.get("Date", u""),
                canonical,
                tail,
                vector.get("put_policy_base64", u""),
            )
            self.assertEqual(vector["string_to_sign"], text, vector["id"])

    def test_signing_gives_the_vectors_authorization(self):
        for vector in HEADER:
            if vector["id"][:3] in ("h20", "h28"):  # their extra lines are signed by those clients alone
                continue
            given = headers(vector["headers"])
            if "content_type_signed" in vector:
                given = Headers([("Content-Type", native(vector["content_type_signed"]))])
            made = signature.authorization(
                CREDENTIALS,
                vector["method"],
                vector["bucket"],
                vector["key"],
                given,
                native(vector["scheme"]),
                vector.get("put_policy_base64"),
            )
            self.assertEqual(vector["authorization"], made, vector["id"])
            self.assertIsInstance(made, str)

    def test_the_digest_of_every_vectors_text(self):
        for vector in HEADER + URL:
            found = signature.verify(
                signature.Claim("UCloud", u"", vector["signature"], None, u""),
                CREDENTIALS.private_key,
                [vector["string_to_sign"]],
                NOW,
            )
            self.assertEqual(vector["string_to_sign"], found)

    def test_the_mac_is_that_of_rfc_2202(self):
        for key, text, expected in (
            (u"Jefe", u"what do ya want for nothing?", u"7/zfauXrL6LSdBbV8YTfnCWafHk="),
            (u"\u00e9" * 40, u"longer than a block of SHA-1", None),
            (u"", u"no key", None),
        ):
            made = [signature.sign(key, text) for _ in range(2)]  # begun, and begun already
            if expected is None:
                expected = native(base64.b64encode(hmac.new(to_bytes(key), to_bytes(text), hashlib.sha1).digest()))
            self.assertEqual([expected] * 2, made)

    def test_each_is_verified(self):
        for vector in HEADER:
            for target in [vector["request_target"]] + vector.get("also_seen_target", []):
                received = Received(vector, target)
                self.assertEqual(vector["string_to_sign"], received.verify(), vector["id"])
                self.assertEqual(CREDENTIALS.public_key, received.claim.public_key)
                self.assertEqual(vector["scheme"], received.claim.word)

    def test_the_target_says_the_key(self):
        for vector in HEADER:
            if vector["id"][:3] in ("h18", "h29"):  # in a form field, in FileName
                continue
            for target in [vector["request_target"]] + vector.get("also_seen_target", []):
                self.assertEqual(vector["key"], Received(vector, target).path_key, vector["id"])

    def test_our_own_target_says_the_key_too(self):
        for vector in HEADER + URL:
            if vector["key"]:
                request = dialect.encode(PutObject(vector["bucket"], vector["key"]), UFILE)
                found = location.parse_target(request.target)
                address = location.addresses("h", None, found.path)[0]
                self.assertEqual(vector["key"], location.key_of(address), vector["id"])

    def test_each_signed_element_counts(self):
        for vector in HEADER:
            word, _, rest = vector["authorization"].partition(u" ")
            fields = rest.split(u":")
            altered = [
                {"method": u"PATCH"},
                {"key": vector["key"] + u"x"},
                {"space": vector["bucket"] + u"x"},
                {"headers": [("Content-MD5", "0" * 32)]},
                {"headers": [("Date", "Tue, 27 Mar 2007 19:37:58 GMT")]},
                {"mime": u"text/other"},
                {"authorization": u"%s %s" % (word, u":".join([fields[0], fields[1][::-1]] + fields[2:]))},
                {"authorization": u"%s %s" % (word, u":".join([fields[0], u""] + fields[2:]))},
                {"authorization": u"%s %s" % (word, u":".join(fields[:2] + [u"e30="]))},
            ]
            for name, value in headers(vector["headers"]):
                if name.lower().startswith(("x-ucloud-", "x-autoai-")):
                    altered.append({"headers": [(name, value + "x")]})
            if vector["id"].startswith("h28"):
                altered.append({"headers": [("X-Ufile-Copy-Source", "/srcbucket/other")]})
                altered.append({"headers": [("X-Ufile-Copy-Source-Range", "bytes=0-1")]})
            if vector["id"].startswith("h20"):
                altered.append({"tail": signature.list_tail([(u"max-keys", u"100")])})
            if "put_policy_base64" in vector:
                altered.append({"authorization": u"%s %s" % (word, u":".join(fields[:2]))})
            for change in altered:
                self.assertRaises(SignatureMismatch, Received(vector, **change).verify)

    def test_another_key_pair_does_not_verify(self):
        for vector in HEADER:
            other = vector["authorization"].replace(CREDENTIALS.public_key, u"someone")
            received = Received(vector, authorization=other)
            self.assertEqual(u"someone", received.claim.public_key)
            self.assertRaises(SignatureMismatch, received.verify, u"another private key")

    def test_unsigned_elements_do_not_count(self):
        vector = BY_ID["h11-put-meta"]
        for name in ("X-Ufile-Meta-Foo", "Range", "Host", "Bucket", "X-Ufile-Storage-Class", "SecurityToken"):
            received = Received(vector, vector["request_target"] + "?a=b", headers=[(name, "other")])
            self.assertEqual(vector["string_to_sign"], received.verify())

    def test_unsigned_xucloud_headers_of_go_pass(self):
        vector = BY_ID["h01-put-plain"]
        received = Received(vector, headers=[("X-Ucloud-Foo", "bar")])
        self.assertEqual(vector["string_to_sign"], received.verify())

    def test_which_keys_and_tails_may_be_signed(self):
        hit, plain = [(u"Hash", u"h"), (u"FileName", u"f")], ((u"uploadhit",), (u"",))
        self.assertEqual(((u"f",), (u"",)), signature.variants("POST", u"uploadhit", hit))
        self.assertEqual(plain, signature.variants("PUT", u"uploadhit", hit))
        self.assertEqual(plain, signature.variants("POST", u"uploadhit", hit[1:]))  # that acts on the key uploadhit
        append = [(u"append", u""), (u"position", u"7")]
        self.assertEqual(((u"k",), (u"", u"?append&position=7")), signature.variants("PUT", u"k", append))
        self.assertEqual(((u"k",), (u"",)), signature.variants("DELETE", u"k", append))
        self.assertEqual(2, len(signature.variants("GET", u"", [(u"listobjects", u"")])[1]))
        self.assertEqual(((u"k",), (u"",)), signature.variants("GET", u"k", [(u"listobjects", u"")]))

    def test_a_signed_date_is_no_time_of_a_url(self):
        vector = BY_ID["h09-put-md5-date"]
        for date in (u"1893456000", u"0", u"99999999999", u"2024013123595", u"202401312359590", u"x", u"\u0661" * 14):
            with self.assertRaises(SignatureMismatch) as caught:
                Received(vector, headers=[("Date", native(date))]).verify()
            self.assertIn("14 digits", str(caught.exception))
        for date in (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "  20240131235959\t",
            "",
        ):
            given = Headers([("Date", date)])
            claimed = signature.claim(
                Headers([("Authorization", signature.authorization(CREDENTIALS, "PUT", u"s", u"k", given))]), []
            )
            texts = signature.candidates(claimed, "PUT", u"s", [u"k"], given)
            found = signature.verify(claimed, CREDENTIALS.private_key, texts, 0)
            self.assertEqual(u"PUT\n\n\n%s\n/s/k" % date.strip(), found)

    def test_no_value_of_a_text_holds_a_line_break(self):
        for name in ("Content-MD5", "Content-Type"):
            received = Received(BY_ID["h01-put-plain"], headers=[(name, "a\nb")])
            with self.assertRaises(SignatureMismatch) as caught:
                received.verify()
            self.assertIn("line break", str(caught.exception))

    def test_a_key_whose_text_is_anothers_is_not_signed_by_header(self):
        listed = signature.list_tail([(u"prefix", u"a")])
        for method, key, expected in (
            ("PUT", u"k" + signature.POLICIES[0], True),
            ("PUT", u"k" + signature.POLICIES[1], True),
            ("POST", signature.POLICIES[0], True),
            ("GET", u"k" + signature.POLICIES[0], False),
            ("PUT", u"k" + signature.POLICIES[0][:-1], False),
            ("PUT", u"k" + signature.POLICIES[1][:-1], False),
            ("GET", listed, True),
            ("PUT", listed, False),
            ("GET", u"k" + listed, False),
        ):
            self.assertIs(expected, signature.signs_another(method, key))
            claimed = signature.Claim("UCloud", u"a", u"b", None, u"")
            given = (method, u"s", [key], Headers())
            if expected:
                with self.assertRaises(InvalidArgument):
                    signature.authorization(CREDENTIALS, method, u"s", key, Headers())
                with self.assertRaises(SignatureMismatch):
                    list(signature.candidates(claimed, *given))
            else:
                self.assertTrue(signature.authorization(CREDENTIALS, method, u"s", key, Headers()))
                self.assertTrue(list(signature.candidates(claimed, *given)))
            url = claimed._replace(expires=u"1")
            self.assertTrue(list(signature.candidates(url, *given)))

    def test_what_a_text_holds_beside_the_usual(self):
        for vector in HEADER:
            asked = vector.get("put_policy_base64", u"")
            found = signature.read_text(vector["string_to_sign"], vector["bucket"], vector["key"], asked)
            self.assertEqual(vector["id"].startswith("h28"), found.is_copy)
            tail = signature.list_tail(list(vector["query"].items())) if vector["id"].startswith("h20") else u""
            self.assertEqual(tail, found.tail)
        lines = u"x-ucloud-a:b:c\nx-ucloud-d:\n"
        text = signature.string_to_sign("PUT", u"s", u"k\n/s/x", u"", u"/s/k", u"", lines, u"t", u"p")
        found = signature.read_text(text, u"s", u"k\n/s/x", u"p")
        self.assertEqual(({u"x-ucloud-a": u"b:c", u"x-ucloud-d": u""}, u"t"), found)

    def test_two_listings_never_have_one_text(self):
        for marker, prefix, tails in (
            (u"a", u"b", 2),
            (u"a\nb", u"c\nd", 2),
            (u"a\nmax-keys:5\nprefix:b", u"c", 1),
            (u"a", u"b\nmax-keys:\nprefix:c", 1),
        ):
            query = [(u"listobjects", u""), (u"Marker", marker), (u"prefix", prefix), (u"MAX-KEYS", u"5")]
            self.assertEqual(tails, len(signature.variants("GET", u"", query)[1]))
            tail = u"\nlistobjects\ndelimiter:\nmarker:%s\nmax-keys:5\nprefix:%s" % (marker, prefix)
            self.assertEqual(tail, signature.list_tail(query))

    def test_canonical_headers_fold_and_trim(self):
        given = Headers([("x-ucloud-b", "  1 \t 2 "), ("X-UCloud-A", "x"), ("X-UCLOUD-B", "3"), ("X-AutoAI-c", "4")])
        self.assertEqual(u"x-ucloud-a:x\nx-ucloud-b:1 2,3\n", signature.canonical_headers(given))
        self.assertEqual(u"x-autoai-c:4\n", signature.canonical_headers(given, "AutoAI"))
        self.assertEqual(u"", signature.canonical_headers(Headers([("Host", "h")])))

    def test_an_unreadable_authorization_is_no_credentials(self):
        wrong = ("", "UCloud", "UCloud ", "UCloud a", "UCloud :x", "UCloud a:b:c:d")
        for value in wrong + ("Basic a:b", "ucloud a:b", "a:b"):
            self.assertRaises(NoCredentials, signature.read_authorization, value)

    def test_an_authorization_that_is_not_utf8_is_no_credentials(self):
        value = "UCloud a\xff:b" if isinstance("", bytes) else "UCloud a\udcff:b"
        self.assertRaises(NoCredentials, signature.read_authorization, value)

    def test_a_header_that_is_not_utf8_signs_nothing(self):
        if isinstance("", bytes):  # only Python 3 gets such text out of its HTTP library
            self.assertRaises(UnicodeError, to_text, "\xff")
            return
        received = Received(BY_ID["h01-put-plain"], headers=[("Date", "\udcff")])
        self.assertRaises(SignatureMismatch, received.verify)
        received = Received(BY_ID["h01-put-plain"], signature=u"\udcff")
        self.assertRaises(SignatureMismatch, received.verify)

    def test_nothing_shows_a_secret(self):
        secret, signed = CREDENTIALS.private_key, BY_ID["u01-get"]["signature"]
        claim = signature.claim(Headers([("Authorization", "UCloud a:%s" % signed)]), [])
        query = signature.signed_query(CREDENTIALS, u"GET", u"demobucket", u"demokey", 1893456000)
        request = Request("GET", "http://h", "/demokey?" + query, Headers([("Authorization", signed)]), b"")
        for value in (CREDENTIALS, claim, request.headers, request):
            for shown in (repr(value), str(value), "%s" % (value,), "{0}".format(value), repr([value])):
                self.assertNotIn(secret, shown)
                self.assertNotIn(signed, shown)
                self.assertNotIn("JCoHd", shown)
        self.assertIn("Authorization", repr(request.headers))
        self.assertIn("/demokey", repr(request))


class UrlVectors(unittest.TestCase):
    @staticmethod
    def targets(vector):
        path = "/" + native(vector["key"])
        found = [path.replace(" ", "%20") + "?" + native(vector["encoded_query"])]
        return found + [native(vector[name]) for name in ("sdk_url_raw", "sdk_url_encoded") if name in vector]

    def test_signing_gives_the_vectors_query(self):
        for vector in URL:
            mime = vector["headers"].get("Content-Type", u"")
            made = signature.signed_query(
                CREDENTIALS, vector["method"], vector["bucket"], vector["key"], vector["expires"], mime
            )
            self.assertEqual(vector["encoded_query"], made, vector["id"])

    def test_each_is_verified(self):
        for vector in URL:
            for target in self.targets(vector):
                received = Received(vector, target)
                self.assertEqual(vector["string_to_sign"], received.verify(), vector["id"])
                self.assertEqual(CREDENTIALS.public_key, received.claim.public_key)

    def test_each_signed_element_counts(self):
        for vector in URL:
            target = self.targets(vector)[0]
            altered = [
                {"method": u"DELETE"},
                {"key": vector["key"] + u"x"},
                {"space": u"other"},
                {"expires": u"1893456001"},
                {"expires": u"1893456000.0"},
                {"expires": u""},
                {"expires": u"\u0661"},
                {"expires": u"9" * 5000},
                {"signature": vector["signature"][::-1]},
            ]
            if vector["method"] == "PUT":
                altered.append({"headers": [("Content-Type", "text/html")]})
                altered.append({"headers": [("Content-MD5", "0" * 32)]})
            for change in altered:
                self.assertRaises(SignatureMismatch, Received(vector, target, **change).verify)

    def test_its_end_has_eleven_digits_at_most(self):
        for expires in (0, 99999999999):
            self.assertIn("Expires=%d&" % expires, signature.signed_query(CREDENTIALS, "GET", u"s", u"k", expires))
        for expires in (-1, 100000000000, 20240131235959):
            self.assertRaises(InvalidArgument, signature.signed_query, CREDENTIALS, "GET", u"s", u"k", expires)
        claimed = signature.Claim(None, u"a", u"b", u"100000000000", u"")
        with self.assertRaises(SignatureMismatch) as caught:
            signature.verify(claimed, u"x", [], 10**12)
        self.assertNotIsInstance(caught.exception, SignatureExpired)

    def test_it_ends_when_it_says(self):
        for vector in URL:
            received = Received(vector, self.targets(vector)[0])
            self.assertEqual(vector["string_to_sign"], received.verify(now=vector["expires"]))
            self.assertRaises(SignatureExpired, received.verify, now=vector["expires"] + 1)

    def test_expiry_is_looked_at_before_the_signature(self):
        received = Received(URL[0], self.targets(URL[0])[0], signature=u"wrong")
        self.assertRaises(SignatureExpired, received.verify, now=1893456001)

    def test_headers_of_a_get_are_not_signed(self):
        received = Received(URL[0], self.targets(URL[0])[0], headers=[("Content-Type", "a/b"), ("Expires", "1")])
        self.assertEqual(URL[0]["string_to_sign"], received.verify())

    def test_other_parameters_may_be_added(self):
        received = Received(URL[0], self.targets(URL[0])[0] + "&ufileattname=x&iopcmd=thumbnail")
        self.assertEqual(URL[0]["string_to_sign"], received.verify())

    def test_a_header_alone_decides(self):
        query = location.parse_target(self.targets(URL[0])[0]).query
        claim = signature.claim(Headers([("authorization", "UCloud a:b")]), query)
        self.assertEqual(signature.Claim(u"UCloud", u"a", u"b", None, u""), claim)

    def test_nobody_and_half_a_claim(self):
        self.assertIsNone(signature.claim(Headers(), [(u"Expires", u"1")]))
        both = [(u"UCloudPublicKey", u"x"), (u"Signature", u"x")]
        for pairs in ([(u"Signature", u"x")], both[:1], [(u"Expires", u"0"), both[1]], both + [(u"Expires", u"")]):
            self.assertRaises(NoCredentials, signature.claim, Headers(), pairs)
        for pairs in (both, both + [(u"Expires", u"0")]):
            self.assertTrue(signature.claim(Headers(), pairs).is_endless)
        self.assertFalse(signature.claim(Headers(), both + [(u"Expires", u"00")]).is_endless)

    def test_a_url_without_an_end_signs_its_verb_and_key_alone(self):
        claimed = signature.Claim(None, u"a", u"b", u"", u"")
        headers = Headers([("Date", "x"), ("Content-MD5", "y"), ("Content-Type", "z"), ("X-UCloud-A", "b")])
        for method, expected in (("GET", [u"GET"]), ("HEAD", [u"HEAD", u"GET"]), ("PUT", [u"PUT"])):
            texts = list(signature.candidates(claimed, method, u"s", [u"k"], headers, (u"", u"?append&position=1")))
            self.assertEqual([u"%s\n\n\n\n/s/k" % verb for verb in expected], texts)
        for method in ("GET", "HEAD"):
            with self.assertRaises(SignatureMismatch):
                list(signature.candidates(claimed, method, u"s", [signature.list_tail([])], headers))


class ActionVectors(unittest.TestCase):
    def test_signing(self):
        for vector in ACTION:
            made = signature.action_signature(CREDENTIALS.private_key, vector["params"])
            self.assertEqual(vector["signature"], made, vector["id"])
            with_signature = dict(vector["params"], Signature=u"anything")
            self.assertEqual(made, signature.action_signature(CREDENTIALS.private_key, with_signature))

    def test_verifying_from_each_form_of_request(self):
        for vector in ACTION:
            query = build_query(sorted(vector["params"].items()))
            form = Headers([("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")])
            js = Headers([("Content-Type", "application/json")])
            for given in (
                management.parameters(location.parse_target("/?" + query).query, Headers(), b""),
                management.parameters([], form, query.encode("ascii")),
                management.parameters([], js, json.dumps(vector["params"]).encode("ascii")),
            ):
                self.assertEqual(vector["params"], given)
                made = signature.action_signature(CREDENTIALS.private_key, given)
                self.assertTrue(signature.equal(vector["signature"], made))

    def test_each_parameter_counts(self):
        for vector in ACTION:
            for name in vector["params"]:
                changed = dict(vector["params"], **{str(name): vector["params"][name] + u"x"})
                made = signature.action_signature(CREDENTIALS.private_key, changed)
                self.assertFalse(signature.equal(vector["signature"], made), (vector["id"], name))
            made = signature.action_signature(u"another", vector["params"])
            self.assertFalse(signature.equal(vector["signature"], made))

    def test_values_that_are_not_text(self):
        for value, text in (
            (True, u"true"),
            (False, u"false"),
            (10, u"10"),
            (10.0, u"10"),
            (1.5, u"1.5"),
            (1e20, u"100000000000000000000"),
            (1e-7, u"0.0000001"),
            (b"x", u"x"),
        ):
            self.assertEqual(text, signature.parameter_text(value))


if __name__ == "__main__":
    unittest.main()
