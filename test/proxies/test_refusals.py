"""What a box answers in the service's place is said as what it is, by every client, at once, and followed by none."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.patience import until
from test.proxies.faces import FACES, MAIN
from test.proxies.refusals import REFUSALS, Refusal
from test.proxies.world import Way, World

pytestmark = pytest.mark.proxies


@pytest.fixture(scope="session", params=[pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in REFUSALS])
def refusal(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[Refusal, Way]]:
    """What a box refuses, and the way to it."""
    found = REFUSALS[request.param]
    with found.start(world) as way:
        yield found, way


@pytest.mark.parametrize("face", MAIN)
def test_a_refusal_on_the_way_is_said_as_what_it_is(
    face: str, refusal: tuple[Refusal, Way], world: World, files: tuple[Path, Path], tmp_path: Path
) -> None:
    wanted, way = refusal
    small, large = files
    prefix, before, visits = f"{uuid.uuid4().hex[:8]}/", len(way.seen()), world.decoy.visits
    job = {"steps": [wanted.step], "prefix": prefix, "small": str(small), "large": str(large)}
    said = FACES[face].run(way, world, tmp_path, job, retries=1)
    failure = said.outcome[wanted.step]
    assert isinstance(failure, dict), failure
    assert wanted.text in failure["text"] and way.origin.private_key not in failure["text"] + said.err
    assert FACES[face].says(failure, wanted.cause, wanted.code), failure
    assert not (tmp_path / "got").exists()
    if wanted.cause != "certificate-issuer":  # nothing of HTTP went there
        until(lambda: len(way.seen()) > before)
    assert said.met <= way.its()
    assert world.decoy.visits == visits
