"""GetVideoSpaceStatus, and the counters under it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from test.server.inprocess import running
from test.server.test_spaces import ask
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import errors, operation, signature
from uvideo.server.auth.credentials import Key
from uvideo.server.rules.usage import Usage

DAY = 86400
TODAY = 20_000 * DAY


class Clock:
    now = TODAY + 1000.0

    def __call__(self) -> float:
        return self.now


def days(peer: Peer, *spaces: str, begin: int | None = None, end: int | None = None) -> list[tuple[int, int, int]]:
    """(days after TODAY, stored, sent) of each entry."""
    found = peer.manage(operation.GetSpaceStatus(spaces, begin, end), video=True).entries
    assert all(entry[3:] == (0, 0, 0, 0) for entry in found)
    return [((entry.time - TODAY) // DAY, entry.storage, entry.flux) for entry in found]


def test_what_is_stored_and_read_by_day(tmp_path: Path) -> None:
    clock = Clock()
    with running(tmp_path, clock=clock) as server:
        peer = Peer(server)
        space, other = peer.space(), peer.space("public")
        peer.do(operation.PutObject(space, "a"), b"x" * 100)
        assert len(peer.call(operation.GetObject(space, "a")).body) == 100
        peer.call(operation.HeadObject(space, "a"))
        clock.now += DAY
        peer.do(operation.PutObject(space, "big"), b"x" * 300000)
        peer.do(operation.PutObject(other, "b"), b"x" * 7)
        for _ in range(3):
            assert peer.send("GET", "/b", host=f"{other}.localhost").status == 200
        assert (
            peer.send("GET", "/big", [("Authorization", peer.signed("GET", space, "big"))], host=f"{space}.x").status
            == 200
        )
        both = {"begin": TODAY, "end": TODAY + 2 * DAY}
        assert days(peer, space, **both) == [(0, 100, 100), (1, 300100, 300000)]
        assert days(peer, other, **both) == [(0, 0, 0), (1, 7, 21)]
        assert days(peer, space, other, **both) == days(peer, **both) == [(0, 100, 100), (1, 300107, 300021)]
        assert days(peer, space, begin=TODAY + 2 * DAY - 1, end=TODAY + 2 * DAY + 1)[1:] == [(2, 300100, 0)]
        assert days(peer, space, begin=TODAY, end=TODAY) == [(0, 100, 100)]
        assert [day for day, _, _ in days(peer, space)] == [0, 1]
        peer.do(operation.DeleteObject(space, "a"))
        assert days(peer, space, **both) == [(0, 0, 100), (1, 300000, 300000)]


def test_the_answer_and_its_refusals(peer: Peer, space: str) -> None:
    got = ask(peer, Action="GetVideoSpaceStatus", BeginTime=1893369600, EndTime=1893456000, **{"SpaceName.0": space})
    zeros = dict.fromkeys(("Storage", "Flux", "FhdCodecTime", "ShdCodecTime", "HdCodecTime", "SdCodecTime"), 0)
    assert got["DataSet"] == [{"Time": 1893369600, **zeros}]
    assert ask(peer, Action="GetVideoSpaceStatus", SpaceName=space)["RetCode"] == 0
    assert ask(peer, Action="GetVideoSpaceStatus", BucketName=space)["RetCode"] == 0
    for given, code in (
        ({"SpaceName.0": "no-such-space"}, 15010),
        ({"BeginTime": "x"}, 15017),
        ({"BeginTime": "-1"}, 15017),
        ({"BeginTime": 10, "EndTime": 9}, 15018),
        ({"BeginTime": 0, "EndTime": 401 * DAY}, 15018),
        ({"BeginTime": 10**18}, 15017),
    ):
        assert ask(peer, Action="GetVideoSpaceStatus", **given)["RetCode"] in (code, 15018), given


def test_the_spaces_of_others(tmp_path: Path) -> None:
    with running(tmp_path, more=(Key("other", "other private", "other"),)) as server:
        mine, theirs = Peer(server), Peer(server)
        theirs.credentials = signature.Credentials("other", "other private")
        space = mine.space()
        mine.do(operation.PutObject(space, "k"), b"x")
        with pytest.raises(errors.AccessDenied):
            theirs.manage(operation.GetSpaceStatus((space,)), video=True)
        assert {entry.storage for entry in theirs.manage(operation.GetSpaceStatus(()), video=True).entries} == {0}


def test_what_was_counted_survives_a_restart(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k"), b"x" * 50)
        assert peer.call(operation.GetObject(space, "k")).status == 200
        server.stop()
    with start_server(tmp_path, "--no-fsync") as server:
        assert (
            sum(entry.flux for entry in Peer(server).manage(operation.GetSpaceStatus((space,)), video=True).entries)
            == 50
        )


class Counted:
    """A catalog that only counts, and fails when told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, dict[str, int], dict[str, int]]] = []
        self.failure: Exception | None = None
        self.failed = 0

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int]) -> None:
        if self.failure is not None:
            self.failed += 1
            raise self.failure
        self.calls.append((day, dict(sent), dict(received)))


def test_counters_are_flushed_now_and_then_and_kept_if_that_fails() -> None:
    async def story() -> None:
        catalog: Any = Counted()
        clock = Clock()
        usage = Usage(catalog, clock, every=0.02)
        usage.add("a", 1)
        usage.add("b", 2, 9)
        usage.add("a", 3)
        clock.now += DAY
        usage.add("a", 5)
        while len(catalog.calls) < 2:
            await asyncio.sleep(0.01)
        assert catalog.calls == [(20000, {"a": 4, "b": 2}, {"a": 0, "b": 9}), (20001, {"a": 5}, {"a": 0})]
        catalog.failure = OSError("full")
        usage.add("a", 7, 8)
        while not catalog.failed:
            await asyncio.sleep(0.01)
        catalog.failure = None
        await usage.stop()
        assert catalog.calls[2:] == [(20001, {"a": 7}, {"a": 8})]
        await usage.stop()
        assert len(catalog.calls) == 3

    asyncio.run(story())


def test_a_catalog_that_fails_does_not_stop_the_server_from_ending() -> None:
    async def story() -> None:
        catalog: Any = Counted()
        catalog.failure = OSError("full")
        usage = Usage(catalog, Clock(), every=60)
        usage.add("a", 1)
        await usage.stop()
        catalog.failure = None
        await usage.stop()
        assert catalog.calls == [(20000, {"a": 1}, {"a": 0})]

    asyncio.run(story())
