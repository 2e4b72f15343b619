"""The server with the lowest versions of its libraries that setup.cfg allows."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from test import interpreters

pytestmark = pytest.mark.long

#: What speaks to those libraries: sockets, the parser, outgoing calls, ciphers.
TESTS = ("test_http.py", "test_callback.py", "test_seal.py", "test_tokens.py", "test_console.py", "test_signatures.py")


def lowest() -> list[str]:
    """The extra `server`, each library at the version that its ">=" names; and `cluster`, which the fixtures import."""
    parser = configparser.ConfigParser()
    parser.read(interpreters.ROOT / "setup.cfg")
    extras = parser["options.extras_require"]
    wanted = extras["server"].split()
    assert sum(">=" in each for each in wanted) >= 2
    return [each.replace(">=", "==") for each in wanted] + extras["cluster"].split()


def test_the_server_runs_with_the_lowest_versions(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wanted = [*lowest(), "requests", "pytest", "hypothesis"] + ["tomli"] * (sys.version_info < (3, 11))
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    subprocess.run(install, check=True, timeout=300)
    files = [str(interpreters.ROOT / "test" / "server" / each) for each in TESTS]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "UVIDEO_"))}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=interpreters.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
