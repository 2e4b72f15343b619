"""Drivers of a cluster as the contracts open them: by arguments that JSON can carry."""

from __future__ import annotations

from uvideo.storage.postgres import PostgresCatalog
from uvideo.storage.postgres_connections import Connections
from uvideo.storage.s3 import S3Blobs, S3Place
from uvideo.storage.segment_ledger import PostgresLedger

__all__ = ["blobs", "catalog"]


def catalog(database: str, ledger: bool = False) -> PostgresCatalog:
    return PostgresCatalog(Connections(database), ledger=ledger)


def blobs(url: str, database: str, block_size: int, grace: float = 0, keep: float = 0) -> S3Blobs:
    """The credentials are in the environment."""
    ledger = PostgresLedger(Connections(database))
    return S3Blobs(S3Place.of(url), ledger, grace=grace, keep=keep, block_size=block_size)
