"""The raw requests of the UVideo client, of older Python SDKs, and those that a current one never sends by itself.

Source: clients.md sections 2, 4 and 6.
"""

from __future__ import annotations

from test.interop.replay import (
    BIG,
    BLOCK,
    FILES,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    PART_ETAGS,
    PARTS,
    Client,
    Reply,
    conforms,
    data_etag,
    empty,
    stored,
)

# UVideo


def test_uvideo_uploads_on_the_shared_host(uvideo: Client) -> None:
    form = "application/x-www-form-urlencoded"
    key, target = "clips/a b.mp4", "uvideoUploads/clips/a%20b.mp4"
    begun = uvideo.ask(
        f"POST /init/{target}?uploads", f"POST\n\n{form}\n\n/$space/{key}", [f"Content-Type: {form}"]
    ).json()
    conforms(begun, INITIATED)
    assert begun["BlkSize"] == BLOCK and begun["Key"] == key
    etags = []
    for number, part in enumerate(PARTS):
        headers = ["Content-Type: video/mp4", "Expect: $none"]
        line = f"PUT /{target}?uploadId={begun['UploadId']}&partNumber={number}"
        got = uvideo.ask(line, f"PUT\n\nvideo/mp4\n\n/$space/{key}", headers, part)
        assert got.status == 200 and got.json() == {"PartNumber": number}
        conforms(got.json(), {"PartNumber": int})
        etags.append(got.header("ETag"))  # it takes the header as it is, quotes included
    assert etags == [f'"{etag}"' for etag in PART_ETAGS]
    line, sign = f"POST /finish/{target}?uploadId={begun['UploadId']}", f"POST\n\ntext/plain\n\n/$space/{key}"
    got = uvideo.ask(line, sign, ["Content-Type: text/plain"], ",".join(etags).encode())
    assert got.status == 200 and got.json() == {"Bucket": uvideo.space, "FileSize": len(BIG), "Key": key}
    got = plain_get(uvideo, key)
    assert got.body == BIG and got.header("Content-Type") == "video/mp4"


def plain(client: Client, method: str, key: str, suffix: str, body: bytes = b"") -> Reply:
    """The client's plain objects: PUT to one host of the space, GET and HEAD from the other."""
    head = f"{method} /{key.replace(' ', '%20')} HTTP/1.1\r\nHost: {client.space}{suffix}\r\n"
    head += f"User-Agent: {client.agent}\r\n"
    head += f"Content-Length: {len(body)}\r\n" if body else ""
    head += f"Authorization: UCloud {client.public}:" + client.sign(f"{method}\n\n\n\n/$space/{key}")
    client.sock.sendall(f"{head}\r\nAccept-Encoding: gzip\r\n\r\n".encode() + body)
    return client.receive(method)


def plain_get(client: Client, key: str) -> Reply:
    return plain(client, "GET", key, ".ufile.ucloud.com.cn")


def test_uvideo_plain_objects_on_the_hosts_of_the_space(uvideo: Client) -> None:
    stored(plain(uvideo, "PUT", "a b.txt", ".ufile.ucloud.cn", HELLO), HELLO_ETAG)
    assert plain_get(uvideo, "a b.txt").body == HELLO
    got = plain(uvideo, "HEAD", "a b.txt", ".ufile.ucloud.com.cn")
    assert got.status == 200 and got.header("Content-Length") == "11"
    plain_get(uvideo, "absent").refusal(404, -148654, "file not exist")


def test_uvideo_a_refused_initiate_is_json_too(uvideo: Client) -> None:
    form = "application/x-www-form-urlencoded"
    got = uvideo.ask("POST /init/uvideoUploads/k?uploads", "wrong", [f"Content-Type: {form}"])
    got.refusal(401, -148658, "invalid signature")


def test_uvideo_escapes_a_download_as_if_it_were_a_query(uvideo: Client) -> None:
    uvideo.put("clips/a+b.mp4", HELLO)
    assert plain_get(uvideo, "clips/a+b.mp4").body == HELLO
    wire = f"GET /clips%2Fa+b.mp4 HTTP/1.1\r\nHost: {uvideo.space}.ufile.ucloud.cn\r\nAuthorization: UCloud "
    wire += f"{uvideo.public}:" + uvideo.sign("GET\n\n\n\n/$space/clips/a+b.mp4") + "\r\n\r\n"
    uvideo.sock.sendall(wire.encode())
    assert uvideo.receive("GET").body == HELLO  # %2F is a slash and + is a plus, so "a b.mp4" is never meant
    plain_get(uvideo, "clips/a b.mp4").refusal(404, -148654, "file not exist")


def test_uvideo_with_the_word_of_the_white_label(uvideo: Client) -> None:
    got = uvideo.ask("PUT /uvideoUploads/k", "PUT\n\n\n\n/$space/k", body=HELLO, word="AutoAI")
    stored(got, HELLO_ETAG)
    got = uvideo.ask("HEAD /uvideoUploads/k", "HEAD\n\n\n\n/$space/k", word="AutoAI")
    assert got.status == 200 and got.header("Content-Length") == "11"
    empty(uvideo.ask("DELETE /uvideoUploads/k", "DELETE\n\n\n\n/$space/k", word="AutoAI"), 204)


