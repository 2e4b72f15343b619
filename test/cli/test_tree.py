"""tree: what it draws, counts and adds up."""

from __future__ import annotations

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell

KEYS = {
    "a.txt": "a" * 10,
    "photos-old/9.jpg": "9" * 20,
    "photos/": "",
    "photos/1.jpg": "1" * 30,
    "photos/x/2/3.jpg": "3" * 2048,
    "photos/x/4.jpg": "4" * 50,
    "视频/b c+d.mp4": "v" * 60,
}
ALL = """\
uvideo://{space}/
├── a.txt
├── photos-old/
│   └── 9.jpg
├── photos/
│   ├── 1.jpg
│   └── x/
│       ├── 2/
│       │   └── 3.jpg
│       └── 4.jpg
└── 视频/
    └── b c+d.mp4
5 folders, 6 objects
"""
FOLDERS = """\
uvideo://{space}/
├── [20 B]  photos-old/
├── [2.1 KiB]  photos/
│   └── [2.0 KiB]  x/
└── [60 B]  视频/
4 folders, 2.2 KiB
"""
BELOW = """\
uvideo://{space}/photos/x/
├── [2048]  2/
└── [50]  4.jpg
1 folders, 1 objects, 2098 bytes
"""


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.filled(KEYS)


def test_what_it_draws(inside: Inside, space: str) -> None:
    for words, expected in (
        ((f"uvideo://{space}",), ALL),
        (("-dsH", "--depth", "2", f"uvideo://{space}/"), FOLDERS),
        (("--sizes", "--depth", "1", f"uvideo://{space}/photos/x"), BELOW),
    ):
        done = inside("tree", *words)
        assert (done.code, done.out, done.err) == (0, expected.format(space=space), ""), words


def test_json(inside: Inside, space: str) -> None:
    found = inside("tree", "--json", "-s", f"uvideo://{space}/photos").records
    assert [(each["kind"], each["key"], each.get("name"), each.get("depth"), each["size"]) for each in found] == [
        ("node", "photos/", "", 0, None),
        ("node", "photos/1.jpg", "1.jpg", 1, 30),
        ("node", "photos/x/", "x/", 1, 2098),
        ("node", "photos/x/2/", "2/", 2, 2048),
        ("node", "photos/x/2/3.jpg", "3.jpg", 3, 2048),
        ("node", "photos/x/4.jpg", "4.jpg", 2, 50),
        ("tree", "photos/", None, None, 2128),
    ]
    assert (found[-1]["folders"], found[-1]["objects"]) == (2, 3)
    last = inside("tree", "--json", "-d", f"uvideo://{space}").records[-1]
    assert (last["folders"], last["objects"], last["size"]) == (5, None, None)


def test_what_is_empty_and_what_is_absent(shell: Shell, inside: Inside, space: str) -> None:
    empty = shell.space()
    assert inside("tree", f"uvideo://{empty}").out == f"uvideo://{empty}/\n0 folders, 0 objects\n"
    done = inside("tree", f"uvideo://{space}/none", f"uvideo://{space}/视频")
    assert done.code == 1 and f"there is no object uvideo://{space}/none/" in done.err
    assert done.lines[-1] == "0 folders, 1 objects"
    assert inside("tree", f"uvideo://{space}/none").code == 4


def test_a_very_deep_key(shell: Shell, inside: Inside) -> None:
    space = shell.filled({"a/" * 500 + "b": "x"})
    done = inside("tree", f"uvideo://{space}")
    assert (done.code, done.lines[-1]) == (0, "500 folders, 1 objects"), done.err


def test_names_cannot_write_to_the_terminal(shell: Shell) -> None:
    space = shell.filled({"a\x1b[31m/b": "x"})
    assert r"├── a\x1b[31m/" in shell.terminal("tree", f"uvideo://{space}", answers={}).out.replace("└", "├")
