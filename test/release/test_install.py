"""What is published, installed by every Python of this machine with its own pip, as a user installs it; and used."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import uvideo
from test import interpreters, patience
from test.release import api
from test.release.conftest import Release, called
from test.server_fixture import SECRETS, STOP_SECONDS, Server

pytestmark = pytest.mark.long

USE = Path(__file__).with_name("use_sdk.py")
ENDS = interpreters.ends()
TOOLKIT = interpreters.TOOLKIT
START_SECONDS = STOP_SECONDS


@dataclass(frozen=True)
class Place:
    """Where something is installed.  python: what runs there; packages: on its path, where there is no environment."""

    python: Path
    packages: Path | None
    version: tuple[int, int]

    def __call__(self, *words: str | Path, folder: Path, **environ: str) -> str:
        more = {"PYTHONPATH": str(self.packages)} if self.packages else {}
        return called(self.python, *words, folder=folder, PIP_DISABLE_PIP_VERSION_CHECK="1", **more, **environ)

    def choose(self, release: Release, folder: Path) -> Path:
        """The wheel that this Python's pip takes of those that are published."""
        chosen = folder / "chosen"
        source = ("--no-index", "--no-deps", "--find-links", release.folder)
        self("-m", "pip", "download", *source, "--dest", chosen, f"uvideo=={uvideo.__version__}", folder=folder)
        (found,) = chosen.iterdir()
        return found

    def install(self, what: str, folder: Path, *options: str) -> None:
        """With what it asks for, from the index."""
        target = ["--target", str(self.packages), "--upgrade"] if self.packages else []
        self("-m", "pip", "install", *target, *options, what, folder=folder)


def place(interpreter: interpreters.Interpreter, folder: Path) -> Place:
    """An empty environment of that interpreter; 2.7 has no venv, there it is a folder."""
    if interpreter.version == (2, 7):
        return Place(Path(interpreter.path), folder / "packages", interpreter.version)
    called(interpreter.path, "-m", "venv", folder / "venv")
    return Place(folder / "venv" / "bin" / "python", None, interpreter.version)


def use(here: Place, server: Server, folder: Path, toolkit: bool) -> None:
    """The SDK's round trip, and what `import uvideo` gives."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    source = work / "movie.bin"
    source.write_bytes(os.urandom(5 << 20))
    keys = {"SDK_PUBLIC_KEY": server.public_key, "SDK_PRIVATE_KEY": server.private_key}
    said = here(USE, server.host, source, folder=work, **keys).strip().splitlines()[-1]
    version, home, found = said.split("|", 2)
    assert version == uvideo.__version__ and not home.startswith(str(interpreters.ROOT / "ucloud"))
    if toolkit:
        assert found == f"yes: {uvideo.__version__}"
    else:
        assert found.startswith(
            "no: the package `uvideo` needs Python 3.10 or newer, and this is {}.{}".format(*here.version)
        )


@pytest.mark.parametrize("interpreter", ENDS, ids=lambda each: each.name)
def test_what_is_published_installs_and_works(
    interpreter: interpreters.Interpreter, release: Release, server: Server, tmp_path: Path
) -> None:
    here = place(interpreter, tmp_path)
    toolkit = interpreter.version >= TOOLKIT
    wheel = here.choose(release, tmp_path)
    assert wheel.name == (release.toolkit if toolkit else release.sdk).name
    here.install(str(wheel), tmp_path)
    use(here, server, tmp_path, toolkit)
    again = ("--no-deps", "--force-reinstall", "--no-cache-dir")
    here.install(str(release.sdist), tmp_path, *again)
    use(here, server, tmp_path, toolkit)
    if here.packages is None:
        assert (here.python.with_name("uvideo")).exists() == toolkit
        assert (here.python.parents[1] / "share" / "man" / "man1" / "uvideo.1").exists() == toolkit


PROGRAM = """
from typing import assert_type

from ucloud.ufile.putufile import PutUFile
from ucloud.uvideo import config, spacemanager
from ucloud.uvideo.multipartuploaduvideo import MultipartUploadUVideo
from ucloud.uvideo.protocol import byterange, operation, upload
from uvideo.errors import NotFound

