"""The command ``uvideo admin``: for the operator of a server or of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from uvideo._core import errors
from uvideo.server import maintenance
from uvideo.server.credentials import CredentialsError, load_or_create
from uvideo.server.drivers import DriverError, choose
from uvideo.server.main import StartError, claim
from uvideo.storage.base import Blobs, Catalog, ObjectRecord, Unreachable

__all__ = ["admin"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Pair = tuple[Blobs, Catalog]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def admin() -> None:
    """Look after a server's folder or a cluster.

    Where things are is said as to `uvideo serve`: DIR, --database and --blobs, or UVIDEO_SERVE_DATABASE and
    UVIDEO_SERVE_BLOBS.  Exit codes: 0 all is well, 1 damage was found, 2 it could not be done.
    """


def place(command: F) -> F:
    """The arguments that say where things are."""
    for option in (
        click.option("--blobs", envvar="UVIDEO_SERVE_BLOBS", metavar="URL", help="As of uvideo serve."),
        click.option("--database", envvar="UVIDEO_SERVE_DATABASE", metavar="URL", help="As of uvideo serve."),
        click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command


as_json = click.option("--json", "is_json", is_flag=True, help="One JSON object a line.")


@admin.command()
@place
@as_json
def stats(folder: Path, database: str | None, blobs: str | None, is_json: bool) -> None:
    """Count what the catalog names."""

    async def work() -> None:
        async with _opened(folder, database, blobs) as (_, catalog):
            census = asdict(await catalog.census())
        _say(is_json, census, "\n".join(f"{name}: {value}" for name, value in census.items()))

    _run(work())


@admin.command()
@place
@click.option("--rehash/--no-rehash", default=False, show_default=True, help="Read every byte and compare the etags.")
@as_json
def fsck(folder: Path, database: str | None, blobs: str | None, rehash: bool, is_json: bool) -> None:
    """Compare every object with its bytes.  Gateways may go on; nothing is changed."""

    async def work() -> int:
        looked, found = 0, 0

        def seen(record: ObjectRecord) -> None:
            nonlocal looked
            looked += 1

        async with _opened(folder, database, blobs) as (store, catalog):
            async for damage in maintenance.check(store, catalog, rehash=rehash, seen=seen):
                found += 1
                _say(is_json, asdict(damage), f"{damage.space}/{damage.key}: {damage.reason}")
        _say(is_json, {"objects": looked, "damaged": found}, f"{looked} objects, {found} damaged")
        return found

    if _run(work()):
        raise SystemExit(1)


@admin.command()
@place
@click.option("--age", default=3600, show_default=True, type=click.IntRange(3600), help="Seconds without a name.")
@as_json
def gc(folder: Path, database: str | None, blobs: str | None, age: int, is_json: bool) -> None:
    """Remove what nobody names, as gateways do by themselves every ten minutes."""

    async def work() -> None:
        async with _opened(folder, database, blobs) as (store, catalog):
            count = await maintenance.collect(store, catalog, age)
        _say(is_json, {"removed": count}, f"removed {count} blobs and drafts that nothing named")

    _run(work())


@admin.command()
@place
@click.option("--to-folder", type=click.Path(path_type=Path), help="Target: a folder, with SQLite unless ...")
@click.option("--to-database", envvar="UVIDEO_ADMIN_TO_DATABASE", metavar="URL", help="Target: a database.")
@click.option("--to-blobs", envvar="UVIDEO_ADMIN_TO_BLOBS", metavar="URL", help="Target: a store.")
@as_json
def migrate(
    folder: Path,
    database: str | None,
    blobs: str | None,
    to_folder: Path | None,
    to_database: str | None,
    to_blobs: str | None,
    is_json: bool,
) -> None:
    """Copy everything to other drivers, every byte verified.  Broken off, the same command goes on.

    \b
    1. From a folder to a cluster (the server is stopped):
         uvideo admin migrate /srv/video --to-database postgresql://... --to-blobs s3://...
    2. And back:
         uvideo admin migrate /srv/none --database postgresql://... --blobs s3://... --to-folder /srv/video

    Unfinished uploads stay behind.  The source is not changed.
    """
    if to_folder is None and not (to_database and to_blobs):
        _fail("say where to: --to-folder, or --to-database and --to-blobs")

    async def work() -> None:
        there = to_folder or folder
        async with (
            _opened(folder, database, blobs, alone=True) as source,
            _opened(there, to_database, to_blobs, alone=there != folder) as target,
        ):
            moved = await maintenance.move(source, target)
            before, after = await source[1].census(), await target[1].census()
        _say(is_json, asdict(moved), ", ".join(f"{name} {value}" for name, value in asdict(moved).items()))
        if after.objects < before.objects:
            _fail(f"the target has {after.objects} objects, the source {before.objects}: run it again")

    _run(work())


@admin.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Make a new pair; the old one is kept beside it and counts no more.")
@as_json
def keys(folder: Path, replace: bool, is_json: bool) -> None:
    """Show the public key of DIR/credentials.json, which is made if there is none."""
    path = folder / "credentials.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if replace and path.exists():
            old, _ = load_or_create(path)
            os.replace(path, path.with_name(f"credentials.json.{old.public}"))
        key, created = load_or_create(path)
    except (CredentialsError, OSError) as failure:
        _fail(str(failure))
    text = f"{key.public}, {'made now' if created else 'as it was'}, in {path}"
    _say(is_json, {"public_key": key.public, "created": created, "path": str(path)}, text)


@asynccontextmanager
async def _opened(folder: Path, database: str | None, blobs: str | None, *, alone: bool = False) -> AsyncIterator[Pair]:
    """Started drivers.  ``alone``: of a folder, no server may be running."""
    drivers = choose(folder, database, blobs)
    async with contextlib.AsyncExitStack() as stack:
        if not drivers.shared:
            if not alone and not folder.is_dir():
                raise DriverError(f"{folder} is not there")
            if alone:
                stack.callback(os.close, claim(folder))
        store, catalog = drivers.make()
        for driver in (catalog, store):
            await driver.start()
            stack.push_async_callback(driver.close)
        yield store, catalog


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Its result; what goes wrong is one line."""
    try:
        return asyncio.run(work)
    except (DriverError, StartError, RuntimeError, errors.UVideoError) as failure:
        _fail(str(failure))
    except Unreachable as failure:
        _fail(str(failure.strerror))
    except OSError as failure:
        _fail(str(failure))


def _say(is_json: bool, fields: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(fields) if is_json else text)


def _fail(message: str) -> NoReturn:
    click.echo(f"uvideo: {message}", err=True)
    raise SystemExit(2)
