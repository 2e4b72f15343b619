"""Every known defect, each SDK in a process of its own: the official one does what the table says, ours does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.fakes import FaultProxy
from test.regressions import table
from test.regressions.defect import NOT_APPLICABLE, TOTAL
from test.regressions.scenarios import DEFECTS
from test.server_fixture import ROOT, Server, start_server

pytest.importorskip("ufile", reason="pip install 'uvideo[test]'")

SECONDS = 120
SETUP = """
import sys
from ucloud.uvideo import config, spacemanager
config.set_default(uploadsuffix="127.0.0.1:" + sys.argv[1])
_, resp = spacemanager.BucketManager(*sys.argv[2:]).createspace("localhost", "private")
assert resp.ok(), resp
"""


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's: no proxy, no .netrc, no settings."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "HOME": str(folder),
        "no_proxy": "*",
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own, with the private space `localhost`."""
    folder = tmp_path_factory.mktemp("regressions")
    with start_server(folder / "server", "--no-fsync") as server:
        subprocess.run(
            [sys.executable, "-c", SETUP, str(server.port), server.public_key, server.private_key],
            env=environment(folder),
            check=True,
            timeout=SECONDS,
        )
        yield server


def verdict(name: str, sdk: str, server: Server, folder: Path) -> tuple[list[str], str]:
    """(the broken promises, all that was printed).  AssertionError if the scenario itself failed.

    A process that does not end is killed; that is a broken promise too.
    """
    with FaultProxy("127.0.0.1", server.port) as proxy:
        world = {
            "server": server.port,
            "proxy": proxy.port,
            "control": int(proxy.control.rpartition(":")[2]),
            "keys": [server.public_key, server.private_key],
            "folder": str(folder),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "test.regressions.scenarios", name, sdk],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(folder),
            cwd=folder,
        )
        try:
            told, printed = process.communicate(json.dumps(world), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            told, printed = process.communicate()
            found = [json.loads(line)["found"] for line in told.splitlines()]
            return [*found, "it does not end"], told + printed
        assert process.returncode == 0, told[-2000:] + printed[-4000:]
    return json.loads(told.splitlines()[-1])["findings"], told + printed


@pytest.mark.parametrize("name", DEFECTS)
def test_the_official_sdk_has_the_defect(name: str, place: Server, tmp_path: Path) -> None:
    findings, printed = verdict(name, "ufile", place, tmp_path)
    assert findings == list(DEFECTS[name].official), printed[-4000:]


@pytest.mark.parametrize("name", DEFECTS)
def test_ours_has_not(name: str, place: Server, tmp_path: Path) -> None:
    findings, printed = verdict(name, "ucloud", place, tmp_path)
    assert findings == [], printed[-4000:]


def test_every_entry_of_the_list_has_a_scenario_or_a_reason() -> None:
    numbers = [each.number for each in DEFECTS.values()]
    assert sorted([*numbers, *NOT_APPLICABLE]) == list(range(1, TOTAL + 1))
    assert numbers == sorted(numbers)


def test_the_page_is_what_the_scenarios_say() -> None:
    written = table.PATH.read_text(encoding="utf-8")
    assert written == table.render(), "run `python -m test.regressions.table`"
    assert table.count() in written


def test_a_page_that_drifted_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(table, "PATH", tmp_path / "why.md")
    assert table.main([]) == 0
    assert table.main(["--check"]) == 0
    table.PATH.write_text(table.render().replace("| 7 |", "| 77 |"), encoding="utf-8")
    assert table.main(["--check"]) == 1
