"""Every operation of the SDK, with every combination of hosts that a user may name: nothing goes to any other host."""

from __future__ import absolute_import, division, print_function

import io
import os
import shutil
import tempfile
import unittest

from ucloud.uvideo import config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager
from ucloud.uvideo.protocol import provider as providers
from ucloud.uvideo.protocol.errors import InvalidArgument, UVideoError

from . import hosts
from .case import SESSION, settings_of
from .peer import PEM
from .surroundings import environment

PAIR = ("public", "private")
OPTIONS = {"upload": "uploadsuffix", "download": "downloadsuffix", "api": "apiurl"}


class Hosts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.file = os.path.join(self.folder, "film.mp4")
        with io.open(self.file, "wb") as file:
            file.write(b"film")
        kept = dict((name, os.environ.pop(name)) for name in list(os.environ) if name.lower().endswith("_proxy"))
        self.addCleanup(os.environ.update, kept)
        authorities = os.environ.get("REQUESTS_CA_BUNDLE", "")  # the usual ones load slowly, for each handler
        os.environ["REQUESTS_CA_BUNDLE"] = PEM
        self.addCleanup(os.environ.__setitem__, "REQUESTS_CA_BUNDLE", authorities)
        before = dict((name, config.get_default(name)) for name in list(OPTIONS.values()) + ["provider", "retries"])
        self.addCleanup(config.set_default, **before)
        self.addCleanup(config.unset_default, *before)
        config.unset_default(*OPTIONS.values())

    def named(self, provider, upload, download, api):
        config.unset_default(*OPTIONS.values())
        config.set_default(provider=provider, uploadsuffix=upload, downloadsuffix=download, apiurl=api, retries=0)

    def operations(self):
        """(role, call of a handler that returns resp)."""
        files = filemanager.FileManager(*PAIR)
        parts = multipartuploaduvideo.MultipartUploadUVideo(*PAIR)
        self.addCleanup(parts.close)
        spaces = spacemanager.BucketManager(*PAIR)
        at = hosts.SPACE, "film.mp4"
        target = os.path.join(self.folder, "target")

        def compare():
            try:
                files.compare_file_etag(at[0], at[1], self.file)
            except UVideoError as error:
                return error

        calls = [
            ("upload", files.putfile, at + (self.file,)),
            ("upload", files.postfile, at + (self.file,)),
            ("upload", files.uploadhit, at + (self.file,)),
            ("upload", files.putstream, at + (io.BytesIO(b"film"),)),
            ("upload", files.head_file, at),
            ("upload", compare, ()),
            ("upload", files.getfilelist, at[:1]),
            ("upload", files.listobjects, at[:1]),
            ("upload", files.deletefile, at),
            ("upload", files.copy, at + at),
            ("upload", files.rename, at + ("new",)),
            ("upload", files.restore_file, at),
            ("upload", files.class_switch_file, at + ("IA",)),
            ("upload", files.opMeta, at + ("mimetype", "text/plain")),
            ("upload", deleteuvideo.DeleteUVideo(*PAIR).deletefile, at),
            ("upload", parts.uploadfile, at + (self.file, 1, 0)),
            ("upload", parts.uploadstream, at + (io.BytesIO(b"film"), 1, 0)),
            ("upload", parts.init_multipart_upload, at),
            ("upload", parts.get_multi_upload_part, (at[0], "id")),
            ("download", files.download_file, at + (target,)),
            ("download", downloaduvideo.DownloadUVideo(*PAIR).download_file, at + (target,)),
            ("download", downloaduvideo.DownloadUVideo(*PAIR).download_file, at + (target, False)),
            ("api", spaces.createspace, at[:1]),
            ("api", spaces.deletespace, at[:1]),
            ("api", spaces.describespace, at[:1]),
            ("api", spaces.describespace, ()),
            ("api", spaces.updatespace, (at[0], "public")),
            ("api", spaces.getfilelist, at[:1]),
        ]
        found = []
        for role, call, arguments in calls:
            with hosts.Lookups() as lookups:
                answer = call(*arguments)
            found.append((role, call, answer[1] if isinstance(answer, tuple) else answer, lookups.names))
        return found

    def told(self, resp):
        """(status, error) of a ResponseInfo or of an exception."""
        if isinstance(resp, UVideoError):
            return -3 if isinstance(resp, InvalidArgument) else -1, resp.message
        return resp.status_code, resp.error

    def test_the_hosts_of_every_combination(self):
        for case in hosts.combinations():
            wanted = hosts.expected(*case)
            found = providers.resolve(*case)
            for role, host in wanted.items():
                place = getattr(found, role)
                if host is None:
                    self.assertIsInstance(place, providers.Missing, (case, role))
                    self.assertIn(u"set ", place.reason)
                elif role == "api":
                    self.assertEqual(host, place.rpartition("/")[2], (case, role))
                else:
                    self.assertEqual(host, place.origin(hosts.SPACE).rpartition("/")[2], (case, role))

    def test_an_endpoint_with_its_scheme_keeps_it(self):
        found = providers.resolve("auto-ai", "https://video.example.com:8443/")
        self.assertEqual(found.upload, found.download)
        self.assertEqual("https://video.example.com:8443", found.api)
        self.assertEqual([], found.plain())

    def test_a_suffix_serves_both_ways_whoever_it_belongs_to(self):
        for provider in ("auto-ai", "ucloud", "us3"):
            for suffix in (".ufile.cn-north-02.ucloud.cn", ".internal-cn-gd.ufileos.com", ".spaces.example.net"):
                found = providers.resolve(provider, suffix)
                self.assertEqual(found.upload, found.download)
        for host, owner in (
            ("uploadvideo.ucloud.cn:80", "ucloud"),
            ("A.UFILEOS.COM.", "us3"),
            ("evil-ucloud.cn", None),
            ("ucloud.cn.example.com", None),
            ("[::1]:9000", None),
        ):
            self.assertEqual(owner, getattr(providers.owner_of(host), "name", None), host)

    def test_no_operation_goes_anywhere_else(self):
        cases = [case for case in hosts.combinations() if case[0] in ("auto-ai", "us3")]
        for case in cases[::21]:  # each host of both services is in one of them; the table above has all combinations
            self.named(*case)
            wanted = hosts.expected(*case)
            for role, call, resp, names in self.operations():
                status, error = self.told(resp)
                if wanted[role] is None:
                    self.assertEqual((-3, []), (status, names), (case, call, resp))
                    self.assertIn("set ", error)
                    continue
                self.assertIn(status, (-1,), (case, call, resp))
                self.assertEqual(hosts.looked_up(wanted[role], SESSION), set(names), (case, call))
                self.assertIn("//%s " % wanted[role], error)

    def test_urls_name_the_download_host(self):
        for case in hosts.combinations():
            self.named(*case)
            files = filemanager.FileManager(*PAIR)
            wanted = hosts.expected(*case)["download"]
            for method in (files.private_download_url, files.public_download_url, files.private_head_url):
                with hosts.Lookups() as lookups:
                    try:
                        host = method(hosts.SPACE, "film.mp4").split("/")[2]
                    except InvalidArgument as error:
                        self.assertIn(u"; set ", error.message)
                        host = None
                self.assertEqual((wanted, []), (host, lookups.names), case)

    def test_a_half_set_is_accepted_until_its_missing_host_is_needed(self):
        config.set_default(uploadsuffix="up.example.com")
        config.set_default(downloadsuffix="down.example.com")
        spaces = spacemanager.BucketManager(*PAIR)
        ret, resp = spaces.createspace(hosts.SPACE)
        self.assertEqual((None, -3), (ret, resp.status_code))
        self.assertIn("set apiurl to the URL", resp.error)

    def test_the_hosts_of_a_handler_count_like_the_settings(self):
        for handler in (filemanager.FileManager, multipartuploaduvideo.MultipartUploadUVideo):
            made = handler("p", "s", "https://video.example.com")
            self.assertEqual("https://video.example.com", settings_of(made).download.origin("x"))
            self.assertEqual("https://video.example.com", settings_of(made).api)


