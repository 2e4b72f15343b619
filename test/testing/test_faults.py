"""Each scripted fault, in a server and on the way to one: what a client gets, and what the server has done."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.interpreters import ROOT
from test.sdk import silence
from test.server.wire import Peer, connect, head
from ucloud.uvideo.protocol import etag, operation
from uvideo import Client, Retry, errors
from uvideo.cli.doctor_text import advice
from uvideo.diagnose.checks import examine
from uvideo.testing import TestServer, faults, serve

ONCE = Retry(0, 0.01, 0.05, 1.0, None, None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    with serve(tmp_path_factory.mktemp("faults")) as server:
        yield server


@pytest.fixture
def server(shared: TestServer) -> Iterator[TestServer]:
    yield shared
    try:
        shared.faults.check()
    finally:
        shared.faults.clear()


@pytest.fixture
def client(server: TestServer) -> Iterator[Client]:
    """One that does not try again."""
    with Client(server.public_key, server.private_key, endpoint=server.host, retry=ONCE, timeout=20) as made:
        yield made


@dataclass
class Place:
    """Where faults happen: in a server, or on the way to one.  ``silent()``: what silence.told asks."""

    on: Callable[..., Any]
    port: int
    public_key: str
    private_key: str
    silent: Callable[[], Container[object]]


@pytest.fixture(params=["server", "way"])
def place(server: TestServer, request: pytest.FixtureRequest) -> Iterator[Place]:
    keys, port = (server.public_key, server.private_key), int(server.endpoint.rpartition(":")[2])
    if request.param == "server":
        yield Place(server.faults.on, port, *keys, lambda: Happened(server.faults))
    else:
        with FaultProxy("127.0.0.1", port) as proxy:
            yield Place(proxy.on, proxy.port, *keys, proxy.held)


@pytest.fixture
def through(place: Place) -> Iterator[Client]:
    """A client on whose way faults happen, and which does not try again."""
    keys = place.public_key, place.private_key
    with Client(*keys, endpoint=f"127.0.0.1:{place.port}", retry=ONCE, timeout=20) as made:
        yield made


class Happened:
    """What silence.told asks: every connection counts as silent once all faults have happened."""

    def __init__(self, faults: faults.Faults) -> None:
        self._faults = faults

    def __contains__(self, port: object) -> bool:
        return all(each.happened for each in self._faults.report())


@pytest.fixture
def space(client: Client) -> str:
    return client.create_space(f"s{time.monotonic_ns()}").name


class Wire:
    """What wire.Peer asks of a server."""

    def __init__(self, server: TestServer) -> None:
        self.port = int(server.endpoint.rpartition(":")[2])
        self.public_key, self.private_key = server.public_key, server.private_key


def asked(place: Place, space: str, key: str, stop: int | None = None) -> tuple[dict[str, str], bytes, bool]:
    """(headers, body, whether it is whole) of a GET, as the bytes come; after ``stop`` bytes silence is awaited."""
    peer = Peer(place)
    signed = [("Host", f"{space}.x"), ("Authorization", peer.signed("GET", space, key))]
    fields: dict[str, str] = {}
    data, body = b"", b""
    with connect(peer.port) as sock:
        sock.settimeout(patience.SECONDS)
        sock.sendall(head("GET", "/" + key, signed))
        try:
            while not fields or len(body) < int(fields["Content-Length"]):
                piece = sock.recv(65536)
                if not piece:
                    break
                data += piece
                first, ended, body = data.partition(b"\r\n\r\n")
                if ended and not fields:
                    fields = dict(line.split(": ", 1) for line in first.decode().split("\r\n")[1:])
                if fields and stop is not None and len(body) >= stop:
                    sock.settimeout(0.15)
        except (TimeoutError, ConnectionResetError):
            pass
    return fields, body, len(body) == int(fields["Content-Length"])


def test_the_second_request_that_matches(server: TestServer, client: Client, space: str) -> None:
    server.faults.on("PutObject", nth=2).answer(503, message="go away")
    client.put(space, "a", b"1")
    with pytest.raises(errors.UVideoError, match="go away"):
        client.put(space, "b", b"2")
    assert not list(client.list(space, "b"))
    client.put(space, "b", b"2")


def test_a_browsers_question_takes_no_fault(server: TestServer, client: Client, space: str) -> None:
    peer, origin = Peer(Wire(server)), ("Origin", server.admin)
    server.faults.on().answer(500)
    told = peer.send("OPTIONS", f"/{space}/k", [origin, ("Access-Control-Request-Method", "PUT")])
    assert (told.status, told.header("Access-Control-Allow-Origin")) == (204, server.admin)
    got = peer.send("GET", f"/{space}/k", [origin])
    assert (got.status, got.header("Access-Control-Allow-Origin")) == (500, server.admin)  # the page can read it


def test_an_expired_signature_on_both_planes(server: TestServer, client: Client, space: str) -> None:
    server.faults.on("HeadObject").expired()
    server.faults.on("UpdateBucket").expired()
    for call in (lambda: client.stat(space, "a"), lambda: client.update_space(space, type="public")):
        with pytest.raises(errors.SignatureMismatch):
            call()


def test_a_part_that_is_there_already(server: TestServer, client: Client, space: str) -> None:
    begun = client.begin_upload(space, "a")
    server.faults.on("UploadPart", part=0).duplicate_part()
    peer = Peer(Wire(server))
    got = peer.call(operation.UploadPart(space, "a", begun.upload_id, 0), b"part")
    assert got.status == 500 and got.json()["RetCode"] == -1014
    assert [part.part for part in client.list_parts(space, begun.upload_id)] == [0]


def test_a_clock_that_is_wrong(server: TestServer, client: Client, space: str) -> None:
    client.put(space, "a", b"1")
    url = client.presign(space, "a", expires=60)
    server.faults.on("GetObject", space=space).clock_skew(3600)
    statuses = []
    dates = []
    for _ in range(2):
        connection = http.client.HTTPConnection(server.host, timeout=patience.SECONDS)
        connection.request("GET", url.partition(server.host)[2])
        response = connection.getresponse()
        statuses.append((response.status, response.read()))
        dates.append(parsedate_to_datetime(response.headers["Date"]).timestamp())
        connection.close()
    assert 3500 < dates[0] - dates[1] < 3700
    assert statuses[0][0] == 401 and b"expired" in statuses[0][1] and statuses[1] == (200, b"1")


def test_the_doctor_names_a_clock_that_is_wrong(server: TestServer) -> None:
    """By more than a client corrects."""
    server.faults.on().clock_skew(200_000, times=None)
    given = {"endpoint": server.host, "public_key": server.public_key, "private_key": server.private_key}
    every = {each.check: each for each in examine(options=given)}
    assert (every["clock"].verdict, every["clock"].code) == ("failed", "clock-behind")
    spaces = every["management"]
    assert (spaces.facts["error"], spaces.causes) == ("SignatureExpired", ("clock",))
    assert "signature expired: the clock of this machine is" in str(spaces.facts["message"])
    assert advice(spaces) == ["The clock of this machine is wrong: set it (timedatectl set-ntp true)."]


def test_latency(server: TestServer, client: Client, space: str) -> None:
    server.faults.on("ListObjects").latency(3)
    with silence.told(lambda: Happened(server.faults)), pytest.raises(errors.NoAnswer):
        list(client.list(space))
    assert list(client.list(space)) == []


@pytest.mark.parametrize(("after", "size"), [(0, 10), (512, 100_000), (1 << 20, 1000)])
def test_a_request_that_is_cut(
    place: Place, through: Client, client: Client, space: str, after: int, size: int
) -> None:
    place.on("PutObject", key="a").cut_after(after)
    with pytest.raises(errors.NoAnswer):
        through.put(space, "a", bytes(size))
    assert list(client.list(space)) == []


def test_a_delete_that_is_cut_is_not_done(place: Place, through: Client, client: Client, space: str) -> None:
    client.put(space, "a", b"1")
    place.on("DeleteObject").cut_after()
    with pytest.raises(errors.NoAnswer):
        through.delete(space, "a")
    assert client.get(space, "a").data == b"1"


def test_a_request_that_is_not_read(place: Place, through: Client, client: Client, space: str) -> None:
    place.on("PutObject", key="a").stall_after(10)
    with silence.told(place.silent), pytest.raises(errors.NoAnswer):
        through.put(space, "a", bytes(1000))
    assert list(client.list(space)) == []


def test_an_answer_that_is_lost_after_the_deed(place: Place, through: Client, client: Client, space: str) -> None:
    place.on("PutObject").lost_answer()
    with pytest.raises(errors.NoAnswer):
        through.put(space, "a", b"1")
    assert client.get(space, "a").data == b"1"


@pytest.mark.parametrize("size", [5000, 700_000])
@pytest.mark.parametrize("kind", ["truncate", "reset", "stall"])
def test_an_answer_that_breaks_off(place: Place, client: Client, space: str, kind: str, size: int) -> None:
    data = os.urandom(size)
    client.put(space, "a", data)
    getattr(place.on("GetObject", key="a"), kind)(1000)
    _, body, whole = asked(place, space, "a", 1000 if kind == "stall" else None)
    assert not whole and data.startswith(body) and len(body) in ((1000,) if kind != "reset" else range(1001))
    assert client.get(space, "a").data == data


@pytest.mark.parametrize("size", [5000, 700_000])
def test_a_flipped_bit_is_found_by_the_client(
    place: Place, through: Client, client: Client, space: str, size: int
) -> None:
    client.put(space, "a", bytes(size))
    place.on("GetObject", key="a").flip(size - 1, times=None)
    fields, body, whole = asked(place, space, "a")
    assert whole and body == bytes(size - 1) + b"\1"
    with pytest.raises(errors.IntegrityError):
        through.download(space, "a", os.devnull)


def test_a_header_set_and_taken_out(place: Place, client: Client, space: str) -> None:
    client.put(space, "a", b"1")
    place.on("GetObject").header("Content-Type", "text/x").header("ETag", None)
    assert asked(place, space, "a")[0]["Content-Type"] == "text/x"
    assert "ETag" not in asked(place, space, "a")[0]


def test_an_answer_of_its_own_and_then_another(place: Place, through: Client, client: Client, space: str) -> None:
    place.on("PutObject").answer(503, message="go away", headers={"Retry-After": "7"}).then(403, times=2)
    found = []
    for _ in range(3):
        with pytest.raises(errors.UVideoError) as caught:
            through.put(space, "a", b"2")
        found.append((caught.value.status, caught.value.retry_after))
    assert found == [(503, 7), (403, None), (403, None)]
    assert list(client.list(space)) == []
    through.put(space, "a", b"2")


def test_the_etag_of_other_bytes(server: TestServer, client: Client, space: str) -> None:
    server.faults.on("PutObject").wrong_etag()
    with pytest.raises(errors.IntegrityError):
        client.put(space, "a", b"1")
    begun = client.begin_upload(space, "b")
    server.faults.on("UploadPart").wrong_etag()
    got = Peer(Wire(server)).call(operation.UploadPart(space, "b", begun.upload_id, 0), b"part")
    wrong, right = (got.header("ETag") or "").strip('"'), etag.part_etag(hashlib.sha1(b"part").digest())
    assert got.status == 200 and len(wrong) == len(right) and wrong != right


def test_what_is_no_fault_is_refused(server: TestServer) -> None:
    for fields, text in (
        ({"do": "anser", "status": 503}, "did you mean 'answer'"),
        ({"do": "answer"}, "status is missing"),
        ({"do": "answer", "status": 99}, "200 to 599"),
        ({"do": "answer", "status": True}, "wrong type"),
        ({"do": "stall", "byte": 3}, "did you mean 'bytes'"),
        ({"do": "stall", "on": "PutObjekt"}, "did you mean 'PutObject'"),
        ({"do": "stall", "times": 0}, "1 or more"),
        ({"do": "stall", "nth": 0}, "counts from 1"),
        ({"do": "latency", "seconds": -1}, "0 to"),
        ({"do": "clock_skew", "seconds": float("inf")}, "-1000000000 to"),
        ({"do": {"a": "b"}}, "is not a fault"),
        ({"do": "header", "name": "a\r\nb", "value": "c"}, "not a header"),
    ):
        with pytest.raises(ValueError, match=text):
            server.faults.add(fields)
    connection = http.client.HTTPConnection(server.admin.partition("://")[2], timeout=patience.SECONDS)
    for kind, body, status in (
        ("application/json", b'[{"do": "nothing"}]', 400),
        ("application/json", b"{", 400),
        ("application/json", b"7", 400),
        ("text/plain", b"[]", 415),
    ):
        connection.request("POST", "/faults", body, {"Content-Type": kind})
        response = connection.getresponse()
        assert (response.status, b"Traceback" in response.read()) == (status, False)
    connection.close()
    assert server.faults.report() == ()


def test_a_server_without_faults_takes_none(tmp_path: Path) -> None:
    from test.server_fixture import start_server

    with start_server(tmp_path, "--no-fsync") as plain, pytest.raises(ValueError):
        faults.Faults(plain.admin).on("*").answer(503)


# As a file


TOML = """
[[fault]]
on = "CreateBucket"
do = "answer"
status = 500
times = "always"

