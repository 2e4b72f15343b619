"""The walk of a folder gives keys in byte order, and says what it cannot take."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.cli.records import check
from uvideo.cli.report import Report
from uvideo.cli.walk import FolderReader
from uvideo.transfer.pattern import Filter
from uvideo.transfer.walk import Links


class Walked(NamedTuple):
    found: list[str]
    refused: dict[str, str] = {}
    told: list[str] = []
    links: int = 0
    special: int = 0


NAMES = st.lists(st.text(alphabet="ab.-/é视", min_size=1, max_size=6), max_size=12)


def walked(root: Path, chosen: Filter | None = None, links: Links = "inside", **more: Any) -> Walked:
    """The names that a walk finds, and what the report got, by paths below the folder."""
    err = io.StringIO()
    report = Report(json=True, err=err)
    found = [each.name for each in FolderReader(report, chosen or Filter(), links, **more).files(str(root))]
    records = [check(line) for line in err.getvalue().splitlines()]
    refused = {os.path.relpath(each["item"], root): each["message"] for each in records if each["kind"] == "error"}
    told = [each["message"].replace(f"{root}/", "") for each in records if each["kind"] == "note"]
    return Walked(found, refused, told, report.links, report.special)


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
    assert walked(root) == Walked(sorted(made, key=lambda key: key.encode()))


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links of each kind, and beside it what lies outside."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "f").write_text("x")
    (root / "b").symlink_to("a")
    (root / "g").symlink_to("a/f")
    (root / "a" / "up").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "gone").symlink_to("nowhere")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("private")
    (tmp_path / "root-too").mkdir()  # its path begins as that of the folder
    (tmp_path / "root-too" / "h").write_text("x")
    (root / "key").symlink_to("../outside/key")
    (root / "out").symlink_to("../outside")
    (root / "too").symlink_to(tmp_path / "root-too")
    (root / "beyond").symlink_to("../no-such-file")
    return root


def test_links_that_stay_inside_are_followed(linked: Path) -> None:
    seen = walked(linked)
    assert seen.found == ["a/f", "b/f", "g"]
    assert set(seen.refused) == {"self", "gone"}
    said = "skipped {}: the link leads out of {}; --links follow follows it"
    back = "skipped {}: the link leads back to a folder above it"
    assert sorted(seen.told) == sorted(
        [back.format(each) for each in ("a/up", "b/up")]
        + [said.format(each, linked) for each in ("beyond", "key", "out", "too")]
    )
    assert (seen.links, seen.special) == (6, 0)


def test_all_links_or_none_are_followed(linked: Path) -> None:
    seen = walked(linked, links="follow")
    assert seen.found == ["a/f", "b/f", "g", "key", "out/key", "too/h"]
    assert set(seen.refused) == {"self", "gone", "beyond"} and seen.links == 2
    seen = walked(linked, links="skip")
    assert (seen.found, seen.refused, seen.told, seen.links) == (["a/f"], {}, [], 9)


def test_the_folder_itself_may_be_a_link(linked: Path) -> None:
    (linked.parent / "named").symlink_to("root")
    seen = walked(linked.parent / "named")
    assert seen.found == ["a/f", "b/f", "g"] and seen.links == 6


def test_what_cannot_be_a_key_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "z").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
    (tmp_path / ".0123456789abcdef.part").write_text("of a download")
    raw = os.fsencode(tmp_path) + b"/x\xff"
    with open(raw, "w"):
        pass
    seen = walked(tmp_path)
    special = "{} is a pipe, a socket or a device; --skip-special skips such files"
    assert seen.found == ["a", "z"] and seen.special == 0
    assert {name: text.replace(f"{tmp_path}/", "") for name, text in seen.refused.items()} == {
        **{name: special.format(name) for name in ("pipe", "socket", "to-pipe")},
        "x\udcff": "x\udcff: the name is not UTF-8 and cannot be a key: rename it",
    }
    seen = walked(tmp_path, skip_special=True)
    assert list(seen.refused) == ["x\udcff"] and seen.special == 3
    assert seen.told == [
        f"skipped {name}: it is a pipe, a socket or a device" for name in ("pipe", "socket", "to-pipe")
    ]


@pytest.mark.parametrize(
    "chosen",
    [Filter(exclude=["bad/", "*.bad"]), Filter(["*.mp4"], ["bad/"]), Filter(["/good/**"])],
    ids=["exclude", "include", "anchored"],
)
def test_what_a_filter_leaves_out_cannot_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: Filter) -> None:
    """Broken links, pipes, names that are not UTF-8 and links out of the folder, as files and in a folder."""
    root = os.fsencode(tmp_path)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "film.mp4").write_text("film")
    os.mkdir(root + b"/bad")
    for where in (b"/", b"/bad/"):
        os.mkfifo(root + where + b"pipe.bad")
        with open(root + where + b"\xff.bad", "w"):
            pass
        os.symlink("nowhere", root + where + b"gone.bad")
        os.symlink("/etc/passwd", root + where + b"out.bad")
        os.symlink("self.bad", root + where + b"self.bad")
    opened = []
    scandir = os.scandir

    def noted(path: str) -> object:
        opened.append(os.path.relpath(path, tmp_path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert walked(tmp_path, chosen) == Walked(["good/film.mp4"])
    assert opened == [".", "good"]


def test_of_a_folder_whose_name_is_not_utf8_only_what_is_selected_fails(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    for name in (b"a.txt", b"b.mp4"):
        with open(os.fsencode(tmp_path) + b"/\xff/" + name, "w"):
            pass
    assert set(walked(tmp_path).refused) == {"\udcff"}
    assert set(walked(tmp_path, Filter(["*.mp4"])).refused) == {"\udcff/b.mp4"}
    assert walked(tmp_path, Filter(["*.mkv"])) == Walked([])


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "f").write_text("")
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)  # root may read everything
    seen = walked(tmp_path)
    assert seen.found == ["f"] and list(seen.refused) == ["closed"]


def test_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e/b/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    asked: list[str] = []

    class Chosen(Filter):
        def skips(self, folder: str) -> bool:
            asked.append(folder)
            return folder == "a/b"

    reader = FolderReader(Report(), Chosen())
    assert [each.name for each in reader.files(str(tmp_path))] == ["a/d", "e/b/f"]
    assert asked == ["a", "a/b", "e", "e/b"]
    assert [each.name for each in reader.files(str(tmp_path), depth=1)] == ["a/d"]
