"""Prometheus' own tool reads what we give to Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from test import patience
from test.cluster.program import find
from test.server.wire import Peer
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.ops.refusal_causes import CAUSES
from uvideo.storage import base

RULES = ROOT / "docs" / "monitoring" / "alerts.yml"
NEVER = RULES.with_name("alerts-backup.yml")


def promtool(*arguments: str, given: bytes = b"") -> str:
    """What it said.  AssertionError if it finds a fault."""
    done = subprocess.run(
        [find("promtool"), *arguments],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=patience.SECONDS,
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said


@pytest.mark.parametrize("path", [RULES, NEVER], ids=lambda path: str(path.stem))
def test_the_rules_are_rules(path: Path) -> None:
    text = path.read_text()
    count = text.count("- alert:") + text.count("- record:")
    assert f"{count} rules found" in promtool("check", "rules", str(path))


def test_the_metrics_are_as_they_should_be(tmp_path: Path) -> None:
    """Names, units, types, texts."""
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        peer.do(operation.PutObject(peer.space(), "k"), b"x")
        with urlopen(f"{server.admin}/metrics", timeout=patience.SECONDS) as answer:
            assert promtool("check", "metrics", given=answer.read()) == ""


ONE = 'instance="a"'
JOB = 'instance="a",job="uvideo"'
#: Of each alert: series (a value a minute, in promtool's notation), a minute in which it does not fire yet, and one in
#: which it does.
TIMES: dict[str, tuple[dict[str, str], int, int]] = {
    "UvideoDown": ({f"up{{{JOB}}}": "1 0x9"}, 2, 4),
    "UvideoRestarts": ({f"uvideo_unplanned_starts_total{{{ONE}}}": "7 7 8 8 9 9 10 10 10"}, 5, 6),
    "UvideoWorkersDie": ({f"uvideo_workers_died_total{{{ONE}}}": "0 0 0 1 1 1"}, 2, 3),
    "UvideoStorage": ({f'uvideo_ready{{condition="catalog",{ONE}}}': "1 1 0x9"}, 3, 5),
    "UvideoFull": ({f"uvideo_writable{{{ONE}}}": "1 1 0x9"}, 3, 5),
    "UvideoFilling": (
        {
            f"uvideo_disk_free_bytes{{{ONE}}}": "250-0.2x200",  # 1000 bytes, 12 an hour less: empty within a day
            f"uvideo_disk_size_bytes{{{ONE}}}": "1000x200",
            f"uvideo_disk_headroom_bytes{{{ONE}}}": "10x200",
        },
        25,
        60,
    ),
    "UvideoFails": (
        {
            f'uvideo_failures_total{{cause="unexpected",{ONE}}}': "0x5 0+2x30",
            f"uvideo_requests_total{{{ONE}}}": "0+100x40",
        },
        7,
        20,
    ),
    "UvideoSlow": (
        {
            f'uvideo_store_seconds_bucket{{store="catalog_write",le="0.5",{ONE}}}': "0+90x40",
            f'uvideo_store_seconds_bucket{{store="catalog_write",le="1.0",{ONE}}}': "0+100x40",
            f'uvideo_store_seconds_bucket{{store="catalog_write",le="+Inf",{ONE}}}': "0+100x40",
        },
        8,
        20,
    ),
    "UvideoDamaged": ({f'uvideo_failures_total{{cause="damaged",{ONE}}}': "0x5 1x9"}, 4, 6),
    "UvideoGuessed": ({f'uvideo_failures_total{{cause="guesses",{ONE}}}': "0x5 0+1x20"}, 8, 15),
    "UvideoThrottled": ({f'uvideo_failures_total{{cause="rate",{ONE}}}': "0x5 0+1x30"}, 14, 20),
    "UvideoCrowded": ({f"uvideo_connections_refused_total{{{ONE}}}": "0x5 0+1x20"}, 7, 12),
    "UvideoExhausted": ({f"process_open_fds{{{JOB}}}": "10 95x9", f"process_max_fds{{{JOB}}}": "100x10"}, 2, 4),
    "UvideoAudit": ({f'uvideo_failures_total{{cause="audit",{ONE}}}': "0x5 0+1x20"}, 7, 12),
    "UvideoStale": ({f"uvideo_uploads_stale_bytes{{{ONE}}}": "11000000000x99"}, 59, 61),
    "UvideoGarbage": (
        {
            f"uvideo_gc_last_run_seconds{{{ONE}}}": "60x199",
            f"uvideo_gc_failures_total{{{ONE}}}": "0x199",
            f"process_start_time_seconds{{{JOB}}}": "0x199",
        },
        130,
        133,
    ),
    "UvideoBackupOld": ({f"uvideo_backup_last_seconds{{{ONE}}}": "60x1700"}, 26 * 60, 26 * 60 + 10),
    "UvideoBackupNever": ({f"up{{{JOB}}}": "1x1700"}, 26 * 60 - 10, 26 * 60 + 10),
    "UvideoCertificate": ({f"uvideo_certificate_not_after_seconds{{{ONE}}}": f"{14 * 86400 + 600}x30"}, 19, 25),
}


#: Causes of uvideo_failures_total -> their alert; the others are for nobody to wake up.
FAILURES = {
    **dict.fromkeys(("disk", "readonly"), "UvideoStorage"),
    **dict.fromkeys(("descriptors", "memory"), "UvideoExhausted"),
    **dict.fromkeys(("contention", "upgrade"), None),
    "full": "UvideoFull",
    "unexpected": "UvideoFails",
    "guesses": "UvideoGuessed",
    "rate": "UvideoThrottled",
    "requests": "UvideoCrowded",
    "audit": "UvideoAudit",
    "damaged": "UvideoDamaged",
}
#: Conditions of uvideo_ready that do not hold -> their alert.
CONDITIONS = {
    "serving": None,
    "connections": "UvideoCrowded",
    "descriptors": "UvideoExhausted",
    "writes": "UvideoFails",
    "blobs": "UvideoStorage",
    "catalog": "UvideoStorage",
}


def summary(alert: str) -> str:
    text = RULES.read_text() + NEVER.read_text()
    found = re.search(rf'- alert: {alert}\n.*?severity: (\w+)\n.*?summary: "(.*?)"\n', text, re.DOTALL)
    assert found is not None
    return found[2].replace("{{ $labels.instance }}", "a")


def severity(alert: str) -> str:
    found = re.search(rf"- alert: {alert}\n.*?severity: (\w+)\n", RULES.read_text() + NEVER.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def firing(alert: str) -> dict[str, Any]:
    return {
        "exp_labels": {"severity": severity(alert), "instance": "a"},
        "exp_annotations": {"summary": summary(alert)},
    }


def test_every_cause_and_condition_fires_one_alert(tmp_path: Path) -> None:
    causes: dict[str, str | None] = {**dict.fromkeys(base.CAUSES, "UvideoStorage"), **FAILURES}
    assert set(causes) == set(CAUSES)
    scenes = list[tuple[str | None, dict[str, str]]]()
    for cause, alert in causes.items():
        names = ["uvideo_failures_total", *(["uvideo_storage_failures_total"] if cause in base.CAUSES else [])]
        scenes.append((alert, {f'{name}{{cause="{cause}",{ONE}}}': "0+10x40" for name in names}))
    for condition, alert in CONDITIONS.items():
        scenes.append((alert, {f'uvideo_ready{{condition="{condition}",{ONE}}}': "0x40"}))
    calm = {f"up{{{JOB}}}": "1x40", f"uvideo_requests_total{{{ONE}}}": "0+100x40"}
    tests = list[dict[str, Any]]()
    for alert, series in scenes:
        asked = [
            {"eval_time": "30m", "alertname": each, "exp_alerts": [firing(each)] if each == alert else []}
            for each in TIMES
        ]
        inputs = [{"series": name, "values": values} for name, values in {**calm, **series}.items()]
        tests.append({"name": " ".join(series), "interval": "1m", "input_series": inputs, "alert_rule_test": asked})
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES), str(NEVER)], "evaluation_interval": "1m", "tests": tests}))
    assert "SUCCESS" in promtool("test", "rules", str(path))


def test_every_alert_fires_after_its_time_and_alone(tmp_path: Path) -> None:
    """Each by what it is for; then no other one fires."""
    assert set(TIMES) == set(re.findall(r"- alert: (\w+)", RULES.read_text() + NEVER.read_text()))
    tests: dict[str, list[Any]] = {"1m": [], "10m": []}
    for alert, (series, before, after) in TIMES.items():
        if alert != "UvideoBackupNever":  # "up" alone means a server without backups
            series = {f"uvideo_backup_last_seconds{{{ONE}}}": "0+60x200", **series}
        step = "10m" if after > 1000 else "1m"  # the days of a backup take promtool long
        asked = [
            {
                "eval_time": f"{minute}m",
                "alertname": each,
                "exp_alerts": [firing(each)] if each == alert and is_so else [],
            }
            for minute, is_so in ((before, False), (after, True))
            for each in TIMES
        ]
        tests[step].append(
            {
                "interval": step,
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": asked,
            }
        )
    for step, some in tests.items():
        path = tmp_path / f"{step}.yml"
        given = {"rule_files": [str(RULES), str(NEVER)], "evaluation_interval": step, "tests": some}
        path.write_text(json.dumps(given))
        assert "SUCCESS" in promtool("test", "rules", str(path))
