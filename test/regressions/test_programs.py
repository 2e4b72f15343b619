"""Programs of shapes that users of the older SDKs have published run on 2.7 and 3, with the folder ucloud copied."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import interpreters
from test.patience import SUITE_SECONDS
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server

FOLDER = Path(__file__).with_name("programs")
PROGRAMS = sorted(FOLDER.glob("*.py"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that programs ask as the proxy of the hosts that they name."""
    with start_server(tmp_path_factory.mktemp("programs"), "--no-fsync") as server:
        yield server


def shape(path: Path) -> str:
    """What a program says of itself."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").rstrip(".")


@pytest.mark.parametrize("interpreter", interpreters.cases(), ids=lambda each: each.name)
def test_programs_run_with_the_folder_copied(
    interpreter: interpreters.Interpreter, own: Server, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "ucloud", project / "ucloud", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    peer = Peer(own)
    bucket, public = peer.space(), peer.space("public")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(project), interpreters.prepare(interpreter)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "http_proxy": own.endpoint,
        "PUBLIC_KEY": own.public_key,
        "PRIVATE_KEY": own.private_key,
        "BUCKET": bucket,
        "PUBLIC_BUCKET": public,
        "SUFFIX": ".one.example.com",
        "API": own.endpoint,
    }
    result = tmp_path / "result.json"
    done = subprocess.run(
        [interpreter.path, str(FOLDER.with_name("run_programs.py")), str(tmp_path), str(result), *map(str, PROGRAMS)],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(result.read_text())
    assert Path(told["from"]) == project
    failed = {name: said[-3000:] for name, (status, said) in told["programs"].items() if status}
    assert failed == {}
    assert len(told["programs"]) == len(PROGRAMS) >= 14
