"""presign, restore and set."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell
from test.fakes import FaultProxy
from test.server_fixture import start_server
from uvideo.cli.address import Remote
from uvideo.cli.change import is_settled
from uvideo.cli.context import Context
from uvideo.client.operations import is_readable


class TestPresign:
    def test_a_link_reads(self, shell: Shell) -> None:
        space = shell.space(a__b="content")
        url = shell("presign", f"uvideo://{space}/a/b").out.strip()
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"content"

    def test_a_link_of_a_pattern(self, shell: Shell) -> None:
        space = shell.space(a="x", b="y")
        found = shell("presign", "--json", f"uvideo://{space}/*").records
        assert [(each["key"], each["method"]) for each in found] == [("a", "GET"), ("b", "GET")]

    def test_a_name_for_the_browser(self, shell: Shell) -> None:
        space = shell.space(a="x")
        url = shell("presign", "--filename", "film.mp4", f"uvideo://{space}/a").out.strip()
        with urllib.request.urlopen(url) as answer:
            assert "film.mp4" in answer.headers["Content-Disposition"]

    def test_a_link_stores(self, shell: Shell) -> None:
        space = shell.space()
        url = shell("presign", "--method", "put", "--mime", "text/plain", f"uvideo://{space}/n").out.strip()
        asked = urllib.request.Request(url, b"stored", {"Content-Type": "text/plain"}, method="PUT")
        with urllib.request.urlopen(asked) as answer:
            assert answer.status == 200
        assert shell.client.get(space, "n").data == b"stored"

    def test_it_lasts_as_long_as_asked(self, shell: Shell) -> None:
        record = shell("presign", "--json", "--expires", "7d", "uvideo://some-space/a").records[0]
        ends = datetime.fromisoformat(record["expires"].replace("Z", "+00:00"))
        assert f"Expires={int(ends.timestamp())}&" in record["url"]
        assert 604790 <= (ends - datetime.now(timezone.utc)).total_seconds() <= 604800

    @pytest.mark.parametrize(
        "words",
        [
            ["--expires", "soon", "uvideo://some-space/a"],
            ["--expires", "0", "uvideo://some-space/a"],
            ["--method", "DELETE", "uvideo://some-space/a"],
            ["--method", "PUT", "--filename", "x", "uvideo://some-space/a"],
            ["--mime", "text/plain", "uvideo://some-space/a"],
            ["uvideo://some-space"],
            ["some-space/a"],
        ],
    )
    def test_what_cannot_be_is_2(self, inside: Inside, words: list[str]) -> None:
        assert inside("presign", *words).code == 2

    def test_without_keys_it_is_3(self, shell: Shell) -> None:
        assert shell("presign", "uvideo://some-space/a", UVIDEO_PUBLIC_KEY=None, UVIDEO_PRIVATE_KEY=None).code == 3


class TestSet:
    def test_class_type_and_tags(self, shell: Shell) -> None:
        space = shell.space(a="x")
        done = shell(
            "set", "--class", "IA", "--mime", "text/markdown", "--tag", "a=1", "--tag", "b=x=y", f"uvideo://{space}/a"
        )
        assert (done.code, done.out) == (0, f"changed uvideo://{space}/a\n")
        found = shell.client.stat(space, "a")
        assert (found.storage_class, found.mime) == ("IA", "text/markdown")
        assert shell.client.get_tags(space, "a") == {"a": "1", "b": "x=y"}
        assert shell("set", "--no-tags", f"uvideo://{space}/a").code == 0
        assert shell.client.get_tags(space, "a") == {}

    def test_a_pattern_and_a_dry_run(self, shell: Shell) -> None:
        space = shell.space(a="x", b="y")
        done = shell("set", "--dry-run", "--mime", "text/x", f"uvideo://{space}/*")
        assert done.lines == [f"would be changed: uvideo://{space}/{key}" for key in "ab"]
        assert shell.client.stat(space, "a").mime != "text/x"

    def test_a_dearer_class_is_refused(self, shell: Shell) -> None:
        space = shell.space(a="x")
        shell.client.set_class(space, "a", "IA")
        assert shell("set", "--class", "STANDARD", f"uvideo://{space}/a").code in (1, 3)

    @pytest.mark.parametrize("words", [[], ["--tag", "x"], ["--tag", "a=b", "--no-tags"], ["--class", "COLD"]])
    def test_what_cannot_be_is_2(self, inside: Inside, words: list[str]) -> None:
        assert inside("set", *words, "uvideo://some-space/a").code == 2

    def test_one_that_is_absent_is_4(self, shell: Shell) -> None:
        space = shell.space()
        assert shell("set", "--mime", "text/x", f"uvideo://{space}/none").code == 4
        assert shell("set", "--mime", "text/x", f"uvideo://{space}/*").code == 4


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Where restoring takes an hour."""
    with start_server(tmp_path_factory.mktemp("slow"), "--no-fsync", "--restore-seconds", "3600") as server:
        yield Shell(server, tmp_path_factory.mktemp("shell"))


