"""The raw requests of the PHP SDK on libcurl, which escapes the values of a query and nothing of a path.

Source: ufile-phpsdk at ab79c6b (v1/ucloud/proxy.php, http.php).
"""

from __future__ import annotations

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    OBJECTS,
    PARTS,
    Client,
    conforms,
    empty,
    stored,
)

FORM = "application/x-www-form-urlencoded"  # what it signs on calls that upload nothing


def test_php_writes_a_key_as_it_is(php: Client) -> None:
    sign = "PUT\n\nimage/png\n\n/$space/图片/a.png"
    stored(php.ask("PUT /图片/a.png", sign, ["Content-Type: image/png"], HELLO), HELLO_ETAG)
    assert php.keys() == ["图片/a.png"]
    got = php.ask("HEAD /图片/a.png", f"HEAD\n\n{FORM}\n\n/$space/图片/a.png", [f"Content-Type: {FORM}"])
    assert got.status == 200 and got.header("Content-Length") == "11"
    url = php.url("GET\n\n\n4102416000\n/$space/图片/a.png")  # this one it escapes
    got = php.ask("GET /%E5%9B%BE%E7%89%87%2Fa.png?UCloudPublicKey=$pub&Signature=$signature&Expires=4102416000", **url)
    assert (got.status, got.body) == (200, HELLO)
    sign = f"POST\n\n{FORM}\n\n/$space/图片/b.png"
    line = f"POST /uploadhit?&Hash={HELLO_ETAG}&FileName=%E5%9B%BE%E7%89%87%2Fb.png&FileSize=11"
    assert php.ask(line, sign, [f"Content-Type: {FORM}"]).status == 200
    sign = f"DELETE\n\n{FORM}\n\n/$space/图片/a.png"
    assert php.ask("DELETE /图片/a.png", sign, [f"Content-Type: {FORM}"]).status == 204
    assert php.keys() == ["图片/b.png"]


def test_php_appends_with_the_query_behind_the_key(php: Client) -> None:
    for position in (0, 11):
        sign = f"PUT\n\ntext/plain\n\n/$space/日志?append&position={position}"
        assert php.ask(f"PUT /日志?append&position={position}", sign, ["Content-Type: text/plain"], HELLO).status == 200
    assert php.get("日志").body == 2 * HELLO


def test_php_uploads_in_parts(php: Client) -> None:
    form, mime = [f"Content-Type: {FORM}"], ["Content-Type: video/mp4"]
    begun = php.ask("POST /影片/a.mp4?&uploads=", f"POST\n\n{FORM}\n\n/$space/影片/a.mp4", form).json()
    conforms(begun, INITIATED)
    upload, etags = begun["UploadId"], list[str]()
    for number, part in enumerate(PARTS):
        line = f"PUT /影片/a.mp4?&uploadId={upload}&partNumber={number}"
        got = php.ask(line, "PUT\n\nvideo/mp4\n\n/$space/影片/a.mp4", mime, part)
        assert got.json()["PartNumber"] == number
        etags.append(got.header("ETag"))  # with its quotes
    line = f"POST /影片/a.mp4?&uploadId={upload}&newKey="
    sign = "POST\n\ntext/plain\n\n/$space/影片/a.mp4"
    got = php.ask(line, sign, ["Content-Type: text/plain"], ",".join(etags).encode())
    conforms(got.json(), FINISHED)
    assert got.header("ETag") == f'"{BIG_ETAG}"' and php.get("影片/a.mp4").body == BIG


def test_php_posts_a_form_with_an_authorization_of_its_own_too(php: Client) -> None:
    boundary = "6e253f9b0b63ea8274d9a770f66db195"
    token = f"UCloud {php.public}:" + php.sign("POST\n\nimage/png\n\n/$space/dir/form.png")
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("Authorization", token), ("FileName", "dir/form.png"))
    )
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="/tmp/form.png"\r\n'
    body += f"Content-Type: image/png\r\n\r\n{HELLO.decode()}\r\n--{boundary}--\r\n"
    kind = f"multipart/form-data; boundary={boundary}"
    got = php.ask("POST /", f"POST\n\n{kind}\n\n/$space/dir/form.png", [f"Content-Type: {kind}"], body.encode())
    stored(got, HELLO_ETAG)
    got = php.get("dir/form.png")
    assert (got.body, got.header("Content-Type")) == (HELLO, "image/png")


def test_php_lists_with_a_length_and_cancels(php: Client) -> None:
    for key in ("dir/a", "e"):
        php.put(key, HELLO)
    form = [f"Content-Type: {FORM}"]
    line = "GET /?listobjects=&prefix=&marker=&max-keys=100&delimiter=%2F"
    got = php.ask(line, f"GET\n\n{FORM}\n\n/$space/", [*form, "Content-Length: 0"]).json()
    conforms(got, OBJECTS)
    assert ([entry["Key"] for entry in got["Contents"]], got["CommonPrefixes"]) == (["e"], [{"Prefix": "dir/"}])
    upload = php.ask("POST /k?&uploads=", f"POST\n\n{FORM}\n\n/$space/k", form).json()["UploadId"]
    line = f"DELETE /k?&uploadId={upload}"
    empty(php.ask(line, f"DELETE\n\n{FORM}\n\n/$space/k", [*form, "Content-Length: 0"]))
    again = php.ask(line, f"DELETE\n\n{FORM}\n\n/$space/k", [*form, "Content-Length: 0"])
    again.refusal(404, -148654, "upload id not exist")
