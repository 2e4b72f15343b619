"""Answers to operations that take long: blanks first, then the document, which may be an error."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.awsrequest import AWSResponse

from test.patience import SECONDS, until
from test.s3.s3_server import client
from test.server.inprocess import Running, running
from test.server.wire import connect, pattern
from uvideo.server.http.blanks import BLANK_EVERY
from uvideo.storage.base import BlobReader, Blobs
from uvideo.storage.wrapper import Wrapper, wrapped

BUCKET, LARGE = "blanks", pattern(100_000)
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class Gate:
    """Holds calls of a driver until ``open``.  ``failure``: what they raise then."""

    def __init__(self) -> None:
        self.is_shut = False
        self.reached, self.opened = threading.Event(), threading.Event()
        self.failure: Exception | None = None

    def shut(self, failure: Exception | None = None) -> None:
        self.reached.clear()
        self.opened.clear()
        self.is_shut, self.failure = True, failure

    def open(self) -> None:
        self.is_shut = False
        self.opened.set()

    async def through(self) -> None:
        if self.is_shut:
            import asyncio

            self.reached.set()
            while not self.opened.is_set():
                await asyncio.sleep(0.01)
            if self.failure is not None:
                raise self.failure


class Gated(Wrapper[Blobs], Blobs):
    def __init__(self, inner: Blobs, gate: Gate) -> None:
        super().__init__(inner)
        self._gate = gate

    async def open(self, blob: str) -> BlobReader:
        await self._gate.through()
        return await self.inner.open(blob)

    async def delete(self, blob: str) -> None:
        await self._gate.through()
        await self.inner.delete(blob)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("blanks")
    with running(folder, wrap=lambda blobs: wrapped(Gated, blobs, gate)) as made:
        yield made


@pytest.fixture
def s3(made: Running, gate: Gate) -> Iterator[Any]:
    found = client(f"http://127.0.0.1:{made.port}", made.public_key, made.private_key)
    found.create_bucket(Bucket=BUCKET)
    found.put_object(Bucket=BUCKET, Key="large", Body=LARGE)
    yield found
    gate.open()


def request(s3: Any, call: str, **arguments: Any) -> bytes:
    """The bytes of a signed request."""
    found = list[bytes]()

    def take(request: Any, **_: Any) -> AWSResponse:
        target = "/" + request.url.split("/", 3)[3]
        host = request.url.split("/", 3)[2]
        pairs = [("Host", host), *((name, value) for name, value in request.headers.items() if name.lower() != "host")]
        lines = [f"{request.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value.decode() if isinstance(value, bytes) else value}" for name, value in pairs]
        found.append("\r\n".join(lines).encode() + b"\r\n\r\n" + (request.body or b""))
        return AWSResponse(request.url, 200, {}, None)

    s3.meta.events.register("before-send.s3", take, unique_id="take")
    try:
        with contextlib.suppress(Exception):  # the answer is none
            getattr(s3, call)(**arguments)
    finally:
        s3.meta.events.unregister("before-send.s3", unique_id="take")
    return found[0]


def receive_until(sock: socket.socket, held: bytes, end: bytes) -> bytes:
    while end not in held:
        data = sock.recv(65536)
        assert data, held
        held += data
    return held


def document(body: bytes) -> ElementTree.Element:
    """The document of a body in chunks, which begins with a declaration and then has a blank or more."""
    data = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        data, body = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    assert data.startswith(DECLARATION + b" ") and data.count(b"<?xml") == 1, data
    return ElementTree.fromstring(data)


def slow(made: Running, gate: Gate, sock: socket.socket, sent: bytes, blanks: int = 2) -> tuple[bytes, bytes]:
    """(head, body) of the answer to a request that reaches the gate."""
    sock.sendall(sent)
    assert gate.reached.wait(SECONDS)
    held = b""
    for count in range(1, blanks + 1):
        made.later(BLANK_EVERY + 1)
        held = receive_until(sock, held, DECLARATION)
        while held.count(b"1\r\n \r\n") < count:
            held += sock.recv(65536)
    gate.open()
    head, _, body = receive_until(sock, held, b"\r\n0\r\n\r\n").partition(b"\r\n\r\n")
    return head, body


COPY = {"Bucket": BUCKET, "Key": "copy", "CopySource": f"{BUCKET}/large", "ChecksumAlgorithm": "SHA256"}


def test_a_copy(made: Running, gate: Gate, s3: Any) -> None:
    sent = request(s3, "copy_object", **COPY)
    with connect(made.port) as sock:
        gate.shut()
        head, body = slow(made, gate, sock, sent)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nContent-Type: application/xml\r\n" in head
        assert b"x-amz-request-id: " in head and b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head
        found = document(body)
        assert found.tag.endswith("CopyObjectResult") and found.findtext("{*}ChecksumSHA256")
        sock.sendall(request(s3, "get_object", Bucket=BUCKET, Key="copy"))  # the connection can be used again
        assert receive_until(sock, b"", LARGE).startswith(b"HTTP/1.1 200 OK\r\n")


def test_one_that_fails_after_the_first_blank(
    made: Running, gate: Gate, s3: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The access log has the status that was sent."""
    caplog.set_level(logging.INFO, "uvideo.access")
    sent = request(s3, "copy_object", **{**COPY, "Key": "failed"})
    with connect(made.port) as sock:
        gate.shut(OSError(5, "broken"))
        head, body = slow(made, gate, sock, sent)
        found = document(body)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert found.tag == "Error" and found.findtext("Code") == "InternalError"
        assert f"x-amz-request-id: {found.findtext('RequestId')}".encode() in head

        def logged() -> list[str]:  # after the last byte was sent
            lines = [record.getMessage() for record in caplog.records if record.name == "uvideo.access"]
            return [each for each in lines if '"failed"' in each]

        until(lambda: len(logged()) == 1)
        assert json.loads(logged()[0])["status"] == 200
    assert "failed" not in [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]


