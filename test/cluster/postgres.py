"""A PostgreSQL server for tests, and a database of its own for each."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from test import patience
from test.cluster.program import Program, find, scratch, unprivileged
from test.ports import free_ports

__all__ = ["Postgres", "start_postgres", "waits_for_locks"]

BINARIES = "/usr/lib/postgresql/*/bin"
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
fsync = {fsync}
"""
PASSWORD = "a password of the tests"
_numbers = itertools.count(1)


@dataclass
class Postgres:
    """``kill`` and ``start_again`` are for tests of failures; ``program``: the postmaster."""

    program: Program
    port: int
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://uvideo:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        command = [find("psql", BINARIES), "-qtA", "-c", "SELECT 1", self.url("postgres")]
        done = subprocess.run(command, capture_output=True, timeout=patience.SECONDS)
        return done.stdout == b"1\n"

    def run(self, database: str, script: str) -> str:
        """Run SQL as the superuser; what psql prints."""
        command = [find("psql", BINARIES), "-qtA", "-v", "ON_ERROR_STOP=1", "-c", script, self.url(database)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience.SUITE_SECONDS)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database; dropped at the end."""
        name = f"test{next(_numbers)}"
        self.run("postgres", f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.run("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self.program.stop(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster; returns when the others have noticed and ended, as a new one waits for none."""
        segment = (self.folder / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]
        self.program.kill()
        patience.until(lambda: not _attached(segment))

    def start_again(self) -> None:
        self.program.start_again()
        self.program.wait_until(self.answers)


def _attached(segment: str) -> int:
    """How many processes use a segment of shared memory.  ``segment``: its id."""
    header, *rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
    found = [dict(zip(header, row, strict=True)) for row in rows]
    return sum(int(each["nattch"]) for each in found if each["shmid"] == segment)


@contextlib.contextmanager
def start_postgres(*, fsync: bool = False) -> Iterator[Postgres]:
    """A new server on a free port.  ``fsync=False`` is as safe as long as the machine itself stays up."""
    with scratch("postgres") as folder:
        secret = folder / "password"
        secret.write_text(PASSWORD + "\n")
        shutil.chown(secret, folder.owner(), folder.group())
        data = folder / "data"
        command = [find("initdb", BINARIES), "-D", str(data), "-U", "uvideo", "--pwfile", str(secret), "-A"]
        command += ["scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"]
        subprocess.run(
            [*unprivileged(), *command], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=patience.SECONDS
        )
        with open(data / "postgresql.conf", "a") as file:
            file.write(SETTINGS.format(fsync="on" if fsync else "off"))
        (port,) = free_ports(1)
        command = [find("postgres", BINARIES), "-D", str(data), "-p", str(port)]
        program = Program(command, folder / "postgres.log", stop=signal.SIGINT)
        postgres = Postgres(program, port, folder)
        try:
            program.wait_until(postgres.answers)
            yield postgres
        finally:
            postgres.stop()


async def waits_for_locks(db: Any, count: int) -> None:
    """Return once so many locks of a database are waited for.  ``db``: a connection of asyncpg to it.

    Sessions of other databases do not count: what an earlier test left waits until the server notices its end.
    """
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity AS session USING (pid)"
        " WHERE NOT granted AND session.datname = current_database()"
    )
    while await db.fetchval(waiting) != count:
        await asyncio.sleep(0.01)
