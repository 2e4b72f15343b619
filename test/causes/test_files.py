"""A program that may open no more files says so, and what to do, in every client."""

from __future__ import annotations

import subprocess
import sys

import pytest

from test import patience
from ucloud.uvideo.protocol import cause

PROGRAM = """
import asyncio, os, resource, sys
from ucloud.uvideo import config, filemanager
from uvideo import AsyncClient, Client, errors

given = {"endpoint": "http://127.0.0.1:1", "proxy": sys.argv[1], "retries": 0}
config.set_default(uploadsuffix=given["endpoint"], proxy=sys.argv[1], retries=0)
sdk, client, loop = filemanager.FileManager("p", "s"), Client("p", "s", **given), asyncio.new_event_loop()
later = AsyncClient("p", "s", **given)

def causes():
    yield sdk.head_file("films", "a")[1].error
    for call in (lambda: client.stat("films", "a"), lambda: loop.run_until_complete(later.stat("films", "a"))):
        try:
            call()
        except errors.NoAnswer as error:
            yield error.message

first = list(causes())  # everything is loaded and open now
held = [os.open(os.devnull, os.O_RDONLY)]
resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, held[0] + 1))
try:
    while True:
        held.append(os.dup(held[0]))
except OSError:
    pass
print("\\n".join(causes()))
"""


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
def test_no_more_files(proxy: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, proxy], capture_output=True, text=True, timeout=patience.SECONDS
    )
    row = next(each for each in cause.CAUSES if each.code == "open-files")
    text = f"({row.text.format(reason='Too many open files')}); {row.remedy}"
    assert [line.endswith(text) for line in done.stdout.splitlines()] == [True] * 3, done
