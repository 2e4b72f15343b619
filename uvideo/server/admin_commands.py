"""The command ``uvideo admin``: for the operator of a server or of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import click

from uvideo._core import errors
from uvideo.config.option_types import FloatRange
from uvideo.server.auth import key_rotation, secret_box
from uvideo.server.auth.credentials import (
    OWNER,
    RESERVED,
    CredentialsError,
    Key,
    Keyring,
    aside,
    check_pair,
    load,
    load_or_create,
    load_some,
    made,
    read,
    save,
)
from uvideo.server.ops import audit_reader, backup_record, maintenance, scrub
from uvideo.server.ops.audit import Audit, noted, operator
from uvideo.server.ops.storage_totals import COUNTS, by_account
from uvideo.server.process import handover
from uvideo.server.process.data_folder import state
from uvideo.server.process.drivers import DriverError, Drivers, choose
from uvideo.server.process.main import StartError, claim
from uvideo.storage import identity
from uvideo.storage.backup import BackupError, Copied, MissingBytes
from uvideo.storage.backup import backup as make_backup
from uvideo.storage.backup import restore as restore_backup
from uvideo.storage.base import DAY, KEEP, Absent, Blobs, Catalog, Freed, Holding, Quarantined, Unreachable
from uvideo.storage.key_lock import turn

__all__ = ["admin"]

T = TypeVar("T")
D = TypeVar("D", Blobs, Catalog)
Pair = tuple[Blobs, Catalog]
MIB = 1024 * 1024
PATH = click.Path(path_type=Path)
CREDENTIALS = "credentials.json"
ELSEWHERE = (
    "give the server's settings with --settings FILE, or set UVIDEO_SERVE_PUBLIC_KEY and UVIDEO_SERVE_PRIVATE_KEY "
    "as for the server"
)
ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def admin() -> None:
    """Maintain a server's folder, or a cluster.

    Give the same DIR, --database and --blobs as to `uvideo serve`.  The environment or a file of --settings may give
    the last two as UVIDEO_SERVE_DATABASE and UVIDEO_SERVE_BLOBS.  Exit codes: 0 success, 1 damage was found, 2 the
    command failed.
    """


in_folder = click.argument("folder", metavar="DIR", type=PATH)
as_json = click.option("--json", "is_json", is_flag=True, help="Print one JSON object per line.")


class Place(NamedTuple):
    """The folder or the drivers that a command works on."""

    folder: Path
    database: str | None
    blobs: str | None


def place(command: Callable[..., Coroutine[Any, Any, int | None]]) -> Callable[..., None]:
    """Adds the arguments for folder and drivers, and runs the command with a Place.  The exit code is 1 if it returns
    more than 0."""

    @in_folder
    @click.option("--database", envvar="UVIDEO_SERVE_DATABASE", metavar="URL", help="Same as for uvideo serve.")
    @click.option("--blobs", envvar="UVIDEO_SERVE_BLOBS", metavar="URL", help="Same as for uvideo serve.")
    @functools.wraps(command)
    def placed(folder: Path, database: str | None, blobs: str | None, **options: object) -> None:
        if _run(command(Place(folder, database, blobs), **options)):
            raise SystemExit(1)

    return placed


@admin.command()
@place
@as_json
async def stats(where: Place, is_json: bool) -> None:
    """Show the number and size of stored objects, in all and for each account and space.

    In the table, a line without a space is the total of its account.  uploads: unfinished uploads.  sent, received:
    bytes since the space was created.
    """
    async with _opened(where) as (store, catalog):
        found = await store.quarantined()
        census = {
            **asdict(await catalog.census()),
            "quarantine_files": found.files,
            "quarantine_bytes": found.size,
        }
        held = await catalog.holdings()
    lines = [f"{name}: {value}" for name, value in census.items()]
    accounts = [{**_counts(each), "spaces": _spaces(held, each.account)} for each in by_account(held)]
    _say(is_json, {**census, "accounts": accounts}, "\n".join([*lines, *_table(held)]))


@admin.command()
@place
@click.option(
    "--rehash/--no-rehash", default=False, show_default=True, help="Read all bytes and compare them with the etags."
)
@click.option("--rate", type=FloatRange(0.001, 100_000), help="With --rehash: read at most this many MiB per second.")
@click.option("--take-back", is_flag=True, help="First move files that the catalog names back from the quarantine.")
@as_json
async def fsck(where: Place, rehash: bool, rate: float | None, take_back: bool, is_json: bool) -> int:
    """Check the catalog, and the bytes of every object.  Servers may keep running.

    Nothing is changed, unless --take-back is given.
    """

    async with _opened(where) as (store, catalog):
        problems = await catalog.problems()
        for line in problems:
            text = f"the catalog is damaged: {line}"
            _say(is_json, {"catalog": "damaged", "reason": line}, text)
        if problems:  # its statements about objects are not reliable
            return len(problems)
        if take_back:
            with _audited(where.folder) as log:
                count = await store.take_back(catalog.named)
                log.record("TakeBack", operator(), files=count)
            _say(is_json, {"taken_back": count}, f"moved {count} files back from the quarantine")
        names = {space.space_id: space.name async for space in maintenance.spaces(catalog)}

        def report(damage: scrub.Damage) -> None:
            space = names.get(damage.space_id, damage.space_id)
            fields = {"space": space, "key": damage.key, "reason": damage.reason}
            _say(is_json, fields, f"{space}/{damage.key}: {damage.reason}")

        found = await scrub.fsck(store, catalog, rehash=rehash, rate=rate and rate * MIB, report=report)
        kept = await store.quarantined()
    if kept.files:
        fields = {"quarantine_files": kept.files, "quarantine_bytes": kept.size}
        _say(is_json, fields, _in_quarantine(kept))
    damaged = len(found.damages)
    _say(is_json, {"objects": found.objects, "damaged": damaged}, f"{found.objects} objects, {damaged} damaged")
    return damaged


@admin.command()
@place
@click.option(
    "--age",
    default=3600,
    show_default=True,
    type=click.IntRange(3600),
    help="Take only files older than this many seconds.",
)
@as_json
@click.option(
    "--quarantine-days",
    envvar="UVIDEO_SERVE_QUARANTINE_DAYS",
    default=7.0,
    show_default=True,
    type=FloatRange(0, 3650),
    help="Same as for uvideo serve.",
)
@click.option(
    "--no-limit", is_flag=True, help="Take the files even if they are more than 100 and more than a tenth of all."
)
async def gc(where: Place, age: int, is_json: bool, quarantine_days: float, no_limit: bool) -> None:
    """Collect garbage: files that the catalog does not name.  Servers do this by themselves every ten minutes.

    In a folder, such files are moved to DIR/quarantine; in a store, they stay where they are.  They are deleted after
    --quarantine-days.
    """
    freed = Freed()
    with _audited(where.folder) as log:
        async with _opened(where, keep=quarantine_days * DAY) as (store, catalog):
            count = await maintenance.collect(store, catalog, age, freed, limited=not no_limit)
            kept = await store.quarantined()
        log.record("CollectGarbage", operator(), removed=count, freed_bytes=freed.size)
    fields = {"removed": count, "freed_blobs": freed.blobs, "freed_bytes": freed.size}
    text = (
        f"took {count} blobs and drafts that the catalog does not name; freed {freed.size} bytes of {freed.blobs} blobs"
    )
    _say(is_json, fields, f"{text}; {_in_quarantine(kept)}" if kept.files else text)


@admin.command()
@place
@as_json
async def adopt(where: Place, is_json: bool) -> None:
    """Declare that a catalog and blobs belong together, if the server refuses to start because of a doubt.

    Make sure first: the next garbage collection of the server moves files that the catalog does not name to the
    quarantine.  Stop the server before you run this.
    """
    drivers = _drivers(where)
    async with contextlib.AsyncExitStack() as stack:
        if not drivers.shared:
            stack.callback(os.close, claim(where.folder))
        store, catalog = drivers.make()
        await stack.enter_async_context(_started(catalog))
        await stack.enter_async_context(_started(store))
        log = stack.enter_context(_audited(where.folder))
        carried = await identity.adopt(store, catalog)
        log.record("Adopt", operator(), identity=carried)
    _say(is_json, {"identity": carried}, f"the catalog and the blobs both have the identity {carried} now")


@admin.command()
@place
@click.option("--to-folder", type=PATH, help="Target: a folder. Its catalog is SQLite without --to-database.")
@click.option("--to-database", envvar="UVIDEO_ADMIN_TO_DATABASE", metavar="URL", help="Target: a database.")
@click.option("--to-blobs", envvar="UVIDEO_ADMIN_TO_BLOBS", metavar="URL", help="Target: a store.")
@as_json
async def migrate(
    where: Place, to_folder: Path | None, to_database: str | None, to_blobs: str | None, is_json: bool
) -> None:
    """Copy all data to other drivers, and verify every byte.  After an interruption, run the same command again.

    \b
    1. From a folder to a cluster (stop the server first):
         uvideo admin migrate /srv/video --to-database postgresql://... --to-blobs s3://...
    2. And back:
         uvideo admin migrate /srv/none --database postgresql://... --blobs s3://... --to-folder /srv/video

    Unfinished uploads are not copied.  The source is not changed.
    """
    if to_folder is None and not (to_database and to_blobs):
        _fail("give a target: --to-folder, or --to-database and --to-blobs")

    there = to_folder or where.folder
    async with (
        _opened(where, alone=True) as source,
        _opened(Place(there, to_database, to_blobs), alone=there != where.folder, create=True) as target,
    ):
        with _audited(where.folder) as log:
            moved = await maintenance.move(source, target)
            log.record("Migrate", operator(), **asdict(moved))
        before, after = await source[1].census(), await target[1].census()
    _say(is_json, asdict(moved), ", ".join(f"{name} {value}" for name, value in asdict(moved).items()))
    if after.objects < before.objects:
        _fail(f"the target has {after.objects} objects, but the source has {before.objects}: run the command again")


@admin.command()
@place
@click.option(
    "--replace",
    is_flag=True,
    help="Replace the pair by a new one, which is valid at once, and keep the old one in a file.",
)
@click.option("--pair", type=PATH, help="With --replace: use the pair in this file instead of creating one.")
@click.option(
    "--from",
    "before",
    metavar="FILE",
    type=PATH,
    help="Encrypt secrets again that are encrypted with the pair in this file.",
)
@as_json
async def keys(where: Place, replace: bool, pair: Path | None, before: Path | None, is_json: bool) -> None:
    """Show the public key of the server's own pair, DIR/credentials.json.  The pair is created if there is none.

    \b
    1. Replace it, whether the server runs or not:
         uvideo admin keys /srv/video --replace
    2. After a restore, or if you replaced credentials.json by hand: make tokens and added key pairs valid again:
         uvideo admin keys /srv/video --from credentials.json.UVIDEO...

    With --replace the server accepts the new pair and refuses the old one from the next request on.  Tokens and added
    key pairs stay valid: they are encrypted again.  Temporary keys, signed URLs and console sessions of the old pair
    become invalid.  The old pair is kept in DIR/credentials.json.<its public key>, because earlier backups are
    encrypted with it.

    Gateways take their pair from UVIDEO_SERVE_PUBLIC_KEY and UVIDEO_SERVE_PRIVATE_KEY; "The pair of a cluster" in
    docs/cluster.md describes how to replace it.  `uvideo admin list-keys` lists the added key pairs.
    """
    if replace and before is not None or pair is not None and not replace:
        _fail("--replace and --from exclude each other, and --pair needs --replace")

    given, path = _given_pair(), where.folder / CREDENTIALS
    if replace and (given is not None or choose(*where).shared):
        raise CredentialsError(
            "gateways do not take their key pair from this folder: first give all gateways the new pair with "
            '--other-keys; see "The pair of a cluster" in docs/cluster.md'
        )
    if given is None:
        _check_kept(where.folder)
        where.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        catalog = await stack.enter_async_context(_perhaps(where, needed=replace or before is not None))
        if given is None:
            stack.enter_context(turn(where.folder))
            said = await _own_file(path, catalog, replace, pair, before)
        else:
            said = await _given(given, where.folder, catalog, before)
    _say(is_json, said, _told_keys(said))


async def _own_file(
    path: Path, catalog: Catalog | None, is_new: bool, pair: Path | None, before: Path | None
) -> dict[str, Any]:
    """The output of ``keys`` for a pair in a file.  The caller holds the lock."""
    own, created = load_or_create(path)
    done = key_rotation.Reencrypted()
    if catalog is not None and read(path).previous is not None:  # another command was interrupted
        with _audited(path.parent) as log:
            done = await key_rotation.finish(path, catalog, key_rotation.recorder(log, operator()))
    old: Key | None = None
    if is_new and not created:
        old, own, created = own, await _new(own, pair, catalog), pair is None
    elif before is not None and load(before) != own:
        old = load(before)
    if old is not None:
        with _audited(path.parent) as log:
            record = key_rotation.recorder(log, operator())
            key_rotation.put(path, old, own, "ReplaceKey" if is_new else "ResealSecrets")
            try:
                if catalog is not None:
                    done = await key_rotation.finish(path, catalog, record)
                else:
                    key_rotation.record_begun(path, record)
            except BaseException as failure:
                with contextlib.suppress(OSError):  # its line exists; it may get a second one
                    key_rotation.record_begun(path, record)
                reason = str(failure) or type(failure).__name__
                raise CredentialsError(
                    f"{own.public} is the key pair now, but not all secrets are encrypted with it yet, so "
                    f"{old.public} stays in {path} to decrypt the others. Correct the error, then run `uvideo "
                    f"admin keys {path.parent}`: {reason}"
                ) from failure
    elif catalog is not None:
        void = await key_rotation.void(catalog, Keyring([own]))
        done = replace(done, void_tokens=void.void_tokens, void_keys=void.void_keys)
    counts = asdict(done) if catalog is not None else dict.fromkeys(asdict(done))
    return {
        "public_key": own.public,
        "created": created,
        "path": str(path),
        "replaced": old.public if old is not None else None,
        "kept": str(aside(path, old)) if old is not None else None,
        **counts,
    }


async def _new(own: Key, pair: Path | None, catalog: Catalog | None) -> Key:
    """The new pair.  CredentialsError if it cannot be the server's own."""
    key = load(pair) if pair is not None else made()
    _check_new(key, own)
    if catalog is not None and await catalog.key(key.public) is not None:
        raise CredentialsError(f"{key.public} is an added key pair: remove it first, or give another pair")
    return key


