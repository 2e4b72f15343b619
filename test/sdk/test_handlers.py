# -*- coding: utf-8 -*-
"""Handlers as values and as users of a log: copied, closed, silent by themselves, each failure logged once."""

from __future__ import absolute_import, division, print_function

import copy
import gc
import io
import logging
import os
import pickle
import subprocess
import sys

from ucloud.ufile import config as older
from ucloud.ufile import putufile
from ucloud.uvideo import (
    config,
    deleteuvideo,
    downloaduvideo,
    filemanager,
    handler,
    multipartuploaduvideo,
    spacemanager,
)
from ucloud.uvideo.engine import retry
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import error_response
from ucloud.uvideo.protocol.errors import (
    BadAnswer,
    ConfigurationError,
    InternalError,
    InvalidArgument,
    NoAnswer,
    Throttled,
    Unavailable,
)
from ucloud.uvideo.protocol.message import Headers, Response

from .case import ENDPOINT, PRIVATE_KEY, PUBLIC_KEY, Case, FaultCase, content, settings_of

HANDLERS = (
    filemanager.FileManager,
    multipartuploaduvideo.MultipartUploadUVideo,
    downloaduvideo.DownloadUVideo,
    deleteuvideo.DeleteUVideo,
    spacemanager.BucketManager,
)


def held(path):
    """The files of this process that are open at that path."""
    files = [each for each in gc.get_objects() if isinstance(each, io.FileIO) and not each.closed]
    return [each for each in files if each.name == path]


class Records(logging.Handler):
    def __init__(self):
        logging.Handler.__init__(self)
        self.lines = []

    def emit(self, record):
        if record.levelno >= logging.WARNING:
            self.lines.append(record.getMessage())


class Logged(FaultCase):
    def setUp(self):
        super(Logged, self).setUp()
        self.records = Records()
        logger = logging.getLogger("ucloud.uvideo")
        logger.addHandler(self.records)
        self.addCleanup(logger.removeHandler, self.records)

    def once(self, resp, status, *texts):
        """That the failure of this status has one line, with these texts.

        The error of an object that does not exist ends with its name, which the line has at another place.
        """
        self.assertEqual(status, resp.status_code, resp)
        lines, self.records.lines = self.records.lines, []
        self.assertEqual(1, len(lines), lines)
        for text in texts + (" %d " % status,) + tuple(resp.error.split(": %s/" % self.private)):
            self.assertIn(text, lines[0])
        self.assertNotIn(PRIVATE_KEY, lines[0])
        self.assertNotIn("Signature=", lines[0])

    def test_every_failure_is_logged_once(self):
        stranger = filemanager.FileManager(PUBLIC_KEY, "wrong")
        self.once(stranger.head_file(self.private, "a")[1], 401, "HeadObject", self.private + "/a")
        self.once(stranger.download_file(self.private, "a", self.path())[1], 401, "GetObject")
        files = filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY)
        self.once(files.head_file(self.private, "none")[1], 404)
        self.once(files.putfile(self.private, "a", self.path("absent"))[1], -3, "putfile")
        self.once(files.putfile(self.private, None, self.path("absent"))[1], -3)
        self.once(files.download_file(self.private, "none", self.path())[1], 404)
        self.once(self.uploader().uploadfile("no-such-space-at-all", "a", self.file(b"x"))[1], 400)
        self.once(self.manager().updatespace(self.private, "secret")[1], -3, "updatespace")

    def test_bytes_that_do_not_verify_are_logged_once(self):
        self.put(self.private, "a", content(1000))
        self.faults(({"on": "GetObject"}, {"do": "flip", "bytes": 5, "times": 1}))
        self.once(self.downloader().download_file(self.private, "a", self.path())[1], -2, self.private + "/a")

    def test_a_line_is_one_line(self):
        files = filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY)
        self.assertEqual(404, files.head_file(self.private, u"a\nERROR forged\u2028line")[1].status_code)
        self.assertEqual(1, len(self.records.lines[0].splitlines()))


