# -*- coding: utf-8 -*-
"""An upload that broke in one process and continues in another, from the values that the first kept."""

import io
import os

import requests
from ucloud.ufile import multipartuploadufile
from ucloud.util import initialsharding_url, shardingupload_url

public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
block = 4 * 1024 * 1024
data = b"ab" * block + b"the rest"
with open("resume.local", "wb") as made:
    made.write(data)

# What the process that broke did: an upload was begun, and its first part was stored.
first = multipartuploadufile.MultipartUploadUFile(public_key, private_key)
header = {"Content-Type": "text/plain"}
header["Authorization"] = first.authorization("post", bucket, "resume", header)
begun = requests.post(initialsharding_url(bucket, "resume"), headers=header, timeout=20).json()
header = {"Content-Type": "video/mp4"}
header["Authorization"] = first.authorization("put", bucket, "resume", header)
url = shardingupload_url(bucket, "resume", begun["UploadId"], 0)
part = requests.put(url, headers=header, data=data[:block], timeout=240)
kept = {"uploadid": begun["UploadId"], "blocksize": begun["BlkSize"], "etaglist": [part.headers["ETag"]]}

handler = multipartuploadufile.MultipartUploadUFile(public_key, private_key)
ret, resp = handler.resumeuploadfile(
    bucket=bucket, key="resume", localfile="resume.local", pausepartnumber=1, mime_type="video/mp4", **kept
)
assert resp.status_code == 200, resp.error
assert ret["FileSize"] == len(data)

begun = requests.post(
    initialsharding_url(bucket, "again"),
    headers={"Authorization": first.authorization("post", bucket, "again")},
    timeout=20,
).json()
part = requests.put(
    shardingupload_url(bucket, "again", begun["UploadId"], 0),
    headers={"Authorization": first.authorization("put", bucket, "again")},
    data=data[:block],
    timeout=240,
)
stream = io.open("resume.local", "rb")
stream.seek(block)
ret, resp = handler.resumeuploadstream(
    3, 5, bucket, "again", begun["UploadId"], begun["BlkSize"], [part.headers["ETag"]], stream, 1
)
assert resp.status_code == 200, resp.error
