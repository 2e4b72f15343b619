"""Each alert by its cause: servers to which one thing happens each, a real Prometheus, and exactly that alert fires."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from test import patience
from test.idle_connections import idle_connections
from test.operate.disks import Disks, mounted
from test.operate.prometheus import Prometheus, hurried, started
from test.operate.test_promtool import NEVER, RULES
from test.ports import free_ports
from test.server.wire import Peer, pattern
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation, signature
from uvideo.server.ops import backup_record

MIB = 1 << 20
GIB = 1 << 30
DAY = 86400
KEYS = {
    "UVIDEO_SERVE_PUBLIC_KEY": "UVIDEOalerts",
    "UVIDEO_SERVE_PRIVATE_KEY": "private-key-of-the-alerts-0123456789abcdef",
}
DISKS = {"room": 4 * GIB, "full": 96 * MIB, "filling": 400 * MIB}
#: What promtool alone tries, and why.
NOT_HERE = {"UvideoAudit": "a log that cannot be written on a disk with room"}
#: Does each line that it is told.
SQL = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
for line in sys.stdin:
    db.execute(line)
    print("done", flush=True)
"""


class Scene:
    """Servers by name.  Each has a folder of its name on one of the disks."""

    def __init__(self, stack: ExitStack, disks: Disks) -> None:
        self._stack, self._disks, self._lock = stack, disks, threading.Lock()
        self.over = threading.Event()
        self.servers: dict[str, Server] = {}
        self.targets: dict[str, str] = {}

    def prepared(self, name: str, *options: str) -> AbstractContextManager[Server]:
        folder = self._disks.folder(self.disk(name)) / name
        return start_server(folder, "--no-fsync", *options, env=KEYS, command=self._disks.enter)

    def disk(self, name: str) -> str:
        return name if name in DISKS else "room"

    def folder(self, name: str) -> Path:
        return self._disks.seen(self.disk(name)) / name

    def start(self, name: str, *options: str, backup: float | None = 0.0) -> None:
        """``backup``: seconds since its last one."""
        self.folder(name).mkdir(mode=0o700, exist_ok=True)
        if backup is not None:
            backup_record.note(self.folder(name), time.time() - backup)
        made = self.prepared(name, *options)
        server = made.__enter__()
        with self._lock:
            self._stack.push(made)
        self.servers[name], self.targets[name] = server, server.admin

    def push(self, made: AbstractContextManager[object]) -> None:
        """Enter it; it ends with all the others."""
        with self._lock:
            self._stack.enter_context(made)

    def again(self, work: Callable[[], object]) -> None:
        """Until the end, some times a second."""

        def run() -> None:
            while not self.over.wait(0.15):
                with contextlib.suppress(OSError):
                    work()

        thread = threading.Thread(target=run)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self.over.set)

    def fill(self, name: str, left: int) -> None:
        """Take all room of its disk but so many bytes."""
        with open(self.folder(name) / "ballast", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while (free := free_of(self.folder(name))) > left:
                file.write(bytes(min(MIB, free - left)))

    def change(self, name: str, *statements: str) -> None:
        """In the catalog."""
        with self._sql(name) as run:
            for each in statements:
                run(each)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """While another program has the catalog's lock."""
        with self._sql(name) as run:
            run("BEGIN IMMEDIATE")
            yield
            run("ROLLBACK")

    @contextlib.contextmanager
    def _sql(self, name: str) -> Iterator[Callable[[str], None]]:
        """A program where the disk is seen: SQLite follows the link that leads there from here."""
        path = self._disks.folder(self.disk(name)) / name / "catalog.db"
        command = [*self._disks.enter, sys.executable, "-c", SQL, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdin is not None and program.stdout is not None

            def run(statement: str) -> None:
                assert program.stdin is not None and program.stdout is not None
                print(statement, file=program.stdin, flush=True)
                assert program.stdout.readline() == "done\n", statement

            try:
                yield run
            finally:
                program.stdin.close()

    def puts(self, name: str) -> Callable[[], object]:
        peer = Peer(self.servers[name])
        space = peer.space()
        return lambda: peer.call(operation.PutObject(space, "k"), pattern(100))


def free_of(folder: Path) -> int:
    place = os.statvfs(folder)
    return place.f_bavail * place.f_frsize


def certified(folder: Path, days: int) -> tuple[str, ...]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", "/CN=localhost"]
    subprocess.run(
        [*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True, timeout=patience.SECONDS
    )
    return "--tls-cert", str(cert), "--tls-key", str(key)


# What happens.  Each is told when Prometheus has seen all servers once.


def calm(scene: Scene, seen: Prometheus) -> None:
    peer = Peer(scene.servers["calm"])
    space = peer.space()

    def work() -> None:
        peer.do(operation.PutObject(space, "k"), pattern(20_000))
        assert peer.call(operation.GetObject(space, "k")).status == 200
        assert peer.call(operation.GetObject(space, "none")).status == 404
        upload = peer.do(operation.InitiateUpload(space, "given up"))
        peer.do(operation.AbortUpload(space, "given up", upload.upload_id))
        peer.upload(space, "film", pattern(1000))
        peer.do(operation.DeleteObject(space, "film"))

    scene.again(work)


def full(scene: Scene, seen: Prometheus) -> None:
    put = scene.puts("full")
    scene.fill("full", 0)
    scene.again(put)


def filling(scene: Scene, seen: Prometheus) -> None:
    scene.fill("filling", 24 * MIB)


def nothing(scene: Scene, seen: Prometheus) -> None:
    """It is so from the start."""


def restarts(scene: Scene, seen: Prometheus) -> None:
    port, known = urlsplit(scene.targets["restarts"]).port, set[str]()
    (scene.folder("restarts")).mkdir(mode=0o700)
    backup_record.note(scene.folder("restarts"), time.time())

    def is_new() -> bool:
        found = seen.query('process_start_time_seconds{instance="restarts"} and up{instance="restarts"} == 1')
        return bool(found) and found[0]["value"][1] not in known

    for number in range(4):
        with ExitStack() as stack:
            server = stack.enter_context(scene.prepared("restarts", "--admin-port", str(port)))
            patience.until(is_new)
            known.add(seen.query('process_start_time_seconds{instance="restarts"}')[0]["value"][1])
            if number == 3:
                scene.push(stack.pop_all())
            else:
                server.kill()


def worker(scene: Scene, seen: Prometheus) -> None:
    pid = scene.servers["worker"].pid
    os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[1]), 9)


def blobs(scene: Scene, seen: Prometheus) -> None:
    (scene.folder("blobs") / "incoming").rename(scene.folder("blobs") / "away")
    (scene.folder("blobs") / "incoming").write_text("")


def locked(scene: Scene, seen: Prometheus) -> None:
    put = scene.puts("locked")
    scene.push(scene.locked("locked"))
    scene.again(put)


def fails(scene: Scene, seen: Prometheus) -> None:
    put = scene.puts("fails")
    scene.change("fails", "ALTER TABLE small RENAME TO away")
    scene.again(put)


def slow(scene: Scene, seen: Prometheus) -> None:
    put = scene.puts("slow")

    def work() -> None:
        waiting = threading.Thread(target=put)
        with scene.locked("slow"):
            waiting.start()
            scene.over.wait(0.8)
        waiting.join()

    scene.again(work)


def damaged(scene: Scene, seen: Prometheus) -> None:
    peer = Peer(scene.servers["damaged"])
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), pattern(50_000))
    for path in (scene.folder("damaged") / "blobs").rglob("?" * 32):
        path.unlink()
    scene.again(lambda: peer.call(operation.GetObject(space, "k")))


