"""Rotation of the server's own key pair while the server runs.

    1. credentials.json gets the new pair, and also keeps the old one ("previous")
    2. one transaction encrypts again the secrets that are encrypted with the old pair
    3. credentials.json keeps the new pair, and the public keys of the replaced pairs ("replaces")

Workers check the file at every request, so they use the new pair from step 1 on.  Until step 3 they decrypt with both.
A worker may encrypt a secret with the old pair before it sees step 1.  If the secret is stored before step 2, step 2
encrypts it again.  Otherwise the worker does: it checks the file again after each such write.  If a program is killed
between the steps, the next command, or the next start of the server, continues at step 2.  The audit log gets its line
before step 3; the file records that the line is missing.
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

REPLACED = 20  # public keys of earlier pairs in the file

#: Adds a line to the audit log, given the operation and the members.
Record = Callable[..., None]

log = logging.getLogger("uvideo.server")


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """``tokens``, ``keys``: the number of secrets encrypted again.  ``void_tokens``, ``void_keys``: the number that no
    known pair decrypts."""

    tokens: int = 0
    keys: int = 0
    void_tokens: int = 0
    void_keys: int = 0


async def reencrypt(catalog: Catalog, keyring: Keyring) -> Reencrypted:
    """In one transaction, encrypt all secrets with the first pair of the ring."""
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
    """Count the secrets that no pair of the ring decrypts.  Changes nothing."""
    tokens, keys, ring = await catalog.all_tokens(), await catalog.keys(), keyring.still()

    def count() -> Reencrypted:
        return Reencrypted(0, 0, *(sum(not secret_box.can_read(one, ring) for one in some) for some in (tokens, keys)))

    return await asyncio.to_thread(count)


async def kept(catalog: Catalog, keyring: Keyring, under: Key) -> None:
    """Call this after storing a secret encrypted with ``under``: if that pair was replaced, it encrypts it again."""
    keyring.look()
    if keyring.own != under:
        await reencrypt(catalog, keyring)


def put(path: Path, before: Key, own: Key, operation: str) -> None:
    """Step 1: replace ``before`` with ``own``, another pair.  The caller holds the lock, and calls ``finish`` before
    and afterwards.  If the catalog cannot be opened here, the next start of the server finishes the rotation.

    ``operation``: its name in the audit log, one of ROTATIONS.
    """
    save(before, aside(path, before), replace=True)
    held = read(path)
    names = (*held.replaces, held.own.public, before.public)
    replaces = tuple(dict.fromkeys(name for name in names if name != own.public))[-REPLACED:]
    write(CredentialsFile(own, before, replaces, operation), path)


async def finish(path: Path, catalog: Catalog, record: Record) -> Reencrypted:
    """Steps 2 and 3, if the file says that they are due.  The caller holds the lock."""
    held = read(path)
    if held.previous is None:
        return Reencrypted()
    done = await reencrypt(catalog, Keyring([held.own, held.previous]))
    _record(held, held.unrecorded or "ResealSecrets", record, resealed=asdict(done))
    write(replace(held, previous=None, unrecorded=""), path)
    return done


def record_begun(path: Path, record: Record) -> None:
    """Give an unfinished rotation its line in the audit log, if it has none."""
    held = read(path)
    if held.unrecorded:
        _record(held, held.unrecorded, record)
        write(replace(held, unrecorded=""), path)


def _record(held: CredentialsFile, operation: str, record: Record, **more: object) -> None:
    assert held.previous is not None
    record(operation, about_key=held.own.public, replaced=held.previous.public, **more)


async def finish_soon(path: Path, catalog: Catalog, audit: Audit) -> None:
    """``finish`` at the start of a server, unless another program is doing it."""
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
