# -*- coding: utf-8 -*-
"""支持文件下载: 公共空间, 私有空间, 文件范围.

Download files that demo_multipart.py and demo_stream.py uploaded.  demo_download.py public: the first of them only.
"""

from __future__ import absolute_import, division, print_function

import os
import sys

import settings
from ucloud.uvideo import downloaduvideo

downloaduvideo_handler = downloaduvideo.DownloadUVideo(settings.public_key, settings.private_key)


def download_public():
    # 从公共空间下载文件 / from the public space
    ret, resp = downloaduvideo_handler.download_file(
        settings.public_space, settings.put_key, settings.public_savefile, isprivate=False
    )
    settings.show("download_file %s/%s" % (settings.public_space, settings.put_key), resp)
    assert resp.status_code == 200


def download_private():
    # 从私有空间下载文件 / from the private space
    ret, resp = downloaduvideo_handler.download_file(
        settings.private_space, settings.put_key, settings.private_savefile
    )
    settings.show("download_file %s/%s" % (settings.private_space, settings.put_key), resp)
    assert resp.status_code == 200


def download_range():
    # 下载包含文件范围请求的文件 / a range of a file, from byte 0 to byte 50, both included
    ret, resp = downloaduvideo_handler.download_file(
        settings.public_space,
        settings.put_key,
        settings.range_savefile,
        isprivate=False,
        expires=300,
        content_range=(0, 50),
    )
    settings.show("download_file %s/%s, bytes 0 to 50" % (settings.public_space, settings.put_key), resp)
    # 空文件没有任何范围 / an empty file has no range
    assert resp.status_code == (206 if os.path.getsize(settings.public_savefile) else 416)


def download_stream():
    # 下载由数据流上传的文件 / what was uploaded from a stream
    ret, resp = downloaduvideo_handler.download_file(
        settings.public_space, settings.stream_key, settings.stream_savefile, isprivate=False
    )
    settings.show("download_file %s/%s" % (settings.public_space, settings.stream_key), resp)
    assert resp.status_code == 200


if __name__ == "__main__":
    if not os.path.isdir(settings.save_folder):
        os.makedirs(settings.save_folder)
    download_public()
    if sys.argv[1:] != ["public"]:
        download_private()
        download_range()
        download_stream()
