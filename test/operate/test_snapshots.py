"""Snapshots of a running server's folder, and generations of its backup, as docs/operate.md says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test.patience import SECONDS, until
from test.server.wire import BLOCK, Peer, pattern
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation

MIB = 1 << 20
pytestmark = pytest.mark.operate


def admin(*arguments: object) -> str:
    command = [sys.executable, "-m", "uvideo", "admin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Nothing of it moves, wherever it is: its folder is then what an atomic snapshot has."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    pids = [server.pid, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_snapshot_has_everything_that_was_acknowledged(tmp_path: Path) -> None:
    going, stored = True, list[str]()

    def write(server: Server, space: str) -> None:
        writer = Peer(server)
        while going:
            key = f"{threading.get_ident()}/{len(stored)}"
            writer.do(operation.PutObject(space, key), pattern(100 if len(stored) % 2 else 50_000))
            stored.append(key)

    with start_server(tmp_path / "folder", "--workers", "2") as server:
        space = Peer(server).space()
        writers = [threading.Thread(target=write, args=(server, space)) for _ in range(3)]
        for each in writers:
            each.start()
        snapshots = list[tuple[Path, list[str]]]()
        try:
            for number in range(3):
                enough = 20 * (number + 1)
                until(lambda: len(stored) > enough)  # noqa: B023
                copy = tmp_path / f"snapshot{number}"
                with frozen(server):
                    acknowledged = list(stored)
                    shutil.copytree(tmp_path / "folder", copy)
                snapshots.append((copy, acknowledged))
        finally:
            going = False
            for each in writers:
                each.join(SECONDS)
    for copy, acknowledged in snapshots:
        with start_server(copy) as server:
            peer = Peer(server)
            for key in acknowledged:
                assert len(peer.call(operation.GetObject(space, key)).body) in (100, 50_000)
            assert " 0 damaged" in admin("fsck", "--rehash", copy)


def test_generations_share_files_and_keep_what_they_had(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    found = re.search(r"^(cp --archive --link .*?)^rsync ", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    make = found.group(1).replace("/mnt/backup", str(tmp_path / "backup"))
    target = tmp_path / "backup" / "video"
    target.parent.mkdir()
    with start_server(tmp_path / "folder", "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "film"), pattern(3 * MIB))
        peer.do(operation.PutObject(space, "note"), b"first")
        upload = peer.do(operation.InitiateUpload(space, "unfinished"))
        peer.do(operation.UploadPart(space, "unfinished", upload.upload_id, 0), pattern(BLOCK))
        admin("backup", "--with-credentials", server.dir, target)
        subprocess.run(["bash", "-euc", make], check=True, timeout=SECONDS)
        peer.do(operation.DeleteObject(space, "film"))
        peer.do(operation.PutObject(space, "note"), b"second")
        peer.do(operation.UploadPart(space, "unfinished", upload.upload_id, 1), pattern(BLOCK))
        admin("backup", "--with-credentials", server.dir, target)
    (generation,) = target.parent.glob("video.2*")
    for backup, note, film in ((generation, b"first", 200), (target, b"second", 404)):
        folder = tmp_path / f"restored {note.decode()}"
        admin("restore", backup, folder)
        assert " 0 damaged" in admin("fsck", "--rehash", folder)
        with start_server(folder, "--no-fsync") as server:
            peer = Peer(server)
            assert peer.call(operation.GetObject(space, "note")).body == note
            assert peer.call(operation.GetObject(space, "film")).status == film
