"""Drivers of a cluster as the contracts open them: by arguments that JSON can carry.

They wait for the database as long as it takes: what a busy machine does late is not lost.  That a gateway answers
within five seconds is tried through gateways.
"""

from __future__ import annotations

from test import patience
from uvideo.storage.postgres import PostgresCatalog
from uvideo.storage.postgres_connections import Connections, Timeouts
from uvideo.storage.s3 import S3Blobs, S3Place
from uvideo.storage.segment_ledger import PostgresLedger

__all__ = ["blobs", "catalog", "connections"]

PATIENT = Timeouts(*[patience.SECONDS] * len(Timeouts()))


def connections(database: str) -> Connections:
    return Connections(database, PATIENT)


def catalog(database: str, ledger: bool = False) -> PostgresCatalog:
    return PostgresCatalog(connections(database), ledger=ledger)


def blobs(url: str, database: str, block_size: int, grace: float = 0, keep: float = 0) -> S3Blobs:
    """The credentials are in the environment."""
    ledger = PostgresLedger(connections(database))
    return S3Blobs(S3Place.of(url), ledger, grace=grace, keep=keep, block_size=block_size)
