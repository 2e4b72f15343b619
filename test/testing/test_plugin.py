"""The pytest plugin as its users have it: their tests in a process of their own, the server real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from test import patience
from test.interpreters import ROOT
from test.test_namespace import copied_tree
from uvideo.testing import faults, serve

PASSES = """
import uvideo

def test_with_the_client(uvideo_server):
    client = uvideo_server.client
    client.create_space("films")
    client.put("films", "a", b"hello")
    assert client.get("films", "a").data == b"hello"

def test_each_gets_an_empty_one(uvideo_server):
    assert list(uvideo_server.client.list_spaces()) == []

def test_an_upload_goes_on(uvideo_server, tmp_path):
    (tmp_path / "film").write_bytes(bytes(9 << 20))
    uvideo_server.faults.on("UploadPart", part=1).cut_after(512).then(503, times=2)
    uvideo_server.client.create_space("films")
    assert uvideo_server.client.upload("films", "a", tmp_path / "film").verified
    assert [each.happened for each in uvideo_server.faults.report()] == [1, 2]
"""
FAILS = """
def test_a_fault_that_never_happened(uvideo_server):
    uvideo_server.faults.on("GetObject", key="never").answer(503)
    uvideo_server.client.create_space("films")
"""


def run_pytest(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_theirs.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UVIDEO_", "PYTEST"))}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:uvideo",
            "-p",
            "uvideo.testing",
            "-p",
            "no:cacheprovider",
            "test_theirs.py",
        ],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
    )


def test_a_users_tests_and_a_fault_that_never_happened(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, PASSES + FAILS)
    assert done.returncode == 1 and re.search(r"^(1 failed, 3|4) passed(, 1 error)? in", done.stdout, re.MULTILINE), (
        done
    )
    assert "these faults never happened: GetObject key='never': answer(status=503)" in done.stdout


def test_it_keeps_its_address_over_kill_9(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        endpoint = server.endpoint
        server.client.create_space("films")
        server.client.put("films", "a", b"hello")
        server.kill()
        server.start()
        assert server.endpoint == endpoint and server.client.get("films", "a").data == b"hello"
        assert oct(server.folder.stat().st_mode & 0o777) == "0o700"


def test_the_package_names_the_plugin(tmp_path: Path) -> None:
    """What pip installs has the entry point by which pytest finds the fixture, and brings what it needs."""
    made = subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)],
        cwd=copied_tree(tmp_path / "tree"),
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
    )
    assert made.returncode == 0, made.stderr
    info = tmp_path / "uvideo.egg-info"
    assert "[pytest11]\nuvideo = uvideo.testing" in (info / "entry_points.txt").read_text()
    needed = (info / "requires.txt").read_text().partition("[test]\n")[2].partition("\n\n")[0]
    assert {line.partition(">")[0] for line in needed.split()} == {"aiohttp", "click", "cryptography", "pytest"}


def test_the_part_of_the_guide_without_pytest_runs_without_it(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "howto" / "testing.md").read_text().partition("Without pytest")[2]
    (program,) = re.findall(r"^```python\n(.*?)^```$", text.partition("## Faults")[0], re.MULTILINE | re.DOTALL)
    (tmp_path / "films.py").write_text(program)
    code = "import runpy, sys; sys.modules['pytest'] = None; runpy.run_path('films.py', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
    )
    assert done.returncode == 0 and "OK" in done.stderr, done
    assert os.listdir(tmp_path) == ["films.py"]  # the server's folder is gone


def test_the_guide(tmp_path: Path) -> None:
    """Every block of the guide runs; its table holds every fault; its file is one."""
    text = (ROOT / "docs" / "howto" / "testing.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    programs = [block for kind, block in blocks if kind == "python"]
    done = run_pytest(tmp_path, "\n".join(programs))
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout + done.stderr
    kinds = {name for name, value in vars(faults.Script).items() if callable(value) and not name.startswith("_")}
    assert (
        set(re.findall(r"`\.?(\w+)\(", text.partition("## Faults")[2].partition("**A fault")[0])) - {"faults"} >= kinds
    )
    script = tmp_path / "script.toml"
    script.write_text(next(block for kind, block in blocks if kind == "toml"))
    assert [str(each) for each in faults.read(script)] == [
        "UploadPart part=3: cut_after(bytes=512)",
        "GetObject key='films/movie.mp4': answer(status=503)",
    ]
