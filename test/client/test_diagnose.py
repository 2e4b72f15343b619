"""A set-up is checked step by step, what is wrong is named, and no secret is in what is said of it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.sdk.peer import PEM
from test.sdk.test_trust import ENCRYPTED
from test.server_fixture import Server, start_server
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import Client
from uvideo.cli.doctor_text import advice
from uvideo.client import operations
from uvideo.diagnose.checks import examine
from uvideo.diagnose.explain_refusal import refused
from uvideo.errors import NoAnswer, SignatureMismatch
from uvideo.models import Finding

STEPS = ["config", "settings", "keys", "upload.dns", "upload.tcp", "upload.tls", "clock", "management", "data"]


def options(server: Server, **given: Any) -> dict[str, Any]:
    return {"endpoint": server.host, "public_key": server.public_key, "private_key": server.private_key, **given}


def found(given: dict[str, Any], space: str | None = None, **more: Any) -> dict[str, Finding]:
    """{check: Finding}; no secret is in any."""
    every = list(examine(space=space, options=given, **more))
    said = repr(every)
    for name in ("private_key", "public_key", "security_token"):
        assert not given.get(name) or str(given[name]) not in said, name
    return {each.check: each for each in every}


def test_a_good_set_up_is_all_well(server: Server, space: str, client: Client) -> None:
    every = found(options(server), space)
    assert list(every) == [*STEPS, "round-trip"]
    assert [each for each in every.values() if each.verdict != "ok"] == []
    assert every["upload.dns"].facts["for"] == ["upload", "download", "api"]
    assert list(client.list(space)) == []


def test_without_a_space_nothing_is_stored(server: Server, proxy: FaultProxy, space: str) -> None:
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"))
    assert (every["data"].code, every["round-trip"].code) == ("listed", "no-space-given")
    assert {seen.method for seen in proxy.log()} <= {"GET"}


def test_a_wrong_private_key_shows_what_was_signed(server: Server, space: str) -> None:
    every = found(options(server, private_key="some-other-key"), space)
    public = re.escape(f"***{server.public_key[-4:]}")
    for check, text in (
        ("management", rf"ActionDescribeBucketExpires\d+Limit100Offset0PublicKey{public}<private key>"),
        ("data", f"GET\n\n\n\n/{space}/"),
    ):
        assert every[check].facts["error"] == "SignatureMismatch"
        assert re.fullmatch(text, every[check].facts["text_to_sign"])
        assert every[check].causes[0] == "server-private-key"
        assert "credentials.json" in advice(every[check])[0]
        assert "word" not in every[check].causes
    assert "round-trip" not in every


def test_only_an_account_without_spaces_has_none_yet(server: Server, proxy: FaultProxy) -> None:
    wrong = found(options(server, private_key="some-other-key"))
    assert (wrong["data"].verdict, wrong["data"].code) == ("skipped", "spaces-unknown")
    proxy.on("DescribeSpace").cut_after(times=None)
    broke = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"))
    assert (broke["management"].verdict, broke["data"].code) == ("failed", "spaces-unknown")
    proxy.reset()
    proxy.on("DescribeSpace").answer(200, json={"RetCode": 0, "Action": "DescribeBucketResponse", "DataSet": []})
    assert found(options(server, endpoint=f"127.0.0.1:{proxy.port}"))["data"].code == "no-space"


def test_a_blank_in_the_private_key_is_seen(server: Server, space: str) -> None:
    every = found(options(server, private_key=server.private_key + " "), space)
    assert every["keys"].code == "keys-blanks"
    assert every["data"].causes[:2] == ("private-key-blanks", "server-private-key")


def test_where_management_takes_the_key_it_is_not_blamed(server: Server, proxy: FaultProxy, space: str) -> None:
    proxy.on("ListObjects").answer(401, json={"RetCode": -148658, "ErrMsg": "invalid signature"})
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    assert every["management"].verdict == "ok"
    assert every["data"].causes == ("host", "changed-on-the-way")


def test_at_a_provider_the_console_has_the_keys_and_the_word_may_be_another() -> None:
    with Client("account-key", "secret") as client, Client("account-key", "secret", provider="local") as own:
        for asked, data, managed in (
            (client, ("private-key", "word", "host", "changed-on-the-way"), ("private-key", "changed-on-the-way")),
            (own, ("server-private-key", "host", "changed-on-the-way"), ("server-private-key", "changed-on-the-way")),
        ):
            carrier = carrier_of(asked)
            error = SignatureMismatch("invalid signature")
            assert (
                refused("data", error, carrier, operations.list_objects("films", "", "", "", 1).operation).causes
                == data
            )
            assert refused("management", error, carrier, action=operations.list_spaces("").operation).causes == managed


ENDED = ("temporary-ended", "server-private-key", "host", "changed-on-the-way")


@pytest.mark.parametrize(
    ("given", "check", "causes"),
    [
        ({"public_key": "nobody-here"}, "management", ("public-key", "other-service")),
        ({"public_key": "TOKEN_nobody-here"}, "management", ("token-gone", "token-on-management")),
        ({"public_key": "TOKEN_nobody-here"}, "data", ("token-gone", "other-service")),
        ({"public_key": "STS_x", "security_token": "gone-long-ago"}, "data", ENDED),
        ({"public_key": None, "private_key": None}, "data", ("keys-absent",)),
    ],
)
def test_a_key_that_is_refused_has_its_causes(
    server: Server, space: str, given: dict[str, Any], check: str, causes: tuple[str, ...]
) -> None:
    assert found(options(server, **given), space)[check].causes == causes


def test_a_token_may_not_manage_and_only_what_it_was_made_for(server: Server, client: Client, space: str) -> None:
    token = client.create_token("t", ops=["TOKEN_ALLOW_LIST"], prefixes=["*"], spaces=[space])
    assert token.private_key is not None
    every = found(options(server, public_key=token.public_key, private_key=token.private_key), space)
    assert every["management"].causes == ("token-on-management",)
    assert every["data"].verdict == "ok"
    trip = every["round-trip"]
    assert (trip.facts["step"], trip.causes) == ("put", ("token-limits", "foreign-space"))


def test_a_host_that_nobody_named_is_told_and_the_rest_is_looked_at(server: Server, space: str) -> None:
    every = found(options(server, endpoint=f"https://{server.host}", download_endpoint="down.example.com"))
    assert "api.host" not in every  # an endpoint on loopback is a server's own
    every = found(options(server, endpoint=".spaces.invalid"))
    assert (every["api.host"].verdict, every["api.host"].code) == ("warning", "host-missing")
    assert "set api_url" in str(every["api.host"].facts["message"])
    every = found(options(server, endpoint=None, api_url="https://manage.example.com"))
    assert (every["upload.host"].verdict, every["upload.host"].code) == ("failed", "host-missing")
    assert "set endpoint too" in str(every["upload.host"].facts["message"])


def test_a_proxy_that_was_chosen_counts_for_this_machine_too(server: Server) -> None:
    every = found(options(server, proxy="http://127.0.0.1:9"))
    assert (every["upload.tcp"].code, every["upload.tcp"].causes) == ("proxy-refused", ("proxy-refused",))
    with Client(**options(server, proxy="http://127.0.0.1:9", retries=0)) as client:
        with pytest.raises(NoAnswer, match="the proxy 127.0.0.1:9 accepts no connection: Connection refused"):
            client.get("films", "a")


@pytest.mark.parametrize(
    ("endpoint", "host"), [("10.1.2.3:9", "10.1.2.3:9"), ("11.1.2.3:9", "127.0.0.1:9"), ("127.0.0.1:1", "127.0.0.1:1")]
)
def test_the_environments_proxy_is_that_of_the_client(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str
) -> None:
    for name, value in (("http_proxy", "http://127.0.0.1:9"), ("no_proxy", "10.0.0.0/8")):
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.upper(), raising=False)
    given = {"endpoint": endpoint, "public_key": "p", "private_key": "s"}
    finding = next(each for each in examine(options=given) if each.check == "upload.dns")
    assert finding.facts["host"] == host
    with Client(**given) as client:
        proxy = carrier_of(client).transport.route(f"http://{endpoint}").proxy
        assert (f"{proxy.name}:{proxy.port}" if proxy else endpoint) == host


def test_a_space_that_is_absent_is_named(server: Server) -> None:
    every = found(options(server), "no-such-space")
    assert every["data"].causes == ("space-name", "other-region")


@pytest.mark.parametrize(
    ("ahead", "verdict", "code"),
    [(100, "warning", "clock-ahead"), (-100, "warning", "clock-behind"), (-4000, "failed", "clock-behind")],
)
def test_a_clock_that_is_off_is_told(server: Server, ahead: int, verdict: str, code: str) -> None:
    every = found(options(server), clock=lambda: time.time() + ahead)
    assert (every["clock"].verdict, every["clock"].code) == (verdict, code)
    assert abs(int(str(every["clock"].facts["seconds"])) - abs(ahead)) <= 2


def test_a_changed_body_fails_the_round_trip(server: Server, proxy: FaultProxy, space: str, client: Client) -> None:
    proxy.on("GetObject").flip(3)
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    assert every["round-trip"].code == "content-differs"
    assert list(client.list(space)) == []


def test_an_object_that_cannot_be_removed_is_named(server: Server, proxy: FaultProxy, space: str) -> None:
    proxy.on("DeleteObject").then(403)
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    assert every["round-trip"].code == "scratch-left"
    assert str(every["round-trip"].facts["left"]).startswith(".uvideo-doctor/")


def test_a_read_that_is_refused_leaves_nothing(server: Server, proxy: FaultProxy, space: str, client: Client) -> None:
    proxy.on("GetObject").then(403)
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    assert every["round-trip"].facts["step"] == "get"
    assert list(client.list(space)) == []


def test_a_download_shows_the_text_of_its_signed_url(server: Server, proxy: FaultProxy, space: str) -> None:
    proxy.on("GetObject").answer(401, json={"RetCode": -148658, "ErrMsg": "invalid signature"})
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    text = str(every["round-trip"].facts["text_to_sign"])
    assert re.fullmatch(rf"GET\n\n\n\d{{10}}\n/{space}/\.uvideo-doctor/[0-9a-f]{{16}}", text)


def test_a_portal_is_no_service(server: Server, proxy: FaultProxy, space: str) -> None:
    proxy.on("ListObjects").answer(200, body="<html>log in</html>", times=None)
    proxy.on("DescribeSpace").answer(200, body="<html>log in</html>", times=None)
    every = found(options(server, endpoint=f"127.0.0.1:{proxy.port}"), space)
    assert every["data"].causes == every["management"].causes == ("page",)
    assert every["data"].facts["reason"] == '"log in"'


def test_a_port_where_nobody_listens_ends_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    every = found({"endpoint": f"127.0.0.1:{port}"})
    assert list(every)[-1] == "upload.tcp"
    assert every["upload.tcp"].causes == ("connect-refused",)


def test_a_name_that_does_not_resolve_ends_it() -> None:
    every = found({"endpoint": "no-such-host.invalid", "proxy": ""})
    assert every["upload.dns"].code == "name"
    assert list(every)[-1] == "upload.dns"


@pytest.mark.parametrize(
    ("endpoint", "proxy", "check", "cause"),
    [
        ("127.0.0.1:99999", "", "upload.dns", "address"),
        (f"{'a' * 64}.example", "", "upload.dns", "address"),
        ("some-host.invalid", "127.0.0.1:1", "upload.tcp", "proxy-refused"),
        ("some-host.invalid", "http://me:s3cret@no-such-proxy.invalid:80/", "upload.dns", "proxy-name"),
    ],
)
def test_a_host_or_proxy_that_cannot_be_is_named(endpoint: str, proxy: str, check: str, cause: str) -> None:
    every = found({"endpoint": endpoint, "proxy": proxy})
    assert every[check].causes == (cause,)
    assert "s3cret" not in repr(every)


def test_a_proxy_that_is_none_is_a_bad_setting() -> None:
    every = found({"endpoint": "some-host.invalid", "proxy": "me:s3cret@127.0.0.1:99999"})
    assert every["settings"].code == "settings-bad"
    assert "the URL of a proxy is" in str(every["settings"].facts) and "s3cret" not in repr(every)


def test_a_certificate_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        capture_output=True,
        check=True,
    )
    with start_server(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync") as server:
        given = options(server, endpoint=server.endpoint)
        assert found(given)["upload.tls"].causes == ("certificate-self-signed",)
        for wrong, reason in (
            ({"client_cert": PEM, "client_key": ENCRYPTED}, "is encrypted: set client_key_password"),
            ({"ca_bundle": "/nowhere"}, "no file or folder of certificates /nowhere"),
        ):
            finding = found({**given, **wrong})["upload.tls"]
            assert (finding.code, finding.causes) == ("tls-failed", ("client-cert",))
            assert reason in str(finding.facts["reason"])
        every = found({**given, "ca_bundle": str(cert)})
        assert every["upload.tls"].code == "tls-ends"
        assert every["management"].verdict == "ok"
        plain = found(options(server, endpoint=server.host))
        assert (plain["clock"].facts["error"], plain["clock"].causes) == ("NoAnswer", ("broken-http",))


CONFIGS = [
    ('[profiles.a]\nprivate_key = "s3cret"\n', 0o644, "config.permissions", "config-open"),
    ("[profiles.a]\nretries = 1\n", 0o600, "config.permissions", "config-closed"),
    ("provider: local", 0o600, "config", "config-bad"),
    ('[profiles.a]\nretries = "many"\n', 0o600, "settings", "settings-bad"),
]


@pytest.mark.parametrize(("content", "mode", "check", "code"), CONFIGS)
def test_the_configuration_is_looked_at(tmp_path: Path, content: str, mode: int, check: str, code: str) -> None:
    path = tmp_path / "config" / "uvideo" / "config.toml"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text('default_profile = "a"\n' + content if content[0] == "[" else content)
    path.chmod(mode)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    given = {"public_key": "p", "private_key": "s3cret-too", "endpoint": f"127.0.0.1:{port}"}
    every = list(examine(options=given))
    assert {each.check: each for each in every}[check].code == code
    assert "s3cret" not in repr(every)


def test_each_setting_says_where_it_is_from(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "config" / "uvideo" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[profiles.a]\nretries = 1\n")
    monkeypatch.setenv("UVIDEO_TIMEOUT", "7")
    every = {each.check: each for each in examine("a", options=options(server))}
    shown: Any = every["settings"].facts["settings"]
    assert {name: each["from"] for name, each in shown.items()} == {
        "retries": "profile a",
        "timeout": "UVIDEO_TIMEOUT",
        **dict.fromkeys(("endpoint", "public_key", "private_key"), "argument"),
    }
    assert shown["public_key"]["value"] == "***" + server.public_key[-4:]
    assert shown["private_key"]["value"] == "***"
