"""What an argument names, and what is said of one that names nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from uvideo.cli.address import Local, Pipe, Remote, local, parse, remote, remote_object, remote_space
from uvideo.errors import InvalidArgument


@pytest.mark.parametrize(
    "text, expected",
    [
        ("uvideo://movies/2026/a b.mp4", Remote("movies", "2026/a b.mp4")),
        ("UVIDEO://movies/a%20b", Remote("movies", "a%20b")),
        ("uvideo://movies", Remote("movies", "")),
        ("uvideo://movies/", Remote("movies", "")),
        ("uvideo://movies//a", Remote("movies", "/a")),
        ("a/b.mp4", Local("a/b.mp4")),
        ("./uvideo:x", Local("./uvideo:x")),
        ("C:x", Local("C:x")),
        ("-", Pipe()),
        ("./-", Local("./-")),
    ],
)
def test_an_address_is_read(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is empty"),
        ("s3://bucket/key", "looks like an address of s3://"),
        ("http://x/y", "uvideo://space/key"),
        ("uvideo://", "does not name a space"),
        ("uvideo:///key", "does not name a space"),
        ("uvideo:/space/key", "two slashes"),
        ("uvideo:space/key", "two slashes"),
        ("uvideo://s*/key", "cannot be a pattern"),
        ("uvideo://s/\udcff", "UTF-8"),
        ("a\0b", "zero byte"),
    ],
)
def test_what_is_no_address_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_file_of_such_a_name_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:").mkdir()
    (tmp_path / "s3:" / "x").write_text("")
    (tmp_path / "[a]").write_text("")
    assert parse("s3://x") == Local("s3://x")
    assert not Local("[a]").is_pattern and Local("[b]").is_pattern


def test_folders_and_patterns_are_told() -> None:
    assert Remote("s", "").is_folder and Remote("s", "a/").is_folder and not Remote("s", "a").is_folder
    assert Local(".").is_folder and Local("a/..").is_folder and Local("a/").is_folder and not Local("a").is_folder
    assert Remote("s", "a/*.mp4").is_pattern and not Remote("s", "a}b").is_pattern


def test_the_kind_that_is_needed_is_asked_for() -> None:
    assert remote_space("movies") == remote_space("uvideo://movies/") == "movies"
    assert remote_object("uvideo://s/k") == remote("uvideo://s/k") == Remote("s", "k")
    assert local("x") == Local("x")
    for wrong, function in (
        ("uvideo://s/k", remote_space),
        ("uvideo://s", remote_object),
        ("x", remote),
        ("-", remote),
        ("uvideo://s/k", local),
    ):
        with pytest.raises(InvalidArgument):
            function(wrong)