[[fault]]
key = "k"
do = "wrong_etag"
"""


def started(folder: Path, script: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvideo", "serve", str(folder), "--port", "0", "--admin-port", "0"]
    return subprocess.Popen(
        [*command, "--faults", str(script), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_file_for_programs_in_other_languages(tmp_path: Path) -> None:
    script, same = tmp_path / "script.toml", tmp_path / "script.json"
    given = {"on": "CreateBucket", "do": "answer", "status": 500, "times": "always"}
    script.write_text(TOML)
    same.write_text(json.dumps({"fault": [given, {"key": "k", "do": "wrong_etag"}]}))
    assert faults.read(same) == faults.read(script) and len(faults.read(same)) == 2
    process = started(tmp_path / "data", script)
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    keys = json.loads((tmp_path / "data" / "credentials.json").read_text())
    with Client(keys["public_key"], keys["private_key"], endpoint=said["endpoint"], retry=ONCE) as client:
        with pytest.raises(errors.InternalError):
            client.create_space("films")
    found = faults.Faults(said["admin"]).report()
    assert [(each.matched, each.happened) for each in found] == [(1, 1), (0, 0)]
    process.send_signal(signal.SIGTERM)
    error = process.communicate(timeout=patience.SECONDS)[1].decode()
    assert process.returncode == 3 and "this fault never happened: * key='k': wrong_etag()" in error


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ('[{"do": "answer", "status": 503}, {"do": "x"}]', (), "fault 2: do = 'x' is not a fault"),
        ("[]", ("--workers", "2"), "needs --workers 1"),
        (None, (), "cannot be read"),
    ],
)
def test_a_server_does_not_start_with_a_file_that_is_wrong(
    tmp_path: Path, text: str | None, options: tuple[str, ...], expected: str
) -> None:
    script = tmp_path / "script.json"
    if text is not None:
        script.write_text(text)
    process = started(tmp_path / "data", script, *options)
    error = process.communicate(timeout=patience.SECONDS)[1].decode()
    assert process.returncode == 2 and expected in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("text", "expected"), [("{", "Expecting"), ('{"faults": []}', "'faults' is unknown"), ("7", "a list of tables")]
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, text: str, expected: str) -> None:
    script = tmp_path / "script.json"
    script.write_text(text)
    with pytest.raises(ValueError, match=expected) as caught:
        faults.read(script)
    assert str(script) in str(caught.value)


def test_the_port_of_the_faulty_server_is_free_again(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        port = Wire(server).port
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)
