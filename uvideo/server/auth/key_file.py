"""The server's own key pair, reloaded when its file changes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from uvideo.server.auth.credentials import CredentialsError, CredentialsFile, Key, Keyring, aside, read, save

__all__ = ["KeyFile"]

EVERY = 0.5  # seconds

log = logging.getLogger("uvideo.server")


class KeyFile(Keyring):
    """The Keyring of the file ``path``.  Each lookup of a pair checks the file: one stat, about a microsecond.

    A new pair is used at once if a rotation wrote it, that is, if the file says that it replaces the present pair.  Any
    other file is refused and logged, and the present pair stays in use: the secrets in the catalog are encrypted with
    it.
    """

    def __init__(self, path: Path, others: Iterable[Key] = ()) -> None:
        self.path, self._name, self._others = path, str(path), tuple(others)
        self._mark = self._stat()
        held = read(path)
        super().__init__([held.own, *self._others], _openers(held))

    def find(self, public: str) -> Key | None:
        self.look()
        return super().find(public)

    def look(self) -> None:
        mark = self._stat()
        if mark == self._mark:
            return
        self._mark = mark
        try:
            held = read(self.path)
        except (CredentialsError, OSError) as failure:
            log.error("the key pair %s stays in use: %s", self.own.public, failure)
            return
        if held.own != self.own and self.own.public not in held.replaces:
            self._refuse(held.own)
            return
        if held.own != self.own:
            log.warning("the server's own key pair is %s now; it was %s", held.own.public, self.own.public)
        self.take([held.own, *self._others], (*_openers(held), self.own))

    async def watch(self) -> None:
        """Check the file periodically, without end, so that a worker without requests sees every rotation."""
        while True:
            await asyncio.sleep(EVERY)
            self.look()

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._name)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _refuse(self, given: Key) -> None:
        """Log the refusal and save the present pair to a file: only it decrypts the secrets in the catalog."""
        known = aside(self.path, self.own)
        try:
            if not known.exists():
                save(self.own, known, replace=True)
            where = f"{known}; to use the new pair, run `uvideo admin keys {self.path.parent} --from {known}`"
        except OSError as failure:
            where = f"no file: {failure}"
        log.error(
            "%s now contains the pair %s, which no rotation created: the pair %s stays in use. It is saved in %s",
            *(self.path, given.public, self.own.public, where),
        )


def _openers(held: CredentialsFile) -> tuple[Key, ...]:
    return (held.previous,) if held.previous is not None else ()