class TestRestore:
    def archived(self, shell: Shell, *keys: str) -> str:
        space = shell.space()
        for key in keys:
            shell.client.put(space, key, b"x", storage_class="ARCHIVE")
        return space

    def test_it_can_be_read_then(self, shell: Shell) -> None:
        space = self.archived(shell, "a", "b")
        done = shell("restore", "--tier", "expedited", "--wait", f"uvideo://{space}/*")
        assert (done.code, done.lines) == (0, [f"can be read: uvideo://{space}/{key}" for key in "ab"])
        assert shell.client.get(space, "a").data == b"x"

    def test_a_dry_run_restores_nothing(self, shell: Shell) -> None:
        space = self.archived(shell, "a")
        assert shell("restore", "--dry-run", f"uvideo://{space}/a").out == f"would be restored: uvideo://{space}/a\n"
        assert shell.client.stat(space, "a").restore is None

    def test_without_waiting_it_says_that_it_goes_on(self, slow: Shell) -> None:
        space = self.archived(slow, "a")
        assert slow("restore", f"uvideo://{space}/a").out == f"is being restored: uvideo://{space}/a\n"

    def test_waiting_ends(self, slow: Shell) -> None:
        space = self.archived(slow, "a")
        done = slow("restore", "--wait", "--timeout", "150ms", "--every", "40ms", f"uvideo://{space}/a")
        assert done.code == 1
        assert "cannot be read yet" in done.err

    def test_waiting_outlasts_a_service_that_is_away(self, slow: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        space = self.archived(slow, "a")
        for name, value in {**slow.environ, "UVIDEO_RETRIES": "0"}.items():
            monkeypatch.setenv(name, value)
        context = Context()
        with FaultProxy("127.0.0.1", slow.server.port) as proxy:
            context.endpoint = f"127.0.0.1:{proxy.port}"
            proxy.on("HeadObject").then(503)
            assert not is_settled(context, Remote(space, "a"))
            assert context.report.failed == 0
            assert is_settled(context, Remote(space, "none"))
            assert context.report.failed == 1
        context.close()

    def test_what_is_not_archived_is_refused(self, shell: Shell) -> None:
        space = shell.space(a="x")
        assert shell("restore", f"uvideo://{space}/a").code == 1
        assert shell("restore", f"uvideo://{space}/none").code == 4


@pytest.mark.parametrize(
    ("said", "readable"),
    [
        (None, False),
        ("Frozen", False),
        ("Restoring", False),
        ("Restored", True),
        ('ongoing-request="true"', False),
        ('ongoing-request="false", expiry-date="Fri, 01 Jan 2027 00:00:00 GMT"', True),
    ],
)
def test_what_the_service_says_of_an_archived_object(said: str | None, readable: bool) -> None:
    assert is_readable(said) is readable
