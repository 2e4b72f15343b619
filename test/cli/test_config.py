"""config: profiles are kept, and a secret is neither shown, nor on a command line, nor in a file that others read."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.shell import Done, Shell
from uvideo.config.settings import load

SECRET = "s3cret-that-nobody-sees"


@pytest.fixture
def alone(shell: Shell) -> Shell:
    """Without keys and endpoint in the environment."""
    for name in ("ENDPOINT", "PUBLIC_KEY", "PRIVATE_KEY"):
        del shell.environ["UVIDEO_" + name]
    return shell


def path(shell: Shell) -> Path:
    return shell.home / ".config" / "uvideo" / "config.toml"


def write(shell: Shell, text: str) -> None:
    path(shell).parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path(shell).write_text(text)


def key_file(shell: Shell) -> str:
    """The server's own, or one like it where its pair is a setting, as of a gateway."""
    path = shell.server.dir / "credentials.json"
    if not path.exists():
        path = shell.home / "keys.json"
        path.write_text(json.dumps({"public_key": shell.server.public_key, "private_key": shell.server.private_key}))
        path.chmod(0o600)
    return str(path)


def init(run: Callable[..., Done], shell: Shell, *words: str) -> None:
    done = run("config", "init", "--provider", "local", "--endpoint", shell.server.host, *words)
    assert done.code == 0, done.err


class TestNothingConfigured:
    @pytest.mark.parametrize(
        "words",
        [
            ("ls",),
            ("cp", "a", "uvideo://demo/"),
            ("sync", ".", "uvideo://demo/"),
            ("cat", "uvideo://demo/a"),
            ("presign", "uvideo://demo/a"),
            ("transfers", "clean", "uvideo://demo"),
            ("run", "todo"),
        ],
        ids=lambda words: words[0],
    )
    def test_the_first_run_names_config_init_and_sends_nothing(self, alone: Shell, words: tuple[str, ...]) -> None:
        (alone.folder / "a").write_text("1")
        (alone.folder / "todo").write_text("ls\n")
        done = alone(*words, HTTPS_PROXY="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1")
        lines = [line.removeprefix("line 1: ") for line in done.err.splitlines()]
        assert done.code == (1 if words[0] == "run" else 3)
        assert lines[0] == "error: no keys are configured" and lines[1].startswith("  run uvideo config init")
        assert len(lines) == (3 if words[0] == "run" else 2), done.err

    def test_what_needs_no_keys_works(self, alone: Shell) -> None:
        assert alone("transfers", "ls").code == 0
        assert alone("etag", "-", stdin=b"1").code == 0
        (alone.folder / "todo").write_text("transfers ls\netag todo\n")
        assert alone("run", "todo").code == 0

    def test_public_objects_need_an_endpoint_only(self, alone: Shell) -> None:
        space = alone.space(a="1")
        alone.client.update_space(space, type="public")
        assert alone("cat", f"uvideo://{space}/a", "--endpoint", alone.server.host).out == "1"

    def test_profiles_without_a_default_are_named(self, alone: Shell) -> None:
        write(alone, '[profiles.home]\nendpoint = "127.0.0.1:1"\n[profiles.work]\nretries = 1\n')
        done = alone("ls")
        assert done.code == 2 and "--profile" in done.err and done.err.endswith("there are home, work\n")


def test_files_may_begin_with_a_byte_order_mark(alone: Shell) -> None:
    (alone.folder / "key").write_text("\ufeff" + SECRET, encoding="utf-8")
    write(alone, "\ufeff[profiles.default]\npublic_key = 'p'\n")
    assert alone("config", "set", "private_key", "--key-file", "key").code == 0
    assert load(environ={"UVIDEO_CONFIG": str(path(alone))}).private_key == SECRET


