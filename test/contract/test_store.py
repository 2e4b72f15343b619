"""The contract of both together: a folder with a SQLite file in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.contract.place import Place
from test.contract.store import StoreContract


class TestFolder(StoreContract):
    @pytest.fixture
    def places(self, root: Path, tmp_path: Path) -> tuple[Place, Place]:
        return (
            Place("uvideo.storage.disk:DiskBlobs", {"root": str(root), "block_size": 5000}),
            Place("uvideo.storage.sqlite:SqliteCatalog", {"path": str(tmp_path / "catalog.sqlite")}),
        )
