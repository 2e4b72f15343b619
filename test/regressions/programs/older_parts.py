# -*- coding: utf-8 -*-
"""The loops of the older README: a file and a stream in parts, resumed while the network fails."""

import os

from ucloud.ufile import downloadufile, multipartuploadufile

public_key, private_key, public_bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
sharding_key, localfile = "sharding.bin", "sharding.local"
with open(localfile, "wb") as made:
    made.write(b"0123456789abcdef" * 300000)

multipartuploadufile_handler = multipartuploadufile.MultipartUploadUFile(public_key, private_key)
ret, resp = multipartuploadufile_handler.uploadfile(public_bucket, sharding_key, localfile)
while True:
    if resp.status_code == 200:
        break
    elif resp.status_code == -1:
        ret, resp = multipartuploadufile_handler.resumeuploadfile()
    else:
        raise SystemExit(resp.error)

from io import BytesIO

bio = BytesIO(u"你好".encode("utf-8"))
ret, resp = multipartuploadufile_handler.uploadstream(public_bucket, "sharding.stream", bio)
while True:
    if resp.status_code == 200:
        break
    elif resp.status_code == -1:
        ret, resp = multipartuploadufile_handler.resumeuploadstream()
    else:
        raise SystemExit(resp.error)

downloadufile_handler = downloadufile.DownloadUFile(public_key, private_key)
ret, resp = downloadufile_handler.download_file(public_bucket, sharding_key, "range", content_range=(0, 50))
assert resp.status_code == 206 and len(open("range", "rb").read()) == 51
