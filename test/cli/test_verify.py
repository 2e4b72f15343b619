"""verify and etag."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.measure import processor_seconds
from test import patience
from test.cli.inside import Inside
from test.cli.shell import Done, Shell
from uvideo import etag

FILES = {"a.txt": b"a" * 10, "d/b.bin": b"b" * 100_000, "d/e/c.bin": b"c", "d-x": b"x", "empty": b""}


@pytest.fixture
def place(shell: Shell) -> str:
    """A folder ``tree`` and its copy."""
    space = shell.space()
    for name, content in FILES.items():
        path = shell.folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        shell.client.put(space, f"copy/{name}", content)
    return f"uvideo://{space}/copy"


def states(run: Callable[..., Done], *words: str) -> dict[str, str]:
    done = run("verify", "--json", *words)
    *differences, total = done.records
    assert total["kind"] == "verified"
    found = {each["name"]: each["state"] for each in differences}
    assert (done.code == 5) == bool(found)
    return found


def test_the_same_is_0(shell: Shell, place: str) -> None:
    done = shell("verify", "tree", place)
    assert (done.code, done.lines) == (0, ["5 the same, 97.7 KiB"])
    assert shell("verify", place, "tree").code == 0


def test_every_difference_is_listed(shell: Shell, inside: Inside, place: str) -> None:
    tree = shell.folder / "tree"
    (tree / "a.txt").write_bytes(b"A" * 10)
    (tree / "d-x").write_bytes(b"longer")
    (tree / "d" / "new").write_bytes(b"n")
    (tree / "empty").unlink()
    assert states(inside, "tree", place) == {
        "a.txt": "different",
        "d-x": "different",
        "d/new": "missing",
        "empty": "extra",
    }
    done = inside("verify", "tree", place + "/")
    assert done.lines[:3] == ["different  tree/a.txt", "different  tree/d-x", "missing  tree/d/new"]
    assert done.lines[-1] == "2 the same, 97.7 KiB, 2 different, 1 missing, 1 extra"


def test_what_does_not_count(shell: Shell, inside: Inside, place: str) -> None:
    (shell.folder / "tree" / "a.txt").write_bytes(b"A" * 10)
    (shell.folder / "tree" / "empty").unlink()
    assert states(inside, "--ignore-extra", "--size-only", "tree", place) == {}
    assert states(inside, "--exclude", "a.txt", "tree", place) == {"empty": "extra"}
    assert states(inside, "--include", "*.txt", "tree", place) == {"a.txt": "different"}


def test_folder_markers_and_skipped_links_do_not_count(shell: Shell, inside: Inside, place: str) -> None:
    space, _, prefix = place.removeprefix("uvideo://").partition("/")
    shell.fill(space, {f"{prefix}/": "", f"{prefix}/marker/": ""})
    (shell.folder / "outside").write_text("private")
    (shell.folder / "tree" / "link").symlink_to("../outside")
    os.mkfifo(shell.folder / "tree" / "pipe")
    assert inside("verify", "tree", place).code == 1
    done = inside("verify", "tree", place, "--skip-special")
    assert done.code == 0 and done.lines[-1].endswith(", skipped links: 1, skipped special files: 1"), done
    assert states(inside, "tree", place, "--skip-special", "--links", "follow") == {"link": "missing"}


def test_what_sync_leaves_alone_is_not_extra(shell: Shell, inside: Inside, place: str) -> None:
    """What has the name of a skipped link or of a file that fails, or lies below it, is not compared."""
    tree = shell.folder / "tree"
    (shell.folder / "outside" / "d").mkdir(parents=True)
    (tree / "d").rename(shell.folder / "outside" / "d")
    (tree / "d").symlink_to("../outside/d")
    (tree / "a.txt").unlink()
    (tree / "a.txt").symlink_to("d-x")
    (tree / "empty").unlink()
    assert states(inside, "tree", place, "--exclude", "a.txt") == {"empty": "extra"}
    assert states(inside, "tree", place, "--links", "skip") == {"empty": "extra"}
    assert states(inside, "tree", place, "--links", "follow") == {"empty": "extra", "a.txt": "different"}
    (tree / "d-x").unlink()
    done = inside("verify", "tree", place, "--json")
    assert done.code == 1 and {each["name"] for each in done.records if "name" in each} == {"d-x", "empty"}


def test_a_file_and_an_object(shell: Shell, inside: Inside, place: str) -> None:
    assert inside("verify", "tree/a.txt", place + "/a.txt").code == 0
    assert inside("verify", "tree/a.txt", place + "/").code == 0
    assert inside("verify", place + "/a.txt", "tree").code == 0
    assert inside("verify", "tree/a.txt", place + "/d-x").code == 5
    assert inside("verify", "tree/a.txt", place + "/none").code == 4


def test_two_places_of_the_service(shell: Shell, inside: Inside, place: str) -> None:
    assert inside("verify", place, place + "/").code == 0
    assert states(inside, place + "/d", place)["b.bin"] == "missing"


def test_a_copy_that_is_not_there_lacks_everything(shell: Shell, inside: Inside, place: str) -> None:
    assert set(states(inside, "tree", place + "/none/").values()) == {"missing"}


def test_what_cannot_be_compared_is_said(shell: Shell, inside: Inside, place: str) -> None:
    assert inside("verify", "none", place).code == 4
    assert inside("verify", "tree", "tree/a.txt").code == 2
    assert inside("verify", "-", place).code == 2
    assert inside("verify", "tree", place + "/*").code == 2


def test_a_file_that_cannot_be_read_is_not_the_end(shell: Shell, inside: Inside, place: str) -> None:
    (shell.folder / "tree" / "a.txt").unlink()
    (shell.folder / "tree" / "a.txt").symlink_to("nowhere")
    done = inside("verify", "--exclude", "none", "tree", place)
    assert done.code == 1
    assert "a.txt" in done.err
    assert done.lines[-1].startswith("4 the same")


def test_a_large_object_of_many_parts(shell: Shell, inside: Inside) -> None:
    space, data = shell.space(), bytes(range(256)) * 4096 * 13
    (shell.folder / "big").write_bytes(data)
    shell.client.upload(space, "big", Path(shell.folder / "big"))
    assert inside("verify", "big", f"uvideo://{space}/big").code == 0


def test_ctrl_c_does_not_wait_for_a_large_file(shell: Shell) -> None:
    for name in ("one", "other"):
        with (shell.folder / name).open("wb") as file:
            file.truncate(60 << 30)  # sparse: hashing it would take a minute
    process = subprocess.Popen(
        [sys.executable, "-m", "uvideo", "verify", "one", "other"],
        cwd=shell.folder,
        env=shell.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 30
    while processor_seconds(process.pid) < 1 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=patience.SECONDS)
    assert (process.returncode, err.strip()) == (130, b"error: interrupted")


def test_without_a_reader_it_does_not_wait_for_a_large_file(shell: Shell) -> None:
    for name in ("one", "other"):
        (shell.folder / name).mkdir()
        (shell.folder / name / "a").write_bytes(name[:1].encode() * (16 << 20) + name[-1:].encode())
        with (shell.folder / name / "large").open("wb") as file:
            file.truncate(60 << 30)  # sparse: hashing it would take a minute
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "uvideo", "verify", "--jobs", "2", "one", "other"],
            cwd=shell.folder,
            env=shell.environ,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=patience.SECONDS,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


class TestEtag:
    def test_of_files(self, shell: Shell) -> None:
        (shell.folder / "one").write_bytes(b"1")
        (shell.folder / "big").write_bytes(bytes(5 << 20))
        done = shell("etag", "one", "big")
        assert done.lines == [f"{etag(b'1')}  one", f"{etag(bytes(5 << 20))}  big"]

    def test_of_standard_input(self, shell: Shell) -> None:
        assert shell("etag", stdin=b"1").lines == [f"{etag(b'1')}  -"]
        assert shell("etag", "--json", "-", stdin=b"1").records == [
            {"kind": "etag", "path": "-", "size": None, "etag": etag(b"1")}
        ]

    def test_of_a_pipe_with_a_name(self, shell: Shell) -> None:
        assert shell.sh("uvideo etag <(printf 1)").out.startswith(etag(b"1"))

    def test_it_is_what_the_service_says(self, shell: Shell) -> None:
        space = shell.space(a="some content")
        assert shell("etag", stdin=b"some content").out.split()[0] == shell.client.stat(space, "a").etag

    def test_without_keys_or_service(self, shell: Shell) -> None:
        done = shell("etag", stdin=b"1", UVIDEO_ENDPOINT="127.0.0.1:1", UVIDEO_PUBLIC_KEY=None, UVIDEO_PRIVATE_KEY=None)
        assert done.code == 0

    def test_an_absent_file_is_4_and_one_of_two_1(self, shell: Shell, inside: Inside) -> None:
        (shell.folder / "one").write_bytes(b"1")
        assert inside("etag", "none").code == 4
        assert inside("etag", ".").err == "error: .: Is a directory\n"
        done = inside("etag", "none", "one")
        assert (done.code, len(done.lines)) == (1, 1)
