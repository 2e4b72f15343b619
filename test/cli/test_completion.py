"""The scripts are read by real shells, which then complete verbs, options, profiles, spaces, keys and files."""

from __future__ import annotations

import shutil

import pytest

from test.cli.shell import Shell

BASH = """
source <(uvideo completion bash)
COMP_LINE='uvideo {line}'; COMP_POINT=${{#COMP_LINE}}
_uvideo_completion uvideo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
uvideo completion fish | source
complete -C 'uvideo {line}'
"""
# zsh hands over whole words; what it would show is what is given to compadd.
ZSH = """
compdef() {{ }}
compadd() {{ print -l -- ${{(P)@[-1]}} }}
_path_files() {{ print FILES }}
source <(uvideo completion zsh)
words=(uvideo {line}); CURRENT=$#words
_uvideo_completion
"""


def bash(shell: Shell, line: str) -> list[str]:
    done = shell.sh(BASH.format(line=line))
    assert done.err == ""
    return [each for each in done.lines if each]


def fish(shell: Shell, line: str) -> list[str]:
    return shell.sh(FISH.format(line=line), "fish").lines


def zsh(shell: Shell, line: str) -> list[str]:
    return shell.sh(ZSH.format(line=line), "zsh").lines


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.space(a__b="x", **{"c d": "y", "e,f": "z"})


class TestBash:
    def test_verbs(self, shell: Shell) -> None:
        assert bash(shell, "spa") == ["spaces"]
        assert bash(shell, "config u") == ["unset", "use"]

    def test_options(self, shell: Shell) -> None:
        assert bash(shell, "ls --rec") == ["--recursive"]

    def test_spaces_after_the_last_colon_as_bash_replaces_that_only(self, shell: Shell, space: str) -> None:
        assert bash(shell, f"ls uvideo://{space[:12]}") == [f"//{space}/"]

    def test_keys_with_blanks_escaped(self, shell: Shell, space: str) -> None:
        assert bash(shell, f"ls uvideo://{space}/") == [f"//{space}/a/", rf"//{space}/c\ d", f"//{space}/e,f"]
        assert bash(shell, f"cp x uvideo://{space}/a") == [f"//{space}/a/"]

    def test_profiles(self, shell: Shell) -> None:
        (shell.folder / "c.toml").write_text("[profiles.home]\n[profiles.work]\n")
        assert bash(shell, "ls --config c.toml --profile ho") == ["home"]
        assert bash(shell, "ls --config c.toml --profile ") == ["home", "work"]

    def test_the_key_tab_completes(self, shell: Shell, space: str) -> None:
        done = shell.terminal(
            answers=[
                ("$ ", "source <(uvideo completion bash)"),
                ("$ ", f"uvideo stat uvideo://{space[:12]}\te\t"),
                ("size: ", "exit"),
            ],
            program=["bash", "--norc", "-i"],
            PS1="$ ",
            INPUTRC="/dev/null",
        )
        assert f"uvideo stat uvideo://{space}/e,f" in done.out

    def test_nothing_is_said_where_the_service_does_not_answer(self, shell: Shell) -> None:
        assert bash(shell, "ls --endpoint 127.0.0.1:1 uvideo://x") == []
        assert bash(shell, "lss uvideo") == []


def test_the_other_shells_that_are_here(shell: Shell, space: str) -> None:
    for name, complete in (("fish", fish), ("zsh", zsh)):
        if shutil.which(name) is not None:
            assert complete(shell, "spa") == ["spaces"], name
            assert complete(shell, f"ls uvideo://{space[:12]}") == [f"uvideo://{space}/"], name
            keys = [f"uvideo://{space}/{key}" for key in ("a/", "c d", "e,f")]
            assert complete(shell, f"ls uvideo://{space}/") == keys, name
    if shutil.which("zsh") is not None:
        assert zsh(shell, "cp fil") == ["FILES"]
    assert "complete --no-files --command uvideo" in shell("completion", "fish").out
    assert shell("completion", "zsh").out.startswith("#compdef uvideo\n")


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_a_script_is_printed_without_keys(shell: Shell, shell_name: str) -> None:
    done = shell("completion", shell_name, UVIDEO_PUBLIC_KEY=None, UVIDEO_PRIVATE_KEY=None)
    assert (done.code, done.err) == (0, "")
    assert "_UVIDEO_COMPLETE" in done.out


def test_another_shell_is_2(shell: Shell) -> None:
    assert shell("completion", "tcsh").code == 2
