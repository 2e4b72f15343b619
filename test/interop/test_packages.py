"""Clients that a registry carries, unmodified: older ufile, requests-ucloud, multibucket.

Each runs in a process of its own and reaches the server as an HTTP proxy, so it keeps the vendor's hosts.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from test.interop.packages import installed, told
from test.interop.replay import HELLO_ETAG
from test.server.wire import Peer
from test.server_fixture import Server

pytestmark = pytest.mark.long

OLDER_UFILE = ("3.0.1", "3.1.0", "3.2.0")
REQUESTS_UCLOUD = "0.3.1"
MULTIBUCKET = "0.2.12"

UFILE = """
import io, json, sys
import ufile
from ufile import bucketmanager, config, filemanager, multipartuploadufile
space, public, private = sys.argv[1:]
config.set_default(uploadsuffix=".cn-bj.ufileos.com", downloadsuffix=".cn-bj.ufileos.com", expires=60)
files = filemanager.FileManager(public, private)
parts = multipartuploadufile.MultipartUploadUFile(public, private)
data = bytes(range(256)) * 50782  # four parts, the last one short
with open("file.bin", "wb") as file:
    file.write(data)
done = {"version": ufile.__version__}

def did(name, answer):
    done[name] = answer[1].status_code
    return answer[0]

did("create", bucketmanager.BucketManager(public, private).createbucket(space, "cn-bj", "private"))
did("put", files.putfile(space, "a b.bin", "file.bin"))
did("form", files.postfile(space, "form.bin", "file.bin"))
did("stream", files.putstream(space, "stream", io.BytesIO(b"hello world")))
done["size"] = did("parts", parts.uploadfile(space, "parts.bin", "file.bin"))["FileSize"]
did("hit", files.uploadhit(space, "hit.bin", "file.bin"))
for key in ("a b.bin", "form.bin", "parts.bin", "hit.bin"):
    did("get", files.download_file(space, key, "got.bin"))
    with open("got.bin", "rb") as file:
        assert file.read() == data, key
_, head = files.head_file(space, "stream")
done["etag"] = head.etag.strip('"')
done["keys"] = [entry["FileName"] for entry in did("list", files.getfilelist(space))["DataSet"]]
did("delete", files.deletefile(space, "a b.bin"))
try:
    did("absent", files.head_file(space, "a b.bin"))
except ValueError as error:
    done["absent"] = type(error).__name__
print()
print(json.dumps(done))
"""

REQUESTS = """
import json, sys
import requests
from ucloudauth import UCloudAuth, UFileAuth
space, public, private = sys.argv[1:]
auth = UFileAuth(public, private)
host = "http://" + space + ".ufile.ucloud.cn"
made = {"Action": "CreateBucket", "BucketName": space, "Type": "private"}
made = requests.get("http://api.ucloud.cn/", params=made, auth=UCloudAuth(public, private))
done = {"create": made.json()["RetCode"]}
put = requests.put(host + "/%E8%A7%86/b%20c.txt", data=b"hello world", auth=auth)
done["put"], done["etag"] = put.status_code, put.headers["etag"].strip('"')
done["get"] = requests.get(host + "/%E8%A7%86/b%20c.txt", auth=auth).text
begun = requests.post(host + "/parts?uploads", auth=auth).json()
where = host + "/parts?uploadId=" + begun["UploadId"]
etags = [requests.put(where + "&partNumber=%d" % n, data=b"x" * size, auth=auth).headers["etag"]
         for n, size in enumerate((begun["BlkSize"], 5))]
done["size"] = requests.post(where, data=",".join(etags), auth=auth).json()["FileSize"]
listed = requests.get(host + "/?list&prefix=&limit=10", auth=auth).json()
done["keys"] = [entry["FileName"] for entry in listed["DataSet"]]
done["delete"] = requests.delete(host + "/parts", auth=auth).status_code
print(json.dumps(done))
"""

MULTI = """
import json, sys
from multibucket.ucloud import UCloudFileClient
space, public, private = sys.argv[1:]
client = UCloudFileClient(public, private, space, region="cn-bj", scheme="http")
data = bytes(range(256)) * 50782
key = "dir/a b+\\u89c6\\u9891.bin"
done = {"put": client.upload(key, b"hello world", "text/plain").status_code}
with open("file.bin", "wb") as file:
    file.write(data)
client.upload_file("file.bin", "file.bin")
client.multipart_upload("parts.bin", "file.bin")
client.multipart_upload_bytes("bytes.bin", data)
done["same"] = [client.get_content(name) == data for name in ("file.bin", "parts.bin", "bytes.bin")]
client.multipart_download("parts.bin", "got.bin")
with open("got.bin", "rb") as file:
    done["same"].append(file.read() == data)
done["exists"] = [client.is_exists(key), client.is_exists("absent")]
done["type"] = client.head(key).headers["content-type"]
import httpx
done["url"] = httpx.get(client.get_shared_url(key)).text
done["keys"] = [entry["key"] for entry in client.iter_objects(page_size=2)]
done["delete"] = [client.delete_file(key), client.delete("absent").status_code]
print()
print(json.dumps(done))
"""


@pytest.mark.parametrize("version", OLDER_UFILE)
def test_older_ufile(server: Server, tmp_path: Path, version: str) -> None:
    site = installed(tmp_path, f"ufile=={version}", alone=True)
    words = (f"old-{uuid.uuid4().hex}", server.public_key, server.private_key)
    assert told(site, UFILE, *words, proxy=server.endpoint) == {
        "version": version,
        **dict.fromkeys(("create", "put", "form", "stream", "parts", "hit", "get", "list"), 200),
        "size": 256 * 50782,
        "etag": HELLO_ETAG,
        "keys": ["a b.bin", "form.bin", "hit.bin", "parts.bin", "stream"],
        "delete": 204,
        "absent": "JSONDecodeError",  # theirs: reads JSON of a HEAD's answer, which has no body; mended in 3.2.6
    }


def test_requests_ucloud(server: Server, tmp_path: Path) -> None:
    site = installed(tmp_path, f"requests-ucloud=={REQUESTS_UCLOUD}", alone=True)
    words = (f"rq-{uuid.uuid4().hex}", server.public_key, server.private_key)
    assert told(site, REQUESTS, *words, proxy=server.endpoint) == {
        "create": 0,
        "put": 200,
        "etag": HELLO_ETAG,
        "get": "hello world",
        "size": 4194309,
        "keys": ["parts", "视/b c.txt"],
        "delete": 204,
    }


def test_multibucket(server: Server, tmp_path: Path) -> None:
    site = installed(tmp_path, f"multibucket=={MULTIBUCKET}")
    space = Peer(server).space()
    key = "dir/a b+视频.bin"
    assert told(site, MULTI, space, server.public_key, server.private_key, proxy=server.endpoint) == {
        "put": 200,
        "same": [True] * 4,
        "exists": [True, False],
        "type": "text/plain",
        "url": "hello world",
        "keys": ["bytes.bin", key, "file.bin", "parts.bin"],
        "delete": [True, 204],
    }
