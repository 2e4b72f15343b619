"""Prometheus' own tool reads what we give to Prometheus."""

from __future__ import annotations

import subprocess

from test.cluster.program import find
from test.server_fixture import ROOT

RULES = ROOT / "docs" / "monitoring" / "alerts.yml"


def promtool(*arguments: str, given: bytes = b"") -> str:
    """What it said.  AssertionError if it finds a fault."""
    done = subprocess.run(
        [find("promtool"), *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said


def test_the_rules_are_rules() -> None:
    assert f"{RULES.read_text().count('- alert:')} rules found" in promtool("check", "rules", str(RULES))
