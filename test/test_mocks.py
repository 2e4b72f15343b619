"""Libraries that answer in the place of the network: used through a session, and never passed by in silence."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import betamax
import httpretty
import pytest
import requests
import requests_mock
import responses
import vcr
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from test import patience
from test.sdk.peer import Peer, answer
from test.server_fixture import Server
from ucloud.uvideo import config, downloaduvideo, filemanager, multipartuploaduvideo, spacemanager
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import mocks
from ucloud.uvideo.protocol import etag as etags
from uvideo import AsyncClient, Client, errors

BLOCK = 4194304
DATA = b"any bytes"
ETAG = etags.Etag()
ETAG.update(DATA)
HOST = "uploadvideo.example.com"


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    yield
    config.unset_default("uploadsuffix", "downloadsuffix", "session", "retries")


@pytest.fixture
def peer() -> Iterator[Peer]:
    def talk(call: Any) -> None:
        while True:
            call.request()
            call.send(answer(DATA, f'ETag: "{ETAG.value()}"'))

    made = Peer(talk)
    config.set_default(uploadsuffix=made.host, downloadsuffix=made.host, retries=0)
    yield made
    made.close()


@contextlib.contextmanager
def cassette(path: Path, **options: Any) -> Iterator[Any]:
    recorder = vcr.VCR(
        filter_query_parameters=["Signature", "Expires", "UCloudPublicKey"], filter_headers=["authorization"], **options
    )
    with recorder.use_cassette(str(path / "cassette.yaml")) as made:
        yield made


@contextlib.contextmanager
def wrapped(kind: type, name: str) -> Iterator[None]:
    """A method wrapped as instrumentation does it."""
    import functools

    plain = vars(kind)[name]

    @functools.wraps(plain)
    def around(*args: Any, **options: Any) -> Any:
        return plain(*args, **options)

    setattr(kind, name, around)
    yield
    setattr(kind, name, plain)


@contextlib.contextmanager
def mocked_and_wrapped() -> Iterator[None]:
    with responses.RequestsMock(), wrapped(requests.adapters.HTTPAdapter, "send"):
        yield


@contextlib.contextmanager
def pooked(**options: bool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "rfc3987_syntax", None)  # the grammars of its JSON schemas take seconds to load
        import pook  # takes as long as a quarter of all other modules of the tests, in each of pytest's processes

    with pook.use(**options):
        yield


ACTIVE: dict[str, Callable[[Path], Any]] = {
    "responses": lambda path: responses.RequestsMock(),
    "responses, wrapped": lambda path: mocked_and_wrapped(),
    "requests_mock": lambda path: requests_mock.Mocker(),
    "vcr": cassette,
    "httpretty": lambda path: httpretty.enabled(),
    "pook": lambda path: pooked(),
}


def calls(host: str) -> dict[str, Callable[[], Any]]:
    """One call of each client, which raises."""
    keys = {"public_key": "p", "private_key": "s", "endpoint": host}

    def sdk() -> None:
        resp = filemanager.FileManager("p", "s").head_file("space", "k")[1]
        if resp.status_code == -3:
            raise resp.exception
        assert resp.ok(), resp

    async def asynchronous() -> None:
        async with AsyncClient(**keys) as client:
            await client.stat("space", "k")

    return {"sdk": sdk, "client": lambda: Client(**keys).stat("space", "k"), "aio": lambda: asyncio.run(asynchronous())}


@pytest.mark.parametrize("library", ACTIVE)
def test_what_is_mocked_does_not_reach_the_service(library: str, peer: Peer, tmp_path: Path) -> None:
    with ACTIVE[library](tmp_path):
        for call in calls(peer.host).values():
            with pytest.raises(errors.ConfigurationError) as caught:
                call()
            assert library.partition(",")[0] in str(caught.value) and "session" in str(caught.value)
    assert peer.calls == []
    for call in calls(peer.host).values():  # the library is imported, and no longer active
        call()
    assert len(peer.calls) == 3


PASSING: dict[str, Callable[[Path, str], Any]] = {
    "responses": lambda path, host: passing_responses(host),
    "requests_mock": lambda path, host: requests_mock.Mocker(real_http=True),
    "vcr": lambda path, host: cassette(path, ignore_hosts=["127.0.0.1"]),
    "pook": lambda path, host: pooked(network=True),
    "a session that is mocked alone": lambda path, host: requests_mock.Mocker(session=requests.Session()),
    "betamax": lambda path, host: betamax.Betamax(requests.Session(), str(path)).use_cassette("it"),
    "instrumentation": lambda path, host: instrumented(),
    "instrumentation of adapters": lambda path, host: wrapped(requests.adapters.HTTPAdapter, "send"),
}


@contextlib.contextmanager
def passing_responses(host: str) -> Iterator[None]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("GET", "http://elsewhere.example.com", body=b"mocked")
        mock.add_passthru("http://" + host)
        yield


@contextlib.contextmanager
def instrumented() -> Iterator[None]:
    RequestsInstrumentor().instrument()
    yield
    RequestsInstrumentor().uninstrument()


@pytest.mark.parametrize("library", PASSING)
def test_what_lets_the_service_pass_is_no_reason_to_refuse(library: str, peer: Peer, tmp_path: Path) -> None:
    with PASSING[library](tmp_path, peer.host):
        for call in calls(peer.host).values():
            call()
    assert len(peer.calls) == 3


def test_a_filter_that_cannot_take_the_question_lets_nothing_pass(peer: Peer, tmp_path: Path) -> None:
    def refuse(request: Any) -> None:
        raise ValueError(request.body)

    with cassette(tmp_path, before_record_request=refuse):
        for call in calls(peer.host).values():
            with pytest.raises(errors.ConfigurationError):
                call()
    assert peer.calls == []


def test_nothing_is_looked_at_where_no_such_library_is_loaded() -> None:
    program = (
        "import sys; from ucloud.uvideo import filemanager; from ucloud.uvideo.http import mocks;"
        "mocks.check('http://127.0.0.1:1'); print('requests' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=patience.SECONDS, check=True
    )
    assert found.stdout == "False\n"


def test_a_module_of_the_program_may_have_such_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    for name in ("responses", "requests_mock", "vcr", "httpretty", "pook"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    mocks.check("http://127.0.0.1:1")


# Through a session


def files() -> filemanager.FileManager:
    made = filemanager.FileManager("p", "s")
    carrier_of(made).sleep = lambda seconds: None
    return made


def put_and_get(target: Path) -> None:
    resp = files().putstream("space", "a key", io.BytesIO(DATA))[1]
    assert resp.ok() and resp.etag == ETAG.value(), resp
    resp = files().download_file("space", "a key", str(target))[1]
    assert resp.ok(), resp
    assert target.read_bytes() == DATA


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        config.set_default(uploadsuffix=HOST, downloadsuffix=HOST, session=made)
        yield made


HEADERS = {"ETag": f'"{ETAG.value()}"'}


def test_responses_answers(session: requests.Session, tmp_path: Path) -> None:
    with responses.RequestsMock() as mock:
        mock.add(
            responses.PUT,
            f"http://{HOST}/uvideoUploads/a%20key",
            headers=HEADERS,
            match=[
                responses.matchers.header_matcher({"Bucket": "space"}),
            ],
        )
        mock.add(responses.GET, f"http://{HOST}/a%20key", body=DATA, headers=HEADERS)
        put_and_get(tmp_path / "target")
        assert mock.calls[0].request.body == DATA
        assert mock.calls[0].request.headers["Authorization"].startswith("AutoAI p:")


def test_responses_can_fail_and_that_is_tried_again(session: requests.Session) -> None:
    with responses.RequestsMock() as mock:
        url = f"http://{HOST}/uvideoUploads/k"
        mock.add(responses.HEAD, url, body=requests.ConnectionError("boom"))
        mock.add(responses.HEAD, url, body=requests.Timeout("boom"))
        mock.add(responses.HEAD, url, headers=HEADERS)
        assert files().head_file("space", "k")[1].ok()
        assert len(mock.calls) == 3


def test_requests_mock_answers(session: requests.Session, tmp_path: Path) -> None:
    with requests_mock.Mocker() as mock:
        mock.put(f"http://{HOST}/uvideoUploads/a%20key", headers=HEADERS)
        mock.get(f"http://{HOST}/a%20key", content=DATA, headers=HEADERS)
        put_and_get(tmp_path / "target")
        assert mock.request_history[0].body == DATA


@pytest.mark.parametrize("library", ["responses", "requests_mock", "vcr", "pook"])
def test_a_request_without_a_mock_is_named_at_once_without_its_signature(
    library: str, session: requests.Session, tmp_path: Path
) -> None:
    recorded = cassette(tmp_path, record_mode="none") if library == "vcr" else ACTIVE[library](tmp_path)
    with recorded:
        resp = files().download_file("space", "unknown", str(tmp_path / "target"))[1]
    assert resp.status_code == -3
    assert f"GET http://{HOST}/unknown" in resp.error and "Signature" not in resp.error


def test_bytes_that_a_mock_answers_are_verified(session: requests.Session, tmp_path: Path) -> None:
    with requests_mock.Mocker() as mock:
        mock.get(f"http://{HOST}/k", content=DATA + b"!", headers=HEADERS)
        mock.put(f"http://{HOST}/uvideoUploads/k", headers={"ETag": '"AQAAAGXPfL0MYiS9lMlUVtcdWyM1ZfuS"'})
        assert files().download_file("space", "k", str(tmp_path / "target"))[1].status_code == -2
        assert files().putstream("space", "k", io.BytesIO(DATA))[1].status_code == -2
    assert not (tmp_path / "target").exists()


def transfer(pair: tuple[str, str], space: str, source: Path, target: Path) -> None:
    resp = spacemanager.BucketManager(*pair).createspace(space)[1]
    assert resp.ok(), resp
    resp = multipartuploaduvideo.MultipartUploadUVideo(*pair).uploadfile(space, "a/../b.mp4", str(source), 1)[1]
    assert resp.ok(), resp
    resp = downloaduvideo.DownloadUVideo(*pair).download_file(space, "a/../b.mp4", str(target))[1]
    assert resp.ok(), resp
    assert target.read_bytes() == source.read_bytes()


def test_vcr_records_and_replays_whole_transfers(server: Server, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * (BLOCK // 256) + b"and more")
    pair, space = (server.public_key, server.private_key), "recorded-" + uuid.uuid4().hex[:16]
    config.set_default(uploadsuffix=server.host, downloadsuffix=server.host)
    with cassette(tmp_path) as recorded:
        config.set_default(session=requests.Session())
        transfer(pair, space, source, target)
        assert len(recorded) >= 6  # create, initiate, two parts, finish, download
    target.unlink()
    secret = server.private_key.encode()
    assert secret not in (tmp_path / "cassette.yaml").read_bytes()
    with cassette(tmp_path, record_mode="none") as replayed:
        config.set_default(session=requests.Session())
        transfer(pair, space, source, target)
        assert replayed.all_played
    assert http.client.HTTPConnection.__module__ == "http.client"


def test_instrumentation_sees_every_request_and_its_headers_go_along(peer: Peer) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    RequestsInstrumentor().instrument(tracer_provider=provider)
    try:
        config.set_default(session=requests.Session())
        assert files().head_file("space", "k")[1].ok()
    finally:
        RequestsInstrumentor().uninstrument()
    assert [span.name for span in spans.get_finished_spans()] == ["HEAD"]
    assert "traceparent" in peer.calls[0].requests[0][1]
