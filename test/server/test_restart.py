"""A server that is replaced while clients are at work: by a command, and by a manager that keeps the sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from test import patience
from test.forked import Forked
from test.server.terminal import serve
from test.server.wire import BLOCK, MIB, SECONDS, Answer, Peer, head, pattern, receive
from test.server_fixture import START_SECONDS, end, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.http.connection import Server
from uvideo.server.http.exchange import Watchdog
from uvideo.server.http.listener import answer_on
from uvideo.server.ops.metrics import Metrics
from uvideo.server.process.data_folder import claim, is_served, state
from uvideo.server.process.handover import NotReplaced, restart
from uvideo.server.process.settings import StartError
from uvideo.storage.schema import MIGRATIONS

ROOT = Path(__file__).resolve().parents[2]
PEM = str(ROOT / "test" / "data" / "tls.pem")
BIG = 8 * MIB
SMALL_BUFFER = 64 * 1024  # bytes that a client takes ahead
#: These tests leave connections silent, on a busy machine for longer than the usual minute.
IDLE = ("--idle", "600")


class Caller(Peer):
    """A client that keeps its connection, and never sends a request a second time."""

    def __init__(self, server: Any, secure: bool) -> None:
        super().__init__(server)
        self._secure, self._sock = secure, None
        self.worst = 0.0

    def connection(self) -> Any:
        sock: Any = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.settimeout(SECONDS)
        sock.connect(("127.0.0.1", self.port))
        if self._secure:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        return sock

    def exchange(self, data: bytes, method: str) -> Answer:
        began = time.monotonic()
        if self._sock is None:
            self._sock = self.connection()
        self._sock.sendall(data)
        got = receive(self._sock, method)
        if got.header("Connection") == "close":
            self.close()
        self.worst = max(self.worst, time.monotonic() - began)
        return got

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def begin_get(self, space: str, key: str) -> Any:
        """A connection on which a request is sent."""
        sock = self.connection()
        signed = ("Authorization", self.signed("GET", space, key))
        sock.sendall(head("GET", f"/{key}", [("Host", f"{space}.x"), signed]))
        return sock


class Load:
    """Threads that read, write and upload for as long as the block lasts; a request that fails ends it."""

    def __init__(self, server: Any, secure: bool) -> None:
        self.first = Caller(server, secure)
        self.space = self.first.space()
        self.first.do(operation.PutObject(self.space, "big"), pattern(BIG))
        self.first.do(operation.PutObject(self.space, "small"), pattern(30_000))
        self._callers = [Caller(server, secure) for _ in range(3)]
        self._stop = threading.Event()
        self.failures: list[str] = []
        self.done = [0, 0, 0]
        self._threads = [
            threading.Thread(target=self._work, args=(number, each))
            for number, each in enumerate((self._read, self._write, self._upload))
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(patience.SECONDS)
        for each in (self.first, *self._callers):
            each.close()

    def goes_on(self) -> None:
        """Return once every thread has done more."""
        before = list(self.done)
        patience.until(lambda: self.failures or all(now > then for now, then in zip(self.done, before, strict=True)))
        assert self.failures == []

    @property
    def worst(self) -> float:
        """Seconds that the slowest request took."""
        return max(each.worst for each in self._callers)

    def _work(self, number: int, step: Any) -> None:
        try:
            while not self._stop.is_set():
                step(self._callers[number], self.done[number])
                self.done[number] += 1
                self._stop.wait(0.005)  # else they take the processor from the servers that start
        except Exception as failure:
            self.failures.append(f"{step.__name__}: {failure!r}")

    def _read(self, caller: Caller, _: int) -> None:
        got = caller.call(operation.GetObject(self.space, "small"))
        assert (got.status, got.body == pattern(30_000)) == (200, True)

    def _write(self, caller: Caller, number: int) -> None:
        caller.do(operation.PutObject(self.space, f"w{number}"), pattern(20_000, number))

    def _upload(self, caller: Caller, number: int) -> None:
        self._stop.wait(0.05)
        caller.upload(self.space, f"u{number}", pattern(BLOCK + 1000, number))

    def check(self) -> None:
        """What was acknowledged is there."""
        for letter, size, count in (("w", 20_000, self.done[1]), ("u", BLOCK + 1000, self.done[2])):
            for number in {0, count // 2, count - 1}:
                got = self.first.call(operation.GetObject(self.space, f"{letter}{number}"))
                assert got.body == pattern(size, number)
        self.first.close()


@contextlib.contextmanager
def clinging(load: Load) -> Iterator[None]:
    """A reader that stalls, one that takes its time, and a writer that has sent half; all are right at the end."""
    with contextlib.ExitStack() as stack:
        stalled = stack.enter_context(load.first.begin_get(load.space, "big"))
        assert stalled.recv(4) == b"HTTP"
        slow = stack.enter_context(load.first.begin_get(load.space, "big"))
        assert slow.recv(4) == b"HTTP"
        writer = stack.enter_context(load.first.connection())
        load.first.begin_put(writer, load.space, "slow", BIG)
        writer.sendall(pattern(BIG)[: BIG // 2])
        got, told = bytearray(), threading.Event()

        def read() -> None:
            while not has_all(got) and (piece := slow.recv(SMALL_BUFFER)):
                got.extend(piece)
                if len(got) > BIG // 2:
                    told.wait(patience.SECONDS)

        reader = threading.Thread(target=read)
        reader.start()
        yield
        told.set()
        reader.join(patience.SECONDS)
        assert has_all(got) and got.endswith(pattern(BIG))
        writer.sendall(pattern(BIG)[BIG // 2 :])
        answered = receive(writer, "PUT")
        assert (answered.status, answered.header("Connection")) == (200, "close")
        rest = bytearray()
        while not has_all(rest) and (piece := stalled.recv(MIB)):
            rest += piece
        assert has_all(rest) and rest.endswith(pattern(BIG))
    assert load.first.call(operation.GetObject(load.space, "slow")).body == pattern(BIG)


def has_all(got: bytearray) -> bool:
    """Whether an answer with the big object, without its first bytes, is complete."""
    end_of_head = got.find(b"\r\n\r\n", 0, 4096)
    return end_of_head > 0 and len(got) == end_of_head + 4 + BIG


# By a command


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of this program, to be upgraded."""
    folder = tmp_path / "program"
    for package in ("ucloud", "uvideo"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def started_from(program: Path, folder: Path, *options: str) -> Any:
    inside = ("env", "-C", str(program))
    return start_server(folder, "--no-fsync", *IDLE, *options, command=inside, env={"PYTHONPATH": str(program)})


def upgrade(program: Path) -> None:
    """Make it a program with one more migration."""
    schema = program / "uvideo" / "storage" / "schema.py"
    text = schema.read_text()
    end = text.index("\n)\n", text.index("\nMIGRATIONS = ("))
    added = "ALTER TABLE objects ADD COLUMN kept BIGINT NOT NULL DEFAULT 0; CREATE INDEX objects_kept ON objects (kept)"
    schema.write_text(f'{text[:end]}\n    "{added}",{text[end:]}')


def unplanned(server: Any) -> int:
    """How many servers, before the one that serves now, ended without being told to, as it says."""
    with urllib.request.urlopen(f"{server.admin}/metrics", timeout=SECONDS) as answer:
        return int(re.findall(rb"^uvideo_unplanned_starts_total ([0-9]+)$", answer.read(), re.MULTILINE)[0])


class Gate:
    """Holds the processes of a program that come to a line of a module while it is shut, and says that one is there."""

    def __init__(self, folder: Path, module: Path, line: str) -> None:
        self._shut, self._there = folder / "shut", folder / "there"
        code = (
            f"import os, time\nwhile os.path.exists({str(self._shut)!r}):\n"
            f"  open({str(self._there)!r}, 'w').close()\n  time.sleep(0.01)"
        )
        text = module.read_text()
        assert text.count(line) == 1
        module.write_text(text.replace(line, f"exec({code!r}); {line}"))

    def shut(self) -> None:
        self._there.unlink(missing_ok=True)
        self._shut.touch()

    def reached(self) -> None:
        """Return once a process is there."""
        patience.until(self._there.exists)

    def open(self) -> None:
        self._shut.unlink()


def schema_of(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def oldest_of(folder: Path) -> int:
    """The schema of the oldest program that may still run on the folder."""
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db:
        return int(db.execute("SELECT schema FROM oldest").fetchone()[0])


@pytest.mark.parametrize(("workers", "secure"), (pytest.param(1, True, marks=pytest.mark.long), (2, False)))
def test_an_upgrade_by_command_fails_no_request(tmp_path: Path, program: Path, workers: int, secure: bool) -> None:
    folder = tmp_path / "data"
    options = ["--workers", str(workers), *(["--tls-cert", PEM, "--tls-key", PEM] if secure else [])]
    with started_from(program, folder, *options) as server:
        load = Load(server, secure)
        with load:
            with clinging(load):
                cli = program / "uvideo" / "cli" / "serve.py"
                text = cli.read_text()
                cli.write_text(text + "\n)\n")
                with pytest.raises(NotReplaced, match=r"the new server failed, process \d+ continues: .*SyntaxError"):
                    restart(folder)
                cli.write_text(text)
                assert state(folder)["pid"] == server.pid
                load.goes_on()
                upgrade(program)
                pid = restart(folder)
                assert pid != server.pid and schema_of(folder) == len(MIGRATIONS) + 1
                load.goes_on()
                read = server.log.read_text().count("read again")
                server.process.send_signal(signal.SIGHUP)  # it still sends what is slow, and passes the signal on
                patience.until(lambda: server.log.read_text().count("read again") > read)
                assert server.process.poll() is None
                done = subprocess.run(
                    [sys.executable, "-m", "uvideo", "admin", "restart", str(folder), "--json"],
                    capture_output=True,
                    text=True,
                    timeout=patience.SECONDS,
                )
                assert done.returncode == 0, done.stderr
                assert json.loads(done.stdout)["pid"] == state(folder)["pid"] not in (pid, server.pid)
                load.goes_on()
            load.goes_on()
            patience.until(lambda: oldest_of(folder) == len(MIGRATIONS) + 1)  # soon after the older ones have ended
        assert load.failures == []
        load.check()
        print(f"requests: {load.done}, the slowest took {load.worst:.2f} s")
        # Whoever started the first one sees one process, which ends when the last one does.
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text().replace("Traceback (most recent call last)", "", 1)
    os.close(claim(folder))


def test_a_successor_that_cannot_serve_costs_nothing(tmp_path: Path, program: Path) -> None:
    """Without a place for its ready file; killed before it serves; and the old one killed while it waits."""
    folder = tmp_path / "data"
    main = program / "uvideo" / "server" / "process" / "main.py"
    (tmp_path / "run").mkdir()
    with started_from(program, folder, "--workers", "2", "--ready-file", str(tmp_path / "run" / "ready")) as server:
        peer = Peer(server)
        space = peer.space()
        (tmp_path / "run").rename(tmp_path / "gone")
        with pytest.raises(NotReplaced, match="the ready file cannot be written"):
            restart(folder)
        (tmp_path / "gone").rename(tmp_path / "run")
        gate = Gate(tmp_path, main, "predecessor.serving()")
        gate.shut()

        def begin() -> int:
            """The process of a successor that is about to say that it serves."""
            os.kill(server.pid, signal.SIGUSR2)
            gate.reached()
            (found,) = [each for each in children(server.pid) if each not in workers]
            return found

        workers = children(server.pid)
        successor = begin()
        theirs = children(successor)
        os.kill(successor, signal.SIGKILL)
        patience.until(lambda: state(folder).get("failures") == 2)
        assert "signal 9" in state(folder)["why"]
        patience.until(lambda: not any(map(alive, theirs)))  # what they have taken goes with them
        peer.do(operation.PutObject(space, "k"), b"1")
        gate.shut()
        successor = begin()
        server.kill()
        patience.until(lambda: not any(map(alive, workers)))
        with pytest.raises(StartError, match="in use by another server"):
            claim(folder)
        gate.open()
        patience.until(lambda: not alive(successor))
        patience.until_said(server.log, "did not hand over")
    with started_from(program, folder) as server:
        assert Peer(server).call(operation.GetObject(space, "k")).body == b"1"
        assert unplanned(server) == 1  # that one was killed
        gate.shut()
        told: list[None] = []

        def tell(_: float) -> None:
            if not told:
                gate.reached()
                server.process.terminate()
                told.append(None)

        said = rf": process {server.pid} ends: it got a stop signal"
        with pytest.raises(NotReplaced, match=f"the new server failed{said}"):
            restart(folder, sleep=tell)
        assert server.process.wait(patience.SECONDS) == 0
        assert state(folder)["stops"] and state(folder)["crashes"] == 1
        patience.until_said(server.log, f"no new server has taken over{said}")


def test_a_signal_in_the_middle_of_a_hand_over_is_for_the_new_server(tmp_path: Path) -> None:
    """While one of its workers does not stop, the old server waits; being told to stop meanwhile ends both."""
    with start_server(tmp_path, "--no-fsync", "--workers", "2") as server:
        slow = children(server.pid)[1]
        os.kill(slow, signal.SIGSTOP)
        pid = restart(tmp_path)
        server.process.send_signal(signal.SIGTERM)
        patience.until(lambda: not alive(pid))
        with contextlib.suppress(ProcessLookupError):  # on a busy machine it was killed meanwhile
            os.kill(slow, signal.SIGCONT)
        assert server.process.wait(patience.SECONDS) == 0
    os.close(claim(tmp_path))


@pytest.mark.long
def test_what_older_servers_have_left_ends_when_the_first_is_told_to_stop(tmp_path: Path) -> None:
    """Each of two that were replaced has a reader that stalls."""
    with start_server(tmp_path, "--no-fsync", *IDLE) as server, contextlib.ExitStack() as stack:
        load = Load(server, False)
        for _ in range(2):
            assert stack.enter_context(load.first.begin_get(load.space, "big")).recv(4) == b"HTTP"
            restart(tmp_path)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(patience.SECONDS) == 0
        load.first.close()
    os.close(claim(tmp_path))


@pytest.mark.parametrize("how", ("Ctrl-C", pytest.param("hang up", marks=pytest.mark.long)))
def test_a_terminal_ends_the_server_that_has_taken_over(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "data"
    pid, terminal = serve(folder)
    assert restart(folder) != pid
    if how == "Ctrl-C":
        os.write(terminal, b"\x03")
        patience.until(lambda: not alive(pid))
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(claim(folder))


@pytest.mark.long
def test_ctrl_c_lets_what_is_in_flight_finish_in_workers_too(tmp_path: Path) -> None:
    """All processes of a terminal get its SIGINT: to a worker that its server tells as well it is no second one."""
    folder = tmp_path / "data"
    pid, terminal = serve(folder, "--no-fsync", "--workers", "2")
    said = json.loads(folder.with_name("data.ready").read_text())
    private_key = json.loads((folder / "credentials.json").read_text())["private_key"]
    caller = Caller(
        SimpleNamespace(
            port=int(said["endpoint"].rpartition(":")[2]), public_key=said["public_key"], private_key=private_key
        ),
        False,
    )
    space, data = caller.space(), pattern(MIB)
    workers = children(pid)
    with caller.connection() as writer:
        caller.begin_put(writer, space, "k", MIB)
        writer.sendall(data[: MIB // 2])
        os.write(terminal, b"\x03")
        patience.until(lambda: not listens(caller.port))
        writer.sendall(data[MIB // 2 :])
        assert receive(writer, "PUT").status == 200
    caller.close()
    assert os.waitpid(pid, 0)[1] == 0 and not any(map(alive, workers))
    os.close(terminal)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), SECONDS).close()
        return True
    return False


#: (module, line that a process is about to run, workers) while a server is replaced
STAGES = (
    ("main", "predecessor.serving()", 1),  # the new server has not taken over
    ("main", "folder.say(pid=os.getpid(), failures=0)", 1),  # it has, and nobody knows its process
    ("main", "os.write(sys.stdout.fileno(), line.encode())", 1),
    ("worker", "await asyncio.gather(*tasks, return_exceptions=True)", 1),  # the old one has answered all
    ("main", "signals.keep([signal.SIGCHLD])", 1),  # its loop is closed
    ("main", "predecessor.serving()", 2),
    ("main", "folder.say(pid=os.getpid(), failures=0)", 2),
    ("supervisor", 'os.write(self._life[1], b"1" * len(self._pids))', 2),
    ("supervisor", "return self._succession.wait(_next_signal)", 2),
)


@pytest.mark.long
@pytest.mark.parametrize(("module", "line", "workers"), STAGES)
def test_a_terminal_that_goes_while_the_server_is_replaced_ends_it(
    tmp_path: Path, program: Path, module: str, line: str, workers: int
) -> None:
    """A shell and the system both say so."""
    folder = tmp_path / "data"
    gate = Gate(tmp_path, program / "uvideo" / "server" / "process" / f"{module}.py", line)
    pid, terminal = serve(folder, "--no-fsync", "--workers", str(workers), program=program)
    gate.shut()
    os.kill(pid, signal.SIGUSR2)
    gate.reached()
    os.close(terminal)
    os.kill(pid, signal.SIGHUP)
    gate.open()
    os.kill(pid, signal.SIGHUP)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(claim(folder))


@pytest.mark.parametrize("workers", ("1", pytest.param("2", marks=pytest.mark.long)))
def test_a_server_whose_terminal_is_gone_is_replaced(tmp_path: Path, workers: str) -> None:
    """What it prints leads nowhere, which ends neither it nor the next one, and changes no exit code."""
    folder = tmp_path / "data"
    pid, terminal = serve(folder, "--workers", workers, nohup=True)
    os.close(terminal)
    assert restart(folder) != pid
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0
    os.close(claim(folder))


def test_no_signal_is_passed_on_to_a_stranger(tmp_path: Path) -> None:
    """Whatever stands in the lock: a process number of another container, or one that was given to another program."""
    with start_server(tmp_path, "--no-fsync") as server, subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            restart(tmp_path)
            assert unplanned(server) == 0
            (tmp_path / "lock").write_text(json.dumps({"pid": stranger.pid}))
            assert server.stop() == 0
            assert stranger.poll() is None
        finally:
            stranger.kill()
    os.close(claim(tmp_path))


def test_nobody_to_restart(tmp_path: Path) -> None:
    with pytest.raises(NotReplaced, match="no server runs on"):
        restart(tmp_path / "none")
    os.close(claim(tmp_path / "data"))
    with pytest.raises(NotReplaced, match="no server runs on"):
        restart(tmp_path / "data")
    lock = claim(tmp_path / "data")
    try:
        os.write(lock, b'{"pid": 1}')
        with pytest.raises(NotReplaced, match="cannot be found from here"):
            restart(tmp_path / "data")
    finally:
        os.close(lock)


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """False also for one that has ended and that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# By a service manager


class Manager:
    """What systemd does for a service with sockets: it keeps them, passes them on, and hears how the service is."""

    def __init__(
        self, folder: Path, *options: str, notified: bool = True, is_path: bool = False, **environ: str
    ) -> None:
        self.folder, self._options, self._notified, self._environ = folder, options, notified, environ
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = str(folder) + ".notify" if is_path else f"@uvideo-test-{os.getpid()}-{id(self)}"
        self._heard.bind(self._address if is_path else "\0" + self._address[1:])
        self._heard.settimeout(START_SECONDS)
        self.listening = [socket.create_server(("127.0.0.1", 0), backlog=100) for _ in range(2)]
        self.port, self.admin_port = (each.getsockname()[1] for each in self.listening)
        self.messages: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start the service, and wait until it says that it is ready if it is to say so."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
        environ = {**kept, "PYTHONPATH": str(ROOT), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b", **self._environ}
        if self._notified:
            environ["NOTIFY_SOCKET"] = self._address
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        serve = [
            "serve",
            str(self.folder),
            "--port",
            "0",
            "--admin-port",
            "0",
            "--no-fsync",
            "--ready-file",
            str(ready),
        ]
        words = [sys.executable, "-m", "uvideo", *serve]
        fds = [each.fileno() for each in self.listening]
        # As systemd: the sockets are 3 and 4, and LISTEN_PID is the process itself.
        script = f'exec 13<&{fds[0]} 14<&{fds[1]} 3<&13 4<&14 13<&- 14<&-; LISTEN_PID=$$ exec "$@"'
        with open(self.folder / "server.log", "ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", script, "bash", *words, *self._options],
                env=environ,
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        if self._notified:
            self.hears("READY=1")
        else:
            patience.until(ready.exists)
        said = json.loads(ready.read_text())
        self.public_key = said["public_key"]
        self.private_key = json.loads((self.folder / "credentials.json").read_text())["private_key"]
        return process

    def hears(self, line: str) -> str:
        """The first message with this line that comes from now on."""
        while True:
            self.messages.append(self._heard.recv(4096).decode())
            if line in self.messages[-1].splitlines():
                return self.messages[-1]

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            end(process)
        for each in (self._heard, *self.listening):
            each.close()


@pytest.mark.parametrize(
    ("workers", "secure", "notified"),
    (
        (1, True, True),
        pytest.param(2, False, True, marks=pytest.mark.long),
        pytest.param(1, False, False, marks=pytest.mark.long),
    ),
)
def test_a_restart_with_sockets_of_the_manager_fails_no_request(
    tmp_path: Path, workers: int, secure: bool, notified: bool
) -> None:
    options = ["--workers", str(workers), *(["--tls-cert", PEM, "--tls-key", PEM] if secure else [])]
    with Manager(tmp_path / "data", *IDLE, *options, notified=notified) as manager:
        first = manager.start()
        load = Load(manager, secure)
        with load, clinging(load):
            first.send_signal(signal.SIGTERM)
            if notified:
                manager.hears("STOPPING=1")
                assert first.wait(patience.SECONDS) == 0  # though three clients are at work with it
            second = manager.start()  # waits for the lock
            load.goes_on()
            assert notified or first.poll() is None
        assert load.failures == []
        load.check()
        bare = bare_start()
        print(f"requests: {load.done}, the slowest took {load.worst:.2f} s; a bare interpreter starts in {bare:.3f} s")
        assert notified or first.wait(patience.SECONDS) == 0
        second.send_signal(signal.SIGTERM)
        assert second.wait(patience.SECONDS) == 0
        assert "Traceback" not in manager.log()


def bare_start() -> float:
    """Seconds that an interpreter takes here and now to start and end: the median of five."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", ""], check=True)
        took.append(time.monotonic() - began)
    return sorted(took)[2]


def test_a_folder_is_in_use_while_a_worker_outlives_its_server(tmp_path: Path) -> None:
    with Manager(tmp_path / "data", *IDLE) as manager:
        first = manager.start()
        load = Load(manager, False)
        with load.first.begin_get(load.space, "big") as stalled:
            assert stalled.recv(4) == b"HTTP"
            (worker,) = children(first.pid)
            first.send_signal(signal.SIGTERM)
            assert first.wait(patience.SECONDS) == 0 and alive(worker)
            seen = set()
            with pytest.raises(StartError, match="still finishes its requests"):
                claim(manager.folder, sleep=lambda _: seen.add(is_served(manager.folder)))
            assert seen == {False}  # who waits keeps no server from starting
        load.first.close()
        patience.until(lambda: not alive(worker))
        os.close(claim(manager.folder))


def test_workers_leave_the_queue_of_a_shared_socket_as_long_as_it_is(tmp_path: Path) -> None:
    """A short one, if for a moment only, drops who connects then: the kernel tries again a second later."""
    lengths = set()
    with Manager(tmp_path / "data", "--workers", "2") as manager, watched(manager.listening[0], lengths):
        manager.start()
    assert lengths == {100}


@pytest.mark.parametrize("turns", range(6))
def test_who_is_taken_in_the_moment_of_the_stop_is_answered(turns: int) -> None:
    """So many turns of the loop after somebody connected: taken and answered, or left for the next server."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as kept, socket.create_connection(kept.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            server = Server(_hello, Metrics(0))
            listening = kept.dup()
            listening.setblocking(False)
            arrivals = await answer_on(listening, server, None, 1)
            for _ in range(turns):
                await asyncio.sleep(0)
            arrivals.close()
            assert await server.drained(Watchdog(60.0), lambda: None, keep_idle=True)
            if not select.select([kept], [], [], 0)[0]:
                client.settimeout(patience.SECONDS)
                assert client.recv(15) == b"HTTP/1.1 200 OK"

    asyncio.run(story())


async def _hello(_: Any) -> Any:
    return web.Response()


@contextlib.contextmanager
def watched(listening: socket.socket, lengths: set[int]) -> Iterator[None]:
    """Collect how long the queue of a listening socket may be, again and again."""
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 36)
            lengths.add(int.from_bytes(info[28:32], sys.byteorder))  # tcpi_sacked: of one that listens, its backlog
            ended.wait(0.0001)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_manager_hears_who_serves_and_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    with Manager(tmp_path / "data", "--workers", "2", WATCHDOG_USEC="3000000") as manager:
        first = manager.start()
        assert f"MAINPID={first.pid}" in manager.messages[-1] and "STATUS=answering on http" in manager.messages[-1]
        workers = children(first.pid)
        environ = Path(f"/proc/{workers[0]}/environ").read_bytes()  # as it was started: what it has now is its own
        assert b"NOTIFY_SOCKET=" in environ
        os.kill(workers[1], signal.SIGSTOP)
        patience.until(lambda: workers[1] not in children(first.pid) and len(children(first.pid)) == 2)
        assert "has done nothing for 3 s and is killed" in manager.log()
        manager.hears("WATCHDOG=1")
        first.send_signal(signal.SIGHUP)
        assert re.search(r"^MONOTONIC_USEC=[0-9]+$", manager.hears("RELOADING=1"), re.MULTILINE)
        assert f"MAINPID={first.pid}" in manager.hears("READY=1")
        assert "read again: nothing has changed" in manager.log()
        pid = restart(manager.folder)
        assert f"MAINPID={pid}" in manager.hears("READY=1")  # told by the old one: only the main process is believed
        assert first.wait(patience.SECONDS) == 0
        manager.hears("WATCHDOG=1")
        os.kill(pid, signal.SIGTERM)
        manager.hears("STOPPING=1")
        patience.until(lambda: not alive(pid))
        os.close(claim(manager.folder))


WRONG = (
    ({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, "tcp", "LISTEN_PID is '1'"),
    ({"LISTEN_FDS": "4"}, "tcp", "pass one to three sockets"),
    ({"LISTEN_FDS": "1"}, "file", "is not a socket"),
    ({"LISTEN_FDS": "1"}, "udp", "is not a TCP socket"),
    ({"LISTEN_FDS": "1"}, "unix", "has no IP address"),
    ({"LISTEN_FDS": "1"}, "idle", "does not listen"),
    ({"UVIDEO_HANDOVER": "x"}, "tcp", "unset it"),
)


def test_sockets_that_cannot_be_served_are_refused(tmp_path: Path, commands: Forked) -> None:
    with contextlib.ExitStack() as stack:
        kinds: dict[str, Any] = {
            "tcp": socket.create_server(("127.0.0.1", 0)),
            "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "unix": socket.socket(socket.AF_UNIX),
            "idle": socket.socket(),
            "file": open(os.devnull),
        }
        for each in kinds.values():
            stack.enter_context(each)
        for variables, kind, text in WRONG:
            third = kinds[kind].fileno() if "LISTEN_FDS" in variables else None
            done = commands.run("serve", tmp_path / "data", "--port", 0, "--admin-port", 0, env=variables, third=third)
            assert done.returncode == 2 and text in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_one_socket_is_the_data_ports_and_names_say_which_is_which(tmp_path: Path) -> None:
    with Manager(tmp_path / "data", is_path=True, LISTEN_FDNAMES="admin:data") as manager:
        process = manager.start()
        said = json.loads((manager.folder / "ready.json").read_text())
        assert said["endpoint"].endswith(f":{manager.admin_port}") and said["admin"].endswith(f":{manager.port}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(patience.SECONDS) == 0
