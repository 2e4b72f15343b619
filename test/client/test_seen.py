"""What a result says was seen: each way to store × each answer, odd ones too.  Nothing echoes an option or argument."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from ucloud.uvideo import config, filemanager, multipartuploaduvideo
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import AsyncClient, Client, errors, etag
from uvideo.client.retry import Retry
from uvideo.models import ObjectInfo, Stored

SMALL, LARGE = b"some bytes", b"large" * 840_000  # two parts
AT_ONCE = Retry(retries=5, base=0.0)  # no wait between tries
OTHER = etag(b"other bytes")
Way = Callable[..., Any]


def file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / f"{len(data)}.bin"
    path.write_bytes(data)
    return path


#: name: (operation whose answer says it, the bytes, how)
WAYS: dict[str, tuple[str, bytes, Way]] = {
    "put bytes": ("PutObject", SMALL, lambda c, s, p, **o: c.put(s, "k", SMALL, **o)),
    "put path": ("PutObject", SMALL, lambda c, s, p, **o: c.put(s, "k", file(p, SMALL), **o)),
    "put stream": ("PutObject", SMALL, lambda c, s, p, **o: c.put(s, "k", io.BytesIO(SMALL), **o)),
    "upload bytes": ("PutObject", SMALL, lambda c, s, p, **o: c.upload(s, "k", SMALL, **o)),
    "upload path": ("PutObject", SMALL, lambda c, s, p, **o: c.upload(s, "k", file(p, SMALL), **o)),
    "parts of bytes": ("FinishUpload", LARGE, lambda c, s, p, **o: c.upload(s, "k", LARGE, **o)),
    "parts of path": ("FinishUpload", LARGE, lambda c, s, p, **o: c.upload(s, "k", file(p, LARGE), **o)),
    "parts of stream": ("FinishUpload", LARGE, lambda c, s, p, **o: c.upload(s, "k", io.BytesIO(LARGE), **o)),
}
#: What the answer says its ETag is; "right": that of the bytes.
ANSWERS = ["right", "weak", None, "odd", OTHER]


@pytest.fixture(params=["Client", "AsyncClient"])
def client_of(request: pytest.FixtureRequest, server: Server, through: Client) -> Callable[[Way, Any], Any]:
    """Calls a way with either client."""
    settings = replace(through.settings, multipart_threshold=1 << 20)
    made = Client(settings=settings, retry=AT_ONCE)
    request.addfinalizer(made.close)
    if request.param == "Client":
        return lambda way, *given, **options: way(made, *given, **options)

    def run(way: Way, *given: Any, **options: Any) -> Any:
        async def once() -> Any:
            async with AsyncClient(settings=settings, retry=AT_ONCE) as soon:
                return await way(soon, *given, **options)

        return asyncio.run(once())

    return run


#: verify, and an answer; where it is not compared, the quick suite has one that is right, one that is not, and none.
SAID = [
    *((True, each) for each in ANSWERS),
    *((False, each) for each in ("right", None, OTHER)),
    *(pytest.param(False, each, marks=pytest.mark.long) for each in ("weak", "odd")),
]


@pytest.mark.parametrize(("verify", "says"), SAID, ids=str)
@pytest.mark.parametrize("name", WAYS)
def test_stored_is_what_was_answered(
    client_of: Any, space: str, tmp_path: Path, proxy: FaultProxy, name: str, verify: bool, says: str | None
) -> None:
    operation, data, way = WAYS[name]
    right = etag(data)
    value = {"right": f'"{right}"', "weak": f'W/"{right}"', None: None}.get(says, f'"{says}"')
    if value is None:
        proxy.on(operation).answer(200, json={}, times=None)
    else:
        proxy.on(operation).header("ETag", value, times=None)
    broken = says is None or says == OTHER or (says == "odd" and operation == "FinishUpload")
    if broken and (verify or (operation == "FinishUpload" and says is not None)):
        expected = (errors.BadAnswer, errors.TransferInterrupted) if says is None else errors.IntegrityError
        with pytest.raises(expected):
            client_of(way, space, tmp_path, checksum=verify)
        return
    stored: Stored = client_of(way, space, tmp_path, checksum=verify)
    seen = right if says in ("right", "weak") else says
    assert (stored.etag, stored.size) == (seen, len(data))
    assert stored.verified == (verify and seen == right)


def sdk(server: Server, proxy: FaultProxy, kind: Any) -> Any:
    config.set_default(uploadsuffix=f"127.0.0.1:{proxy.port}", downloadsuffix=f"127.0.0.1:{proxy.port}")
    made = kind(server.public_key, server.private_key)
    carrier_of(made).sleep = lambda seconds: None
    return made


SDK: dict[str, tuple[str, bytes, Any, Way]] = {
    "putfile": ("PutObject", SMALL, filemanager.FileManager, lambda h, s, p: h.putfile(s, "k", str(file(p, SMALL)))),
    "postfile": ("PutObject", SMALL, filemanager.FileManager, lambda h, s, p: h.postfile(s, "k", str(file(p, SMALL)))),
    "putstream": ("PutObject", SMALL, filemanager.FileManager, lambda h, s, p: h.putstream(s, "k", io.BytesIO(SMALL))),
    "copy": ("CopyObject", SMALL, filemanager.FileManager, lambda h, s, p: h.copy(s, "k", s, "source")),
    "uploadfile": (
        "FinishUpload",
        LARGE,
        multipartuploaduvideo.MultipartUploadUVideo,
        lambda h, s, p: h.uploadfile(s, "k", str(file(p, LARGE)), retryinterval=0),
    ),
    "uploadstream": (
        "FinishUpload",
        LARGE,
        multipartuploaduvideo.MultipartUploadUVideo,
        lambda h, s, p: h.uploadstream(s, "k", io.BytesIO(LARGE), retryinterval=0),
    ),
}


@pytest.mark.parametrize("says", ANSWERS, ids=str)
@pytest.mark.parametrize("name", SDK)
def test_the_sdks_answer_is_what_was_answered(
    server: Server, client: Client, space: str, tmp_path: Path, proxy: FaultProxy, name: str, says: str | None
) -> None:
    operation, data, kind, way = SDK[name]
    client.put(space, "source", SMALL)
    right = etag(data)
    value = {"right": f'"{right}"', "weak": f'W/"{right}"', None: None}.get(says, f'"{says}"')
    if value is None:
        proxy.on(operation).answer(200, json={}, times=None)
    else:
        proxy.on(operation).header("ETag", value, times=None)
    handler = sdk(server, proxy, kind)
    _, resp = way(handler, space, tmp_path)
    if resp.status_code == -1 and hasattr(handler, "abort"):
        handler.abort()  # else it keeps the file open, to resume
    if says is None:
        assert resp.status_code == -1 and "ETag" in resp.error, resp
    elif operation != "CopyObject" and (says == OTHER or (says == "odd" and operation == "FinishUpload")):
        assert resp.status_code == -2, resp
    else:
        assert resp.status_code == 200 and resp.etag == (right if says in ("right", "weak") else says), resp


#: Headers of a HEAD or GET that may be odd or absent, and the field that says them.
FIELDS: list[tuple[str, str | None, str, Any]] = [
    ("Content-Type", None, "mime", None),
    ("Content-Type", "odd/thing", "mime", "odd/thing"),
    ("X-Ufile-Storage-Class", None, "storage_class", None),
    ("X-Ufile-Storage-Class", "COLDEST", "storage_class", "COLDEST"),
    ("Last-Modified", None, "modified", None),
    ("Last-Modified", "yesterday", "modified", None),
    ("X-Ufile-Create-Time", None, "created", None),
    ("ETag", '"odd"', "etag", "odd"),
]


@pytest.mark.parametrize("method", ["stat", "get"])
@pytest.mark.parametrize("header, value, field, expected", FIELDS, ids=lambda each: str(each))
def test_what_an_object_is_said_to_be(
    client_of: Any,
    client: Client,
    space: str,
    proxy: FaultProxy,
    method: str,
    header: str,
    value: str | None,
    field: str,
    expected: Any,
) -> None:
    client.put(space, "k", SMALL, mime="text/x", storage_class="IA")
    proxy.on("HeadObject" if method == "stat" else "GetObject").header(header, value)
    found = client_of(lambda c: getattr(c, method)(space, "k"))
    info: ObjectInfo = found if method == "stat" else found.info
    assert getattr(info, field) == expected and info.size == len(SMALL)


def test_an_object_of_no_length_is_no_answer(client_of: Any, client: Client, space: str, proxy: FaultProxy) -> None:
    client.put(space, "k", SMALL)
    proxy.on("HeadObject").header("Content-Length", None, times=None)
    for method in (lambda c: c.stat(space, "k"), lambda c: c.append(space, "k", b"more")):
        with pytest.raises(errors.BadAnswer):
            client_of(method)


@pytest.mark.parametrize("says", [None, OTHER, "odd"])
def test_a_hit_says_only_the_etag_that_was_answered(
    client_of: Any, client: Client, space: str, proxy: FaultProxy, says: str | None
) -> None:
    known = client.put(space, "a", SMALL).etag
    proxy.on("UploadHit").header("ETag", None if says is None else f'"{says}"')

    def hit(c: Any) -> Any:
        return c.put_known(space, "b", etag=known, size=len(SMALL))

    if says is not None:
        with pytest.raises(errors.IntegrityError):
            client_of(hit)
        return
    found = client_of(hit)
    assert (found.etag, found.verified) == (None, False)


def test_an_append_without_etag_is_not_sent_twice(
    client_of: Any, client: Client, space: str, proxy: FaultProxy
) -> None:
    proxy.on("AppendObject").header("ETag", None)
    with pytest.raises(errors.BadAnswer):
        client_of(lambda c: c.append(space, "log", b"line", position=0))
    assert client.get(space, "log").data == b"line" and len(proxy.log("AppendObject")) == 1


WRONG_RANGES: list[tuple[int | None, int | None]] = [(0, 4), (2, 5), (3, None), (-2, None)]


@pytest.mark.parametrize("start, end", WRONG_RANGES)
def test_the_whole_object_is_no_answer_to_a_range(
    client_of: Any,
    client: Client,
    server: Server,
    space: str,
    tmp_path: Path,
    proxy: FaultProxy,
    start: int | None,
    end: int | None,
) -> None:
    known = client.put(space, "k", SMALL).etag
    proxy.on("GetObject").answer(200, SMALL, headers={"ETag": f'"{known}"'}, times=None)
    for way in (
        lambda c: c.get(space, "k", start=start, end=end),
        lambda c: c.download(space, "k", tmp_path / "out", start=start, end=end),
        lambda c: c.download(space, "k", io.BytesIO(), start=start, end=end),
    ):
        with pytest.raises(errors.IntegrityError):
            client_of(way)
    last = None if end is None else end - 1
    asked = (start, last) if start is None or start >= 0 else (None, -start)
    handler = sdk(server, proxy, filemanager.FileManager)
    _, resp = handler.download_file(space, "k", str(tmp_path / "out"), content_range=asked)
    assert resp.status_code == -2 and not (tmp_path / "out").exists(), resp


def test_a_range_that_is_all_may_be_answered_by_all(
    client_of: Any, client: Client, space: str, proxy: FaultProxy
) -> None:
    known = client.put(space, "k", SMALL).etag
    proxy.on("GetObject").answer(200, SMALL, headers={"ETag": f'"{known}"'}, times=None)
    for span in ({"start": 0}, {"end": 10}, {"end": 99}, {"start": -10}):
        assert client_of(lambda c, span=span: c.get(space, "k", **span)).data == SMALL


def test_a_reader_takes_no_whole_object_for_a_range(
    through: Client, client: Client, space: str, proxy: FaultProxy
) -> None:
    data = bytes(200_000)
    known = client.put(space, "k", data).etag
    proxy.on("GetObject").answer(200, data, headers={"ETag": f'"{known}"'}, times=None)
    with through.open(space, "k") as reader, pytest.raises(errors.IntegrityError):
        reader.read(10)


def test_part_of_an_object_is_no_answer_to_a_request_for_all(
    client_of: Any, client: Client, server: Server, space: str, tmp_path: Path, proxy: FaultProxy
) -> None:
    known = client.put(space, "k", SMALL).etag
    part = {"ETag": f'"{known}"', "Content-Range": "bytes 0-3/10"}
    proxy.on("GetObject").answer(206, SMALL[:4], headers=part, times=None)
    with pytest.raises(errors.IntegrityError):
        client_of(lambda c: c.get(space, "k"))
    _, resp = sdk(server, proxy, filemanager.FileManager).download_file(space, "k", str(tmp_path / "out"))
    assert resp.status_code == -2 and not (tmp_path / "out").exists(), resp


def test_a_finish_by_hand_without_etag_is_told_as_that(client_of: Any, space: str, proxy: FaultProxy) -> None:
    """Not as an upload that the service does not know, which a second try would find."""
    proxy.on("FinishUpload").header("ETag", None)

    def sync(c: Client) -> Any:
        begun = c.begin_upload(space, "k")
        return c.finish_upload(begun, [c.put_part(begun, 0, SMALL)])

    async def soon(c: AsyncClient) -> Any:
        begun = await c.begin_upload(space, "k")
        return await c.finish_upload(begun, [await c.put_part(begun, 0, SMALL)])

    with pytest.raises(errors.BadAnswer, match="ETag"):
        client_of(lambda c: soon(c) if isinstance(c, AsyncClient) else sync(c))


def test_an_upload_whose_finish_says_no_etag_is_looked_at(
    client_of: Any, space: str, tmp_path: Path, proxy: FaultProxy
) -> None:
    """The second try finds the upload gone, and the object itself then proves that it is stored."""
    proxy.on("FinishUpload").header("ETag", None)
    stored = client_of(lambda c: c.upload(space, "k", file(tmp_path, LARGE)))
    assert (stored.etag, stored.verified) == (etag(LARGE), True) and len(proxy.log("HeadObject")) == 1
