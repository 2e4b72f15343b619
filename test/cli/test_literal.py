"""--literal: the name of an object that is gone stands for no others, whatever is in it."""

from __future__ import annotations

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell

NAMES = ("*.tmp", "?.tmp", "[a].tmp", "{a,b}.tmp", "**")


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.space(a_tmp="x", **{"a.tmp": "1", "b.tmp": "2"})


@pytest.mark.parametrize(
    "words",
    [
        ("rm",),
        ("rm", "-r"),
        ("ls",),
        ("ls", "-r"),
        ("du",),
        ("find",),
        ("cat",),
        ("stat",),
        ("restore",),
        ("set", "--class", "IA"),
        ("presign",),
        ("cp", "{}", "there/"),
        ("mv", "-r", "{}", "there/"),
    ],
    ids=" ".join,
)
def test_what_is_gone_is_4_and_nothing_else_is_touched(
    inside: Inside, shell: Shell, space: str, words: tuple[str, ...]
) -> None:
    before = [(each.key, each.storage_class) for each in shell.client.list(space)]
    for name in NAMES:
        address = f"uvideo://{space}/{name}"
        given = [each.replace("{}", address) for each in words] if "{}" in words else [*words, address]
        done = inside(*given, "--literal")
        assert (done.code, done.out) == (0 if words == ("presign",) else 4, done.out if words == ("presign",) else "")
    assert [(each.key, each.storage_class) for each in shell.client.list(space)] == before
    assert not any(path.name.endswith(".tmp") for path in shell.folder.rglob("*"))


def test_what_is_there_is_found(inside: Inside, shell: Shell, space: str) -> None:
    for name in NAMES:
        shell.client.put(space, name, b"odd")
        assert inside("cat", "--literal", f"uvideo://{space}/{name}").out == "odd"
        assert inside("rm", "--literal", f"uvideo://{space}/{name}").code == 0, name
    assert [each.key for each in shell.client.list(space)] == ["a.tmp", "a_tmp", "b.tmp"]


def test_local_names(inside: Inside, shell: Shell, space: str) -> None:
    (shell.folder / "c.txt").write_text("c")
    assert inside("cp", "--literal", "*.txt", f"uvideo://{space}/").code == 4
    (shell.folder / "[c].txt").write_text("odd")
    assert inside("cp", "--literal", "[c].txt", f"uvideo://{space}/").code == 0
    assert [each.key for each in shell.client.list(space)] == ["[c].txt", "a.tmp", "a_tmp", "b.tmp"]


def test_a_program_of_find_removes_what_was_found(shell: Shell, space: str) -> None:
    """Twice, as when somebody else was faster."""
    shell.client.put(space, "*.tmp", b"odd")
    remove = 'for each; do uvideo rm --literal "$each"; uvideo rm --literal "$each"; done'
    shell("find", f"uvideo://{space}", "--name", r"\*.tmp", "--exec", "sh", "-c", remove, "sh", "{}", "+")
    assert [each.key for each in shell.client.list(space)] == ["a.tmp", "a_tmp", "b.tmp"]


def test_an_object_of_several_addresses_is_deleted_once(inside: Inside, shell: Shell, space: str) -> None:
    done = inside("rm", f"uvideo://{space}/*.tmp", f"uvideo://{space}/a*", f"uvideo://{space}/a.tmp", "-y", "--json")
    assert sorted(each["target"].rpartition("/")[2] for each in done.records if each["kind"] == "deleted") == [
        *("a.tmp", "a_tmp", "b.tmp")
    ]
    assert (done.code, done.records[-1]["deleted"]) == (0, 3)
