"""What is to be seen of a server: metrics that add up, an access log by session id, readiness that is true."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.cluster.program import until
from test.interpreters import ROOT
from test.server.wire import BLOCK, Peer, connect, head, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import errors, operation
from uvideo.server.ops import gauges, prometheus_text
from uvideo.server.ops.gauges import Gauges
from uvideo.server.ops.metrics import BUCKETS, CODES, SHOWN, STORES, VALUES, Metrics
from uvideo.storage.base import OpenUploads, Unreachable

LINE = re.compile(r"([a-z_]+)(?:\{([^}]*)\})? (-?[0-9.e+]+)")
NAME = re.compile(r"\b(?:uvideo|process)_[a-z_]+\b")


def asked(server: Server, path: str) -> tuple[int, str]:
    address = ("127.0.0.1", server.admin_port)
    connection: http.client.HTTPConnection
    if server.admin.startswith("https:"):
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(*address, timeout=patience.SECONDS, context=unchecked)
    else:
        connection = http.client.HTTPConnection(*address, timeout=patience.SECONDS)
    with contextlib.closing(connection):
        return said(connection, path)


def said(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def parsed(text: str) -> dict[tuple[str, str], float]:
    """{(name, labels): value}; every line has the form of Prometheus, and every family its HELP and TYPE."""
    found, told = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            told.add(tuple(line.split(" ", 3)[1:3]))
            continue
        match = LINE.fullmatch(line)
        assert match, line
        name = re.sub("_(bucket|sum|count)$", "", match[1]) if "_seconds" in match[1] else match[1]
        assert {("HELP", name), ("TYPE", name)} <= told, line
        assert (match[1], match[2] or "") not in found, f"twice: {line}"
        found[match[1], match[2] or ""] = float(match[3])
    return found


def test_the_metrics_add_up(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        peer = Peer(server)
        space = peer.space()
        for number in range(20):
            peer.do(operation.PutObject(space, str(number)), pattern(20_000 if number % 2 else 10))
            assert peer.call(operation.GetObject(space, str(number))).status == 200
        for _ in range(3):
            assert peer.call(operation.GetObject(space, "none")).status == 404
        peer.upload(space, "film", pattern(BLOCK + 9))
        upload = peer.do(operation.InitiateUpload(space, "given up"))
        peer.do(operation.AbortUpload(space, "given up", upload.upload_id))
        patience.until(lambda: "uvideo_requests_in_flight 0\n" in asked(server, "/metrics")[1])  # all are counted
        status, text = asked(server, "/metrics")
    found = parsed(text)
    assert status == 200
    assert found["uvideo_requests_total", 'method="GET",status="200"'] == 21  # one of them made the space
    assert found["uvideo_errors_total", f'code="{errors.NotFound.ret_code}"'] == 3
    assert found["uvideo_request_seconds_count", 'method="GET"'] == 24
    assert found["uvideo_request_seconds_bucket", 'method="GET",le="+Inf"'] == 24
    steps = [found["uvideo_request_seconds_bucket", f'method="GET",le="{bound}"'] for bound in BUCKETS]
    assert steps == sorted(steps) and 0 < found["uvideo_request_seconds_sum", 'method="GET"'] < 60
    for store in STORES:
        assert found["uvideo_store_seconds_count", f'store="{store}"'] > 0, store
    assert found["uvideo_uploads_begun_total", ""] == 2
    assert found["uvideo_uploads_finished_total", ""] == found["uvideo_uploads_aborted_total", ""] == 1
    assert found["uvideo_received_bytes_total", ""] >= 10 * 20_010 + BLOCK + 9
    assert time.time() - found["uvideo_gc_last_run_seconds", ""] < 60


def test_every_code_and_value_has_its_place() -> None:
    metrics = Metrics(0, 2)
    metrics.take(1)
    metrics.begin()
    metrics.end("BREW", 418, 1, 2, 99.0)
    for code in (*CODES, -999999, None):
        metrics.refused(code)
    for name in VALUES:
        metrics.set(name, 3)
    for store in STORES:
        cells, first, _ = metrics.place(store)
        cells[first + BUCKETS.index(0.005)] += 1
    found = parsed(prometheus_text.text(metrics.families()))
    assert found["uvideo_requests_total", 'method="other",status="other"'] == 1
    assert found["uvideo_request_seconds_bucket", 'method="other",le="10.0"'] == 0
    assert found["uvideo_errors_total", 'code="other"'] == 3
    assert all(found[name, ""] == 3 for name in VALUES)
    assert all(found["uvideo_store_seconds_bucket", f'store="{store}",le="0.005"'] == 1 for store in STORES)


def test_the_connections_of_all_workers_are_counted() -> None:
    metrics = Metrics(0, 2)
    for worker, count in ((0, 3), (1, 4)):
        metrics.take(worker)
        metrics.set("uvideo_connections_limit", 5)
        metrics.set("uvideo_connections_open", count)
    found = parsed(prometheus_text.text(metrics.families()))
    assert (found["uvideo_connections_open", ""], found["uvideo_connections_limit", ""]) == (7, 10)
    assert not metrics.is_crowded()
    metrics.set("uvideo_connections_open", 5)
    metrics.take(0)
    assert metrics.is_crowded()
    metrics.take(1)
    assert (
        not metrics.is_crowded()
        and parsed(prometheus_text.text(metrics.families()))["uvideo_connections_open", ""] == 0
    )


def test_open_connections_are_seen(tmp_path: Path) -> None:
    def seen() -> tuple[float, float]:
        found = parsed(asked(server, "/metrics")[1])
        return found["uvideo_connections_open", ""], found["uvideo_connections_limit", ""]

    with start_server(tmp_path, "--no-fsync", "--workers", "2", "--connections", "7") as server:
        assert until(lambda: seen() == (0, 14), 60)
        with connect(server.port), connect(server.port), connect(server.port):
            assert until(lambda: seen() == (3, 14), 60)
        assert until(lambda: seen() == (0, 14), 60)


def test_open_uploads_are_seen(tmp_path: Path) -> None:
    def seen() -> list[float]:
        found = parsed(asked(server, "/metrics")[1])
        return [found[f"uvideo_uploads_{name}", ""] for name in ("open", "open_bytes", "stale", "stale_bytes")]

    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        peer = Peer(server)
        space = peer.space()
        uploads = [peer.do(operation.InitiateUpload(space, str(number))) for number in range(3)]
        part = peer.do(operation.UploadPart(space, "0", uploads[0].upload_id, 0), pattern(1000))
        peer.do(operation.UploadPart(space, "1", uploads[1].upload_id, 0), pattern(50))
        with sqlite3.connect(tmp_path / "catalog.db") as db:
            for name in ("uploads", "parts"):
                db.execute(
                    f"UPDATE {name} SET created = created - 8 * 86400 WHERE upload_id = ?", (uploads[1].upload_id,)
                )
        db.close()
        assert until(lambda: seen() == [3, 1050, 1, 50], 60)
        peer.do(operation.FinishUpload(space, "0", uploads[0].upload_id, (part.etag,)))
        peer.do(operation.AbortUpload(space, "1", uploads[1].upload_id))
    with start_server(tmp_path, "--no-fsync") as server:
        assert until(lambda: seen() == [1, 0, 0, 0], 60)


def test_who_looks_at_the_metrics_does_not_wait_for_the_catalog() -> None:
    """It may be away, or count for long: the last values are shown, and it is not asked again the more often."""
    now, asked_for, metrics = [0.0], list[int](), Metrics(0)

    class Slow:
        answer: Any = None

        async def open_uploads(self, before: int) -> OpenUploads:
            asked_for.append(before)
            if isinstance(self.answer, Exception):
                raise self.answer
            if self.answer is None:
                await going.wait()
                now[0] += 10.0
            return OpenUploads(len(asked_for), 0, 0, 0)

    def count() -> float:
        return parsed(prometheus_text.text(metrics.families()))["uvideo_uploads_open", ""]

    async def story() -> None:
        nonlocal going
        going, slow = asyncio.Event(), Slow()
        look = gauges.uploads_look(slow, metrics, clock=lambda: 1_000_000.0)  # type: ignore[arg-type]
        made = Gauges({"open uploads": gauges.Turn(look)}, metrics, ticks=lambda: now[0])
        patience, gauges.PATIENCE = gauges.PATIENCE, 0.01
        try:
            await asyncio.gather(*(made.refresh() for _ in range(5)))
        finally:
            gauges.PATIENCE = patience
        assert asked_for == [1_000_000 - gauges.STALE] and count() == 0
        going.set()
        await made.refresh()
        assert count() == 1 and len(asked_for) == 1
        now[0] += gauges.SHARE * 10.0 - 1
        await made.refresh()
        assert len(asked_for) == 1
        for answer in (Unreachable("away"), ValueError("wrong"), 1):
            slow.answer = answer
            now[0] += 1000.0
            await made.refresh()
            assert count() == (4 if answer == 1 else 1)
        slow.answer, now[0] = None, now[0] + 1000.0
        going.clear()
        waiting = asyncio.create_task(made.refresh())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await made.close()
        await waiting

    going: Any = None
    asyncio.run(story())
    assert len(asked_for) == 5


def test_the_access_log_has_the_session_of_the_answer(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--access-log") as server:
        peer = Peer(server)
        space = peer.space()
        answers = [
            peer.call(operation.PutObject(space, 'a "b"\n视频'), b"12345"),
            peer.call(operation.GetObject(space, "none")),
            peer.send("GET", "/x?Signature=s3cret&UCloudPublicKey=a&Expires=1", host=f"{space}.x"),
        ]
        deadline, lines = time.monotonic() + 60, dict[str, Any]()
        while len(lines) < 3 and time.monotonic() < deadline:
            found = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
            lines = {each["id"]: each for each in found if each["space"]}
        text = server.log.read_text()
    assert "s3cret" not in text
    for got, key in zip(answers, ('a "b"\n视频', "none", ""), strict=True):
        line = lines[got.header("X-SessionId") or ""]
        assert (line["status"], line["space"], line["key"]) == (got.status, space, key)
        assert line["remote"] == "127.0.0.1" and 0 < line["seconds"] < 20 and abs(line["time"] - time.time()) < 60
    assert lines[answers[0].header("X-SessionId") or ""]["received"] == 5


def test_readiness_is_true(tmp_path: Path) -> None:
    place = os.statvfs(tmp_path)
    most = place.f_blocks * place.f_frsize / (1 << 20)
    with start_server(tmp_path / "full", "--no-fsync", "--headroom", str(most)) as server:
        assert asked(server, "/readyz") == (200, "ok\nwrites: false\n")
        assert asked(server, "/healthz")[0] == 200
    with start_server(tmp_path / "stopping", "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        # No connection is taken any more once the server stops.
        kept = http.client.HTTPConnection(
            "127.0.0.1", server.admin_port, timeout=patience.SECONDS
        )  # none is taken later
        signed = ("Authorization", peer.signed("PUT", space, "k"))
        with contextlib.closing(kept), connect(server.port) as sock:
            assert said(kept, "/readyz") == (200, "ok\n")
            sock.sendall(head("PUT", "/k", [("Host", f"{space}.x"), signed, ("Content-Length", "5")]) + b"12")
            patience.until(lambda: "uvideo_requests_in_flight 1" in said(kept, "/metrics")[1])
            server.process.send_signal(signal.SIGTERM)
            patience.until(lambda: said(kept, "/readyz")[0] != 200)
            assert said(kept, "/readyz") == (503, "server: stopping\n")
            sock.sendall(b"345")
            assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(patience.SECONDS) == 0


# The examples

EXAMPLES = ROOT / "docs" / "monitoring"


def shown() -> set[str]:
    """Every name of a sample that a server can show."""
    metrics = Metrics(0)
    metrics.begin()
    metrics.end("GET", 200, 1, 1, 0.1)
    metrics.refused(0)
    for store in STORES:
        cells, first, _ = metrics.place(store)
        cells[first] += 1
    for name in SHOWN:
        metrics.show(name, prometheus_text.Sample(1))
    return {name for name, _ in parsed(prometheus_text.text(metrics.families()))}


def test_the_dashboard_asks_for_what_there_is() -> None:
    found = json.loads((EXAMPLES / "dashboard.json").read_text())
    asked_for = set()
    for panel in found["panels"]:
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")
            assert "$instance" in target["expr"]
            asked_for |= set(NAME.findall(target["expr"]))
    assert asked_for <= shown(), asked_for - shown()
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in shown()}
    seen = {re.sub("_(bucket|sum|count)$", "", name) for name in asked_for}
    beside = {name for name in SHOWN if name.startswith(("uvideo_account_", "uvideo_space_", "uvideo_usage_"))}
    assert families - seen <= {"uvideo_storage_failures_total", *VALUES, *beside}, families - seen
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", ["alerts.yml", "alerts-backup.yml"])
def test_the_alerts_ask_for_what_there_is_and_the_documents_have_each(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    names = re.findall(r"^      - alert: (\w+)$", text, re.MULTILINE)
    assert names and len(names) == len(set(names)) == text.count("severity:") == text.count("summary:")
    assert set(NAME.findall(text)) <= shown(), set(NAME.findall(text)) - shown()
    section = (ROOT / "docs" / "operate.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(Uvideo\w+)` \|", section, re.MULTILINE)
    assert set(names) <= set(told), set(names) - set(told)


def test_no_row_is_of_an_alert_that_is_gone() -> None:
    text = "".join(path.read_text() for path in EXAMPLES.glob("*.yml"))
    section = (ROOT / "docs" / "operate.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    for name in re.findall(r"^\| `(Uvideo\w+)` \|", section, re.MULTILINE):
        assert f"- alert: {name}\n" in text, name
