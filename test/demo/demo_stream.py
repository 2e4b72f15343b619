# -*- coding: utf-8 -*-
"""支持分片上传和断点续传: 上传二进制数据流.

Upload streams in parts: a few bytes in memory to the public space, and an opened file to the private one.
"""

from __future__ import absolute_import, division, print_function

import sys
import time
from io import BytesIO

import settings
from ucloud.uvideo import multipartuploaduvideo

multipartuploaduvideo_handler = multipartuploaduvideo.MultipartUploadUVideo(settings.public_key, settings.private_key)


def upload(space, key, stream):
    """Return the response of the last call."""
    # 分片上传一个全新的二进制数据流 / upload a new stream in parts
    ret, resp = multipartuploaduvideo_handler.uploadstream(space, key, stream, retrycount=2, retryinterval=1)
    settings.show("uploadstream %s/%s" % (space, key), resp)
    while True:
        if resp.status_code == 200:
            # 分片上传成功 / uploaded
            break
        elif resp.status_code == -1:
            # 网络连接问题,续传 / the network broke off: resume
            time.sleep(1)
            ret, resp = multipartuploaduvideo_handler.resumeuploadstream()
            settings.show("resumeuploadstream %s/%s" % (space, key), resp)
        else:
            # 服务器或者客户端错误 / an error of the server or the client
            print(resp.error, file=sys.stderr)
            break
    return resp


if __name__ == "__main__":
    bio = BytesIO(u"你好".encode("utf-8"))
    assert upload(settings.public_space, settings.stream_key, bio).status_code == 200
    with open(settings.localfile, "rb") as stream:
        assert upload(settings.private_space, settings.put_key, stream).status_code == 200
