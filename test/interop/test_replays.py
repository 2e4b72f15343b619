"""The raw requests of the Go SDK and the Java SDK, with what those clients need of an answer.

Source: clients.md.  Byte for byte: method, target, names, case and order of the headers, bodies.  What a client decodes
strictly is asserted strictly.
"""

from __future__ import annotations

import hashlib
import re

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    BLOCK,
    EMPTY_ETAG,
    FILES,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    HELLO_MD5,
    INITIATED,
    LISTED_PARTS,
    OBJECTS,
    PART_ETAGS,
    PARTS,
    Client,
    Java,
    Reply,
    conforms,
    data_etag,
    empty,
    part_etag,
    stored,
)

JSON = "Content-Type: application/json; charset=utf-8"  # what Java sends and signs on calls that upload nothing
DATE = Java.date


def test_the_etags_of_this_file_are_those_of_the_rules() -> None:
    assert (data_etag(HELLO), data_etag(b""), data_etag(BIG)) == (HELLO_ETAG, EMPTY_ETAG, BIG_ETAG)
    assert [part_etag(part) for part in PARTS] == PART_ETAGS and hashlib.md5(HELLO).hexdigest() == HELLO_MD5


# Go


def test_go_escapes_query_and_fragment_and_keeps_plus_and_dots(go: Client) -> None:
    keys = {
        "/a%3Fb%23c.txt": "a?b#c.txt",
        "/dir/a%20b.txt": "dir/a b.txt",
        "/a+b//../c.txt": "a+b//../c.txt",
        "/%E8%A7%86%E9%A2%91/100%25.mp4": "视频/100%.mp4",
    }
    for target, key in keys.items():
        sign = f"PUT\n\ntext/plain; charset=utf-8\n\n/$space/{key}"
        stored(go.ask("PUT " + target, sign, ["Content-Type: text/plain; charset=utf-8"], HELLO), HELLO_ETAG)
        assert go.get(key).body == HELLO
    assert sorted(go.keys()) == sorted(keys.values())


def test_go_reads_over_a_signed_url_with_its_parameters_by_name(go: Client) -> None:
    go.put("dir/a b.txt", HELLO)
    url = go.url("GET\n\n\n4102416000\n/$space/dir/a b.txt")
    target = "GET /dir/a%20b.txt?Expires=4102416000&Signature=$signature&UCloudPublicKey=$pub"
    got = go.ask(target, **url)
    assert (got.status, got.body, got.header("Content-Length")) == (200, HELLO, "11")
    assert got.header("ETag") == f'"{HELLO_ETAG}"' and not got.has("Content-Range")
    assert got.header("Vary") == "Origin" and got.header("Accept-Ranges") == "bytes"
    got = go.ask(target, None, ["Range: bytes=6-"], **url)
    assert (got.status, got.body, got.header("Content-Range")) == (206, b"world", "bytes 6-10/11")
    got = go.ask("HEAD /dir/a%20b.txt", "HEAD\n\n\n\n/$space/dir/a b.txt")
    assert got.status == 200 and got.header("Content-Length") == "11" and got.header("ETag") == f'"{HELLO_ETAG}"'


def test_go_headers_of_the_user_are_sent_but_not_signed(go: Client) -> None:
    headers = ["Content-Type: text/plain", "X-Ucloud-Foo: bar"]
    stored(go.ask("PUT /h", "PUT\n\ntext/plain\n\n/$space/h", headers, HELLO), HELLO_ETAG)


def test_go_posts_a_form_with_an_empty_part_before_its_end(go: Client) -> None:
    boundary = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    for md5 in ("", HELLO_MD5):
        signature = go.sign(f"POST\n{md5}\ntext/plain\n\n/$space/f/a?b.txt")
        fields = [("Authorization", f"UCloud {go.public}:{signature}"), ("Content-Type", "text/plain")]
        fields += [("FileName", "f/a?b.txt")] + ([("Content-MD5", md5)] if md5 else [])
        body = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields
        )
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f/a?b.txt"\r\n'
            "Content-Type: text/plain\r\n\r\n"
        ).encode()
        body += HELLO + f"\r\n--{boundary}\r\n\r\n--{boundary}--\r\n".encode()
        headers = [f"Content-Type: multipart/form-data; boundary={boundary}"] + ([f"Content-MD5: {md5}"] if md5 else [])
        stored(go.ask("POST /", None, headers, body), HELLO_ETAG)
        got = go.get("f/a?b.txt")
        assert (got.body, got.header("Content-Type")) == (HELLO, "text/plain")


