"""A server starts while the database keeps it waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest

from test.cluster.postgres import Postgres
from test.forked import Forked
from test.patience import until_said
from test.server_fixture import start_server
from uvideo.server.auth.credentials import CredentialsFile, Key, load, write
from uvideo.server.process import exit_codes

pytestmark = pytest.mark.cluster

REASON = "the database: canceling statement due to lock timeout"


@pytest.fixture
def options(postgres: Postgres, database: str, tmp_path: Path) -> tuple[str, ...]:
    """Of a server on ``tmp_path`` that ran before; from now on each wait for a lock is short."""
    options = ("--no-fsync", "--database", database, "--log-level", "debug")
    with start_server(tmp_path, *options):
        pass
    postgres.run("postgres", f"ALTER DATABASE {database.rpartition('/')[2]} SET lock_timeout = '10ms'")
    return options


@contextmanager
def locked(database: str, table: str) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    try:
        other = loop.run_until_complete(asyncpg.connect(database))
        loop.run_until_complete(other.execute(f"BEGIN; LOCK TABLE {table}"))
        yield
        loop.run_until_complete(other.close())
    finally:
        loop.close()


def test_what_a_start_looks_for_is_looked_for_again(options: tuple[str, ...], database: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        with locked(database, "tokens"):
            server = stack.enter_context(start_server(tmp_path, *options))
            until_said(server.log, f"are retried later: {REASON}")
        assert "ERROR" not in server.compared()


def test_a_change_of_the_pair_that_cannot_be_finished_is_one_clear_line(
    options: tuple[str, ...], database: str, tmp_path: Path, commands: Forked
) -> None:
    file = tmp_path / "credentials.json"
    write(CredentialsFile(Key("new", "0123456789abcdef"), previous=load(file)), file)
    with locked(database, "tokens"):
        ended = commands.run("serve", tmp_path, "--port", 0, "--admin-port", 0, *options)
    assert ended.returncode == exit_codes.AWAY.code and f"cannot start: {REASON}" in ended.stderr
    assert "Traceback" not in ended.stderr
    with start_server(tmp_path, *options) as server:
        assert "finished changing the key pair" in server.compared()
