"""Every place where text from outside comes in, and values that no place expects: requests, made one from the other."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

from test.server.wire import Peer, head
from ucloud.uvideo.protocol import management, signature

__all__ = ["calls", "requests"]

DEEP = 3000
#: Bytes of a path, a query or a form, escaped by who takes them.
TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "null": b"\0",
    "null within": b"a\0b",
    "not UTF-8": b"\xff\xfe",
    "a surrogate": b"\xed\xa0\x80",
    "half a character": b"\xe4\xb8",
    "controls": b"\x01\x1b[31m\x7f",
    "a line break": b"a\r\nX-Evil: 1",
    "2**63": b"9223372036854775808",
    "30 digits": b"1" * 30,
    "5000 digits": b"1" * 5000,
    "negative": b"-1",
    "an exponent": b"1e999999999",
    "infinite": b"Infinity",
    "no number": b"NaN",
    "other digits": "١٢".encode(),
    "quotes": b"'\"; DROP TABLE objects; --",
    "percent": b"%",
    "escaped": b"%00%ff%ZZ",
    "dots": b"../../..",
    "long": b"x" * 9000,
    "emoji": "\U0001f600\u202e".encode(),
    "format": b"%s%n{0}{x.__class__}",
    "Bearer": b"Bearer x",
    "colons": b"UCloud ::::",
    "spaces": b"   ",
    "an address": b"[::1%eth0",
}
#: JSON values, as they stand in a document.
JSONS: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "infinite": b"Infinity",
    "minus infinite": b"-Infinity",
    "no number": b"NaN",
    "too large for a float": b"1e999",
    "an exponent": b"1e999999999",
    "a small one": b"1e-999999999",
    "300 zeros": b"1e300",
    "half": b"0.5",
    "2**63": b"9223372036854775808",
    "5000 digits": b"1" * 5000,
    "negative": b"-1",
    "a surrogate": b'"\\ud800"',
    "a surrogate within": b'"a\\udfffb"',
    "an escaped null": b'"\\u0000"',
    "a null within": b'"a\\u0000b"',
    "not UTF-8": b'"\xff"',
    "a list": b"[]",
    "a list of it": b'["\\ud800", "\\u0000", NaN]',
    "an object": b'{"a": {"b": []}}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a text": b'"text"',
    "a long text": b'"' + b"x" * 9000 + b'"',
    "empty": b'""',
}
NAMES = (
    "uploads uploadId partNumber list listobjects muploadid muploadpart opmeta restore storageClass newFileName append "
    "position tagging acl newKey newObject prefix marker limit max-keys delimiter max-parts part-number-marker "
    "upload-id-marker ufileattname Hash FileName FileSize force UCloudPublicKey Signature Expires SecurityToken Action"
).split()
HEADERS = (
    "Authorization Date Content-Type Content-MD5 Range If-Match If-None-Match If-Modified-Since If-Unmodified-Since "
    "If-Range Origin Bucket SecurityToken X-Ufile-Copy-Source X-Ufile-Copy-Source-Range X-Ufile-Storage-Class Expect "
    "X-Ufile-Metadata-Directive X-Ufile-Meta-a X-Ufile-Object-Acl X-UCloud-a Cache-Control User-Agent Cookie Accept "
    "Access-Control-Request-Method X-CSRF-Token Sec-Fetch-Site X-Forwarded-Proto X-Forwarded-For traceparent Expires"
).split()
FIELDS = (
    "BucketName SpaceName Type Region Tag ProjectId Domain.0 Offset Limit StorageClass BeginTime EndTime TokenName "
    "AllowedOps.0 AllowedPrefixes.0 AllowedBuckets.0 ExpireTime BlackIPList.0 WhiteIPList.0 TokenId Display RoleUrn "
    "RoleSessionName DurationSeconds PublicKey Signature Action"
).split()
CLAIMS = (b"UCloud %s:x", b"UCloud x:%s", b"UCloud x:y:%s", b"AutoAI %s:x", b"UCloud TOKEN_%s:x", b"UCloud STS_%s:x")
STORED = ("BucketName", "TokenId", "TokenName", "Domain.0", "ExpireTime", "Offset", "Limit", "BeginTime")
ACTIONS = sorted(management.OPERATIONS)
FORM = b"application/x-www-form-urlencoded"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")


def requests(peer: Peer, space: str) -> Iterator[tuple[str, bytes]]:
    """(what it is, its bytes) for the data port.  Most of them nobody signed; some are signed, so that they get in."""
    yield from _places(peer, space)
    yield from _signed(peer, space)
    yield from _tokens(peer, space)
    yield from _management(peer)
    yield from _forms(peer, space)


def calls() -> Iterator[tuple[str, bytes]]:
    """The same for the admin port; nobody is signed in."""
    for path in ("session", "link", "sign-out", "spaces", "upload", "%00", "..%2f"):
        for name, value in JSONS.items():
            for member in ("link", "public_key", "private_key"):
                others = {"public_key": "a", "private_key": "b"}
                others.pop(member, None)
                body = json.dumps(others)[:-1].encode() + b', "%s": %s}' % (member.encode(), value)
                yield f"POST {path} {member} {name}", _post(f"/api/{path}", body, b"application/json")
            yield f"POST {path} {name}", _post(f"/api/{path}", value, b"application/json")
    for name, text in TEXTS.items():
        for target in (b"/" + _quoted(text), b"/api/" + _quoted(text), b"/api/session?a=" + _quoted(text)):
            yield f"GET {name}", head("GET", target, [("Host", "x")])
        for header in (*HEADERS, "Host"):
            for target in ("/", "/api/session", "/readyz"):
                pairs = [("Host", "x")] if header != "Host" else []
                yield f"GET {target} {header} {name}", head("GET", target, [*pairs, (header, text)])


def _quoted(text: bytes) -> bytes:
    return quote(text, safe="").encode()


def _post(target: str, body: bytes, kind: bytes, more: tuple[tuple[str, str | bytes], ...] = ()) -> bytes:
    pairs = [("Host", "x"), ("Content-Type", kind), ("Content-Length", str(len(body))), *more]
    return head("POST", target, pairs) + body


def _places(peer: Peer, space: str) -> Iterator[tuple[str, bytes]]:
    """Unsigned, and signed by a key that nobody knows."""
    host = ("Host", f"{space}.localhost")
    unknown = ("Authorization", "UCloud unknown:c2lnbmF0dXJl")
    for name, text in TEXTS.items():
        escaped = _quoted(text)
        for method in METHODS:
            yield f"{method} key {name}", head(method, b"/" + escaped, [host, unknown])
        yield f"path style {name}", head("GET", b"/" + escaped + b"/k", [("Host", "127.0.0.1")])
        yield f"raw path {name}", head("GET", b"/" + text.replace(b" ", b""), [host])
        for query in NAMES:
            for method in ("GET", "POST"):
                yield f"{method} {query} {name}", head(method, f"/k?{query}=".encode() + escaped, [host, unknown])
        yield f"query name {name}", head("GET", b"/?" + escaped + b"=1", [host])
        for header in (*HEADERS, "Host"):
            pairs = [(header, text)] if header in ("Host", "Authorization") else [(header, text), unknown]
            yield f"{header} {name}", head("PUT", "/k", pairs if header == "Host" else [host, *pairs])
        for value in CLAIMS:
            yield f"{value!r} {name}", head("GET", "/k", [host, ("Authorization", value % text)])
        for key in (b"TOKEN_", b"STS_", b"UVIDEO", b""):
            target = b"/k?UCloudPublicKey=" + key + escaped + b"&Signature=x&Expires=99999999999"
            yield f"URL {key!r} {name}", head("GET", target, [host])
            if len(text) < 100:
                more = ("SecurityToken", base64.urlsafe_b64encode(text) + b".mac")
                yield f"URL {key!r} {name} with a token", head("GET", target, [host, more])
        target = b"/k?UCloudPublicKey=x&Signature=" + escaped + b"&Expires=" + escaped
        yield f"URL signature {name}", head("GET", target, [host])


def _signed(peer: Peer, space: str) -> Iterator[tuple[str, bytes]]:
    """By the account: what gets as far as the catalog and the store."""
    host = ("Host", f"{space}.localhost")
    documents = (("PUT", "tagging", b'{"Tags": [{"Key": "k", "Value": %s}]}'), ("PUT", "tagging", b'{"Tags": %s}'))
    documents += (("POST", "opmeta", b'{"op": "set", "metak": "mimetype", "metav": %s}'), ("POST", "opmeta", b"%s"))
    for name, value in JSONS.items():
        for method, query, form in documents:
            body = form.replace(b"%s", value)
            pairs = [host, ("Authorization", peer.signed(method, space, "k")), ("Content-Length", str(len(body)))]
            yield f"{query} {name}", head(method, f"/k?{query}", pairs) + body
        policy = base64.urlsafe_b64encode(b'{"callbackUrl": %s, "callbackBody": %s}' % (value, value)).decode()
        signed = peer.signed("PUT", space, "k", policy=policy)
        yield f"policy {name}", head("PUT", "/k", [host, ("Authorization", signed), ("Content-Length", "0")])
    for name, text in TEXTS.items():
        escaped = _quoted(text)
        for query in NAMES:
            for method in METHODS:
                pairs = [host, ("Authorization", peer.signed(method, space, "k")), ("Content-Length", "1")]
                for more in (b"", b"&uploadId=x", b"&partNumber=1"):
                    target = f"/k?{query}=".encode() + escaped + more
                    yield f"signed {method} {query} {name}", head(method, target, pairs) + b"x"
            pairs = [host, ("Authorization", peer.signed("GET", space, ""))]
            for listing in (b"list", b"listobjects", b"muploadid", b"muploadpart&uploadId=x"):
                target = b"/?" + listing + f"&{query}=".encode() + escaped
                yield f"{listing!r} {query} {name}", head("GET", target, pairs)
        for header in HEADERS:
            for method in ("GET", "PUT"):
                canonical = peer.signed(method, space, "k")
                pairs = [host, ("Authorization", canonical), (header, text), ("Content-Length", "0")]
                yield f"signed {method} {header} {name}", head(method, "/k", pairs)
        try:
            key = text.decode()
        except UnicodeDecodeError:
            continue
        for method in METHODS:
            pairs = [host, ("Authorization", peer.signed(method, space, key)), ("Content-Length", "1")]
            yield f"signed {method} key {name}", head(method, b"/" + escaped, pairs) + b"x"


def _tokens(peer: Peer, space: str) -> Iterator[tuple[str, bytes]]:
    """SecurityTokens, which are JSON in base64."""
    for name, value in JSONS.items():
        for member in ("i", "k", "e"):
            said = {"i": '"STS_x"', "k": json.dumps(peer.credentials.public_key), "e": "9999999999"}
            claim = "{" + ", ".join(f'"{key}": {text}' for key, text in said.items() if key != member)
            raw = claim.encode() + b', "%s": %s}' % (member.encode(), value)
            token = base64.urlsafe_b64encode(raw).decode() + ".mac"
            host = ("Host", f"{space}.localhost")
            pairs = [host, ("Authorization", "UCloud STS_x:c2ln"), ("SecurityToken", token)]
            yield f"SecurityToken {member} {name}", head("GET", "/k", pairs)
            target = f"/k?UCloudPublicKey=STS_x&Signature=x&Expires=99999999999&SecurityToken={quote(token)}"
            yield f"SecurityToken {member} {name} in a URL", head("GET", target, [host])


def _management(peer: Peer) -> Iterator[tuple[str, bytes]]:
    for name, value in JSONS.items():
        for field in FIELDS:
            body = b'{"Action": "CreateBucket", "PublicKey": "x", "Signature": "y", "a": 1, "%s": %s}'
            body = body.replace(f'"{field}": '.encode(), b'"Was": ', 1) % (field.encode(), value)
            yield f"call {field} {name}", _post("/", body, b"application/json")
        yield f"call {name}", _post("/", value, b"application/json")
        yield f"call named {name}", _post("/", b'{"Action": "x", %s: 1}' % value, b"application/json")
    for name, text in TEXTS.items():
        escaped = _quoted(text)
        for field in FIELDS:
            given = f"{field}=".encode() + escaped
            base = b"Action=DescribeBucket&PublicKey=x&Signature=y&" + given
            yield f"form {field} {name}", _post("/", base, FORM)
            yield (
                f"raw form {field} {name}",
                _post("/", f"{field}=".encode() + text, b"application/x-www-form-urlencoded"),
            )
            yield f"GET {field} {name}", head("GET", b"/?" + base, [("Host", "x")])
        try:
            value_text = text.decode()
        except UnicodeDecodeError:
            continue
        for called in ACTIONS:  # signed: these reach the catalog
            for field in STORED:
                parameters = {"Action": called, "PublicKey": peer.credentials.public_key, field: value_text}
                parameters["Signature"] = signature.action_signature(peer.credentials.private_key, parameters)
                query = "&".join(f"{key}={quote(each, safe='')}" for key, each in parameters.items())
                yield f"signed {called} {field} {name}", head("GET", "/?" + query, [("Host", "x")])


def _forms(peer: Peer, space: str) -> Iterator[tuple[str, bytes]]:
    for name, text in TEXTS.items():
        for field in ("FileName", "Authorization", "Content-Type", "Content-MD5", "ObjectName", "other"):
            given = {"FileName": b"k", "Authorization": b"UCloud unknown:x", field: text}
            body = b"".join(
                b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (key.encode(), value)
                for key, value in given.items()
            )
            body += b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: %s\r\n\r\nx\r\n--b--\r\n'
            pairs = [("Host", f"{space}.localhost"), ("Content-Type", "multipart/form-data; boundary=b")]
            for kind in (b"text/plain", text.replace(b"\r\n", b"")):
                full = body % kind if b"%" not in text else body.replace(b"%s", kind)
                yield (
                    f"form upload {field} {name}",
                    head("POST", "/", [*pairs, ("Content-Length", str(len(full)))]) + full,
                )
