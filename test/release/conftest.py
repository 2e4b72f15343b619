"""What is published, built once for the tests that take it apart and install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from test.interpreters import ROOT

SECONDS = 600


@dataclass(frozen=True)
class Release:
    """python: has what a release is built with.  The rest: what was built."""

    python: Path
    folder: Path
    sdist: Path
    toolkit: Path
    sdk: Path


def called(*command: str | Path, folder: Path = ROOT, **environ: str) -> str:
    """What a command prints; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UVIDEO_"))}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env={**environment, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def builder() -> Path:
    """The Python that make dist builds with, made by make."""
    called("make", "-s", ".cache/release/.made", f"PYTHON={sys.executable}")
    return ROOT / ".cache" / "release" / "bin" / "python"


@pytest.fixture(scope="session")
def release(builder: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    called(builder, ROOT / "packaging" / "dist.py", "--dirty", "--out", folder)
    (sdist,), (toolkit,), (sdk,) = (list(folder.glob(each)) for each in ("*.tar.gz", "*-py310-*", "*-py27.py36-*"))
    return Release(builder, folder, sdist, toolkit, sdk)


def copied(target: Path) -> Path:
    """A clone of this repository with what is not committed yet."""
    called("git", "clone", "--quiet", "--no-hardlinks", ROOT, target)
    for name in called("git", "ls-files", "-z").split("\0")[:-1]:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    called("git", "add", "--all", folder=target)
    return target