config.set_default(connection_timeout=5)
assert_type(MultipartUploadUVideo("public", "private").uploadfile("s", "k", "movie.mp4")[1].status_code, int)
assert_type(PutUFile("public", "private").putfile("s", "k", "movie.mp4")[1].etag, str | None)
assert_type(spacemanager.createspace("s", "public")[1].ok(), bool)
assert_type(byterange.parse("bytes=0-1"), byterange.ByteRange | None)
assert_type(upload.Upload("s", "k", "id", 4).parts(), int | None)
assert_type(operation.HeadObject("s", "k").key, str)
assert_type(NotFound().status, int)
"""
#: Strict type checkers take from a module only what it defines, and what it imports by `as`.  `ucloud` itself, whose
#: name another distribution shares, has no py.typed.
NAMES = "".join(
    f"from {module} import {name} as {module.replace('.', '_')}_{name}\n"
    for module, names in api.SDK.items()
    if module.startswith(("ucloud.ufile.", "ucloud.uvideo."))
    for name in names.split()
)
WRONG = "byterange.parse(7)\nconfig.set_default(tiemout=5)"


def test_mypy_reads_the_types_of_the_installed_package(release: Release, tmp_path: Path) -> None:
    """Strict; wrong calls are found."""
    here = place(next(each for each in interpreters.find() if each.version == (3, 11)), tmp_path)
    here.install(str(release.toolkit), tmp_path)
    (tmp_path / "good.py").write_text(PROGRAM + NAMES)
    (tmp_path / "wrong.py").write_text(f"{PROGRAM}{WRONG}\n")
    command = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(here.python))
    assert "no issues" in called(*command, "good.py", folder=tmp_path)
    done = subprocess.run([*command, "wrong.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 2 and all(each.endswith("[arg-type]") for each in errors), done.stdout


@contextmanager
def serving(command: Path, folder: Path) -> Iterator[Server]:
    """`uvideo serve` of an installation, ready."""
    environment = {name: each for name, each in os.environ.items() if not name.startswith(("PYTHON", "UVIDEO_"))}
    words = ["serve", str(folder), "--port", "0", "--admin-port", "0", "--ready-file", str(folder / "ready.json")]
    folder.mkdir()
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [command, *words], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not (folder / "ready.json").exists():
            assert process.poll() is None and time.monotonic() < until, (folder / "server.log").read_text()
            time.sleep(0.05)
        said, keys = (json.loads((folder / name).read_text()) for name in ("ready.json", "credentials.json"))
        SECRETS.add(keys["private_key"])
        private = keys["private_key"]
        yield Server(
            process,
            folder,
            folder / "server.log",
            said["endpoint"],
            said["admin"],
            said["pid"],
            said["public_key"],
            private,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert code == 0


@pytest.mark.parametrize("interpreter", [each for each in ENDS if each.version >= TOOLKIT], ids=lambda each: each.name)
def test_the_server_installs_and_works(interpreter: interpreters.Interpreter, release: Release, tmp_path: Path) -> None:
    here = place(interpreter, tmp_path)
    here.install(f"{release.toolkit}[server,cli]", tmp_path)
    command = here.python.with_name("uvideo")
    assert called(command, "--version", folder=tmp_path) == f"uvideo {uvideo.__version__}\n"
    with serving(command, tmp_path / "store") as server:
        use(here, server, tmp_path, toolkit=True)
        page = urllib.request.urlopen(server.admin + "/", timeout=patience.SECONDS).read()
        assert urlsplit(server.admin).hostname == "127.0.0.1" and b"<html" in page
        keys = {"UVIDEO_PUBLIC_KEY": server.public_key, "UVIDEO_PRIVATE_KEY": server.private_key}
        keys["UVIDEO_ENDPOINT"] = server.host
        called(command, "mb", "uvideo://from-the-command", folder=tmp_path, **keys)
        called(command, "cp", USE, "uvideo://from-the-command/a", folder=tmp_path, **keys)
        assert called(command, "cat", "uvideo://from-the-command/a", folder=tmp_path, **keys) == USE.read_text()


def test_man_pages_and_completions_are_where_their_readers_look(release: Release, tmp_path: Path) -> None:
    called(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--python", tmp_path / "venv" / "bin" / "python", "install", "--no-index"]
    called(*pip, "--no-deps", release.toolkit)
    share = tmp_path / "venv" / "share"
    kept = interpreters.ROOT / "packaging" / "share"
    installed = {path.relative_to(share) for path in share.rglob("*") if path.is_file()}
    given = {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()}
    assert {name for name in installed if name.parts[0] != "uvideo"} == given and len(given) == 5
    page = (interpreters.ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert "cd /opt/uvideo/share/uvideo/systemd\n" in page
    named = re.findall(r"^install -m 0644 (uvideo\.\w+) /", page, re.MULTILINE)
    assert len(named) >= 3 and all((share / "uvideo" / "systemd" / name).is_file() for name in named)
    assert (share / "uvideo" / "monitoring" / "alerts.yml").is_file()
    for name in given:
        assert (share / name).read_bytes() == (kept / name).read_bytes()
    # man finds the pages of a program whose bin folder is on PATH; bash-completion loads by the command's name.
    (tmp_path / "uvideo").write_text(f'#!/bin/sh\nexec {sys.executable} -m uvideo "$@"\n')
    (tmp_path / "uvideo").chmod(0o755)
    script = (
        f"source {share}/bash-completion/completions/uvideo; COMP_LINE='uvideo spa'; COMP_POINT=10;"
        "_uvideo_completion uvideo; echo ${COMPREPLY[*]}"
    )
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(interpreters.ROOT)}
    assert called("bash", "-c", script, folder=tmp_path, **environ) == "spaces\n"


def test_where_click_is_missing_the_command_says_so(release: Release, tmp_path: Path) -> None:
    called(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps"]
    called(*pip, release.toolkit)
    done = subprocess.run(
        [python.with_name("uvideo"), "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2 and "pip install 'uvideo[cli]'" in done.stderr and "Traceback" not in done.stderr
