# -*- coding: utf-8 -*-
"""Names imported by `from ucloud.ufile.x import *`, and an upload resumed after setting the handler's attributes"""

import requests
from ucloud.auth import *
from ucloud.compact import *
from ucloud.logger import *
from ucloud.ufile.baseufile import *
from ucloud.ufile.config import *
from ucloud.ufile.downloadufile import *
from ucloud.ufile.httprequest import *
from ucloud.ufile.multipartuploadufile import *
from ucloud.ufile.putufile import *
from ucloud.util import *

public_key, private_key, bucket = os.environ["PUBLIC_KEY"], os.environ["PRIVATE_KEY"], os.environ["BUCKET"]
set_default(connection_timeout=20)
set_log_file()
logger.info("begins at %d" % time.time())
data = b"a" * BLOCKSIZE + b"the rest"
with open("star.local", "wb") as made:
    made.write(data)

# What the process that broke did: an upload was begun, and its first part was stored.
signer = BaseUFile(public_key, private_key)
header = {"Content-Type": s(Mimetype.from_file("star.mp4")), "User-Agent": USER_AGENT}
header["Authorization"] = signer.authorization("post", bucket, "star.mp4", header)
begun = json.loads(s(requests.post(initialsharding_url(bucket, "star.mp4"), headers=header).content))
header["Authorization"] = signer.authorization("put", bucket, "star.mp4", header)
url = shardingupload_url(bucket, "star.mp4", begun["UploadId"], 0)
resp = ResponseInfo(requests.put(url, headers=header, data=data[:BLOCKSIZE]))
assert resp.ok(), resp

handler = MultipartUploadUFile(public_key, private_key)
handler.uploadid, handler.blocksize = begun["UploadId"], begun["BlkSize"]
handler.etaglist, handler.pausepartnumber = [resp.etag], 1
stream = open("star.local", "rb")
stream.seek(handler.pausepartnumber * handler.blocksize)
ret, resp = handler.resumeuploadstream(bucket=bucket, key="star.mp4", stream=stream, mime_type="", blocksize=0)
assert resp.status_code == 200 and ret["FileSize"] == len(data), resp
assert resp.etag == '"%s"' % file_etag("star.local", BLOCKSIZE)

ret, resp = PutUFile(public_key, private_key).putstream(bucket, "star.txt", BytesIO(b("0123456789")), "")
assert resp.status_code == 200, resp
for content_range in (("2", "5"), (2, "5"), (2, "")):
    ret, resp = DownloadUFile(public_key, private_key).download_file(
        bucket, "star.txt", "star.out", content_range=content_range
    )
    assert resp.status_code == 206 and resp.content_range[0] == 2, resp
assert open("star.out").read() == "23456789"
