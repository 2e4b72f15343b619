# -*- coding: utf-8 -*-
"""FileManager: the official SDK's names over our engine, on a good service."""

from __future__ import absolute_import, division, print_function

import hashlib
import inspect
import io
import os
import re
import socket
import subprocess
import sys
import threading
import uuid

from ucloud.uvideo import config, filemanager, multipartuploaduvideo
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol.errors import LocalFailure, SignatureMismatch

from .case import BLOCK, ENDPOINT, KEYS, PRIVATE_KEY, PUBLIC_KEY, Case, FaultCase, content

try:
    from http.client import HTTPConnection
except ImportError:
    from httplib import HTTPConnection

EMPTY = "AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ"
#: The public methods of ufile 3.2.11 and of older releases, with their arguments.
OFFICIAL = {
    "putfile": "bucket key localfile header",
    "postfile": "bucket key localfile header",
    "putstream": "bucket key stream mime_type header",
    "uploadhit": "bucket key localfile header",
    "download_file": "bucket key localfile isprivate expires content_range header",
    "public_download_url": "bucket key",
    "private_download_url": "bucket key expires header internal",
    "private_head_url": "bucket key expires header",
    "deletefile": "bucket key header",
    "getfilelist": "bucket prefix marker limit header",
    "listobjects": "bucket prefix marker maxkeys delimiter header",
    "head_file": "bucket key header",
    "compare_file_etag": "bucket remotekey localfile",
    "restore_file": "bucket key header",
    "class_switch_file": "bucket key storageclass header",
    "copy": "bucket key srcbucket srckey header",
    "rename": "bucket key newkey force header",
    "opMeta": "bucket key metak metav op header",
    "set_keys": "public_key private_key",
    "authorization": "method bucket key header mime_type action url_param",
    "signature": "bucket key method header mime_type",
}


def arguments(method):
    method = getattr(method, "__func__", method)
    while hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    spec = (getattr(inspect, "getfullargspec", None) or inspect.getargspec)(method)
    return spec.args[1:], spec.defaults


