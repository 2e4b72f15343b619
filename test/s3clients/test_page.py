"""The set-up of each client on docs/s3.md, as a reader follows it: every block, from top to bottom, in one folder.

The programs are those of `make test-s3`.  A tool that is not there fails its block.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from test.pages import Block, Page, Reader
from test.s3clients.client import PROGRAMS
from uvideo import Client as UFileClient

pytestmark = pytest.mark.s3clients

PAGE = Page("docs/s3.md")
START, TOOLS = "Set up a client", 11
#: What each tool leaves in the bucket that the AWS CLI made.
WRITTEN = {
    *("cities.csv", "aws/cities.csv", "rclone/cities.csv", "s5cmd/cities.csv", "pandas.csv", "boto3.csv", "s3cmd.csv"),
    *("minio.csv", "cities.parquet", "duckdb.parquet", "obstore.csv", "javascript.txt"),
}


def set_up() -> dict[str, list[Block]]:
    """The blocks of each section below the heading ``START``."""
    headings = PAGE.headings
    first = [text for _, text in headings].index(START)
    found: dict[str, list[Block]] = {}
    for number, (level, text) in enumerate(headings[first + 1 :], first + 2):
        if level < 3:
            break
        found[text] = [each for each in PAGE.blocks if each.section == number]
    return found


def test_every_tool_of_the_page_works(tmp_path: Path) -> None:
    sections = set_up()
    assert len(sections) == TOOLS + 2 and all(sections.values())
    with Reader(tmp_path) as reader:
        own, others = reader.environ["PATH"].split(":", 1)
        reader.environ["PATH"] = f"{own}:{PROGRAMS}:{others}"
        (reader.folder / "node_modules").symlink_to(PROGRAMS.parent / "node_modules")
        for blocks in sections.values():
            for block in blocks:
                if "pip install" in block.text:
                    continue  # test_docs.py has a test of installing
                if block.kind == "python" and re.search(r"^import (duckdb|pandas)", block.text, re.MULTILINE):
                    # They are with s3fs, in the environment of the programs.
                    (reader.folder / "program.py").write_text(reader.text_of(block.text), encoding="utf-8")
                    reader.run([str(PROGRAMS / "python"), "program.py"])
                else:
                    reader.do(block.kind, block.text)
        environ = reader.environ
        with UFileClient(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], endpoint=reader.endpoint
        ) as ufile:
            assert {each.key for each in ufile.list("films")} == WRITTEN
            cities = (reader.folder / "cities.csv").read_bytes()
            for key in ("cities.csv", "aws/cities.csv", "rclone/cities.csv", "s5cmd/cities.csv", "boto3.csv"):
                assert ufile.get("films", key).data == cities
