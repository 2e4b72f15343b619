"""Every known defect, each SDK in a process of its own: the official one does what the table says, ours does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.fakes import FaultProxy
from test.regressions import table
from test.regressions.defect import NOT_APPLICABLE, TOTAL
from test.regressions.place import place as place  # fixture
from test.regressions.place import run
from test.regressions.scenarios import DEFECTS
from test.server_fixture import Server

pytest.importorskip("ufile", reason="make venv installs it")


def verdict(name: str, sdk: str, server: Server, folder: Path) -> tuple[list[str], str]:
    """(the broken promises, all that was printed)."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        found, printed = run(name, sdk, server, proxy, folder)
    return found["findings"], printed


@pytest.mark.long  # its version is pinned
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
    twin = table.PATH.with_suffix(".zh.md").read_text(encoding="utf-8")
    assert twin == table.chinese(twin), "run `python -m test.regressions.table`"


def test_a_page_that_drifted_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    twin = table.PATH.with_suffix(".zh.md").read_text(encoding="utf-8")
    monkeypatch.setattr(table, "PATH", tmp_path / "why.md")
    (tmp_path / "why.zh.md").write_text(twin.replace(" 全部兑现，", " "), encoding="utf-8")
    assert table.main([]) == 0
    assert table.main(["--check"]) == 0
    assert (tmp_path / "why.zh.md").read_text(encoding="utf-8") == twin
    table.PATH.write_text(table.render().replace("| 7 |", "| 77 |"), encoding="utf-8")
    assert table.main(["--check"]) == 1
