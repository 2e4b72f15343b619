"""Every example of every help text runs as it stands there, and ends as it should."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from test.cli.inside import Inside, calls
from test.cli.shell import SECONDS, Done, Shell
from test.interpreters import ROOT
from test.server_fixture import Server, start_server
from uvideo.cli import program, verb_command
from uvideo.cli.verb_command import Example

MOVIE = (ROOT / "test" / "data" / "demo.mp4").read_bytes()
#: The same here and in the space demo.
FILES = {
    "movie.mp4": MOVIE,
    "notes.txt": b"some notes that are longer than twenty bytes\n",
    "photos/a.jpg": b"a" * 5000,
    "photos/b.jpg": b"b" * 6000,
    "videos/2026/a.mp4": MOVIE[:100_000],
    "videos/x.tmp": b"x",
}
OBJECTS = {**FILES, "a.txt": b"a", "old.mp4": MOVIE[:9], "log/1.txt": b"one\n", "log/2.txt": b"two\n"}
CONFIG = 'default_profile = "home"\n[profiles.home]\nretries = 3\n[profiles.old]\nretries = 1\n'


def examples() -> list[tuple[str, Example]]:
    """(verb, Example) of each."""
    found: list[tuple[str, Example]] = []

    def read(path: str, command: click.Command) -> None:
        assert isinstance(command, (verb_command.VerbCommand, verb_command.VerbGroup))
        assert command.examples, f"{path} has no example"
        found.extend((path, each) for each in command.examples)
        for name, each in getattr(command, "commands", {}).items():
            read(f"{path} {name}", each)

    for name in program.VERBS:
        command = program.commands.get_command(click.Context(program.commands), name)
        assert command is not None
        read(name, command)
    return found


ALL = examples()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose spaces have the names of the examples."""
    with start_server(tmp_path_factory.mktemp("own"), "--no-fsync") as server:
        yield server


class Spaces:
    """The three spaces that the examples speak of, made anew once anybody has written to the server's catalog."""

    def __init__(self, server: Server) -> None:
        self._catalog = sqlite3.connect(f"file:{server.dir}/catalog.db?mode=ro", uri=True)
        self._version = -1

    def version(self) -> int:
        """Another number after each commit of another connection."""
        return int(self._catalog.execute("PRAGMA data_version").fetchone()[0])

    def restore(self, shell: Shell) -> None:
        if self.version() == self._version:
            return
        for space in list(shell.client.list_spaces()):
            shell.client.delete_many(space.name, [each.key for each in shell.client.list(space.name)])
            shell.client.delete_space(space.name)
        for name in ("demo", "backup", "archive"):
            shell.client.create_space(name)
        shell.fill("demo", dict(OBJECTS))
        shell.fill("backup", {"photos/a.jpg": FILES["photos/a.jpg"], "photos/b.jpg": FILES["photos/b.jpg"]})
        shell.client.put("archive", "2019.mp4", b"x", storage_class="ARCHIVE")
        self._version = self.version()

    def close(self) -> None:
        self._catalog.close()


@pytest.fixture(scope="module")
def spaces(own: Server) -> Iterator[Spaces]:
    with contextlib.closing(Spaces(own)) as made:
        yield made


@pytest.fixture
def world(own: Server, spaces: Spaces, tmp_path: Path) -> Shell:
    """What the examples speak of: three spaces, files, profiles."""
    shell = Shell(own, tmp_path)
    spaces.restore(shell)
    for name, content in {**FILES, "logs/a.log": b"log\n", "key.txt": b"some-private-key\n"}.items():
        (shell.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shell.folder / name).write_bytes(content)
    (shell.folder / "uvideo-data").symlink_to(own.dir)
    config = shell.home / ".config" / "uvideo" / "config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text(CONFIG)
    config.chmod(0o600)
    return shell


@pytest.fixture
def within(world: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return calls(world, monkeypatch, capsys)


def plain(example: Example) -> bool:
    """Whether it is one call of the command, with nothing for the shell but quotes."""
    return not re.search(r"[|<>&;$`\n]", re.sub(r"'[^']*'", "", example.command))


EVERY = 3  # one example of so many runs in the quick suite, each in the long one
OTHERS = [(path, each) for path, each in ALL if path != "serve"]
QUICK = OTHERS[::EVERY]
CASES = [
    pytest.param(
        *each,
        id=f"{each[0]} {each[1].text}"[:60],
        marks=pytest.mark.long if each not in QUICK or plain(each[1]) else (),
    )
    for each in OTHERS
]
HERE = [pytest.param(each, id=f"{path} {each.text}"[:60]) for path, each in QUICK if plain(each)]


def judge(world: Shell, example: Example, done: Done) -> None:
    assert done.code == example.exit, done.err
    assert "Traceback" not in done.err
    assert world.server.private_key not in done.out + done.err + example.command


@pytest.mark.parametrize(("path", "example"), CASES)
def test_an_example_runs(world: Shell, path: str, example: Example) -> None:
    judge(world, example, world.sh("set -e -o pipefail\n" + example.command))


@pytest.mark.parametrize("example", HERE)
def test_a_plain_example_runs_in_this_process(world: Shell, within: Inside, example: Example) -> None:
    program, *words = shlex.split(example.command)
    assert program == "uvideo"
    judge(world, example, within(*words))


@pytest.mark.parametrize("example", [each for path, each in ALL if path == "serve"], ids=lambda each: each.text[:30])
def test_a_server_starts_and_stops(tmp_path: Path, own: Server, example: Example) -> None:
    shell = Shell(own, tmp_path)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
        + ["-keyout", "key.pem", "-out", "cert.pem"],
        cwd=shell.folder,
        capture_output=True,
        check=True,
    )
    environ = {name: value for name, value in shell.environ.items() if not name.startswith("UVIDEO_")}
    free = {"UVIDEO_SERVE_PORT": "0", "UVIDEO_SERVE_ADMIN_PORT": "0"}
    command = "exec " + example.command.replace("0.0.0.0", "127.0.0.1")
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=shell.folder,
        env={**environ, **free},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "endpoint" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_no_example_has_a_secret_on_its_command_line() -> None:
    for path, example in ALL:
        assert not re.search(r"--private-key(?! key)|PRIVATE_KEY=|private_key [^-]", example.command), path


def test_help_numbers_them(inside: Inside) -> None:
    for path in ("ls", "config init", "doctor"):
        text = inside(*path.split(), "--help").out
        for number, example in enumerate([each for name, each in ALL if name == path], 1):
            assert f"  {number}. {example.text}\n       {example.command.splitlines()[0]}\n" in text
