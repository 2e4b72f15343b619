"""A real Prometheus that scrapes servers and evaluates our rules, with shorter times."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from test import patience
from test.cluster.program import Program, find
from test.ports import free_ports

__all__ = ["Prometheus", "hurried", "started"]

FASTER = 10
CONFIG = """
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 500ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: uvideo
    tls_config: {{insecure_skip_verify: true}}
    file_sd_configs: [{{files: [{targets}], refresh_interval: 1s}}]
"""


def hurried(rules: str) -> str:
    """The same rules, and nothing waited for.  promtool tries the real times.

    Ranges of a few minutes, for what goes on, are a tenth as long.  Those of half an hour and more, for what happened
    once, are as they are: on a slow machine the other alerts may take longer than a tenth of that.
    """
    rules = re.sub(r"\[(\d)m\]", lambda found: f"[{int(found[1]) * 60 // FASTER}s]", rules)
    return re.sub(r"\bfor: \d+[smh]", "for: 0s", rules)


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url

    def _asked(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=patience.SECONDS) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Its series at this moment."""
        found: list[dict[str, Any]] = self._asked("query", query=expression)["result"]
        return found

    def firing(self) -> dict[str, set[str]]:
        """instance -> its alerts."""
        found: dict[str, set[str]] = {}
        for alert in self._asked("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["instance"], set()).add(alert["labels"]["alertname"])
        return found

    def errors(self) -> list[str]:
        """Of its rules: those that could not be evaluated."""
        groups = self._asked("rules")["groups"]
        return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]

    def troubles(self) -> dict[str, str]:
        """instance -> why it could not be scraped."""
        targets = self._asked("targets", state="active")["activeTargets"]
        return {each["labels"]["instance"]: each["lastError"] for each in targets if each["lastError"]}


@contextlib.contextmanager
def started(folder: Path, rules: Sequence[str], targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """``rules``: texts of rule files.  ``targets``: what becomes the label instance -> URL of an admin port."""
    names = [folder / f"{number}.yml" for number in range(len(rules))]
    for path, text in zip(names, rules, strict=True):
        path.write_text(text)
    listed = []
    for name, url in targets.items():
        split = urlsplit(url)
        listed.append({"targets": [split.netloc], "labels": {"instance": name, "__scheme__": split.scheme}})
    (folder / "targets.json").write_text(json.dumps(listed))
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=", ".join(map(str, names)), targets=folder / "targets.json"))
    (port,) = free_ports(1)
    command = [
        *(find("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    ]
    program = Program(command, folder / "prometheus.log", as_ourselves=True)
    try:

        def ready() -> bool:
            with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=patience.SECONDS) as answer:
                return bool(answer.status == 200)

        program.wait_until(ready)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        program.stop()