def test_go_decodes_prefix_file_list_strictly(go: Client) -> None:
    for key in ("dir/a b", "dir/b", "e"):
        go.put(key, HELLO)
    got = go.ask("GET /?list&limit=20&marker=&prefix=dir%2F", "GET\n\n\n\n/$space/").json()
    conforms(got, FILES)
    assert [(entry["FileName"], entry["Size"]) for entry in got["DataSet"]] == [("dir/a b", 11), ("dir/b", 11)]
    assert got["NextMarker"] == "" and got["DataSet"][0]["Hash"] == HELLO_ETAG
    got = go.ask("GET /?list&limit=1&marker=&prefix=dir%2Fa+b", "GET\n\n\n\n/$space/").json()
    assert [entry["FileName"] for entry in got["DataSet"]] == ["dir/a b"]


def test_go_decodes_list_objects_strictly(go: Client) -> None:
    go.put("dir/a", HELLO, headers=["X-Ufile-Meta-Author: go"])
    go.put("e", HELLO)
    got = go.ask("GET /?listobjects&delimiter=&marker=&max-keys=100&prefix=", "GET\n\n\n\n/$space/").json()
    conforms(got, OBJECTS)
    assert got["MaxKeys"] == "100" and [entry["Size"] for entry in got["Contents"]] == ["11", "11"]
    assert [entry["ETag"] for entry in got["Contents"]] == [HELLO_ETAG, HELLO_ETAG]
    assert len(got["Contents"][0]["UserMeta"]) == 1
    got = go.ask("GET /?listobjects&delimiter=%2F&marker=&max-keys=1&prefix=", "GET\n\n\n\n/$space/").json()
    conforms(got, OBJECTS)
    assert got["CommonPrefixes"] == [{"Prefix": "dir/"}] and got["IsTruncated"] is True
    got = go.ask("GET /?listobjects&delimiter=%2F&marker=dir%2F&max-keys=1&prefix=", "GET\n\n\n\n/$space/").json()
    assert [entry["Key"] for entry in got["Contents"]] == ["e"] and got["IsTruncated"] is False


def test_go_uploads_parts_in_any_order_lists_them_and_finishes(go: Client) -> None:
    mime = ["Content-Type: video/mp4"]
    begun = go.ask("POST /big.mp4?uploads", "POST\n\nvideo/mp4\n\n/$space/big.mp4", mime).json()
    conforms(begun, INITIATED)
    assert (begun["BlkSize"], begun["Bucket"], begun["Key"]) == (BLOCK, go.space, "big.mp4")
    upload = begun["UploadId"]
    for number in (1, 0, 2):
        line = f"PUT /big.mp4?partNumber={number}&uploadId={upload}"
        got = go.ask(line, "PUT\n\nvideo/mp4\n\n/$space/big.mp4", mime, PARTS[number])
        assert got.status == 200 and got.header("ETag") == f'"{PART_ETAGS[number]}"'
        conforms(got.json(), {"PartNumber": int})
    line = f"GET /?muploadpart&max-parts=100&part-number-marker=0&uploadId={upload}"
    got = go.ask(line, "GET\n\n\n\n/$space/").json()
    conforms(got, LISTED_PARTS)
    assert [(part["PartNum"], part["Etag"]) for part in got["Parts"]] == list(enumerate(PART_ETAGS))
    assert got["MaxParts"] == 100 and got["IsTruncated"] is False
    sign = "POST\n\nvideo/mp4\n\n/$space/big.mp4"
    got = go.ask(f"POST /big.mp4?uploadId={upload}", sign, mime, ",".join(PART_ETAGS).encode())
    assert got.status == 200 and got.header("ETag") == f'"{BIG_ETAG}"'
    conforms(got.json(), FINISHED)
    assert got.json() == {"Bucket": go.space, "Key": "big.mp4", "FileSize": len(BIG)}
    got = go.get("big.mp4")
    assert got.body == BIG and got.header("Content-Type") == "video/mp4"


