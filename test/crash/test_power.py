"""Loss of power: the writes of a server replayed to any point, without what was not synced.

What this does not show: a file system's own mistakes, and disks that do not sync when told to.  Maps of memory are not
noted; the two that the server has (SQLite's -shm, the mark of the spaces) are made anew from the rest.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from test import patience
from test.crash.disk import ANSWER, NAMES, WRITES, Disk, Record, read
from test.crash.state import State, observe
from test.crash.story import Writer, judge, matches, names, writers
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation

SPACE = "power"
WRITERS = 6
POINTS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "80"))
SESSION = re.compile(rb"(?:X-SessionId|x-amz-request-id): ([0-9a-f-]{36})")


@dataclass
class Story:
    """What a server did and what its writers were told.  ``first``: records until the space was acknowledged."""

    root: Path
    records: list[Record]
    writers: list[Writer]
    answers: dict[str, int]
    first: int

    def acknowledged(self, count: int, session: str) -> bool:
        return self.answers.get(session, count) < count


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """shim.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        if os.environ.get("UVIDEO_REQUIRE_INTERPRETERS"):
            pytest.fail("there is no C compiler here: apt-get install gcc libc6-dev")
        pytest.skip("there is no C compiler here")
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(Path(__file__).with_name("shim.c"))]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True, timeout=patience.SECONDS)
    return made


def record(shim: Path, folder: Path, steps: int, seed: int, *options: str) -> Story:
    """Let writers work on a server whose every change is noted, and kill it."""
    root, log = folder / "data", folder / "changes"
    env = {"LD_PRELOAD": str(shim), "UVIDEO_TEST_LOG": str(log), "UVIDEO_TEST_ROOT": str(root)}
    with start_server(root, *options, env=env) as server:
        Peer(server).manage(operation.CreateSpace(SPACE))
        at_work = writers([server], SPACE, {name: State() for name in names(WRITERS)}, random.Random(seed))
        for writer in at_work:
            writer.start()
        deadline = time.monotonic() + 60
        while sum(len(writer.steps) for writer in at_work) < steps and time.monotonic() < deadline:
            time.sleep(0.005)
        server.kill()
        for writer in at_work:
            writer.stop.set()
            writer.join(patience.SECONDS)
            assert writer.failure is None, writer.failure
    records = read(log)
    answers: dict[str, int] = {}
    for at, each in enumerate(records):
        found = SESSION.search(each.data) if each.kind == ANSWER else None
        if found:
            answers.setdefault(found[1].decode(), at)
    told = [step.session for writer in at_work for step in writer.steps if step.session is not None]
    assert told and all(session in answers for session in told), "the log lacks answers that were received"
    return Story(root, records, at_work, answers, min(answers.values()) + 1)


def crash(story: Story, count: int, writes: str, names: str, dice: random.Random, folder: Path) -> int:
    """Lose the power after so many records, and look; how much was not synced."""
    disk = Disk(story.records, count)
    disk.lay_out(str(story.root), folder, writes, names, dice)
    found, leaked = asyncio.run(observe(folder, SPACE, [writer.prefix[:-1] for writer in story.writers]))
    for writer in story.writers:
        judge(writer, found[writer.prefix[:-1]], lambda session: story.acknowledged(count, session))
    assert leaked == 0
    return disk.unsynced()


def points(story: Story, count: int, dice: random.Random) -> list[int]:
    """Where to lose the power: half of them just after an answer left, the others anywhere."""
    answered = [at + 1 for at in story.answers.values() if at >= story.first]
    return [
        dice.choice(answered) if number % 2 else dice.randrange(story.first, len(story.records) + 1)
        for number in range(count)
    ]


def explore(story: Story, count: int, folder: Path, seed: int) -> tuple[int, int]:
    """(losses of power, changes that were not synced then)."""
    dice, unsynced, done = random.Random(seed), 0, 0
    for number, point in enumerate(points(story, count, dice)):
        writes, names = WRITES[number % len(WRITES)], NAMES[number // len(WRITES) % len(NAMES)]
        place = folder / f"crash-{number}"
        try:
            unsynced += crash(story, point, writes, names, dice, place)
        except Exception as failure:
            raise AssertionError(f"point {point} of {len(story.records)}, writes {writes}, names {names}") from failure
        shutil.rmtree(place)
        done += 1
    return done, unsynced


def test_nothing_acknowledged_is_lost_with_the_power(shim: Path, tmp_path: Path) -> None:
    story = record(shim, tmp_path, 60, seed=11)
    done, unsynced = explore(story, 20, tmp_path, seed=1)
    assert done == 20 and unsynced > 0


def test_without_syncing_it_is_lost_and_seen(shim: Path, tmp_path: Path) -> None:
    """The harness finds what it looks for."""
    story = record(shim, tmp_path, 40, 12, "--no-fsync")
    last = max(story.answers.values()) + 1
    with pytest.raises((AssertionError, OSError)):
        crash(story, last, "none", "all", random.Random(1), tmp_path / "crash")


def test_the_server_starts_on_what_is_left(shim: Path, tmp_path: Path) -> None:
    """With its own key pair, and it serves the space that was acknowledged."""
    story = record(shim, tmp_path, 20, seed=13)
    point = max(story.answers.values()) + 1
    Disk(story.records, point).lay_out(str(story.root), tmp_path / "left", "none", "none", random.Random(1))
    with start_server(tmp_path / "left", "--no-fsync") as server:
        assert server.public_key == story.writers[0].peer.credentials.public_key
        looked = 0
        for writer in story.writers:
            first, *others = writer.allowed(lambda session: story.acknowledged(point, session))
            sure = first.objects.items() & set.intersection(*[set(other.objects.items()) for other in (first, *others)])
            looked += matches(server, SPACE, State(dict(sure)))
        assert looked


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_with_the_power_at_many_points(shim: Path, tmp_path: Path) -> None:
    done = lost = noted = 0
    for seed in range(4):
        place = tmp_path / str(seed)
        place.mkdir()
        story = record(shim, place, 400, seed=100 * seed)
        noted += len(story.records)
        found = explore(story, POINTS, place, seed)
        done, lost = done + found[0], lost + found[1]
        shutil.rmtree(place)
    print(f"power lost at {done} points of {noted} records, with {lost} changes not synced")
    assert done == 4 * POINTS and lost > done
