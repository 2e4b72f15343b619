# -*- coding: utf-8 -*-
"""A service that lies, and a network that pretends to be one: nothing of it loses data or escapes as it is."""

from __future__ import absolute_import, division, print_function

import io
import json
import os
import re
import time

from ucloud import logger
from ucloud.uvideo import config
from ucloud.uvideo.engine.carrier import carrier_of

from .case import OPTIONS
from .service import BLOCK, PORTALS, Hostile, as_json, reply
from .surroundings import environment, logged


class Portal(Hostile):
    """A captive portal says 200 or 302 to everything; it is not the service, so nothing it says counts."""

    def test_nothing_a_portal_answers_counts_as_an_answer(self):
        for page in PORTALS:
            self.service.lies = {"*": page}
            self.assertStatus(-1, self.upload())
            self.assertStatus(-1, self.uploader().uploadstream("space", "k", io.BytesIO(b"x"), **OPTIONS))
            self.assertStatus(-1, self.download())
            self.assertStatus(-1, self.deleter().deletefile("space", "k"))
            self.assertStatus(-1, self.manager().describespace("space"))
            self.assertStatus(-1, self.manager().createspace("space"))
            self.assertOld()

    def test_an_upload_goes_on_when_the_portal_is_gone(self):
        for operation in ("initiate", "part", "list", "finish"):
            for page in PORTALS:
                self.service.parts, self.service.lies = {}, {operation: page}
                if operation == "list":
                    self.service.lies["finish"] = None
                uploader = self.uploader()
                self.assertStatus(-1, self.upload(uploader))
                if operation == "list":
                    self.assertStatus(-1, uploader.resumeuploadfile())
                self.assertTrue(self.slept, "a loop of resumes would spin")
                self.assertNotIn("abort", [name for name, _ in self.service.seen])
                self.service.lies = {}
                self.assertStatus(200, uploader.resumeuploadfile())
                self.assertEqual(self.service.stored(), self.data)

    def test_a_checkpoint_outlives_an_abort_that_only_a_portal_answered(self):
        for page in PORTALS:
            checkpoint = self.path()
            self.service.lies = {"part": None}
            self.assertStatus(-1, self.upload(checkpoint=checkpoint))
            self.service.lies = {"abort": page}
            self.assertStatus(-1, self.uploader().abort(checkpoint=checkpoint))
            self.assertTrue(os.path.exists(checkpoint))
            self.service.lies = {}
            self.assertStatus(200, self.uploader().abort(checkpoint=checkpoint))
            self.assertFalse(os.path.exists(checkpoint))

    def test_a_portal_never_says_that_an_object_is_there_or_not(self):
        from ucloud.uvideo import filemanager

        manager = self.quick(filemanager.FileManager("public", "private"))
        self.service.lies = {"finish": None}
        uploader = self.uploader()
        self.assertStatus(-1, self.upload(uploader))
        for page in PORTALS:
            self.service.lies = {"*": page}
            self.assertStatus(-1, manager.head_file("space", "k"))
            self.assertStatus(-1, manager.putfile("space", "k", self.source))
            gone = reply(404, b'{"RetCode":-148654,"ErrMsg":"upload id not exist"}')
            self.service.lies = {"list": gone, "head": page}
            del self.service.seen[:]
            self.assertStatus(-1, uploader.resumeuploadfile())
            self.assertNotIn("initiate", [name for name, _ in self.service.seen])

    def test_a_page_is_no_refusal_and_its_title_is_said(self):
        html = (u"Content-Type", u"text/html")
        for status in (400, 401, 403, 404, 429, 500, 502, 503, 504):
            self.service.lies = {"*": reply(status, b"<html><title>No\x1b[2J way</title><p>x</html>", html)}
            for _, resp in (self.download(), self.deleter().deletefile("space", "k"), self.upload()):
                self.assertStatus(-1 if status < 429 else status, (_, resp))
                self.assertIn("the answer %d is not from the service" % status, resp.error)
                self.assertIn('"No [2J way"', resp.error)
                self.assertIsNone(resp.ret_code)

    def test_a_limit_of_nginx_ends_the_loop(self):
        page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
        self.service.lies = {"part": reply(413, page, (u"Content-Type", u"text/html"))}
        uploader = self.uploader()
        resp = self.assertStatus(-3, self.upload(uploader))
        self.assertIn("client_max_body_size", resp.error)

    def test_a_move_for_good_ends_the_loop(self):
        for status in (301, 308):
            self.service.lies = {"*": reply(status, b"", (u"Location", u"https://new.example/k?Signature=s3cret"))}
            resp = self.assertStatus(-3, self.upload())
            self.assertIn("redirects to https://new.example;", resp.error)


