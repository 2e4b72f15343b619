"""Patterns of keys and paths, and which files of a folder they mean."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uvideo import errors
from uvideo.transfer.pattern import Filter, compiled, escaped, is_pattern, literal_prefix, matches, may_match_below

MATCHING = [
    ("a", "a"),
    ("*", "a.b"),
    ("*", ""),
    ("*.mp4", "film.mp4"),
    ("a*b", "ab"),
    ("a/*/c", "a/b/c"),
    ("?", "视"),
    ("a?c", "a\nc"),
    ("[abc]", "b"),
    ("[a-c]x", "bx"),
    ("[!a-c]", "d"),
    ("[^a-c]", "d"),
    ("[]]", "]"),
    ("[!]]", "x"),
    ("[a-]", "-"),
    ("[[]", "["),
    ("[&&~~||]", "&"),
    ("{a,b}", "b"),
    ("{a,b*}.{mp4,mkv}", "bcd.mkv"),
    ("{a,{b,c}d}", "cd"),
    ("{,x}a", "a"),
    ("**", "a/b/c"),
    ("a/**", "a/b/c"),
    ("a/**", "a/"),
    ("**/c", "c"),
    ("**/c", "a/b/c"),
    ("a/**/c", "a/c"),
    ("a/**/c", "a/x/y/c"),
    ("{**/c,d}", "a/c"),
    ("{**/c,d}", "c"),
    ("a**", "a/b"),
    (r"\*", "*"),
    (r"a\{b\}", "a{b}"),
    ("a}b,c", "a}b,c"),
    ("a.b", "a.b"),
    ("***", "a/b"),
]
OTHERS = [
    ("a", "A"),
    ("a", "a\n"),
    ("*", "a/b"),
    ("?", "/"),
    ("a?b", "a/b"),
    ("[!a]", "/"),
    ("[.-0]", "/"),
    ("*.mp4", "a/film.mp4"),
    ("a/*", "a/b/c"),
    ("a/**", "a"),
    ("a/**/c", "axc"),
    ("**/c", "bc"),
    ("{a,b}", "a,b"),
    ("{a,b}", "ab"),
    (r"\*", "a"),
    ("a.b", "axb"),
    ("^a$", "a"),
]


@pytest.mark.parametrize(("pattern", "text"), MATCHING)
def test_a_pattern_matches(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(("pattern", "text"), OTHERS)
def test_a_pattern_does_not_match(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


@pytest.mark.parametrize("pattern", ["[", "[]", "[!]", "a[b", "{a", "{a,{b}", "a\\", "[z-a]"])
def test_a_pattern_that_cannot_be_read_is_said(pattern: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="the pattern"):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("a/b", "a/b"),
        ("a/*.mp4", "a/"),
        ("a/b?", "a/b"),
        ("*", ""),
        ("{a,b}/c", ""),
        ("x[1]", "x"),
        (r"a\*b*", "a*b"),
        ("视/**", "视/"),
    ],
)
def test_the_literal_prefix_is_what_all_begin_with(pattern: str, prefix: str) -> None:
    assert literal_prefix(pattern) == prefix


@given(st.text())
def test_an_escaped_text_matches_itself_only(text: str) -> None:
    assert matches(escaped(text), text) and not matches(escaped(text), text + "x")
    assert literal_prefix(escaped(text)) == text
    assert is_pattern(text) or matches(text, text)


@given(st.text("ab*?[]{},!\\/-.", max_size=12), st.text("ab/.", max_size=8))
def test_what_matches_begins_with_the_literal_prefix(pattern: str, text: str) -> None:
    try:
        found = matches(pattern, text)
    except errors.InvalidArgument:
        return
    assert not found or text.startswith(literal_prefix(pattern))


@given(st.text("ab*?[]{},!\\/-.", max_size=12), st.text("ab/.", max_size=8))
@example("a/{b/c,d}", "a/b/c")
@example("[!a/]b/c", "bb/c")
@example("a\\/b", "a/b")
def test_a_folder_is_ruled_out_only_if_nothing_in_it_matches(pattern: str, text: str) -> None:
    try:
        found = matches(pattern, text)
    except errors.InvalidArgument:
        return
    if found:
        names = text.split("/")
        assert all(may_match_below(pattern, "/".join(names[:count])) for count in range(1, len(names)))


def test_folders_outside_of_a_pattern_are_ruled_out() -> None:
    assert may_match_below("a/*/c.mp4", "a") and may_match_below("a/*/c.mp4", "a/x")
    assert not may_match_below("a/*/c.mp4", "b") and not may_match_below("a/*/c.mp4", "a/x/y")
    assert may_match_below("a/**", "a/x/y") and not may_match_below("a/**", "b/x")
    films = Filter(["/top/*.mp4", "/2026/"])
    assert not films.skips("top") and not films.skips("2026/a/b")
    assert films.skips("a") and films.skips("top/a") and films.skips("2025/2026")
    assert not Filter(["*.mp4"]).skips("a") and not Filter(exclude=["/*"]).skips("a")
    assert Filter(exclude=["*"]).skips("a") and Filter(exclude=["/**"]).skips("a/b")


def test_include_and_exclude() -> None:
    everything = Filter()
    assert everything.takes("a/b") and not everything.skips("a")
    films = Filter(["*.mp4", "/top/*.mkv"], exclude=["cache/", "/a/old.mp4"])
    assert films.takes("a.mp4") and films.takes("x/y/a.mp4")
    assert films.takes("top/a.mkv") and not films.takes("x/top/a.mkv") and not films.takes("a.txt")
    assert not films.takes("cache/a.mp4") and not films.takes("x/cache/y/a.mp4") and films.takes("cache.mp4")
    assert not films.takes("a/old.mp4") and films.takes("b/a/old.mp4")
    assert films.skips("cache") and films.skips("x/cache") and not films.skips("caches")
    assert Filter(exclude=["node_modules/**"]).skips("a/node_modules")
    assert not Filter(exclude=["/tmp/"]).skips("a/tmp") and Filter(exclude=["/tmp/"]).skips("tmp")
    assert Filter(["{a,b}/*.mp4"]).takes("x/b/c.mp4")


@pytest.mark.parametrize("given_", [[""], ["/"], [None], ["[a"]])
def test_a_filter_says_what_is_wrong_at_once(given_: list[str]) -> None:
    with pytest.raises(errors.InvalidArgument):
        Filter(given_)
    with pytest.raises(errors.InvalidArgument):
        Filter(exclude=given_)