def test_go_copies_in_parts_after_an_initiate_with_an_empty_content_type(go: Client) -> None:
    go.put("源 big.mp4", BIG)
    sign = "POST\n\n\n\n/$space/copy.mp4"
    upload = go.ask("POST /copy.mp4?uploads", sign, ["Content-Type: $none"]).json()["UploadId"]
    for number, part in enumerate(PARTS):
        first = number * BLOCK
        headers = [
            "X-Ufile-Copy-Source: /$space/源 big.mp4",
            f"X-Ufile-Copy-Source-Range: bytes={first}-{first + len(part) - 1}",
        ]
        got = go.ask(f"PUT /copy.mp4?partNumber={number}&uploadId={upload}", "PUT\n\n\n\n/$space/copy.mp4", headers)
        assert got.status == 200 and got.header("ETag") == f'"{PART_ETAGS[number]}"'
        assert got.header("Content-Range") == f"bytes {first}-{first + len(part) - 1}/{len(BIG)}"
        conforms(got.json(), {"PartNumber": int})
    got = go.ask(
        f"POST /copy.mp4?uploadId={upload}", "POST\n\n\n\n/$space/copy.mp4", body=",".join(PART_ETAGS).encode()
    )
    assert got.header("ETag") == f'"{BIG_ETAG}"' and go.get("copy.mp4").body == BIG


def test_go_aborts_and_the_object_of_that_name_stays(go: Client) -> None:
    go.put("ab", HELLO)
    upload = go.ask("POST /ab?uploads", "POST\n\ntext/plain\n\n/$space/ab", ["Content-Type: text/plain"]).json()
    sign = "DELETE\n\n\n\n/$space/ab"
    empty(go.ask(f"DELETE /ab?uploadId={upload['UploadId']}", sign))
    go.ask(f"DELETE /ab?uploadId={upload['UploadId']}", sign).refusal(404, -148654, "upload id not exist")
    assert go.get("ab").body == HELLO


def test_go_copies_from_raw_utf8(go: Client) -> None:
    go.put("视频/a b.txt", HELLO)
    copied = go.ask("PUT /copy2.txt", "PUT\n\n\n\n/$space/copy2.txt", ["X-Ufile-Copy-Source: /$space/视频/a b.txt"])
    stored(copied, HELLO_ETAG)
    assert go.get("copy2.txt").body == HELLO
    absent = go.ask("PUT /copy3.txt", "PUT\n\n\n\n/$space/copy3.txt", ["X-Ufile-Copy-Source: /$space/no"])
    absent.refusal(404, -148654, "file not exist")


def test_go_renames(go: Client) -> None:
    go.put("from", HELLO)
    empty(go.ask("PUT /from?force=true&newFileName=to+there", "PUT\n\n\n\n/$space/from"))
    assert go.keys() == ["to there"]


def test_go_tags_and_acls(go: Client) -> None:
    go.put("k", HELLO)
    tags = b'{"Tags":[{"Key":"color","Value":"deep red"},{"Key":"n","Value":"1"}]}'
    sign = "$verb\n\n\n\n/$space/k"
    assert go.ask("PUT /k?tagging", sign, body=tags, verb="PUT").status == 200
    got = go.ask("GET /k?tagging", sign, verb="GET").json()
    conforms(got, {"Tags": [{"Key": str, "Value": str}]})
    assert {tag["Key"]: tag["Value"] for tag in got["Tags"]} == {"color": "deep red", "n": "1"}
    assert 200 <= go.ask("DELETE /k?tagging", sign, verb="DELETE").status <= 226
    assert go.ask("GET /k?tagging", sign, verb="GET").json() == {"Tags": []}
    assert go.ask("PUT /k?acl", sign, ["X-Ufile-Object-Acl: public-read"], verb="PUT").status == 200
    got = go.ask("GET /k?acl", sign, verb="GET").json()
    conforms(got, {"Owner": {"ID": str, "DisplayName": str}, "AccessControlList": {"Grant": str}})
    assert got["AccessControlList"]["Grant"] == "public-read"
    assert go.ask("GET /k").body == HELLO, "readable by anyone although the space is private"
    assert go.ask("PUT /k?acl", sign, ["X-Ufile-Object-Acl: default"], verb="PUT").status == 200
    assert go.ask("GET /k").status == 401