class Answers(Hostile):
    def test_odd_lengths_never_escape(self):
        etag = (u"ETag", u'"AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ"')
        for length in (u"\u00b2", u"1" * 5000, u"-5", u"0x10", u"1, 2", u"9" * 18, u""):
            for answer in (reply(200, b"", etag, length=length), reply(404, b"", length=length)):
                self.service.lies = {"get": answer, "delete": answer, "finish": answer}
                for _, resp in (self.download(), self.deleter().deletefile("space", "k"), self.upload()):
                    self.assertTrue(resp.status_code != 200 or resp.ok())

    def test_a_body_nested_too_deep_never_escapes(self):
        deep = b"[" * 200000
        for body in (deep, b'{"a":' + deep, b"9" * 5000, b'{"FileSize": 1e999}', b'{"FileSize": -1}', b"null", b"[]"):
            self.service.lies = {"*": reply(200, body, (u"Content-Type", u"application/json"))}
            for _, resp in (self.upload(), self.manager().describespace("space")):
                self.assertEqual(resp.status_code, -1, (body[:20], resp))
            for status in (200, 500):
                self.service.lies["*"] = reply(status, body, (u"Content-Type", u"application/json"))
                ret, resp = self.deleter().deletefile("space", "k")
                self.assertTrue(ret is None or isinstance(ret, dict))
            self.service.lies = {"finish": reply(200, body, (u"Content-Type", u"application/json"))}
            self.assertStatus(-1, self.upload())

    def test_a_finish_of_another_size_is_noticed(self):
        self.service.lies = {"finish": as_json({"Bucket": "space", "Key": "k", "FileSize": 3})}
        self.assertStatus(-2, self.upload())

    def test_error_texts_and_the_log_hold_no_control_characters(self):
        evil = u"\x1b[2J\x07\u0085evil"
        lies = (
            {"finish": as_json({"FileSize": 9}, (u"ETag", u'"%s"' % evil))},
            {"get": reply(200, b"x", (u"ETag", u'"%s"' % evil), length=5)},
            {"part": as_json({"RetCode": -1, "ErrMsg": evil})},
            {"*": reply(403, json.dumps({"RetCode": -1, "ErrMsg": evil}).encode("ascii"))},
            {"*": reply(403, evil.encode("utf-8"))},
            {"initiate": as_json({"UploadId": evil + u"\r\nINJECTED", "BlkSize": BLOCK}), "finish": None},
        )
        self.source = self.file(b"one block")  # its etag is compared, so it stands in an error
        log = self.path("log")
        logger.set_log_file(log, 1)
        try:
            for lie in lies:
                self.service.lies = dict(lie, list=reply(404, b'{"RetCode":-148654,"ErrMsg":"upload id not exist"}'))
                uploader = self.uploader()
                answers = [self.upload(uploader), self.download(), self.deleter().deletefile("space", "k")]
                if answers[0][1].status_code == -1:
                    answers.append(uploader.resumeuploadfile())
                for _, resp in answers:
                    self.assertFalse(re.search(u"[\x00-\x1f\x7f]", self.text(resp.error or "")), repr(resp.error))
        finally:
            logger.set_log_file(None)
        written = self.read(log).decode("utf-8")
        self.assertFalse(re.search(u"[\x00-\x09\x0b-\x1f\x7f-\x9f]", written))
        self.assertNotIn(u"\nINJECTED", written)

    @staticmethod
    def text(value):
        return value.decode("utf-8") if isinstance(value, bytes) else value

    def test_header_bombs(self):
        many = [(u"X-%d" % number, u"v" * 100) for number in range(5000)]
        for answer in (reply(200, b"", *many), reply(200, b"", (u"X-Long", u"v" * 100000)), b"\x00" * 10 ** 6, b"HTTP"):
            self.service.lies = {"*": answer}
            for _, resp in (self.deleter().deletefile("space", "k"), self.download(), self.upload()):
                many_are_read = str is bytes and answer.count(b"\n") > 1000  # by the httplib of 2.7
                self.assertTrue(resp.status_code == -1 or (many_are_read and resp.status_code == 200), resp)
        self.assertOld()

    def test_an_endless_answer_is_given_up_in_bounded_memory(self):
        def endless(target, body):
            yield reply(200, b"", (u"Content-Type", u"application/json"), length=None)
            for _ in range(4096):
                yield b" " * 65536

        self.service.lies = {"delete": endless}
        config.set_default(retries=0)
        self.assertStatus(-1, self.deleter().deletefile("space", "k"))
        self.assertLess(self.service.sent, 160 * 1024 * 1024)

    def test_a_refusal_that_comes_in_pieces_is_read_whole(self):
        whole = reply(403, b'{"RetCode":-148643,"ErrMsg":"not yours"}', (u"Content-Type", u"application/json"))

        def slowly(target, body):
            for piece in (whole[:-25], whole[-25:-5], whole[-5:]):
                time.sleep(0.01)
                yield piece

        self.service.lies = {"get": slowly}
        resp = self.assertStatus(403, self.download())
        self.assertEqual((resp.ret_code, resp.error), (-148643, "not yours"))

    def test_a_small_answer_takes_little_memory(self):
        asked = []
        self.service.lies = {"delete": reply(204)}
        deleter = self.deleter()
        opened = carrier_of(deleter).transport.open

        def spying(*args, **kwargs):
            stream = opened(*args, **kwargs)
            read = stream.read
            stream.read = lambda size: (asked.append(size), read(size))[1]
            return stream

        carrier_of(deleter).transport.open = spying
        self.assertStatus(204, deleter.deletefile("space", "k"))
        self.assertLess(max(asked), 2 * 1024 * 1024)  # some Pythons fill a buffer of this size with zeros first

    def test_a_body_longer_than_its_range_does_not_fill_the_disk(self):
        def endless(target, body):
            ranged = (u"Content-Range", u"bytes 0-50/1000000000000")
            yield reply(206, b"", ranged, (u"ETag", u'"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'), length=None)
            for _ in range(2048):
                yield b"x" * 65536

        self.service.lies = {"get": endless}
        self.assertStatus(-2, self.download(content_range=(0, 50)))
        self.assertLess(self.service.sent, 32 * 1024 * 1024)
        self.assertOld()

    def test_content_ranges_that_lie(self):
        given = (u"ETag", u'"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"')
        for value in (
            u"bytes 0-9/5", u"bytes 9-0/10", u"bytes -1-5/10", u"bytes 0-9", u"", u"bytes 1-10/100", u"bytes 0-10/100",
            u"bytes 0-8/100", u"bytes 0-%s/*" % (u"9" * 19), u"bytes 0-%s/*" % (u"9" * 5000), u"bytes \u00b2-9/*",
        ):
            self.service.lies = {"get": reply(206, b"0123456789", given, (u"Content-Range", value))}
            ret, resp = self.download(content_range=(0, 9))
            self.assertIn(resp.status_code, (-1, -2), (value, resp))
            self.assertOld()

    def test_a_body_that_nothing_can_verify_is_refused(self):
        for given in ((), ((u"ETag", u'"of another form"'),)):
            self.service.lies = {"get": reply(200, b"half of it", *given, length=None)}
            ret, resp = self.download()
            self.assertIn(resp.status_code, (-1, -2), resp)
            self.assertOld()

    def test_part_etags_of_any_form_never_escape(self):
        other = self.service.part_etag(b"other")
        for given in (u"\u00ff" + other, other + u"\u00ff", other, u"\u00ff" * 30, u"=" * 28, u"\u89c6\u9891"):

            def lie(target, body, given=given):
                self.service.part(target, body)
                return as_json({"PartNumber": 0}, (u"ETag", u'"%s"' % given))

            self.service.lies = {"part": lie}
            self.assertStatus(-2 if given == other else 200, self.upload())

    def test_block_sizes(self):
        for size in (1, 0, -5, 10 ** 30, 2 ** 31, "x", None, 1.5, True, [BLOCK]):
            self.service.lies = {"initiate": as_json({"UploadId": "u", "BlkSize": size})}
            self.assertStatus(-1, self.upload())
        self.assertNotIn("part", [name for name, _ in self.service.seen])

    def test_an_upload_id_is_handed_back_as_it_came_whatever_it_holds(self):
        for upload_id in (u"a&partNumber=7#?/../%2e", u"视频 " * 20, u"'\"<>;"):
            targets = []
            self.service.lies = {
                "initiate": as_json({"UploadId": upload_id, "BlkSize": BLOCK}),
                "part": lambda target, body, seen=targets: (seen.append(target), self.service.part(target, body))[1],
            }
            self.assertStatus(200, self.upload())
            self.assertEqual(len(targets), 6)
            for target in targets:
                self.assertTrue(re.match(r"[!-~]+\Z", target))
                self.assertEqual((target.count("partNumber="), target.count("?")), (1, 1))
        for upload_id in (u"", u"x" * 100000, u"line\nbreak", u"\ud800", None, 5):
            self.service.lies = {"initiate": as_json({"UploadId": upload_id, "BlkSize": BLOCK})}
            self.assertStatus(-1, self.upload())

    def test_a_list_of_parts_that_never_ends(self):
        def interrupted():
            self.service.lies = {"finish": None}
            uploader = self.uploader()
            self.assertStatus(-1, self.upload(uploader))
            return uploader

        page = [0]

        def growing(target, body):
            page[0] += 1
            first = page[0] * 1000
            found = self.service.listed()
            found.update(IsTruncated=True, NextPartNumberMarker=first + 999)
            found["Parts"] = [{"PartNum": first + n, "Etag": "e", "Size": 1} for n in range(1000)]
            return as_json(found) if page[0] < 50 else None

        def repeated(target, body):
            found = self.service.listed()
            found["Parts"] *= 3000
            return as_json(found)

        for lie in (growing, repeated):
            uploader = interrupted()
            del self.service.seen[:]
            self.service.lies = {"list": lie}
            ret, resp = uploader.resumeuploadfile()
            self.assertIn(resp.status_code, (-1, -2), resp)
            self.assertLess(len([name for name, _ in self.service.seen if name == "list"]), 10)

    def test_no_signature_in_the_log_of_requests_sent(self):
        with logged() as records:
            self.download()
            self.manager().describespace("space")
        self.assertTrue([text for text in records if "GET" in text], records)
        self.assertEqual([text for text in records if re.search("Signature=(?!\\*)", text)], [])


class Proxies(Hostile):
    def test_a_proxy_that_cannot_be_used_is_said(self):
        for proxy in ("socks5://127.0.0.1:1", "ftp://127.0.0.1:1", "http://127.0.0.1:1:1", "http://[", "http://"):
            config.set_default(uploadsuffix="service.test", retries=0)
            with environment(http_proxy=proxy):
                ret, resp = self.deleter().deletefile("space", "k")
            self.assertIn(resp.status_code, (-1, -3), (proxy, resp))
            self.assertIn("proxy", resp.error)

    def test_a_password_of_a_proxy_is_percent_decoded(self):
        from base64 import b64decode

        config.set_default(uploadsuffix="service.test")
        with environment(http_proxy="http://us%3Aer:p%40ss@" + self.service.host):
            self.assertStatus(204, self.deleter().deletefile("space", "k"))
        fields = [field.partition(b":")[2].split() for field in self.service.headers if b"proxy-auth" in field.lower()]
        self.assertEqual([b64decode(value) for _, value in fields], [b"us:er:p@ss"])
        self.assertTrue(self.service.seen[0][1].startswith("http://service.test/"))
