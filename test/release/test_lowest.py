"""The server, and the clients through SOCKS proxies, with the lowest versions of libraries that setup.cfg allows."""

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

#: What speaks to those libraries: sockets, the parser, metrics, outgoing calls, ciphers; PySocks.
TESTS = (
    "server/test_http.py",
    "server/test_exposition.py",
    "server/test_callback.py",
    "server/test_seal.py",
    "server/test_tokens.py",
    "server/test_console.py",
    "server/test_signatures.py",
    "client/test_aiosocks.py",
    "sdk/test_socks.py",
)


def lowest() -> list[str]:
    """The extras `server` and `socks`, and what tests need, at what ">=" names; and `cluster`, for the fixtures."""
    parser = configparser.ConfigParser()
    parser.read(interpreters.ROOT / "setup.cfg")
    extras = parser["options.extras_require"]
    bounded = [each for each in extras["develop"].split() if ">=" in each]
    wanted = list(dict.fromkeys(extras["server"].split() + extras["socks"].split() + bounded))
    assert sum(">=" in each for each in wanted) >= 4
    return [each.replace(">=", "==") for each in wanted] + extras["cluster"].split()


def test_they_run_with_the_lowest_versions(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wanted = [*lowest(), "requests", "pytest", "hypothesis"] + ["tomli"] * (sys.version_info < (3, 11))
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    subprocess.run(install, check=True, timeout=300)
    files = [str(interpreters.ROOT / "test" / each) for each in TESTS]
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