def test_go_switches_classes_and_restores(go: Client) -> None:
    go.put("k", HELLO)
    empty(go.ask("PUT /k?storageClass=ARCHIVE", "PUT\n\n\n\n/$space/k"))
    go.ask("GET /k", "GET\n\n\n\n/$space/k").refusal(403, -148671, "file has not been restored")
    empty(go.ask("PUT /k?restore", "PUT\n\n\n\n/$space/k"))
    got = go.ask("HEAD /k", "HEAD\n\n\n\n/$space/k")
    assert got.status == 200 and got.header("X-Ufile-Storage-Class") == "ARCHIVE" and got.header("X-Ufile-Restore")
    go.ask("PUT /k?storageClass=STANDARD", "PUT\n\n\n\n/$space/k").refusal(403, -148660, "switch class not allowed")


def test_go_reads_errors_by_status_and_management_by_ret_code(go: Client) -> None:
    assert go.ask("GET /absent", "GET\n\n\n\n/$space/absent").status == 404
    assert go.ask("DELETE /absent", "DELETE\n\n\n\n/$space/absent").status == 204
    got = go.manage(Action="DescribeBucket", BucketName=go.space, Limit="10", Offset="0")
    hosts = {"Src": [str], "Cdn": [str], "CustomSrc": [str], "CustomCdn": [str]}
    bucket = dict.fromkeys(("BucketName", "BucketId", "Type", "Region", "Biz", "Tag", "StorageClass"), str)
    bucket |= {"HasUserDomain": int, "CreateTime": int, "ModifyTime": int, "CdnDomainId": [str], "Domain": hosts}
    conforms(got, {"RetCode": int, "Action": str, "DataSet": [bucket]})
    assert (got["RetCode"], got["Action"]) == (0, "DescribeBucketResponse") and len(got["DataSet"]) == 1
    got = go.manage(Action="DescribeBucket", BucketName="there-is-none-such")
    assert got["RetCode"] == 15010 and got["Message"]


def test_go_behind_a_proxy_sends_the_whole_url(go: Client) -> None:
    host = f"http://{go.host}"
    sign = "PUT\n\ntext/plain\n\n/$space/p/a b"
    stored(go.ask(f"PUT {host}/p/a%20b", sign, ["Content-Type: text/plain"], HELLO), HELLO_ETAG)
    got = go.ask(f"GET {host}/p/a%20b", "GET\n\n\n\n/$space/p/a b")
    assert (got.status, got.body) == (200, HELLO)
    assert go.ask(f"GET {host}/?list", "GET\n\n\n\n/$space/").json()["DataSet"][0]["FileName"] == "p/a b"


# Java


def test_java_puts_with_md5_and_a_compact_date(java: Client) -> None:
    headers = [f"Content-MD5: {HELLO_MD5}", "Content-Type: text/plain"]
    sign = f"PUT\n{HELLO_MD5}\ntext/plain\n{DATE}\n/$space/"
    for target, key in (
        ("/dir/a%20b.txt", "dir/a b.txt"),
        ("/a%2Bb.txt", "a+b.txt"),
        ("/dir%2Fold%20sdk.txt", "dir/old sdk.txt"),  # 2.7.4 and older escape the slash as well
    ):
        stored(java.ask("PUT " + target, sign + key, headers, HELLO), HELLO_ETAG)
        assert java.get(key).body == HELLO
    wrong = java.ask("PUT /dir/a%20b.txt", sign + "dir/a b.txt", headers, b"other bytes")
    wrong.refusal(400, -148660, "content md5 mismatch")
    assert java.get("dir/a b.txt").body == HELLO


def test_java_puts_over_a_signed_url(java: Client) -> None:
    url = java.url("PUT\n\napplication/octet-stream\n4102416000\n/$space/up/load.bin")
    line = "PUT /up/load.bin?UCloudPublicKey=$pub&Signature=$signature&Expires=4102416000"
    stored(java.ask(line, None, ["Content-Type: application/octet-stream"], HELLO, **url), HELLO_ETAG)
    assert java.get("up/load.bin").body == HELLO


