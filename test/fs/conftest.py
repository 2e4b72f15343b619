"""The filesystem on the real server, and a space for each test."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from test.client.conftest import client as client  # fixtures, these four
from test.client.conftest import no_settings_of_the_machine as no_settings_of_the_machine
from test.client.conftest import proxy as proxy
from test.client.conftest import space as space
from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo.fs import UVideoFileSystem

collect_ignore = (
    [] if importlib.util.find_spec("pandas") else ["test_frames.py", "test_howto.py"]
)  # what make test-data installs

fsspec.register_implementation("uvideo", UVideoFileSystem)  # what the entry point does for who has it installed


@pytest.fixture
def options(server: Server) -> dict[str, Any]:
    """What a user gives as storage_options."""
    return {"endpoint": server.host, "public_key": server.public_key, "private_key": server.private_key}


@pytest.fixture
def fs(options: dict[str, Any]) -> Iterator[UVideoFileSystem]:
    made = UVideoFileSystem(**options, skip_instance_cache=True)
    yield made
    made.close()


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "movie.bin"
    path.write_bytes(bytes(range(256)) * (9 << 12))
    return path


@pytest.fixture
def through(options: dict[str, Any], proxy: FaultProxy) -> Iterator[UVideoFileSystem]:
    """A filesystem whose requests pass the proxy."""
    made = UVideoFileSystem(**{**options, "endpoint": f"127.0.0.1:{proxy.port}"}, skip_instance_cache=True)
    yield made
    made.close()
