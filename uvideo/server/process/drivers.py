"""Chooses the drivers for ``--database`` and ``--blobs``.  No other module of the server names drivers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from uvideo.storage.base import KEEP, Blobs, Catalog
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.schema import MIGRATIONS
from uvideo.storage.sqlite import PATIENCE, SqliteCatalog

__all__ = ["SCHEMA", "DriverError", "Drivers", "choose", "without_password"]

#: The schema version of the catalog in this program.
SCHEMA = len(MIGRATIONS)

_MISSING = "{option} needs {name}, which is not installed: pip install 'uvideo[cluster]'"


class DriverError(ValueError):
    """The settings are invalid.  One line that says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Drivers:
    """``make``: new drivers for one event loop, not started.  Start the catalog first.

    Its argument limits the bytes that all readers of a store hold.

    ``shared``: other gateways may use the same database and store.
    """

    shared: bool
    make: Callable[..., tuple[Blobs, Catalog]] = field(repr=False)


def choose(
    folder: Path,
    database: str | None,
    blobs: str | None,
    *,
    fsync: bool = True,
    keep: float = KEEP,
    lock_seconds: float = PATIENCE,
) -> Drivers:
    """Drivers for a folder (``sqlite``, ``disk``, or no setting), for PostgreSQL and for S3.  DriverError.

    ``keep``: seconds for which a sweep keeps garbage in the quarantine.  ``lock_seconds``: how long a write waits while
    another program holds SQLite's lock.
    """
    in_postgres = re.match(r"postgres(ql)?://", database or "") is not None
    in_s3 = (blobs or "").startswith("s3://")
    if not in_postgres and database not in (None, "", "sqlite"):
        raise DriverError(f"--database is {without_password(database)!r}: it must be sqlite or postgresql://...")
    if not in_s3 and blobs not in (None, "", "disk"):
        raise DriverError(f"--blobs is {without_password(blobs)!r}: it must be disk or s3://...")
    if in_s3 and not in_postgres:
        raise DriverError("--blobs s3://... needs --database postgresql://..., which stores the list of segments")
    if in_postgres:
        assert database is not None
        return _clustered(folder, database, blobs if in_s3 else None, fsync, keep)

    def in_folder(window: int = 0) -> tuple[Blobs, Catalog]:
        catalog = SqliteCatalog(folder / "catalog.db", fsync=fsync, patience=lock_seconds)
        return DiskBlobs(folder, fsync=fsync, keep=keep), catalog

    return Drivers(shared=False, make=in_folder)


def _clustered(folder: Path, database: str, blobs: str | None, fsync: bool, keep: float) -> Drivers:
    try:
        from uvideo.storage.postgres import PostgresCatalog
        from uvideo.storage.postgres_connections import Connections
        from uvideo.storage.segment_ledger import PostgresLedger
    except ModuleNotFoundError as failure:
        raise DriverError(_MISSING.format(option="--database", name=failure.name)) from None
    if blobs is None:

        def with_folder(window: int = 0) -> tuple[Blobs, Catalog]:
            return DiskBlobs(folder, fsync=fsync, keep=keep), PostgresCatalog(Connections(database))

        return Drivers(shared=False, make=with_folder)
    try:
        from uvideo.storage.s3 import WINDOW, S3Blobs, S3Place
    except ModuleNotFoundError as failure:
        raise DriverError(_MISSING.format(option="--blobs", name=failure.name)) from None
    try:
        place = S3Place.of(blobs)
    except ValueError as failure:
        raise DriverError(f"--blobs: {failure}") from None

    def with_store(window: int = WINDOW) -> tuple[Blobs, Catalog]:
        connections = Connections(database)
        blobs = S3Blobs(place, PostgresLedger(connections), keep=keep, window=window)
        return blobs, PostgresCatalog(connections, ledger=True)

    return Drivers(shared=True, make=with_store)


def without_password(url: str | None) -> str:
    """The URL for display, without its password."""
    head, mark, tail = (url or "").rpartition("@")
    return f"{head.partition('://')[0]}://...{mark}{tail}" if mark else tail
