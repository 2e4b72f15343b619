"""Run by every Python that the SDK is installed in, 2.7 too: use_sdk.py HOST FILE, the key pair in the environment."""

from __future__ import absolute_import, division, print_function

import os
import sys
import uuid

import ucloud.uvideo
from ucloud import logger
from ucloud.ufile import config as older
from ucloud.ufile import getufilelist, putufile
from ucloud.uvideo import config, deleteuvideo, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager

host, source = sys.argv[1:]
keys = os.environ["SDK_PUBLIC_KEY"], os.environ["SDK_PRIVATE_KEY"]
space = "installed-%d-%d-%s" % (sys.version_info[0], sys.version_info[1], uuid.uuid4().hex)
logger.set_log_file(source + ".log")
config.set_default(uploadsuffix=host, downloadsuffix=host)

ret, resp = spacemanager.BucketManager(*keys).createspace(space, "private")
assert resp.ok(), resp.error
ret, resp = multipartuploaduvideo.MultipartUploadUVideo(*keys).uploadfile(space, "films/movie.bin", source)
assert resp.status_code == 200, resp.error
target = source + ".copy"
ret, resp = downloaduvideo.DownloadUVideo(*keys).download_file(space, "films/movie.bin", target)
assert resp.status_code == 200, resp.error
with open(source, "rb") as one, open(target, "rb") as two:
    assert one.read() == two.read()
os.unlink(target)
assert filemanager.FileManager(*keys).compare_file_etag(space, "films/movie.bin", source)
older.set_default(uploadsuffix=host)
ret, resp = putufile.PutUFile(*keys).putfile(space, "films/movie.bin", source)
assert resp.status_code == 200, resp.error
ret, resp = getufilelist.GetFileList(*keys).getfilelist(space, prefix="films/")
assert [item["FileName"] for item in ret["DataSet"]] == ["films/movie.bin"], resp.error
ret, resp = deleteuvideo.DeleteUVideo(*keys).deletefile(space, "films/movie.bin")
assert resp.status_code == 204, resp.error

try:
    import uvideo
except ImportError as error:
    toolkit = "no: %s" % error
else:
    toolkit = "yes: %s" % uvideo.__version__
print("%s|%s|%s" % (ucloud.uvideo.__version__, os.path.dirname(ucloud.uvideo.__file__), toolkit))
