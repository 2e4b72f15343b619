"""doctor: what is wrong is said with what to do, and its output can be shown to anybody."""

from __future__ import annotations

import re
from typing import Any

import pytest

from test.cli.inside import Inside
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy


def checks(done: Done) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in done.records}


def failed(done: Done) -> set[str]:
    return {each["check"] for each in done.records if each["verdict"] == "failed"}


def test_a_good_set_up(shell: Shell) -> None:
    space = shell.space()
    done = shell("doctor", "--space", space)
    assert (done.code, done.err) == (0, "")
    assert [line[:9] for line in done.lines if not line.startswith(" ")] == ["ok       "] * 10
    assert f"public_key = ***{shell.server.public_key[-4:]} (UVIDEO_PUBLIC_KEY)" in done.out
    assert list(shell.client.list(space)) == []


def test_json(shell: Shell) -> None:
    done = shell("doctor", "--json", "--space", shell.space())
    assert {each["kind"] for each in done.records} == {"check"}
    assert {each["verdict"] for each in done.records} == {"ok"}


def test_a_wrong_private_key(shell: Shell) -> None:
    space = shell.space()
    done = shell("doctor", "--space", space, UVIDEO_PRIVATE_KEY="another-secret-key")
    assert done.code == 3
    assert "-> The private key does not belong to this public key" in done.out
    lines = [line.strip() for line in done.lines]
    at = lines.index(f"/{space}/")
    assert lines[at - 4] == "GET"
    assert "<private key>" in done.out
    assert "another-secret-key" not in done.out + done.err


@pytest.mark.parametrize(
    ("environ", "code", "check", "cause"),
    [
        ({"UVIDEO_PUBLIC_KEY": "not-a-known-key"}, 3, "management", "public-key"),
        ({"UVIDEO_PUBLIC_KEY": None, "UVIDEO_PRIVATE_KEY": None}, 3, "data", "keys-absent"),
        ({"UVIDEO_ENDPOINT": "127.0.0.1:1"}, 1, "upload.tcp", "connect-refused"),
        ({"UVIDEO_ENDPOINT": "no-such-host.invalid"}, 1, "upload.dns", "name"),
    ],
)
def test_what_fails_has_its_code_and_cause(
    shell: Shell, environ: dict[str, str | None], code: int, check: str, cause: str
) -> None:
    done = shell("doctor", "--json", "--space", shell.space(), UVIDEO_PROXY="", **environ)
    assert done.code == code
    assert cause in checks(done)[check]["causes"]
    assert checks(done)[check]["advice"]


def test_a_wrong_setting(shell: Shell) -> None:
    done = shell("doctor", "--json", UVIDEO_RETRIES="many")
    assert (done.code, failed(done)) == (1, {"settings"})


def test_a_file_that_others_can_read(shell: Shell) -> None:
    (shell.folder / "c.toml").write_text("[profiles.a]\nretries = 1\n")
    (shell.folder / "c.toml").chmod(0o644)
    done = shell("doctor", "--config", "c.toml")
    assert done.code == 0
    assert "others can read c.toml (mode 644)\n         -> chmod 600 c.toml" in done.out


def test_a_proxy_that_changes_bodies(shell: Shell) -> None:
    space = shell.space()
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        proxy.on("GetObject").flip(3)
        done = shell("doctor", "--space", space, UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
    assert done.code == 1
    assert "differs from the stored content" in done.out


def test_no_time_is_zero(shell: Shell) -> None:
    """This machine's clock and its answers differ by less than a second from nothing."""
    done = shell("doctor")
    assert "less than a second different from the service's" in done.out or "at most 1 s different" in done.out
    assert re.search(r"connection: 127\.0\.0\.1\S* answers in (less than a second|[1-9][0-9.]* s)", done.out), done.out


def test_in_chinese(shell: Shell) -> None:
    done = shell("doctor", UVIDEO_LANG="zh", UVIDEO_PUBLIC_KEY="not-a-known-key")
    assert done.code == 3
    assert "失败     列出空间: " in done.out and (
        "连接用时不到一秒" in done.out or re.search("连接用时 [1-9]", done.out)
    )
    assert "-> 服务端不认识该公钥" in done.out


class TestLink:
    def link(self, shell: Shell, *words: str) -> str:
        return shell("presign", *words, "uvideo://some-space/a/b.mp4").out.strip()

    def test_a_good_one(self, shell: Shell) -> None:
        url = self.link(shell, "--expires", "3d")
        done = shell("doctor", url)
        assert done.code == 0
        assert "opens uvideo://some-space/a/b.mp4" in done.out
        assert "2 d 23 h more" in done.out or "3 d 0 h more" in done.out
        assert "valid, for GET" in done.out and "by the clock of this machine it is valid until" in done.out
        signature = re.search("Signature=([^&]*)", url)
        assert signature is not None and signature[1] not in done.out

    def test_from_standard_input(self, shell: Shell) -> None:
        done = shell("doctor", "--json", "-", stdin=self.link(shell).encode() + b"\n")
        assert (done.code, failed(done)) == (0, set())

    def test_one_that_was_changed(self, shell: Shell) -> None:
        done = shell("doctor", self.link(shell).replace("b.mp4", "c.mp4"))
        assert done.code == 1
        assert "/some-space/a/c.mp4" in done.out
        assert "-> The link's path was changed" in done.out

    def test_without_keys_or_service(self, shell: Shell) -> None:
        url = self.link(shell)
        done = shell("doctor", url, UVIDEO_ENDPOINT="127.0.0.1:1", UVIDEO_PUBLIC_KEY=None, UVIDEO_PRIVATE_KEY=None)
        assert done.code == 0
        assert "skipped  its signature" in done.out

    def test_a_key_that_would_write_to_the_terminal(self, shell: Shell) -> None:
        done = shell("doctor", "http://127.0.0.1:9/some-space/%1b[31ma")
        assert "\x1b" not in done.out

    @pytest.mark.parametrize("words", [["no-url"], ["ftp://host/a"], ["http://h/a", "--space", "demo"]])
    def test_what_is_none_is_2(self, inside: Inside, words: list[str]) -> None:
        assert inside("doctor", *words).code == 2
