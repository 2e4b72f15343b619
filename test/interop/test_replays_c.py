"""The raw requests of the C SDK and the C++ SDK, both on libcurl.

Source: ufile-csdk at 879a493 (lib/ufile_mput.c, examples/async_mput.c), ufile-cppsdk at 75c11ee (ucloud/api/mput.cpp).
"""

from __future__ import annotations

import pytest

from test.interop.replay import BIG, BIG_ETAG, HELLO, HELLO_ETAG, INITIATED, PART_ETAGS, PARTS, Client, conforms, stored


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
