"""The world behind the boxes, once for each process of the run, and a box at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.proxies.boxes import BOXES, UNFIT
from test.proxies.faces import FACES
from test.proxies.world import Way, World, start_world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every client through every box takes long: a third of the pairs is for each run, the rest by hand.

    Of each client and of each box some are in the third, and the pairs that say what is not supported.
    """
    for each in items:
        given = getattr(each, "callspec", None)
        if given is not None and each.name.startswith("test_all_operations_work_through["):
            box, face = given.params["box"], given.params["face"]
            if (list(BOXES).index(box) + list(FACES).index(face)) % 3 and (box, face) not in UNFIT:
                each.add_marker("soak")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with start_world(tmp_path_factory.mktemp("origins")) as made:
        yield made


@pytest.fixture(scope="session", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in BOXES])
def box(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[str, Way]]:
    """The name of each box, and the way through it."""
    with BOXES[request.param].start(world) as made:
        yield request.param, made


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(small, large): a file that goes in one request, and one of three parts."""
    folder = tmp_path_factory.mktemp("files")
    small, large = folder / "small.bin", folder / "large.bin"
    small.write_bytes(bytes(range(256)) * 13)
    large.write_bytes(b"".join(b"%07d\n" % number for number in range((9 << 20) // 8 + 5)))
    return small, large
