"""The raw requests of the Hadoop adaptor, which is the Java SDK as its output streams and its copies use it.

Source: us3-bigdata-adaptor at 0cd0c78 (UFileAsyncOutputStream, UFileFileSystem.copyObject), ufile-sdk-java at 046de0c
(MultiUploadPartApi, UploadCopyPartApi, FinishMultiUploadApi).
"""

from __future__ import annotations

import hashlib

import pytest

from test.interop.replay import BIG, BIG_ETAG, BLOCK, FINISHED, INITIATED, PART_ETAGS, PARTS, Client, Java, conforms

DATE = Java.date
MIME = "application/octet-stream"


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
