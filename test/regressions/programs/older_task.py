# -*- coding: utf-8 -*-
"""A task that makes a handler for each file and prints the result."""

from __future__ import print_function

import os

from ucloud.compact import BytesIO, b  # noqa: F401
from ucloud.logger import logger, set_log_file  # noqa: F401
from ucloud.ufile import config, downloadufile, putufile

config.set_default(uploadsuffix=".ufile.ucloud.cn")
config.set_default(downloadsuffix=".ufile.ucloud.com.cn")

public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]


def upload_task(appname, stream, filepath):
    file_key = os.path.basename(filepath)
    handler = putufile.PutUFile(public_key, private_key)
    ret, resp = handler.putfile(bucket, file_key, filepath)
    print("upload result ", ret, resp)
    print("{0}".format(resp))
    assert resp.status_code == 200, "upload seems something error"


with open("task.flv", "wb") as made:
    made.write(b"video" * 1000)
upload_task("live", "one", "./task.flv")
ret, resp = downloadufile.DownloadUFile(public_key, private_key).download_file(bucket, "task.flv", "task.copy")
assert resp.status_code == 200
assert open("task.copy", "rb").read() == b"video" * 1000
