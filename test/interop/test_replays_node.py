"""The raw requests of the Node SDK on request, as its own examples make them, with two X-UCloud headers that it signs.

Source: ufile-nodejssdk at e8ee46e (v1/ufile/auth_client.js, multi_upload.js, v1/sdk_test).
"""

from __future__ import annotations

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    INITIATED,
    PARTS,
    Client,
    Reply,
    conforms,
    empty,
    stored,
)

MARKS = "x-ucloud-hello:1234,3.14\nx-ucloud-world:abcd\n"
JS = "application/javascript"


def test_node_puts_reads_and_deletes(node: Client) -> None:
    headers = [f"Content-Type: {JS}", "Content-Length: $length"]
    stored(
        node.ask("PUT /test-user-agent", f"PUT\n\n{JS}\n\n{MARKS}/$space/test-user-agent", headers, HELLO), HELLO_ETAG
    )
    got = node.ask("GET /test-user-agent", f"GET\n\n\n\n{MARKS}/$space/test-user-agent")
    assert (got.status, got.body, got.header("Content-Type")) == (200, HELLO, JS)
    hit = f"POST /uploadhit?Hash={HELLO_ETAG}&FileName=test-hit-key&FileSize=11"
    assert node.ask(hit, f"POST\n\n\n\n{MARKS}/$space/test-hit-key", ["content-length: 0"]).status == 200
    line, sign = "DELETE /test-user-agent", f"DELETE\n\n\n\n{MARKS}/$space/test-user-agent"
    empty(node.ask(line, sign, ["content-length: 0"]), 204)
    assert node.keys() == ["test-hit-key"]


def test_node_posts_a_form(node: Client) -> None:
    boundary = "-" * 26 + "524047002463639937031190"
    token = f"UCloud {node.public}:" + node.sign(f"POST\n\n{JS}\n\n{MARKS}/$space/test.js")
    text = HELLO.decode()
    parts = [
        f'Content-Disposition: form-data; name="Authorization"\r\n\r\n{token}',
        'Content-Disposition: form-data; name="FileName"\r\n\r\ntest.js',
        f'Content-Disposition: form-data; name="file"; filename="test.js"\r\nContent-Type: {JS}\r\n\r\n{text}',
    ]
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    headers = [f"content-type: multipart/form-data; boundary={boundary}", "content-length: $length"]
    stored(node.ask("POST /", None, headers, body.encode()), HELLO_ETAG)
    assert node.get("test.js").body == HELLO


def finished(node: Client, query: str = "") -> Reply:
    """The answer to the end of an upload in parts."""
    sign = f"POST\n\n\n\n{MARKS}/$space/6M-file"
    begun = node.ask("POST /6M-file?uploads", sign, ["Content-Length: 0"]).json()
    conforms(begun, INITIATED)
    upload, mime, etags = begun["UploadId"], "application/octet-stream", list[str]()
    for number, part in enumerate(PARTS):
        line = f"PUT /6M-file?uploadId={upload}&partNumber={number}"
        headers = ["Content-Length: $length", f"Content-Type: {mime}"]
        got = node.ask(line, f"PUT\n\n{mime}\n\n{MARKS}/$space/6M-file", headers, part)
        etags.append(got.header("ETag"))  # with its quotes
    body = ",".join(etags).encode()
    return node.ask(f"POST /6M-file?uploadId={upload}{query}", sign, ["Content-Length: $length"], body)


def test_node_uploads_in_parts(node: Client) -> None:
    got = finished(node)
    conforms(got.json(), FINISHED)
    assert got.header("ETag") == f'"{BIG_ETAG}"' and node.get("6M-file").body == BIG


def test_node_finishes_its_own_key_whatever_new_key_it_names(node: Client) -> None:
    """Its example names one in the query, which the SDK signs no more than others do (docs/security.md)."""
    got = finished(node, "&newKey=new6M-file")
    assert got.json() == {"Bucket": node.space, "Key": "6M-file", "FileSize": len(BIG)}
    assert node.keys() == ["6M-file"] and node.get("6M-file").body == BIG
    message = "permission denied: the key is taken, and newKey is used only if it is signed too, as X-UCloud-New-Key"
    finished(node, "&newKey=new6M-file").refusal(403, -148658, message)
    assert node.keys() == ["6M-file"]
