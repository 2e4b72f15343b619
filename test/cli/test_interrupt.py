"""Ctrl-C and SIGTERM in the middle of a transfer, and how it goes on; what is shown meanwhile."""

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
from test.cli.shell import Shell
from uvideo import Cancel, Client, errors

MIB = 1 << 20
SIZE = 24 * MIB


@pytest.fixture
def large(shell: Shell) -> Path:
    path = shell.folder / "large"
    path.write_bytes(os.urandom(SIZE))
    return path


def stopped(shell: Shell, number: int, *words: str) -> tuple[int, str, float]:
    """(exit code, standard error, seconds) of a command that gets a signal once it has noted a part."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvideo", *words],
        cwd=shell.folder,
        env=shell.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = shell.home / ".local" / "state" / "uvideo" / "transfers"
    until = time.monotonic() + patience.SECONDS
    try:
        while not any(len(path.read_bytes().splitlines()) > 3 for path in folder.glob("*.jsonl")):
            assert process.poll() is None and time.monotonic() < until, process.stderr
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=patience.SECONDS)
        return process.returncode, err, time.monotonic() - began
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_upload_goes_on(shell: Shell, inside: Inside, large: Path, number: signal.Signals) -> None:
    space = shell.space()
    target = f"uvideo://{space}/x y"
    code, err, seconds = stopped(shell, number, "cp", "large", target, "--bwlimit", "8M")
    assert code == 130 and seconds < 15, err
    assert f"to continue: uvideo cp large '{target}' --bwlimit 8M" in err and "Traceback" not in err

    record = check(inside("transfers", "ls", "--json").lines[0])
    assert (record["direction"], record["target"], record["bytes"]) == ("upload", target, SIZE)
    assert 0 < record["done"] < SIZE and not record["active"]
    kept = len(list(shell.client.list_parts(space, next(iter(shell.client.list_uploads(space))).upload_id)))

    if number == signal.SIGINT:
        done = shell("cp", "large", target, "--json")
    else:
        assert "would" in inside("transfers", "resume", record["id"], "--dry-run").out
        done = shell("transfers", "resume", record["id"], "--json")
    assert done.code == 0, done.err
    assert check(done.lines[0])["verified"] and kept > 0
    assert shell.client.get(space, "x y").data == large.read_bytes()
    assert inside("transfers", "ls").out == "" and list(shell.client.list_uploads(space)) == []


def test_an_interrupted_download_goes_on(shell: Shell, inside: Inside, large: Path) -> None:
    space = shell.space()
    shell.client.upload(space, "x", large)
    code, err, seconds = stopped(shell, signal.SIGINT, "cp", f"uvideo://{space}/x", "down/y", "--bwlimit", "8M")
    assert code == 130 and seconds < 15 and "to continue: uvideo cp" in err, err
    assert not (shell.folder / "down" / "y").exists()
    record = check(inside("transfers", "ls", "--json").lines[0])
    assert (record["direction"], record["source"]) == ("download", f"uvideo://{space}/x") and record["done"] > 0
    assert shell("sync", "down", f"uvideo://{space}/d", "--json").code == 0  # what is unfinished is no file yet
    assert [each.key for each in shell.client.list(space)] == ["x"]
    done = shell("cp", f"uvideo://{space}/x", "down/y", "--json")
    assert done.code == 0 and (shell.folder / "down" / "y").read_bytes() == large.read_bytes()
    assert inside("transfers", "ls").out == "" and os.listdir(shell.folder / "down") == ["y"]


def test_an_upload_to_a_space_that_is_gone_keeps_no_other_from_going_on(
    shell: Shell, inside: Inside, large: Path
) -> None:
    gone, space = shell.space(), shell.space()

    def begin(space: str, key: str) -> None:
        cancel = Cancel()
        with Client(shell.server.public_key, shell.server.private_key, endpoint=shell.server.host) as client:
            with pytest.raises(errors.Cancelled):
                client.upload(space, key, large, progress=lambda now: now.done and cancel.set(), cancel=cancel)

    for key in "abc":
        begin(gone, key)
    for each in list(shell.client.list_uploads(gone)):
        shell.client.abort_upload(gone, each.key, each.upload_id)
    shell.client.delete_space(gone)
    done = inside("transfers", "resume", "--all", "-j", "1")
    assert done.code == 4 and done.err.count("there is no space") == 1 and ": 2 not started" in done.err, done.err
    begin(space, "d")
    done = inside("transfers", "resume", "--all", "-j", "1")
    assert done.code == 1 and done.err.count("there is no space") >= 2 and "not started" not in done.err, done.err
    assert shell.client.stat(space, "d").size == SIZE


def test_an_upload_is_given_up_and_old_ones_are_cleaned(shell: Shell, inside: Inside, large: Path) -> None:
    space = shell.space()
    stopped(shell, signal.SIGKILL, "cp", "large", f"uvideo://{space}/k", "--bwlimit", "8M")
    record = check(shell("transfers", "ls", "--json").lines[0])
    assert inside("transfers", "abort", record["id"], "--dry-run").code == 0
    assert len(list(shell.client.list_uploads(space))) == 1
    done = shell("transfers", "abort", "--all", "--json")
    assert check(done.lines[0])["id"] == record["id"]
    assert inside("transfers", "ls").out == "" and list(shell.client.list_uploads(space)) == []

    orphan = shell.client.begin_upload(space, "orphan")
    assert inside("transfers", "clean", f"uvideo://{space}").out == ""
    done = inside("transfers", "clean", f"uvideo://{space}", "--older-than", "0s")
    assert done.code == 2 and "above 0" in done.err
    shell.client.abort_upload(space, "orphan", orphan.upload_id)
    for words in (
        ["abort"],
        ["abort", "none"],
        ["resume", "--all", "x"],
        ["clean", "x"],
        ["clean", "uvideo://s/", "--older-than", "x"],
    ):
        assert inside("transfers", *words).code == 2, words


def test_progress_is_shown_on_a_terminal_only(shell: Shell, large: Path) -> None:
    space = shell.space()
    words = ("cp", "large", f"uvideo://{space}/x", "--bwlimit", "24M")
    seen = shell.terminal(*words, answers={}, TERM="xterm", COLUMNS="120").out
    assert "total" in seen and "MiB/s" in seen and "part " in seen and "large" in seen
    assert "uploaded large" in seen
    quiet = shell.terminal(*words[:3], "-q", answers={}, TERM="xterm")
    assert quiet.code == 0 and quiet.out == ""
    plain = shell(*words[:3])
    assert plain.out == f"uploaded large -> uvideo://{space}/x, 24.0 MiB\n" and plain.err == ""