class Files(object):
    def files(self, public_key=PUBLIC_KEY, private_key=PRIVATE_KEY):
        return self.quick(filemanager.FileManager(public_key, private_key))

    def etag(self, space, key):
        return self.assertStatus(200, self.files().head_file(space, key)).etag

    def fetch(self, url, method="GET", headers=None):
        """(status, headers, body) of a URL, sent as it stands."""
        scheme, rest = url.split("://")
        self.assertEqual(scheme, "http")
        host, _, target = rest.partition("/")
        connection = HTTPConnection(host, timeout=240)
        try:
            connection.request(method, "/" + target, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
        finally:
            connection.close()


class Pipe(object):
    """What gives ``data`` in pieces of a few bytes and cannot seek."""

    def __init__(self, data, piece=100000):
        self._stream, self._piece = io.BytesIO(data), piece
        self.closed = False

    def read(self, size):
        return self._stream.read(min(size, self._piece))


class Names(Case):
    def test_names_and_arguments_are_the_official_ones(self):
        for name, expected in OFFICIAL.items():
            method = getattr(filemanager.FileManager, name)
            found, defaults = self.spec(name, method)
            self.assertEqual(found, expected.split(), name)
        expected = {"download_file": (True, None, None, None), "opMeta": ("set", None), "rename": ("true", None)}
        expected.update({"copy": (None,), "putstream": (None, None), "private_download_url": (None, None, False)})
        for name, defaults in expected.items():
            self.assertEqual(self.spec(name, getattr(filemanager.FileManager, name))[1], defaults, name)
        expected = "public_key private_key upload_suffix download_suffix session".split()
        self.assertEqual(arguments(filemanager.FileManager.__init__)[0], expected)

    def test_those_of_assembled_uploads_too(self):
        for name, expected in (
            ("init_multipart_upload", "bucket key header upload_suffix"),
            ("upload_part_copy", "source_bucket source_key mime_type offset size part_number upload_suffix"),
            ("finish_upload", ""),
            ("get_multi_upload_part", "bucket upload_id max_parts part_number_marker header upload_suffix"),
            ("set_keys", OFFICIAL["set_keys"]),
            ("authorization", OFFICIAL["authorization"]),
            ("signature", OFFICIAL["signature"]),
        ):
            method = getattr(multipartuploaduvideo.MultipartUploadUVideo, name)
            self.assertEqual(self.spec(name, method)[0], expected.split(), name)

    def spec(self, name, method):
        if sys.version_info[0] == 2 and name not in ("compare_file_etag", "authorization", "signature", "set_keys"):
            closure = method.__func__.__closure__  # functools.wraps of 2.7 does not say what it wraps
            if closure:
                method = closure[0].cell_contents
        return arguments(method)


class Put(Files, Case):
    def test_every_key_in_both_kinds_of_space(self):
        files = self.files()
        for number, key in enumerate(KEYS):
            data = content(1000 + number, number)
            for space in (self.public, self.private):
                self.assertStatus(200, files.putfile(space, key, self.file(data)))
                target = self.path()
                self.assertStatus(200, files.download_file(space, key, target, isprivate=space is self.private))
                self.assertEqual(self.read(target), data, key)
                self.assertTrue(files.compare_file_etag(space, key, target))
                self.assertStatus(204, files.deletefile(space, key))
                self.assertStatus(404, files.head_file(space, key))

    def test_sizes_of_files_and_streams(self):
        files, read, head = self.files(), 256 * 1024, 1024 * 1024
        for size in (0, 1, read - 1, read, read + 1, head - 1, head, head + 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5):
            data = content(size, size)
            resp = self.assertStatus(200, files.putfile(self.private, "size", self.file(data)))
            expected = resp.etag
            self.assertEqual(self.stored(self.private, "size"), data)
            for stream in (io.BytesIO(data), Pipe(data)):
                resp = self.assertStatus(200, files.putstream(self.private, "stream", stream))
                self.assertEqual(resp.etag, expected, (size, stream))
                self.assertEqual(self.stored(self.private, "stream"), data)
                self.assertFalse(stream.closed)

    def test_a_file_that_says_it_is_empty_is_read_to_its_end(self):
        if not os.path.exists("/proc/version"):  # Linux has one that always has the same content
            return
        with io.open("/proc/version", "rb") as file:
            data = file.read()
        self.assertEqual(os.stat("/proc/version").st_size, 0)
        files = self.files()
        self.assertStatus(200, files.putfile(self.private, "put", "/proc/version"))
        self.assertStatus(200, files.postfile(self.private, "post", "/proc/version"))
        self.assertStatus(200, self.uploader().uploadfile(self.private, "parts", "/proc/version"))
        for key in ("put", "post", "parts"):
            self.assertEqual(self.stored(self.private, key), data)
            self.assertTrue(files.compare_file_etag(self.private, key, "/proc/version"))

    def test_the_empty_object_has_the_services_etag(self):
        files, empty = self.files(), self.file(b"")
        self.assertEqual(self.assertStatus(200, files.putfile(self.private, "empty", empty)).etag, EMPTY)
        self.assertTrue(files.compare_file_etag(self.private, "empty", empty))
        self.assertFalse(files.compare_file_etag(self.private, "empty", self.file(b"x")))
        self.assertStatus(200, files.putstream(self.private, "empty2", io.BytesIO(b"")))
        self.assertEqual(self.stored(self.private, "empty2"), b"")

    def test_a_stream_is_sent_from_where_it_stands(self):
        stream = io.BytesIO(content(1000))
        stream.seek(400)
        self.assertStatus(200, self.files().putstream(self.private, "k", stream))
        self.assertEqual(self.stored(self.private, "k"), content(1000)[400:])
        stream.seek(2000)
        self.assertStatus(200, self.files().putstream(self.private, "k", stream))
        self.assertEqual(self.stored(self.private, "k"), b"")
        with io.open(self.file(content(1000)), "rb") as file:
            file.seek(300)
            self.assertStatus(200, self.files().putstream(self.private, "k", file))
            self.assertFalse(file.closed)
        self.assertEqual(self.stored(self.private, "k"), content(1000)[300:])

    def test_pipes_and_sockets(self):
        data = content(3 * 1024 * 1024, 5)
        ends = os.pipe()
        reader, writer = os.fdopen(ends[0], "rb"), os.fdopen(ends[1], "wb")
        self.feed(writer.write, writer.close, data)
        self.assertStatus(200, self.files().putstream(self.private, "pipe", reader))
        reader.close()
        self.assertEqual(self.stored(self.private, "pipe"), data)
        left, right = socket.socketpair()
        self.feed(left.sendall, left.close, data)
        self.assertStatus(200, self.files().putstream(self.private, "socket", right))
        right.close()
        self.assertEqual(self.stored(self.private, "socket"), data)

    def feed(self, write, close, data):
        def run():
            write(data)
            close()

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)

    def test_streams_that_are_none(self):
        for stream in (None, 5, {"a": b"b"}, set([b"x"]), [5]):
            self.assertStatus(-3, self.files().putstream(self.private, "none", stream))
        resp = self.assertStatus(404, self.files().head_file(self.private, "none"))
        self.assertTrue(resp.error.endswith(": %s/none" % self.private), resp.error)

    def test_closed_streams_are_refused(self):
        with io.open(self.file(b"x"), encoding="ascii") as text, io.open(self.file(b"x"), "rb") as file:
            pass
        closed = [text, file, io.BytesIO(b"x"), io.StringIO(u"x")]
        for stream in closed:
            stream.close()
            self.assertStatus(-3, self.files().putstream(self.private, "closed", stream))
        self.assertStatus(404, self.files().head_file(self.private, "closed"))

    def test_what_an_iterable_gives_is_checked(self):
        def broken():
            yield b"x" * 10
            raise KeyError("mine")

        for stream, word in (
            ([5], "int"),
            (iter([b"a", None]), "NoneType"),
            (broken(), "mine"),
            ([u"\ud800"], "UTF-8"),
        ):
            resp = self.assertStatus(-3, self.files().putstream(self.private, "pieces", stream))
            self.assertIn(word, resp.error)
        self.assertStatus(404, self.files().head_file(self.private, "pieces"))

    def test_a_stream_that_ends_early_is_refused(self):
        class Shrinking(io.BytesIO):
            def read(self, size=-1):
                return io.BytesIO.read(self, size) if self.tell() < 500000 else b""

        resp = self.assertStatus(-3, self.files().putstream(self.private, "early", Shrinking(content(2000000))))
        self.assertIn("ended after", resp.error)
        self.assertStatus(404, self.files().head_file(self.private, "early"))

    def test_a_stream_that_fails(self):
        class Broken(object):
            given = 0

            def read(self, size):
                Broken.given += 1
                if Broken.given > 30:
                    raise KeyError("mine")
                return b"x" * min(size, 100000)

        resp = self.assertStatus(-3, self.files().putstream(self.private, "broken", Broken()))
        self.assertIn("mine", resp.error)
        self.assertStatus(404, self.files().head_file(self.private, "broken"))
        self.assertStatus(200, self.files().putstream(self.private, "after", io.BytesIO(b"fine")))

    def test_a_file_that_changes_while_it_is_sent(self):
        for size in (700000, 3000001):
            path = self.file(content(3000000))
            resp = self.assertStatus(-3, self.changing(path, size).putfile(self.private, "changing", path))
            self.assertIn("changed", resp.error)
            self.assertStatus(404, self.files().head_file(self.private, "changing"))

    def changing(self, path, size):
        """A FileManager during whose put the file gets another size."""
        files = self.files()
        send = carrier_of(files).transport.send

        def sending(request, body=None, seconds=None, interrupt=None):
            if request.method == "PUT":
                first = body.read

                def read(wanted=0):
                    if body.sent > 600000:
                        with io.open(path, "ab") as file:
                            file.truncate(size)
                    return first(wanted)

                body.read = read
            return send(request, body, seconds, interrupt)

        carrier_of(files).transport.send = sending
        return files

    def test_headers_are_sent_and_the_dict_stays(self):
        header = {
            "X-Ufile-Meta-Colour": "red",
            "X-Ufile-Storage-Class": "IA",
            "Content-Type": "video/x-mine",
            "Cache-Control": "no-store",
            "User-Agent": "mine/1",
        }
        before = dict(header)
        files = self.files()
        answers = [
            files.putfile(self.private, "h", self.file(b"x"), header),
            files.putfile(self.private, "h", self.file(b"x"), header=header),
            files.head_file(self.private, "h", header={"User-Agent": "mine/1"}),
        ]
        for answer in answers:
            self.assertStatus(200, answer)
        url = files.private_download_url(self.private, "h", 60, header)
        self.assertEqual(header, before)
        status, headers, body = self.fetch(url)
        self.assertEqual((status, body), (200, b"x"))
        for name, value in header.items():
            if name != "User-Agent":
                self.assertEqual(headers[name.lower()], value)
        files.download_file(self.private, "h", self.path(), header=header)
        files.deletefile(self.private, "h", header)
        files.getfilelist(self.private, header=header)
        files.listobjects(self.private, header=header)
        files.private_head_url(self.private, "h", header=header)
        files.putstream(self.private, "h", io.BytesIO(b"x"), None, header)
        files.postfile(self.private, "h", self.file(b"x"), header)
        files.uploadhit(self.private, "h2", self.file(b"x"), header)
        files.authorization("put", self.private, "h", header)
        self.assertEqual(header, before)

    def test_the_type_is_given_or_guessed(self):
        files = self.files()
        for key, options, expected in (
            ("a.mp4", {}, "video/mp4"),
            ("plain", {}, "application/octet-stream"),
            ("b.mp4", {"mime_type": "text/x-a"}, "text/x-a"),
            ("c.mp4", {"header": {"content-type": "text/x-b"}}, "text/x-b"),
            ("d.mp4", {"header": {"content-type": "text/x-b"}, "mime_type": "text/x-a"}, "text/x-a"),
        ):
            self.assertStatus(200, files.putstream(self.private, key, io.BytesIO(b"x"), **options))
            self.assertEqual(self.assertStatus(200, files.head_file(self.private, key)).content_type, expected)
        uploader = self.uploader()
        for key, options, expected in (
            ("e.mp4", {"header": {"Content-Type": "text/x-b"}}, "text/x-b"),
            ("f.mp4", {"header": {"Content-Type": "text/x-b"}, "mime_type": "text/x-a"}, "text/x-a"),
        ):
            self.assertStatus(200, uploader.uploadfile(self.private, key, self.file(b"x"), **options))
            self.assertStatus(200, uploader.uploadstream(self.private, key, io.BytesIO(b"x"), **options))
            self.assertEqual(self.assertStatus(200, files.head_file(self.private, key)).content_type, expected)
        path = self.path("local.html")
        with io.open(path, "wb") as file:
            file.write(b"x")
        self.assertStatus(200, files.postfile(self.private, "page", path))
        self.assertEqual(self.assertStatus(200, files.head_file(self.private, "page")).content_type, "text/html")

    def test_content_md5(self):
        files = self.files()
        data = content(100000)
        digest = hashlib.md5(data).hexdigest()
        self.assertStatus(200, files.putfile(self.private, "md5", self.file(data), {"Content-MD5": digest}))
        answer = files.putfile(self.private, "md5b", self.file(data), {"Content-MD5": "0" * 32})
        resp = self.assertStatus(400, answer)
        self.assertIn("md5", resp.error)
        self.assertStatus(404, files.head_file(self.private, "md5b"))

    def test_anybody_elses_keys(self):
        source = self.file(b"x")
        self.assertStatus(401, self.files(private_key="wrong").putfile(self.private, "no", source))
        self.assertStatus(403, self.files(public_key="wrong").putfile(self.private, "no", source))
        self.assertStatus(400, self.files().putfile("no-such-space-" + uuid.uuid4().hex, "no", source))
        self.assertStatus(401, self.files(private_key="wrong").head_file(self.private, "no"))
        stream = Pipe(content(BLOCK))
        resp = self.assertStatus(401, self.files(private_key="wrong").putstream(self.private, "no", stream))
        self.assertIsNotNone(resp.ret_code)

    def test_bad_arguments(self):
        files, source = self.files(), self.file(b"x")
        for answer in (
            files.putfile(self.private, "bad", self.path("absent")),
            files.putfile(self.private, "bad", self.folder),
            files.putfile(self.private, "bad", None),
            files.putfile(self.private, "", source),
            files.putfile("BAD_space", "k", source),
            files.putfile(self.private, "bad", source, header=[("a", "b")]),
            files.putfile(self.private, "bad", source, header={"X-Ufile-Meta-A": "a\r\nb"}),
            files.putfile(self.private, "bad", source, header={"X-Ufile-Meta-A": " b"}),
            files.putfile(self.private, "bad", source, header={"x-ufile-meta-a": "b\t"}),
            files.putfile(self.private, "bad", source, header={"Authorization": "mine"}),
            files.putfile(self.private, "bad", source, header={"host": "elsewhere.example.com"}),
            files.putfile(self.private, "bad", source, header={"Content-Length": "2"}),
            files.putfile(self.private, "bad", source, header={"Bucket": self.public}),
            files.putfile(self.private, "bad", source, header={"Transfer-Encoding": "chunked"}),
            files.putstream(self.private, "bad", Pipe(content(BLOCK)), header={"Content-Length": "%d" % BLOCK}),
            files.download_file(self.private, "bad", self.path(), header={"Host": "elsewhere.example.com"}),
            files.putstream(self.private, "bad", io.BytesIO(b"x"), mime_type=5),
            files.download_file(self.private, "bad", self.path(), expires=0),
            files.download_file(self.private, "bad", self.path(), content_range=(5, 4)),
            files.download_file(self.private, "bad", self.path(), header={"Range": "bytes=0-1,4-5"}),
            files.getfilelist(self.private, limit=-1),
            files.getfilelist(self.private, prefix=5),
            files.listobjects(self.private, maxkeys="5"),
            files.getfilelist(self.private, limit="five"),
            files.opMeta(self.private, "bad", "colour", "red"),
            files.class_switch_file(self.private, "bad", None),
        ):
            self.assertStatus(-3, answer)
        self.assertStatus(404, files.head_file(self.private, "bad"))
        for call in (
            lambda: files.public_download_url("BAD_space", "k"),
            lambda: files.private_download_url(self.private, "k", 0),
            lambda: files.private_head_url(self.private, ""),
            lambda: files.set_keys("", "x"),
            lambda: files.authorization(5, self.private, "k"),
        ):
            self.assertRaises(ValueError, call)

    def test_two_threads_with_one_handler(self):
        files, failures = self.files(), []

        def work(number):
            data = content(300000 + number, number)
            key = "thread-%d" % number
            for answer in (
                files.putfile(self.private, key, self.file(data)),
                files.download_file(self.private, key, self.path(key)),
            ):
                if answer[1].status_code != 200:
                    failures.append(answer)
            if self.read(self.path(key)) != data:
                failures.append(key)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Md5(Files, FaultCase):
    def setUp(self):
        super(Md5, self).setUp()
        config.set_default(md5=True)
        self.addCleanup(config.unset_default, "md5")

    def test_files_and_streams_carry_it(self):
        data = content(BLOCK + 7)
        expected = hashlib.md5(data).hexdigest()
        stream = io.BytesIO(b"before" + data)
        stream.seek(6)
        files = self.files()
        for answer in (
            files.putfile(self.private, "k", self.file(data)),
            files.putstream(self.private, "k", stream),
            files.putstream(self.private, "k", Pipe(data[:1000])),
        ):
            self.assertStatus(200, answer)
        seen = [entry["headers"].get("content-md5") for entry in self.seen("PutObject")]
        self.assertEqual(seen, [expected, expected, hashlib.md5(data[:1000]).hexdigest()])
        self.assertStatus(200, files.putfile(self.private, "k", self.file(b""), None))
        self.assertEqual(self.seen("PutObject")[-1]["headers"]["content-md5"], hashlib.md5(b"").hexdigest())

    def test_what_can_be_read_once_has_none(self):
        data = content(3 * 1024 * 1024)
        self.assertStatus(200, self.files().putstream(self.private, "once", Pipe(data)))
        headers = self.seen("PutObject")[0]["headers"]
        self.assertNotIn("content-md5", headers)
        self.assertEqual(headers["transfer-encoding"], "chunked")
        self.assertEqual(self.stored(self.private, "once"), data)

    def test_the_callers_own_counts(self):
        answer = self.files().putfile(self.private, "own", self.file(b"x"), {"Content-MD5": "0" * 32})
        self.assertStatus(400, answer)

    def test_memory_is_bounded(self):
        code = (
            "import resource, sys;"
            "from ucloud.uvideo import config, filemanager;"
            "config.set_default(uploadsuffix=sys.argv[1], md5=True);"
            "files = filemanager.FileManager(sys.argv[2], sys.stdin.readline().strip());"
            "print(files.putfile(sys.argv[3], 'small', sys.argv[5])[1].status_code);"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
            "print(files.putfile(sys.argv[3], 'large', sys.argv[4])[1].status_code);"
            "print(files.postfile(sys.argv[3], 'large', sys.argv[4])[1].status_code);"
            "print(files.putstream(sys.argv[3], 'large', open(sys.argv[4], 'rb'))[1].status_code);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        large = self.path()
        with io.open(large, "wb") as file:
            file.truncate(40 * 1024 * 1024)
        process = subprocess.Popen(
            [sys.executable, "-c", code, ENDPOINT, PUBLIC_KEY, self.private, large, self.file(content(BLOCK))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate((PRIVATE_KEY + "\n").encode("ascii"))
        self.assertEqual(process.returncode, 0, err)
        lines = out.decode("ascii").split()
        self.assertEqual(lines[:4], ["200"] * 4)
        self.assertTrue(int(lines[4]) < 12 * 1024, "%s KiB more" % lines[4])


class Read(Files, Case):
    def setUp(self):
        super(Read, self).setUp()
        self.data, self.target = content(100000, 3), self.path()
        self.assertStatus(200, self.files().putfile(self.private, "k", self.file(self.data)))

    def test_ranges(self):
        files = self.files()
        for given, expected in (
            ((0, 9), (0, 9)),
            ((500, None), (500, 99999)),
            ((None, 7), (99993, 99999)),
            ((99990, 10**9), (99990, 99999)),
            (("0", u"9"), (0, 9)),
            ((500, ""), (500, 99999)),
        ):
            resp = self.assertStatus(206, files.download_file(self.private, "k", self.target, content_range=given))
            self.assertEqual(resp.content_range, expected)
            self.assertEqual(self.read(self.target), self.data[expected[0] : expected[1] + 1])
        self.assertStatus(416, files.download_file(self.private, "k", self.target, content_range=(100000, None)))

    def test_a_range_does_not_stick_to_the_callers_header(self):
        header, files = {}, self.files()
        answer = files.download_file(self.private, "k", self.target, content_range=(0, 9), header=header)
        self.assertStatus(206, answer)
        self.assertEqual(header, {})
        resp = self.assertStatus(200, files.download_file(self.private, "k", self.target, header=header))
        self.assertEqual(self.read(self.target), self.data)
        self.assertIsNone(resp.content_range)

    def test_a_range_header(self):
        answer = self.files().download_file(self.private, "k", self.target, header={"range": "bytes=5-8"})
        self.assertStatus(206, answer)
        self.assertEqual(self.read(self.target), self.data[5:9])

    def test_a_failure_leaves_the_target(self):
        with io.open(self.target, "wb") as file:
            file.write(b"old")
        for key, options, status in (
            ("absent", {}, 404),
            ("k", {"isprivate": False}, 401),
            ("k", {"content_range": (10**6, None)}, 416),
        ):
            self.assertStatus(status, self.files().download_file(self.private, key, self.target, **options))
            self.assertEqual(self.read(self.target), b"old")

    def test_head(self):
        resp = self.assertStatus(200, self.files().head_file(self.private, "k"))
        self.assertEqual((resp.content_length, len(resp.etag), resp.content), (100000, 32, b""))
        known = {"If-None-Match": '"%s"' % resp.etag}
        for ret, resp in (
            self.files().head_file(self.private, "k", known),
            self.files().download_file(self.private, "k", self.target, header=known),
        ):
            self.assertEqual((ret, resp.status_code, resp.ok(), resp.error), (None, 304, False, "not modified"))
        self.assertFalse(os.path.exists(self.target))
        resp = self.assertStatus(404, self.files().head_file(self.private, "absent"))
        self.assertFalse(resp.need_retry())

    def test_compare(self):
        files = self.files()
        self.assertTrue(files.compare_file_etag(self.private, "k", self.file(self.data)))
        self.assertFalse(files.compare_file_etag(self.private, "k", self.file(self.data[:-1])))
        self.assertFalse(files.compare_file_etag(self.private, "k", self.file(self.data[:-1] + b"!")))
        self.assertFalse(files.compare_file_etag(self.private, "absent", self.file(self.data)))
        self.assertRaises(LocalFailure, files.compare_file_etag, self.private, "k", self.path("absent"))
        refused = self.files(private_key="wrong")
        self.assertRaises(SignatureMismatch, refused.compare_file_etag, self.private, "k", self.file(b""))

    def test_urls_work_as_they_stand(self):
        files = self.files()
        for number, key in enumerate(KEYS):
            data = b"%d" % number if sys.version_info[0] == 2 else str(number).encode("ascii")
            self.assertStatus(200, files.putstream(self.private, key, io.BytesIO(data)))
            for expires in (None, 9):
                url = files.private_download_url(self.private, key, expires)
                self.assertIsInstance(url, str)
                query = r"\?UCloudPublicKey=[!-~]+&Expires=\d+&Signature=[A-Za-z0-9%]+$"
                self.assertTrue(re.match(r"http://[!-~]+" + query, url), url)
                self.assertNotIn("#", url)
                self.assertEqual(self.fetch(url)[::2], (200, data), url)
            status, headers, body = self.fetch(files.private_head_url(self.private, key), "HEAD")
            self.assertEqual((status, headers["content-length"], body), (200, "%d" % len(data), b""))
            self.assertEqual(self.fetch(files.private_head_url(self.private, key))[0], 401)
            self.assertEqual(self.fetch(files.public_download_url(self.private, key))[0], 401)
            self.assertStatus(200, files.putstream(self.public, key, io.BytesIO(data)))
            self.assertEqual(self.fetch(files.public_download_url(self.public, key))[::2], (200, data))

    def test_urls_of_a_suffix(self):
        files = filemanager.FileManager("pub==", "secret", ".cn-bj.ufileos.com", ".cn-gd.ufileos.com")
        url = files.public_download_url("space", u"视频/a b#c?d%2F+.mp4")
        expected = "space.cn-gd.ufileos.com/%E8%A7%86%E9%A2%91/a%20b%23c%3Fd%252F+.mp4"
        self.assertEqual(url, "https://" + expected)
        config.set_default(open_ssl=False)
        self.addCleanup(config.unset_default, "open_ssl")
        plain = filemanager.FileManager("pub==", "secret", download_suffix=".cn-gd.ufileos.com")
        self.assertTrue(plain.private_download_url("space", "k").startswith("http://space.cn-gd.ufileos.com/k?"))
        config.set_default(open_ssl=True)
        config.set_default(expires=60)
        secure = filemanager.FileManager("pub==", "secret", download_suffix=".example.com")
        self.assertTrue(secure.private_download_url("space", "k").startswith("https://space.example.com/k?"))

    def test_a_url_expires(self):
        files = self.files()
        now = carrier_of(files).clock()
        carrier_of(files).clock = lambda: now - 100
        self.assertEqual(self.fetch(files.private_download_url(self.private, "k", 50))[0], 401)
        self.assertEqual(self.fetch(files.private_download_url(self.private, "k", 150))[0], 200)

    def test_signatures_of_the_callers_own(self):
        files = self.files()
        header = {"Content-Type": "text/x-own", "Content-MD5": hashlib.md5(b"own").hexdigest()}
        header["Date"] = "Thu, 01 Jan 1970 00:00:00 GMT"
        header["Authorization"] = files.authorization("put", self.private, u"键", dict(header))
        self.assertIsInstance(header["Authorization"], str)
        connection = HTTPConnection(ENDPOINT, timeout=240)
        connection.request("PUT", "/%s/%%E9%%94%%AE" % self.private, b"own", header)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(self.stored(self.private, u"键"), b"own")
        listing = files.authorization("GET", self.private, "", action="listobjects", url_param={})
        url = "http://%s/%s/?listobjects&prefix=&marker=&max-keys=1&delimiter=" % (ENDPOINT, self.private)
        self.assertEqual(self.fetch(url, headers={"Authorization": listing})[0], 200)
        until = "%d" % (carrier_of(files).clock() + 60)
        given = files.signature(self.private, "k", "get", {"Expires": until})
        signed = files.private_download_url(self.private, "k", 60)
        self.assertIn("Expires=", signed)
        escaped = given.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        key = PUBLIC_KEY.replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")
        url = "http://%s/%s/k?UCloudPublicKey=%s" % (ENDPOINT, self.private, key)
        self.assertEqual(self.fetch("%s&Expires=%s&Signature=%s" % (url, until, escaped))[0], 200)

    def test_signatures_are_those_of_the_vectors(self):
        files = filemanager.FileManager("pub==", "secret", ".cn-bj.ufileos.com", ".cn-bj.ufileos.com")
        given = files.authorization("Put", "demobucket", "k", {"Content-Type": "a/b"}, mime_type="c/d")
        self.assertEqual(given, files.authorization("PUT", "demobucket", "k", {"content-type": "c/d"}))
        self.assertTrue(re.match(r"(UCloud|AutoAI) pub==:[A-Za-z0-9+/]{27}=$", given), given)
        files.authorization("put", "demobucket", "k", {"X-UCloud-Foo": "bar"})
        self.assertNotEqual(
            files.authorization("put", "demobucket", "k"), files.authorization("put", "demobucket", "k", None, "a/b")
        )

    def test_keys_can_be_changed(self):
        files = self.files(private_key="wrong")
        self.assertStatus(401, files.head_file(self.private, "k"))
        files.set_keys(PUBLIC_KEY, PRIVATE_KEY)
        self.assertStatus(200, files.head_file(self.private, "k"))
        self.assertStatus(200, files.download_file(self.private, "k", self.target))
        self.assertRaises(ValueError, files.set_keys, PUBLIC_KEY, "")
        self.assertStatus(200, files.head_file(self.private, "k"))


class Lists(Files, Case):
    @classmethod
    def setUpClass(cls):
        super(Lists, cls).setUpClass()
        cls.names = [u"a", u"b/1", u"b/2", u"b c", u"视频/1", u"视频/2"]
        files = filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY)
        for name in cls.names:
            ret, resp = files.putstream(cls.private, name, io.BytesIO(b"x"))
            assert resp.ok(), resp

    def test_pages_of_files(self):
        found, marker = [], None
        while marker != "":
            ret, resp = self.files().getfilelist(self.private, marker=marker, limit=4)
            self.assertEqual(resp.status_code, 200, resp)
            found += [entry["FileName"] for entry in ret["DataSet"]]
            marker = ret["NextMarker"]
        self.assertEqual(found, sorted(self.names, key=lambda name: name.encode("utf-8")))
        ret, resp = self.files().getfilelist(self.private, u"视频/")
        self.assertEqual([entry["FileName"] for entry in ret["DataSet"]], [u"视频/1", u"视频/2"])
        self.assertEqual(ret["DataSet"][0]["Size"], 1)

    def test_objects(self):
        ret, resp = self.files().listobjects(self.private)
        self.assertEqual(resp.status_code, 200, resp)
        self.assertEqual(len(ret["Contents"]), 6)
        self.assertEqual(ret["MaxKeys"], "100")
        ret, resp = self.files().listobjects(self.private, delimiter="/")
        self.assertEqual([entry["Prefix"] for entry in ret["CommonPrefixes"]], [u"b/", u"视频/"])
        self.assertEqual([entry["Key"] for entry in ret["Contents"]], [u"a", u"b c"])
        ret, resp = self.files().listobjects(self.private, "b", "b/1", 1)
        self.assertEqual([entry["Key"] for entry in ret["Contents"]], [u"b/2"])

    def test_refusals(self):
        self.assertStatus(401, self.files(private_key="wrong").listobjects(self.private))
        self.assertStatus(400, self.files().getfilelist("no-such-" + uuid.uuid4().hex))
        self.assertStatus(400, self.files().listobjects(self.private, delimiter="x"))


class Change(Files, Case):
    def setUp(self):
        super(Change, self).setUp()
        self.data = content(5000, 9)
        header = {"X-Ufile-Meta-A": "b"}
        self.assertStatus(200, self.files().putfile(self.private, u"源 %2F+#?", self.file(self.data), header))

    def test_copy(self):
        files = self.files()
        for key in (u"copy", u"复制 #?%2F"):
            self.assertStatus(200, files.copy(self.public, key, self.private, u"源 %2F+#?"))
            self.assertEqual(self.stored(self.public, key), self.data)
        header = {"X-Ufile-Metadata-Directive": "REPLACE", "Content-Type": "text/x-c", "X-Ufile-Meta-B": "c"}
        before = dict(header)
        self.assertStatus(200, files.copy(self.public, "copy", self.private, u"源 %2F+#?", header))
        self.assertEqual(header, before)
        self.assertEqual(self.assertStatus(200, files.head_file(self.public, "copy")).content_type, "text/x-c")
        self.assertStatus(404, files.copy(self.public, "copy", self.private, "absent"))
        self.assertStatus(-3, files.copy(self.public, "copy", "BAD_space", "k"))
        self.assertEqual(self.stored(self.public, "copy"), self.data)

    def test_rename(self):
        files = self.files()
        self.assertStatus(200, files.rename(self.private, u"源 %2F+#?", u"名 &=", "false"))
        self.assertEqual(self.stored(self.private, u"名 &="), self.data)
        self.assertStatus(404, files.head_file(self.private, u"源 %2F+#?"))
        self.assertStatus(200, files.putstream(self.private, "other", io.BytesIO(b"other")))
        self.assertStatus(400, files.rename(self.private, u"名 &=", "other", False))
        self.assertStatus(200, files.rename(self.private, u"名 &=", "other"))
        self.assertEqual(self.stored(self.private, "other"), self.data)
        self.assertStatus(404, files.rename(self.private, u"名 &=", "other"))

    def test_uploadhit(self):
        files = self.files()
        self.assertStatus(200, files.uploadhit(self.public, u"命中 &=#", self.file(self.data)))
        self.assertEqual(self.stored(self.public, u"命中 &=#"), self.data)
        self.assertStatus(404, files.uploadhit(self.public, "no", self.file(content(5001, uuid.uuid4()))))
        self.assertStatus(-3, files.uploadhit(self.public, "no", self.path("absent")))
        self.assertStatus(401, self.files(private_key="wrong").uploadhit(self.public, "no", self.file(self.data)))

    def test_class_and_restore(self):
        files, key = self.files(), u"源 %2F+#?"
        self.assertStatus(200, files.class_switch_file(self.private, key, "ARCHIVE"))
        self.assertStatus(403, files.download_file(self.private, key, self.path()))
        self.assertStatus(403, files.class_switch_file(self.private, key, "IA"))
        self.assertStatus(200, files.restore_file(self.private, key, {"Tier": "Expedited"}))
        resp = self.assertStatus(200, files.head_file(self.private, key))
        self.assertIn("ongoing-request", resp.x_ufile_restore)
        self.assertStatus(400, files.class_switch_file(self.private, key, "NONE"))
        self.assertStatus(404, files.restore_file(self.private, "absent"))
        self.assertStatus(200, files.deletefile(self.private, "absent")[1].ok() and files.head_file(self.private, key))

    def test_mime(self):
        files, key = self.files(), u"源 %2F+#?"
        header = {"Content-Type": "text/wrong"}
        self.assertStatus(200, files.opMeta(self.private, key, "mimetype", "text/x-new", header=header))
        self.assertEqual(header, {"Content-Type": "text/wrong"})
        self.assertEqual(self.assertStatus(200, files.head_file(self.private, key)).content_type, "text/x-new")
        self.assertStatus(404, files.opMeta(self.private, "absent", "mimetype", "text/x-new"))
        self.assertStatus(-3, files.opMeta(self.private, key, "mimetype", "a\r\nb"))
