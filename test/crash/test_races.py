"""Several who finish, abort and go on with one upload at once, and a server that is killed meanwhile.

Nobody is told 500, and a part that was acknowledged is there as long as its upload is.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.wire import BLOCK, Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import etag, operation

SPACE = "races"
RACES = int(os.environ.get("UVIDEO_TEST_ROUNDS", "4"))
DATA = [bytes([65 + number]) * BLOCK for number in range(2)] + [b"the third part"]
TAGS = [etag.part_etag(etag.block_digest(data)) for data in DATA]


def ask(peer: Peer, op: Any, body: bytes = b"") -> int:
    """The status, 0 if there was no answer."""
    try:
        return peer.call(op, body).status
    except (OSError, EOFError, ValueError):
        return 0


def begin(peer: Peer, key: str) -> str:
    upload_id: str = peer.do(operation.InitiateUpload(SPACE, key)).upload_id
    for number in range(2):
        peer.do(operation.UploadPart(SPACE, key, upload_id, number), DATA[number])
    return upload_id


def race(server: Any, key: str, upload_id: str, *, abort: bool) -> tuple[dict[str, list[int]], list[threading.Thread]]:
    """Ask for all of it at once, each on a connection of its own; {what: statuses}, filled as they come."""
    found: dict[str, list[int]] = {"two": [], "three": [], "part": [], "abort": []}
    asked: list[tuple[str, Any, bytes]] = [
        ("two", operation.FinishUpload(SPACE, key, upload_id, tuple(TAGS[:2])), b""),
        ("part", operation.UploadPart(SPACE, key, upload_id, 2), DATA[2]),
        ("two", operation.FinishUpload(SPACE, key, upload_id, tuple(TAGS[:2])), b""),
        ("three", operation.FinishUpload(SPACE, key, upload_id, tuple(TAGS)), b""),
    ]
    if abort:
        asked.append(("abort", operation.AbortUpload(SPACE, key, upload_id), b""))
    together = threading.Barrier(len(asked))

    def one(what: str, op: Any, body: bytes) -> Callable[[], None]:
        def run() -> None:
            peer = Peer(server)
            together.wait(patience.SECONDS)
            found[what].append(ask(peer, op, body))

        return run

    threads = [threading.Thread(target=one(*each), daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    return found, threads


def judge(peer: Peer, key: str, upload_id: str, found: dict[str, list[int]]) -> str:
    """What became of it: "open", "finished" or "aborted"."""
    statuses = [status for each in found.values() for status in each]
    assert not [status for status in statuses if status >= 500], found
    got = peer.call(operation.GetObject(SPACE, key))
    if got.status == 200:
        assert got.body in (b"".join(DATA[:2]), b"".join(DATA)), f"{len(got.body)} bytes, {found}"
        assert sum(status == 200 for status in found["two"] + found["three"]) <= 1
        assert not (200 in found["part"] and 200 in found["two"]), "a finish left out a part that was acknowledged"
        return "finished"
    assert 200 not in found["two"] + found["three"], found
    listed = peer.call(operation.ListParts(SPACE, upload_id))
    if listed.status != 200:
        assert 200 in found["abort"] or 0 in found["abort"], found
        return "aborted"
    if 200 in found["part"]:  # it was acknowledged, so it is there, every byte of it
        peer.do(operation.FinishUpload(SPACE, key, upload_id, tuple(TAGS)))
        assert peer.call(operation.GetObject(SPACE, key)).body == b"".join(DATA)
    return "open"


@pytest.mark.parametrize("options", [("--no-fsync",), ("--no-fsync", "--workers", "2")])
def test_nobody_who_races_is_told_500(tmp_path: Path, options: tuple[str, ...]) -> None:
    with start_server(tmp_path, *options) as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        ended = set[str]()
        for number in range(RACES):
            key = f"key{number}"
            upload_id = begin(peer, key)
            found, threads = race(server, key, upload_id, abort=number % 3 == 2)
            for thread in threads:
                thread.join(patience.SECONDS)
            ended.add(judge(peer, key, upload_id, found))
        assert ended and "Traceback" not in server.log.read_text()


def test_a_part_that_was_acknowledged_survives_a_finish_that_was_killed(tmp_path: Path) -> None:
    dice = random.Random(5)
    for number in range(RACES // 2):
        key = f"key{number}"
        with start_server(tmp_path, "--no-fsync") as server:
            peer = Peer(server)
            if not number:
                peer.manage(operation.CreateSpace(SPACE))
            upload_id = begin(peer, key)
            found, threads = race(server, key, upload_id, abort=False)
            threading.Event().wait(dice.uniform(0, 0.03))
            server.kill()
            for thread in threads:
                thread.join(patience.SECONDS)
        with start_server(tmp_path, "--no-fsync") as server:
            judge(Peer(server), key, upload_id, found)
