"""The server's own key pair as its file has it at this moment."""

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
    """The Keyring of ``path``, which is looked at whenever a pair is asked for: one stat, about a microsecond.

    A pair counts at once if it came there by a rotation, that is if the file says that it replaces the one before.
    Any other file is refused and logged, and the pair that is known goes on: what the catalog has is encrypted with it.
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
            log.error("the key pair %s goes on: %s", self.own.public, failure)
            return
        if held.own != self.own and self.own.public not in held.replaces:
            self._refuse(held.own)
            return
        if held.own != self.own:
            log.warning("the server's own key pair is %s now; it was %s", held.own.public, self.own.public)
        self.take([held.own, *self._others], (*_openers(held), self.own))

    async def watch(self) -> None:
        """For ever: look now and then, so that a worker without requests misses no rotation of several."""
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
        """The known pair may be in no file any more: it is kept, as only it decrypts the secrets in the catalog."""
        known = aside(self.path, self.own)
        try:
            if not known.exists():
                save(self.own, known, replace=True)
            where = f"{known}; to change over run `uvideo admin keys {self.path.parent} --from {known}`"
        except OSError as failure:
            where = f"no file: {failure}"
        log.error(
            "%s was replaced by the pair %s, which no rotation made: the pair %s goes on. It is in %s",
            *(self.path, given.public, self.own.public, where),
        )


def _openers(held: CredentialsFile) -> tuple[Key, ...]:
    return (held.previous,) if held.previous is not None else ()
