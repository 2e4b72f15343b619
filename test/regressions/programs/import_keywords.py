# -*- coding: utf-8 -*-
"""The official SDK's keywords, headers that the SDK sends itself, numbers as text, and the fields of resp."""

import os

from ucloud import logger
from ucloud.uvideo import config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager
from ucloud.uvideo.config import *

logger.set_log_file()
suffix, bucket = os.environ["SUFFIX"], os.environ["BUCKET"]
keys = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"]
made = [kind(*keys) for kind in (filemanager.FileManager, multipartuploaduvideo.MultipartUploadUVideo)]
config.set_default(uploadsuffix=suffix, downloadsuffix=suffix, apiurl=os.environ["API"])
files, parts = made
parts.etaglist = []
with open("local.txt", "wb") as local:
    local.write(b"local")

header = {"Host": bucket + suffix, "Content-Length": "5", "X-Ufile-Storage-Class": "STANDARD"}
ret, resp = files.putfile(bucket=bucket, key="k", localfile="local.txt", header=header)
assert resp.status_code == 200, resp
assert resp.etag.strip('"') == resp.etag == resp.headers.get("ETag").strip('"')
assert "status_code=200" in str(resp) == repr(resp)
ret, resp = files.putfile(bucket, "k", "local.txt", {"Host": "elsewhere.example.com"})
assert resp.status_code == -3 and "the SDK sets the header host" in resp.error, resp
header = {"Host": bucket + suffix}
ret, resp = parts.uploadfile(bucket=bucket, key="parts", localfile="local.txt", maxthread=8, header=header)
assert resp.status_code == 200, resp
ret, resp = parts.uploadstream(bucket=bucket, key="stream", stream=open("local.txt", "rb"), header=header)
assert resp.status_code == 200, resp
ret, resp = downloaduvideo.DownloadUVideo(*keys).download_file(bucket=bucket, key="k", localfile="back", header=header)
assert resp.status_code == 200 and int(resp.content_length) == 5
ret, resp = files.getfilelist(bucket=bucket, prefix="", marker="", limit="20", header=header)
assert resp.status_code == 200 and len(ret["DataSet"]) >= 3
spaces = spacemanager.BucketManager(*keys)
ret, resp = spaces.getfilelist(bucket=bucket, offset="0", limit="20", header={"User-Agent": "mine"}, projectid="org-1")
assert ret["RetCode"] == 0 and len(ret["DataSet"]) >= 3
ret, resp = spaces.describespace(bucket=bucket, header=None, projectid="org-1")
assert ret["RetCode"] == 0
ret, resp = deleteuvideo.DeleteUVideo(*keys).deletefile(bucket=bucket, key="k", header=header)
assert resp.status_code == 204
assert BLOCKSIZE == 4 * 1024 * 1024 and USER_AGENT and UCLOUD_API_URL.startswith("https://")
log = open("ufile.log").read()
assert "putfile %s/k: 200" % bucket in log and keys[1] not in log and "Signature" not in log
