"""The requests of real clients as bytes on a socket, and answers as bytes off it.

Nothing here uses our protocol core: signatures are computed from the rules of signing.md by this module's own lines.
A client's profile adds the headers that its HTTP library adds, in that library's case and order.  ``$space``,
``$public``, ``$length`` and what a test gives as keywords are filled in everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any
from urllib.parse import quote, urlencode

from test import patience
from test.server_fixture import Server

BLOCK = 4194304
HELLO = b"hello world"
HELLO_ETAG = "AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"
HELLO_MD5 = "5eb63bbbe01eeed093cb22bb8f5acdc3"
EMPTY_ETAG = "AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ"
BIG = (bytes(range(251)) * (10485760 // 251 + 1))[:10485760]  # three parts, the last one short
BIG_ETAG = "AwAAAJWW94Kd7uuN_TCTi_xpbr4WtvSz"
PARTS = [BIG[at : at + BLOCK] for at in range(0, len(BIG), BLOCK)]
PART_ETAGS = ["B3x5ERngVeegrl5QcImj-RFINvU=", "pemzjllrQHHKkndJD5tde7PrHug=", "nue8DdqliDECp6sbqkWRJMReMH0="]
INITIATED = {"UploadId": str, "BlkSize": int, "Bucket": str, "Key": str}
FINISHED = {"Bucket": str, "Key": str, "FileSize": int}

FILES = {
    "BucketName": str,
    "BucketId": str,
    "NextMarker": str,
    "DataSet": [
        {
            "BucketName": str,
            "FileName": str,
            "Hash": str,
            "MimeType": str,
            "Size": int,
            "CreateTime": int,
            "ModifyTime": int,
            "StorageClass": str,
        }
    ],
}
OBJECTS = {
    "Name": str,
    "Prefix": str,
    "MaxKeys": str,
    "Delimiter": str,
    "IsTruncated": bool,
    "NextMarker": str,
    "Contents": [
        {
            "Key": str,
            "MimeType": str,
            "ETag": str,
            "Size": str,
            "StorageClass": str,
            "LastModified": int,
            "CreateTime": int,
            "UserMeta": {str: str},
        }
    ],
    "CommonPrefixes": [{"Prefix": str}],
}
LISTED_PARTS = {
    "UploadId": str,
    "Bucket": str,
    "Key": str,
    "StorageClass": str,
    "MaxParts": int,
    "IsTruncated": bool,
    "NextPartNumberMarker": int,
    "Parts": [{"PartNum": int, "Etag": str, "Size": int, "LastModified": int}],
}
UPLOADS = {
    "RetCode": int,
    "ErrMsg": str,
    "Bucket": str,
    "NextMarker": str,
    "IsTruncated": bool,
    "DataSet": [{"UploadId": str, "FileName": str, "StartTime": int, "StorageClass": str}],
}
SECONDS = patience.SECONDS


@dataclass
class Reply:
    """An answer as it came: header names in the server's case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The one value of a header, whatever its case."""
        (value,) = self.all(name)
        return value

    def has(self, name: str) -> bool:
        return bool(self.all(name))

    def json(self) -> Any:
        assert self.header("Content-Type") == "application/json"
        return json.loads(self.body)

    def refusal(self, status: int, code: int, message: str) -> None:
        """Assert an error in the exact form that the Python SDK needs."""
        assert (self.status, self.json()) == (status, {"RetCode": code, "ErrMsg": message})
        assert self.header("Content-Length") == str(len(self.body)) and self.header("X-SessionId")