def _check_new(key: Key, own: Key) -> None:
    if key.public == own.public or key.public.startswith(RESERVED):
        raise CredentialsError(
            f"{key.public} cannot be added: it is the server's own key, a token's key or a temporary key"
        )


async def _given(given: Key, folder: Path, catalog: Catalog | None, before: Path | None) -> dict[str, Any]:
    """The output of ``keys`` for a pair in the environment of gateways."""
    done = key_rotation.Reencrypted()
    if before is not None and catalog is None:
        raise CredentialsError("there is no catalog: give the same --database and --blobs as to the gateways")
    if before is not None and catalog is not None:
        with _audited(folder) as log:
            done = await key_rotation.reencrypt(catalog, Keyring([given, *load_some(before)]))
            log.record("ResealSecrets", operator(), about_key=given.public, resealed=asdict(done))
    elif catalog is not None:
        done = await key_rotation.void(catalog, Keyring([given, *_other_keys()]))
    counts = asdict(done) if catalog is not None else dict.fromkeys(asdict(done))
    return {"public_key": given.public, "created": False, "path": None, "replaced": None, "kept": None, **counts}


def _told_keys(said: dict[str, Any]) -> str:
    how = "created" if said["created"] else "unchanged"
    where = f"{how}, in {said['path']}" if said["path"] else "from the settings"
    lines = [f"{said['public_key']}, {where}"]
    if said["replaced"] is not None:
        lines.append(
            f"{said['replaced']} is refused from now on, with its temporary keys, signed URLs and console "
            f"sessions; the pair is kept in {said['kept']}"
        )
    if said["tokens"] is None:
        if said["replaced"] is not None:
            lines.append("no catalog was found here: the server encrypts its secrets again when it starts")
        return "\n".join(lines)
    if said["tokens"] or said["keys"] or said["replaced"] is not None:
        lines.append(f"encrypted again: {said['tokens']} tokens, {said['keys']} added key pairs")
    if said["void_tokens"] or said["void_keys"]:
        lines.append(
            f"void, because another pair encrypted them: {said['void_tokens']} tokens, {said['void_keys']} added "
            "key pairs; if you have that pair, give its file with --from"
        )
    return "\n".join(lines)


