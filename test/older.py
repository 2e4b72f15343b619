"""A server's folder with what no server makes any more, as an older one left it behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

from uvideo.storage.base import SpaceRecord
from uvideo.storage.sqlite import SqliteCatalog

__all__ = ["older_folder"]


def older_folder(folder: Path, *spaces: tuple[str, str, str, tuple[str, ...]]) -> None:
    """``spaces``: (name, account, type, domains) of each."""

    async def make() -> None:
        catalog = SqliteCatalog(folder / "catalog.db", fsync=False)
        await catalog.start()
        for name, owner, kind, domains in spaces:
            await catalog.create_space(SpaceRecord(f"ufile-{name}", name, owner, kind, domains=domains))
        await catalog.close()

    folder.mkdir(mode=0o700, parents=True)
    asyncio.run(make())
