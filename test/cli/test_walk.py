"""The walk of a folder gives keys in byte order, and says what it cannot take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uvideo.cli import failure
from uvideo.cli.walk import files

NAMES = st.lists(st.text(alphabet="ab.-/é视", min_size=1, max_size=6), max_size=12)


def walked(root: Path) -> tuple[list[str], dict[str, str]]:
    refused: dict[str, str] = {}
    found = [each.name for each in files(str(root), lambda error, path: refused.update({path: failure.text(error)}))]
    return found, refused


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(NAMES)
def test_the_order_is_that_of_the_keys(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("walk")
    made = set()
    for name in names:
        parts = [part for part in name.split("/") if part.strip(".")]
        path = root.joinpath(*parts) if parts else root
        if parts and not path.exists() and not any((root / Path(*parts[:n])).is_file() for n in range(1, len(parts))):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
            made.add("/".join(parts))
    assert walked(root) == (sorted(made, key=lambda key: key.encode()), {})


def test_links_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_text("x")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "gone").symlink_to("nowhere")
    found, refused = walked(tmp_path)
    assert found == ["a/f", "b/f"]
    assert {os.path.relpath(path, tmp_path) for path in refused} == {"a/up", "b/up", "self", "gone"}
    assert "leads back" in refused[str(tmp_path / "a" / "up")]


def test_what_cannot_be_a_key_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "z").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".0123456789abcdef.part").write_text("of a download")
    raw = os.fsencode(tmp_path) + b"/x\xff"
    with open(raw, "w"):
        pass
    found, refused = walked(tmp_path)
    assert found == ["a", "z"]
    assert sorted(refused.values()) == [
        f"{tmp_path}/pipe is neither a file nor a folder",
        "the name is not UTF-8 and cannot be a key: rename it",
    ]


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "f").write_text("")
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)  # root may read everything
    found, refused = walked(tmp_path)
    assert found == ["f"] and list(refused) == [str(tmp_path / "closed")]


def test_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e/b/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    asked: list[str] = []

    def skips(name: str) -> bool:
        asked.append(name)
        return name == "a/b"

    assert [each.name for each in files(str(tmp_path), print, skips=skips)] == ["a/d", "e/b/f"]
    assert asked == ["a", "a/b", "e", "e/b"]
    assert [each.name for each in files(str(tmp_path), print, depth=1)] == ["a/d"]