@asynccontextmanager
async def _perhaps(where: Place, *, needed: bool) -> AsyncIterator[Catalog | None]:
    """The started catalog.  None if there is none here, or if it cannot be reached and is not ``needed``."""
    async with contextlib.AsyncExitStack() as stack:
        catalog = None
        try:
            catalog = await stack.enter_async_context(_started(choose(*where).make()[1]))
        except (Absent, Unreachable) as failure:
            if needed and isinstance(failure, Unreachable):
                raise
        yield catalog


@admin.command()
@place
@as_json
async def list_keys(where: Place, is_json: bool) -> None:
    """List the added key pairs: public key, account and time.

    A pair that is void was encrypted with another pair of the server's own, and is refused.  `uvideo admin keys --from`
    makes it valid again.
    """
    ring = _ring(where.folder)
    async with _named(where) as catalog:
        for key in await catalog.keys():
            created = datetime.fromtimestamp(key.created, timezone.utc).isoformat()
            void = None if ring is None else not secret_box.can_read(key, ring)
            fields = {"public_key": key.public, "account": key.owner, "created": created, "void": void}
            _say(is_json, fields, f"{key.public}  {key.owner}  {created}{'  void' if void else ''}")


@admin.command()
@place
@click.option(
    "--account", default=OWNER, show_default=True, help="Account of the pair. An account sees only its own spaces."
)
@click.option("--key-file", type=PATH, help="Write the pair to this new file (JSON, mode 0600).")
@click.option("--pair", type=PATH, help="Add the pair in this file instead of creating one.")
@as_json
async def add_key(where: Place, account: str, key_file: Path | None, pair: Path | None, is_json: bool) -> None:
    """Add a key pair.  It is valid at once, also on running servers.

    \b
    1. For another account, into a file that `uvideo config --key-file` reads:
         uvideo admin add-key /srv/video --account films --key-file films.json
    2. A second pair of the same account, so that you can remove the first one later:
         uvideo admin add-key /srv/video --key-file second.json

    The private key is shown once, on a terminal, unless --key-file is given.  The catalog has it encrypted with the
    server's own pair.
    """
    if pair is None and key_file is None and not sys.stdout.isatty():
        _fail("a private key is shown only on a terminal: give --key-file")
    if pair is not None and key_file is not None:
        _fail("the pair of --pair is already in a file: leave out --key-file")
    if not ACCOUNT(account):
        _fail("the name of an account has 1 to 64 letters, digits and . _ -, and begins with a letter or digit")

    key = replace(load(pair), owner=account) if pair is not None else made(account)
    async with _named(where) as catalog, _in_turn(where.folder):
        own = _own_pair(where.folder)
        _check_new(key, own)
        if await catalog.key(key.public) is not None:
            raise CredentialsError(f"there is a key pair {key.public} already")
        if key_file is not None:
            try:
                save(key, key_file)
            except FileExistsError:
                raise CredentialsError(f"{key_file} exists already: name a new file") from None
        try:
            with _audited(where.folder) as log:
                record = secret_box.key_record(key, own, int(time.time()), old=await secret_box.writes_old(catalog))
                if not await catalog.add_key(record):
                    raise CredentialsError(f"there is a key pair {key.public} already")
                log.record("AddKey", operator(), about_key=key.public, of_account=account)
        except BaseException:
            if key_file is not None:
                key_file.unlink(missing_ok=True)
            raise
    _say(is_json, {"public_key": key.public, "account": account}, f"added {key.public} of account {account}")
    if pair is None and key_file is None:
        click.echo(f"private key, shown only once: {key.private}")