# Older Python SDKs, and what 3.2.11 never sends by itself


def test_old_python_hits_and_renames(old: Client) -> None:
    old.put("a.txt", HELLO)
    line = f"POST /uploadhit?Hash={HELLO_ETAG}&FileName=dir%2Fb+c.txt&FileSize=11"
    got = old.ask(line, "POST\n\ntext/plain\n\n/$space/dir/b c.txt", ["Content-Type: text/plain"])
    assert got.status == 200 and old.get("dir/b c.txt").body == HELLO
    empty(old.ask("PUT /a.txt?newFileName=dir%2Fb+c.txt&force=true", "PUT\n\n\n\n/$space/a.txt"))
    assert old.keys() == ["dir/b c.txt"]
    old.put("a.txt", HELLO)
    got = old.ask("PUT /a.txt?newFileName=dir%2Fb+c.txt&force=false", "PUT\n\n\n\n/$space/a.txt")
    assert got.status == 400 and sorted(old.keys()) == ["a.txt", "dir/b c.txt"]


def test_old_python_leaves_a_plus_raw_in_a_signed_url(old: Client) -> None:
    tried = 0
    for number in range(1000):
        key = f"k{number}"
        url = old.url(f"GET\n\n\n4102416000\n/$space/{key}")
        if "+" in str(url["raw"]):
            old.put(key, HELLO)
            got = old.ask(f"GET /{key}?UCloudPublicKey=$public&Expires=4102416000&Signature=$raw", **url)
            assert (got.status, got.body) == (200, HELLO)
            tried += 1
            if tried == 3:
                return
    raise AssertionError("no signature has a plus")


def test_old_python_posts_a_form_without_its_end(old: Client) -> None:
    boundary = "9e107d9d372bb6826bd81d3542a419d6"
    signature = old.sign("POST\n\ntext/plain\n\n/$space/视频/form.txt")
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="FileName"\r\n\r\n视频/form.txt\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="Authorization"\r\n\r\n'
        f"UCloud {old.public}:{signature}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="videos/form.txt"\r\n'
        "Content-Type: text/plain\r\n\r\n"
    ).encode()
    body += HELLO + f"\r\n--{boundary}\r\n".encode()
    stored(old.ask("POST /", None, [f"Content-Type: multipart/form-data; boundary={boundary}"], body), HELLO_ETAG)
    assert old.get("视频/form.txt").body == HELLO


def test_uvideo_aborts(uvideo: Client) -> None:
    uvideo.put("k", HELLO)
    form = "Content-Type: application/x-www-form-urlencoded"
    begun = uvideo.ask("POST /init/uvideoUploads/k?uploads", f"POST\n\n{form[14:]}\n\n/$space/k", [form]).json()
    line, sign = f"DELETE /uvideoUploads/k?uploadId={begun['UploadId']}", "DELETE\n\n\n\n/$space/k"
    empty(uvideo.ask(line, sign))
    uvideo.ask(line, sign).refusal(404, -148654, "upload id not exist")
    assert plain_get(uvideo, "k").body == HELLO


def test_uvideo_reads_and_lists_on_the_shared_host(uvideo: Client) -> None:
    uvideo.put("clips/a b.mp4", HELLO)
    got = uvideo.ask("GET /clips/a%20b.mp4", "GET\n\n\n\n/$space/clips/a b.mp4", ["Range: bytes=0-4"])
    assert (got.status, got.body) == (206, HELLO[:5])
    got = uvideo.ask("GET /?list&prefix=clips%2F", "GET\n\n\n\n/$space/").json()
    conforms(got, FILES)
    assert [entry["FileName"] for entry in got["DataSet"]] == ["clips/a b.mp4"]
    empty(uvideo.ask("DELETE /clips/a%20b.mp4", "DELETE\n\n\n\n/$space/clips/a b.mp4"), 204)


def test_the_raw_opmeta_of_the_python_sdk(old: Client) -> None:
    old.put("a+b.txt", HELLO)
    body = b'{"op": "set", "metak": "mimetype", "metav": "text/x-foo"}'
    sign = "POST\n\napplication/json\n\n/$space/a+b.txt"
    empty(old.ask("POST /a+b.txt?opmeta", sign, ["Content-Type: application/json"], body))
    got = old.get("a+b.txt")
    assert (got.body, got.header("Content-Type")) == (HELLO, "text/x-foo")
    wrong = old.ask("POST /a+b.txt?opmeta", sign, ["Content-Type: application/json"], body.replace(b"mime", b"size"))
    assert wrong.status == 400 and wrong.json()["RetCode"] == -148660


def test_the_append_that_java_means(old: Client) -> None:
    sign, mime = "PUT\n\ntext/plain\n\n/$space/log", ["Content-Type: text/plain"]
    stored(old.ask("PUT /log?append&position=0", sign + "?append&position=0", mime, HELLO), HELLO_ETAG)
    stored(old.ask("PUT /log?append&position=11", sign, mime, b" again"), data_etag(b"hello world again"))
    assert old.get("log").body == b"hello world again"
    wrong = old.ask("PUT /log?append&position=11", sign, mime, b"!")
    assert wrong.status == 400 and wrong.json()["RetCode"] == -148660
    assert old.get("log").body == b"hello world again"