class Values(Case):
    def test_a_handler_can_be_copied_and_pickled(self):
        config.set_default(expires=77)
        self.addCleanup(config.unset_default, "expires")
        for kind in HANDLERS:
            handler = kind(PUBLIC_KEY, PRIVATE_KEY)
            copies = [copy.copy(handler), copy.deepcopy(handler)]
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                copies.append(pickle.loads(pickle.dumps(handler, protocol)))
            config.set_default(uploadsuffix="elsewhere.example.com")  # a copy keeps what its original had
            for made in copies:
                self.assertIs(kind, type(made))
                self.assertEqual(settings_of(handler)._replace(session=None), settings_of(made)._replace(session=None))
                self.assertEqual(carrier_of(handler).credentials, carrier_of(made).credentials)
                self.assertIsNot(carrier_of(handler), carrier_of(made))
            config.set_default(uploadsuffix=ENDPOINT)
        files = pickle.loads(pickle.dumps(filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY)))
        self.assertEqual(200, files.putfile(self.private, "pickled", self.file(b"x"))[1].status_code)
        parts = copy.deepcopy(multipartuploaduvideo.MultipartUploadUVideo(PUBLIC_KEY, PRIVATE_KEY))
        self.assertEqual(200, parts.uploadfile(self.private, "copied", self.file(b"x"))[1].status_code)

    def test_answers_can_be_copied_and_pickled(self):
        self.addCleanup(older.DEFAULTS.unset, ())
        for kind, options in ((filemanager.FileManager, config), (putufile.PutUFile, older)):
            options.set_default(uploadsuffix=ENDPOINT, retries=0)
            good = kind(PUBLIC_KEY, PRIVATE_KEY).putstream(self.private, "answer", b"x")[1]
            options.set_default(uploadsuffix="127.0.0.1:1")
            bad = kind(PUBLIC_KEY, PRIVATE_KEY).putstream(self.private, "answer", b"x")[1]
            for resp, status in ((good, 200), (bad, -1)):
                self.assertEqual(status, resp.status_code, resp)
                copies = [copy.copy(resp), copy.deepcopy(resp)]
                for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                    copies.append(pickle.loads(pickle.dumps(resp, protocol)))
                for made in copies:
                    self.assertEqual(str(resp), str(made))
                    self.assertEqual(resp.headers, made.headers)

    def test_a_handler_with_a_missing_host_can_be_pickled(self):
        config.set_default(uploadsuffix="up.example.com", downloadsuffix="down.example.com")
        made = pickle.loads(pickle.dumps(spacemanager.BucketManager("p", "s")))
        self.assertIn("set apiurl", made.createspace("films")[1].error)

    def test_an_empty_host_is_refused(self):
        for kind in (filemanager.FileManager, downloaduvideo.DownloadUVideo):
            for name in ("upload_suffix", "download_suffix"):
                with self.assertRaises(InvalidArgument) as caught:
                    kind("p", "s", **{name: ""})
                self.assertIn("%s is ''" % name, str(caught.exception).replace("u''", "''"))

    def test_a_handler_is_closed_by_with(self):
        self.directly()
        for kind in HANDLERS:
            with kind(PUBLIC_KEY, PRIVATE_KEY) as handler:
                self.assertIs(kind, type(handler))
        with filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY) as files:
            self.assertEqual(404, files.head_file(self.private, "none")[1].status_code)
            route = carrier_of(files).transport.route("http://" + ENDPOINT)
            self.assertEqual(1, len(route.idle))
        self.assertEqual(0, len(route.idle))
        self.assertEqual(404, files.head_file(self.private, "none")[1].status_code)  # it opens another
        files.close()

    def test_a_closed_uploader_lets_go_of_its_files(self):
        config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
        with multipartuploaduvideo.MultipartUploadUVideo(PUBLIC_KEY, PRIVATE_KEY) as parts:
            path = self.file(b"x")
            self.assertEqual(-1, parts.uploadfile(self.private, "a", path, 1, 0)[1].status_code)
            (file,) = held(path)
        self.assertTrue(file.closed)  # by the handler: it is known here, too
        self.assertEqual(-3, parts.resumeuploadfile()[1].status_code)

    def test_a_line_break_behind_a_private_key_is_named(self):
        for end in ("\n", "\r\n", "\r"):
            for kind in HANDLERS:
                with self.assertRaises(InvalidArgument) as caught:
                    kind("public", "private" + end)
                self.assertIn(u"private_key ends with a line break", caught.exception.message)

    def test_a_redirect_says_where_it_points(self):
        for location, text in (
            ("https://a.example/in?url=http%3A%2F%2Fx%3FSignature%3Ds3cret", u"https://a.example/in;"),
            ("https://a.example/in/http%3A%2F%2Fx%3FSignature%3Ds3cret", u"https://a.example;"),
            ("http://user:s3cret@a.example:8080/in#s3cret", u"http://a.example:8080/in;"),
            ("//login.example.com", u"login.example.com;"),
            ("/in?s3cret", u"another path of the same host, /in;"),
            ("/in/Signature=s3cret", u"another path of the same host;"),
            ("javascript:s3cret", u"an address that cannot be read"),
            ("http://login.example.com.s3cret\x1b[2J/", u"an address that cannot be read"),
            ("", u"nowhere"),
        ):
            with self.assertRaises(BadAnswer) as caught:
                error_response.raise_refusal(Response(302, Headers([("Location", location)]), b""))
            self.assertIn(u"302", caught.exception.message)
            self.assertIn(u"redirects to " + text, caught.exception.message)
            self.assertNotIn(u"s3cret", caught.exception.message)

    def test_what_only_a_setting_can_mend_is_no_reason_to_resume(self):
        ret, resp = handler.failed(ConfigurationError(u"the proxy wants a password"))
        self.assertEqual((None, -3, False, False), (ret, resp.status_code, resp.ok(), resp.need_retry()))
        self.assertIsInstance(resp.exception, ConfigurationError)
        self.assertFalse(retry.may_be_done(ConfigurationError()))
        self.assertIsNone(retry.Retry().decide(1, ConfigurationError(), 0.0, 0.0))

    def test_after_which_errors_the_service_may_have_done_it(self):
        for error, expected in (
            (NoAnswer(sent=True), True),
            (NoAnswer(sent=False), False),
            (InternalError(), True),
            (InternalError(status=502), True),
            (Unavailable(), False),
            (InternalError(status=504), True),
            (Throttled(), False),
            (InternalError(status=200), True),  # the management plane's own
            (Throttled(status=200), False),
            (InvalidArgument(status=200), False),
        ):
            self.assertEqual(expected, retry.may_be_done(error), repr((error, error.status)))


