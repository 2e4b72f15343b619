"""What callers may rely on is what it was at the last release, or whoever changed it has said so."""

from __future__ import annotations

import pytest

from test.release import api

OLD = {
    "class m.Result": ["base Base", "field size: int", "field etag: str | None = None"],
    "function m.get": ["any space: str", "any key: str = 'k'", "keyword start: int | None = None", "returns bytes"],
    "value m.LIMIT": [],
}


@pytest.mark.parametrize("package", api.DUMPS)
def test_the_published_names_are_those_of_docs_api(package: str) -> None:
    breaks, added = api.compare(api.read(api.FOLDER / f"{package}.txt"), api.DUMPS[package]())
    told = [*(f"breaks callers: {line}" for line in breaks), *(f"new: {line}" for line in added)]
    assert told == [], (
        "docs/api is not what the sources publish.  If this is meant, run `make api`, commit docs/api, and say it in "
        "CHANGELOG.md; what breaks callers of `uvideo` needs a new major version, and `ucloud` never breaks "
        "(docs/release.md)."
    )


@pytest.mark.parametrize("package", api.DUMPS)
def test_what_is_written_is_what_is_read(package: str) -> None:
    dump = api.DUMPS[package]()
    assert api.text(dump) == (api.FOLDER / f"{package}.txt").read_text(encoding="utf-8")
    assert api.read(api.FOLDER / f"{package}.txt") == dump


def test_nothing_published_is_left_out() -> None:
    names = {entry.split(" ")[1] for dump in api.DUMPS.values() for entry in dump()}
    assert {
        "uvideo.Client.upload",
        "uvideo.AsyncClient.upload",
        "uvideo.errors.NotFound",
        "uvideo.__version__",
    } <= names
    assert {"uvideo.errors.NotFound", "uvideo.models.Content", "uvideo.testing.TestServer.kill", "uvideo.etag"} <= names
    for name in ("config.set_default", "multipartuploaduvideo.MultipartUploadUVideo.uploadstream"):
        assert f"ucloud.uvideo.{name}" in names
    typed = api.sdk()["function ucloud.uvideo.spacemanager.createspace"]
    assert typed == ["any name: str", "any type: Literal['public', 'private'] = 'private'", "returns _Answer"]


@pytest.mark.parametrize(
    ("entry", "lines", "said"),
    [
        ("function m.get", None, "function m.get is gone"),
        ("function m.get", ["any key: str = 'k'"], "any space is gone"),
        ("function m.get", ["any space: bytes"], "any space was str, is bytes"),
        ("function m.get", ["keyword space: str"], "space was any, is keyword"),
        ("function m.get", ["any space: str", "any key: str"], "any key had 'k', has no default"),
        ("function m.get", ["any space: str", "any key: str = 'x'"], "any key had 'k', has 'x'"),
        ("function m.get", ["any key: str = 'k'", "any space: str"], "the order was space, key, is key, space"),
        ("function m.get", ["any new: int = 1", "any space: str", "any key: str = 'k'"], "the order was space, key"),
        ("function m.get", [*OLD["function m.get"], "keyword more: int"], "keyword more is new"),
        ("function m.get", ["any space: str", "returns str"], "returns was bytes, is str"),
        ("class m.Result", ["field size: int", "field etag: str | None = None"], "base Base is gone"),
        ("class m.Result", ["base Base", "field size: int"], "field etag is gone"),
        (
            "class m.Result",
            ["base Base", "field etag: str | None = None", "field size: int"],
            "the order was size, etag",
        ),
    ],
)
def test_what_breaks_callers_is_said(entry: str, lines: list[str] | None, said: str) -> None:
    new = {name: each for name, each in OLD.items() if name != entry}
    if lines is not None:
        new[entry] = lines
    breaks, _ = api.compare(OLD, new)
    assert any(said in line for line in breaks), breaks


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        ("function m.get", [*OLD["function m.get"], "keyword more: int = 0"]),
        ("function m.get", ["any space: str", "any key: str = 'k'", "any start: int | None = None", "returns bytes"]),
        ("class m.Result", [*OLD["class m.Result"], "field more: int"]),
        ("function m.put", ["any space: str"]),
    ],
)
def test_what_is_merely_new_is_told_apart(entry: str, lines: list[str]) -> None:
    breaks, added = api.compare(OLD, {**OLD, entry: lines})
    assert breaks == [] and len(added) == 1
