"""The command without a process of its own: for tables of cases, where starting one would take most of the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from test.cli.shell import Done, Shell
from uvideo.cli.context import Context
from uvideo.cli.program import invoke

__all__ = ["Inside", "calls", "inside"]

Inside = Callable[..., Done]


def calls(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Calls in this process that see what those of ``shell`` see."""
    for name, value in shell.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shell.folder)

    def call(*words: str) -> Done:
        context = Context()
        code = invoke(context, words)
        context.close()
        said = capsys.readouterr()
        shell.check(said.out + said.err)
        return Done(code, said.out.encode("utf-8", "surrogateescape"), said.err)

    return call


@pytest.fixture
def inside(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """As ``shell``, in this process: inside("cp", "a", "b")."""
    return calls(shell, monkeypatch, capsys)
