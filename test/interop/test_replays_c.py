"""The raw requests of the C SDK and the C++ SDK, both on libcurl.

Source: ufile-csdk at 879a493 (lib/ufile_mput.c, examples/async_mput.c), ufile-cppsdk at 75c11ee (ucloud/api/mput.cpp).
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import pytest

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    LISTED_PARTS,
    PART_ETAGS,
    PARTS,
    Client,
    conforms,
    empty,
    stored,
)


@pytest.mark.parametrize("order", ((0, 1, 2), (2, 0, 1)), ids=("mput", "async_mput"))
def test_c_lists_etags_as_their_parts_were_stored_with_a_comma_behind_each(c: Client, order: tuple[int, ...]) -> None:
    begun = c.ask("POST /multiple_upload?uploads", "POST\n\n\n\n/$space/multiple_upload").json()
    conforms(begun, INITIATED)
    upload, body = begun["UploadId"], ""
    for number in order:
        line = f"PUT /multiple_upload?partNumber={number}&uploadId={upload}"
        got = c.ask(line, "PUT\n\n\n\n/$space/multiple_upload", body=PARTS[number])
        ((name, value),) = [pair for pair in got.headers if pair[0] in ("ETag", "Etag")]  # it looks at the case
        body += value.replace('"', "") + ","
    line = f"POST /multiple_upload?uploadId={upload}"
    got = c.ask(line, "POST\n\n\n\n/$space/multiple_upload", body=body.encode())
    assert got.status == 200 and got.header("ETag") == f'"{BIG_ETAG}"'
    assert c.get("multiple_upload").body == BIG


def test_c_finishes_what_has_one_part(c: Client) -> None:
    mime = ["Content-Type: text/plain"]
    upload = c.ask("POST /small?uploads", "POST\n\ntext/plain\n\n/$space/small", mime).json()["UploadId"]
    line = f"PUT /small?partNumber=0&uploadId={upload}"
    etag = c.ask(line, "PUT\n\ntext/plain\n\n/$space/small", mime, HELLO).header("ETag").strip('"')
    line = f"POST /small?uploadId={upload}"
    got = c.ask(line, "POST\n\ntext/plain\n\n/$space/small", mime, f"{etag},".encode())
    assert got.status == 200 and got.header("ETag") == f'"{HELLO_ETAG}"'


def test_c_writes_a_key_as_it_is(c: Client) -> None:
    sign = "PUT\n\ntext/plain\n\n/$space/目录/a.txt"
    stored(c.ask("PUT /目录/a.txt", sign, ["Content-Type: text/plain"], HELLO), HELLO_ETAG)
    url = c.url("GET\n\n\n4102416000\n/$space/目录/a.txt")
    got = c.ask("GET /目录/a.txt?UCloudPublicKey=$pub&Signature=$raw&Expires=4102416000", **url)
    assert (got.status, got.body) == (200, HELLO) and c.keys() == ["目录/a.txt"]


def test_cpp_finishes_with_quoted_etags_and_a_comma_behind_each(cpp: Client) -> None:
    begun = cpp.ask("POST /d/big.mp4?uploads", "POST\n\n\n\n/$space/d/big.mp4").json()
    conforms(begun, INITIATED)
    upload, etags = begun["UploadId"], dict[int, str]()
    for number, part in enumerate(PARTS):
        line = f"PUT /d/big.mp4?uploadId={upload}&partNumber={number}"
        headers = ["Content-Type: video/mp4", "Expect: 100-continue"]  # the latter is libcurl's, from 1 MiB on
        got = cpp.ask(line, "PUT\n\nvideo/mp4\n\n/$space/d/big.mp4", headers, part)
        etags[got.json()["PartNumber"]] = got.header("ETag")  # a map: in order of number, with the quotes
    assert etags == {number: f'"{name}"' for number, name in enumerate(PART_ETAGS)}
    body = "".join(f"{etag}," for _, etag in sorted(etags.items()))
    got = cpp.ask(f"POST /d/big.mp4?uploadId={upload}", "POST\n\n\n\n/$space/d/big.mp4", body=body.encode())
    assert got.status == 200 and got.header("ETag") == f'"{BIG_ETAG}"' and got.json()["FileSize"] == len(BIG)
    got = cpp.get("d/big.mp4")
    assert got.body == BIG and got.header("Content-Type") == "video/mp4"


def test_cpp_copies_in_parts(cpp: Client) -> None:
    cpp.put("源.mp4", HELLO, "video/mp4")
    upload = cpp.ask("POST /copy?uploads", "POST\n\n\n\n/$space/copy").json()["UploadId"]
    headers = [
        "X-Ufile-Copy-Source: /$space/源.mp4",
        "X-Ufile-Copy-Source-Range: bytes=0-10",
        "Content-Type: video/mp4",
        "Content-Length: 0",
    ]
    got = cpp.ask(f"PUT /copy?uploadId={upload}&partNumber=0", "PUT\n\nvideo/mp4\n\n/$space/copy", headers)
    assert got.json()["PartNumber"] == 0
    body = f"{got.header('ETag')},".encode()
    got = cpp.ask(f"POST /copy?uploadId={upload}", "POST\n\n\n\n/$space/copy", body=body)
    assert got.header("ETag") == f'"{HELLO_ETAG}"' and cpp.get("copy").body == HELLO


def test_c_puts_reads_and_deletes(c: Client) -> None:
    """put, put_buf, head, delete; a download's signature is not escaped."""
    stored(c.ask("PUT /test", "PUT\n\n\n\n/$space/test", body=HELLO), HELLO_ETAG)
    mime = ["Content-Type: text/plain"]
    stored(c.ask("PUT /dir/b.txt", "PUT\n\ntext/plain\n\n/$space/dir/b.txt", mime, HELLO), HELLO_ETAG)
    got = c.ask("HEAD /dir/b.txt", "HEAD\n\n\n\n/$space/dir/b.txt")
    names = [name for name, _ in got.headers]
    assert got.status == 200 and {"Content-Type", "Content-Length", "ETag"} <= set(names)  # it looks at the case
    url = c.url("GET\n\n\n4102416000\n/$space/test")
    line = "GET /test?UCloudPublicKey=$pub&Signature=$raw&Expires=4102416000"
    got = c.ask(line, **url)
    assert (got.status, got.body) == (200, HELLO)
    got = c.ask(line, None, ["Range: bytes=0-4194303"], **url)
    assert (got.status, got.body, got.header("Content-Range")) == (206, HELLO, "bytes 0-10/11")
    empty(c.ask("DELETE /test", "DELETE\n\n\n\n/$space/test"), 204)
    assert c.keys() == ["dir/b.txt"]


