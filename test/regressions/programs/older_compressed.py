# -*- coding: utf-8 -*-
"""Compressed bytes in a BytesIO, uploaded as a stream and in parts, and resumed by resumeuploadstream."""

import os
import zlib

import requests
from ucloud.compact import BytesIO
from ucloud.ufile import downloadufile, multipartuploadufile, putufile

public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
put_handler = putufile.PutUFile(public_key, private_key)
page = u"<html>页面</html>".encode("utf-8")

stream = BytesIO(zlib.compress(page))
ret, resp = put_handler.putstream(bucket, "pages/1", stream, mime_type="text/plain")
assert resp.status_code == 200

handler = multipartuploadufile.MultipartUploadUFile(public_key, private_key)
ret, resp = handler.uploadstream(bucket, "pages/2", BytesIO(zlib.compress(page)))
retry_times = 2
while resp.status_code != 200 and retry_times:
    retry_times -= 1
    ret, resp = handler.resumeuploadstream()
assert resp.status_code == 200

download_handler = downloadufile.DownloadUFile(public_key, private_key)
for key in ("pages/1", "pages/2"):
    got = requests.get(download_handler.private_download_url(bucket, key), timeout=240)
    assert zlib.decompress(got.content) == page

# The older README gives a stream to putfile too.
ret, resp = put_handler.putfile(bucket, "pages/3", BytesIO(page))
assert resp.status_code == 200