@admin.command()
@place
@click.argument("public_key")
@as_json
async def remove_key(where: Place, public_key: str, is_json: bool) -> None:
    """Remove an added key pair; the server refuses it from then on.  The objects of its account stay.

    Temporary keys that were created with it become invalid.  Tokens of the account stay valid.
    """
    async with _named(where) as catalog:
        with _audited(where.folder) as log:
            if not await catalog.remove_key(public_key):
                raise CredentialsError(
                    f"there is no added key pair {public_key} (the server's own pair cannot be removed)"
                )
            log.record("RemoveKey", operator(), about_key=public_key)
    _say(is_json, {"removed": public_key}, f"removed {public_key}")


@admin.command()
@place
@as_json
async def compact(where: Place, is_json: bool) -> None:
    """Return the catalog space of deleted objects to the disk, while the server runs.

    If this version created the catalog, a server does this by itself, in steps that delay no request.  The catalog of
    an older version is rewritten once by this command: reads continue, but uploads and deletes are answered 503 until
    it is done (about half a minute per GiB).  That needs free disk space of twice the catalog's size.  PostgreSQL:
    VACUUM of its tables.
    """
    async with _named(where) as catalog:
        done = await catalog.compact()
    text = f"{done.before} bytes before, {done.after} after; writes waited at most {done.waited:.2f} s"
    _say(is_json, asdict(done), text)