def test_java_heads_and_finds_metadata_in_exactly_its_case(java: Client) -> None:
    headers = ["X-Ufile-Meta-Author: 作者", "X-Ufile-Storage-Class: IA"]
    java.put("dir/a b.txt", HELLO, "text/plain; charset=utf-8", headers)
    got = java.ask("HEAD /dir/a%20b.txt", f"HEAD\n\n{JSON[14:]}\n{DATE}\n/$space/dir/a b.txt", [JSON])
    assert got.status == 200 and got.header("Content-Length") == "11" and got.body == b""
    assert got.header("ETag") == f'"{HELLO_ETAG}"' and got.header("Accept-Ranges") == "bytes"
    assert got.header("Content-Type") == "text/plain; charset=utf-8" and got.header("X-Ufile-Storage-Class") == "IA"
    for name in ("Last-Modified", "X-Ufile-Create-Time"):
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", got.header(name))
    (name,) = [name for name, _ in got.headers if name.startswith("X-Ufile-Meta-")]
    assert name.lower() == "x-ufile-meta-author" and got.header(name) == "作者"


def test_java_lists_with_a_signed_content_type(java: Client) -> None:
    for key in ("dir/a", "dir/sub/b", "e"):
        java.put(key, HELLO)
    sign = f"GET\n\n{JSON[14:]}\n{DATE}\n/$space/"
    got = java.ask("GET /?list&prefix=dir%2F&marker=&limit=5", sign, [JSON]).json()
    conforms(got, FILES)
    assert [entry["FileName"] for entry in got["DataSet"]] == ["dir/a", "dir/sub/b"]
    got = java.ask("GET /?listobjects&prefix=dir%2F&marker=&max-keys=5&delimiter=%2F", sign, [JSON]).json()
    conforms(got, OBJECTS)
    assert [entry["Key"] for entry in got["Contents"]] == ["dir/a"]
    assert got["CommonPrefixes"] == [{"Prefix": "dir/sub/"}]


def test_java_always_asks_for_a_range(java: Client) -> None:
    big = BIG[: BLOCK + 7]
    for key, data in (("a+b.txt", HELLO), ("empty", b""), ("big", big)):
        java.put(key, data)

    def get(target: str, key: str, span: str) -> Reply:
        url = java.url(f"GET\n\n\n4102416000\n/$space/{key}")
        line = f"GET {target}?UCloudPublicKey=$pub&Signature=$signature&Expires=4102416000"
        return java.ask(line, None, [f"Range: bytes={span}"], **url)

    got = get("/a%2Bb.txt", "a+b.txt", "0-")
    assert (got.status, got.body, got.header("Content-Range")) == (206, HELLO, "bytes 0-10/11")
    got = get("/empty", "empty", "0-")
    assert (got.status, got.body, got.has("Content-Range")) == (200, b"", False)
    assert got.header("ETag") == f'"{EMPTY_ETAG}"'
    got = get("/big", "big", f"0-{BLOCK}")  # one byte more than a block, so that its pieces overlap
    assert (got.status, got.body) == (206, big[: BLOCK + 1])
    got = get("/big", "big", f"{BLOCK}-{2 * BLOCK}")
    assert (got.status, got.body) == (206, big[BLOCK:])
    assert got.header("Content-Range") == f"bytes {BLOCK}-{BLOCK + 6}/{BLOCK + 7}"
    get("/big", "big", "99999999-").refusal(416, -148660, "invalid range")


def java_initiate(java: Client, target: str, key: str) -> str:
    sign = f"POST\n\nvideo/mp4\n{DATE}\n/$space/{key}"
    begun = java.ask(f"POST {target}?uploads", sign, ["Content-Type: video/mp4"], b"{}")
    conforms(begun.json(), INITIATED)
    return str(begun.json()["UploadId"])


def test_java_uploads_in_parts_with_an_empty_new_key(java: Client) -> None:
    upload = java_initiate(java, "/mp%201", "mp 1")
    for number, part in enumerate(PARTS):
        md5 = hashlib.md5(part).hexdigest()
        sign = f"PUT\n{md5}\nvideo/mp4\n{DATE}\n/$space/mp 1"
        headers = [f"Content-MD5: {md5}", "Content-Type: video/mp4"]
        got = java.ask(f"PUT /mp%201?uploadId={upload}&partNumber={number}", sign, headers, part)
        assert got.status == 200 and got.header("ETag") == f'"{PART_ETAGS[number]}"'
    sign = f"POST\n\nvideo/mp4\n{DATE}\n/$space/mp 1"
    line = f"POST /mp%201?uploadId={upload}&newKey="
    got = java.ask(line, sign, ["Content-Type: video/mp4"], ",".join(PART_ETAGS).encode())
    assert got.status == 200 and got.header("ETag") == f'"{BIG_ETAG}"'
    assert got.json() == {"Bucket": java.space, "Key": "mp 1", "FileSize": len(BIG)}
    assert java.get("mp 1").header("Content-Type") == "video/mp4"


