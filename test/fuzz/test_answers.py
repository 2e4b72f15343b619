"""Our reader of answers against h11: the same answer, or both refuse, but for the differences of reference.py."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice

import pytest

from test.fuzz import answers, reference

SPLIT = 8  # every so many answers, one is read in two pieces at each of its bytes
WHOLE = 3000  # bytes: a longer answer is not read byte by byte


def compared(method: str, data: bytes, everywhere: bool) -> set[str]:
    """The names of the differences that were met."""
    ours, why = reference.read(method, [data], True)
    found = reference.differences(method, data, True, ours, why)
    theirs = reference.judged(method, [data], True)
    assert found is not None, f"{method} {data!r}\nh11: {theirs}\nours: {ours} {why}"
    if len(data) <= WHOLE:
        cuts = [[data[at : at + 1] for at in range(len(data))]]
        if everywhere:
            cuts += [[data[:at], data[at:]] for at in range(1, len(data))]
        for pieces in cuts:
            again, _ = reference.read(method, pieces, True)
            assert again.agrees(ours), f"{method} {pieces!r}\nin pieces: {again}\nwhole: {ours} {why}"
            assert again.reusable == ours.reusable
    if theirs.complete and ours.complete:
        theirs, (ours, _) = reference.judged(method, [data], False), reference.read(method, [data], False)
        if theirs.complete and theirs.reusable != ours.reusable:
            name = reference.reuse(data, ours.reusable)
            assert name is not None, f"{method} {data!r}\nh11: {theirs}\nours: {ours}"
            found.add(name)
    return found


def run(count: int, seed: int) -> None:
    met: Counter[str] = Counter()
    for number, (method, data) in enumerate(islice(answers.inputs(seed), count)):
        met.update(compared(method, data, number % SPLIT == 0 and len(data) < 400))
    print(dict(met))
    assert set(met) == reference.NAMES, f"these differences are no more: {reference.NAMES - set(met)}"


def test_answers_mean_what_they_mean_to_h11() -> None:
    run(3000, seed=1)


@pytest.mark.long
def test_very_many_answers_mean_what_they_mean_to_h11() -> None:
    run(int(os.environ.get("UVIDEO_TEST_ROUNDS", "20000")), seed=2)


def test_every_difference_has_a_reason() -> None:
    names = [each.name for each in reference.DIFFERENCES] + [each[0] for each in reference.REUSES]
    assert len(set(names)) == len(names)
    assert all(each.reason and bool(each.why) != bool(each.repair) for each in reference.DIFFERENCES)
