"""A file is left out as a whole only if ``-m`` would leave out each of its tests."""

from __future__ import annotations

import pytest

from test.marks import leaves_out

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
