"""One PostgreSQL and one S3 store for a whole run, and an empty place on them for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # their clients are loaded where a test asks for them: not every system has them
    from test.cluster.object_store import ObjectStore
    from test.cluster.postgres import Postgres

__all__ = ["bucket", "database", "postgres", "object_store"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    from test.cluster.postgres import start_postgres

    with start_postgres() as started:
        yield started


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    from test.cluster.object_store import start_object_store

    with start_object_store() as started:
        yield started


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place; its credentials are in the environment."""
    for name, value in object_store.credentials.items():
        monkeypatch.setenv(name, value)
    return object_store.fresh()
