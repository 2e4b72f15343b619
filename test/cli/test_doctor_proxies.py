"""doctor behind proxies that really pass bytes on, or refuse: each fault is told once, with where to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from test.cli.shell import Done, Shell
from test.ports import free_ports
from test.sdk.httpproxy import HttpProxy
from test.sdk.peer import PEM
from test.sdk.socksserver import SocksServer
from test.server_fixture import Server, start_server
from uvideo import Client

NAME = "service.test"  # it resolves nowhere: who reaches it went through the proxy
SPACE = "films"
ACCOUNT = (b"us:er", b"p@ss")
ESCAPED = "us%3Aer:p%40ss@"
STEPS = ["upload.dns", "upload.tcp", "upload.tls", "clock", "management", "data", "round-trip"]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """By scheme: a server that has the space."""
    folder = tmp_path_factory.mktemp("services")
    keys = ("--hostname", NAME, "--no-fsync", "--public-key", "somebody", "--private-key", "a private key of tests")
    with (
        start_server(folder / "http", *keys) as plain,
        start_server(folder / "https", *keys, "--tls-cert", PEM, "--tls-key", PEM) as secure,
    ):
        found = {"http": plain, "https": secure}
        for scheme, server in found.items():
            with Client(
                server.public_key, server.private_key, endpoint=f"{scheme}://localhost:{server.port}", ca_bundle=PEM
            ) as client:
                client.create_space(SPACE)
        yield found


Examine = Callable[..., Done]


@pytest.fixture
def examine(shell: Shell, services: dict[str, Server]) -> Examine:
    """Run doctor for the service of a scheme."""

    def run(scheme: str, *words: str, **environ: str | None) -> Done:
        server = services[scheme]
        given: dict[str, str | None] = {
            "UVIDEO_ENDPOINT": f"{scheme}://{NAME}",
            "UVIDEO_PUBLIC_KEY": server.public_key,
            "UVIDEO_PRIVATE_KEY": server.private_key,
            "UVIDEO_CA_BUNDLE": PEM,
        }
        done = shell("doctor", "--space", SPACE, *words, **{**given, **environ})
        for secret in (server.private_key, "p%40ss", "p@ss"):
            assert secret not in done.out + done.err
        return done

    return run


def verdicts(done: Done) -> dict[str, str]:
    return {each["check"]: each["verdict"] for each in done.records if each["check"] in STEPS}


def first_failure(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in done.records if each["verdict"] == "failed")
    return found


SCHEMES = ("http", "https")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", ["http", "http with an account", "socks5h"])
def test_a_proxy_that_passes_everything_on(
    examine: Examine, services: dict[str, Server], scheme: str, kind: str
) -> None:
    to = services[scheme].port
    proxy: Any = SocksServer(to) if kind == "socks5h" else HttpProxy(to, ACCOUNT if "account" in kind else None)
    with closing(proxy):
        account = ESCAPED if "account" in kind else ""
        done = examine(scheme, "--json", UVIDEO_PROXY=f"{kind.split()[0]}://{account}{proxy.host}")
    expected = dict.fromkeys(STEPS, "ok") | ({"upload.tls": "warning"} if scheme == "http" else {})
    assert (done.code, verdicts(done)) == (0, expected)
    found = {each["check"]: each for each in done.records}
    assert found["upload.dns"]["facts"]["proxy"] == found["upload.tcp"]["facts"]["proxy"] == proxy.host
    assert found["upload.tcp"]["code"] == "tcp-proxy" and proxy.calls
    assert found["upload.tls"]["facts"]["host"] == NAME


#: (the proxy, the beginning of its URL, the cause over http, that over https, what is advised)
REFUSALS: dict[str, tuple[Callable[[int], Any], str, str, str, str]] = {
    "no account is given": (
        lambda to: HttpProxy(to, ACCOUNT),
        *("http://", "proxy-auth", "proxy-auth", "write them in proxy: http://USER:PASSWORD@HOST:PORT"),
    ),
    "the account is wrong": (
        lambda to: HttpProxy(to, (b"us:er", b"another")),
        *(f"http://{ESCAPED}", "proxy-password", "proxy-password", "correct them in proxy"),
    ),
    "it is forbidden": (
        lambda to: HttpProxy(to, refusal="403 Forbidden"),
        *("http://", "page", "proxy-denied", ""),
    ),
    "SOCKS wants an account": (
        lambda to: SocksServer(to, ACCOUNT),
        *("socks5h://", "socks-auth", "socks-auth", "write them in proxy: socks5h://USER:PASSWORD@HOST:PORT"),
    ),
    "SOCKS forbids it": (
        lambda to: SocksServer(to, reply=2),
        *("socks5h://", "socks-denied", "socks-denied", "ask its administrator to allow the host"),
    ),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("what", REFUSALS)
def test_a_proxy_that_refuses(examine: Examine, services: dict[str, Server], scheme: str, what: str) -> None:
    start, begin, over_http, over_https, advised = REFUSALS[what]
    with closing(start(services[scheme].port)) as proxy:
        done = examine(scheme, "--json", UVIDEO_PROXY=begin + proxy.host)
    failure = first_failure(done)
    assert done.code == 1
    assert failure["causes"] == [over_http if scheme == "http" else over_https]
    assert advised in " ".join(failure["advice"]) and failure["advice"]
    assert verdicts(done)["upload.tcp"] == "ok", "the proxy itself was reached"
    if scheme == "https":
        assert failure["check"] == list(verdicts(done))[-1] == "upload.tls", "nothing is asked behind a closed way"


@pytest.mark.parametrize(
    ("url", "check", "cause"),
    [
        ("http://127.0.0.1:{port}", "upload.tcp", "proxy-refused"),
        ("socks5h://127.0.0.1:{port}", "upload.tcp", "proxy-refused"),
        ("http://no-such-proxy.invalid:3128", "upload.dns", "proxy-name"),
    ],
)
def test_a_proxy_that_is_not_there(examine: Examine, url: str, check: str, cause: str) -> None:
    (port,) = free_ports(1)
    done = examine("https", "--json", UVIDEO_PROXY=url.format(port=port))
    failure = first_failure(done)
    assert (done.code, failure["check"], failure["causes"]) == (1, check, [cause])
    assert list(verdicts(done))[-1] == check


# Where the proxy is from


@pytest.mark.parametrize("source", ["environment", "profile", "setting"])
def test_it_says_where_the_proxy_is_from(
    examine: Examine, services: dict[str, Server], shell: Shell, tmp_path: Path, source: str
) -> None:
    config = tmp_path / "config.toml"
    with closing(HttpProxy(services["https"].port, ACCOUNT)) as proxy:
        url = f"http://{ESCAPED}{proxy.host}"
        config.write_text(f'[profiles.lab]\nproxy = "{url}"\n' if source == "profile" else "")
        config.chmod(0o600)
        environ: dict[str, str | None] = {"UVIDEO_CONFIG": str(config)}
        if source == "environment":
            environ["https_proxy"] = url
        elif source == "profile":
            environ["UVIDEO_PROFILE"] = "lab"
        else:
            environ |= {"UVIDEO_PROXY": url, "https_proxy": "http://127.0.0.1:1"}  # the setting counts
        done = examine("https", **environ)
        assert done.code == 0
        assert f"the proxy {proxy.host} answers in" in done.out
        said = {"profile": "proxy = *** (profile lab)", "setting": "proxy = *** (UVIDEO_PROXY)"}
        assert said.get(source, "the proxy") in done.out
        assert ("proxy = ***" in done.out) == (source in said)


def test_advice_names_the_environments_variable(examine: Examine, services: dict[str, Server]) -> None:
    with closing(HttpProxy(services["https"].port, ACCOUNT)) as proxy:
        failure = first_failure(examine("https", "--json", https_proxy=proxy.origin))
    assert failure["causes"] == ["proxy-auth"]
    assert "https_proxy" in failure["advice"][0]


def test_an_exception_of_the_environment_counts(examine: Examine) -> None:
    """no_proxy: the name is looked up here then, where it does not resolve."""
    done = examine("https", "--json", https_proxy="http://127.0.0.1:1", no_proxy=NAME)
    assert (first_failure(done)["check"], first_failure(done)["causes"]) == ("upload.dns", ["name"])


def test_what_goes_to_this_machine_by_a_proxy_does_not_stay_on_it(
    examine: Examine, services: dict[str, Server]
) -> None:
    server = services["http"]
    with closing(HttpProxy(server.port)) as proxy:
        by_proxy = examine(
            "http", "--json", UVIDEO_ENDPOINT=f"http://127.0.0.1:{server.port}", UVIDEO_PROXY=proxy.origin
        )
    direct = examine("http", "--json", UVIDEO_ENDPOINT=f"http://127.0.0.1:{server.port}", http_proxy=proxy.origin)
    assert [verdicts(each)["upload.tls"] for each in (by_proxy, direct)] == ["warning", "ok"]
