"""How `uvideo serve` ends: each way is made to happen to a real process, and has the exit code of the table."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from test import patience
from test.forked import Forked
from test.interpreters import ROOT
from test.patience import until, until_said
from test.sdk.peer import PEM
from test.sdk.test_trust import ENCRYPTED
from test.server.test_process import children, run
from test.server.wire import MIB, Peer, connect
from test.server_fixture import STOP_SECONDS, Server, start_server
from uvideo.server.process import exit_codes
from uvideo.server.process.data_folder import claim
from uvideo.server.process.exit_codes import ENDINGS, PERMANENT, Ending

Refused = Callable[..., None]


@pytest.fixture
def refused(commands: Forked) -> Refused:
    """AssertionError unless a server does not start, and its exit code and its last line say why."""

    def found(folder: Path, ending: Ending, text: str, *options: str, command: tuple[str, ...] = ()) -> None:
        words = ("serve", str(folder), "--admin-port", "0", "--port", "0", *options)  # the last of a name counts
        got = run(*words, command=command) if command else commands.run(*words)
        assert (got.returncode, got.stdout) == (ending.code, ""), got.stderr
        assert text in got.stderr.splitlines()[-1] and "Traceback" not in got.stderr, got.stderr

    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that has run."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync") as server:
        Peer(server).space()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "data")


def catalog(folder: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db, db:
        db.execute(statement)


@contextlib.contextmanager
def in_flight(folder: Path, *options: str) -> Iterator[Server]:
    """A server that gets half an object, so that it does not end at the first signal."""
    with start_server(folder, "--no-fsync", *options) as server:
        peer = Peer(server)
        with connect(server.port) as upload, connect(server.port) as idle:
            peer.begin_put(upload, peer.space(), "up", MIB)
            idle.sendall(b"")
            yield server
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(10) == b""  # closed: it has begun to stop
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(STOP_SECONDS)


def stopped(folder: Path, refused: Refused) -> None:
    with start_server(folder, "--no-fsync", "--workers", "2") as server:
        assert server.stop() == exit_codes.STOPPED.code


def failed(folder: Path, refused: Refused) -> None:
    with start_server(folder, "--no-fsync", "--workers", "2") as server:
        killed = set[int]()

        def kill() -> bool:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for pid in set(children(server)) - killed:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
            return server.process.poll() is not None

        until(kill)
        assert server.process.returncode == exit_codes.FAILED.code
        until_said(server.log, "workers die again and again")


def broken_off(folder: Path, refused: Refused) -> None:
    with in_flight(folder, "--workers", "2") as server:
        pass
    assert server.process.returncode == exit_codes.BROKEN_OFF.code


def told_twice(folder: Path, refused: Refused) -> None:
    with in_flight(folder) as server:
        pass
    assert server.process.returncode == exit_codes.TWICE.code


def away(folder: Path, refused: Refused) -> None:
    for workers in "12":
        address = "postgresql://me:pass@127.0.0.1:1/db"
        refused(folder, exit_codes.AWAY, "cannot be reached", "--database", address, "--workers", workers)


def not_yet(folder: Path, refused: Refused) -> None:
    refused(folder, exit_codes.NOT_YET, "cannot listen on 192.0.2.1:0", "--host", "192.0.2.1")
    refused(folder, exit_codes.NOT_YET, "; check --admin-host", "--admin-host", "192.0.2.1")


def in_use(folder: Path, refused: Refused) -> None:
    lock = claim(folder)
    try:
        refused(folder, exit_codes.IN_USE, "is in use by another server")
    finally:
        os.close(lock)


def full(folder: Path, refused: Refused) -> None:
    command = ("prlimit", "--nofile=5")  # stdin, stdout, stderr, the lock and one socket
    refused(folder, exit_codes.FULL, "Too many open files", command=command)


def unforeseen(folder: Path, refused: Refused) -> None:
    catalog(folder, "PRAGMA user_version = 0")  # so that it makes the tables once more
    refused(folder, exit_codes.UNFORESEEN, "already exists")


def wrong_settings(folder: Path, refused: Refused) -> None:
    """More of them are in test_process."""
    refused(
        folder, exit_codes.SETTINGS, "mysql://...@host/db", "--database", "mysql://me:pass@host/db", "--workers", "2"
    )
    refused(folder, exit_codes.SETTINGS, "--log-level", "--log-level", "loud")


def never_happened(folder: Path, refused: Refused) -> None:
    script = folder.parent / "faults.json"
    script.write_text(json.dumps([{"do": "answer", "status": 503}]))
    with start_server(folder, "--no-fsync", "--faults", str(script)) as server:
        assert server.stop() == exit_codes.NEVER_HAPPENED.code


def no_keys(folder: Path, refused: Refused) -> None:
    keys = folder / "credentials.json"
    for text, mode, expected in (
        ('{"public_key": "a", "private_key": "long enough"}', 0o644, "chmod 600"),
        ('{"public_key": "a"}', 0o600, "is not JSON with"),
        ("{", 0o600, "is not JSON with"),
        ('{"public_key": "a", "private_key": "short"}', 0o600, "shorter than"),
    ):
        keys.write_text(text)
        keys.chmod(mode)
        refused(folder, exit_codes.KEYS, expected)


def no_certificate(folder: Path, refused: Refused) -> None:
    refused(folder, exit_codes.CERTIFICATE, "TLS", "--tls-cert", "/nowhere", "--tls-key", "/nowhere")
    text = "is encrypted: give --tls-key a file without a password"
    refused(folder, exit_codes.CERTIFICATE, text, "--tls-cert", PEM, "--tls-key", ENCRYPTED)


def port_taken(folder: Path, refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for option in ("--port", "--admin-port", "--s3-port"):
            text = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another port with {option}"
            refused(folder, exit_codes.PORT, text, option, port)
        fresh = folder.parent / "fresh"
        refused(fresh, exit_codes.PORT, "Address already in use", "--port", port)
        assert not (fresh / "credentials.json").exists()


def no_file(folder: Path, refused: Refused) -> None:
    for workers in "12":
        options = ("--ready-file", "/nowhere/ready", "--workers", workers)
        refused(folder, exit_codes.FILE, "the ready file cannot be written", *options)
    refused(folder, exit_codes.FILE, "cannot be written", "--audit-log", "/nowhere/audit")


def no_folder(folder: Path, refused: Refused) -> None:
    file = folder / "file"
    file.write_text("x")
    for each in (file, file / "below", Path("/proc/nowhere")):
        refused(each, exit_codes.FOLDER, f"{each} cannot be used")


def unfit(folder: Path, refused: Refused) -> None:
    catalog(folder, "PRAGMA user_version = 99")
    for workers in "12":
        refused(folder, exit_codes.UNFIT, "this program knows", "--workers", workers)


def damaged(folder: Path, refused: Refused) -> None:
    (folder / "catalog.db").write_bytes(b"this is no catalog of any kind, and it is long enough to be looked at" * 99)
    refused(folder, exit_codes.DAMAGED, "the catalog is damaged", "--workers", "2")


WAYS: dict[Ending, Callable[[Path, Refused], None]] = {
    exit_codes.STOPPED: stopped,
    exit_codes.FAILED: failed,
    exit_codes.BROKEN_OFF: broken_off,
    exit_codes.AWAY: away,
    exit_codes.NOT_YET: not_yet,
    exit_codes.IN_USE: in_use,
    exit_codes.FULL: full,
    exit_codes.UNFORESEEN: unforeseen,
    exit_codes.SETTINGS: wrong_settings,
    exit_codes.NEVER_HAPPENED: never_happened,
    exit_codes.KEYS: no_keys,
    exit_codes.CERTIFICATE: no_certificate,
    exit_codes.PORT: port_taken,
    exit_codes.FILE: no_file,
    exit_codes.FOLDER: no_folder,
    exit_codes.UNFIT: unfit,
    exit_codes.DAMAGED: damaged,
    exit_codes.TWICE: told_twice,
}


@pytest.mark.parametrize("ending", WAYS, ids=[way.__name__ for way in WAYS.values()])
def test_it_ends_so(folder: Path, refused: Refused, ending: Ending) -> None:
    WAYS[ending](folder, refused)


SLOW = """
import runpy, time
from uvideo.server.process import supervisor as workers

