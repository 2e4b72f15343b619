"""Every public method of the official Python SDK, ufile 3.2.11 from PyPI, unmodified: python official.py MODE ...

Runs in a process of its own: the SDK logs to the console, and its configuration is global.  MODE is one of the four
ways of clients.md to point it at a local server: proxy, userinfo, number, localhost.  The last line printed is JSON:
"called": the functions of the SDK that ran; "broken": what is broken in the SDK itself -> the exception or status seen.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import ufile
from ufile import bucketmanager, config, filemanager, logger, multipartuploadufile
from ufile.util import file_etag

PACKAGE = os.path.dirname(ufile.__file__)
BLOCK = 4 << 20
DATA = bytes(range(256)) * 40000  # three blocks
called: set[str] = set()
broken: dict[str, Any] = {}
mode, port, public, private, folder = sys.argv[1:]


def watch(frame: Any, event: str, argument: Any) -> None:
    if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
        called.add(os.path.basename(frame.f_code.co_filename)[:-3] + "." + frame.f_code.co_name)


def did(answer: tuple[Any, Any], expected: int = 200) -> tuple[Any, Any]:
    """The answer, after asserting its status."""
    ret, resp = answer
    assert resp.status_code == expected, (resp.status_code, ret, resp.error, resp.content)
    assert resp.ok() == (expected in (200, 204, 206)) and not resp.need_retry()
    assert expected < 300 or resp.ret_code < 0 or resp.error == "unknown error"
    return ret, resp


def managed(answer: tuple[Any, Any], code: int = 0) -> Any:
    ret, _ = did(answer)
    assert ret["RetCode"] == code, ret
    return ret


def breaks(name: str, call: Callable[[], Any]) -> None:
    """Note what a call that cannot work does: the exception's name, or the status refused."""
    try:
        broken[name] = call()
    except Exception as error:
        broken[name] = type(error).__name__


def read(name: str) -> bytes:
    with open(folder + "/" + name, "rb") as file:
        return file.read()


def write(name: str, data: bytes) -> str:
    with open(folder + "/" + name, "wb") as file:
        file.write(data)
    return folder + "/" + name


def fetch(url: str, method: str = "GET") -> tuple[int, bytes]:
    """An URL that the SDK made, read by somebody else; blanks are repaired as any browser does."""
    request = urllib.request.Request(url.replace(" ", "%20"), method=method)
    if mode == "userinfo":  # nobody but requests drops the part before @
        request = urllib.request.Request(request.full_url.replace(space + "@", ""), headers=header(), method=method)
    with urllib.request.urlopen(request, timeout=240) as answer:
        return answer.status, answer.read()


suffix = {
    "proxy": ".cn-bj.ufileos.com",
    "userinfo": "@127.0.0.1:" + port,
}[mode]
space = "official-" + mode
config.set_default(uploadsuffix=suffix, downloadsuffix=suffix, expires=60, connection_timeout=20)
assert config.get_default("upload_suffix") == suffix
if mode != "proxy":  # else the environment names a proxy, and the SDK asks it for http://api.ucloud.cn
    bucketmanager.UCLOUD_API_URL = "http://127.0.0.1:" + port


def header(**more: str) -> dict[str, str]:
    """A fresh dict: the SDK writes into the one that it gets."""
    return {"Host": space + ".cn-bj.ufileos.com", **more} if mode == "userinfo" else dict(more)


files = filemanager.FileManager(public, private)
parts = multipartuploadufile.MultipartUploadUFile(public, private)
spaces = bucketmanager.BucketManager(public, private)
sys.setprofile(watch)
logger.set_log_file(folder + "/ufile.log")


def run_spaces() -> None:
    managed(spaces.createbucket(space, "cn-bj", "public"))
    managed(spaces.createbucket(space, "cn-bj"), 15000)
    described = managed(spaces.describebucket(space))
    assert described["DataSet"][0]["BucketName"] == space and described["DataSet"][0]["Type"] == "public"
    every = managed(spaces.describebucket(offset=0, limit=1000))
    assert space in [entry["BucketName"] for entry in every["DataSet"]]
    managed(spaces.createbucket(space + "-domains", "cn-bj", domainlist=[space + ".example.com"], projectid="org-1"))
    managed(spaces.deletebucket(space + "-domains", projectid="org-1"))


