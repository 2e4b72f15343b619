"""Where settings come from, and what is said of wrong ones."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from uvideo.config.settings import FIELDS, Settings, load
from uvideo.errors import InvalidArgument


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "uvideo").mkdir()
    return tmp_path / "uvideo" / "config.toml"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def env(path: Path, **given: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(path.parents[1]), **given}


def test_an_argument_stands_above_the_environment_and_that_above_the_profile(config: Path) -> None:
    write(config, 'default_profile = "a"\n[profiles.a]\nretries = 1\npart_jobs = 1\ntimeout = 1\nexpires = 7\n')
    found = load(environ=env(config, UVIDEO_RETRIES="2", UVIDEO_PART_JOBS="2"), retries=3)
    assert (found.retries, found.part_jobs, found.timeout, found.expires) == (3, 2, 1.0, 7)
    assert found.connect_timeout == Settings().connect_timeout


def test_none_counts_as_not_given(config: Path) -> None:
    assert load(environ=env(config, UVIDEO_RETRIES="2"), retries=None).retries == 2


def test_an_unknown_argument_names_the_nearest_known_one() -> None:
    with pytest.raises(InvalidArgument, match="no option part_job; did you mean part_jobs"):
        load(environ={}, part_job=3)


def test_an_unknown_key_of_a_profile_names_the_file_and_the_nearest_known_one(config: Path) -> None:
    write(config, '[profiles.a]\nprivat_key = "x"\n')
    with pytest.raises(InvalidArgument, match=r"config\.toml: \[profiles\.a\] has no key privat_key; did you mean"):
        load(environ=env(config))


def test_an_unknown_profile_names_the_nearest_one(config: Path) -> None:
    write(config, '[profiles.home]\nprovider = "local"\n')
    with pytest.raises(InvalidArgument, match="no profile hom; did you mean home"):
        load("hom", environ=env(config))


def test_a_profile_without_file_is_an_error(config: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no configuration file"):
        load("home", environ=env(config))


def test_a_file_that_is_not_toml_is_an_error(config: Path) -> None:
    write(config, "provider: local")
    with pytest.raises(InvalidArgument, match="is not TOML"):
        load(environ=env(config))


def test_a_variable_near_a_setting_is_warned_of(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "uvideo"):
        load(environ=env(config, UVIDEO_ENDPOINTS="127.0.0.1:1", UVIDEO_SERVE_PORT="1", UVIDEO_TEST_ENDPOINT="x"))
    assert [record.getMessage() for record in caplog.records] == [
        "UVIDEO_ENDPOINTS is not a setting and has no effect; did you mean UVIDEO_ENDPOINT?"
    ]


def test_a_readable_private_key_in_the_file_is_warned_of(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(config, '[profiles.a]\npublic_key = "p"\nprivate_key = "s3cret"\n', 0o644)
    with caplog.at_level(logging.WARNING, "uvideo"):
        load("a", environ=env(config))
    assert "others can read it" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_vendors_variables_count_where_ours_are_absent(config: Path) -> None:
    vendor = {"UCLOUD_PUBLIC_KEY": "vp", "UCLOUD_PRIVATE_KEY": "vs"}
    assert load(environ=env(config, **vendor)).public_key == "vp"
    ours = load(environ=env(config, **vendor, UVIDEO_PUBLIC_KEY="p", UVIDEO_PRIVATE_KEY="s"))
    assert (ours.public_key, ours.private_key) == ("p", "s")


def test_one_key_without_the_other_is_an_error(config: Path) -> None:
    with pytest.raises(InvalidArgument, match="private_key is missing"):
        load(environ=env(config), public_key="p")


def test_a_bandwidth_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="bandwidth"):
        load(environ={"UVIDEO_BANDWIDTH": "9" * 400})


def test_no_secret_is_in_the_repr() -> None:
    secrets = {"security_token": "t0ken", "proxy": "http://u:pw@h", "client_key_password": "p4ss"}
    shown = repr(load(environ={}, public_key="p", private_key="s3cret", **secrets))
    assert not any(secret in shown for secret in ("s3cret", "t0ken", "pw", "p4ss"))


@pytest.mark.parametrize(
    ("text", "value"), [("10M", 10 << 20), ("1.5GiB", 3 << 29), ("4096", 4096), ("2k/s", 2048), ("1 MB", 1 << 20)]
)
def test_a_bandwidth_can_be_given_with_its_unit(text: str, value: int) -> None:
    assert load(environ={"UVIDEO_BANDWIDTH": text}).bandwidth == value


BAD = {
    "public_key": "with blank",
    "private_key": "",
    "security_token": 3,
    "provider": "aws",
    "endpoint": "not a host!",
    "download_endpoint": "ftp://host",
    "api_url": "not a url!",
    "region": 3,
    "word": "Other",
    "timeout": 0,
    "connect_timeout": "soon",
    "attempt_timeout": -1,
    "total_timeout": True,
    "retries": -1,
    "retry_budget": "x",
    "expires": 0,
    "part_jobs": 0,
    "bandwidth": "fast",
    "checksum": "perhaps",
    "multipart_threshold": 0,
    "ca_bundle": 3,
    "client_cert": 3,
    "client_key": 3,
    "client_key_password": "s3cret\n",
    "proxy": "ftp://us:pw@h",
    "pool_size": 0,
    "user_agent": "a\r\nb",
    "state_dir": 3,
    "space_parameter": "Name",
    "video_actions": "perhaps",
}


def test_a_bad_value_is_known_for_every_field() -> None:
    assert set(BAD) == set(FIELDS)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_an_error_that_names_the_setting(name: str) -> None:
    keys = {} if name in ("public_key", "private_key") else {"public_key": "p", "private_key": "s"}
    with pytest.raises(InvalidArgument, match=name):
        load(environ={}, **{**keys, name: BAD[name]})


EMPTY = sorted(set(FIELDS) - {"proxy"})  # whose empty value is "no proxy"


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_argument_is_refused_and_an_empty_variable_is_none(name: str) -> None:
    keys = {} if name in ("public_key", "private_key") else {"public_key": "p", "private_key": "s"}
    with pytest.raises(InvalidArgument, match=name):
        load(environ={"UVIDEO_ENDPOINT": "http://127.0.0.1:1"}, **{**keys, name: ""})
    assert load(environ={"UVIDEO_" + name.upper(): ""}) == load(environ={})


def test_a_profile_with_an_empty_endpoint_does_not_go_to_the_provider(config: Path) -> None:
    write(config, '[profiles.a]\nendpoint = ""\n')
    with pytest.raises(InvalidArgument, match="endpoint is empty: give a value, or leave it out"):
        load("a", environ=env(config))


def test_a_loopback_endpoint_takes_download_and_management_with_it() -> None:
    hosts = load(environ={}, endpoint="127.0.0.1:9000").hosts()
    assert (hosts.download, hosts.api) == (hosts.upload, "http://127.0.0.1:9000")
