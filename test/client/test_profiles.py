"""The configuration file is changed without losing what stands in it, and without showing it to others."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from test.pages import Page
from uvideo.config import profiles
from uvideo.config.profiles import edit
from uvideo.config.settings import load
from uvideo.errors import InvalidArgument, LocalFailure

HELD = """# my keys
default_profile = "a"  # the usual one

[profiles.a]
endpoint = "127.0.0.1:1"  # at home
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "uvideo" / "config.toml"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_its_folder_are_the_owners_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        with edit(path) as draft:
            draft.set("home", "private_key", "s3cret")
    finally:
        os.umask(old)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert os.listdir(path.parent) == ["config.toml"]


def test_what_was_written_is_what_a_client_loads(path: Path) -> None:
    with edit(path) as draft:
        for name, value in {"public_key": "p", "private_key": "s", "retries": "2", "bandwidth": "10M"}.items():
            draft.set("home", name, value)
        draft.use("home")
    found = load(environ={"UVIDEO_CONFIG": str(path)})
    assert (found.public_key, found.private_key, found.retries, found.bandwidth) == ("p", "s", 2, 10 << 20)


def test_comments_and_order_stay(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(HELD)
    with edit(path) as draft:
        draft.set("a", "checksum", "no")
        draft.set("b.c", "region", "cn-gd")
    assert path.read_text() == HELD + 'checksum = false\n\n[profiles."b.c"]\nregion = "cn-gd"\n'


def test_a_file_that_others_could_read_is_closed(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(HELD)
    path.chmod(0o644)
    with edit(path) as draft:
        draft.set("a", "retries", 1)
    assert mode(path) == 0o600


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    (tmp_path / "dotfiles.toml").write_text(HELD)
    path.symlink_to(tmp_path / "dotfiles.toml")
    with edit(path) as draft:
        draft.use("b")
    assert path.is_symlink()
    assert 'default_profile = "b"' in (tmp_path / "dotfiles.toml").read_text()


@pytest.mark.parametrize("content", ["profiles = {a = {retries = 1}}\n", "profiles.a.retries = 1\n"])
def test_tables_of_another_spelling_are_changed_too(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with edit(path) as draft:
        draft.set("b", "retries", 2)
        assert draft.remove("a")
    assert load("b", {"UVIDEO_CONFIG": str(path)}).retries == 2


def test_a_misspelt_key_can_be_removed(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('[profiles.a]\nprivat_key = "x"\n')
    with edit(path) as draft:
        assert draft.unset("a", "privat_key")
        assert not draft.unset("a", "region")
        with pytest.raises(InvalidArgument, match="did you mean private_key"):
            draft.unset("a", "privat_key")
    assert path.read_text() == "[profiles.a]\n"


def test_removing_the_default_profile_leaves_none(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(HELD)
    with edit(path) as draft:
        assert draft.remove("a")
        assert not draft.remove("a")
    assert "default_profile" not in path.read_text()


@pytest.mark.parametrize(
    ("profile", "name", "value", "said"),
    [
        ("a", "endpont", "x", "did you mean endpoint"),
        ("a", "retries", "many", "whole number"),
        ("a b", "retries", "1", "not a valid name of a profile"),
        ("", "retries", "1", "not a valid name of a profile"),
    ],
)
def test_what_cannot_be_right_changes_nothing(path: Path, profile: str, name: str, value: str, said: str) -> None:
    path.parent.mkdir()
    path.write_text(HELD)
    with pytest.raises(InvalidArgument, match=said), edit(path) as draft:
        draft.set("a", "region", "cn-gd")
        draft.set(profile, name, value)
    assert path.read_text() == HELD


def test_a_file_that_is_not_toml_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("provider: local")
    with pytest.raises(InvalidArgument, match="is not TOML"), edit(path) as draft:
        draft.set("a", "retries", 1)
    assert path.read_text() == "provider: local"


def test_profiles_that_are_no_tables_stay(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('profiles = "x"\n')
    with pytest.raises(InvalidArgument, match="profiles are tables"), edit(path) as draft:
        draft.set("a", "retries", 1)
    assert path.read_text() == 'profiles = "x"\n'


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "uvideo").write_text("")
    with pytest.raises(LocalFailure, match="cannot be changed"), edit(tmp_path / "uvideo" / "config.toml"):
        pass


def test_two_writers_at_once_lose_nothing(path: Path) -> None:
    def write(name: str) -> None:
        for turn in range(10):
            with edit(path) as draft:
                draft.set(f"{name}{turn}", "retries", turn)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with edit(path) as draft:
        assert len(draft.tables()) == 30


def test_without_tomlkit_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    with pytest.raises(LocalFailure, match="pip install"), edit(path):
        pass
    assert not path.exists()


def test_a_lock_that_is_never_released_ends_in_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "PATIENCE", 0.1)
    with edit(path), pytest.raises(LocalFailure, match="another process"), edit(path):
        pass


def test_the_file_that_the_page_of_the_command_shows(tmp_path: Path) -> None:
    """Which profile counts: the named one, UVIDEO_PROFILE, default_profile, and one called default."""
    (shown,) = (each.text for each in Page("docs/cli.md").blocks if each.kind == "toml")
    file = tmp_path / "config.toml"
    file.write_text(shown)
    file.chmod(0o600)
    environ = {"UVIDEO_CONFIG": str(file)}
    assert load(environ=environ).endpoint == "127.0.0.1:9000" and load(environ=environ).provider == "local"
    assert load(environ={**environ, "UVIDEO_PROFILE": "work"}).retries == 8
    assert load("home", environ={**environ, "UVIDEO_PROFILE": "work"}).retries == 5
    file.write_text(shown.partition("\n")[2].replace("[profiles.work]", "[profiles.default]"))
    assert load(environ=environ).retries == 8