class TestInit:
    def test_a_key_file_makes_a_profile_that_works(self, alone: Shell) -> None:
        init(alone, alone, "--key-file", key_file(alone))
        assert alone("spaces").code == 0
        assert stat.S_IMODE(path(alone).stat().st_mode) == 0o600
        assert stat.S_IMODE(path(alone).parent.stat().st_mode) == 0o700
        assert load(environ={"UVIDEO_CONFIG": str(path(alone))}).private_key == alone.server.private_key

    def test_what_is_kept_comes_as_records(self, alone: Shell) -> None:
        words = ("--key-file", key_file(alone), "--no-check", "--json")
        found = alone("config", "init", "--provider", "local", "--endpoint", alone.server.host, *words).records
        kept = {each["name"]: (each["profile"], each["removed"]) for each in found if "removed" in each}
        assert kept == dict.fromkeys(("provider", "endpoint", "public_key", "private_key"), ("default", False))

    def test_a_new_user_answers_questions(self, alone: Shell, inside: Inside) -> None:
        done = alone.terminal(
            "config",
            "init",
            answers={
                "name of the profile [default]": "home",
                "provider (auto-ai, ucloud, us3, local) [auto-ai]": "local",
                "host and port of the server [127.0.0.1:9000]": alone.server.host,
                "public key": alone.server.public_key,
                "private key (not shown): ": alone.server.private_key,
            },
        )
        assert done.code == 0, done.out
        assert "the service accepts the keys" in done.out
        assert inside("spaces").code == 0

    def test_keys_that_are_refused_are_kept_only_if_wished(self, alone: Shell) -> None:
        words = ("config", "init", "--profile", "x", "--provider", "local", "--endpoint", alone.server.host)
        answers = {
            "public key": alone.server.public_key,
            "private key (not shown): ": SECRET,
            "anyway? [y/N]": "n",
        }
        done = alone.terminal(*words, answers=answers)
        assert (done.code, path(alone).exists()) == (1, False)
        assert SECRET not in done.out
        assert alone.terminal(*words, answers={**answers, "anyway? [y/N]": "y"}).code == 0
        assert "profiles.x" in path(alone).read_text()

    def test_without_a_terminal_keys_that_are_refused_are_an_error(self, alone: Shell) -> None:
        done = alone(
            *("config", "init", "--provider", "local", "--endpoint", alone.server.host),
            *("--public-key", alone.server.public_key, "--key-file", "-"),
            stdin=SECRET.encode(),
        )
        assert (done.code, path(alone).exists()) == (3, False)
        assert SECRET not in done.err

    def test_without_check_nobody_is_asked(self, alone: Shell) -> None:
        done = alone(
            *("config", "init", "--no-check", "--endpoint", "127.0.0.1:1", "--public-key", "pub", "--key-file", "-"),
            stdin=SECRET.encode() + b"\n",
        )
        assert done.code == 0
        assert load(environ={"UVIDEO_CONFIG": str(path(alone))}).private_key == SECRET

    def test_keys_are_tried_by_the_certificates_of_the_environment(self, alone: Shell) -> None:
        words = ("config", "init", "--provider", "local", "--endpoint", f"https://{alone.server.host}")
        done = alone(*words, "--key-file", key_file(alone), UVIDEO_CA_BUNDLE="/no/such.pem")
        assert (done.code, path(alone).exists()) == (2, False)
        assert "/no/such.pem" in done.err
        assert done.err.endswith("nothing was saved; --no-check saves a profile without this test\n")

    def test_another_profile_does_not_count_when_keys_are_tried(self, alone: Shell, inside: Inside) -> None:
        write(alone, 'default_profile = "a"\n[profiles.a]\napi_url = "http://127.0.0.1:1"\nretrys = 1\n')
        init(inside, alone, "--key-file", key_file(alone), "--profile", "b")
        assert inside("config", "ls").lines == ["* a", "  b"]

    def test_a_profile_is_replaced_only_if_wished(self, alone: Shell, inside: Inside) -> None:
        init(inside, alone, "--key-file", key_file(alone))
        before = path(alone).read_text()
        again = (
            "config",
            "init",
            "--provider",
            "local",
            "--endpoint",
            alone.server.host,
            "--key-file",
            key_file(alone),
        )
        assert inside(*again).code == 2
        assert path(alone).read_text() == before
        assert inside(*again, "--yes").code == 0

    @pytest.mark.parametrize("content", [b"", b"{}", b'{"public_key": "p"}', b"one\ntwo", b"\xff\xfe", b"x" * 70000])
    def test_a_key_file_that_is_none_is_said(self, alone: Shell, content: bytes) -> None:
        done = alone("config", "init", "--public-key", "p", "--no-check", "--key-file", "-", stdin=content)
        assert (done.code, path(alone).exists()) == (2, False)

    def test_a_key_file_that_is_absent_is_4(self, alone: Shell, inside: Inside) -> None:
        assert inside("config", "init", "--key-file", "none.json").code == 4


