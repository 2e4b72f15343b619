"""The interpreters that the SDK's tests run on are found, and get what the SDK needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from test import interpreters, patience


def runs(command: str) -> bool:
    try:
        return subprocess.run([command, "-c", "0"], capture_output=True, timeout=patience.SECONDS).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def test_the_running_interpreter_is_found():
    assert sys.version_info[:2] in [each.version for each in interpreters.find()]


def test_each_is_what_it_is_said_to_be():
    for interpreter in interpreters.find():
        again = interpreters.identify(interpreter.path)
        assert again is not None and again.version == interpreter.version


def test_there_is_one_of_each_version_oldest_first():
    versions = [each.version for each in interpreters.find()]
    assert versions == sorted(set(versions))
    assert all(map(interpreters.supported, versions))
    assert interpreters.newest().version == versions[-1]


@pytest.mark.skipif(not runs("python2.7"), reason="there is no python2.7 on PATH")
def test_2_7_is_found_where_it_runs():
    assert (2, 7) in [each.version for each in interpreters.find()]


def test_pyenv_is_searched(tmp_path, monkeypatch):
    newest = interpreters.newest()
    folder = tmp_path / "versions" / f"{newest.name}.0" / "bin"
    folder.mkdir(parents=True)
    (folder / f"python{newest.name}").symlink_to(newest.path)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert str(folder / f"python{newest.name}") in list(interpreters.candidates())


def test_what_does_not_run_is_no_interpreter(tmp_path):
    shim = tmp_path / "python3.9"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert interpreters.identify(str(shim)) is None
    assert interpreters.identify(str(tmp_path / "python3.8")) is None


@pytest.mark.long
@pytest.mark.parametrize("interpreter", interpreters.cases(), ids=lambda each: each.name)
def test_requests_is_installed_for_each(interpreter):
    folder = interpreters.install(interpreter)
    check = [interpreter.path, "-c", "import requests, urllib3; print(requests.__file__)"]
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    printed = subprocess.run(check, env=environment, capture_output=True, timeout=patience.SECONDS)
    assert printed.returncode == 0, printed.stderr.decode(errors="replace")
    assert printed.stdout.decode().startswith(folder)
    assert interpreters.install(interpreter) == folder, "the second call uses what the first made"


@pytest.mark.long
@pytest.mark.parametrize("interpreter", interpreters.important().values(), ids=interpreters.important())
def test_an_interpreter_without_pip_is_prepared_with_ours(interpreter, tmp_path, monkeypatch):
    if interpreter is None:
        pytest.skip("not on this machine")
    monkeypatch.setattr(interpreters, "CACHE", tmp_path)
    folder = interpreters.install(interpreter, own_pip=False)
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([interpreter.path, "-c", "import requests"], env=environment, check=True, timeout=patience.SECONDS)


@pytest.mark.long
def test_a_failed_installation_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(interpreters, "CACHE", tmp_path)
    monkeypatch.setattr(interpreters, "requirements", lambda _: ["--no-such-option"])
    with pytest.raises(RuntimeError, match="no such option"):
        interpreters.install(interpreters.newest())
    assert list((tmp_path / interpreters.newest().name).iterdir()) == []
