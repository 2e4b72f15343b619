"""The old server's side of a hand-over, to successors that are scripts; test_restart.py replaces real servers."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from test import patience
from uvideo.server.process.data_folder import Folder, state
from uvideo.server.process.handover import Succession
from uvideo.server.process.hangup import Hangup
from uvideo.server.process.listening_sockets import Ports
from uvideo.server.process.sd_notify import Notify

#: ``control``: the successor's end of the pair of sockets.
BEGIN = "control=${UVIDEO_HANDOVER#*'\"control\": '}; control=${control%%,*}; "
SERVES = BEGIN + 'echo serving >&$control; read -t 60 -u $control said; echo "$said" > "$0"'
FAILURES = [
    (BEGIN + "echo failed no room >&$control; exec sleep 60", "no room"),
    ("echo first >&2; echo last >&2; exit 3", "it ended before it was ready (exit code 3): last"),
    ("kill -9 $$", "it ended before it was ready (signal 9)"),
]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(patience.SECONDS)
        yield manager


@pytest.fixture
def succession(tmp_path: Path, service: socket.socket) -> Iterator[Succession]:
    before = signal.getsignal(signal.SIGHUP)
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGHUP, before)
        folder = Folder.claimed(tmp_path / "data")
        stack.callback(folder.close)
        ports = Ports(*(stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)), None)
        yield Succession(folder, ports, Notify(service.getsockname()), Hangup(), is_first=True)


def replaced_by(monkeypatch: pytest.MonkeyPatch, script: str, said: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/bash")
    monkeypatch.setattr(sys, "orig_argv", ["uvideo", "-c", script, str(said)])


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")  # as it outlives this server
def test_the_folder_goes_to_who_serves(
    succession: Succession, service: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced_by(monkeypatch, SERVES, tmp_path / "said")
    assert not succession.is_under_way
    succession.begin()
    succession.begin()  # one is starting
    assert succession.is_under_way and not succession.taken
    patience.until(succession.look)
    assert succession.taken and not succession.is_under_way and not succession.waits
    told = dict(line.split("=", 1) for line in service.recv(1000).decode().splitlines())
    assert (told["READY"], told["STATUS"]) == ("1", "a new server has taken over")
    assert os.waitpid(int(told["MAINPID"]), 0)[1] == 0
    assert (tmp_path / "said").read_text() == "go\n"


@pytest.mark.parametrize(("script", "why"), FAILURES)
def test_a_failure_is_recorded_and_this_server_goes_on(
    succession: Succession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    replaced_by(monkeypatch, script, tmp_path / "said")
    for count in (1, 2):
        succession.begin()
        patience.until(lambda: succession.look() or not succession.is_under_way)
        assert not succession.taken
        said = state(tmp_path / "data")
        assert (said["pid"], said["failures"], said["why"], said["ends"]) == (os.getpid(), count, why, False)


def test_what_cannot_be_started_is_recorded_too(
    succession: Succession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    succession.begin()
    assert not succession.is_under_way
    assert state(tmp_path / "data")["why"] == f"{tmp_path / 'gone'} cannot be started: No such file or directory"
