"""Ctrl-C in the middle of ``Thread.start`` must not be lost: clients start threads with ``threads.start`` only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from test.interpreters import ROOT

#: Where ``.start()`` without arguments starts no thread, or is the one place that does, and why.
OTHERS = {
    "ucloud/uvideo/http/threads.py": "the place",
    "ucloud/uvideo/protocol/compat.py": "a position in a text",
    "ucloud/uvideo/http/address.py": "a Lookup, which uses it",
    "uvideo/testing/server.py": "a TestServer",
}
#: No terminal's thread runs their code: a worker or the supervisor handles signals.
SERVER = ("uvideo/server/", "uvideo/storage/")


def starts(text: str) -> Iterator[int]:
    """The lines that call ``start()``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "start" and not node.args and not node.keywords:
                yield node.lineno


def test_no_client_starts_a_thread_in_another_way() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for package in ("ucloud", "uvideo")
        for path in (ROOT / package).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(SERVER) and (lines := [*starts(path.read_text("utf-8"))])
    }
    assert set(found) == set(OTHERS), found
    assert all(len(lines) == 1 for lines in found.values()), found


@pytest.mark.parametrize("text", ["threading.Thread(target=f).start()", "def f():\n    thread.start()"])
def test_such_a_start_is_seen(text: str) -> None:
    assert len([*starts(text)]) == 1
    assert not [*starts("threads.start(thread)\nfound.start(1)\n")]
