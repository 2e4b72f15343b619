"""The raw requests of the Hadoop adaptor, which is the Java SDK as its output streams and its copies use it.

Source: us3-bigdata-adaptor at 0cd0c78 (UFileAsyncOutputStream, UFileFileSystem.copyObject), ufile-sdk-java at 046de0c
(MultiUploadPartApi, UploadCopyPartApi, FinishMultiUploadApi).
"""

from __future__ import annotations

import hashlib

import pytest

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    BLOCK,
    EMPTY_ETAG,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    OBJECTS,
    PART_ETAGS,
    PARTS,
    Client,
    Java,
    conforms,
    empty,
    stored,
)

DATE = Java.date
MIME = "application/octet-stream"
JSON = "application/json; charset=utf-8"  # on calls that upload nothing


def initiate(hadoop: Client, key: str) -> str:
    sign = f"POST\n\n{MIME}\n{DATE}\n/$space/{key}"
    begun = hadoop.ask(f"POST /{key}?uploads", sign, [f"Content-Type: {MIME}"], b"{}")
    conforms(begun.json(), INITIATED)
    return str(begun.json()["UploadId"])


@pytest.mark.parametrize("order", ((0, 1, 2), (1, 2, 0)), ids=("in order", "as they came"))
def test_hadoop_puts_parts_with_the_md5_of_a_whole_buffer(hadoop: Client, order: tuple[int, ...]) -> None:
    """``-put`` of a file whose size is no multiple of 4 MiB: the last part is a piece of the buffer that was hashed."""
    upload, body = initiate(hadoop, "user/film.mp4"), list[str]()
    for number in order:
        buffer = PARTS[number].ljust(BLOCK, b"\0")
        md5 = hashlib.md5(buffer).hexdigest()
        headers = [f"Content-MD5: {md5}", f"Content-Type: {MIME}"]
        line = f"PUT /user/film.mp4?uploadId={upload}&partNumber={number}"
        got = hadoop.ask(line, f"PUT\n{md5}\n{MIME}\n{DATE}\n/$space/user/film.mp4", headers, PARTS[number])
        assert got.status == 200, got.body
        body.append(got.header("ETag").replace('"', ""))
    line = f"POST /user/film.mp4?uploadId={upload}&newKey="
    headers = ["X-Ufile-Metadata-Directive: REPLACE", "X-Ufile-Meta-hdfs-rep: 1", f"Content-Type: {MIME}"]
    got = hadoop.ask(line, f"POST\n\n{MIME}\n{DATE}\n/$space/user/film.mp4", headers, ",".join(body).encode())
    conforms(got.json(), FINISHED)
    assert got.header("ETag") == f'"{BIG_ETAG}"'
    got = hadoop.get("user/film.mp4")
    assert got.body == BIG and got.header("X-Ufile-Meta-hdfs-rep") == "1"


def test_hadoop_copies_in_parts_of_which_the_last_ends_at_the_size(hadoop: Client) -> None:
    hadoop.put("source", BIG, MIME)
    upload, etags = initiate(hadoop, "target"), list[str]()
    for number in range(len(PARTS)):
        first, last = number * BLOCK, min(number * BLOCK + BLOCK - 1, len(BIG))  # an end of len(BIG) - 1 would be right
        span = f"bytes={first}-{last}"
        headers = ["X-Ufile-Copy-Source: /$space/source", f"X-Ufile-Copy-Source-Range: {span}"]
        sign = f"PUT\n\n\n{DATE}\nx-ufile-copy-source:/$space/source\nx-ufile-copy-source-range:{span}\n/$space/target"
        got = hadoop.ask(f"PUT /target?uploadId={upload}&partNumber={number}", sign, headers, b"{}")
        conforms(got.json(), {"PartNumber": int, "ETag": str})
        etags.append(got.json()["ETag"])  # not from the header
    assert etags == PART_ETAGS and got.header("Content-Range") == f"bytes {first}-{len(BIG) - 1}/{len(BIG)}"
    sign = f"POST\n\n{MIME}\n{DATE}\n/$space/target"
    line, body = f"POST /target?uploadId={upload}&newKey=", ",".join(etags).encode()
    got = hadoop.ask(line, sign, [f"Content-Type: {MIME}"], body)
    assert got.header("ETag") == f'"{BIG_ETAG}"' and got.json()["FileSize"] == len(BIG)


