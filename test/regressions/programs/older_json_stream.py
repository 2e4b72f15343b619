# -*- coding: utf-8 -*-
"""Text uploaded as a stream with retries, read by requests through a private link, deleted in a loop."""

from __future__ import absolute_import

import datetime
import json
import logging
import os
import time

import requests
from ucloud.ufile import config, deleteufile, downloadufile, putufile

logging.getLogger("UCLOUD").setLevel(logging.ERROR)
config.set_default(connection_timeout=60)
public_key, private_key, bucket_name = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]


def upload_stream(key, data):
    status, retry_times = -1, 3
    while status != 200 and retry_times >= 0:
        retry_times -= 1
        try:
            upload_handler = putufile.PutUFile(public_key=public_key, private_key=private_key)
            ret, resp = upload_handler.putstream(bucket_name, key, data)
            status = resp.status_code
        except Exception:
            status = -1
    return status == 200


def read(key):
    download_handler = downloadufile.DownloadUFile(public_key=public_key, private_key=private_key)
    url = download_handler.private_download_url(bucket_name, key)
    resp = requests.get(url, timeout=240)
    assert resp.status_code == 200, resp.text
    changed = datetime.datetime.strptime(resp.headers["Last-Modified"], "%a, %d %b %Y %X GMT")
    return resp.content, time.mktime(changed.timetuple()), resp.headers["Content-Type"]


data = json.dumps({"status": "OK", "data": "Hello World", "test": u"中文测试"})
assert upload_stream("test", data)
content, changed, content_type = read("test")
assert json.loads(content.decode("utf-8"))["test"] == u"中文测试"
handler = deleteufile.DeleteUFile(public_key=public_key, private_key=private_key)
ret, resp = handler.deletefile(bucket_name, "test")
assert resp.status_code == 204
