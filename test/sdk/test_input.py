# -*- coding: utf-8 -*-
"""Bad input gets a clear error, sends nothing and loses nothing."""

from __future__ import absolute_import, division, print_function

import io
import os
import shutil

from ucloud.uvideo import config, deleteuvideo, downloaduvideo, multipartuploaduvideo, spacemanager

from .case import FAULTS, PRIVATE_KEY, PUBLIC_KEY, FaultCase

HANDLERS = (
    downloaduvideo.DownloadUVideo,
    deleteuvideo.DeleteUVideo,
    multipartuploaduvideo.MultipartUploadUVideo,
    spacemanager.BucketManager,
)


class Input(FaultCase):
    def assertNothingSent(self):
        self.assertEqual(self.seen(), [])

    def test_key_pairs(self):
        for handler in HANDLERS:
            for pair in (("", "x"), ("x", ""), (None, "x"), ("x", None), ("x", 2.5), (" ", "x"), ("a b", "y")):
                with self.assertRaises(ValueError) as caught:
                    handler(*pair)
                self.assertIn("_key", str(caught.exception))

    def test_keys(self):
        for key in ("", None, 5, u"k" * 1024, u"视" * 342, b"\xff\xfe" if str is bytes else "\udcff"):
            for answer in (
                self.deleter().deletefile(self.private, key),
                self.downloader().download_file(self.private, key, self.path()),
                self.uploader().uploadfile(self.private, key, self.file(b"x")),
                self.uploader().uploadstream(self.private, key, io.BytesIO(b"x")),
            ):
                resp = self.assertStatus(-3, answer)
                self.assertIn("key", resp.error)
        self.assertNothingSent()

    def test_space_names(self):
        for name in ("", "ab", "a" * 64, "Upper", "-first", "last-", "under_score", "dot.ted", u"视频", None, 7, "\n"):
            for answer in (
                self.deleter().deletefile(name, "k"),
                self.downloader().download_file(name, "k", self.path()),
                self.uploader().uploadfile(name, "k", self.file(b"x")),
                self.manager().createspace(name),
                self.manager().deletespace(name),
                self.manager().updatespace(name, "public"),
                self.manager().getfilelist(name),
            ):
                resp = self.assertStatus(-3, answer)
                self.assertIn("space", resp.error)
        self.assertNothingSent()

    def test_space_types_offsets_and_limits(self):
        manager = self.manager()
        for answer in (
            manager.createspace(self.private, "secret"),
            manager.updatespace(self.private, None),
            manager.createspace(self.private, "private", "a.example.com"),
            manager.createspace(self.private, "private", 5),
            manager.createspace(self.private, "private", [None]),
            manager.createspace(self.private, projectid=5),
            manager.describespace(self.private, header=[("a", "b")]),
            manager.describespace(self.private, header={"Host": "elsewhere.example.com"}),
            manager.getfilelist(self.private, -1),
            manager.getfilelist(self.private, 0, "twenty"),
        ):
            self.assertStatus(-3, answer)
        self.assertNothingSent()

    def test_options(self):
        with self.assertRaises(TypeError) as caught:
            config.set_default(uploadsufix="x.example.com")
        self.assertIn("uploadsuffix", str(caught.exception))  # the nearest known one
        for name, value in (
            ("uploadsuffix", "has blank"),
            ("uploadsuffix", "ftp://x.example.com"),
            ("uploadsuffix", "host/path"),
            ("downloadsuffix", 5),
            ("connection_timeout", 0),
            ("connection_timeout", "60"),
            ("connection_timeout", float("inf")),
            ("connection_timeout", True),
            ("expires", 0),
            ("expires", 1.5),
            ("provider", "aws"),
            ("authscheme", "Basic"),
            ("apiurl", "api.ucloud.cn"),
            ("maxthread", 0),
            ("retries", -1),
            ("user_agent", "two\r\nlines"),
        ):
            before = config.get_default(name)
            with self.assertRaises(ValueError) as caught:
                config.set_default(**{name: value})
            self.assertIn(name, str(caught.exception))
            self.assertEqual(config.get_default(name), before)

    def test_a_handler_copies_the_settings_at_its_first_call(self):
        config.set_default(uploadsuffix="127.0.0.1:1", connection_timeout=1)
        deleter = deleteuvideo.DeleteUVideo(PUBLIC_KEY, PRIVATE_KEY)
        deleter.set_keys(PUBLIC_KEY, PRIVATE_KEY)
        config.set_default(uploadsuffix=FAULTS, connection_timeout=20)
        self.assertStatus(204, deleter.deletefile(self.private, "k"))
        config.set_default(uploadsuffix="127.0.0.1:1")
        self.assertStatus(204, deleter.deletefile(self.private, "k"))

    def test_a_space_has_one_name_in_a_call(self):
        deleter = self.deleter()
        self.assertStatus(204, deleter.deletefile(bucket=self.private, key="k"))
        self.assertStatus(204, deleter.deletefile(space=self.private, key="k"))
        self.assertRaises(TypeError, deleter.deletefile, key="k", space=self.private, bucket=self.private)
        self.assertRaises(TypeError, deleter.deletefile, self.private, "k", bucket=self.private)

    def test_none_leaves_an_option_as_it_is(self):
        self.addCleanup(config.unset_default, "expires", "maxthread", "md5")
        config.set_default(expires=5, maxthread=2, md5=True)
        config.set_default(**dict((name, None) for name in ("uploadsuffix", "expires", "maxthread", "md5")))
        self.assertEqual(
            [config.get_default(name) for name in ("uploadsuffix", "expires", "maxthread", "md5")], [FAULTS, 5, 2, True]
        )
        config.unset_default("expires")
        self.assertEqual((config.get_default("expires"), config.get_default("maxthread")), (60, 2))
        config.unset_default()
        self.assertEqual((config.get_default("uploadsuffix"), config.get_default("maxthread")), (None, 4))
        self.assertRaises(TypeError, config.unset_default, "uploadsufix")

    def test_local_files(self):
        uploader = self.uploader()
        resp = self.assertStatus(-3, uploader.uploadfile(self.private, "k", self.path("missing")))
        self.assertIn("missing: No such file", resp.error)
        self.assertStatus(-3, uploader.uploadfile(self.private, "k", self.folder))
        self.assertStatus(-3, uploader.uploadfile(self.private, "k", None))
        self.assertStatus(-3, uploader.uploadstream(self.private, "k", "a path"))
        self.assertStatus(-3, uploader.uploadstream(self.private, "k", None))
        self.assertNothingSent()

    def test_a_file_that_may_not_be_read(self):
        circle, unreadable, uploader = self.path("circle"), self.file(b"x"), self.uploader()
        os.symlink(circle, circle)
        self.assertStatus(-3, uploader.uploadfile(self.private, "k", circle))
        os.chmod(unreadable, 0)
        said = self.as_nobody(lambda: uploader.uploadfile(self.private, "k", unreadable))
        self.assertEqual(said, "-3 %s: Permission denied" % unreadable)
        folder = self.path("closed")
        os.mkdir(folder)
        shutil.move(unreadable, os.path.join(folder, "f"))
        os.chmod(folder, 0)
        said = self.as_nobody(lambda: uploader.uploadfile(self.private, "k", os.path.join(folder, "f")))
        self.assertEqual(said, "-3 %s: Permission denied" % os.path.join(folder, "f"))
        self.assertNothingSent()

    def as_nobody(self, call):
        """The status and error of a call by a user who may not do everything, in a process of its own."""
        os.chmod(self.folder, 0o755)  # so that this user comes as far as the file in question
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                if os.getuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                resp = call()[1]
                os.write(writer, ("%s %s" % (resp.status_code, resp.error)).encode("utf-8"))
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            said = file.read().decode("utf-8")
        os.waitpid(child, 0)
        return said

    def test_targets(self):
        downloader = self.downloader()
        resp = self.assertStatus(-3, downloader.download_file(self.private, "k", self.path("no/such/folder")))
        self.assertIn("does not exist", resp.error)
        resp = self.assertStatus(-3, downloader.download_file(self.private, "k", self.folder))
        self.assertIn("directory", resp.error)
        self.assertStatus(-3, downloader.download_file(self.private, "k", None))
        self.assertStatus(-3, downloader.download_file(self.private, "k", self.file(b"x") + "/below"))
        self.assertNothingSent()

    def test_a_folder_that_may_not_be_written(self):
        folder = self.path("sealed")
        os.mkdir(folder)
        target = os.path.join(folder, "t")
        with io.open(target, "wb") as file:
            file.write(b"old")
        os.chmod(folder, 0o555)
        downloader, uploader, source = self.downloader(), self.uploader(), self.file(b"x")
        os.chmod(source, 0o644)
        for name in ("t", "new"):
            path = os.path.join(folder, name)
            said = self.as_nobody(lambda path=path: downloader.download_file(self.private, "absent", path))
            self.assertEqual(said, "-3 the directory %s cannot be written to" % os.path.realpath(folder))
        self.assertNothingSent()
        path = os.path.join(folder, "checkpoint")
        said = self.as_nobody(lambda: uploader.uploadfile(self.private, "k", source, checkpoint=path))
        self.assertEqual(said, "-3 %s: Permission denied" % path)
        self.assertEqual(os.listdir(folder), ["t"])
        self.assertEqual(self.read(target), b"old")

    def test_ranges(self):
        of_text = (("x", "5"), (0, "x"), (" ", 5), ("", ""))
        for given in of_text + ((5, 4), (-1, 5), (0, 1.5), (None, None), (1,), (1, 2, 3), 7, "0-5", (True, 5)):
            resp = self.assertStatus(
                -3, self.downloader().download_file(self.private, "k", self.path(), content_range=given)
            )
            self.assertIn("content_range", resp.error)
        self.assertNothingSent()

    def test_other_arguments(self):
        uploader, source = self.uploader(), self.file(b"x")
        for options in (
            {"maxthread": 0},
            {"maxthread": "4"},
            {"retrycount": -1},
            {"retryinterval": -1},
            {"retryinterval": float("nan")},
            {"mime_type": 5},
            {"mime_type": "two\r\nlines"},
            {"header": "X: y"},
            {"header": {"X-Ufile-Meta-A": "one\r\nInjected: two"}},
            {"header": {"Authorization": "mine"}},
            {"progress": 5},
            {"checkpoint": 5},
            {"checkpoint": os.path.join(self.folder, "no", "folder")},
        ):
            self.assertStatus(-3, uploader.uploadfile(self.private, "k", source, **options))
        for expires in (0, -1, "60", 1.5):
            self.assertStatus(-3, self.downloader().download_file(self.private, "k", self.path(), expires=expires))
        self.assertEqual(self.seen("FinishUpload"), [])

    def test_resume_and_abort_of_nothing(self):
        uploader = self.uploader()
        for call in (uploader.resumeuploadfile, uploader.resumeuploadstream, uploader.abort):
            self.assertStatus(-3, call())
        self.assertStatus(-3, uploader.resumeuploadfile(checkpoint=self.path("none")))
        self.assertNothingSent()

    def test_the_published_names(self):
        from ucloud import logger

        self.assertTrue(callable(logger.set_log_file))
        self.assertTrue(FAULTS and PUBLIC_KEY)
        for module, names in (
            (config, "set_default"),
            (downloaduvideo, "DownloadUVideo"),
            (deleteuvideo, "DeleteUVideo"),
            (multipartuploaduvideo, "MultipartUploadUVideo"),
            (spacemanager, "BucketManager createspace deletespace describespace updatespace getfilelist"),
        ):
            for name in names.split():
                self.assertTrue(hasattr(module, name), name)
        for name in "uploadfile resumeuploadfile uploadstream resumeuploadstream abort".split():
            self.assertTrue(hasattr(multipartuploaduvideo.MultipartUploadUVideo, name), name)

    def test_positional_order_is_as_published(self):
        config.set_default(FAULTS, FAULTS, 20, 60)
        uploader = self.uploader()
        ret, resp = uploader.uploadfile(self.private, "k", self.file(b"x"), 4, 3, 0.001, "text/plain")
        self.assertEqual(resp.status_code, 200, resp)
        ret, resp = self.downloader().download_file(self.private, "k", self.path(), True, 60, (0, 0), {})
        self.assertEqual(resp.status_code, 206, resp)