@admin.command()
@place
@as_json
async def upgraded(where: Place, is_json: bool) -> None:
    """Declare that every gateway of a cluster runs this version, after a rolling upgrade.

    Until then gateways store the secrets of tokens and key pairs in a form that older gateways can read.  A server
    with a folder of its own needs no such declaration.
    """
    async with _named(where) as catalog:
        with _audited(where.folder) as log:
            await catalog.retire_older()
            log.record("RetireOlder", operator())
    _say(is_json, {"upgraded": True}, "no gateway runs an older version")


@admin.command()
@in_folder
@as_json
def restart(folder: Path, is_json: bool) -> None:
    """Replace the server of a folder by a new process with the same command line.  No request fails.

    \b
    1. After an upgrade of the program, or after a change of a setting that takes effect only at a start:
         /opt/uvideo/bin/pip install --upgrade 'uvideo[server]'
         uvideo admin restart /var/lib/uvideo

    The new server takes over the listening sockets when it is ready; the old one finishes its requests and exits.  If
    the new one cannot serve, the old one continues; then this command prints the reason and exits with 2.
    """
    try:
        pid = handover.restart(folder)
    except (handover.NotReplaced, OSError) as failure:
        _fail(str(failure))
    _say(is_json, {"pid": pid}, f"process {pid} serves now")


