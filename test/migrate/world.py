"""Where the rows of docs/migrate are shown: a space of a server, a file, and the settings as nobody has set them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from test.server.wire import Peer
from test.server_fixture import Server
from ucloud import logger
from ucloud.ufile import config as older
from ucloud.uvideo import config

__all__ = ["World", "good", "refused"]


class World:
    """``space`` is private.  ``file``: holds the five bytes b"local"."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.keys = server.public_key, server.private_key
        self.server, self.folder, self.space = server, folder, Peer(server).space()
        self.file = folder / "local.html"
        self.file.write_bytes(b"local")


@contextmanager
def world(server: Server, folder: Path) -> Iterator[World]:
    """A World to whose server the settings of both packages point."""
    for each in (config, older):
        each.DEFAULTS.unset(())
        each.set_default(uploadsuffix=server.host)
    try:
        yield World(server, folder)
    finally:
        for each in (config, older):
            each.DEFAULTS.unset(())
        logger.set_log_file(None)


def good(answer: Any) -> Any:
    """The resp of a call that went well."""
    assert answer[1].ok(), answer
    return answer[1]


def refused(answer: Any, status: int = -3) -> str:
    """The error of a call that was refused."""
    assert answer[1].status_code == status and not answer[1].ok(), answer
    error: str = answer[1].error
    return error
