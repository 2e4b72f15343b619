# -*- coding: utf-8 -*-
"""All pages of a listing by NextMarker, whose files a pool of threads downloads."""

from __future__ import print_function

import os
import threading

import ucloud.ufile.config as config  # noqa: F401
from ucloud.logger import logger, set_log_file
from ucloud.ufile import downloadufile, getfilelist, getufilelist, putufile

set_log_file()
public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
put = putufile.PutUFile(public_key, private_key)
for name in "abcde":
    ret, resp = put.putstream(bucket, "batch/" + name, name.encode("ascii"))
    assert resp.status_code == 200


def get_ufile_list(file_name_start_with):
    handler = getufilelist.GetFileList(public_key, private_key)
    mylimit = 2
    ret, resp = handler.getfilelist(bucket=bucket, prefix=u"batch/", limit=mylimit)
    assert resp.status_code == 200
    result = [item["FileName"] for item in ret["DataSet"]]
    while ret["NextMarker"] != "":
        ret, resp = handler.getfilelist(bucket, prefix="batch/", limit=mylimit, marker=ret["NextMarker"])
        assert resp.status_code == 200
        print("count:%d" % len(ret["DataSet"]))
        result += [item["FileName"] for item in ret["DataSet"] if item["FileName"].startswith(file_name_start_with)]
    return result


handler = downloadufile.DownloadUFile(public_key, private_key)
statuses = []


def download(key, save_dir):
    ret, resp = handler.download_file(bucket, key, save_dir + "/" + key.replace("/", "_"), isprivate=True)
    if not resp.ok():
        print("download fail. [Error info]: {0}".format(resp))
    statuses.append(resp.status_code)


os.mkdir("batch")
threads = [threading.Thread(target=download, args=(key, "batch")) for key in get_ufile_list("batch/")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert statuses == [200] * 5
assert open("batch/batch_c", "rb").read() == b"c"
ret, resp = getfilelist.GetFileList(public_key, private_key).list(bucket, "batch/c", 1000)
assert [item["FileName"] for item in ret["DataSet"]][:2] == ["batch/d", "batch/e"]
logger.info("a line of the program's own")
log = open("ufile.log", "rb").read().decode("utf-8")
assert "a line of the program's own" in log and "batch/c" in log and private_key not in log
