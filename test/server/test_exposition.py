"""The metrics of a running server, read by the parsers of others, and what the first worker sees of it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from test import patience
from test.descriptors import none_left_here
from test.server.test_maintenance import inside, told
from test.server.wire import Peer, connect, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo import __version__
from ucloud.uvideo.protocol import operation
from uvideo.server.ops import backup_record
from uvideo.server.ops.metrics import BUCKETS, Metrics
from uvideo.server.ops.prometheus_text import OPENMETRICS, TEXT, Family, Sample, openmetrics, text, wants_openmetrics
from uvideo.server.process.tls_certificate import Pem
from uvideo.server.process.vitals import Vitals

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, and some traffic."""
    folder = tmp_path_factory.mktemp("running")
    with start_server(folder, "--no-fsync", "--workers", "2", "--connections", "50", "--headroom", "3") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k"), pattern(20_000))
        assert peer.call(operation.GetObject(space, "none")).status == 404
        yield server


def scraped(server: Server, accept: str) -> tuple[str, str]:
    """(Content-Type, text)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=patience.SECONDS)
    connection.request("GET", "/metrics", headers={"Accept": accept})
    response = connection.getresponse()
    found = response.getheader("Content-Type", ""), response.read().decode()
    assert response.status == 200 and response.getheader("Vary") == "Accept"
    connection.close()
    return found


def values(families: Iterator[Metric]) -> Values:
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def seen(server: Server) -> Values:
    return values(read_openmetrics(scraped(server, PROMETHEUS)[1]))


def test_openmetrics_is_what_its_parser_reads(running: Server) -> None:
    patience.until(lambda: "uvideo_build_info" in scraped(running, PROMETHEUS)[1])  # a look that takes long comes later
    kind, said = scraped(running, PROMETHEUS)
    assert kind == OPENMETRICS and said.endswith("\n# EOF\n")
    families = {each.name: each for each in read_openmetrics(said)}
    assert families["uvideo_sent_bytes"].type == "counter" and families["uvideo_sent_bytes"].unit == "bytes"
    assert families["uvideo_build"].type == "info" and families["uvideo_request_seconds"].unit == "seconds"
    assert all(each.documentation for each in families.values())
    found = values(iter(families.values()))
    started = found["process_start_time_seconds", ()]
    created = {value for (name, _), value in found.items() if name.endswith("_created")}
    assert created == {started} and 0 < time.time() - started < 600
    bounds = [
        float(dict(labels)["le"])
        for name, labels in found
        if name == "uvideo_request_seconds_bucket" and ("method", "PUT") in labels
    ]
    assert bounds == [*BUCKETS, float("inf")] and bounds[-6:-1] == [30, 60, 120, 300, 600]


def test_both_formats_say_the_same(running: Server) -> None:
    kind, said = scraped(running, "text/plain")
    assert kind == TEXT and "EOF" not in said
    plain, other = values(read_text(said)), seen(running)
    assert set(plain) == {name for name in other if not name[0].endswith("_created")}
    assert plain["uvideo_requests_total", (("method", "PUT"), ("status", "200"))] == 1
    assert ("# TYPE uvideo_requests_total counter\n" in said) and ("# TYPE uvideo_build_info gauge\n" in said)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text; version=1.0.0", True),
        ('Application/OpenMetrics-Text; charset=utf-8; version="1.0.0"', True),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; version=2.0.0, text/plain", False),
        ("application/openmetrics-text; q=0, text/plain", False),
        ("application/openmetrics-text; q=0.3, text/plain; q=0.4", False),
        ("", False),
        ("*/*", False),
        (",;=;,q=,\x0bapplication/openmetrics-text;q=x", False),
        ("application/openmetrics-text;q=x;q", True),
    ],
)
def test_who_gets_openmetrics(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


def test_what_a_label_holds_is_escaped() -> None:
    odd = 'a"b\\c\nd{e="f"} 视频'
    family = Family("uvideo_odd_total", "counter", 'a "help"\\of\ntwo lines', [Sample(1, {"odd": odd})])
    (one,) = read_openmetrics(openmetrics([family], 0.0))
    assert one.samples[0].labels == {"odd": odd} and one.documentation == family.text
    (one,) = read_text(text([family]))
    assert one.samples[0].labels == {"odd": odd} and one.documentation == family.text


def test_the_first_worker_sees_the_machine(running: Server) -> None:
    found = seen(running)
    disk = shutil.disk_usage(running.dir)
    assert found["uvideo_disk_size_bytes", ()] == disk.total and found["uvideo_disk_headroom_bytes", ()] == 3 << 20
    assert 0 < found["uvideo_disk_free_bytes", ()] <= disk.total
    assert found["uvideo_workers", ()] == 2 and found["uvideo_connections_limit", ()] == 100
    assert 40 << 20 < found["process_resident_memory_bytes", ()] < 1 << 30
    assert 5 < found["process_open_fds", ()] < found["process_max_fds", ()]
    (labels,) = (dict(labels) for name, labels in found if name == "uvideo_build_info")
    assert labels["version"] == __version__ and int(labels["schema"]) >= 5 and labels["python"].startswith("3.")
    assert not [name for name in found if name[0].startswith(("uvideo_certificate", "uvideo_backup"))]


def test_readiness_is_shown_by_its_conditions(tmp_path: Path) -> None:
    def states() -> dict[str, float]:
        found = {dict(labels)["condition"]: value for (name, labels), value in seen(server).items() if name == READY}
        return {**found, "room": seen(server).get(("uvideo_writable", ()), -1)}

    READY = "uvideo_ready"
    well = dict.fromkeys(("serving", "connections", "descriptors", "writes", "blobs", "catalog", "room"), 1)
    with start_server(tmp_path, "--no-fsync", "--connections", "2") as server:
        patience.until(lambda: states() == well)
        with connect(server.port), connect(server.port):
            patience.until(lambda: states() == {**well, "connections": 0})
        os.rename(tmp_path / "incoming", tmp_path / "away")
        (tmp_path / "incoming").write_text("")
        patience.until(lambda: states() == {**well, "blobs": 0})


def test_a_backup_leaves_its_time(running: Server, tmp_path: Path) -> None:
    began = int(time.time())
    assert told(inside("backup", running.dir, tmp_path / "copy", "--json"))["objects"] == 1
    patience.until(lambda: began <= seen(running).get(("uvideo_backup_last_seconds", ()), 0) <= time.time())
    assert backup_record.last(tmp_path / "copy") is None
    backup_record.note(running.dir, 5.5)
    assert backup_record.last(running.dir) == 5
    assert told(inside("backed-up", running.dir, "--json"))["completed"].startswith("2")
    assert (backup_record.last(running.dir) or 0) >= began
    for wrong in ("", "[]", "{}", '{"completed": "x"}', '{"completed": 1e999}'):
        (running.dir / backup_record.NAME).write_text(wrong)
        assert backup_record.last(running.dir) is None
    patience.until(lambda: ("uvideo_backup_last_seconds", ()) not in seen(running))


def test_without_a_descriptor_the_metrics_of_the_machine_stay(tmp_path: Path) -> None:
    """A scrape that cannot read the time of the last backup does not say that there was none."""
    backup_record.note(tmp_path, 7)
    metrics = Metrics(0.0)
    metrics.take(0)
    vitals = Vitals(metrics, tmp_path, 0)

    async def looks() -> list[Values]:
        found = []
        for without in (contextlib.nullcontext, none_left_here):
            with without():
                await vitals.look()
                found.append(values(read_text(text(metrics.families()))))
        return found

    first, then = asyncio.run(looks())
    same = ("uvideo_backup_last_seconds", "process_resident_memory_bytes", "uvideo_workers")
    assert [then[name, ()] for name in same] == [first[name, ()] for name in same] and then[same[0], ()] == 7
    assert then["process_open_fds", ()] == then["process_max_fds", ()] < first["process_max_fds", ()]


def test_who_was_nowhere_is_told_so(tmp_path: Path) -> None:
    done = inside("backed-up", tmp_path)
    assert done.returncode == 2 and "is not a server's folder" in done.stderr and list(tmp_path.iterdir()) == []
    (tmp_path / "lock").touch()
    assert "recorded a backup that was complete at 20" in inside("backed-up", tmp_path).stdout
    assert backup_record.last(tmp_path) is not None
    (tmp_path / "last-backup.json").unlink()
    (tmp_path / "last-backup.json").mkdir()
    done = inside("backed-up", tmp_path)
    assert done.returncode == 2 and "last-backup.json cannot be written: Is a directory" in done.stderr


def test_the_end_of_the_certificate_is_shown(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "10", "-subj", "/CN=localhost"]
        + ["-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
        timeout=patience.SECONDS,
    )
    assert abs((Pem.read(cert, key).not_after or 0) - time.time() - 10 * 86400) < 600
    assert Pem.read(key, key).not_after is None


def test_a_worker_that_dies_is_counted(running: Server) -> None:
    before = seen(running)["uvideo_workers_died_total", ()]
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    os.kill(int(children[1]), 9)
    patience.until(lambda: seen(running)["uvideo_workers_died_total", ()] == before + 1)
    assert seen(running)["uvideo_workers", ()] == 2
