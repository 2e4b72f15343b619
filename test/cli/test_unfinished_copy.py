"""A copy of many items that did not finish: the same command skips what is the same, and says how many.

minio/mc #2046: a copy of a folder that was interrupted begins anew.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test import patience
from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy
from uvideo.cli.address import Remote
from uvideo.cli.unfinished_copy import TargetLookup

COUNT = 30
NAMES = [f"{number // 10}/{number:02}" for number in range(COUNT)]
NOTE = "an earlier run of this command did not finish"


@pytest.fixture
def many(shell: Shell) -> Path:
    folder = shell.folder / "many"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def deeds(done: Done) -> tuple[int, int]:
    """(done, skipped)"""
    summary = check(done.lines[-1])
    return summary["done"], summary["skipped"]


def content(shell: Shell, space: str, prefix: str = "") -> dict[str, str]:
    found = shell.client.list(space, prefix)
    return {each.key[len(prefix) :]: shell.client.get(space, each.key).data.decode() for each in found}


def interrupted(shell: Shell, proxy: FaultProxy, number: int, *words: str) -> str:
    """Run a command until the proxy holds a request, then send a signal; standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvideo", *words],
        cwd=shell.folder,
        env={**shell.environ, "UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert proxy.wait("held"), process.stderr
        process.send_signal(number)
        _, err = process.communicate(timeout=patience.SECONDS)
    finally:
        process.kill()
        proxy.settle("held")
    assert process.returncode == (130 if number == signal.SIGINT else -number), err
    return err


def test_an_interrupted_upload_of_many_files_goes_on(shell: Shell, many: Path) -> None:
    space = shell.space()
    words = ("cp", "-r", "many", f"uvideo://{space}/p", "--json")
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        environ = {"UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}"}
        proxy.on("PutObject", key=f"p/{NAMES[20]}").pause("held")
        assert "to continue: uvideo cp -r many" in interrupted(shell, proxy, signal.SIGINT, *words, "-j1")
        stored = len(content(shell, space))
        assert 20 <= stored <= 21
        (many / NAMES[3]).write_text("x" * len(f"content of {NAMES[3]}"))  # of the same size
        shell.client.delete(space, f"p/{NAMES[4]}")
        done = shell(*words, **environ)  # with another number of jobs
        assert done.code == 0 and NOTE in done.err
        assert deeds(done) == (COUNT - stored + 2, stored - 2)
        assert content(shell, space, "p/") == {name: (many / name).read_text() for name in NAMES}
        done = shell(*words, **environ)
        assert deeds(done) == (COUNT, 0) and NOTE not in done.err  # nothing was interrupted


def test_an_interrupted_download_of_many_objects_goes_on(shell: Shell) -> None:
    space = shell.filled({name: f"content of {name}" for name in NAMES})
    words = ("cp", "-r", f"uvideo://{space}/", "down")
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        proxy.on("GetObject", key=NAMES[20]).pause("held")
        interrupted(shell, proxy, signal.SIGKILL, *words, "-j1")
        (shell.folder / "down" / NAMES[3]).write_text("x" * len(f"content of {NAMES[3]}"))
        done = shell(*words, "--json", UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
        assert done.code == 0 and deeds(done) == (COUNT - 19, 19)
    assert {name: (shell.folder / "down" / name).read_text() for name in NAMES} == content(shell, space)


class TestAfterFailures:
    """A run in which an item failed did not finish either.  The pipe fails in each."""

    @pytest.fixture
    def many(self, many: Path) -> Path:
        os.mkfifo(many / "0" / "pipe")
        return many

    @pytest.mark.parametrize(
        "sources",
        [["many"], ["many/0", "many/1", "many/2"], ["many/2", "many/0", "many/1"], ["many/?", "many/0"]],
        ids=" ".join,
    )
    def test_all_that_is_there_is_skipped(self, shell: Shell, inside: Inside, many: Path, sources: list[str]) -> None:
        space = shell.space(**{f"a{number}": "1" for number in range(5)}, z="1")
        words = ("cp", "-r", *sources, f"uvideo://{space}/p/", "--json")
        first = inside(*words)
        assert first.code == 1
        again = inside(*words)
        done, failed = check(first.lines[-1])["done"], check(first.lines[-1])["failed"]
        assert again.code == 1 and deeds(again) == (0, done) and check(again.lines[-1])["failed"] == failed
        skipped = [check(line) for line in again.lines[:-1]]
        assert {each["reason"] for each in skipped} == {"same"} and len(skipped) == done

    def test_copies_within_the_service_too(self, shell: Shell, inside: Inside) -> None:
        space, other = shell.space(), shell.space()
        shell.fill(space, {"ok": "1", "bad": "2"})
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("CopyObject", key="bad").then(403)
            environ = {"UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}"}
            words = ("cp", "-r", f"uvideo://{space}/", f"uvideo://{other}/", "--json")
            assert shell(*words, **environ).code == 1
            done = shell(*words, **environ)
            assert done.code == 0 and deeds(done) == (1, 1)

    def test_another_command_begins_anew(self, shell: Shell, inside: Inside, many: Path) -> None:
        space = shell.space()
        words = ("cp", "-r", "many", f"uvideo://{space}/p")
        assert inside(*words).code == 1
        assert deeds(inside(*words, "--json", "--meta", "a=b")) == (COUNT, 0)
        assert deeds(inside("cp", "-r", "many/", f"uvideo://{space}/q", "--json")) == (COUNT, 0)
        assert deeds(inside(*words, "--json", "--dry-run")) == (0, COUNT)
        os.chdir(shell.folder / "many")
        assert deeds(inside("cp", "-r", "../many", *words[3:], "--json", "-j2", "--skip-special")) == (COUNT, 0)
        assert deeds(inside("cp", "-r", "../many", *words[3:], "--json", "-j2")) == (0, COUNT)

    def test_what_lacks_the_given_properties_is_not_the_same(self, shell: Shell, inside: Inside, many: Path) -> None:
        space = shell.space()
        words = ("cp", "-r", "many", f"uvideo://{space}", "--meta", "A=b", "--class", "ia", "--mime", "x/y", "--json")
        assert inside(*words).code == 1
        shell.client.put(space, NAMES[0], (many / NAMES[0]).read_bytes(), storage_class="IA", mime="x/y")
        shell.client.put(space, NAMES[1], (many / NAMES[1]).read_bytes(), metadata={"a": "b"}, mime="x/y")
        shell.client.set_mime(space, NAMES[2], "x/z")
        assert deeds(inside(*words)) == (3, COUNT - 3)
        assert deeds(inside(*words)) == (0, COUNT)

    def test_without_a_folder_for_the_record_it_begins_anew(
        self, shell: Shell, inside: Inside, many: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        space = shell.space()
        monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
        for _ in range(2):
            done = inside("cp", "-r", "many", f"uvideo://{space}", "--json")
            assert done.code == 1 and deeds(done) == (COUNT, 0)


def test_a_few_targets_among_many_objects_are_found(shell: Shell) -> None:
    """Listings are used only as long as they reach the next key."""
    space = shell.space(**{f"k{number:02}": "x" * number for number in range(20)})
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        client = shell.client.__class__(
            shell.server.public_key, shell.server.private_key, endpoint=f"127.0.0.1:{proxy.port}"
        )
        lookup = TargetLookup(client)
        for order in (range(20), range(0, 20, 7), [19, 3, 11, 3, 3]):
            for number in order:
                found = lookup.find(Remote(space, f"k{number:02}"))
                assert found is not None and found.size == number
                assert lookup.find(Remote(space, f"k{number:02}x")) is None
        proxy.on("ListObjects").then(403, times=None)
        found = lookup.find(Remote(space, "k00"))
        assert found is not None and found.size == 0
        found = lookup.find(Remote(space, "k07"))
        assert found is not None and found.size == 7
        client.close()


def test_old_records_are_removed(shell: Shell) -> None:
    space, folder = shell.space(), shell.home / ".local" / "state" / "uvideo" / "copies"
    folder.mkdir(parents=True)
    for name, age in (("0" * 32, 40), ("1" * 32, 20)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age * 86400,) * 2)
    (shell.folder / "t").mkdir()
    (shell.folder / "t" / "a").write_text("x")
    assert shell("cp", "-r", "t", f"uvideo://{space}/").code == 0
    assert [each.name for each in folder.iterdir()] == ["1" * 32]
