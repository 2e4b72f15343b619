"""Where scenarios run: a server with the private space `localhost`, and a process of its own for each.

The official SDK makes the host of the space's name and a suffix.  With this name and the suffix :PORT it needs no name
service.  No server makes such a space any more, so the folder is one that an older server left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.older import older_folder
from test.server_fixture import ROOT, Server, start_server
from uvideo.server.auth.credentials import OWNER

__all__ = ["place", "run", "start_place"]

SECONDS = 120


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's: no proxy, no .netrc, no settings."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "HOME": str(folder),
        "no_proxy": "*",
    }


@contextlib.contextmanager
def start_place(folder: Path) -> Iterator[Server]:
    older_folder(folder / "server", ("localhost", OWNER, "private", ()))
    with start_server(folder / "server", "--no-fsync") as server:
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own."""
    with start_place(tmp_path_factory.mktemp("regressions")) as server:
        yield server


def run(name: str, sdk: str, server: Server, proxy: FaultProxy, folder: Path) -> tuple[dict[str, Any], str]:
    """(the verdict of one scenario, all that was printed).  AssertionError if the scenario itself failed.

    A process that does not end is killed; that is a broken promise too.
    """
    world = {
        "server": server.port,
        "proxy": proxy.port,
        "control": int(proxy.control.rpartition(":")[2]),
        "keys": [server.public_key, server.private_key],
        "folder": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "test.regressions.scenarios", name, sdk],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder),
        cwd=folder,
    )
    try:
        told, printed = process.communicate(json.dumps(world), timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        told, printed = process.communicate()
        found = [json.loads(line)["found"] for line in told.splitlines()]
        return {"findings": [*found, "it does not end"], "seconds": float(SECONDS)}, told + printed
    assert process.returncode == 0, told[-2000:] + printed[-4000:]
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    return verdict, told + printed
