"""Programs on a terminal of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from test.terminal import on_terminal, resize


def test_what_a_program_shows_and_how_it_ended(tmp_path: Path) -> None:
    def step(terminal: int, seen: bytes) -> None:
        if seen.endswith(b"80\r\n"):
            resize(terminal, 30)
            os.write(terminal, b"go\n")

    code, seen = on_terminal(
        ["sh", "-c", "stty size; read x; stty size; pwd; exit 3"], os.environ, tmp_path, step, columns=80
    )
    assert code == 3 and seen.decode() == f"24 80\r\ngo\r\n24 30\r\n{tmp_path}\r\n"


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not end in 0.2 s"):
        on_terminal(["sh", "-c", "trap '' HUP TERM; echo waiting; exec sleep 1000"], os.environ, tmp_path, seconds=0.2)
