"""Two gateways on a database and a store of their own, and nginx before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.cluster.gateways import Cluster, start_cluster
from test.cluster.nginx import start_nginx
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.server_fixture import Server


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cluster(postgres: Postgres, object_store: ObjectStore, tmp_path: Path) -> Iterator[Cluster]:
    with start_cluster(postgres, object_store, tmp_path / "cluster") as started:
        yield started


@pytest.fixture
def front(cluster: Cluster) -> Iterator[Server]:
    """Both gateways behind nginx."""
    with start_nginx([each.port for each in cluster.gateways]) as nginx:
        yield cluster.at(nginx.port)