def run_uploads() -> None:
    path, nothing, text = write("file.bin", DATA), write("empty.bin", b""), write("note.txt", b"a note")
    _, resp = did(files.putfile(space, "dir/a b.bin", path, header()))
    assert resp.etag.strip('"') == file_etag(path, BLOCK)
    assert file_etag(path, BLOCK) == file_etag(path)
    did(files.putstream(space, "stream", io.BytesIO(b"hello"), "text/x-hello", header()))
    did(files.putfile(space, "empty", nothing, header()))
    did(files.putstream(space, "empty2", io.BytesIO(b""), header=header()))
    config.set_default(md5=True)
    did(files.putfile(space, "md5", path, header()))
    did(files.putstream(space, "md5 stream", io.BytesIO(DATA), header=header()))
    config.set_default(md5=False)
    did(files.postfile(space, "form/视频.txt", text, header()))
    did(parts.uploadfile(space, "m/视频.mp4", path, header=header()))
    did(parts.uploadstream(space, "m/stream", io.BytesIO(DATA), mime_type="video/mp4", header=header()))
    did(parts.uploadstream(space, "m/empty", io.BytesIO(b""), header=header()))
    with_meta = header(**{"X-Ufile-Meta-Author": "me", "X-Ufile-Storage-Class": "IA"})
    did(files.putstream(space, "meta", io.BytesIO(b"meta"), header=with_meta))


def run_downloads() -> None:
    target = folder + "/got"
    did(files.download_file(space, "dir/a b.bin", target, isprivate=False, header=header()))
    assert read("got") == DATA
    if mode != "userinfo":
        assert fetch(files.public_download_url(space, "dir/a b.bin")) == (200, DATA)
    managed(spaces.updatebucket(space, "private"))
    did(files.download_file(space, "dir/a b.bin", target + "2", isprivate=False, header=header()), 401)
    assert not os.path.exists(target + "2")
    did(files.download_file(space, "m/视频.mp4", target, header=header()))
    assert read("got") == DATA
    _, resp = did(files.download_file(space, "md5", target, content_range=(3, 9), expires=600, header=header()), 206)
    assert read("got") == DATA[3:10] and resp.content_range == (3, 9)
    did(files.download_file(space, "empty", target, header=header()))
    assert read("got") == b""
    did(files.download_file(space, "form/视频.txt", target, header=header()))
    assert read("got") == b"a note"
    _, resp = did(files.download_file(space, "absent", target, header=header()), 404)
    assert (resp.error, resp.ret_code) == ("file not exist", -148654) and resp.x_session_id
    did(files.download_file(space, "md5", target, content_range=(1 << 40, 1 << 41), header=header()), 416)
    for number in range(40):  # a third of these hold a raw plus
        key = "stream"
        assert fetch(files.private_download_url(space, key, 600 + number, header())) == (200, b"hello")
    assert fetch(files.private_head_url(space, "stream", 600, header()), "HEAD") == (200, b"")
    _, resp = did(files.head_file(space, "stream", header()))
    assert (resp.content_type, resp.content_length) == ("text/x-hello", "5")
    did(files.head_file(space, "absent", header()), 404)


def run_listings() -> None:
    ret, _ = did(files.getfilelist(space, prefix="m/", marker="", limit=2, header=header()))
    assert [entry["FileName"] for entry in ret["DataSet"]] == ["m/empty", "m/stream"] and ret["NextMarker"]
    ret, _ = did(files.getfilelist(space, "m/", ret["NextMarker"], header=header()))
    assert [entry["FileName"] for entry in ret["DataSet"]] == ["m/视频.mp4"] and ret["NextMarker"] == ""
    assert len(did(files.getfilelist(space, header=header()))[0]["DataSet"]) == 11
    ret, _ = did(files.listobjects(space, prefix="", marker="", maxkeys=10, delimiter="/", header=header()))
    assert [entry["Prefix"] for entry in ret["CommonPrefixes"]] == ["dir/", "form/", "m/"]
    assert [entry["Key"] for entry in ret["Contents"]] == ["empty", "empty2", "md5", "md5 stream", "meta", "stream"]
    assert ret["Contents"][4]["UserMeta"] and ret["Contents"][4]["StorageClass"] == "IA"
    found = managed(spaces.getfilelist(space, 0, 20))
    assert len(found["DataSet"]) == 11


