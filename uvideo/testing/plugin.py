"""The pytest fixtures.  The only module that imports pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from uvideo.testing.server import TestServer, serve

__all__ = ["uvideo_server"]


@pytest.fixture
def uvideo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """An empty server for one test, on free ports of 127.0.0.1."""
    with serve(tmp_path_factory.mktemp("uvideo")) as server:
        yield server
