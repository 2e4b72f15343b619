"""docs/platforms.md says what the clients and the server refuse on Windows, as far as that can be tried here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from test.forked import Forked
from test.forked import commands as commands  # a fixture
from test.pages import Page, Reader
from uvideo import errors
from uvideo.transfer.folders import check_name

PAGES = [Page("docs/platforms.md"), Page("docs/platforms.zh.md")]
#: As on Windows, where one process cannot become two.
SERVE = """
import os
del os.fork
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
print(invoke(Context(), ["serve", "data", "--workers", "2"]))
"""


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_names_that_windows_does_not_have(page: Page) -> None:
    (paragraph,) = (each for each in page.text.split("\n\n") if "`CON`" in each)
    listed = re.findall(r"`([^`]+)`", paragraph)
    refused = {f"{each}.txt" if each.isalnum() else f"a{each}b" for each in listed}
    assert len(refused) == 16 and "COM9.txt" in refused
    for name in (*refused, "a\x1fb", "a ", "a.", "x" * 256):
        with pytest.raises(errors.InvalidArgument):
            check_name(name, name, windows=True)
    for name in (*refused, "a\x1fb", "a ", "a.", "COM"):
        check_name(name, name, windows=False)
    for name in ("COM10.txt", "CONSOLE", "视" * 255):
        check_name(name, name, windows=True)


def test_a_server_has_one_worker_where_no_process_can_be_forked(tmp_path: Path, commands: Forked) -> None:
    with Reader(tmp_path, commands=commands) as reader:
        assert reader.python(SERVE).split()[-1] == "2"
        assert not (reader.folder / "data").exists()
