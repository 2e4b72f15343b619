"""The raw requests of requests with requests-ucloud 0.3.1, whose Content-MD5 is the base64 of RFC 1864."""

from __future__ import annotations

import base64
import hashlib

from test.interop.replay import HELLO, HELLO_ETAG, Client, stored

DATE = "Sat, 28 Nov 2026 09:00:00 GMT"
MD5 = base64.b64encode(hashlib.md5(HELLO).digest()).decode()


def test_requests_puts_with_an_md5_in_base64(requests_ucloud: Client) -> None:
    headers = ["content-type: text/plain", f"content-md5: {MD5}", f"date: {DATE}"]
    sign = f"PUT\n{MD5}\ntext/plain\n{DATE}\n/$space/a.txt"
    stored(requests_ucloud.ask("PUT /a.txt", sign, headers, HELLO), HELLO_ETAG)
    other = requests_ucloud.ask("PUT /a.txt", sign, headers, b"other bytes")
    other.refusal(400, -148660, "content md5 mismatch")
    assert requests_ucloud.get("a.txt").body == HELLO


def test_requests_puts_over_a_signed_url_with_an_md5(requests_ucloud: Client) -> None:
    url = requests_ucloud.url(f"PUT\n{MD5}\n\n4102416000\n/$space/a.txt")
    line = "PUT /a.txt?Expires=4102416000&UCloudPublicKey=$pub&Signature=$signature"
    stored(requests_ucloud.ask(line, None, [f"content-md5: {MD5}"], HELLO, **url), HELLO_ETAG)


def test_requests_sends_parts_and_a_list_of_etags_with_an_md5(requests_ucloud: Client) -> None:
    sign = f"POST\n\napplication/octstream\n{DATE}\n/$space/part"
    headers = ["content-type: application/octstream", f"date: {DATE}"]
    upload = requests_ucloud.ask("POST /part?uploads", sign, headers).json()["UploadId"]
    md5 = f"content-md5: {MD5}"
    line = f"PUT /part?uploadId={upload}&partNumber=0"
    sign = f"PUT\n{MD5}\napplication/octstream\n{DATE}\n/$space/part"
    got = requests_ucloud.ask(line, sign, [headers[0], md5, headers[1]], HELLO)
    body = got.header("ETag").encode()
    listed = base64.b64encode(hashlib.md5(body).digest()).decode()
    sign = f"POST\n{listed}\napplication/octstream\n{DATE}\n/$space/part"
    line = f"POST /part?uploadId={upload}"
    got = requests_ucloud.ask(line, sign, [headers[0], f"content-md5: {listed}", headers[1]], body)
    assert got.header("ETag") == f'"{HELLO_ETAG}"' and requests_ucloud.get("part").body == HELLO