@admin.command()
@in_folder
@click.argument("target", metavar="TARGET", type=PATH)
@click.option("--copy", is_flag=True, help="Copy every file, even where hard links are possible.")
@click.option(
    "--with-credentials", is_flag=True, help="Copy credentials.json too. Whoever can read it can use every key."
)
@as_json
def backup(folder: Path, target: Path, copy: bool, with_credentials: bool, is_json: bool) -> None:
    """Back up a server's folder while the server runs.

    \b
    1. Every night to another disk; each run copies only new files:
         uvideo admin backup /srv/video /mnt/backup/video
    2. Before an upgrade, with hard links on the same file system:
         uvideo admin backup /srv/video /srv/video-before-upgrade

    TARGET is then the folder as it was at one instant.  It contains everything that the server acknowledged before the
    command began.  Hard links share the bytes with the folder: only a backup on another disk survives the loss of this
    disk.  credentials.json is copied only with --with-credentials.  Keep a copy of it elsewhere: tokens and added keys
    are encrypted with it.
    """

    def work() -> Copied:
        began = time.time()
        with _audited(folder) as log:
            done = make_backup(folder, target, link=not copy, credentials=with_credentials, report=_missing(is_json))
            log.record("Backup", operator(), target=str(target.absolute()), with_credentials=done.credentials)
        try:
            backup_record.note(folder, began)
        except OSError as failure:
            click.echo(
                f"the backup is complete, but {folder / backup_record.NAME} cannot be written: {failure}", err=True
            )
        return done

    _tell_copied(is_json, f"backed up to {target}", work)


@admin.command()
@in_folder
@as_json
def backed_up(folder: Path, is_json: bool) -> None:
    """Record that a backup was made by other means, so that the metrics show its time.

    \b
    1. Of a cluster, after the dump of its database, on one of the gateways:
         pg_dump --format=custom --file=/mnt/backup/uvideo.dump uvideo && uvideo admin backed-up /var/lib/uvideo
    2. After a snapshot of the disk:
         uvideo admin backed-up /srv/video

    `uvideo admin backup` does this by itself.  The time is stored in DIR/last-backup.json.  The server shows it as
    uvideo_backup_last_seconds, and an alert fires when it is older than 26 hours.
    """
    now = int(time.time())
    if not (folder / "lock").exists():
        _fail(f"{folder} is not a server's folder")
    try:
        backup_record.note(folder, now)
    except OSError as failure:
        _fail(f"{folder / backup_record.NAME} cannot be written: {failure.strerror}")
    when = datetime.fromtimestamp(now, timezone.utc).isoformat()
    _say(is_json, {"completed": when}, f"recorded a backup that was complete at {when}")


@admin.command()
@click.argument("source", metavar="BACKUP", type=PATH)
@in_folder
@as_json
def restore(source: Path, folder: Path, is_json: bool) -> None:
    """Create a new folder from a backup.  Then start the server on it.

    \b
    1. Restore, check every byte, serve:
         uvideo admin restore /mnt/backup/video /srv/video-restored
         uvideo admin fsck --rehash /srv/video-restored
         uvideo serve /srv/video-restored

    DIR must be new or empty.  If the command is interrupted, run it again.  BACKUP is not changed, and DIR shares no
    file with it.
    """

    _tell_copied(
        is_json, f"restored to {folder}", lambda: restore_backup(source, folder, claim, report=_missing(is_json))
    )


