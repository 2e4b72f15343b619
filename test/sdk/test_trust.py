# -*- coding: utf-8 -*-
"""Certificates: which are believed, and the one that the client shows; no password is asked on a terminal."""

from __future__ import absolute_import, division, print_function

import base64
import os
import pickle
import select
import sys

from ucloud.uvideo import config, filemanager
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http.trust import Certificate, tls
from ucloud.uvideo.protocol.errors import InvalidArgument

from .case import settings_of
from .peer import PEM, answer, context
from .test_proxies import environment
from .test_transport import Case, again

ENCRYPTED = os.path.join(os.path.dirname(PEM), "tls-key-encrypted.pem")
PASSWORD = u"pass words"
OWN = {"ca_bundle": PEM, "client_cert": PEM, "client_key": ENCRYPTED, "client_key_password": PASSWORD}
#: A handler of a release that knew none of these options, pickled by it.
OLDER = base64.b64decode(
    b"gAJjdWNsb3VkLnV2aWRlby5maWxlbWFuYWdlcgpGaWxlTWFuYWdlcgpxACmBcQF9cQIoWAsAAABjcmVkZW50aWFsc3EDWAYAAABwdWJsaWNx"
    b"BFgHAAAAcHJpdmF0ZXEFTodxBlgIAAAAc2V0dGluZ3NxB2N1Y2xvdWQudXZpZGVvLmNvbmZpZwpTZXR0aW5ncwpxCChjdWNsb3VkLnV2aWRl"
    b"by5wcm90b2NvbC5wcm92aWRlcgpTdWZmaXgKcQlYBAAAAGh0dHBxClgOAAAAMTI3LjAuMC4xOjkwMDBxC4iHcQyBcQ1oDVgVAAAAaHR0cDov"
    b"LzEyNy4wLjAuMTo5MDAwcQ5YBgAAAEF1dG9BSXEPWAUAAABjbi1ianEQSzxLPEsESwFYBQAAAG9sZGVycRFYCgAAAEJ1Y2tldE5hbWVxEomJ"
    b"TnRxE4FxFHViLg=="
)


class Keys(Case):
    def test_each_fault_of_the_files_is_named(self):
        for certificate, text in (
            (Certificate(PEM, ENCRYPTED, None), u"is encrypted: set client_key_password"),
            (Certificate(PEM, ENCRYPTED, u"wrong"), u"client_key_password does not decrypt the private key in"),
            (Certificate(PEM, ENCRYPTED, u"p\xe4ss \u5bc6\u7801"), u"does not decrypt"),
            (Certificate(PEM, ENCRYPTED, u"x" * 1025), u"longer than 1024 bytes"),
            (Certificate(u"/nowhere/\u5bc6", None, None), u"client_cert: there is no file /nowhere/\u5bc6"),
            (Certificate(PEM, "/nowhere", None), u"client_key: there is no file /nowhere"),
            (Certificate(__file__, None, None), u"contain no PEM certificate and private key"),
            (Certificate(PEM, __file__, None), u"contain no PEM certificate and private key"),
        ):
            with self.assertRaises(InvalidArgument) as caught:
                tls(PEM, certificate)
            self.assertIn(text, caught.exception.message)
            if certificate.password is not None:
                self.assertNotIn(certificate.password, repr(certificate) + repr(caught.exception))

    def test_a_password_opens_the_key(self):
        for password in (PASSWORD, PASSWORD.encode("ascii")):
            tls(PEM, Certificate(PEM, ENCRYPTED, password))
        tls(PEM, Certificate(PEM, None, PASSWORD))  # of a key that needs none


