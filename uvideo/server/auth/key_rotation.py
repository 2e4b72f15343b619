"""Another key pair for the server, while it runs: its file, and the secrets in the catalog.

    1. credentials.json gets the new pair, and beside it the one before ("previous")
    2. one transaction encrypts again what is encrypted with the pair before
    3. credentials.json keeps the new pair, and the names of those that it took the place of ("replaces")

Workers look at the file at every request, so the new pair counts from step 1 on.  Until step 3 they decrypt with both.
What a worker encrypted before it saw step 1 is there when step 2 begins; or else that worker, which looks once more
after each such write, encrypts it again itself.  If a program is killed between the steps, the next command, or the
next start of the server, goes on at step 2.  The audit log gets its line before step 3; until it has one the file says
so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from uvideo.server.auth import secret_box
from uvideo.server.auth.credentials import CredentialsFile, Key, Keyring, aside, read, save, write
from uvideo.server.ops.audit import Audit, Who
from uvideo.storage.base import Catalog, KeyRecord, TokenRecord
from uvideo.storage.key_lock import Taken, turn

__all__ = ["Reencrypted", "finish", "finish_soon", "kept", "put", "record_begun", "recorder", "reencrypt", "void"]

REPLACED = 20  # names of earlier pairs that the file keeps

#: Adds a line to the audit log: its operation, and members.
Record = Callable[..., None]

log = logging.getLogger("uvideo.server")


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """``tokens``, ``keys``: secrets that were encrypted again.  ``void_tokens``, ``void_keys``: those that no known
    pair decrypts."""

    tokens: int = 0
    keys: int = 0
    void_tokens: int = 0
    void_keys: int = 0


async def reencrypt(catalog: Catalog, keyring: Keyring) -> Reencrypted:
    """Encrypt with the first pair of the ring what is encrypted with another of it, in one transaction."""
    old, keyring = await secret_box.writes_old(catalog), keyring.still()
    void: dict[type, set[str]] = {TokenRecord: set(), KeyRecord: set()}

    def change(record: TokenRecord | KeyRecord) -> str | None:
        try:
            return secret_box.reencrypted(record, keyring, old=old)
        except secret_box.CannotDecrypt:
            void[type(record)].add(record.public)
            return None

    tokens, keys = await catalog.reencrypt(change)
    return Reencrypted(tokens, keys, len(void[TokenRecord]), len(void[KeyRecord]))


async def void(catalog: Catalog, keyring: Keyring) -> Reencrypted:
    """How many secrets no pair of the ring decrypts.  Nothing is changed."""
    tokens, keys, ring = await catalog.all_tokens(), await catalog.keys(), keyring.still()

    def count() -> Reencrypted:
        return Reencrypted(0, 0, *(sum(not secret_box.can_read(one, ring) for one in some) for some in (tokens, keys)))

    return await asyncio.to_thread(count)


async def kept(catalog: Catalog, keyring: Keyring, under: Key) -> None:
    """After a secret encrypted with this pair was stored: encrypt it again if another took its place meanwhile."""
    keyring.look()
    if keyring.own != under:
        await reencrypt(catalog, keyring)


def put(path: Path, before: Key, own: Key, operation: str) -> None:
    """Step 1: put ``own`` in the place of ``before``, another pair.  The caller has the turn, and calls ``finish``
    before and afterwards.  Where there is no catalog yet, or not here, the next start of the server finishes.

    ``operation``: how the audit log names it, one of ROTATIONS.
    """
    save(before, aside(path, before), replace=True)
    held = read(path)
    names = (*held.replaces, held.own.public, before.public)
    replaces = tuple(dict.fromkeys(name for name in names if name != own.public))[-REPLACED:]
    write(CredentialsFile(own, before, replaces, operation), path)


async def finish(path: Path, catalog: Catalog, record: Record) -> Reencrypted:
    """Steps 2 and 3, if the file says that they are due.  The caller has the turn."""
    held = read(path)
    if held.previous is None:
        return Reencrypted()
    done = await reencrypt(catalog, Keyring([held.own, held.previous]))
    _record(held, held.unrecorded or "ResealSecrets", record, resealed=asdict(done))
    write(replace(held, previous=None, unrecorded=""), path)
    return done


def record_begun(path: Path, record: Record) -> None:
    """A rotation that is not finished now, and counts: give it its line in the audit log if it has none."""
    held = read(path)
    if held.unrecorded:
        _record(held, held.unrecorded, record)
        write(replace(held, unrecorded=""), path)


def _record(held: CredentialsFile, operation: str, record: Record, **more: object) -> None:
    assert held.previous is not None
    record(operation, about_key=held.own.public, replaced=held.previous.public, **more)


async def finish_soon(path: Path, catalog: Catalog, audit: Audit) -> None:
    """``finish`` at the start of a server, unless another program is at it."""
    if read(path).previous is None:
        return
    try:
        with turn(path.parent):
            done = await finish(path, catalog, recorder(audit, Who("server")))
    except Taken as taken:
        log.warning("%s", taken)
    else:
        log.warning("finished changing the key pair: encrypted %d tokens and %d keys again", done.tokens, done.keys)


def recorder(audit: Audit, who: Who) -> Record:
    return lambda operation, **more: audit.record(operation, who, **more)