@admin.command()
@in_folder
@click.option("--file", "path", type=PATH, help="Read this audit log instead of that of DIR's server.")
@click.option("--space", help="Only this space.")
@click.option("--key", help="Only this key; with * at the end, all keys that begin like this.")
@click.option("--operation", help="Only this operation, for example DeleteObject.")
@click.option("--who", help="Only requests of this public key or token id.")
@click.option("--address", help="Only requests from this address.")
@click.option("--since", help="Only from this time on: 2h, 3d, 2026-11-29 or 2026-11-29T14:00 (UTC).")
@click.option("--until", help="Only up to this time, in the same formats.")
@click.option("--failed", is_flag=True, help="Only refused or failed requests.")
@as_json
def audit(
    folder: Path,
    path: Path | None,
    space: str | None,
    key: str | None,
    operation: str | None,
    who: str | None,
    address: str | None,
    since: str | None,
    until: str | None,
    failed: bool,
    is_json: bool,
) -> None:
    """Show who changed what.  Reads the audit log of `uvideo serve --audit-log` and its rotated files.

    \b
    1. Who deleted this object?
         uvideo admin audit /srv/video --space films --key 2026/cut.mp4 --operation DeleteObject
    2. What did this key pair do in the last 24 hours?
         uvideo admin audit /srv/video --who UVIDEO... --since 24h
    """
    now = datetime.now(timezone.utc)
    try:
        asked = audit_reader.Asked(
            *(space, key, operation, who, address),
            since=audit_reader.moment(since, now) if since is not None else "",
            until=audit_reader.moment(until, now) if until is not None else "~",
            failed=failed,
        )
        path = path or _audit_file(folder)
        if path is None:
            _fail(f"the server of {folder} has no audit log: start it with --audit-log FILE, or give --file")
        damaged = 0
        for line, text in audit_reader.read(audit_reader.files(path), asked):
            damaged += line is None
            if line is not None:
                click.echo(text if is_json else audit_reader.told(line))
    except (ValueError, OSError) as failure:
        _fail(str(failure))
    if damaged:
        click.echo(f"uvideo: {damaged} lines of the audit log cannot be read", err=True)
        raise SystemExit(1)


def _audit_file(folder: Path) -> Path | None:
    """The gateways' audit log if their environment is set; otherwise the one that the folder's server saved."""
    given = os.environ.get("UVIDEO_SERVE_AUDIT_LOG")
    return Path(given) if given else noted(folder)


@contextlib.contextmanager
def _audited(folder: Path) -> Iterator[Audit]:
    """Opens the audit log before a change.  DriverError if it cannot be written."""
    try:
        found = Audit(_audit_file(folder))
    except OSError as failure:
        raise DriverError(f"the audit log cannot be written, so nothing is changed: {failure}") from None
    try:
        if found.is_foreign():
            raise DriverError(f"{_audit_file(folder)} and its folder belong to different users: nothing is changed")
        yield found
    finally:
        found.close()


def _counts(each: Holding) -> dict[str, Any]:
    return {name: value for name, value in asdict(each).items() if value != ""}


def _spaces(held: list[Holding], account: str) -> list[dict[str, Any]]:
    return [_counts(each) for each in held if each.account == account]


