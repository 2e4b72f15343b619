"""The contract of Blobs in an S3-compatible store, and what only segments can get wrong."""

from __future__ import annotations

import pytest

from test.contract.blobs import BlobsContract
from test.contract.place import Place
from test.contract.store import StoreContract

pytestmark = pytest.mark.cluster

BLOCK = 64 * 1024


class TestS3(BlobsContract):
    @pytest.fixture
    def place(self, bucket: str, database: str) -> Place:
        return Place("test.cluster.places:blobs", {"url": bucket, "database": database, "block_size": BLOCK})


class TestCluster(StoreContract):
    @pytest.fixture
    def places(self, bucket: str, database: str) -> tuple[Place, Place]:
        return (
            Place("test.cluster.places:blobs", {"url": bucket, "database": database, "block_size": 5000}),
            Place("test.cluster.places:catalog", {"database": database, "ledger": True}),
        )
