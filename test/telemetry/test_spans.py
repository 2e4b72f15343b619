"""Spans as the SDK's exporter gets them, of clients and of a server that know nothing of each other but the wire."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from test import patience
from test.fakes import FaultProxy
from test.interpreters import ROOT
from test.patience import until
from test.server.inprocess import PRIVATE, PUBLIC, Running, running
from test.server.wire import BLOCK, Peer, connect, head, pattern
from test.server_fixture import start_server
from ucloud.uvideo.protocol import dialect, operation, provider, signature
from uvideo import AsyncClient, Client, Retry, TransferManager, errors
from uvideo.config import telemetry
from uvideo.server.http.spans import Spans, set_up

CLIENT, SERVER = trace.SpanKind.CLIENT, trace.SpanKind.SERVER


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InMemorySpanExporter:
    """What gets every span; the provider is set for this test only."""
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    found, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    assert telemetry.is_on()
    return found


@pytest.fixture
def server(exporter: InMemorySpanExporter, tmp_path: Path) -> Iterator[Running]:
    async def made() -> Spans:
        return Spans()

    with running(tmp_path / "server", spans=asyncio.run(made())) as started:
        yield started


def client_of(server: Running, port: int = 0, **options: object) -> Client:
    return Client(PUBLIC, PRIVATE, endpoint=f"127.0.0.1:{port or server.port}", **options)


def settled(exporter: InMemorySpanExporter, server: Running) -> list[ReadableSpan]:
    """All spans; the server ends its own a moment after the client has its answer."""
    deadline = threading.Event()
    for _ in range(500):
        if not server.metrics.counts().in_flight:
            break
        deadline.wait(0.01)
    spans = list(exporter.get_finished_spans())
    exporter.clear()
    return spans


def below(spans: list[ReadableSpan], parent: ReadableSpan) -> list[ReadableSpan]:
    return [each for each in spans if each.parent is not None and each.parent.span_id == parent.context.span_id]


def test_an_operation_has_a_try_and_that_the_request(exporter: InMemorySpanExporter, server: Running) -> None:
    with client_of(server) as client:
        space = client.create_space("spans").name
        settled(exporter, server)
        client.put(space, "a secret key", b"12345")
        spans = settled(exporter, server)
        (top,) = (each for each in spans if each.parent is None)
        assert top.name == "PutObject" and top.attributes == {"uvideo.space": "spans"}
        (attempt,) = below(spans, top)
        (request,) = below(spans, attempt)
        assert len(spans) == 3
        assert (attempt.name, attempt.kind, request.name, request.kind) == ("PutObject", CLIENT, "PutObject", SERVER)
        session = request.attributes["uvideo.request_id"]
        assert dict(attempt.attributes) == {
            "uvideo.space": "spans",
            "http.request.method": "PUT",
            "server.address": f"127.0.0.1:{server.port}",
            "http.request.body.size": 5,
            "http.response.status_code": 200,
            "http.response.body.size": 0,
            "uvideo.request_id": session,
        }
        assert dict(request.attributes) == {
            "http.request.method": "PUT",
            "uvideo.request_id": session,
            "http.response.status_code": 200,
            "http.request.body.size": 5,
            "http.response.body.size": 0,
            "uvideo.space": "spans",
        }
        assert client.get(space, "a secret key").data == b"12345"
        spans = settled(exporter, server)
        assert [each.name for each in spans] == 3 * ["GetObject"]
        assert {each.context.trace_id for each in spans} == {spans[0].context.trace_id} != {top.context.trace_id}
        assert all("secret" not in each.to_json() and PRIVATE not in each.to_json() for each in spans)


def test_they_belong_to_what_the_program_is_doing(exporter: InMemorySpanExporter, server: Running) -> None:
    with client_of(server) as client, trace.get_tracer("program").start_as_current_span("work") as work:
        space = client.create_space("spans").name
        client.delete_many(space, ["a", "b"])
        with TransferManager(client, jobs=2) as manager:
            manager.upload(space, "c", b"c").result()
    spans = settled(exporter, server)
    assert {each.context.trace_id for each in spans} == {work.get_span_context().trace_id}
    names = sorted(each.name for each in below(spans, work))
    assert names == ["CreateSpace", "DeleteObject", "DeleteObject", "Upload"]


def test_a_transfer_has_its_parts_below_it(exporter: InMemorySpanExporter, server: Running, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(pattern(3 * BLOCK + 1))
    with client_of(server) as client:
        space = client.create_space("spans").name
        settled(exporter, server)
        client.upload(space, "film", path, part_jobs=3)
        spans = settled(exporter, server)
        (top,) = (each for each in spans if each.parent is None)
        assert top.name == "Upload"
        under = below(spans, top)
        assert sorted(each.attributes["uvideo.part"] for each in under if each.name == "UploadPart") == [0, 1, 2, 3]
        assert {each.name for each in under} == {"InitiateUpload", "UploadPart", "FinishUpload"}
        assert len([each for each in spans if each.kind is SERVER]) == 6
        client.download(space, "film", tmp_path / "back", part_jobs=3)
        spans = settled(exporter, server)
        (top,) = (each for each in spans if each.parent is None)
        gets = below(spans, top)
        assert top.name == "Download" and {each.name for each in gets} == {"GetObject"}
        assert sum(each.attributes["http.response.body.size"] for each in gets) >= 3 * BLOCK + 1
        with client.open(space, "film") as file:
            file.seek(BLOCK)
            assert len(file.read(10)) == 10
        spans = settled(exporter, server)
        assert [each.name for each in spans if each.kind is CLIENT] == ["HeadObject", "GetObject"]


def test_a_client_that_went_away_is_seen_as_499(exporter: InMemorySpanExporter, server: Running) -> None:
    with client_of(server) as client:
        space = client.create_space("spans").name
    settled(exporter, server)
    peer = Peer(server)
    with connect(server.port) as sock:
        given = [
            ("Host", f"{space}.x"),
            ("Content-Length", "100000"),
            ("Authorization", peer.signed("PUT", space, "k")),
        ]
        sock.sendall(head("PUT", "/k", given) + b"the beginning")
        until(lambda: any(each.received for each in server.app.watch.active))
    until(exporter.get_finished_spans)
    (span,) = settled(exporter, server)
    assert (span.name, span.attributes["http.response.status_code"]) == ("PutObject", 499)
    assert span.attributes["http.request.body.size"] == len(b"the beginning")
    assert span.status.status_code is StatusCode.ERROR


def test_a_client_that_leaves_in_the_middle_of_an_answer_is_seen_too(
    exporter: InMemorySpanExporter, server: Running
) -> None:
    with client_of(server) as client:
        space = client.create_space("spans").name
        client.put(space, "k", pattern(64 << 20))
    settled(exporter, server)
    with connect(server.port) as sock:
        signed = ("Authorization", Peer(server).signed("GET", space, "k"))
        sock.sendall(head("GET", "/k", [("Host", f"{space}.x"), signed]))
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    until(exporter.get_finished_spans)
    (span,) = settled(exporter, server)
    assert (span.name, span.attributes["http.response.status_code"]) == ("GetObject", 499)


def test_a_refusal_is_no_error_of_the_server(exporter: InMemorySpanExporter, server: Running) -> None:
    with client_of(server) as client:
        space = client.create_space("spans").name
        settled(exporter, server)
        with pytest.raises(errors.NotFound):
            client.stat(space, "absent")
    spans = [each for each in settled(exporter, server) if each.kind is SERVER]
    assert [each.attributes["http.response.status_code"] for each in spans] == [404]
    assert spans[0].status.status_code is StatusCode.UNSET


def test_each_try_is_seen(exporter: InMemorySpanExporter, server: Running) -> None:
    with FaultProxy("127.0.0.1", server.port) as proxy:
        port = int(proxy.endpoint.rpartition(":")[2])
        with client_of(server, port, retry=Retry(2, base=0.0)) as client:
            space = client.create_space("spans").name
            settled(exporter, server)
            proxy.on(operation.PutObject).answer(503)
            client.put(space, "key", b"1")
            spans = settled(exporter, server)
            (top,) = (each for each in spans if each.parent is None)
            first, second = below(spans, top)
            assert top.status.is_unset and second.status.is_unset and not first.status.is_ok
            assert first.attributes["error.type"] == "Unavailable"
            assert (first.attributes["http.response.status_code"], second.attributes["http.request.resend_count"]) == (
                *(503, 1),
            )
            assert below(spans, first) == [] and len(below(spans, second)) == 1


def test_a_refusal_is_said_by_code_and_never_by_text(exporter: InMemorySpanExporter, server: Running) -> None:
    with client_of(server) as client:
        space = client.create_space("spans").name
        settled(exporter, server)
        with pytest.raises(errors.NotFound):
            client.stat(space, "a private name")
        with pytest.raises(errors.SpaceExists):
            client.create_space(space)
    top, attempt, request, *management = sorted(settled(exporter, server), key=lambda each: each.start_time)
    for each in (top, attempt):
        assert each.attributes["error.type"] == each.status.description == "NotFound" and each.events == ()
    assert attempt.attributes["http.response.status_code"] == request.attributes["http.response.status_code"] == 404
    assert request.attributes["uvideo.ret_code"] == errors.NotFound.ret_code and request.status.is_unset
    assert management[-1].attributes["uvideo.ret_code"] == errors.SpaceExists.action_code
    assert [each.name for each in management] == 3 * ["CreateSpace"]
    assert not any("private" in each.to_json() for each in (top, attempt, request))


def test_the_async_client_makes_the_same(exporter: InMemorySpanExporter, server: Running, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(pattern(3 * BLOCK))

    async def work() -> None:
        async with AsyncClient(PUBLIC, PRIVATE, endpoint=f"127.0.0.1:{server.port}") as client:
            space = (await client.create_space("spans")).name
            with trace.get_tracer("program").start_as_current_span("work"):
                await asyncio.gather(*(client.put(space, str(number), b"12345") for number in range(4)))
                await client.upload(space, "film", path)
                assert (await client.get(space, "1")).data == b"12345"
                with pytest.raises(errors.NotFound):
                    await client.get(space, "none")

    asyncio.run(work())
    spans = settled(exporter, server)
    (top,) = (each for each in spans if each.name == "work")
    names = sorted(each.name for each in below(spans, top))
    assert names == ["GetObject", "GetObject", "PutObject", "PutObject", "PutObject", "PutObject", "Upload"]
    tries = [each for each in spans if each.kind is CLIENT]
    assert all(len(below(spans, each)) == 1 for each in tries) and len(tries) >= 9
    assert {each.attributes["error.type"] for each in spans if "error.type" in each.attributes} == {"NotFound"}


def test_the_header_is_sent_beside_the_signature(exporter: InMemorySpanExporter, server: Running) -> None:
    """With it, without it or with another one the request is the same: it is signed nowhere."""
    peer = Peer(server)
    space = peer.space()
    request = dialect.encode(operation.PutObject(space, "key"), provider.parse_suffix(f"127.0.0.1:{server.port}"))
    signed = signature.authorization(peer.credentials, request.method, space, "key", request.headers)
    for value in (None, f"00-{'1' * 32}-{'2' * 16}-01", "rubbish", "00-" + "0" * 32 + "-x", "x" * 9000):
        pairs = [*request.headers, ("Authorization", signed)]
        pairs += [("traceparent", value)] if value is not None else []
        assert peer.send("PUT", request.target, pairs, b"1").status == 200, value
    parents = [each.parent for each in settled(exporter, server) if each.name == "PutObject"]
    assert [parent and f"{parent.span_id:x}" for parent in parents] == [None, "2" * 16, None, None, None]


def test_what_names_no_operation_has_the_method_for_a_name(exporter: InMemorySpanExporter, server: Running) -> None:
    peer = Peer(server)
    assert peer.send("GET", "/?Action=Nonsense-of-a-stranger").status == 200
    assert peer.send("PATCH", "/pot").status >= 400
    assert [each.name for each in settled(exporter, server)] == ["GET", "HTTP"]


def test_without_a_provider_nothing_is_loaded_or_sent(tmp_path: Path) -> None:
    """In processes of their own: other tests have loaded it here."""
    program = (
        "import sys, asyncio, uvideo, uvideo.client.aio_carrier, uvideo.transfer.manager\n"
        "from ucloud.uvideo.engine import carrier\n"
        "host, public, private = sys.argv[1:]\n"
        "with uvideo.Client(public, private, endpoint=host) as client:\n"
        "    client.create_space('plain')\n"
        "    client.upload('plain', 'key', b'1')\n"
        "    assert type(carrier.carrier_of(client)) is carrier.Carrier\n"
        "import uvideo.server.process.main\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry') or 'spans' in name]\n"
        "import opentelemetry.trace, uvideo.config.telemetry\n"
        "assert not uvideo.config.telemetry.is_on()\n"
    )
    with start_server(tmp_path, "--no-fsync") as server:
        done = subprocess.run(
            [sys.executable, "-c", program, server.host, server.public_key, server.private_key],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=patience.SECONDS,
        )
        assert done.returncode == 0, done.stderr
        assert "opentelemetry" not in Path(f"/proc/{server.pid}/maps").read_text()


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP.  ``spans``: what came."""

    def __init__(self) -> None:
        self.spans: list[object] = []
        super().__init__(("127.0.0.1", 0), _Taker)


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        found = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in found.resource_spans:
            name = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
            self.server.spans += [(name, each) for scope in resource.scope_spans for each in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Not on stderr."""


def test_the_provider_of_a_server_exports_as_uvideo(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[TracerProvider]()
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    set_up()
    (provider,) = made
    assert provider.resource.attributes["service.name"] == "uvideo"
    provider.shutdown()


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.long), "2"])
def test_a_server_exports_to_a_collector(tmp_path: Path, workers: str) -> None:
    with Collector() as collector:
        taking = threading.Thread(target=collector.serve_forever, daemon=True)
        taking.start()
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
        with start_server(tmp_path, "--no-fsync", "--telemetry", "--workers", workers, env=env) as server:
            peer = Peer(server)
            space = peer.space()
            for number in range(10):
                peer.do(operation.PutObject(space, str(number)), b"12345")
            assert server.stop() == 0  # what was not exported is now
        collector.shutdown()
        log = server.log.read_text()
    spans = collector.spans
    assert sorted(each.name for _, each in spans) == ["CreateSpace"] + 10 * ["PutObject"]
    assert {name for name, _ in spans} == {"uvideo"}
    assert "Traceback" not in log and server.private_key not in repr(spans)


PROVIDER = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
line = lambda span: span.to_json(indent=None) + "\\n"
out = open(os.environ["TEST_SPANS"], "a", buffering=1)
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out, formatter=line)))
trace.set_tracer_provider(provider)
"""


def test_what_started_the_program_may_have_set_the_provider(tmp_path: Path) -> None:
    """As opentelemetry-instrument does it, for the server, forks included, and for the command."""
    (tmp_path / "sitecustomize.py").write_text(PROVIDER)
    spans, path = tmp_path / "spans", f"{tmp_path}:{ROOT}"
    env = {"PYTHONPATH": path, "TEST_SPANS": str(spans)}
    with start_server(tmp_path / "data", "--no-fsync", "--workers", "2", env=env) as server:
        space = Peer(server).space()
        done = subprocess.run(
            [sys.executable, "-m", "uvideo", "ls", f"uvideo://{space}"],
            env={
                **env,
                "HOME": str(tmp_path),
                "PATH": "/usr/bin",
                "UVIDEO_ENDPOINT": server.host,
                "UVIDEO_PUBLIC_KEY": server.public_key,
                "UVIDEO_PRIVATE_KEY": server.private_key,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=patience.SECONDS,
        )
        assert done.returncode == 0, done.stderr
        assert server.stop() == 0
    found = [json.loads(line) for line in spans.read_text().splitlines()]
    assert found[0]["name"] == "CreateSpace" and {each["name"] for each in found[1:]} == {"ListObjects"}
    asked, tried, answered = (
        [each for each in found[1:] if each["kind"] == f"SpanKind.{kind}"] for kind in ("INTERNAL", "CLIENT", "SERVER")
    )
    assert len(asked) == len(tried) == len(answered) > 0
    assert {each["parent_id"] for each in answered} == {each["context"]["span_id"] for each in tried}
    assert server.private_key not in spans.read_text()


def test_a_server_without_a_collector_serves_and_stops(tmp_path: Path) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with start_server(tmp_path, "--no-fsync", "--telemetry", env=env) as server:
        peer = Peer(server)
        assert peer.call(operation.PutObject(peer.space(), "key"), b"1").status == 200
        assert server.stop() == 0


def test_a_server_says_what_telemetry_needs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['opentelemetry.sdk'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "uvideo", "serve", str(tmp_path), "--port", "0", "--admin-port", "0", "--telemetry"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
    )
    assert done.returncode == 2 and "pip install 'uvideo[telemetry]' opentelemetry-sdk" in done.stderr
    assert "Traceback" not in done.stderr
