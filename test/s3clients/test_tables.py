"""pandas and DuckDB read and write tables through s3fs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from test.s3clients.client import PROGRAMS, Place, ran
from uvideo import Client

pytestmark = pytest.mark.s3clients

PROGRAM = Path(__file__).with_name("tables_program.py")


def test_tables_are_read_and_written(place: Place, ufile: Client, bucket: str) -> None:
    ufile.put(bucket, "films.csv", "title,minutes\n重庆森林,102\n短片,15\n花样年华,98\n一一,173\n".encode())
    found = json.loads(ran(place, [PROGRAMS / "python", PROGRAM, place.url, bucket]))
    assert found == {"hours": [102 / 60, 15 / 60, 98 / 60, 173 / 60], "long": ["重庆森林", "一一"], "rows": 4}
    assert {each.key for each in ufile.list(bucket)} == {"films.csv", "a folder/hours.csv", "films.parquet"}
    assert ufile.get(bucket, "a folder/hours.csv").data.startswith("title,minutes,hours\n重庆森林,102,1.7\n".encode())
    assert ufile.get(bucket, "films.parquet").data.startswith(b"PAR1")