def test_hadoop_makes_a_folder_and_puts_a_small_file(hadoop: Client) -> None:
    """``-mkdir``: two objects without bytes.  ``-put`` below 4 MiB.  What it asks before, and the list of ``-ls``."""
    mine = {"X-Ufile-Meta-hdfs-owner": "me", "X-Ufile-Meta-hdfs-group": "supergroup", "X-Ufile-Meta-hdfs-rep": "1"}
    meta = [f"{name}: {value}" for name, value in mine.items()]
    head = f"HEAD\n\n{JSON}\n{DATE}\n/$space/dir"
    hadoop.ask("HEAD /dir", head, [f"Content-Type: {JSON}"])
    line = "GET /?listobjects&prefix=dir&marker=&max-keys=1"
    listed = hadoop.ask(line, f"GET\n\n{JSON}\n{DATE}\n/$space/", [f"Content-Type: {JSON}"]).json()
    conforms(listed, OBJECTS)
    assert listed["Contents"] == []
    for target, key, mime in (("/dir", "dir", "file/path"), ("/dir%2F", "dir/", "application/x-directory")):
        sign = f"PUT\n\n{mime}\n{DATE}\n/$space/{key}"
        stored(hadoop.ask(f"PUT {target}", sign, [*meta, f"Content-Type: {mime}"], b""), EMPTY_ETAG)
    sign = f"PUT\n\n{MIME}\n{DATE}\n/$space/dir/small.txt._COPYING_"
    put = hadoop.ask("PUT /dir%2Fsmall.txt._COPYING_", sign, [*meta, f"Content-Type: {MIME}"], HELLO)
    stored(put, HELLO_ETAG)
    got = hadoop.ask("HEAD /dir", head, [f"Content-Type: {JSON}"])
    assert got.status == 200 and got.header("Content-Type") == "file/path"
    told = {name.lower(): value for name, value in got.headers if name.startswith("X-Ufile-Meta-")}  # as it reads them
    assert told == {name.lower(): value for name, value in mine.items()}
    listed = hadoop.ask(line.replace("max-keys=1", "max-keys=1000&delimiter=%2F"), f"GET\n\n{JSON}\n{DATE}\n/$space/",
                        [f"Content-Type: {JSON}"]).json()  # fmt: skip
    conforms(listed, OBJECTS)
    assert ([entry["Key"] for entry in listed["Contents"]], listed["CommonPrefixes"]) == (["dir"], [{"Prefix": "dir/"}])


def test_hadoop_moves_by_a_copy_and_reads_over_a_link(hadoop: Client) -> None:
    """``-mv`` copies and deletes, every finished ``-put`` too; ``-get`` signs a link and leaves the slash in it."""
    hadoop.put("dir/a._COPYING_", HELLO, MIME, ["X-Ufile-Meta-hdfs-rep: 1"])
    headers = ["X-Ufile-Copy-Source: /$space/dir%2Fa._COPYING_", f"Content-Type: {JSON}"]
    copied = hadoop.ask("PUT /dir%2Fa", f"PUT\n\n{JSON}\n{DATE}\n/$space/dir/a", headers, b"{}")
    stored(copied, HELLO_ETAG)
    line, sign = "DELETE /dir%2Fa._COPYING_", f"DELETE\n\n{JSON}\n{DATE}\n/$space/dir/a._COPYING_"
    empty(hadoop.ask(line, sign, [f"Content-Type: {JSON}"], b""), 204)
    url = hadoop.url("GET\n\n\n4102416000\n/$space/dir/a")
    line = "GET /dir/a?UCloudPublicKey=$pub&Signature=$signature&Expires=4102416000"
    got = hadoop.ask(line, None, ["Range: bytes=0-"], **url)
    assert (got.status, got.body, got.header("Content-Range")) == (206, HELLO, "bytes 0-10/11")
    assert got.header("X-Ufile-Meta-hdfs-rep") == "1" and hadoop.keys() == ["dir/a"]