def run_changes() -> None:
    did(files.copy(space, "copy.txt", space, "form/视频.txt", header()))
    assert files.compare_file_etag(space, "copy.txt", folder + "/note.txt") if mode != "userinfo" else True
    did(files.copy(space, "copy.txt", space, "absent", header()), 404)
    did(files.opMeta(space, "copy.txt", "mimetype", "text/x-foo", header=header()))
    assert did(files.head_file(space, "copy.txt", header()))[1].content_type == "text/x-foo"
    did(files.class_switch_file(space, "copy.txt", "IA", header()))
    did(files.class_switch_file(space, "copy.txt", "ARCHIVE", header()))
    did(files.class_switch_file(space, "copy.txt", "STANDARD", header()), 403)
    did(files.download_file(space, "copy.txt", folder + "/archived", header=header()), 403)
    did(files.restore_file(space, "copy.txt", header()))
    assert did(files.head_file(space, "copy.txt", header()))[1].x_ufile_restore
    did(files.download_file(space, "copy.txt", folder + "/archived", header=header()))
    assert read("archived") == b"a note"


def run_parts() -> None:
    ret, _ = did(parts.init_multipart_upload(space, "p/copied.bin", header(), suffix))
    upload = ret["UploadId"]
    assert (parts.uploadid, parts.blocksize) == (upload, BLOCK)
    parts.etaglist = []
    for number, first in enumerate(range(0, len(DATA), BLOCK)):
        end = min(first + BLOCK, len(DATA))  # "size" is the end: see broken
        _, resp = did(parts.upload_part_copy(space, "dir/a b.bin", "video/mp4", first, end, number, suffix))
        assert resp.content_range == (first, end - 1)
    ret, _ = did(parts.finish_upload())
    assert ret["FileSize"] == len(DATA)

    ret, _ = did(parts.init_multipart_upload(space, "p/resumed.bin", header()))
    upload, size = ret["UploadId"], ret["BlkSize"]
    data = io.BytesIO(DATA)
    first = multipartuploadufile._shardingupload(
        multipartuploadufile.shardingupload_url(space, "p/resumed.bin", upload, 0),
        data.read(size),
        header(Authorization=parts.authorization("put", space, "p/resumed.bin", {})),
    )[1]
    ret, _ = did(parts.get_multi_upload_part(space, upload, 10, 0, header(), suffix))
    assert [part["PartNum"] for part in ret["Parts"]] == [0] and ret["Parts"][0]["Etag"] == first.etag.strip('"')
    again = multipartuploadufile.MultipartUploadUFile(public, private)
    given = {"bucket": space, "key": "p/resumed.bin", "uploadid": upload, "blocksize": size, "header": header()}
    given |= {"etaglist": [first.etag], "stream": data, "pausepartnumber": 1, "mime_type": "video/mp4"}
    did(again.resumeuploadstream(1, 0, **given))

    ret, _ = did(parts.init_multipart_upload(space, "p/resumed file.bin", header()))
    given |= {"key": "p/resumed file.bin", "uploadid": ret["UploadId"], "header": header()}
    del given["stream"]
    again = multipartuploadufile.MultipartUploadUFile(public, private)
    first = multipartuploadufile._shardingupload(
        multipartuploadufile.shardingupload_url(space, "p/resumed file.bin", ret["UploadId"], 0),
        DATA[:size],
        header(Authorization=parts.authorization("put", space, "p/resumed file.bin", {})),
    )[1]
    given |= {"etaglist": [first.etag], "localfile": folder + "/file.bin"}
    did(again.resumeuploadfile(1, 0, **given))
    for key in ("p/copied.bin", "p/resumed.bin", "p/resumed file.bin"):
        did(files.download_file(space, key, folder + "/p", header=header()))
        assert read("p") == DATA, key