def test_c_makes_and_removes_a_space_with_parameters_in_its_order(c: Client) -> None:
    name = c.space + "-c"
    for action, more, code in (("Create", "&Region=cn-bj&Type=private", 0), ("Delete", "", 0), ("Delete", "", 15010)):
        fields = {"Action": action + "Bucket", "BucketName": name, "PublicKey": c.public}
        fields |= dict(each.split("=") for each in more.split("&")[1:])
        text = "".join(key + fields[key] for key in sorted(fields)) + c.private
        signature = hashlib.sha1(text.encode()).hexdigest()
        target = (
            f"/?Action={action}Bucket&BucketName={name}{more}&Signature={signature}&PublicKey={quote(c.public, '')}"
        )
        c.sock.sendall(f"GET {target} HTTP/1.1\r\nHost: api.ucloud.cn\r\nAccept: */*\r\n\r\n".encode())
        got = c.receive("GET").json()
        conforms(got, {"RetCode": int, "Message": str} if code else {"RetCode": int})
        assert got["RetCode"] == code


def test_cpp_puts_reads_a_range_lists_parts_and_tags(cpp: Client) -> None:
    mime = ["Content-Type: text/plain"]
    stored(cpp.ask("PUT /small.txt", "PUT\n\ntext/plain\n\n/$space/small.txt", mime, HELLO), HELLO_ETAG)
    got = cpp.ask("GET /small.txt", "GET\n\n\n\n/$space/small.txt", ["Range: bytes=6-"])
    assert (got.status, got.body) == (206, b"world")
    tags = b'{ "Tags": [ { "Key": "a", "Value": "b" }, { "Key": "c", "Value": "d" } ] }'
    sign = "$verb\n\n\n\n/$space/small.txt"
    assert cpp.ask("PUT /small.txt?tagging", sign, body=tags, verb="PUT").status == 200
    length = ["Content-Length: 0"]  # it sends one with GET and DELETE of tags, and with the list of parts
    got = cpp.ask("GET /small.txt?tagging", sign, length, verb="GET").json()
    assert got == {"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]}
    assert cpp.ask("DELETE /small.txt?tagging", sign, length, verb="DELETE").status // 100 == 2
    upload = cpp.ask("POST /listed?uploads", "POST\n\n\n\n/$space/listed").json()["UploadId"]
    line = f"PUT /listed?uploadId={upload}&partNumber=0"
    cpp.ask(line, "PUT\n\ntext/plain\n\n/$space/listed", mime, HELLO)
    line = f"GET /?muploadpart&max-parts=1000&part-number-marker=0&uploadId={upload}"
    got = cpp.ask(line, "GET\n\n\n\n/$space/", length).json()
    conforms(got, LISTED_PARTS)
    assert [part["Size"] for part in got["Parts"]] == [11]
    empty(cpp.ask("DELETE /small.txt", sign, verb="DELETE"), 204)
