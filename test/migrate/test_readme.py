"""docs/migrate/from-readme: the programs of the README of origin run as they stand, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from test.migrate.pages import FENCE, page, program, run
from test.server_fixture import Server, start_server

PAGES = "from-readme.md", "from-readme.zh.md"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose spaces have the names of the pages."""
    with start_server(tmp_path_factory.mktemp("migrate"), "--no-fsync") as server:
        yield server


@pytest.mark.parametrize("name", PAGES)
def test_the_programs_run(name: str, own: Server, tmp_path: Path) -> None:
    filled = {
        "YOUR_PUBLIC_KEY": own.public_key,
        "YOUR_PRIVATE_KEY": own.private_key,
        "YOUR_UPLOAD_SUFFIX": own.host,
        "YOUR_DOWNLOAD_SUFFIX": own.host,
    }
    printed = run(name, "ucloud", own, tmp_path, filled).splitlines()
    assert len(printed) == 4 and "'videos-public'" in printed[0]
    assert all("'RetCode': 0" in line for line in printed)
    movie = (tmp_path / "movie.mp4").read_bytes()
    assert (tmp_path / "public.mp4").read_bytes() == movie
    assert (tmp_path / "range.bin").read_bytes() == movie[:51]
    assert (tmp_path / "private.txt").read_text("utf-8") == "你好"
    log = (tmp_path / "uvideo.log").read_text("utf-8")
    assert own.private_key not in log and "Signature=" not in log


def test_both_pages_have_the_same_programs_and_tables() -> None:
    english, chinese = (
        [line.partition("  #")[0] for line in program(name, "ucloud").splitlines() if line and line[0] != "#"]
        for name in PAGES
    )
    assert english == chinese
    assert page(PAGES[0]).count("\n| ") == page(PAGES[1]).count("\n| ")
    assert all(title == "ucloud" for name in PAGES for _, title, _ in FENCE.findall(page(name)))
