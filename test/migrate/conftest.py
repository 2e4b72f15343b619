"""A world for each row of the migration guides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.migrate.world import World, world
from test.server_fixture import Server


@pytest.fixture
def at(server: Server, tmp_path: Path) -> Iterator[World]:
    with world(server, tmp_path) as made:
        yield made
