"""The official Python SDK, ufile 3.2.11 from PyPI, unmodified: every public method, in two ways of reaching it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.server_fixture import Server, start_server

ufile = pytest.importorskip("ufile", reason="make venv installs it")

VERSION = "3.2.11"
PROGRAM = Path(__file__).with_name("official.py")
MODULES = ("auth", "baseufile", "bucketmanager", "config", "filemanager", "httprequest", "logger")
MODULES += ("multipartuploadufile",)

#: Broken in the SDK itself, whatever the server says: what is seen, and why.
BROKEN = {
    "listobjects()": "KeyError",  # unless prefix, marker and delimiter are all given
    "compare_file_etag of an absent key": "AttributeError",  # resp.etag is None
    "compare_file_etag of empty": False,  # file_etag of no bytes hashes nothing
    "X-UCloud-* header": "AttributeError",  # x.lowerx
    "repr(resp)": "TypeError",  # returns a method
    "key with ?": 401,  # sent as a query, signed as a key
    "key with %": 401,  # sent as it is, so the server decodes it
    "key with ..": 401,  # collapsed after signing
    "init_multipart_upload refused": "AttributeError",  # "if resp.ok:" is a method and always true
    "upload_part_copy(offset, size)": 419,  # asks for bytes=offset-(size-1)
    "BucketManager.set_keys": "TypeError",  # keeps bytes, joins text
    "resume after a failure of parallel parts": 400,  # keeps the holes of the etag list and appends behind them
}


def public_functions() -> set[str]:
    """module.name of every public function and method in the wheel, its internal helpers in util and compact apart."""
    found = set()
    for module in MODULES:
        tree = ast.parse((Path(ufile.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.add(f"{module}.{node.name}")
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for these programs alone: they count all spaces."""
    with start_server(tmp_path_factory.mktemp("official"), "--no-fsync") as started:
        yield started


@pytest.mark.parametrize("mode", ("proxy", "userinfo"))
def test_every_public_method_of_the_official_sdk(alone: Server, tmp_path: Path, mode: str) -> None:
    assert ufile.__version__ == VERSION
    environment = {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"}
    environment |= {"http_proxy": f"http://127.0.0.1:{alone.port}"} if mode == "proxy" else {"no_proxy": "*"}
    got = subprocess.run(
        [sys.executable, str(PROGRAM), mode, str(alone.port), alone.public_key, alone.private_key, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        env=environment,
    )
    assert got.returncode == 0, got.stdout[-1000:] + got.stderr[-3000:]
    told = json.loads(got.stdout.splitlines()[-1])
    assert public_functions() - set(told["called"]) == set()
    expected = dict(BROKEN)
    if mode == "userinfo":
        del expected["compare_file_etag of empty"]  # the method takes no header, so it cannot reach the server
    assert told["broken"] == expected
