"""docs/s3.md names every operation of S3 with its request, its answer, and what becomes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from test.s3 import botocore_requests
from test.s3.test_routing import REPLACED, name_of
from ucloud.uvideo.protocol import location
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import operation, storage_class
from uvideo.s3.errors import CODES
from uvideo.s3.recognition import address
from uvideo.s3.routing import TABLES, FixedAnswer, route

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "s3.md").read_text(encoding="utf-8")
FORM = re.compile(r"`([A-Z]+) (/[^`]*)`(?: with `([\w-]+)`)?")


class Told(NamedTuple):
    """A row of the page.  ``why``: the reason of a refusal, or the tier."""

    name: str
    requests: str
    answer: str
    state: str
    why: str


ROWS = [
    Told(*found.groups(default=""))
    for found in re.finditer(r"^\| `(\w+)` \| (`.*?) \| (.*?) \| ([a-z ]+) \|(?: (.*) \|)?$", PAGE, re.MULTILINE)
]


def routed(method: str, form: str, header: str) -> Any:
    target = location.parse_target(re.sub(r"<(\w+)>", r"\1", form))
    headers = Headers([(header, "x")] if header else [])
    return route(method, *address(target.path), target.query, headers)


def test_every_operation_stands_on_the_page_once() -> None:
    names = [row.name for row in ROWS]
    assert sorted(names) == sorted(
        {*botocore_requests.model().operation_names, "PostObject", "OptionsObject"} - set(REPLACED)
    )
    for old, new in REPLACED.items():
        assert f"`{old}`" in PAGE and new in names


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_row_says_what_the_request_means(row: Told) -> None:
    forms = FORM.findall(row.requests)
    assert forms and FORM.sub("", row.requests).strip(" ,") == ""
    for method, form, header in forms:
        asked = routed(method, form, header)
        assert name_of(asked) == row.name, (method, form)
        if isinstance(asked, type):
            assert row.state in ("served", "not yet") and row.why in ("1", "2", "3")
        elif isinstance(asked, FixedAnswer):
            assert row.state == "fixed" and row.answer.startswith(str(asked.answer().status))
        else:
            assert row.answer == f"{CODES[asked.code].status} `{asked.code}`"
            assert (row.state, bool(row.why)) == (
                ("refused", True) if asked.code == "NotImplemented" else ("fixed", False)
            )


def test_every_error_on_the_page_has_its_status() -> None:
    found = re.findall(r"\b([45]\d\d) `(\w+)`", PAGE)
    assert len(found) > 60 and [(code, status) for status, code in found if CODES[code].status != int(status)] == []


def test_no_request_of_the_tables_is_missing() -> None:
    """Each row of the code is reached by a request of the page, but for those that are refused for their form."""
    reached = {name_of(routed(*form)) for row in ROWS for form in FORM.findall(row.requests)}
    assert reached == {name_of(row.asked) for rows in TABLES.values() for row in rows} - {""}
    assert {cls.__name__ for cls in operation.OPERATIONS} <= reached


def test_the_storage_classes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| ([A-Z_, ]+) \| ([A-Z_]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for stored, names, shown in rows:
        assert {storage_class.parse(name) for name in names.split(", ")} == {stored}
        assert storage_class.shown(stored) == shown
