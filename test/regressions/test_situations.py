"""Every situation in which data, time or secrets are at stake, with what of ours the list of defects leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.fakes import FaultProxy
from test.regressions import table
from test.regressions.clients import CLIENTS
from test.regressions.place import place as place  # fixture
from test.regressions.scenarios import DEFECTS
from test.regressions.situations import SITUATIONS, Situation
from test.regressions.world import World
from test.server_fixture import Server

TRIED = [(each, name) for each in SITUATIONS.values() for name in CLIENTS if name not in each.without]
LONG = pytest.mark.long  # a process, or several, for each


@pytest.mark.parametrize(
    ("each", "client"),
    [
        pytest.param(each, client, id=f"{each.name}-{client}", marks=[LONG] if client == "uvideo" else [])
        for each, client in TRIED
    ],
)
def test_ours_keeps_the_promise(each: Situation, client: str, place: Server, tmp_path: Path) -> None:
    with FaultProxy("127.0.0.1", place.port) as proxy:
        control = int(proxy.control.rpartition(":")[2])
        keys = place.public_key, place.private_key
        world = World(each.name, client, place.port, proxy.port, control, keys, tmp_path)
        each.scenario(world, world.sdk)
        world.fired()
    assert world.findings == []


def test_what_was_recorded_is_what_these_tests_and_the_list_demand() -> None:
    official = {each.number: list(each.official) for each in DEFECTS.values()}
    recorded = {(row["number"], row["subject"]): row["findings"] for row in table.figures()["rows"]}
    wanted: dict[tuple[int, str], list[str]] = {(each.number, name): [] for each, name in TRIED}
    for number in SITUATIONS:
        wanted |= {(number, "ufile"): official[number], (number, "ucloud"): []}
    assert len(SITUATIONS) >= 20
    assert recorded == wanted, "run `python -m bench.scenarios --write`"