def test_java_signs_the_headers_of_a_part_copy_and_sends_a_body_that_is_none(java: Client) -> None:
    java.put("big 1.mp4", BIG)
    upload = java_initiate(java, "/mp2", "mp2")
    for number, part in enumerate(PARTS):
        span = f"bytes={number * BLOCK}-{number * BLOCK + len(part) - 1}"
        sign = f"PUT\n\n\n{DATE}\nx-ufile-copy-source:/$space/big 1.mp4\nx-ufile-copy-source-range:{span}\n/$space/mp2"
        headers = ["X-Ufile-Copy-Source: /$space/big 1.mp4", f"X-Ufile-Copy-Source-Range: {span}"]
        got = java.ask(f"PUT /mp2?uploadId={upload}&partNumber={number}", sign, headers, b"{}")
        assert got.status == 200 and got.header("ETag") == f'"{PART_ETAGS[number]}"'
        assert got.header("Content-Range") == f"{span.replace('=', ' ')}/{len(BIG)}"
    sign = f"POST\n\nvideo/mp4\n{DATE}\n/$space/mp2"
    line = f"POST /mp2?uploadId={upload}&newKey="
    got = java.ask(line, sign, ["Content-Type: video/mp4"], ",".join(PART_ETAGS).encode())
    assert got.header("ETag") == f'"{BIG_ETAG}"' and java.get("mp2").body == BIG


def test_java_copies_from_an_escaped_source(java: Client) -> None:
    java.put("dir/a b.txt", HELLO)
    sign = f"PUT\n\n{JSON[14:]}\n{DATE}\n/$space/copy"
    headers = ["X-Ufile-Copy-Source: /$space/dir%2Fa%20b.txt", JSON]
    stored(java.ask("PUT /copy", sign, headers, b"{}"), HELLO_ETAG)
    got = java.get("copy")
    assert (got.body, got.header("Content-Type")) == (HELLO, "text/plain")


def test_java_switches_classes_and_restores_with_a_body_that_is_none(java: Client) -> None:
    java.put("k", HELLO)
    sign = f"PUT\n\n{JSON[14:]}\n{DATE}\n/$space/k"
    empty(java.ask("PUT /k?storageClass=IA", sign, [JSON], b"{}"))
    assert java.get("k").header("X-Ufile-Storage-Class") == "IA"
    empty(java.ask("PUT /k?storageClass=ARCHIVE", sign, [JSON], b"{}"))
    empty(java.ask("PUT /k?restore", f"PUT\n\n\n{DATE}\n/$space/k", ["Content-Type: $none"], b"{}"))
    got = java.get("k")
    assert got.body == HELLO and got.header("X-Ufile-Restore")


def test_java_append_stores_a_key_that_looks_like_a_query(java: Client) -> None:
    key = "app?append&position=0"
    sign = f"PUT\n\ntext/plain\n{DATE}\n/$space/{key}"
    stored(java.ask("PUT /app%3Fappend%26position%3D0", sign, ["Content-Type: text/plain"], HELLO), HELLO_ETAG)
    assert java.keys() == [key]


def test_java_reads_errors_and_sends_no_body_into_the_next_request(java: Client) -> None:
    sign = f"DELETE\n\n{JSON[14:]}\n{DATE}\n/$space/k"
    java.put("k", HELLO)
    empty(java.ask("DELETE /k", sign, [JSON]), 204)
    sign = f"PUT\n\n{JSON[14:]}\n{DATE}\n/$space/k"
    java.ask("PUT /k?storageClass=IA", sign, [JSON], b"{}").refusal(404, -148654, "file not exist")
    java.ask("PUT /k?storageClass=IA", sign + "x", [JSON], b"{}").refusal(401, -148658, "invalid signature")
    assert java.keys() == []
