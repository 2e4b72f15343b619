# -*- coding: utf-8 -*-
"""支持分片上传和断点续传: 上传文件.

Upload a file in parts to the public space, and resume it whenever the network breaks off.
"""

from __future__ import absolute_import, division, print_function

import sys
import time

import settings
from ucloud.uvideo import multipartuploaduvideo

multipartuploaduvideo_handler = multipartuploaduvideo.MultipartUploadUVideo(settings.public_key, settings.private_key)


def upload(space, key, localfile):
    """Return the response of the last call."""
    # 分片上传一个全新的文件 / upload a new file in parts
    ret, resp = multipartuploaduvideo_handler.uploadfile(space, key, localfile, retrycount=2, retryinterval=1)
    settings.show("uploadfile %s/%s" % (space, key), resp)
    while True:
        if resp.status_code == 200:
            # 分片上传成功 / uploaded
            break
        elif resp.status_code == -1:
            # 网络连接问题,续传 / the network broke off: resume
            time.sleep(1)
            ret, resp = multipartuploaduvideo_handler.resumeuploadfile()
            settings.show("resumeuploadfile %s/%s" % (space, key), resp)
        else:
            # 服务或者客户端错误 / an error of the server or the client
            print(resp.error, file=sys.stderr)
            break
    return resp


if __name__ == "__main__":
    assert upload(settings.public_space, settings.put_key, settings.localfile).status_code == 200