def guessed(scene: Scene, seen: Prometheus) -> None:
    """From somewhere else, as a proxy says: what comes from this machine is not counted."""
    server = scene.servers["guessed"]
    peer, wrong = Peer(server), Peer(server)
    wrong.credentials = signature.Credentials(server.public_key, "wrong")
    space = peer.space()
    headers = [("Authorization", wrong.signed("GET", space, "k")), ("X-Forwarded-For", "203.0.113.9")]

    def work() -> None:
        assert wrong.send("GET", "/k", headers, host=f"{space}.x").status in (401, 429)

    scene.again(work)


def throttled(scene: Scene, seen: Prometheus) -> None:
    scene.again(scene.puts("throttled"))


def crowded(scene: Scene, seen: Prometheus) -> None:
    """It takes two connections.  One of three is always refused, and tried again."""
    scene.push(idle_connections(scene.servers["crowded"].port, 3))


def exhausted(scene: Scene, seen: Prometheus) -> None:
    """It has fewer than a tenth left, and yet what it needs: of a server that has none Prometheus may hear nothing."""
    server, count = scene.servers["exhausted"], 200
    scene.push(idle_connections(server.port, count))
    patience.until(lambda: seen.query(f'uvideo_connections_open{{instance="exhausted"}} == {count}'))
    place, hard = Path(f"/proc/{server.pid}/fd"), resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (len(list(place.iterdir())) * 100 // 94, hard))


def stale(scene: Scene, seen: Prometheus) -> None:
    peer = Peer(scene.servers["stale"])
    space = peer.space()
    upload = peer.do(operation.InitiateUpload(space, "given up"))
    peer.do(operation.UploadPart(space, "given up", upload.upload_id, 0), pattern(1000))
    earlier = f"created = created - {8 * DAY}"
    scene.change("stale", f"UPDATE uploads SET {earlier}", f"UPDATE parts SET {earlier}, size = {11 * GIB}")


#: name -> (its alert, what happens, its options)
CAUSES: dict[str, tuple[str | None, Callable[[Scene, Prometheus], None], tuple[str, ...]]] = {
    "calm": (None, calm, ("--workers", "2")),
    "full": ("UvideoFull", full, ("--headroom", "1")),
    "filling": ("UvideoFilling", filling, ("--headroom", "8")),
    "restarts": ("UvideoRestarts", restarts, ()),
    "down": ("UvideoDown", nothing, ()),
    "worker": ("UvideoWorkersDie", worker, ("--workers", "2")),
    "blobs": ("UvideoStorage", blobs, ()),
    "locked": ("UvideoStorage", locked, ("--lock-seconds", "0.2")),
    "fails": ("UvideoFails", fails, ()),
    "slow": ("UvideoSlow", slow, ()),
    "damaged": ("UvideoDamaged", damaged, ()),
    "guessed": ("UvideoGuessed", guessed, ("--guesses", "3", "--trusted-proxy", "127.0.0.1")),
    "throttled": ("UvideoThrottled", throttled, ("--rate", "1")),
    "crowded": ("UvideoCrowded", crowded, ("--connections", "2")),
    "exhausted": ("UvideoExhausted", exhausted, ()),
    "stale": ("UvideoStale", stale, ()),
    "garbage": ("UvideoGarbage", nothing, ()),
    "backup": ("UvideoBackupOld", nothing, ()),
    "never": ("UvideoBackupNever", nothing, ()),
    "certificate": ("UvideoCertificate", nothing, ()),
}


def start(scene: Scene, name: str, folder: Path) -> None:
    _, _, options = CAUSES[name]
    if name == "certificate":
        options = certified(folder, 10)
    if name in ("down", "restarts"):
        return
    if name == "garbage":  # more than a sweep dares to take
        with scene.prepared("garbage"):
            pass
        for number in range(120):
            path = scene.folder("garbage") / "blobs" / f"{number:02x}" / f"{number:032x}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x")
            os.utime(path, (1, 1))
    scene.start(name, *options, backup={"backup": 27 * 3600, "never": None}.get(name, 0.0))


