"""A file is left out as a whole only if ``-m`` would leave out each of its tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from test.marks import SLOW, is_slow, leaves_out

ROOT = Path(__file__).resolve().parents[1]

LONG = "pytestmark = pytest.mark.long\n"
LISTED = "pytestmark = [pytest.mark.skipif(A), pytest.mark.long]\n"
#: A list on one line, and behind it another one whose end is at the beginning of a line.
ONE = "pytestmark = [pytest.mark.skipif(A)]\nROWS = [\n    1,\n]\n\n@pytest.mark.long\ndef test_a(): ...\nMORE = [\n]\n"


@pytest.mark.parametrize(
    ("expression", "source", "expected"),
    [
        ("not long", LONG, True),
        ("cluster and not soak and not long", LONG, True),
        ("not long", LISTED, True),
        ("not long", "pytestmark = [\n    pytest.mark.long,\n    pytest.mark.skipif(A[0]),\n]\n", True),
        ("", LONG, False),
        ("long", LONG, False),
        ("not longer", LONG, False),
        ("not soak", LONG, False),
        ("not long or cluster", LONG, False),
        ("cluster or soak and not long", "pytestmark = [pytest.mark.long, pytest.mark.cluster]\n", False),
        ("not (soak and not long)", LONG, False),
        ("not long", ONE, False),
        ("not long", "@pytest.mark.long\ndef test_a(): ...\n\ndef test_b(): ...\n", False),
    ],
)
def test_a_file_is_left_out(expression: str, source: str, expected: bool) -> None:
    assert leaves_out(expression, source) is expected


def test_a_file_that_is_slow_as_a_whole_is_left_out() -> None:
    assert leaves_out("not slow and not long", "", "test/e2e/test_first_hour.py")
    assert not leaves_out("not slow", "", "test/test_marks.py")
    assert not leaves_out("slow", "", "test/e2e/test_first_hour.py")


def test_slow_is_a_test_with_all_its_parameters() -> None:
    assert is_slow("test/e2e/test_first_hour.py::test_first_hour")
    assert not is_slow("test/test_marks.py::test_a_file_is_left_out")


def test_the_list_of_slow_tests_names_tests_that_exist() -> None:
    """In their file, or in the contract that its classes inherit."""
    lines = [line for line in SLOW.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    files = {line.partition("::")[0] for line in lines}
    assert [name for name in files if not (ROOT / name).is_file()] == []
    defined = {name: set(re.findall(r"def (test_\w+)", (ROOT / name).read_text("utf-8"))) for name in files}
    inherited = {
        each
        for path in (ROOT / "test" / "contract").glob("*.py")
        for each in re.findall(r"def (test_\w+)", path.read_text())
    }
    for line in lines:
        file, _, name = line.partition("::")
        known = defined[file] | (inherited if "::" in name else set())
        assert not name or name.rpartition("::")[2] in known, line


def test_no_check_of_the_source_tree_is_slow() -> None:
    for line in SLOW.read_text("utf-8").splitlines():
        file, _, name = line.partition("::")
        if name and not line.startswith("#"):
            text = (ROOT / file).read_text("utf-8")
            found = re.search(rf"def {name.rpartition('::')[2]}\(.*?(?=\n(?:def |class |@)|\Z)", text, re.DOTALL)
            assert not (found and re.search(r"\bast\.|\bFILES\b", found[0])), line
