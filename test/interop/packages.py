"""Packages of a registry, each in a folder that this process does not see, and programs that run on them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from test import patience


def installed(folder: Path, *packages: str, alone: bool = False) -> Path:
    """Install packages into a new folder.  ``alone``: without what they need, which this Python then must have."""
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", str(target)]
    done = subprocess.run(
        [*pip, *(["--no-deps"] if alone else []), *packages], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return target


def told(site: Path, program: str, *words: str, proxy: str = "") -> Any:
    """The JSON in the last line that a program prints.  ``proxy``: where it reaches every host, by plain HTTP."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8"}
    environment |= {"http_proxy": proxy} if proxy else {"no_proxy": "*"}
    command = [sys.executable, "-W", "ignore", "-c", program, *words]
    got = subprocess.run(
        command, cwd=site.parent, env=environment, capture_output=True, text=True, timeout=patience.SECONDS
    )
    assert got.returncode == 0, got.stdout[-1000:] + got.stderr[-3000:]
    return json.loads(got.stdout.splitlines()[-1])