def _table(held: list[Holding]) -> list[str]:
    """The lines of the table: each account, then its spaces.  Empty without spaces."""
    rows: list[tuple[str, ...]] = [("account", "space", *COUNTS)]
    for whole in by_account(held):
        for each in (whole, *(one for one in held if one.account == whole.account)):
            rows.append((each.account, each.space, *(str(getattr(each, name)) for name in COUNTS)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        cells = zip(row, widths, strict=True)
        return "  ".join(text.rjust(width) if at > 1 else text.ljust(width) for at, (text, width) in enumerate(cells))

    return ["", *map(line, rows)] if held else []


def _missing(is_json: bool) -> Callable[[MissingBytes], None]:
    def report(missing: MissingBytes) -> None:
        _say(is_json, asdict(missing), f"{missing.space}/{missing.key}: {missing.reason}")

    return report


def _tell_copied(is_json: bool, what: str, work: Callable[[], Copied]) -> None:
    """Do the work and print its result.  Exit code 1 if bytes are missing."""
    try:
        done = work()
    except (BackupError, DriverError, StartError, sqlite3.Error) as failure:
        _fail(str(failure))
    except OSError as failure:
        _fail(f"{failure.filename}: {failure.strerror}" if failure.filename else str(failure))
    text = (
        f"{what}: {done.objects} objects and {done.uploads} unfinished uploads; files: {done.linked} linked, "
        f"{done.copied} copied ({done.stored} bytes), {done.kept} unchanged, {done.removed} removed; "
        f"credentials.json is {'' if done.credentials else 'not '}included"
    )
    _say(is_json, asdict(done), text)
    if done.missing:
        if not is_json:
            click.echo(
                f"{done.missing} objects and uploads lack bytes: they were already damaged before this command",
                err=True,
            )
        raise SystemExit(1)


def _given_pair() -> Key | None:
    """The gateways' pair in the environment, or None."""
    public, private = (os.environ.get(f"UVIDEO_SERVE_{name}_KEY") for name in ("PUBLIC", "PRIVATE"))
    return check_pair(public or "", private or "") if public is not None or private is not None else None


def _own_pair(folder: Path) -> Key:
    """The pair that encrypts the secrets in the catalog.  CredentialsError."""
    given = _given_pair()
    if given is not None:
        return given
    path = folder / CREDENTIALS
    _check_kept(folder)
    try:
        return load(path)
    except FileNotFoundError:
        raise CredentialsError(
            f"this command needs the server's own key pair, and {path} does not exist: {ELSEWHERE}"
        ) from None


def _check_kept(folder: Path) -> None:
    """CredentialsError if the folder's server got its pair from elsewhere: then no pair in the folder is its own."""
    public = state(folder).get("given_key")
    if public:
        raise CredentialsError(
            f"the server of {folder} does not take its key pair, {public}, from this folder: {ELSEWHERE}"
        )


def _ring(folder: Path) -> Keyring | None:
    """The pairs that decrypt the secrets in the catalog; None if there are none here."""
    try:
        given = _given_pair()
        if given is not None:
            return Keyring([given, *_other_keys()])
        if state(folder).get("given_key"):
            return None
        held = read(folder / CREDENTIALS)
    except FileNotFoundError:
        return None
    return Keyring([held.own], [held.previous] if held.previous is not None else [])


def _other_keys() -> list[Key]:
    given = os.environ.get("UVIDEO_SERVE_OTHER_KEYS")
    return load_some(Path(given)) if given else []


@asynccontextmanager
async def _in_turn(folder: Path) -> AsyncIterator[None]:
    """Locks the folder's pair against changes.  Not needed for gateways: no command changes their pair."""
    if _given_pair() is not None or not folder.is_dir():
        yield
        return
    with turn(folder):
        yield


def _drivers(where: Place, keep: float = KEEP) -> Drivers:
    """The drivers.  DriverError if the folder does not exist."""
    drivers = choose(*where, keep=keep)
    if not drivers.shared and not where.folder.is_dir():
        raise DriverError(f"{where.folder} does not exist")
    return drivers


def _named(where: Place) -> AbstractAsyncContextManager[Catalog]:
    """The started catalog, without the store."""
    return _started(_drivers(where).make()[1])


@asynccontextmanager
async def _started(driver: D) -> AsyncIterator[D]:
    await driver.start(create=False)
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def _opened(
    where: Place, *, alone: bool = False, create: bool = False, keep: float = KEEP
) -> AsyncIterator[Pair]:
    """Started drivers, checked to belong together.  ``alone``: no server may use the folder.
    ``create``: create what is missing, for the target of a migration.  ``keep``: seconds in the quarantine."""
    drivers = choose(*where, keep=keep) if alone else _drivers(where, keep)
    async with contextlib.AsyncExitStack() as stack:
        if alone and not drivers.shared:
            stack.callback(os.close, claim(where.folder))
        store, catalog = drivers.make()
        await stack.enter_async_context(identity.opened(store, catalog, create=create))
        yield store, catalog


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work and return its result.  An error becomes one line."""
    try:
        return asyncio.run(work)
    except Absent as failure:
        _fail(
            f"{failure}, and `uvideo admin` creates none. Give the same DIR, --database and --blobs as to the "
            "server, or set UVIDEO_SERVE_DATABASE and UVIDEO_SERVE_BLOBS"
        )
    except (CredentialsError, DriverError, StartError, RuntimeError, errors.UVideoError) as failure:
        _fail(str(failure))
    except Unreachable as failure:
        _fail(str(failure.strerror))
    except OSError as failure:
        _fail(str(failure))


def _in_quarantine(found: Quarantined) -> str:
    return f"{found.files} files with {found.size} bytes are in the quarantine"


def _say(is_json: bool, fields: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(fields) if is_json else text)


def _fail(message: str) -> NoReturn:
    click.echo(f"uvideo: {message}", err=True)
    raise SystemExit(2)
