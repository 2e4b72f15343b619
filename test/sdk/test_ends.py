"""How long a signed management call is good for: to the vendor it stays as it was, other hosts are told its end."""

from __future__ import absolute_import, division, print_function

import unittest

from ucloud.uvideo.engine import carrier
from ucloud.uvideo.protocol import location, management, operation, signature
from ucloud.uvideo.protocol.errors import BadRequest, SignatureExpired

NOW = 1893456000
PAIR = signature.Credentials("public", "private")


def asked(api):
    """The parameters of a call to this management URL."""
    endpoint = carrier.Endpoint(None, None, api, "UCloud", "BucketName", False, "test")
    made = carrier.Carrier(endpoint, PAIR, None, None, clock=lambda: NOW + 0.9)
    request = made.action_request(operation.DescribeSpace("space"))
    return dict(location.parse_target(request.target).query)


class Ends(unittest.TestCase):
    def test_the_vendor_gets_what_it_always_got(self):
        for api in ("https://api.ucloud.cn", "https://API.ucloud.cn:443", "http://api.auto-ai.com.cn"):
            self.assertEqual(sorted(asked(api)), ["Action", "BucketName", "Offset", "PublicKey", "Signature"])

    def test_a_call_to_another_host_ends(self):
        for api in (
            "http://127.0.0.1:9000",
            "https://media.example.com",
            "http://[::1]:9000",
            "https://ucloud.cn.test",
        ):
            given = asked(api)
            self.assertEqual(given["Expires"], "%d" % (NOW + carrier.LASTS))
            self.assertEqual(given["Signature"], signature.action_signature("private", given))

    def test_its_last_second_belongs_to_it(self):
        given = asked("http://127.0.0.1:9000")
        management.check_end(given, NOW + carrier.LASTS + 0.9)
        self.assertRaises(SignatureExpired, management.check_end, given, NOW + carrier.LASTS + 1)
        self.assertRaises(BadRequest, management.check_end, {"Expires": "soon"}, NOW)
        management.check_end({}, NOW)


if __name__ == "__main__":
    unittest.main()