def begun(s3: Any, key: str) -> dict[str, Any]:
    """The arguments to complete an upload of one part."""
    here = {"Bucket": BUCKET, "Key": key}
    upload = s3.create_multipart_upload(**here)["UploadId"]
    etag = s3.upload_part(PartNumber=1, UploadId=upload, Body=b"x", **here)["ETag"]
    return {**here, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}


def test_complete_as_a_client_sees_it(made: Running, gate: Gate, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="replaced", Body=LARGE)
    arguments, found = begun(s3, "replaced"), list[Any]()
    gate.shut()  # until the blob of the replaced object is deleted
    asking = threading.Thread(target=lambda: found.append(s3.complete_multipart_upload(**arguments)))
    asking.start()
    assert gate.reached.wait(SECONDS)
    for _ in range(3):
        made.later(BLANK_EVERY + 1)
    gate.open()
    asking.join(SECONDS)
    assert found[0]["ETag"].endswith('-1"') and found[0]["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "content-length" not in found[0]["ResponseMetadata"]["HTTPHeaders"]


def test_a_part_that_is_copied(made: Running, gate: Gate, s3: Any) -> None:
    here = {"Bucket": BUCKET, "Key": "part"}
    upload = s3.create_multipart_upload(**here)["UploadId"]
    sent = request(s3, "upload_part_copy", CopySource=f"{BUCKET}/large", PartNumber=1, UploadId=upload, **here)
    with connect(made.port) as sock:
        gate.shut()
        _, body = slow(made, gate, sock, sent, blanks=1)
        assert document(body).tag.endswith("CopyPartResult")


def test_what_is_refused_at_once_has_its_own_status(made: Running, s3: Any) -> None:
    with connect(made.port) as sock:
        sock.sendall(request(s3, "copy_object", **{**COPY, "CopySource": f"{BUCKET}/absent"}))
        assert receive_until(sock, b"", b"</Error>").startswith(b"HTTP/1.1 404 ")


def test_a_client_that_leaves_does_not_stop_the_work(made: Running, gate: Gate, s3: Any) -> None:
    sent = request(s3, "copy_object", **{**COPY, "Key": "left"})
    with connect(made.port) as sock:
        gate.shut()
        sock.sendall(sent)
        assert gate.reached.wait(SECONDS)
    made.later(BLANK_EVERY + 1)
    made.later(BLANK_EVERY + 1)
    gate.open()
    until(lambda: "left" in [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]])


def test_an_old_client_gets_no_chunks(made: Running, gate: Gate, s3: Any) -> None:
    sent = request(s3, "copy_object", **{**COPY, "Key": "old"}).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    with connect(made.port) as sock:
        gate.shut()
        sock.sendall(sent)
        assert gate.reached.wait(SECONDS)
        made.later(BLANK_EVERY + 1)
        held = receive_until(sock, b"", DECLARATION + b" ")
        gate.open()
        while data := sock.recv(65536):
            held += data
        head, _, body = held.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head and ElementTree.fromstring(body).tag.endswith("CopyObjectResult")
