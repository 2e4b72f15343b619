"""docs/migrate/from-us3cli: our lines run as they stand, and what the table names exists."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from test.cli.shell import Shell
from test.interpreters import ROOT
from test.migrate.pages import page, program
from test.server_fixture import Server, start_server
from uvideo.cli import program as command

PAGE = "from-us3cli.md"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server whose spaces have the names of the page."""
    with start_server(tmp_path / "server", "--no-fsync") as server:
        yield server


@pytest.mark.long  # a process for each line
def test_the_lines_run(own: Server, tmp_path: Path) -> None:
    shell = Shell(own, tmp_path)
    shutil.copy(ROOT / "test" / "data" / "demo.mp4", shell.folder / "movie.mp4")
    shutil.copy(own.dir / "credentials.json", shell.folder)
    (shell.folder / "notes.txt").write_text("some notes\n")
    (shell.folder / "photos").mkdir()
    for name in ("a.jpg", "b.jpg", "c.tmp"):
        (shell.folder / "photos" / name).write_text(name)
    lines = program(PAGE, "uvideo").replace("--provider local", f"--provider local --endpoint {own.host}")
    done = shell.sh(
        "set -e -o pipefail\n" + lines, UVIDEO_ENDPOINT=None, UVIDEO_PUBLIC_KEY=None, UVIDEO_PRIVATE_KEY=None
    )
    assert done.code == 0, done.err
    assert "Traceback" not in done.err and own.private_key not in done.out + done.err
    assert "some notes\n" in done.out and "Signature=" in done.out
    assert (shell.folder / "copy.mp4").read_bytes() == (shell.folder / "movie.mp4").read_bytes()
    assert list(shell.client.list_spaces()) == []


def test_every_verb_and_option_of_the_table_exists() -> None:
    table = page(PAGE).partition("## Every command")[2].partition("## Set up")[0]
    options: set[str] = set()
    verbs = set(command.VERBS)
    for row in table.splitlines()[4:]:
        if not row:
            continue
        ours = row.split(" | ")[1]
        options |= set(re.findall(r"(--[a-z-]+)", ours))
        for words in re.findall(r"`([a-z][a-z0-9]*)(?: [^`]*)?`", ours):
            assert words in verbs or words in ("pip",) or f"`{words}`" in ours, words
    known: set[str] = set()

    def read(each: click.Command) -> None:
        known.update(name for option in each.params for name in option.opts)
        for inner in getattr(each, "commands", {}).values():
            read(inner)

    for name in verbs:
        found = command.commands.get_command(click.Context(command.commands), name)
        assert found is not None
        read(found)
    assert options <= known | {"--profile", "--config", "--endpoint", "--json", "--no-progress"}
