"""The command as a whole: help, options before and after the verb, exit codes, what must not be loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from test import patience
from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Shell
from test.interpreters import ROOT
from uvideo.cli.verbs import VERBS


def test_help_loads_no_verb_and_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['uvideo', '--help']\nimport uvideo.cli\ntry: uvideo.cli.main()\nexcept SystemExit: "
    )
    program += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=patience.SECONDS
    )
    loaded = set(done.stderr.split())
    assert {"rich", "requests", "urllib3", "aiohttp", "asyncio", "sqlite3", "ssl"} & loaded == set()
    assert [name for name in loaded if name in {f"uvideo.cli.{verb.module}" for verb in VERBS.values()}] == []
    assert all(f"  {name} " in done.stdout for name in VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help_with_examples_in_two_languages(
    inside: Inside,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    english, short = inside(name, "--help"), inside(name, "-h")
    assert (english.code, english.err) == (0, "")
    assert (short.code, short.err, short.out) == (0, "", english.out)
    assert english.out.startswith(f"Usage: uvideo {name} ") and VERBS[name].summary in english.out
    assert "Examples:\n  1. " in english.out and "--json" in english.out or name in ("transfers", "config", "spaces")
    monkeypatch.setenv("UVIDEO_LANG", "zh")
    chinese = inside(name, "--help").out
    assert chinese.startswith("用法：") and "示例：\n  1. " in chinese


def test_options_are_taken_before_and_after_the_verb(inside: Inside) -> None:
    for words in (["--json", "cp", "none", "uvideo://x/"], ["cp", "none", "--json", "uvideo://x/"]):
        done = inside(*words)
        assert done.code == 4 and check(done.err.splitlines()[0])["error"] == "FileNotFoundError"
    for words in (["--json", "cp", "--frob"], ["cp", "--frob", "--json"], ["frob", "--json"]):
        done = inside(*words)
        assert done.code == 2 and check(done.err)["error"] == "InvalidArgument"
    quiet = inside("-q", "cp", "none", "uvideo://x/")
    assert quiet.out == "" and quiet.err.startswith("error: none: ")


def test_an_endpoint_or_profile_of_the_command_line_counts(shell: Shell) -> None:
    space = shell.space(a="1")
    away = {"UVIDEO_ENDPOINT": "127.0.0.1:1", "UVIDEO_RETRIES": "0"}
    assert shell("cp", f"uvideo://{space}/a", "x", "--endpoint", shell.server.host, **away).code == 0
    done = shell("cp", f"uvideo://{space}/a", "x", **away)
    assert done.code == 1 and "doctor" in done.err
    config = shell.folder / "c.toml"
    config.write_text(f'[profiles.p]\nendpoint = "{shell.server.host}"\n')
    found = shell("--config", "c.toml", "--profile", "p", "cp", f"uvideo://{space}/a", "y", UVIDEO_ENDPOINT=None)
    assert found.code == 0, found.err
    assert shell("--profile", "q", "--config", "c.toml", "cp", f"uvideo://{space}/a", "y").code == 2


def test_usage_is_exit_code_2_and_names_the_nearest(inside: Inside) -> None:
    done = inside("snyc", "a", "b")
    assert done.code == 2 and done.err == "error: there is no verb snyc; did you mean uvideo sync?\n"
    assert "there is no verb frob" in inside("transfers", "frob").err
    assert "did you mean uvideo transfers ls?" in inside("transfers", "lss").err
    assert inside("config", "list").err == "error: there is no verb list; did you mean uvideo config ls?\n"
    assert "-j" in inside("cp", "-j", "x", "a", "b").err
    assert inside("cp", "-j", "0", "a", "b").code == 2
    nothing = inside()
    assert nothing.code == 2 and "Verbs:" in nothing.err


WRONG = {
    ("cat", "--start", "x", "a"): ("--start: 'x' is not a number", "--start：'x' 不是数字"),
    ("cp", "-j", "0", "a", "b"): ("--jobs: 0 is not in the range 1<=x<=256", "--jobs：0 不在范围 1<=x<=256 内"),
    ("cp", "a", "b", "-j"): ("-j needs a value", "-j 需要一个值"),
    ("cp", "--class", "X", "a", "b"): ("--class: 'X' is not one of", "--class：'X' 无效，可选值："),
    ("cp", "--json=1", "a", "b"): ("--json takes no value", "--json 不接受值"),
    ("apply", "a", "b", "c"): ("there are too many arguments: b c", "参数过多：b c"),
    ("cp", "a"): ("SOURCE... and TARGET are needed", "需要 SOURCE... 和 TARGET"),
    ("cp", "--inc", "a", "b"): (
        "there is no option --inc; did you mean --include or --links?",
        "没有 --inc 这个选项，是不是想用 --include 或 --links？",
    ),
    ("admin", "frob"): ("there is no verb frob", "没有 frob 这个命令"),
    ("cp", "--frob"): ("there is no option --frob", "没有 --frob 这个选项"),
    ("serve", "--port", "0", "--admin-port", "0", "--scrub-rate", "nan"): (
        "--scrub-rate: 'nan' is not a number",
        "--scrub-rate：'nan' 不是数字",
    ),
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wrong_command_line_is_explained_in_two_languages(
    inside: Inside, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    english, chinese = WRONG[words]
    done = inside(*words)
    assert done.code == 2 and done.err.startswith(f"error: {english}"), done.err
    assert done.err.endswith(f"; see uvideo {words[0]} --help\n")
    monkeypatch.setenv("UVIDEO_LANG", "zh")
    done = inside(*words)
    assert done.code == 2 and done.err.startswith(f"错误：{chinese}"), done.err
    assert done.err.endswith(f"；用法见 uvideo {words[0]} --help\n")


def test_defaults_are_named_in_two_languages(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "[default: 8" in inside("cp", "--help").out
    monkeypatch.setenv("UVIDEO_LANG", "zh")
    assert "[默认：8" in inside("cp", "--help").out and "[default" not in inside("cp", "--help").out


@pytest.mark.parametrize("family", ["transfers", "spaces"])
def test_a_family_that_lists_needs_no_verb(shell: Shell, inside: Inside, family: str) -> None:
    shell.space()
    for words in ((), ("--json",), ("-q",)):
        bare, full = inside(family, *words), inside(family, "ls", *words)
        assert (bare.code, bare.out, bare.err) == (full.code, full.out, full.err) == (0, full.out, "")
    assert inside(family, "--help").out.startswith(f"Usage: uvideo {family} ")
    assert (
        "ls" in shell.sh("uvideo", COMP_WORDS=f"uvideo {family} ", COMP_CWORD="2", _UVIDEO_COMPLETE="bash_complete").out
    )


def test_a_capital_r_is_recursive_too(shell: Shell, inside: Inside) -> None:
    space = shell.space(a__b="1")
    assert inside("ls", "-R", f"uvideo://{space}").lines == [f"uvideo://{space}/a/b"]
    assert inside("cp", "-R", f"uvideo://{space}/a", "down").code == 0
    assert (shell.folder / "down" / "b").read_text() == "1"
    assert inside("rm", "-R", "-y", f"uvideo://{space}/a").code == 0


def test_no_traceback_reaches_a_user(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    from uvideo.cli import cp

    monkeypatch.setattr(cp, "parse", lambda text: 1 / 0)
    done = inside("cp", "a", "b")
    assert done.code == 1 and "UVIDEO_TRACEBACK=1" in done.err and "ZeroDivisionError" in done.err
    monkeypatch.setenv("UVIDEO_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        inside("cp", "a", "b")
    monkeypatch.delenv("UVIDEO_TRACEBACK")
    for code, said in (
        ("import uvideo.storage.new", "installed in part (No module named 'uvideo.storage.new')"),
        ("from ucloud.uvideo import new", "installed in part (cannot import name 'new'"),
        ("import other", "this is a bug"),
    ):
        monkeypatch.setattr(cp, "parse", lambda text, code=code: exec(code))
        done = inside("cp", "a", "b")
        assert done.code == 1 and said in done.err


def test_whoever_reads_may_go_away(shell: Shell) -> None:
    space = shell.filled({f"k{number:04}": "" for number in range(3)})
    done = shell.sh(f"uvideo cp -r uvideo://{space}/ down --json | true; echo ${{PIPESTATUS[0]}}")
    assert done.out in ("141\n", "0\n") and "Traceback" not in done.err


def test_messages_are_chinese_where_the_locale_is(shell: Shell) -> None:
    done = shell("cp", "none", "uvideo://x/", LC_ALL="zh_CN.UTF-8")
    assert done.err.startswith("错误：none: ")


def test_what_the_toolkit_logs_is_a_note(shell: Shell) -> None:
    space = shell.space(a="1")
    environ = {"UVIDEO_RETRIE": "3"}
    text = shell("cp", f"uvideo://{space}/a", "x", **environ)
    assert text.code == 0 and "did you mean UVIDEO_RETRIES?" in text.err
    assert shell("-q", "cp", f"uvideo://{space}/a", "x", **environ).err == ""
    done = shell("cp", f"uvideo://{space}/a", "x", "--json", **environ)
    assert "UVIDEO_RETRIES" in check(done.err.splitlines()[0])["message"]


@pytest.mark.parametrize(
    "command",
    [
        *(
            "ls uvideo://{0}",
            "ls --json uvideo://{0}",
            "cat uvideo://{0}/a",
            "cp uvideo://{0}/a -",
            "--version",
            "--help",
        ),
        *("completion bash", "completion zsh", "completion fish", "spaces ls", "presign uvideo://{0}/a"),
    ],
)
def test_output_that_cannot_be_written_is_an_error(shell: Shell, command: str) -> None:
    space = shell.space(a="1")
    done = shell.sh(f"uvideo {command.format(space)} > /dev/full")
    assert done.code == 1
    assert "No space left on device" in done.err and "Traceback" not in done.err and "Exception ignored" not in done.err


def test_errors_that_cannot_be_written_keep_their_exit_code(shell: Shell) -> None:
    assert shell.sh("uvideo ls uvideo://no-such-space 2> /dev/full").code == 4


def test_streams_that_are_closed_are_no_mistake_of_the_program(shell: Shell) -> None:
    space = shell.space(a="1")
    assert shell.sh(f"uvideo cp uvideo://{space}/a here >&- 2>&- <&-").code == 0
    assert (shell.folder / "here").read_text() == "1"
    done = shell.sh(f"uvideo cp - uvideo://{space}/b <&-")
    assert done.code == 1 and "Bad file descriptor" in done.err
    assert [each.key for each in shell.client.list(space)] == ["a"]
