"""A newcomer's first hour is a script, and it works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from test import patience
from test.interpreters import ROOT


def test_first_hour(tmp_path: Path) -> None:
    home, work, programs = tmp_path / "home", tmp_path / "work", tmp_path / "bin"
    for folder in (home, work, programs):
        folder.mkdir()
    (programs / "uvideo").write_text(f'#!/bin/sh\nexec {sys.executable} -m uvideo "$@"\n')
    (programs / "uvideo").chmod(0o755)
    environ = {
        "HOME": str(home),
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PORT": "0",
        "ADMIN_PORT": "0",
    }
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [ROOT / "test" / "e2e" / "first_hour"],
            cwd=work,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(patience.SUITE_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    said = log.read_text()
    assert (code, said.splitlines()[-1]) == (0, "all done"), said[-3000:]
    assert json.loads((work / "store" / "credentials.json").read_text())["private_key"] not in said
    assert list((home / ".local" / "state" / "uvideo").rglob("*.jsonl")) == []