class Client:
    """One keep-alive connection to the server and one new space.  The plain profile sends what the test gives."""

    agent = ""

    def __init__(self, server: Server, kind: str = "private") -> None:
        self.port, self.public, self.private = server.port, server.public_key, server.private_key
        self.space = f"r-{uuid.uuid4().hex}"
        self.connect()
        self.manage(Action="CreateBucket", BucketName=self.space, Region="cn-bj", Type=kind)

    def connect(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.sock.makefile("rb")

    def close(self) -> None:
        self.input.close()
        self.sock.close()

    @property
    def host(self) -> str:
        return f"{self.space}.cn-bj.ufileos.com"

    # Signing

    def fill(self, text: str, **given: object) -> str:
        return Template(text).substitute(space=self.space, public=self.public, none="", **given)

    def sign(self, text: str, **given: object) -> str:
        """Base64 of the HMAC-SHA1 of a StringToSign."""
        key, data = self.private.encode(), self.fill(text, **given).encode()
        return base64.b64encode(hmac.new(key, data, hashlib.sha1).digest()).decode()

    def url(self, text: str, **given: object) -> dict[str, object]:
        """What a signed URL needs: ``$pub``, ``$signature`` escaped, ``$raw`` not."""
        signature = self.sign(text, **given)
        return {"pub": quote(self.public, safe=""), "signature": quote(signature, safe=""), "raw": signature}

    # The wire

    def ask(
        self,
        line: str,
        sign: str | None = None,
        headers: Sequence[str] = (),
        body: bytes | None = None,
        *,
        chunks: Iterable[bytes] | None = None,
        policy: str = "",
        word: str = "UCloud",
        **given: object,
    ) -> Reply:
        """Send a request and read its answer.  ``line``: method and target.  ``sign``: StringToSign, None for none.

        ``chunks``: the body in Transfer-Encoding chunked.  ``policy``: put policy, third field of Authorization.
        """
        given["length"] = len(body or b"")
        fields = [self.fill(header, **given) for header in headers]
        authorization = None
        if sign is not None:
            authorization = f"{word} {self.public}:{self.sign(sign + policy, **given)}" + (policy and ":" + policy)
        method = line.partition(" ")[0]
        if chunks is not None:
            framing: str | None = "Transfer-Encoding: chunked"
            data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        else:
            framing = f"Content-Length: {len(body or b'')}" if body is not None or method in ("PUT", "POST") else None
            data = body or b""
        lines = [self.fill(line, **given) + " HTTP/1.1", *self.profile(fields, framing, authorization)]
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        return self.receive(method)

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        signed = [f"Authorization: {authorization}"] if authorization else []
        return [f"Host: {self.host}", *fields, *([framing] if framing else []), *signed]

    def receive(self, method: str) -> Reply:
        first = self.input.readline().decode("latin-1")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        if status == "100":  # what "Expect: 100-continue" asked for
            assert self.input.readline() == b"\r\n"
            return self.receive(method)
        headers = []
        while (line := self.input.readline()) not in (b"\r\n", b""):
            name, colon, value = line.decode("utf-8").partition(":")
            assert colon and line.endswith(b"\r\n")
            headers.append((name, value.strip()))
        reply = Reply(int(status), headers, b"")
        assert not reply.has("Transfer-Encoding"), "Go and Java want Content-Length"
        if method != "HEAD" and reply.status not in (204, 304):
            reply.body = self.input.read(int(reply.header("Content-Length")))
        return reply

    # The rest of a test's work, in the plainest form

    def manage(self, **given: str) -> Any:
        """The JSON of a management call."""
        reply = self.action(**given)
        assert reply.status == 200
        return reply.json()

    def action(self, **given: str) -> Reply:
        given["PublicKey"] = self.public
        text = "".join(name + given[name] for name in sorted(given)) + self.private
        query = urlencode(sorted({**given, "Signature": hashlib.sha1(text.encode()).hexdigest()}.items()))
        agent = f"User-Agent: {self.agent}\r\n" if self.agent else ""
        self.sock.sendall(f"GET /?{query} HTTP/1.1\r\nHost: api.ucloud.cn\r\n{agent}\r\n".encode())
        return self.receive("GET")

    def put(self, key: str, data: bytes, mime: str = "text/plain", headers: Sequence[str] = ()) -> str:
        """Store an object; its etag, unquoted."""
        wire = "PUT /" + quote(key)
        lines = [f"Content-Type: {mime}", *headers, f"Authorization: UCloud {self.public}:"]
        lines[-1] += self.sign(f"PUT\n\n{mime}\n\n/$space/" + key)
        self.sock.sendall(
            "\r\n".join([wire + " HTTP/1.1", f"Host: {self.host}", *lines, f"Content-Length: {len(data)}"]).encode()
            + b"\r\n\r\n"
            + data
        )
        reply = self.receive("PUT")
        assert reply.status == 200, reply
        return reply.header("ETag").strip('"')

    def get(self, key: str) -> Reply:
        """Read an object over a signed URL."""
        given = {"UCloudPublicKey": self.public, "Expires": "4102416000"}
        given["Signature"] = self.sign(f"GET\n\n\n4102416000\n/$space/{key}")
        wire = f"GET /{quote(key)}?{urlencode(given)} HTTP/1.1\r\nHost: {self.host}\r\n\r\n"
        self.sock.sendall(wire.encode())
        return self.receive("GET")

    def keys(self) -> list[str]:
        signed = f"Authorization: UCloud {self.public}:" + self.sign("GET\n\n\n\n/$space/")
        self.sock.sendall(f"GET /?list&limit=1000 HTTP/1.1\r\nHost: {self.host}\r\n{signed}\r\n\r\n".encode())
        return [entry["FileName"] for entry in self.receive("GET").json()["DataSet"]]


def _by_name(fields: Iterable[str]) -> list[str]:
    return sorted(fields, key=lambda field: field.partition(":")[0])


class Go(Client):
    """The Go SDK on net/http: Host, User-Agent, length, the rest by name, Accept-Encoding."""

    agent = "UFileGoSDK/1.0.5"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        rest = fields + ([f"Authorization: {authorization}"] if authorization else [])
        ranged = any(field.startswith("Range:") for field in fields)
        return [
            f"Host: {self.host}",
            f"User-Agent: {self.agent}",
            *([framing] if framing else []),
            *_by_name(rest),
            *([] if ranged else ["Accept-Encoding: gzip"]),
        ]


class Java(Client):
    """The Java SDK on OkHttp: its own headers first, Accpet and authorization as it spells them."""

    agent = "Ufile-SDK-Java/Ver-2.7.5"
    date = "20240131235959"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        signed = [f"Date: {self.date}", f"authorization: {authorization}"] if authorization else []
        ranged = any(field.startswith("Range:") for field in fields)
        return [
            *[field for field in fields if not field.startswith("Content-Type")],
            "Accpet: */*",
            *signed,
            f"User-Agent: {self.agent}",
            *[field for field in fields if field.startswith("Content-Type")],
            *([framing] if framing else []),
            f"Host: {self.host}",
            "Connection: Keep-Alive",
            *([] if ranged else ["Accept-Encoding: gzip"]),
        ]


class Hadoop(Java):
    """The Hadoop adaptor: the Java SDK 2.6.7, behind an interceptor that gives it another name."""

    agent = "us3-bigdata/v1.4.3"


class C(Client):
    """The C SDK on libcurl: a length only where there is a body, and that last."""

    agent = "UFile CSDK/2.0.0"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        signed = [f"User-Agent: {self.agent}"] + ([f"Authorization: {authorization}"] if authorization else [])
        counted = [framing] if framing and framing != "Content-Length: 0" else []
        return [f"Host: {self.host}", "Accept: */*", *self.ordered(fields, signed, counted)]

    def ordered(self, fields: list[str], signed: list[str], counted: list[str]) -> list[str]:
        return [*fields, *signed, *counted]


class Cpp(C):
    """The C++ SDK on libcurl: the length of a part stands before the signature."""

    agent = "UFile C++SDK/1.1.1"

    def ordered(self, fields: list[str], signed: list[str], counted: list[str]) -> list[str]:
        return [*fields, *counted, *signed] if fields else [*signed, *counted]


class PHP(C):
    """The PHP SDK on libcurl: it escapes nothing of a path, and sends a length with everything but HEAD."""

    agent = "UCloudPHP/1.0.9 (Linux/x86_64) PHP/8.2.7"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        signed = [f"Authorization: {authorization}"] if authorization else []
        counted = [framing] if framing else []
        return [f"Host: {self.host}", f"User-Agent: {self.agent}", "Accept: */*", *fields, *signed, *counted]


class Node(Client):
    """The Node SDK on request: its own headers first, X-UCloud-* signed, and a length where a test gives one."""

    agent = "nodejs-sdk-ver/1.0.3"
    marks = ["x-ucloud-hello: 1234,3.14", "x-ucloud-world: abcd"]  # those of its examples

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        late = [field for field in fields if field.startswith("content-")]  # request's own, not the SDK's
        return [
            *([f"Authorization: {authorization}"] if authorization else []),
            *[field for field in fields if field not in late],
            f"User-Agent: {self.agent}",
            *self.marks,
            f"host: {self.host}",
            *late,
            "Connection: keep-alive",
        ]


class CSharp(Client):
    """The C# SDK on Mono's HttpWebRequest, which asks a proxy: a length only with a body, no connection twice."""

    agent = "UCloudCSharp/1.0.2"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        counted = [framing, "Expect: 100-continue"] if framing and framing != "Content-Length: 0" else []
        return [
            f"User-Agent: {self.agent}",
            *fields,
            *([f"Authorization: {authorization}"] if authorization else []),
            *counted,
            "Proxy-Connection: close",
            f"Host: {self.host}",
        ]

    def receive(self, method: str) -> Reply:
        reply = super().receive(method)
        self.close()
        self.connect()
        return reply


class Browser(Client):
    """The JS SDKs, v1 and v2, on XMLHttpRequest in Chromium, from a page of another origin."""

    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
    page = "http://127.0.0.1:8000"
    boundary = "----UCloudPOSTFormBoundary"

    def form(self, key: str, mime: str, data: bytes, policy: str = "") -> bytes:
        """What formUpload writes: nothing of a name is escaped in it."""
        sign = f"POST\n{hashlib.md5(data).hexdigest()}\n{mime}\n\n/$space/{key}{policy}"
        token = f"UCloud {self.public}:{self.sign(sign)}" + (policy and ":" + policy)
        start = f"--{self.boundary}\r\nContent-Disposition: form-data; "
        text = "".join(f'{start}name="{n}"\r\n\r\n{v}\r\n' for n, v in (("FileName", key), ("Authorization", token)))
        text += f'{start}name="file"; filename="{key}"\r\nContent-Type: {mime}\r\n\r\n'
        return text.encode() + data + f"\r\n--{self.boundary}--\r\n".encode()

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        return [
            f"Host: {self.host}",
            "Connection: keep-alive",
            *([framing] if framing else []),
            'sec-ch-ua-platform: "Linux"',
            *([f"Authorization: {authorization}"] if authorization else []),
            f"User-Agent: {self.agent}",
            *fields,
            "Accept: */*",
            f"Origin: {self.page}",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: cors",
            "Sec-Fetch-Dest: empty",
            f"Referer: {self.page}/",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Language: zh-CN,zh;q=0.9",
        ]


class Requests(Client):
    """requests with the authentication of requests-ucloud."""

    agent = "python-requests/2.32.3"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        return [
            f"Host: {self.host}",
            f"User-Agent: {self.agent}",
            "Accept-Encoding: gzip, deflate",
            "Accept: */*",
            "Connection: keep-alive",
            *([framing] if framing else []),
            *fields,
            *([f"Authorization: {authorization}"] if authorization else []),
        ]


class JuiceFS(Go):
    """The JuiceFS driver on net/http: a Date on every request."""

    agent = "JuiceFS/1.2.0"
    date = "Mon, 26 Mar 2007 19:37:58 GMT"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        return super().profile([*fields, f"Date: {self.date}"], framing, authorization)


class UVideo(Go):
    """The UVideo upload client on net/http: a shared host, the space in the header Bucket."""

    agent = "Go-http-client/1.1"

    @property
    def host(self) -> str:
        return "uploadvideo.ucloud.cn"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        return super().profile([*fields, f"Bucket: {self.space}"], framing, authorization)

    def put(self, key: str, data: bytes, mime: str = "text/plain", headers: Sequence[str] = ()) -> str:
        return super().put(key, data, mime, [*headers, f"Bucket: {self.space}"])


# What an answer must be


def conforms(value: Any, form: Any, path: str = "answer") -> None:
    """Assert JSON types as a strict decoder does: a type, {name: form}, [form], or {str: form} for a map."""
    if isinstance(form, dict) and set(form) == {str}:
        assert type(value) is dict, path
        for name, each in value.items():
            conforms(each, form[str], f"{path}.{name}")
    elif isinstance(form, dict):
        assert type(value) is dict, path
        for name, each in form.items():
            assert name in value, f"{path} has no {name}"
            conforms(value[name], each, f"{path}.{name}")
    elif isinstance(form, list):
        assert type(value) is list, path
        for number, each in enumerate(value):
            conforms(each, form[0], f"{path}[{number}]")
    else:
        assert type(value) is form, f"{path} is {value!r}, not {form.__name__}"


def part_etag(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha1(data).digest()).decode()


def data_etag(data: bytes) -> str:
    """The etag of an object.  Source: etag.md."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    digests = [hashlib.sha1(block).digest() for block in blocks]
    digest = hashlib.sha1(b"".join(digests)).digest() if len(digests) > 1 else hashlib.sha1(data).digest()
    return base64.urlsafe_b64encode(len(blocks).to_bytes(4, "little") + digest).decode()


def empty(reply: Reply, status: int = 200) -> None:
    """A success without a body: no JSON that a client would try to read."""
    assert (reply.status, reply.body) == (status, b"")
    assert "json" not in "".join(reply.all("Content-Type"))
    assert status == 204 or reply.header("Content-Length") == "0"


def stored(reply: Reply, etag: str) -> None:
    """An upload's answer: the etag between double quotes, of which JuiceFS cuts the first and last character."""
    empty(reply)
    assert reply.header("ETag") == f'"{etag}"'