SILENT = u"""
import logging
from ucloud.uvideo import (config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager)
config.set_default(uploadsuffix="video.example.invalid", retries=0)
filemanager.FileManager("p", "s").head_file("films", "a")
logging.getLogger("ucloud.uvideo").error("said to nobody")
"""
#: Methods and how many arguments stand before the path.
PATHS = u"""
import json, os, sys
from ucloud import logger
from ucloud.uvideo import config, downloaduvideo, filemanager, multipartuploaduvideo
config.set_default(uploadsuffix="127.0.0.1:1", retries=0)
folder = sys.argv[1]
odd = [
    b"bytes.mp4", b"\\xe8\\xa7\\x86.mp4", b"\\xff\\xfe", u"\\u89c6\\u9891.mp4", u"\\ud800.mp4", u"a\\0b", b"a\\0b", u"",
    b"", u"a" * 5000, b"a" * 5000, u"\\u89c6" * 300, u"a\\nb", None, 5, -1, 1.5, True, [], {}, object(),
    bytearray(b"x"),
    os.path.join(folder, u"\\u89c6"), os.path.join(folder.encode("ascii"), b"\\xff"), os.path.join(folder, u"a\\0b"),
]
files = filemanager.FileManager("p", "s")
parts = multipartuploaduvideo.MultipartUploadUVideo("p", "s")
down = downloaduvideo.DownloadUVideo("p", "s")
logger.set_log_file(os.path.join(folder, "log"))
statuses = set()
for path in odd:
    for call, arguments in (
        (files.putfile, ("films", "a", path)),
        (files.postfile, ("films", "a", path)),
        (files.uploadhit, ("films", "a", path)),
        (files.download_file, ("films", "a", path)),
        (down.download_file, ("films", "a", path)),
        (parts.uploadfile, ("films", "a", path, 1, 0)),
        (parts.resumeuploadfile, (path,)),
        (parts.uploadfile, ("films", "a", __file__, 1, 0, 0, None, None, path)),
        (parts.abort, (path,)),
        (files.head_file, ("films", path)),
        (files.head_file, (path, "a")),
        (files.getfilelist, ("films", path)),
        (files.rename, ("films", "a", path)),
    ):
        answer = call(*arguments)
        assert isinstance(answer, tuple) and len(answer) == 2, (call, path)
        str(answer[1]), repr(answer[1].error)
        statuses.add(answer[1].status_code)
assert statuses <= set([-1, -3, 200]), statuses
print("ok")
"""


class Alone(Case):
    """In a process of its own, where nothing has set a log up."""

    def run_alone(self, program, *arguments, **environ):
        path = self.path("program.py")
        with io.open(path, "w", encoding="utf-8") as file:
            file.write(u"# -*- coding: utf-8 -*-\n" + program)
        kept = dict((name, value) for name, value in os.environ.items() if not name.startswith(("LC_", "LANG")))
        kept.update(environ, PYTHONPATH=os.pathsep.join([os.getcwd(), kept.get("PYTHONPATH", "")]))
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", path] + list(arguments),
            env=kept,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = process.communicate()[0].decode("utf-8", "replace")
        self.assertEqual(0, process.returncode, said)
        return said

    def test_nothing_is_printed_before_a_log_file_is_set(self):
        self.assertEqual(u"", self.run_alone(SILENT))

    def test_odd_paths_are_answered(self):
        self.assertEqual(u"ok", self.run_alone(PATHS, self.folder, LC_ALL="C").strip())
        plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # as on Pythons before 3.7
        self.assertEqual(u"ok", self.run_alone(PATHS, self.folder, **plain).strip())
