"""Every operation of every client, through every box."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pytest

import uvideo
from test.patience import until
from test.proxies.boxes import UNFIT
from test.proxies.faces import FACES
from test.proxies.world import Way, World

pytestmark = pytest.mark.proxies

STEPS = ["put", "multipart", "get", "range", "list", "head", "delete"]
RANGE = (4194300, 4194311)  # over the edge of two blocks


@pytest.mark.parametrize("face", FACES)
def test_all_operations_work_through(
    face: str, box: tuple[str, Way], world: World, files: tuple[Path, Path], tmp_path: Path
) -> None:
    name, way = box
    small, large = files
    content, prefix = large.read_bytes(), f"{uuid.uuid4().hex[:8]}/"
    before, visits = len(way.seen()), world.decoy.visits
    job = {"steps": STEPS, "prefix": prefix, "small": str(small), "large": str(large), "range": RANGE}
    said = FACES[face].run(way, world, tmp_path, job)
    assert said.met <= way.its()
    assert world.decoy.visits == visits
    unfit = UNFIT.get((name, face))
    if unfit:
        assert all(unfit in each["text"] for each in said.outcome.values()), said.outcome
        return
    assert said.outcome == {
        "put": uvideo.etag(small),
        "multipart": uvideo.etag(large),
        "get": hashlib.sha256(content).hexdigest(),
        "range": content[RANGE[0] : RANGE[1] + 1].decode(),
        "list": [prefix + "large", prefix + "small"],
        "head": len(content),
        "delete": 404,
    }
    until(lambda: (way.trace or prefix) in way.seen()[before:])