class Options(Case):
    def setUp(self):
        self.addCleanup(config.unset_default)

    def test_a_handler_shows_its_certificate(self):
        peer = self.peer(again(answer(b"", "ETag: \"x\"")), context(client_certificate=True))
        config.set_default(uploadsuffix=peer.origin, retries=0, **OWN)
        with filemanager.FileManager("public", "private") as files:
            self.assertEqual(200, files.head_file("space", "a")[1].status_code)
            copied = pickle.loads(pickle.dumps(files))
            self.assertNotIn(PASSWORD, repr(settings_of(files)) + repr(files))
        with copied:
            self.assertEqual(200, copied.head_file("space", "a")[1].status_code)

    def test_what_cannot_be_is_said_at_once(self):
        peer = self.peer(again(answer()), context(client_certificate=True))
        config.set_default(uploadsuffix=peer.origin, retries=9, **OWN)
        for option, value, text in (
            ("client_key_password", None, u"is encrypted: set client_key_password"),
            ("client_key_password", u"wrong", u"does not decrypt"),
            ("client_cert", None, u"client_key is set without client_cert: set both"),
            ("ca_bundle", u"/nowhere", u"there is no file or folder of certificates /nowhere"),
        ):
            before = config.get_default(option)
            config.unset_default(option)
            config.set_default(**{option: value})
            resp = filemanager.FileManager("public", "private").head_file("space", "a")[1]
            self.assertEqual(-3, resp.status_code)
            self.assertIn(text, resp.error)
            config.set_default(**{option: before})
        self.assertEqual([], peer.calls)

    def test_the_proxy_is_for_every_host(self):
        peer = self.peer(again(answer(b"", "ETag: \"x\"")))
        config.set_default(uploadsuffix="127.0.0.1:1", retries=0, proxy="http://us:pass@" + peer.host)
        with filemanager.FileManager("public", "private") as files:
            self.assertEqual(200, files.head_file("space", "a")[1].status_code)
        line, headers, _ = peer.calls[0].requests[0]
        self.assertTrue(line.startswith("HEAD http://127.0.0.1:1/"), line)
        self.assertEqual(headers["proxy-authorization"], "Basic dXM6cGFzcw==")
        with environment(http_proxy="http://127.0.0.1:1"):
            config.set_default(uploadsuffix="service.test", open_ssl=False, proxy="")
            direct = filemanager.FileManager("public", "private")
            self.assertIs(carrier_of(direct).transport.route("http://service.test").proxy, None)

    def test_bad_values_are_refused_and_tell_no_secret(self):
        for option, values in (
            ("ca_bundle", ("", 3)),
            ("client_cert", ("", 3)),
            ("client_key", ("", 3)),
            ("client_key_password", ("", 3, u"s3cret\n")),
            ("proxy", (3, "ftp://us:s3cret@h", "http://us:s3cret@", "us:s3cret@h o", "h:70000", "http://us:s3/cret@h")),
        ):
            for value in values:
                with self.assertRaises(ValueError) as caught:
                    config.set_default(**{option: value})
                self.assertNotIn("s3cret", str(caught.exception))
            self.assertIs(None, config.get_default(option))

    def test_a_pickle_of_an_older_handler_can_be_used(self):
        files = pickle.loads(OLDER)
        self.assertEqual("127.0.0.1:9000", settings_of(files).upload.host)
        self.assertEqual((None,) * 5, settings_of(files)[-5:])
        self.assertIs(carrier_of(files).transport.route("http://127.0.0.1:9000").proxy, None)


class Terminal(Case):
    def test_no_password_is_asked_on_the_terminal(self):
        import pty

        program = (
            "from ucloud.uvideo import config, filemanager\n"
            "config.set_default(uploadsuffix='https://127.0.0.1:1', client_cert=%r, client_key=%r)\n"
            "print(filemanager.FileManager('p', 's').head_file('space', 'a')[1].status_code)\n" % (PEM, ENCRYPTED)
        )
        pid, terminal = pty.fork()
        if not pid:
            os.execv(sys.executable, [sys.executable, "-c", program])
        said = b""
        try:
            while select.select([terminal], [], [], 60)[0]:
                data = os.read(terminal, 4096)
                if not data:
                    break
                said += data
        except EnvironmentError:  # Linux's end of a terminal
            pass
        finally:
            os.close(terminal)  # ends who still waits for an answer
            os.waitpid(pid, 0)
        self.assertIn(b"-3", said)
        self.assertNotIn(b"pass phrase", said)