def tell(fd, what, tell=workers.say):
    tell(fd, what)
    time.sleep(0.2)

workers.say = tell
runpy.run_module("uvideo", run_name="__main__")
"""


def test_a_worker_that_is_slow_to_end_has_its_exit_code_all_the_same(folder: Path) -> None:
    """It was killed as soon as it had said why it cannot start, and the server ended as one to be started again."""
    catalog(folder, "PRAGMA user_version = 99")
    words = ["serve", str(folder), "--port", "0", "--admin-port", "0", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", SLOW, *words], cwd=ROOT, capture_output=True, text=True, timeout=patience.SECONDS
    )
    assert done.returncode == exit_codes.UNFIT.code and "this program knows" in done.stderr, done.stderr


def test_each_way_is_tried() -> None:
    assert list(WAYS) == list(ENDINGS)
    named = {value for value in vars(exit_codes).values() if isinstance(value, Ending)}
    assert named == set(ENDINGS)


def test_a_code_says_whether_starting_again_helps() -> None:
    """One code never means both, and the unit starts the server again after exactly those that may help."""
    assert not PERMANENT & {ending.code for ending in ENDINGS if ending.again}
    unit = (ROOT / "packaging" / "uvideo.service").read_text(encoding="utf-8")
    (kept,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert {int(code) for code in kept.split()} == PERMANENT


def test_the_reference_has_the_table() -> None:
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    section = text.partition("\n## Signals and exit codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.*?) \| (yes|no|-) \|$", section, re.MULTILINE)
    again = {True: "yes", False: "no"}
    assert [(int(code), what, said) for code, what, said in rows] == [
        (each.code, each.what, again[each.again] if each.code else "-") for each in ENDINGS
    ]
