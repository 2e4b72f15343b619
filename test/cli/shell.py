"""The command as a user runs it: a process of its own, in a folder and home of its own, against the real server."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.cli.records import check
from test.forked import Forked
from test.interpreters import ROOT
from test.server_fixture import Server
from test.terminal import on_terminal
from uvideo import Client

__all__ = ["Done", "Shell", "shell"]

SECONDS = patience.SECONDS


@dataclass(frozen=True)
class Done:
    """How a command ended.  out, err: text; data: the bytes of out."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects of standard output, each with the fields of its kind."""
        return [check(line) for line in self.lines]


class Shell:
    """home: what the command has as HOME.  folder: where it runs.  environ: what it sees besides.

    ``commands``: calls are forked from there; otherwise each loads the program itself, as for a user.
    """

    def __init__(self, server: Server, tmp: Path, commands: Forked | None = None) -> None:
        self._commands = commands
        self.server, self.home, self.folder = server, tmp / "home", tmp / "work"
        self.home.mkdir()
        self.folder.mkdir()
        self.bin = tmp / "bin"
        self.bin.mkdir()
        program = self.bin / "uvideo"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m uvideo "$@"\n')
        program.chmod(0o755)
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "TZ": "UTC",
            "UVIDEO_ENDPOINT": server.host,
            "UVIDEO_PUBLIC_KEY": server.public_key,
            "UVIDEO_PRIVATE_KEY": server.private_key,
        }
        self.client = Client(server.public_key, server.private_key, endpoint=server.host)

    def space(self, **objects: bytes | str) -> str:
        """A new space that holds these objects; __ in a name stands for a slash."""
        return self.filled({key.replace("__", "/"): value for key, value in objects.items()})

    def filled(self, objects: Mapping[str, bytes | str]) -> str:
        """A new space that holds these objects."""
        name = self.client.create_space("s-" + uuid.uuid4().hex[:20]).name
        self.fill(name, objects)
        return name

    def fill(self, space: str, objects: Mapping[str, bytes | str]) -> None:
        for key, value in objects.items():
            self.client.put(space, key, value.encode() if isinstance(value, str) else value)

    def __call__(self, *words: str, stdin: bytes = b"", **environ: str | None) -> Done:
        """Run uvideo with these words; a variable that is None is not set.  No secret may be in what it prints."""
        at_start = any(name.startswith(("PYTHON", "LANG", "LC_")) for name in environ)  # Python itself reads these
        if self._commands is None or at_start:
            done = subprocess.run(
                [sys.executable, "-m", "uvideo", *words],
                cwd=self.folder,
                env=self._environ(environ),
                input=stdin,
                capture_output=True,
                timeout=SECONDS,
            )
        else:
            done = self._commands.whole([*words], self._environ(environ), self.folder, stdin)
        found = Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
        self.check(found.out + found.err)
        return found

    def sh(self, script: str, program: str = "bash", **environ: str | None) -> Done:
        """Run a script in which uvideo is a command."""
        done = subprocess.run(
            [program, "-c", script],
            cwd=self.folder,
            env=self._environ(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))

    def terminal(
        self,
        *words: str,
        answers: dict[str, str] | Sequence[tuple[str, str]],
        program: Sequence[str] = (sys.executable, "-m", "uvideo"),
        **environ: str | None,
    ) -> Done:
        """Run uvideo on a terminal; once it shows the first of a pair the second is typed.  out: the screen."""
        asked = 0
        waiting = list(answers.items() if isinstance(answers, dict) else answers)

        def step(screen: int, seen: bytes) -> None:
            nonlocal asked
            if waiting and waiting[0][0].encode() in seen[asked:]:
                asked = len(seen)
                os.write(screen, waiting.pop(0)[1].encode() + b"\n")

        code, seen = on_terminal([*program, *words], self._environ(environ), self.folder, step)
        assert not waiting, f"never asked: {waiting}\n{seen.decode('utf-8', 'replace')}"
        found = Done(code, seen.replace(b"\r\n", b"\n"), "")
        self.check(found.out)
        return found

    def _environ(self, given: dict[str, str | None]) -> dict[str, str]:
        return {name: value for name, value in {**self.environ, **given}.items() if value is not None}

    def check(self, text: str) -> None:
        """No secret may be in what is printed."""
        assert self.server.private_key not in text


@pytest.fixture
def shell(server: Server, tmp_path: Path, commands: Forked) -> Shell:
    return Shell(server, tmp_path, commands)
