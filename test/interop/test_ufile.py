"""The official Python SDK, ufile 3.2.11 from PyPI, unmodified; in a process of its own, as it logs to the console."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from test.server_fixture import Server

pytest.importorskip("ufile", reason="pip install 'uvideo[test]'")

PROGRAM = """
import io, json, sys
port, public, private, folder = sys.argv[1:]
import ufile
from ufile import config, filemanager, multipartuploadufile, bucketmanager

config.set_default(uploadsuffix=":" + port, downloadsuffix=":" + port, expires=60)
bucketmanager.UCLOUD_API_URL = "http://127.0.0.1:" + port
data = bytes(range(256)) * 40000  # three blocks
with open(folder + "/file.bin", "wb") as file:
    file.write(data)
open(folder + "/empty.bin", "wb").close()
files = filemanager.FileManager(public, private)
parts = multipartuploadufile.MultipartUploadUFile(public, private)
spaces = bucketmanager.BucketManager(public, private)
BUCKET = "localhost"
out = {}

def did(name, answer, expected=200, **checks):
    ret, resp = answer
    assert resp.status_code == expected, (name, resp.status_code, ret, getattr(resp, "error", None), resp.content)
    out[name] = resp.status_code
    return ret, resp

def read(name):
    with open(folder + "/" + name, "rb") as file:
        return file.read()

ret, _ = did("create", spaces.createbucket(BUCKET, "cn-bj", "public"))
assert ret["RetCode"] == 0, ret
ret, _ = did("describe", spaces.describebucket(BUCKET))
assert ret["DataSet"][0]["BucketName"] == BUCKET and ret["DataSet"][0]["Type"] == "public"

_, resp = did("put", files.putfile(BUCKET, "dir/a b.bin", folder + "/file.bin"))
from ufile.util import file_etag
assert resp.etag.strip('"') == file_etag(folder + "/file.bin", 4 << 20), resp.etag
assert files.compare_file_etag(BUCKET, "dir/a b.bin", folder + "/file.bin")
assert not files.compare_file_etag(BUCKET, "dir/a b.bin", folder + "/empty.bin")
did("put stream", files.putstream(BUCKET, "stream", io.BytesIO(b"hello")))
did("put empty", files.putfile(BUCKET, "empty", folder + "/empty.bin"))
did("put empty stream", files.putstream(BUCKET, "empty2", io.BytesIO(b"")))
config.set_default(md5=True)
did("put md5", files.putfile(BUCKET, "md5", folder + "/file.bin"))
config.set_default(md5=False)

did("get public", files.download_file(BUCKET, "dir/a b.bin", folder + "/public.bin", isprivate=False))
assert read("public.bin") == data
ret, _ = did("update", spaces.updatebucket(BUCKET, "private"))
assert ret["RetCode"] == 0, ret
did("get anonymous", files.download_file(BUCKET, "dir/a b.bin", folder + "/none.bin", isprivate=False), 401)
did("get private", files.download_file(BUCKET, "dir/a b.bin", folder + "/private.bin"))
assert read("private.bin") == data
did("get range", files.download_file(BUCKET, "dir/a b.bin", folder + "/range.bin", content_range=(3, 9)), 206)
assert read("range.bin") == data[3:10], read("range.bin")
did("get empty", files.download_file(BUCKET, "empty", folder + "/empty2.bin"))
assert read("empty2.bin") == b""
ret, resp = did("get absent", files.download_file(BUCKET, "absent", folder + "/none.bin"), 404)
assert "file not exist" in str(resp.error), resp.error
did("head", files.head_file(BUCKET, "stream"))
did("head absent", files.head_file(BUCKET, "absent"), 404)

did("multipart", parts.uploadfile(BUCKET, "m/视频.mp4", folder + "/file.bin"))
did("get multipart", files.download_file(BUCKET, "m/视频.mp4", folder + "/m.bin"))
assert read("m.bin") == data
did("multipart stream", parts.uploadstream(BUCKET, "m/stream", io.BytesIO(data)))
did("multipart empty", parts.uploadstream(BUCKET, "m/empty", io.BytesIO(b"")))

ret, _ = did("list", files.getfilelist(BUCKET, prefix="m/", marker="", limit=2))
assert [entry["FileName"] for entry in ret["DataSet"]] == ["m/empty", "m/stream"] and ret["NextMarker"], ret
ret, _ = did("listobjects", files.listobjects(BUCKET, prefix="", marker="", maxkeys=10, delimiter="/"))
assert [entry["Prefix"] for entry in ret["CommonPrefixes"]] == ["dir/", "m/"], ret
assert [entry["Key"] for entry in ret["Contents"]] == ["empty", "empty2", "md5", "stream"], ret
try:
    ret, _ = spaces.getfilelist(BUCKET, 0, 20)
    out["getfilelist"] = ret["RetCode"]
except AttributeError:
    out["getfilelist"] = "absent"

keys = ["dir/a b.bin", "stream", "empty", "empty2", "md5", "m/视频.mp4", "m/stream", "m/empty"]
ret, _ = did("delete full bucket", spaces.deletebucket(BUCKET))
assert ret["RetCode"] == 15023, ret
for key in keys:
    did("delete", files.deletefile(BUCKET, key), 204)
ret, _ = did("delete bucket", spaces.deletebucket(BUCKET))
assert ret["RetCode"] == 0, ret
print(json.dumps(out))
"""


def test_the_official_sdk_runs_unmodified(server: Server, tmp_path: Path) -> None:
    got = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(server.port), server.public_key, server.private_key, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "no_proxy": "*"},
    )
    assert got.returncode == 0, got.stdout[-3000:] + got.stderr[-3000:]
    done = json.loads(got.stdout.splitlines()[-1])
    assert done["getfilelist"] == 0 and done["multipart"] == 200
