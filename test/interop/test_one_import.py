"""One program on the official Python SDK and on ours: only its import differs, and what it is told is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.wire import Peer
from test.server_fixture import Server

pytest.importorskip("ufile", reason="make venv installs it")

# Both ask the server as an HTTP proxy for http://<space>.one.example.com/..., which needs no name service.
PROGRAM = """
import io, json, sys
from {package} import config, filemanager, {multipart} as multipart

S, public, private, folder, block = sys.argv[1:]
block = int(block)
config.set_default(
    uploadsuffix=".one.example.com", downloadsuffix=".one.example.com", expires=60, connection_timeout=20
)
out = []
data = bytes(range(256)) * 40000
with open(folder + "/file.html", "wb") as file:
    file.write(data)
files = filemanager.FileManager(public, private)
parts = getattr(multipart, "{cls}")(public, private)

def told(answer, *names):
    ret, resp = answer
    code = resp.ret_code if resp.content else None  # ours knows it of a HEAD too
    entry = [resp.status_code, resp.ok(), code, resp.content_range, str(resp.etag or "").strip('"')]
    entry += [resp.content_type, int(resp.content_length or 0), bool(resp.error), resp.need_retry(), resp.md5]
    out.append([ret is None] + entry + [ret[name] for name in names])
    return ret

def read(name):
    with open(folder + "/" + name, "rb") as file:
        out.append(len(file.read()))

header = {{"X-Ufile-Meta-A": "b", "X-Ufile-Storage-Class": "STANDARD"}}
told(files.putfile(S, "a b.html", folder + "/file.html", dict(header)))
told(files.postfile(S, "post.html", folder + "/file.html"))
told(files.putstream(S, "stream", io.BytesIO(b"hello"), "text/x-a"))
told(files.head_file(S, "stream"))
told(files.head_file(S, "a b.html"))
told(files.head_file(S, "absent"))
told(files.download_file(S, "a b.html", folder + "/one"))
read("one")
told(files.download_file(S, "a b.html", folder + "/two", content_range=(5, 9)))
read("two")
told(files.download_file(S, "stream", folder + "/three", isprivate=False))
told(files.download_file(S, "absent", folder + "/four"))
told(files.getfilelist(S, "", "", 2), "NextMarker")
ret = told(files.listobjects(S, "", "", 10, "/"), "CommonPrefixes", "IsTruncated")
out.append([entry["Key"] for entry in ret["Contents"]])
out.append(files.compare_file_etag(S, "a b.html", folder + "/file.html"))
out.append(files.compare_file_etag(S, "stream", folder + "/file.html"))
told(files.copy(S, "copy", S, "a b.html"))
told(files.copy(S, "copy", S, "absent"))
told(files.opMeta(S, "copy", "mimetype", "text/x-new"))
told(files.head_file(S, "copy"))
told(files.class_switch_file(S, "copy", "ARCHIVE"))
told(files.class_switch_file(S, "copy", "IA"))
told(files.restore_file(S, "copy"))
out.append(bool(files.head_file(S, "copy")[1].x_ufile_restore))
out.append(files.public_download_url(S, "stream") == "http://" + S + ".one.example.com/stream")
out.append(files.authorization("put", S, "k", {{"Content-Type": "a/b"}}).split()[1])
out.append(files.signature(S, "k", "get", {{"Expires": "1893456000"}}))

ret = told(parts.init_multipart_upload(S, "parts"), "BlkSize", "Bucket", "Key")
out.append([parts.uploadid == ret["UploadId"], parts.blocksize])
# The official SDK takes the last byte's place plus one for the size, and ours the number of bytes.
told(parts.upload_part_copy(S, "a b.html", "text/html", 0, block, 0), "PartNumber")
listed = told(parts.get_multi_upload_part(S, ret["UploadId"], 10, 0), "Bucket", "Key", "IsTruncated")
out.append([[part["PartNum"], part["Size"]] for part in listed["Parts"]])
told(parts.finish_upload(), "Key", "FileSize")
told(parts.uploadfile(S, "whole", folder + "/file.html"), "FileSize")
told(parts.uploadstream(S, "whole2", io.BytesIO(data)), "FileSize")
for key in ["a b.html", "post.html", "stream", "copy", "parts", "whole", "whole2", "absent"]:
    told(files.deletefile(S, key))
files.set_keys(public, "wrong")
told(files.head_file(S, "absent"))
with open(folder + "/out.json", "w") as file:
    json.dump(out, file)
"""
OURS = {"package": "ucloud.uvideo", "multipart": "multipartuploaduvideo", "cls": "MultipartUploadUVideo"}
THEIRS = {"package": "ufile", "multipart": "multipartuploadufile", "cls": "MultipartUploadUFile"}
ROOT = Path(__file__).resolve().parents[2]


def run(names: dict[str, str], server: Server, space: str, folder: Path) -> list[Any]:
    folder.mkdir()
    arguments = [space, server.public_key, server.private_key, str(folder), str(4 << 20)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(**names), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "http_proxy": server.endpoint},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    found: list[Any] = json.loads((folder / "out.json").read_text())
    return found


def test_the_same_program_is_told_the_same(server: Server, tmp_path: Path) -> None:
    space = Peer(server).space()
    theirs, ours = (run(names, server, space, tmp_path / names["package"]) for names in (THEIRS, OURS))
    assert len(ours) == len(theirs) > 40
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other