class Unicode(unittest.TestCase):
    def test_a_host_that_is_unicode_leaves_a_request_in_bytes(self):
        from ucloud.uvideo.protocol.provider import parse_suffix

        for value in (u"http://video.example.com", u"https://.spaces.example.net", u"127.0.0.1:9000"):
            self.assertIs(type(parse_suffix(value).origin("films")), str)


class Proxies(unittest.TestCase):
    def test_which_proxy_stands_before_a_host(self):
        from ucloud.uvideo.http.pool import Transport

        with environment(http_proxy="http://proxy.example.com:3128", no_proxy="10.0.0.0/8,inside.example.com"):
            for origin, given, expected in (
                ("http://video.example.com", None, "proxy.example.com"),
                ("http://inside.example.com", None, None),
                ("http://10.1.2.3:9000", None, None),
                ("http://11.1.2.3:9000", None, "proxy.example.com"),
                ("http://127.0.0.1:9000", None, None),
                ("http://a.localhost:9000", None, None),
                ("http://127.0.0.1:9000", "http://chosen.example.com:1", "chosen.example.com"),
                ("http://10.1.2.3:9000", "http://chosen.example.com:1", "chosen.example.com"),
                ("http://video.example.com", "", None),
            ):
                proxy = Transport(1, proxy=given).route(origin).proxy
                self.assertEqual(expected, None if proxy is None else proxy.name, origin)
