"""uvideo admin: for the operator of a server.  The commands are the server's own: uvideo.server.admin_commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from uvideo.cli import settings_file
from uvideo.cli.context import Context
from uvideo.cli.serve import needs_server, serve
from uvideo.cli.verb_command import Example, option, verb

__all__ = ["admin"]


@verb(
    "admin",
    text=(
        "COMMAND is stats, fsck, gc, compact, backup, backed-up, restore, restart, adopt, migrate, keys, "
        "list-keys, add-key, remove-key, audit or upgraded; `uvideo admin help COMMAND` shows its options. Give "
        "the same DIR, --database and --blobs as to uvideo serve, or its --settings. Exit codes: 0 success, 1 "
        "damage was found, 2 the command failed.",
    ),
    examples=[
        Example("Show what a server's folder contains:", "uvideo admin stats uvideo-data"),
        Example("Read all bytes and compare them with the etags:", "uvideo admin fsck uvideo-data --rehash"),
        Example("Back up a folder while its server runs:", "uvideo admin backup uvideo-data uvideo-backup"),
        Example("Move from a folder to a database and a store:", "uvideo admin help migrate"),
    ],
    settings={"ignore_unknown_options": True},
)
@click.argument("command", metavar="COMMAND")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENT]...")
@option(
    "--settings",
    metavar="FILE",
    multiple=True,
    envvar="UVIDEO_SERVE_SETTINGS",
    type=click.Path(path_type=Path),
    help=(
        "Settings file of the server, for settings that neither the command line nor the environment gives. Repeatable."
    ),
)
def admin(context: Context, command: str, arguments: tuple[str, ...], settings: tuple[Path, ...]) -> int:
    with needs_server():
        from uvideo.server import admin_commands
    words = [*arguments, "--help"] if command == "help" else [command, *arguments]
    if context.json and command != "help":
        words.append("--json")
    found = {}
    if command != "help":
        settings_file.refuse_unknown(click.Context(serve), os.environ)
        found = settings_file.environment(click.Context(serve), settings)
    try:
        with _environment(found):
            admin_commands.admin.main(args=words, prog_name="uvideo admin", standalone_mode=False)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 2
    return 0


@contextmanager
def _environment(found: dict[str, str]) -> Iterator[None]:
    """Sets environment variables for the block, except those that are already set."""
    new = {name: value for name, value in found.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
