"""Every parser on its corpus and on some thousand inputs with a few things wrong.  See also __main__.py."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from test.fuzz.mutation import inputs
from test.fuzz.targets import SEEDS, TARGETS

CORPUS = Path(__file__).with_name("corpus")
TOO_LONG = 30.0  # seconds of CPU time for some thousand bytes: no measure of a machine
ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "60000"))


def run(target: str, count: int, seed: int) -> int:
    done = 0
    kept = [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))]
    for data in inputs([*SEEDS[target], *kept], count, seed):
        began = time.thread_time()
        try:
            TARGETS[target](data)
        except BaseException as failure:
            raise AssertionError(f"{target} on {data!r}") from failure
        assert time.thread_time() - began < TOO_LONG, f"{target} on {data!r}"
        done += 1
    return done


@pytest.mark.parametrize("target", TARGETS)
def test_a_parser_takes_anything(target: str) -> None:
    assert run(target, 1500, seed=1) > 1500


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS)
def test_a_parser_takes_very_many_things(target: str) -> None:
    done = run(target, ROUNDS, seed=2)
    print(f"{target}: {done} inputs")
    assert done > ROUNDS


def test_the_corpus_is_small_and_of_known_targets() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} <= set(TARGETS)
    assert files and sum(path.stat().st_size for path in files) < 200_000
