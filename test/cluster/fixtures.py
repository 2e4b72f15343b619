"""One PostgreSQL and one SeaweedFS for a whole run, and an empty place on them for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.cluster.postgres import Postgres, start_postgres
from test.cluster.seaweed import Seaweed, start_seaweed

__all__ = ["bucket", "database", "postgres", "seaweed"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with start_postgres() as started:
        yield started


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    with start_seaweed() as started:
        yield started


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place; its credentials are in the environment."""
    for name, value in seaweed.credentials.items():
        monkeypatch.setenv(name, value)
    return seaweed.fresh()
