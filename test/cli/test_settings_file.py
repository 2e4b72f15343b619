"""The settings file is read as systemd reads an EnvironmentFile.  Source: systemd's src/test/test-env-file.c."""

from __future__ import annotations

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell
from uvideo.cli.settings_file import parse

READ = (
    ("a=a\nb=b\nc\\\n=c\n".replace("c\\\n=c\n", ""), [("a", "a"), ("b", "b")]),
    ("a=a\\\nb=c\nd=d\\\ne=e\\\nf=f", [("a", "ab=c"), ("d", "de=ef=f")]),
    (
        '#SPAMD_ARGS="-d --socketpath=/var/lib/bulwark/spamd\n#--nouser-config\n\nnormal=line #\n;end',
        [("normal", "line #")],
    ),
    ("a=\nb=\n", [("a", ""), ("b", "")]),
    ("a=a x\\\nb=c\n", [("a", "a xb=c")]),
    ("a='b'  ", [("a", "b")]),
    ('a="b\\"c\\\\d\\$e\\`f\\g"', [("a", 'b"c\\d$e`f\\g')]),
    ("a='b\\'\n", [("a", "b\\")]),
    ('a="one\ntwo"\nb=c\n', [("a", "one\ntwo"), ("b", "c")]),
    ('a="one\\\ntwo"\n', [("a", "onetwo")]),
    ("a='x'\"y\"z\n", [("a", "xyz")]),
    ("a=x'y'\n", [("a", "x'y'")]),
    ("a=b\\ \n", [("a", "b ")]),
    ("  a  =  b c \t\r\n", [("a", "b c")]),
    ("a=b=c\n", [("a", "b=c")]),
    ("a= 'b' 'c' \n", [("a", "bc")]),
    ("\ta=1", [("a", "1")]),
    ("", []),
    ("\n\n  # x\n ;y\n", []),
)


@pytest.mark.parametrize(("text", "expected"), READ)
def test_it_is_read_as_by_systemd(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(line.name, line.value) for line in parse(text)] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ("a=1\nb\n", "line 2: it is not NAME=value"),
        ("a='x\n\nb=c\n", "line 1: the quote ' does not end"),
        ('\na="x\\', 'line 2: the quote " does not end'),
        ("# a comment\\\na=1\n", "line 1: a comment must not end with a backslash"),
    ),
)
def test_what_systemd_skips_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="^line ") as failure:
        list(parse(text))
    assert str(failure.value) == said


def test_each_line_knows_its_number() -> None:
    text = 'a=1\n\n# x\nb="2\n3"\nc=4\\\n5\nd=6'
    assert [(line.number, line.name) for line in parse(text)] == [(1, "a"), (4, "b"), (6, "c"), (8, "d")]


@pytest.mark.parametrize(
    ("name", "near"),
    (
        ("UVIDEO_SERVE_FOLDER", "; did you mean UVIDEO_SERVE_DIR?"),
        ("UVIDEO_SERVE_DIRR", "; did you mean UVIDEO_SERVE_DIR?"),
        ("UVIDEO_SERVE_RAET", "; did you mean UVIDEO_SERVE_RATE?"),
        ("UVIDEO_SERVE_JSON", ""),  # an option of every verb, which serve does not take from the environment
    ),
)
def test_a_variable_that_sets_nothing_is_refused(
    inside: Inside, shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, near: str
) -> None:
    for words in (("serve", "--port", "0", "--admin-port", "0"), ("admin", "stats", "x")):
        monkeypatch.setenv(name, "x")
        done = inside(*words)
        assert done.code == 2 and f"error: the environment: there is no setting {name}" in done.err, done.err
        assert near in done.err
        assert not (shell.folder / "uvideo-data").exists()
        monkeypatch.setenv(name, "")  # as absent
        assert "the environment" not in inside("admin", "stats", "x").err


def test_a_file_cannot_name_the_folder(inside: Inside, shell: Shell) -> None:
    for name in ("UVIDEO_SERVE_DIR", "UVIDEO_SERVE_FOLDER"):
        (shell.folder / "settings").write_text(f"{name}=x\n")
        done = inside("serve", "--settings", "settings")
        assert done.code == 2 and f"there is no setting {name}; the folder is an argument: uvideo serve DIR" in done.err
