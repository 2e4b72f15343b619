"""Patterns and filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvideo.errors import InvalidArgument
from uvideo.pattern import Filter, Pattern, is_pattern


@pytest.mark.parametrize(
    "pattern, yes, no",
    [
        ("*.mp4", ["a.mp4", ".mp4"], ["a/b.mp4", "a.mp4x", "a.MP4"]),
        ("a/*/c", ["a/b/c", "a//c"], ["a/c", "a/b/b/c"]),
        ("a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["ac", "b/c"]),
        ("**/*.mp4", ["a.mp4", "a/b/c.mp4"], ["a.mp3"]),
        ("a**", ["a", "a/b/c"], ["b/a"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "/x", "x"]),
        ("[!a-c]x", ["dx"], ["ax", "/x"]),
        ("[]]x[*]", ["]x*"], ["ax*", "]xb"]),
        ("{a,b/c}.txt", ["a.txt", "b/c.txt"], ["c.txt", "{a,b/c}.txt"]),
        ("a.b(c)+{d}", ["a.b(c)+{d}"], ["axb(c)+{d}"]),
        ("[x", ["[x"], ["x"]),
        ("a\nb*", ["a\nbc\nd"], ["a"]),
    ],
)
def test_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    made = Pattern(pattern)
    assert [key for key in yes if not made.match(key)] == []
    assert [key for key in no if made.match(key)] == []


@pytest.mark.parametrize(
    "pattern, prefix, base",
    [("a/b*/c", "a/b", "a/"), ("*", "", ""), ("a/b", "a/b", "a/"), ("a/{b,c}", "a/", "a/")],
)
def test_a_listing_knows_where_to_begin(pattern: str, prefix: str, base: str) -> None:
    assert (Pattern(pattern).prefix, Pattern(pattern).base) == (prefix, base)


@given(st.text(st.characters(exclude_characters="*?[{"), min_size=1), st.text())
def test_without_magic_it_is_the_key_itself(text: str, other: str) -> None:
    assert not is_pattern(text)
    assert Pattern(text).match(text) and Pattern(text).match(other) == (other == text)


@given(st.text(alphabet="ab/*?[]{},!-^\\", max_size=12), st.text(alphabet="ab/*-", max_size=8))
def test_no_text_breaks_it(pattern: str, key: str) -> None:
    try:
        made = Pattern(pattern)
    except InvalidArgument:
        return
    assert made.match(key) in (True, False)
    if made.match(key):
        assert key.startswith(made.prefix)


def test_below_takes_what_is_in_a_folder() -> None:
    assert Pattern("v/*", below=True).match("v/a/b/c") and not Pattern("v/*").match("v/a/b/c")


def test_a_filter_looks_at_each_name() -> None:
    chosen = Filter(["*.mp4", "keep/"], ["tmp", "a/b/*.mp4"])
    for path in ("x.mp4", "a/x.mp4", "keep/x.txt", "d/keep/e/x.txt", "a/b/c/x.mp4"):
        assert chosen.match(path), path
    for path in ("x.txt", "tmp/x.mp4", "d/tmp/e/x.mp4", "a/b/x.mp4", "tmp"):
        assert not chosen.match(path), path
    assert not Filter() and Filter().match("anything")
    with pytest.raises(InvalidArgument):
        Filter([""])
