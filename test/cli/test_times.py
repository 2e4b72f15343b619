"""Modification times of files: stored with objects, restored by downloads, compared by sync --times.

peak/s5cmd #532, aws/aws-cli #3069: times are lost by an upload and a download.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy
from uvideo import Cancel, Client, errors
from uvideo.models import Progress
from uvideo.transfer import file_time

#: Nanoseconds since 1970 and their text, as rclone writes it.
TIMES = [
    (1354040105123456789, "1354040105.123456789"),
    (1354040105120000000, "1354040105.12"),
    (1354040105000000000, "1354040105"),
    (1, "0.000000001"),
    (0, "0"),
    (-1, "-0.000000001"),
    (-1500000000, "-1.5"),
    (-86400 * 365 * 10**9, "-31536000"),
    (7258118400000000001, "7258118400.000000001"),  # in 2200
]
TIME, TEXT = TIMES[0]


def deeds(done: Done) -> tuple[int, int]:
    """(done, skipped)"""
    summary = check(done.lines[-1])
    return summary["done"], summary["skipped"]


def time_of(path: Path) -> int:
    return path.stat().st_mtime_ns


def stored(shell: Shell, space: str, key: str) -> str | None:
    return shell.client.stat(space, key).metadata.get("mtime")


def made(path: Path, text: str = "x", ns: int = TIME) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(ns, ns))
    return path


@pytest.mark.parametrize("ns, text", TIMES, ids=[text for _, text in TIMES])
def test_the_form_is_that_of_rclone(ns: int, text: str) -> None:
    assert file_time.encoded(ns) == text and file_time.decoded(text) == ns


def test_other_forms() -> None:
    assert file_time.decoded("5.1234567899999") == 5123456789 and file_time.decoded("5.") == 5 * 10**9
    for text in ("", " 1", "1 ", "+1", "1e9", "nan", "inf", ".5", "-", "1,5", "1" * 40, "2012-11-27", "\u0661"):
        assert file_time.decoded(text) is None, text


def test_upload_and_download_keep_the_time(shell: Shell, inside: Inside) -> None:
    """Also of large files, between spaces, through rename, and with other metadata."""
    space, other = shell.space(), shell.space()
    for number, (ns, _) in enumerate(TIMES):
        made(shell.folder / "t" / str(number), str(number), ns)
    large = made(shell.folder / "t" / "large", "y" * (9 << 20))
    assert inside("cp", "-r", "t", f"uvideo://{space}/p").code == 0
    for number, (_, text) in enumerate(TIMES):
        assert stored(shell, space, f"p/{number}") == text
    assert stored(shell, space, "p/large") == TEXT
    assert inside("cp", "-r", f"uvideo://{space}/p/", f"uvideo://{other}/").code == 0
    assert inside("cp", f"uvideo://{space}/p/0", f"uvideo://{other}/meta", "--meta", "a=b").code == 0
    assert shell.client.stat(other, "meta").metadata == {"a": "b", "mtime": TEXT}
    assert inside("mv", f"uvideo://{other}/large", f"uvideo://{other}/renamed").code == 0
    assert inside("cp", "-r", f"uvideo://{other}/", "back").code == 0
    assert inside("sync", f"uvideo://{space}/p/", "synced").code == 0
    for number, (ns, _) in enumerate(TIMES):
        assert time_of(shell.folder / "back" / str(number)) == time_of(shell.folder / "synced" / str(number)) == ns
    assert time_of(shell.folder / "back" / "renamed") == time_of(shell.folder / "back" / "meta") == TIME
    assert inside("mv", f"uvideo://{space}/p/large", "moved").code == 0 and time_of(shell.folder / "moved") == TIME
    assert inside("mv", "t/large", f"uvideo://{space}/again", "--meta", "A=b").code == 0 and not large.exists()
    assert shell.client.stat(space, "again").metadata == {"a": "b", "mtime": TEXT}


def test_it_is_left_out_if_asked_or_given(shell: Shell, inside: Inside) -> None:
    space = shell.space()
    path = made(shell.folder / "a")
    assert inside("cp", "a", f"uvideo://{space}/b", "--no-times").code == 0 and stored(shell, space, "b") is None
    assert inside("cp", "a", f"uvideo://{space}/c", "--meta", "Mtime=7.5").code == 0
    assert stored(shell, space, "c") == "7.5"
    for words, expected in (([], 7500000000), (["--no-times"], None)):
        assert inside("cp", f"uvideo://{space}/c", "d", *words).code == 0
        assert (time_of(shell.folder / "d") == 7500000000) is (expected is not None)
    assert shell("cp", "-", f"uvideo://{space}/pipe", stdin=b"x").code == 0 and stored(shell, space, "pipe") is None
    assert inside("cp", f"uvideo://{space}/c", "/dev/null").code == 0
    full = "x" * (8192 - len("full"))
    done = shell("cp", "a", f"uvideo://{space}/full", "--meta", f"full={full}")
    assert done.code == 0 and "no room for the modification time" in done.err
    assert shell.client.stat(space, "full").metadata == {"full": full} and path.exists()


@pytest.mark.parametrize("text", ["yesterday", "1e9", "nan", "9" * 30, "99999999999"])
def test_a_time_that_cannot_be_set_is_ignored(shell: Shell, inside: Inside, text: str) -> None:
    space = shell.space()
    shell.client.put(space, "a", b"1", metadata={"mtime": text})
    done = shell("cp", f"uvideo://{space}/a", "a")
    assert done.code == 0 and (shell.folder / "a").read_text() == "1" and "Traceback" not in done.err
    if text != "99999999999":  # a year that some file systems have
        assert "stored modification time" in done.err and "ignored" in done.err
    assert deeds(inside("sync", f"uvideo://{space}/", ".", "--json", "--times"))[0] == 0


def test_a_resumed_download_restores_the_time(shell: Shell, inside: Inside) -> None:
    space, got = shell.space(), shell.folder / "got"
    path = made(shell.folder / "large", "z" * (24 << 20))
    assert inside("cp", "large", f"uvideo://{space}/").code == 0
    with Client(shell.server.public_key, shell.server.private_key, endpoint=shell.server.host) as client:
        for words in (["cp", f"uvideo://{space}/large", "got"], ["transfers", "resume", "--all"]):
            cancel = Cancel()

            def stop(now: Progress, cancel: Cancel = cancel) -> None:
                if now.done:
                    cancel.set()

            with pytest.raises(errors.Cancelled):
                client.download(space, "large", got, times=True, progress=stop, cancel=cancel)
            assert len(client.transfers()) == 1 and not got.exists()
            assert inside(*words).code == 0
            assert time_of(got) == TIME and got.read_bytes() == path.read_bytes()
            got.unlink()


class TestSync:
    def test_times_are_compared_in_place_of_content(self, shell: Shell, inside: Inside) -> None:
        space = shell.space()
        path = made(shell.folder / "t" / "a", "1")
        made(shell.folder / "t" / "b", "2")
        up = ("sync", "t", f"uvideo://{space}/", "--json")
        assert deeds(inside(*up, "--times")) == (2, 0)
        made(path, "9")  # of the same size and time
        assert deeds(inside(*up, "--times")) == (0, 2)
        assert deeds(inside(*up, "--times", "--dry-run")) == (0, 2)
        assert deeds(inside(*up)) == (1, 1)  # content is compared
        os.utime(path, ns=(5, 5))
        assert deeds(inside(*up, "--times")) == (0, 2)  # as the content is the same
        made(path, "8", 6)
        assert deeds(inside(*up, "--times")) == (1, 1) and stored(shell, space, "a") == "0.000000006"
        down = ("sync", f"uvideo://{space}/", "d", "--json", "--times")
        assert deeds(inside(*down)) == (2, 0) and time_of(shell.folder / "d" / "a") == 6
        os.utime(shell.folder / "d" / "a", ns=(5, 5))
        assert deeds(inside(*down, "--dry-run")) == (0, 2) and time_of(shell.folder / "d" / "a") == 5
        assert deeds(inside(*down, "--no-times")) == (0, 2) and time_of(shell.folder / "d" / "a") == 5
        assert deeds(inside(*down)) == (0, 2) and time_of(shell.folder / "d" / "a") == 6
        other = shell.space()
        between = ("sync", f"uvideo://{space}/", f"uvideo://{other}/", "--json", "--times")
        assert deeds(inside(*between)) == (2, 0) and deeds(inside(*between)) == (0, 2)
        assert stored(shell, other, "b") == TEXT

    def test_an_object_without_a_time_is_compared_by_content(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1", b="3")
        shell.client.put(space, "c", b"3", metadata={"mtime": "soon"})
        for name, text in (("a", "1"), ("b", "2"), ("c", "3")):
            made(shell.folder / "t" / name, text)
        assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json", "--times")) == (1, 2)

    def test_it_is_one_way_to_compare(self, shell: Shell, inside: Inside) -> None:
        for words, text in (
            (["--times", "--checksum"], "--checksum and --times cannot be combined"),
            (["--times", "--size-only"], "--size-only and --times cannot be combined"),
        ):
            done = inside("sync", ".", "uvideo://space/", *words)
            assert done.code == 2 and text in done.err

    def test_old_times_do_not_count_as_older_content(self, shell: Shell, inside: Inside) -> None:
        """Where etags do not show the content, times decide: the stored time, which a download gives the file."""
        space = shell.space()
        upload = shell.client.begin_upload(space, "a", metadata={"mtime": TEXT})
        parts = [shell.client.put_part(upload, 0, b"x" * upload.block_size), shell.client.put_part(upload, 1, b"y")]
        shell.client.finish_upload(upload, parts)
        down = ("sync", f"uvideo://{space}/", "d", "--json")
        assert deeds(inside(*down)) == (1, 0) and deeds(inside(*down)) == (0, 1)
        assert time_of(shell.folder / "d" / "a") == TIME


def test_an_unfinished_copy_copies_what_has_another_time(shell: Shell, inside: Inside) -> None:
    space = shell.space()
    folder = shell.folder / "t"
    for name in "abc":
        made(folder / name)
    os.mkfifo(folder / "pipe")
    up = ("cp", "-r", "t", f"uvideo://{space}/", "--json")
    assert inside(*up).code == 1 and deeds(inside(*up)) == (0, 3)
    os.utime(folder / "a", ns=(5, 5))
    shell.client.put(space, "b", b"x")  # without a time: the content is the same
    assert deeds(inside(*up)) == (1, 2) and stored(shell, space, "a") == "0.000000005"


class TestWhatIsSkipped:
    """--update and --size-only, in each direction."""

    def test_what_is_not_older_is_skipped(self, shell: Shell, inside: Inside) -> None:
        space, other = shell.space(), shell.space()
        for name in ("older", "same", "newer", "missing"):
            made(shell.folder / "t" / name, "1" * 3)
        for name, text in (("older", "1354040105.123456788"), ("same", TEXT), ("newer", "1354040105.123456790")):
            shell.client.put(space, name, b"2", metadata={"mtime": text})
        up = ("cp", "-r", "t", f"uvideo://{space}/", "--json", "--update")
        assert deeds(inside(*up, "--dry-run")) == deeds(inside(*up)) == (2, 2)
        assert deeds(inside(*up)) == (0, 4)
        records = [check(line) for line in inside(*up).lines[:-1]]
        assert {each["reason"] for each in records} == {"newer"}
        assert {each.key: each.size for each in shell.client.list(space)} == {
            "older": 3,
            "same": 1,
            "newer": 1,
            "missing": 3,
        }
        assert deeds(inside("cp", "-r", f"uvideo://{space}/", "t", "--json", "-u")) == (1, 3)  # newer
        assert (shell.folder / "t" / "newer").read_text() == "2"
        between = ("cp", "-r", f"uvideo://{space}/", f"uvideo://{other}/", "--json", "-u")
        assert deeds(inside(*between)) == (4, 0) and deeds(inside(*between)) == (0, 4)

    def test_an_object_without_a_time_has_that_of_its_upload(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1")
        path = made(shell.folder / "a")
        assert deeds(inside("cp", "a", f"uvideo://{space}/", "--json", "-u")) == (0, 1)
        os.utime(path, ns=(TIME, TIME * 2))
        assert deeds(inside("mv", "a", f"uvideo://{space}/", "--json", "-u")) == (1, 0) and not path.exists()

    def test_the_same_size_is_skipped(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1", b="12")
        path = made(shell.folder / "t" / "a")
        made(shell.folder / "t" / "b")
        words = ("-r", "t", f"uvideo://{space}/", "--json", "--size-only")
        assert deeds(inside("mv", *words)) == (1, 1) and path.exists()
        assert shell.client.get(space, "a").data == b"1" and shell.client.get(space, "b").data == b"x"

    def test_without_knowing_the_target_nothing_is_replaced(self, shell: Shell) -> None:
        space = shell.space(a="1")
        made(shell.folder / "a", "2")
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("HeadObject", key="a").then(403, times=None)
            environ = {"UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}"}
            assert shell("cp", "a", f"uvideo://{space}/a", "-u", **environ).code == 3
        assert shell.client.get(space, "a").data == b"1"

    def test_they_are_two_ways(self, inside: Inside) -> None:
        done = inside("cp", "a", "uvideo://space/a", "-u", "--size-only")
        assert done.code == 2 and "--update and --size-only cannot be combined" in done.err

    @pytest.mark.parametrize("name", ["mtime", "Mtime"])
    def test_an_older_time_counts_where_etags_show_nothing(
        self, shell: Shell, inside: Inside, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        meta = {name: "5"}
        item = {"Key": "a", "Size": 1, "ETag": "odd", "MimeType": "", "LastModified": 1, "UserMeta": meta}
        path = made(shell.folder / "t" / "a", "x")
        down, up = ("sync", "uvideo://space/", "t"), ("sync", "t", "uvideo://space/")
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("ListObjects").answer(200, json={"Contents": [item], "IsTruncated": False}, times=None)
            monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{proxy.port}")
            for words, seconds, more, expected in (
                (down, 6, [], (1, 0)),  # the file of the object is older, so it is another one
                (down, 6, ["--no-times"], (0, 1)),
                (down, 5, [], (0, 1)),
                (up, 4, [], (1, 0)),
                (up, 5, [], (0, 1)),
            ):
                os.utime(path, ns=(seconds * 10**9, seconds * 10**9))
                done = inside(*words, "--json", "--dry-run", *more)
                assert done.code == 0, done.err
                assert deeds(done) == expected, (words, seconds, more)
