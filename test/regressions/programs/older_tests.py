# -*- coding: utf-8 -*-
"""The older SDK's own tests: one handler for a class of tests, with keys changed later, and set_log_file()."""

import os
import unittest

from ucloud.compact import BytesIO
from ucloud.logger import logger, set_log_file
from ucloud.ufile import postufile, putufile, uploadhitufile
from ucloud.ufile.config import BLOCKSIZE, get_default

set_log_file()
public_key, private_key, public_bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
wrong_public_key, wrong_private_key = "dfajlkfladjfa", "fajdlfjkkkkkk"
small_local_file = "./small.jpg"
with open(small_local_file, "wb") as made:
    made.write(os.urandom(1000))
bio = BytesIO(u"你好".encode("utf-8"))


class PutUFileTestCase(unittest.TestCase):
    putufile_handler = putufile.PutUFile(public_key, private_key)

    def test_putufile(self):
        self.putufile_handler.set_keys(public_key, private_key)
        logger.info("\nput small file to public bucket")
        ret, resp = self.putufile_handler.putfile(public_bucket, "put_small", small_local_file)
        assert resp.status_code == 200
        ret, resp = self.putufile_handler.putstream(public_bucket, "put_stream", bio)
        assert resp.status_code == 200
        bio.seek(0, os.SEEK_SET)
        ret, resp = self.putufile_handler.putstream(public_bucket, "put_stream", bio)
        assert resp.status_code == 200

    def test_refusals(self):
        self.putufile_handler.set_keys(public_key, private_key)
        ret, resp = self.putufile_handler.putfile("david-wrong", "put_small", small_local_file)
        assert resp.status_code == 400
        self.putufile_handler.set_keys(wrong_public_key, wrong_private_key)
        ret, resp = self.putufile_handler.putfile(public_bucket, "put_small", small_local_file)
        assert resp.status_code == 403
        self.putufile_handler.set_keys(public_key, wrong_private_key)
        ret, resp = self.putufile_handler.putfile(public_bucket, "put_small", small_local_file)
        assert resp.status_code in (401, 403)

    def test_hit(self):
        postufile_handler = postufile.PostUFile(public_key, private_key)
        uploadhitufile_handler = uploadhitufile.UploadHitUFile(public_key, private_key)
        ret, resp = uploadhitufile_handler.uploadhit(public_bucket, "hit", small_local_file)
        if resp.status_code == 404:
            ret, resp = postufile_handler.postfile(public_bucket, "hit", small_local_file)
            logger.error(resp.error)
        assert resp.status_code == 200
        ret, resp = uploadhitufile_handler.uploadhit(public_bucket, "hit2", small_local_file)
        assert resp.status_code == 200

    def test_config(self):
        assert BLOCKSIZE == 4 * 1024 * 1024
        assert get_default("upload_suffix") == ".ufile.ucloud.cn"
        assert get_default("nothing") is None


program = unittest.main(exit=False)
assert program.result.testsRun == 4 and program.result.wasSuccessful()
