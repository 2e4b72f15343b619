# -*- coding: utf-8 -*-
"""A class that sets the module's options from a dict, and returns links that it builds itself."""

import os

import requests
import ucloud  # noqa: F401
import ucloud.ufile.config as cf
from io import BytesIO
from ucloud.ufile import downloadufile, putufile

try:
    from urllib import quote
except ImportError:
    from urllib.parse import quote


class Provider:
    def __init__(self, conf):
        self._bucket, self._url_proxy = str(conf["bucket"]), str(conf["url_proxy"])
        self.handler = putufile.PutUFile(str(conf["public_key"]), str(conf["private_key"]))
        if "proxy" in conf:
            cf.set_default(uploadsuffix=str(conf["proxy"]))
        if "download" in conf:
            cf.set_default(downloadsuffix=str(conf["download"]))
        if "connection_timeout" in conf:
            cf.set_default(connection_timeout=int(conf["connection_timeout"]))

    def save_object_stream(self, directory, name, data, mime_type="image/jpeg"):
        if isinstance(data, bytes):
            data = BytesIO(data)
        ret, resp = self.handler.putstream(self._bucket, directory + "/" + name, data, mime_type=mime_type)
        if resp.status_code != 200:
            raise Exception(resp.error)
        return "http://{0}{1}/{2}".format(self._bucket, self._url_proxy, directory + "/" + quote(name, safe=""))


conf = {
    "public_key": os.environ["PUBLIC_KEY"],
    "private_key": os.environ["PRIVATE_KEY"],
    "bucket": os.environ["PUBLIC_BUCKET"],
    "proxy": u".ufile.cn-north-03.ucloud.cn",
    "download": ".ufile.ucloud.com.cn",
    "url_proxy": ".ufile.ucloud.com.cn",
    "connection_timeout": "20",
}
url = Provider(conf).save_object_stream("images", "a b.jpg", b"a picture")
got = requests.get(url, timeout=240)
assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, b"a picture", "image/jpeg")
down = downloadufile.DownloadUFile(conf["public_key"], conf["private_key"])
assert requests.get(down.public_download_url(conf["bucket"], "images/a b.jpg"), timeout=240).content == b"a picture"
head = requests.head(down.private_head_url(conf["bucket"], "images/a b.jpg", expires=60), timeout=20)
assert head.status_code == 200 and head.headers["Content-Length"] == "9"
