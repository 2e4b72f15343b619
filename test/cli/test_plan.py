"""The merge of two listings, and plans in files."""

from __future__ import annotations

import itertools
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvideo.cli.address import Remote
from uvideo.cli.compare import merge
from uvideo.cli.plan import PlanHeader, PlanWriter, Step, read
from uvideo.cli.walk import Entry
from uvideo.errors import BadAnswer, InvalidArgument, LocalFailure

KEYS = st.sets(st.text(max_size=6)).map(lambda keys: sorted(keys, key=lambda key: key.encode("utf-8", "replace")))


def entries(names: list[str]) -> Iterator[Entry]:
    return (Entry(name, 1, name) for name in names)


@given(st.sets(st.text(st.characters(codec="utf-8"), max_size=5)), st.sets(st.text(st.characters(codec="utf-8"))))
def test_every_name_comes_once_with_what_each_side_has(ours: set[str], theirs: set[str]) -> None:
    one, other = (sorted(names, key=lambda name: name.encode()) for names in (ours, theirs))
    pairs = list(merge(entries(one), entries(other)))
    names = [(left or right).name for left, right in pairs if left or right]
    assert names == sorted(ours | theirs, key=lambda name: name.encode())
    assert {left.name for left, _ in pairs if left} == ours
    assert {right.name for _, right in pairs if right} == theirs
    assert all(left.name == right.name for left, right in pairs if left and right)


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"]])
def test_a_listing_out_of_order_is_refused(names: list[str]) -> None:
    with pytest.raises(BadAnswer, match="not in order"):
        list(merge(entries(["a"]), entries(names)))


@pytest.mark.parametrize("count", [50_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_a_million_keys_take_no_memory(count: int) -> None:
    def side(step: int) -> Iterator[Entry]:
        return (Entry(f"{number:08}", number, "") for number in range(0, count, step))

    tracemalloc.start()
    try:
        both = sum(left is not None and right is not None for left, right in merge(side(2), side(3)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert both == len(range(0, count, 6))
    assert peak < 1 << 20


def steps(folder: Path) -> list[Step]:
    file = Entry("a", 3, str(folder / "a"), 5, 7)
    thing = Entry("b", 4, Remote("s", "p/b"), etag="e")
    return [
        Step("upload", Remote("s", "p/a"), file, None),
        Step("upload", Remote("s", "p/b"), Entry("b", 4, str(folder / "b"), 5, 8), thing),
        Step("delete", Remote("s", "p/b"), None, thing),
    ]


def written(folder: Path) -> Path:
    path = folder / "plan"
    with PlanWriter(str(path), PlanHeader(str(folder), "uvideo://s/p/", "http://h")) as writer:
        for step in steps(folder):
            writer.add(step)
        assert not path.exists()
    return path


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    plan = read(str(written(tmp_path)))
    assert (plan.head.endpoint, plan.deletes) == ("http://h", 1)

    def bare(step: Step) -> tuple[object, ...]:
        return step.action, step.to, *((e and (e.size, e.path, e.mtime_ns, e.etag)) for e in (step.source, step.target))

    found = [*plan.steps(deletes=False), *plan.steps(deletes=True)]
    assert [bare(step) for step in found] == [bare(step) for step in steps(tmp_path)]
    assert os.listdir(tmp_path) == ["plan"]


def test_a_plan_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), PlanWriter(str(tmp_path / "plan"), PlanHeader("a", "b", "c")) as writer:
        writer.add(steps(tmp_path)[0])
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_plan_that_is_none_says_why(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_text().splitlines(keepends=True)
    broken = [
        ("".join(whole[:-1]), "may be cut off"),
        ("".join(whole[:-2] + whole[-1:]), "may be cut off"),
        ("".join(whole) + "x", "may be cut off"),
        ("", "is not a plan"),
        ("{}\n", "is not a plan"),
        ("[1]\n", "is not a plan"),
        (whole[0].replace(':1,"source"', ':9,"source"') + whole[-1], "another version"),
        (whole[0] + whole[1].replace("upload", "explode"), "unknown step explode"),
        (whole[0] + whole[1].replace("upload", "delete"), "lacks its source or target"),
        (whole[0] + whole[1].replace("upload", "copy"), "lacks its source or target"),
        (whole[0] + whole[3].replace("p/b", "q/b", 1), "outside of"),
        (whole[0] + whole[1].replace('"p/a"', '"q"'), "outside of"),
        (whole[0] + whole[1].replace(str(tmp_path / "a"), "/etc/passwd"), "outside of"),
        (whole[0] + whole[1].replace(str(tmp_path / "a"), f"{tmp_path}/../x"), "outside of"),
    ]
    for text, said in broken:
        path.write_text(text)
        with pytest.raises(InvalidArgument) as caught:
            read(str(path))
        assert said in str(caught.value), text
    with pytest.raises(LocalFailure, match="No such file"):
        read(str(tmp_path / "none"))


def test_no_change_of_a_byte_makes_another_plan_than_a_valid_one(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for at, new in itertools.product(range(0, len(whole), 7), (b"\x00", b"\xff", b'"', b"9")):
        path.write_bytes(whole[:at] + new + whole[at + 1 :])
        try:
            plan = read(str(path))
        except InvalidArgument:
            continue
        assert len([*plan.steps(deletes=False)]) + plan.deletes == 3
        assert json.loads(whole.splitlines()[-1])["steps"] == 3