@dataclass
class World:
    """What became of them: ``wanted`` and ``fired`` are instance -> alerts."""

    scene: Scene
    seen: Prometheus
    wanted: dict[str, set[str]]
    fired: dict[str, set[str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    with ExitStack() as stack:
        scene = Scene(stack, stack.enter_context(mounted(folder, **DISKS)))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: start(scene, name, folder), CAUSES))
        restarting, down = free_ports(2)
        scene.targets.update(down=f"http://127.0.0.1:{down}", restarts=f"http://127.0.0.1:{restarting}")
        rules = [hurried(path.read_text()) for path in (RULES, NEVER)]
        seen = stack.enter_context(started(folder, rules, scene.targets))
        patience.until(lambda: len(seen.query("uvideo_disk_free_bytes")) == len(CAUSES) - 2)
        for name in CAUSES:
            CAUSES[name][1](scene, seen)
        wanted = {name: {alert} for name in CAUSES if (alert := CAUSES[name][0]) is not None}
        fired, steady, deadline = seen.firing(), 0, time.monotonic() + patience.SECONDS
        while steady < 5 and time.monotonic() < deadline:
            fired = seen.firing()
            steady = steady + 1 if fired == wanted else 0
            time.sleep(0.2)
        yield World(scene, seen, wanted, fired)


@pytest.mark.parametrize("name", CAUSES)
def test_one_cause_fires_one_alert(world: World, name: str) -> None:
    assert world.fired.get(name, set()) == world.wanted.get(name, set()), world.seen.troubles().get(name)


def test_every_alert_has_a_cause_here() -> None:
    alerts = {name for path in (RULES, NEVER) for name in re.findall(r"- alert: (\w+)", path.read_text())}
    assert alerts == {alert for alert, *_ in CAUSES.values() if alert} | set(NOT_HERE)


def test_every_rule_is_evaluated(world: World) -> None:
    assert world.seen.errors() == []


def test_every_query_of_the_dashboard_has_series(world: World) -> None:
    board = json.loads((ROOT / "docs" / "monitoring" / "dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
            patience.until(lambda asked=expression: world.seen.query(asked))


def test_nothing_is_scraped_slowly(world: World) -> None:
    """Of servers whose database or disk is away, too: who scrapes waits for nothing for long."""
    for each in world.seen.query("up == 1"):
        name = each["metric"]["instance"]
        (found,) = world.seen.query(f'scrape_duration_seconds{{instance="{name}"}}')
        assert float(found["value"][1]) < 10, name
