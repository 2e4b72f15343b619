"""Several who finish, abort and go on with one upload at once, and a server that is killed meanwhile.

Nobody is told 500, and a part that was acknowledged is there as long as its upload is.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from test import patience
from test.crash.state import md5, observe
from test.s3.peer import S3Peer, etag_of
from test.server.wire import BLOCK, Answer, Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import etag, operation

SPACE = "races"
RACES = int(os.environ.get("UVIDEO_TEST_ROUNDS", "4"))
NOTHING = Answer(0, [], b"")  # there was no answer


def status(call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except (OSError, EOFError, ValueError):
        return NOTHING


class Race:
    """One dialect's upload of which all ask at once.  ``bodies``: what the object may hold.

    ``part``: the object that has the part that was sent late.
    """

    bodies: ClassVar[tuple[bytes, ...]]
    part: ClassVar[bytes]

    def __init__(self, server: Any, key: str) -> None:
        self.server, self.key, self.upload_id = server, key, ""
        self.found: dict[str, list[Answer]] = {}

    def begin(self) -> None:
        raise NotImplementedError

    def asked(self) -> Mapping[str, Callable[[Any], Answer]]:
        """{what: how to ask for it}: finishes with two lists, a part, an abort."""
        raise NotImplementedError

    def peer(self) -> Any:
        """A client of its own for each."""
        raise NotImplementedError

    def run(self, *, abort: bool) -> list[threading.Thread]:
        """Ask for all of it at once, each on a connection of its own; ``found`` is filled as the answers come."""
        asked = self.asked()
        self.found = {what: [] for what in asked}
        names = ["old", "part", "old", "new", *(["abort"] if abort else [])]
        together = threading.Barrier(len(names))

        def one(what: str) -> Callable[[], None]:
            def run() -> None:
                peer = self.peer()
                together.wait(patience.SECONDS)
                self.found[what].append(status(lambda: asked[what](peer)))

            return run

        threads = [threading.Thread(target=one(what), daemon=True) for what in names]
        for thread in threads:
            thread.start()
        return threads

    def finished(self, *names: str) -> list[Answer]:
        """The answers of finishes that were successful."""
        return [answer for name in names for answer in self.found[name] if answer.status == 200]

    def judge(self) -> str:
        """What became of it: "open", "finished" or "aborted"."""
        answers = [answer for each in self.found.values() for answer in each]
        assert not [answer for answer in answers if answer.status >= 500], self.found
        got = Peer(self.server).call(operation.GetObject(SPACE, self.key))
        if got.status == 200:
            assert got.body in self.bodies, f"{len(got.body)} bytes, {self.found}"
            self.judge_finished(got.body)
            return "finished"
        assert not self.finished("old", "new"), self.found
        if not self.is_open():
            assert {answer.status for answer in self.found["abort"]} & {0, 200, 204}, self.found
            return "aborted"
        if self.finished("part"):  # it was acknowledged, so it is there, every byte of it
            assert self.asked()["new"](self.peer()).status == 200
            assert Peer(self.server).call(operation.GetObject(SPACE, self.key)).body == self.part
        return "open"

    def judge_finished(self, body: bytes) -> None:
        raise NotImplementedError

    def is_open(self) -> bool:
        raise NotImplementedError


class UfileRace(Race):
    """Finishes with two and with three parts, the third part meanwhile."""

    DATA = (b"A" * BLOCK, b"B" * BLOCK, b"the third part")
    TAGS = tuple(etag.part_etag(etag.block_digest(data)) for data in DATA)
    bodies = b"".join(DATA[:2]), b"".join(DATA)
    part = b"".join(DATA)

    def begin(self) -> None:
        peer = Peer(self.server)
        self.upload_id = peer.do(operation.InitiateUpload(SPACE, self.key)).upload_id
        for number in range(2):
            peer.do(operation.UploadPart(SPACE, self.key, self.upload_id, number), self.DATA[number])

    def peer(self) -> Peer:
        return Peer(self.server)

    def asked(self) -> Mapping[str, Callable[[Any], Answer]]:
        key, upload_id = self.key, self.upload_id
        ops: dict[str, tuple[Any, bytes]] = {
            "old": (operation.FinishUpload(SPACE, key, upload_id, self.TAGS[:2]), b""),
            "new": (operation.FinishUpload(SPACE, key, upload_id, self.TAGS), b""),
            "part": (operation.UploadPart(SPACE, key, upload_id, 2), self.DATA[2]),
            "abort": (operation.AbortUpload(SPACE, key, upload_id), b""),
        }
        return {what: (lambda peer, each=each: peer.call(*each)) for what, each in ops.items()}

    def judge_finished(self, body: bytes) -> None:
        assert len(self.finished("old", "new")) <= 1
        lost = self.finished("part") and self.finished("old")
        assert not lost, "a finish left out a part that was acknowledged"

    def is_open(self) -> bool:
        return Peer(self.server).call(operation.ListParts(SPACE, self.upload_id)).status == 200


class S3Race(Race):
    """Finishes with the last part as it was, and as it is replaced meanwhile.  All who succeed are told the same."""

    FIRST, OLD, NEW = b"A" * (5 << 20), b"the old part", b"the new part" * 1000
    bodies = FIRST + OLD, FIRST + NEW
    part = FIRST + NEW

    def begin(self) -> None:
        peer = self.peer()
        self.upload_id = peer.begin(SPACE, self.key)
        for number, data in ((2, self.FIRST), (9, self.OLD)):
            self._part(peer, number, data)

    def _part(self, peer: S3Peer, number: int, data: bytes) -> Answer:
        query = {"partNumber": str(number), "uploadId": self.upload_id}
        return peer.ask("PUT", SPACE, self.key, query, body=data)

    def peer(self) -> S3Peer:
        return S3Peer(self.server)

    def asked(self) -> Mapping[str, Callable[[Any], Answer]]:
        def finish(last: bytes) -> Callable[[Any], Answer]:
            parts = [(2, md5(self.FIRST)), (9, md5(last))]
            return lambda peer: peer.complete(SPACE, self.key, self.upload_id, parts)  # type: ignore[no-any-return]

        query = {"uploadId": self.upload_id}
        return {
            "old": finish(self.OLD),
            "new": finish(self.NEW),
            "part": lambda peer: self._part(peer, 9, self.NEW),
            "abort": lambda peer: peer.ask("DELETE", SPACE, self.key, query),
        }

    def judge_finished(self, body: bytes) -> None:
        shown = self.peer().ask("HEAD", SPACE, self.key).header("ETag")
        told = {f'"{etag_of(answer)}"' for answer in self.finished("old", "new")}
        assert told <= {shown}, (told, shown)
        assert self.finished("part") or 0 in [each.status for each in self.found["part"]] or body == self.bodies[0]

    def is_open(self) -> bool:
        return self.peer().ask("GET", SPACE, self.key, {"uploadId": self.upload_id}).status == 200


RACERS = [UfileRace, S3Race]


@pytest.mark.parametrize("racer", RACERS)
@pytest.mark.parametrize("options", [("--no-fsync",), ("--no-fsync", "--workers", "2")])
def test_nobody_who_races_is_told_500(tmp_path: Path, options: tuple[str, ...], racer: type[Race]) -> None:
    with start_server(tmp_path, *options) as server:
        Peer(server).manage(operation.CreateSpace(SPACE))
        ended = set[str]()
        for number in range(RACES):
            race = racer(server, f"key{number}")
            race.begin()
            for thread in race.run(abort=number % 3 == 2):
                thread.join(patience.SECONDS)
            ended.add(race.judge())
        assert ended and "Traceback" not in server.log.read_text()
    _, leaked = asyncio.run(observe(tmp_path, SPACE, []))
    assert leaked == 0


@pytest.mark.parametrize("racer", RACERS)
def test_a_part_that_was_acknowledged_survives_a_finish_that_was_killed(tmp_path: Path, racer: type[Race]) -> None:
    dice = random.Random(5)
    for number in range(RACES // 2):
        with start_server(tmp_path, "--no-fsync") as server:
            if not number:
                Peer(server).manage(operation.CreateSpace(SPACE))
            race = racer(server, f"key{number}")
            race.begin()
            threads = race.run(abort=False)
            threading.Event().wait(dice.uniform(0, 0.03))
            server.kill()
            for thread in threads:
                thread.join(patience.SECONDS)
        with start_server(tmp_path, "--no-fsync") as race.server:
            race.judge()
    _, leaked = asyncio.run(observe(tmp_path, SPACE, []))
    assert leaked == 0
