"""The programs in a page of docs/migrate: the blocks of one title, in their order, are one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from test import patience
from test.interpreters import ROOT, Interpreter, bytecode, prepare
from test.server_fixture import Server

__all__ = ["FENCE", "SERVICE", "page", "program", "run"]

FOLDER = ROOT / "docs" / "migrate"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
#: What the pages write for the real service; a local server's address takes its place.
SERVICE = 'provider="us3", region="cn-bj"'
SECONDS = patience.SECONDS


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def program(name: str, title: str) -> str:
    """Its lines have the numbers that they have in the page."""
    text, lines = page(name), list[str]()
    for block in FENCE.finditer(text):
        if block[2] == title:
            lines += [""] * (text.count("\n", 0, block.start(3)) - len(lines)) + block[3].splitlines()
    assert lines, f"{name} has no block titled {title}"
    return "\n".join(lines) + "\n"


def run(
    name: str,
    title: str,
    server: Server,
    folder: Path,
    filled: Mapping[str, str] = {},
    interpreter: Interpreter | None = None,
    **environ: str,
) -> str:
    """What the program printed.  filled: what takes the place of what.  interpreter: instead of this one.

    AssertionError if it failed.

    It runs in ``folder``, where there are a movie.mp4 of two blocks and more, and a notes.txt.
    """
    shutil.copy(ROOT / "test" / "data" / "demo.mp4", folder / "movie.mp4")
    (folder / "notes.txt").write_text("some notes\n")
    source = program(name, title)
    for written, value in filled.items():
        assert written in source, written
        source = source.replace(written, value)
    (folder / "program.py").write_text("# -*- coding: utf-8 -*-\n" + source, "utf-8")
    python, path = (interpreter.path, prepare(interpreter)) if interpreter else (sys.executable, "")
    done = subprocess.run(
        [python, "program.py"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), path])),
            "PYTHONIOENCODING": "utf-8",
            **(bytecode(interpreter) if interpreter else {}),
            "UCLOUD_PUBLIC_KEY": server.public_key,
            "UCLOUD_PRIVATE_KEY": server.private_key,
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
