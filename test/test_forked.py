"""What is forked for the tests (test/forked.py)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from test.forked import forked
from test.interpreters import ROOT
from test.patience import until
from test.server_fixture import start_server

KILLED = """
import os, signal, sys
from pathlib import Path
from test.server_fixture import start_server
with start_server(Path(sys.argv[1]), "--no-fsync") as server:
    print(server.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_ends_with_the_tests_that_started_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until(lambda: not Path("/proc", done.stdout.strip()).exists())
    assert "stopping" in (tmp_path / "server.log").read_text()


def test_a_server_with_a_variable_of_a_library_is_no_fork(tmp_path: Path) -> None:
    loaded = {}
    for name in ("UVIDEO_SERVE_LOG_LEVEL", "AIOHTTP_NO_EXTENSIONS"):
        with start_server(tmp_path / name, "--no-fsync", env={name: "info"}) as server:
            loaded[name] = "_http_parser" in Path("/proc", str(server.pid), "maps").read_text()
    assert loaded == {"UVIDEO_SERVE_LOG_LEVEL": True, "AIOHTTP_NO_EXTENSIONS": False}


def test_what_a_command_says_and_its_exit_code_are_those_of_a_python_of_its_own() -> None:
    """Its end is shorter: what it loaded is not taken apart."""
    for words, code in ((["--version"], 0), (["nothing"], 2), (["ls", "--nothing"], 2)):
        own = subprocess.run([sys.executable, "-m", "uvideo", *words], cwd=ROOT, capture_output=True, text=True)
        here = forked().run(*words)
        assert (here.returncode, here.stdout, here.stderr) == (code, own.stdout, own.stderr)
        assert own.returncode == code
