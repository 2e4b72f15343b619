"""No request makes a traceback, whatever it holds and wherever: on a folder, and on PostgreSQL."""

from __future__ import annotations

import ast
import http.client
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from test import patience
from test.cluster.postgres import Postgres
from test.hostile.values import calls, requests
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import json_document

STRIDE = int(os.environ.get("UVIDEO_TEST_STRIDE", "29"))  # every so many of them; prime to the sizes of the tables
KEYS = {
    "UVIDEO_SERVE_PUBLIC_KEY": "UVIDEOvalues",
    "UVIDEO_SERVE_PRIVATE_KEY": "private-key-of-the-values-0123456789abcdef",
}


def ask(port: int, data: bytes) -> int:
    """The status of the answer; 0 if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), patience.SECONDS) as sock:
        try:
            sock.sendall(data)
            answer = http.client.HTTPResponse(sock, method=data.partition(b" ")[0].decode())
            answer.begin()
        except (ConnectionError, http.client.HTTPException):
            return 0
        return answer.status


class Log:
    """What a server says from one look to the next."""

    def __init__(self, server: Server) -> None:
        self._path = server.log
        self._size = self._path.stat().st_size

    def more(self) -> str:
        if self._path.stat().st_size == self._size:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._size)
            data = file.read()
        self._size += len(data)
        return data.decode("utf-8", "replace")


def judge(server: Server, port: int, family: Iterable[tuple[str, bytes]]) -> int:
    """Send them one by one; how many there were."""
    log, count = Log(server), 0
    for name, data in family:
        status, said = ask(port, data), log.more()
        assert "Traceback" not in said and " ERROR " not in said, (name, status, said)
        assert 200 <= status < 500, (name, status, data[:300], said)
        count += 1
    return count


def storm(server: Server, stride: int) -> None:
    peer = Peer(server)
    space = peer.space()
    found = sample(requests(peer, space), stride)
    assert judge(server, server.port, found) > 29_000 / stride
    assert judge(server, server.admin_port, sample(calls(), stride)) > 2_000 / stride


def sample(family: Iterator[tuple[str, bytes]], stride: int) -> Iterator[tuple[str, bytes]]:
    """Every so many, and all of what once went wrong."""
    for number, (name, data) in enumerate(family):
        if number % stride == 0 or name.startswith("SecurityToken"):
            yield name, data


def test_no_value_makes_a_traceback(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--guesses", "0") as server:
        storm(server, STRIDE)


@pytest.mark.soak
def test_none_of_all_values_makes_a_traceback(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--guesses", "0") as server:
        storm(server, 1)


@pytest.mark.cluster
def test_no_value_makes_a_traceback_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    with postgres.database() as url:
        env = {"UVIDEO_SERVE_DATABASE": url, **KEYS}
        with start_server(tmp_path, "--no-fsync", "--guesses", "0", env=env) as server:
            peer = Peer(server)
            space = peer.space()
            family = ((name, data) for name, data in requests(peer, space) if "null" in name or "surrogate" in name)
            assert judge(server, server.port, (each for at, each in enumerate(family) if at % 3 == 0)) > 500
            storm(server, STRIDE)


@pytest.mark.parametrize(
    "text",
    (
        *("NaN", "Infinity", "-Infinity", "1e999", "[1e999]", '{"a": -1e999}', "9223372036854775808", "1" * 5000),
        *('"\\ud800"', '{"\\udfff": 1}', "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, '"\xff"', "", "[1", "'a'"),
    ),
)
def test_what_no_document_may_hold(text: str) -> None:
    with pytest.raises(ValueError):
        json_document.parse_json(text.encode("latin-1"))


def test_what_a_document_may_hold() -> None:
    wanted = [None, True, -1.5, 2**63 - 1, -(2**63), "\u00e9\U0001f600\0", {"a": [{}]}, 0.0]
    text = "[null, true, -1.5, 9223372036854775807, -9223372036854775808, "
    text += '"\u00e9\\ud83d\\ude00\\u0000", {"a": [{}]}, 1e-999]'
    assert json_document.parse_json(text.encode()) == wanted


#: Who reads JSON that the program itself has written, or that its user has.
OWN = {
    *(
        "server/auth/credentials.py",
        "server/http/faulty_app.py",
        "server/ops/audit_reader.py",
        "server/ops/request_log.py",
        "server/process/handover.py",
        "server/rules/buckets.py",
    ),
    *("storage/s3.py", "storage/schema.py"),
}


def test_the_server_reads_foreign_json_in_one_place() -> None:
    folders = [ROOT / "uvideo" / "server", ROOT / "uvideo" / "storage"]
    found = {
        path.relative_to(ROOT / "uvideo").as_posix()
        for path in (each for folder in folders for each in folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("loads", "load") and ast.unparse(node.value) == "json"
    }
    assert found == OWN
