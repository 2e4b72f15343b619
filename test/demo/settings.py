# -*- coding: utf-8 -*-
"""What the demo programs share: keys, hosts, spaces and files, all of it from environment variables.

UVIDEO_PUBLIC_KEY      账户公私钥中的公钥                 the public key of the account
UVIDEO_PRIVATE_KEY     账户公私钥中的私钥                 the private key of the account
UVIDEO_ENDPOINT        服务器地址, 例如 127.0.0.1:9000    the host of a server, for uploads and downloads
DEMO_UPLOAD_SUFFIX     代替 UVIDEO_ENDPOINT 的上传host    the host for uploads: uploadvideo.auto-ai.com.cn
DEMO_DOWNLOAD_SUFFIX   代替 UVIDEO_ENDPOINT 的下载host    the host for downloads: .uvideo.auto-ai.com.cn
DEMO_PUBLIC_SPACE      公共空间名称                       the name of the public space
DEMO_PRIVATE_SPACE     私有空间名称                       the name of the private space
DEMO_FILE              本地文件名                         the file to upload
DEMO_PUT_KEY           文件在空间中的名称                 the key it gets
DEMO_SAVE_FOLDER       下载文件保存目录                   the folder for what is downloaded
DEMO_LOG_FILE          完整本地日志文件名                 the log file; without it nothing is logged
"""

from __future__ import absolute_import, division, print_function

import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
try:
    import ucloud.uvideo  # noqa: F401
except ImportError:
    sys.path.insert(0, ROOT)  # 未安装时使用本仓库中的SDK / not installed: the SDK of this repository

from ucloud import logger  # noqa: E402
from ucloud.uvideo import config  # noqa: E402


def required(name, meaning):
    """Return the environment variable of that name, or end the program saying what is missing."""
    value = os.environ.get(name, "").strip()
    if not value:
        sys.exit("the environment variable %s is not set: %s" % (name, meaning))
    return value


public_key = required("UVIDEO_PUBLIC_KEY", "the public key of the account")
private_key = required("UVIDEO_PRIVATE_KEY", "the private key of the account")

upload_suffix = os.environ.get("DEMO_UPLOAD_SUFFIX") or required(
    "UVIDEO_ENDPOINT", "the host of a server such as 127.0.0.1:9000 (see `uvideo serve`)"
)
download_suffix = os.environ.get("DEMO_DOWNLOAD_SUFFIX") or required(
    "UVIDEO_ENDPOINT", "the host of a server such as 127.0.0.1:9000, or set DEMO_DOWNLOAD_SUFFIX too"
)

public_space = os.environ.get("DEMO_PUBLIC_SPACE", "uvideo-demo-public")
private_space = os.environ.get("DEMO_PRIVATE_SPACE", "uvideo-demo-private")

localfile = os.environ.get("DEMO_FILE") or os.path.join(ROOT, "test", "data", "demo.mp4")
put_key = os.environ.get("DEMO_PUT_KEY", "demo.mp4")
stream_key = "hello.txt"

save_folder = os.environ.get("DEMO_SAVE_FOLDER") or os.path.join(tempfile.gettempdir(), "uvideo-demo")
public_savefile = os.path.join(save_folder, "public")
private_savefile = os.path.join(save_folder, "private")
range_savefile = os.path.join(save_folder, "range")
stream_savefile = os.path.join(save_folder, "stream")

# 设置上传host / the host for uploads
config.set_default(uploadsuffix=upload_suffix)
# 设置下载host / the host for downloads
config.set_default(downloadsuffix=download_suffix)
# 设置请求连接超时时间,单位为秒 / timeout of a connection, in seconds
config.set_default(connection_timeout=60)
# 设置私有space下载链接有效期,单位为秒 / how long a download link of a private space is valid, in seconds
config.set_default(expires=60)

# 设置日志文件 / the log file
if os.environ.get("DEMO_LOG_FILE"):
    logger.set_log_file(os.environ["DEMO_LOG_FILE"])


def show(step, resp):
    """Print the step and its status code, at once; if there is an error, that too."""
    print("%s -> %s%s" % (step, resp.status_code, " (%s)" % (resp.error,) if resp.error else ""))
    sys.stdout.flush()


def raw(ret):
    """Print what the service answered, as JSON: the same on Python 2.7 and 3."""
    print(json.dumps(ret, sort_keys=True))
    sys.stdout.flush()
