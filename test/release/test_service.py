"""The systemd unit and the container file: what they say is run, as far as that goes without systemd and a registry."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from test import patience
from test.interpreters import ROOT
from test.release.conftest import called
from test.server_fixture import SECRETS, START_SECONDS, STOP_SECONDS, Server, start_server

UNIT = ROOT / "packaging" / "uvideo.service"
CONTAINER = ROOT / "packaging" / "Containerfile"
HEALTH = ROOT / "packaging" / "health.py"
DATA = "/var/lib/uvideo"
MOST_EXPOSED = 12  # tenths: systemd's own judgement of the unit, which docs/server.md says too


class Unit(configparser.RawConfigParser):
    """A unit file; a key given several times has its values joined by blanks."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(UNIT.read_text(encoding="utf-8"))


@contextmanager
def started(command: Sequence[str], folder: Path, **environ: str) -> Iterator[dict[str, str]]:
    """Run a command that serves, on free ports; what it says of itself once it is ready.  It ends with 0 on SIGTERM."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UVIDEO_"))}
    ready = folder / "ready.json"
    ports = {"UVIDEO_SERVE_PORT": "0", "UVIDEO_SERVE_ADMIN_PORT": "0", "UVIDEO_SERVE_READY_FILE": str(ready)}
    log = folder / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, **ports, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        SECRETS.add(json.loads((folder / "store" / "credentials.json").read_text())["private_key"])
        yield json.loads(ready.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def here(words: Sequence[str], program: str, folder: Path) -> list[str]:
    """A command of a file with this Python for its program, a folder of the test for its data, and loopback only."""
    assert words[0] == program and words.count(DATA) == 1
    instead = {DATA: str(folder / "store"), "0.0.0.0": "127.0.0.1"}
    return [sys.executable, "-m", "uvideo", *(instead.get(each, each) for each in words[1:])]


class TestUnit:
    def test_its_command_runs_and_stops(self, tmp_path: Path) -> None:
        service = Unit()["Service"]
        command = here(shlex.split(service["ExecStart"]), "/opt/uvideo/bin/uvideo", tmp_path)
        with started(command, tmp_path, UVIDEO_SERVE_WORKERS="2") as said:
            assert urllib.request.urlopen(said["admin"] + "/healthz", timeout=30).status == 200
        assert service["StateDirectory"] == Path(DATA).name and service["StateDirectoryMode"] == "0700"

    def test_it_keeps_what_the_server_needs(self) -> None:
        from uvideo.server.process import supervisor

        service = Unit()["Service"]
        # A second SIGTERM ends a worker at once, so it is the first process alone that is told, and that ends first.
        assert service["KillMode"] == "process"
        assert int(service["TimeoutStopSec"]) > supervisor.STOPPED_SECONDS
        assert (service["Type"], service["NotifyAccess"]) == ("notify", "main") and int(service["WatchdogSec"]) >= 10
        assert (service["User"], service["Group"]) == ("uvideo", "uvideo")
        given = dict(re.findall(r"^Environment=(\w+)=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE))
        folder, log = service["LogsDirectory"], given.pop("UVIDEO_SERVE_AUDIT_LOG")
        made = UNIT.with_suffix(".tmpfiles").read_text(encoding="utf-8")
        assert f"\nf {given.pop('UVIDEO_SERVE_SETTINGS')} 0640 root uvideo -\n" in made and not given
        assert UNIT.with_suffix(".sysusers").read_text(encoding="utf-8").splitlines()[-1].startswith("u uvideo - ")
        assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
        assert service["MemoryMax"] == "2G" and int(service["OOMScoreAdjust"]) < 0
        assert log == f"/var/log/{folder}/audit.log" and service["LogsDirectoryMode"] == "0700"
        assert service["EnvironmentFile"].startswith("-/etc/") and "UVIDEO_SERVE_PRIVATE" not in UNIT.read_text()
        for name in ("NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute"):
            assert service[name] == "yes"
        assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""

    def test_systemd_finds_nothing_wrong(self, tmp_path: Path) -> None:
        tool = shutil.which("systemd-analyze")
        if tool is None:
            return
        unit = tmp_path / "uvideo.service"
        unit.write_text(UNIT.read_text().replace("ExecStart=/opt/uvideo/bin/uvideo", f"ExecStart={sys.executable}"))
        shutil.copy(UNIT.with_suffix(".socket"), tmp_path)
        units = [unit, tmp_path / "uvideo.socket"]
        done = subprocess.run(
            [tool, "verify", "--man=no", *units], capture_output=True, text=True, timeout=patience.SECONDS
        )
        assert (done.returncode, [line for line in done.stderr.splitlines() if "uvideo" in line]) == (0, [])
        words = ["security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit]
        done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=patience.SECONDS)
        assert done.returncode == 0, done.stdout.splitlines()[-1:] or done.stderr


class TestContainer:
    @pytest.fixture
    def steps(self) -> list[tuple[str, str]]:
        """(instruction, its words), lines that are continued joined."""
        text = re.sub(r"\\\n\s*", "", CONTAINER.read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]

    @pytest.fixture
    def last(self, steps: list[tuple[str, str]]) -> dict[str, str]:
        """What the last stage ends with, of the instructions of which one counts."""
        start = max(number for number, (name, _) in enumerate(steps) if name == "FROM")
        return dict(steps[start:])

    def test_it_runs_as_nobody_special_and_keeps_its_data_in_a_volume(self, last: dict[str, str]) -> None:
        assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last["USER"])
        assert last["VOLUME"] == last["WORKDIR"] == DATA
        assert last["STOPSIGNAL"] == "SIGTERM" and last["EXPOSE"].split() == ["9000", "9001", "9002"]

    def test_no_secret_can_be_in_a_layer(self, steps: list[tuple[str, str]]) -> None:
        names = [words for name, words in steps if name in ("ARG", "ENV")]
        assert not [words for words in names if re.search("KEY|SECRET|TOKEN|PASSWORD", words, re.IGNORECASE)]
        copied = [words.split() for name, words in steps if name == "COPY" and "--from" not in words]
        sources = [each for words in copied for each in words[:-1]]
        assert sources and not [each for each in sources if each.startswith((".", "/")) or each == "*"]
        tracked = called("git", "ls-files", "--", *sources).splitlines()
        for each in sources:
            assert any(name == each or name.startswith(each + "/") for name in tracked), each
        # What is sent to the builder at all is a list, too.
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        allowed = {line[1:] for line in ignored if line.startswith("!")}
        assert ignored[0] == "*"
        assert {each if each in allowed else each.split("/")[0] for each in sources} == allowed

    def test_its_command_runs_and_its_health_is_seen(self, last: dict[str, str], tmp_path: Path) -> None:
        words = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
        assert words[-2:] == ["--host", "0.0.0.0"]  # of the container
        command = here(words, "/opt/uvideo/bin/uvideo", tmp_path)
        check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
        assert check == ["/opt/uvideo/bin/python", "/opt/uvideo/health.py"]
        assert int(re.findall(r"--timeout=(\d+)s", last["HEALTHCHECK"])[0]) > 10  # health.py's own limit
        with started(command, tmp_path) as said:
            port = said["admin"].rpartition(":")[2]
            assert healthy(port).returncode == 0

    def test_a_server_that_is_gone_is_ill(self) -> None:
        with socket.socket() as nobody:  # has the port, and does not listen
            nobody.bind(("127.0.0.1", 0))
            done = healthy(str(nobody.getsockname()[1]))
        assert done.returncode == 1 and done.stderr.startswith("no answer: ") and "Traceback" not in done.stderr

    @pytest.mark.long
    def test_its_commands_run(self, steps: list[tuple[str, str]], tmp_path: Path) -> None:
        """Those that install, with folders of the test for its own; those that make a user need the image."""
        places = {"/src": str(tmp_path / "src"), "/opt/uvideo": str(tmp_path / "opt")}
        (tmp_path / "src").mkdir()
        ran = 0
        for name, words in steps[: max(number for number, (name, _) in enumerate(steps) if name == "FROM")]:
            for old, new in places.items():
                words = words.replace(old, new)
            if name == "COPY":
                *sources, target = words.split()
                for each in sources:
                    whole = (ROOT / each).is_dir()
                    (shutil.copytree if whole else shutil.copy)(ROOT / each, target)  # type: ignore[operator]
            elif name == "RUN":
                called("sh", "-euc", words.replace("python3 ", f"{sys.executable} "), folder=tmp_path)
                ran += 1
        assert ran == 4
        said = called(tmp_path / "opt" / "bin" / "uvideo", "--version", folder=tmp_path)
        assert said.startswith("uvideo ")
        called(tmp_path / "opt" / "bin" / "python", "-c", "import aiohttp, asyncpg, obstore", folder=tmp_path)


def healthy(port: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "UVIDEO_SERVE_ADMIN_PORT": port, **environ}
    return subprocess.run(
        [sys.executable, HEALTH], env=environment, capture_output=True, text=True, timeout=patience.SECONDS
    )


def test_health_is_seen_through_tls_too(tmp_path: Path) -> None:
    pem = str(ROOT / "test" / "data" / "tls.pem")
    with start_server(tmp_path / "store", "--tls-cert", pem, "--tls-key", pem, "--admin-host", "127.0.0.4") as server:
        port, at = str(server.admin_port), {"UVIDEO_SERVE_ADMIN_HOST": "127.0.0.4"}
        assert healthy(port, UVIDEO_SERVE_TLS_CERT=pem, **at).returncode == 0
        assert healthy(port, UVIDEO_SERVE_TLS_CERT=pem).returncode == healthy(port, **at).returncode == 1
        # What a file or an option says no variable does: the server has written it down.
        assert healthy("1", UVIDEO_SERVE_DIR=str(tmp_path / "store")).returncode == 0


def test_what_is_not_well_is_said(server: Server) -> None:
    """The data port has no /healthz: any other answer than 200 counts as ill."""
    done = healthy(str(server.port))
    assert done.returncode == 1 and re.match(r"/healthz said 4\d\d", done.stderr)


def test_the_reference_shows_neither_file_and_names_both() -> None:
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    assert "../packaging/uvideo.service" in text and "../packaging/Containerfile" in text
    assert not re.search(r"^(ExecStart=|FROM |HEALTHCHECK )", text, re.MULTILINE)