def run_keys() -> None:
    """The keys of a handler changed under it, and what it signs."""
    other = filemanager.FileManager("nobody", "nothing")
    did(other.head_file(space, "stream", header()), 403)
    other.set_keys(public, private)
    did(other.head_file(space, "stream", header()))
    parts.set_keys(public, private)
    did(parts.uploadstream(space, "m/stream", io.BytesIO(DATA), header=header()))
    signed = other.authorization("put", space, "by hand", {"Content-Type": "text/plain"})
    request = header(**{"Content-Type": "text/plain", "Authorization": signed})
    did(filemanager._put_stream(filemanager.ufile_put_url(space, "by hand"), request, io.BytesIO(b"hand")))
    until = str(int(time.time()) + 60)
    query = {"UCloudPublicKey": public, "Expires": until}
    query["Signature"] = other.signature(space, "by hand", "get", {"Expires": until})
    url = other.public_download_url(space, "by hand") + "?" + filemanager.url_parse(query)
    did(filemanager._download_file(url, header(), folder + "/hand"))
    assert read("hand") == b"hand"


def run_broken() -> None:
    """What no server can repair."""
    breaks("listobjects()", lambda: files.listobjects(space, header=header()))
    breaks("compare_file_etag of an absent key", lambda: files.compare_file_etag(space, "absent", folder + "/file.bin"))
    if mode != "userinfo":  # compare_file_etag takes no header
        assert files.compare_file_etag(space, "dir/a b.bin", folder + "/file.bin")
        assert not files.compare_file_etag(space, "dir/a b.bin", folder + "/note.txt")
        breaks("compare_file_etag of empty", lambda: files.compare_file_etag(space, "empty", folder + "/empty.bin"))
    breaks("X-UCloud-* header", lambda: files.head_file(space, "stream", header(**{"X-UCloud-A": "b"})))
    breaks("repr(resp)", lambda: repr(files.head_file(space, "stream", header())[1]))
    breaks("key with ?", lambda: files.putstream(space, "a?b", io.BytesIO(b""), header=header())[1].status_code)
    breaks("key with %", lambda: files.putstream(space, "1%25", io.BytesIO(b""), header=header())[1].status_code)
    breaks("key with ..", lambda: files.putstream(space, "a/../b", io.BytesIO(b""), header=header())[1].status_code)
    stranger = multipartuploadufile.MultipartUploadUFile("nobody", "nothing")
    breaks("init_multipart_upload refused", lambda: stranger.init_multipart_upload(space, "k", header()))
    did(parts.init_multipart_upload(space, "q", header()))
    parts.upload_part_copy(space, "dir/a b.bin", "video/mp4", 0, BLOCK, 0)
    copy = (space, "dir/a b.bin", "video/mp4", BLOCK, BLOCK, 1)  # a block from the second block on, as documented
    breaks("upload_part_copy(offset, size)", lambda: parts.upload_part_copy(*copy)[1].status_code)
    other = bucketmanager.BucketManager("nobody", "nothing")
    other.set_keys(public, private)
    breaks("BucketManager.set_keys", lambda: other.describebucket(space))
    breaks("resume after a failure of parallel parts", resume_with_holes)


def resume_with_holes() -> Any:
    """The state that three threads leave when part 1 failed: resume appends to it, and one etag is one too many."""
    ret, _ = did(parts.init_multipart_upload(space, "holes", header()))
    again = multipartuploadufile.MultipartUploadUFile(public, private)
    etags = ["", "", ""]
    for number in (0, 2):
        etags[number] = multipartuploadufile._shardingupload(
            multipartuploadufile.shardingupload_url(space, "holes", ret["UploadId"], number),
            DATA[number * BLOCK : (number + 1) * BLOCK],
            header(Authorization=parts.authorization("put", space, "holes", {})),
        )[1].etag
    given = {"bucket": space, "key": "holes", "uploadid": ret["UploadId"], "blocksize": BLOCK, "header": header()}
    given |= {"etaglist": etags, "localfile": folder + "/file.bin", "pausepartnumber": 1}
    return again.resumeuploadfile(1, 0, **given)[1].status_code


def run_deletes() -> None:
    managed(spaces.deletebucket(space), 15023)
    ret, _ = did(files.getfilelist(space, limit=1000, header=header()))
    for entry in ret["DataSet"]:
        did(files.deletefile(space, entry["FileName"], header()), 204)
    did(files.deletefile(space, "absent", header()), 204)
    managed(spaces.deletebucket(space))
    managed(spaces.describebucket(space), 15010)


for step in (
    *(run_spaces, run_uploads, run_downloads, run_listings, run_changes),
    *(run_parts, run_keys, run_broken, run_deletes),
):
    step()
sys.setprofile(None)
print(json.dumps({"called": sorted(called), "broken": broken}))