class TestSet:
    def test_settings_of_a_profile(self, alone: Shell) -> None:
        assert alone("config", "set", "retries", "8", "--profile", "home").out == "home: retries = 8\n"
        assert alone("config", "set", "checksum", "no", "--profile", "home").code == 0
        assert alone("config", "use", "home").out == "home is now the default\n"
        assert alone("config", "show").lines == ["home: retries = 8", "home: checksum = false"]
        assert alone("config", "unset", "retries").out == "home: retries is removed\n"
        assert alone("config", "show", "home").lines == ["home: checksum = false"]
        assert alone("config", "ls").lines == ["* home"]

    def test_a_private_key_is_typed(self, alone: Shell) -> None:
        done = alone.terminal("config", "set", "private_key", answers={"private_key: ": SECRET})
        assert done.code == 0
        assert SECRET not in done.out
        assert SECRET in path(alone).read_text()
        assert stat.S_IMODE(path(alone).stat().st_mode) == 0o600

    @pytest.mark.parametrize("name", ["private_key", "security_token", "client_key_password"])
    def test_a_secret_comes_from_a_file(self, alone: Shell, inside: Inside, name: str) -> None:
        (alone.folder / "key.txt").write_text(SECRET + "\n")
        assert inside("config", "set", name, "--key-file", "key.txt").out == f"default: {name} = ***\n"
        assert alone("config", "set", name, "--key-file", "-", stdin=SECRET.encode()).code == 0
        assert f'{name} = "{SECRET}"' in path(alone).read_text()

    def test_one_key_of_json(self, alone: Shell, inside: Inside) -> None:
        assert inside("config", "set", "private_key", "--key-file", key_file(alone)).code == 0
        assert alone.server.private_key in path(alone).read_text()

    @pytest.mark.parametrize("name", ["private_key", "security_token", "client_key_password", "proxy"])
    def test_a_secret_on_the_command_line_is_refused(self, alone: Shell, inside: Inside, name: str) -> None:
        value = f"http://user:{SECRET}@host" if name == "proxy" else SECRET
        done = inside("config", "set", name, value)
        assert (done.code, path(alone).exists()) == (2, False)
        assert SECRET not in done.err + done.out
        assert "--key-file" in done.err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["privat_key", "x"], "did you mean private_key"),
            (["retries", "many"], "whole number"),
            (["retries"], "--key-file"),
            (["retries", "1", "--key-file", "-"], "not both"),
            (["retries", "1", "--profile", "a b"], "not a valid name of a profile"),
        ],
    )
    def test_what_cannot_be_is_2(self, alone: Shell, inside: Inside, words: list[str], said: str) -> None:
        done = inside("config", "set", *words)
        assert (done.code, path(alone).exists()) == (2, False)
        assert said in done.err

    def test_comments_stay(self, alone: Shell, inside: Inside) -> None:
        write(alone, "# mine\n[profiles.a]\nretries = 1  # few\n")
        assert inside("config", "set", "part_jobs", "2", "--profile", "a").code == 0
        assert path(alone).read_text() == "# mine\n[profiles.a]\nretries = 1  # few\npart_jobs = 2\n"

    def test_another_file(self, alone: Shell, inside: Inside) -> None:
        assert inside("--config", "other.toml", "config", "set", "retries", "1").code == 0
        assert "retries = 1" in (alone.folder / "other.toml").read_text()
        assert not path(alone).exists()

    def test_a_file_that_cannot_be_written_is_said(self, alone: Shell, inside: Inside) -> None:
        (alone.folder / "file").write_text("")
        done = inside("--config", "file/config.toml", "config", "set", "retries", "1")
        assert (done.code, done.err) == (2, "error: file/config.toml cannot be read: Not a directory\n")
        done = inside("--config", "/proc/none/config.toml", "config", "set", "retries", "1")
        assert (done.code, "cannot be changed" in done.err) == (4, True)


class TestShown:
    def test_keys_are_masked(self, alone: Shell, inside: Inside) -> None:
        write(
            alone,
            f'[profiles.a]\npublic_key = "PUBLIC-{SECRET}"\nprivate_key = "{SECRET}"\nsecurity_token = "{SECRET}"\n'
            f'proxy = "http://me:{SECRET}@proxy:80"\nclient_key_password = "{SECRET}"\n',
        )
        path(alone).chmod(0o600)
        for words in (("config", "show", "a"), ("config", "ls", "--json"), ("config", "show", "a", "--json")):
            done = inside(*words)
            assert done.code == 0
            assert SECRET not in done.out + done.err
            assert f"***{SECRET[-4:]}" in done.out
            assert "***@proxy:80" in done.out

    def test_a_misspelt_key_in_the_file_can_be_seen_and_removed(self, alone: Shell, inside: Inside) -> None:
        write(alone, "[profiles.a]\nretrys = 1\n")
        done = inside("spaces", "--profile", "a")
        assert (done.code, "did you mean retries" in done.err) == (2, True)
        assert inside("config", "show", "a").lines == ["a: retrys = 1"]
        assert inside("config", "unset", "retrys", "--profile", "a").code == 0
        assert inside("config", "show", "a").out == ""

    def test_profiles_that_are_absent(self, alone: Shell, inside: Inside) -> None:
        assert "uvideo config init" in inside("config", "show").err
        write(alone, "[profiles.a]\n[profiles.b]\n")
        for words in (("show", "c"), ("use", "c"), ("rm", "c"), ("unset", "retries", "--profile", "c")):
            done = inside("config", *words)
            assert (done.code, "there are a, b" in done.err) == (2, True), words

    def test_a_profile_is_removed(self, alone: Shell, inside: Inside) -> None:
        write(alone, 'default_profile = "a"\n[profiles.a]\nretries = 1\n')
        assert inside("config", "rm", "a").code == 2
        done = alone.terminal("config", "rm", "a", answers={"[y/N]": "n"})
        assert (done.code, "profiles.a" in path(alone).read_text()) == (1, True)
        assert inside("config", "rm", "-y", "a").code == 0
        assert inside("config", "ls").out == ""

    def test_the_path(self, alone: Shell) -> None:
        assert alone("config", "path").out == f"{path(alone)}\n"
        assert alone("config", "path", "--json").records[0]["exists"] is False
        assert alone("config", "path", "--config", "x.toml").out == "x.toml\n"


def test_an_interrupted_question_changes_nothing(alone: Shell) -> None:
    done = alone.terminal("config", "set", "private_key", answers={"private_key: ": "\x04"})
    assert (done.code, path(alone).exists()) == (130, False)
