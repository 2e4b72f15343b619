"""What macOS has not, taken away, and F_FULLFSYNC counted: large transfers, the journal, and a server that syncs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from test import patience
from test.interpreters import ROOT

pytestmark = pytest.mark.systems

FILES = ["test/systems/test_transfers.py", "test/test_localfile.py", "test/client/test_profiles.py"]
STORE = """
import pathlib, sys
from uvideo import Client
from test.server_fixture import start_server

with start_server(pathlib.Path(sys.argv[1])) as server, Client(
    server.public_key, server.private_key, endpoint=server.host
) as client:
    client.create_space("films")
    count = pathlib.Path(sys.argv[2])
    before = count.stat().st_size if count.exists() else 0
    client.put("films", "a", b"x" * 100_000)
    print(count.stat().st_size - before)
"""


def like_macos(*arguments: str, count: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).with_name("macos")), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**environment, "FULLFSYNC_COUNT": str(count)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=patience.SUITE_SECONDS,
    )


def test_transfers_are_synced_by_f_fullfsync(tmp_path: Path) -> None:
    count = tmp_path / "count"
    done = like_macos("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long", *FILES, count=count)
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d\d passed", done.stdout), done.stdout[-2000:]
    assert count.stat().st_size >= 6  # the journal of each transfer, and its folder


def test_a_server_that_syncs_waits_for_the_disk(tmp_path: Path) -> None:
    count = tmp_path / "count"
    done = like_macos("-c", STORE, str(tmp_path / "server"), str(count), count=count)
    assert done.returncode == 0, done.stdout[-6000:]
    assert int(done.stdout.splitlines()[-1]) >= 2, done.stdout  # the blob, and the folder that names it
