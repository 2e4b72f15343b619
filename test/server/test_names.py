"""Nobody takes the server's own names: what a stranger with an account may make, and who gets a request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from test.forked import Forked
from test.older import older_folder
from test.server.test_keys import added, peer_of
from test.server.test_spaces import hosts_of, name_of
from test.server.wire import Peer, exchange, head
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import errors, operation
from uvideo.server.rules.server_names import OwnNames, canonical
from uvideo.server.rules.space_hosts import SpaceHosts
from uvideo.storage.base import SpaceRecord

OWN = ("storage.example.com", "视频.example.org", "front")
OPTIONS = [word for name in OWN for word in ("--hostname", name)]
DEBUG = ("--log-level", "debug")
OPTIONS += ["--public-url", "https://video.example.net/data", "--console-origin", "https://console.example.net:8443"]


@dataclass
class World:
    server: Server
    owner: Peer
    stranger: Peer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("names") / "data"
    with start_server(folder, "--no-fsync", *OPTIONS) as server:
        yield World(server, Peer(server), peer_of(server, added(folder, "--account", "stranger")))


SPACES = ("storage", "front", "video", "console", "localhost", "127", "192", "100", "uploadvideo", "xn--cy2a840a")
DOMAINS = (
    *("storage.example.com", "STORAGE.Example.com", "storage.example.com.", "xn--cy2a840a.example.org"),
    *("video.example.net", "console.example.net", "a.front", "new.storage.example.com", "a.b.storage.example.com"),
    *("new.STORAGE.example.com.", "new.video.example.net", "xn--a.xn--cy2a840a.example.org"),
    *("new.cn-bj.ufileos.com", "cn-bj.ufileos.com", "ufileos.com", "new.cn-sh2.ufileos.com"),
    *("uploadvideo.auto-ai.com.cn", "new.uvideo.auto-ai.com.cn", "uvideo.auto-ai.com.cn", "uploadvideo.ucloud.cn"),
    "new.uvideo.ucloud.com.cn",
)
#: What no host name is: refused as before.
MALFORMED = (
    "127.0.0.1",
    "[::1]",
    "front",
    "localhost",
    "new.localhost",
    "storage.example.com:9000",
    "视频.example.org",
)


@pytest.mark.parametrize("who", ("owner", "stranger"))
def test_such_spaces_and_domains_are_refused(world: World, who: str) -> None:
    peer: Peer = getattr(world, who)
    for name in SPACES:
        with pytest.raises(errors.SpaceNameInvalid):
            peer.manage(operation.CreateSpace(name))
    for domain in (*DOMAINS, *MALFORMED):
        name = name_of(peer)
        with pytest.raises((errors.DomainTaken, errors.DomainInvalid)) as caught:
            peer.manage(operation.CreateSpace(name, domains=("fine.customer.example", domain)))
        assert type(caught.value) is (errors.DomainInvalid if domain in MALFORMED else errors.DomainTaken), domain
        with pytest.raises(errors.SpaceNotFound):
            peer.manage(operation.DescribeSpace(name))


def test_the_hosts_of_a_space_are_below_the_names_that_were_given(world: World) -> None:
    space = world.owner.space("public")
    world.owner.do(operation.PutObject(space, "k"), b"x")
    names = [f"{space}.storage.example.com", f"{space}.xn--cy2a840a.example.org", f"{space}.front"]
    for host in ("api.ucloud.cn", "api.example.com", "127.0.0.1:9000", "192.0.2.7", "video.example.net"):
        assert hosts_of(world.owner, space, host) == names, host
    assert hosts_of(world.owner, space, "FRONT:9000") == [*names[:2], f"{space}.front:9000"]
    for name in names:
        assert world.owner.send("GET", "/k", host=name).body == b"x"


def test_which_names_have_spaces_below_them() -> None:
    space = SpaceRecord("ufile-1", "films", "me", "private", "a b", "general", "", 1, 1)
    for names, url, expected in (
        (("192.0.2.7", "[::1]", "v.example.com"), None, "films.v.example.com"),
        (("v.example.com",), "https://w.example.com", "films.v.example.com"),
        ((), "https://w.example.com:8443/", "films.w.example.com:8443"),
        ((), "https://w.example.com/data", "films.cn-bj.ufileos.com"),  # its path is the proxy's
        (("192.0.2.7",), "https://192.0.2.7", "films.cn-bj.ufileos.com"),
        (("localhost",), None, "films.localhost"),
    ):
        assert SpaceHosts(names, url).of(space, "api.ucloud.cn") == (expected,)
    assert SpaceHosts(["localhost"]).of(space, "127.0.0.1:9000") == ("films.localhost:9000",)
    assert SpaceHosts().of(space, "") == SpaceHosts().of(space, "a b") == ("films.localhost",)  # of the console


def test_other_names_are_free(world: World) -> None:
    for number, peer in enumerate((world.owner, world.stranger)):
        free = (f"v{number}.example.com", f"storage{number}.example.com", f"mystorage{number}.example.net")
        made = name_of(peer)
        peer.manage(operation.CreateSpace(made, domains=free))
        assert peer.manage(operation.DescribeSpace(made)).spaces[0].custom == free
        peer.manage(operation.CreateSpace(f"storage-{number}"))
        peer.manage(operation.CreateSpace(f"127{number}"))
        peer.manage(operation.CreateSpace(f"25{number + 6}"))


#: Ways to name the server itself; with {port} where a client sends one.
HOSTS = (
    *("127.0.0.1:{port}", "127.0.0.1", "localhost:{port}", "LOCALHOST.", "[::1]:{port}", "10.1.2.3", "127.1:{port}"),
    *("2130706433", "192.168.0.7:{port}", "storage.example.com", "Storage.EXAMPLE.com.:{port}", "front:{port}"),
    *("xn--cy2a840a.example.org", "video.example.net:443", "console.example.net", "uploadvideo.auto-ai.com.cn"),
    "[::ffff:127.0.0.1]:{port}",
)


TAKEN = ("127", "localhost", "storage", "front", "video", "console", "192", "uploadvideo", "2130706433", "xn--cy2a840a")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server on which a stranger holds all these names from before."""
    folder = tmp_path_factory.mktemp("older") / "data"
    made = [(name, "stranger", "public", ()) for name in TAKEN]
    domains = ("storage.example.com", "video.example.net", "xn--cy2a840a.example.org", "later.storage.example.com")
    older_folder(folder, *made, ("thief", "stranger", "public", domains))
    pair = added(folder, "--account", "stranger", env=KEYS)
    with start_server(folder, "--no-fsync", *DEBUG, *OPTIONS, env=KEYS) as server:
        yield World(server, Peer(server), peer_of(server, pair))


KEYS = {"UVIDEO_SERVE_PUBLIC_KEY": "owner-public", "UVIDEO_SERVE_PRIVATE_KEY": "owner-private"}


def test_a_path_wins_on_the_servers_own_names(older: World) -> None:
    """Whatever the stranger stored where the owner's objects would be looked for, the owner's are what readers get."""
    mine = older.owner.space("public")
    older.owner.do(operation.PutObject(mine, "k"), b"mine")
    for name in (*TAKEN, "thief"):
        older.stranger.do(operation.PutObject(name, f"{mine}/k"), b"stolen")
    for given in HOSTS:
        host = given.format(port=older.server.port)
        got = older.owner.send("GET", f"/{mine}/k", host=host)
        assert (got.status, got.body) == (200, b"mine"), host
        absolute = exchange(older.server.port, head("GET", f"http://{host}/{mine}/k", [("Host", "x")]))
        assert (absolute.status, absolute.body) == (200, b"mine"), host
        signed = older.owner.signed("PUT", mine, "put")
        assert older.owner.send("PUT", f"/{mine}/put", [("Authorization", signed)], b"x", host=host).status == 200, host
    assert older.owner.send("GET", f"/{mine}/k", [("Bucket", mine)], host="storage.example.com").status == 404
    assert older.owner.send("GET", "/k", host=f"{mine}.storage.example.com").body == b"mine"  # a space's own host


def test_what_exists_keeps_working_and_is_named_at_the_start(older: World) -> None:
    older.stranger.do(operation.PutObject("thief", "k"), b"bound")
    for name in TAKEN:
        older.stranger.do(operation.PutObject(name, "k"), name.encode())
    for host, expected in (
        ("127.0.0.1", b"127"),
        ("localhost", b"localhost"),
        ("storage.example.com", b"bound"),
        ("front", b"front"),
        ("later.storage.example.com", b"bound"),
        ("storage.customer.example", b"storage"),
    ):
        assert older.owner.send("GET", "/k", host=host).body == expected, host
    log = older.server.compared()
    for name in TAKEN:
        told = name != "2130706433"  # no name of the server begins with it as a label
        assert (f"the space {name} receives requests" in log) is told, name
    for domain in ("storage.example.com", "video.example.net", "later.storage.example.com"):
        assert f"the domain {domain} of the space thief" in log


def test_without_names_other_accounts_bind_no_domain(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start_server(folder, "--no-fsync", *DEBUG) as server:
        assert "--hostname" not in server.compared()
        owner, stranger = Peer(server), peer_of(server, added(folder, "--account", "stranger"))
        owner.manage(operation.CreateSpace(name_of(owner), domains=("fine.customer.example",)))
        with pytest.raises(errors.DomainTaken, match="--hostname"):
            stranger.manage(operation.CreateSpace(name_of(owner), domains=("front.example.com",)))
        for name in ("127", "localhost"):
            with pytest.raises(errors.SpaceNameInvalid):
                stranger.manage(operation.CreateSpace(name))
    with start_server(folder, "--no-fsync", *DEBUG) as server:
        assert "give each host name that clients use as --hostname" in server.compared()


def test_names_come_from_the_environment_too(tmp_path: Path) -> None:
    with start_server(
        tmp_path, "--no-fsync", env={"UVIDEO_SERVE_HOSTNAME": "one.example.com two.example.com"}
    ) as server:
        for name in ("one", "two"):
            with pytest.raises(errors.SpaceNameInvalid):
                Peer(server).manage(operation.CreateSpace(name))


NO_NAMES = ("", "a:9000", "*.example.com", "127.1")
MORE_NO_NAMES = ("http://a", "a b", "a/b", "[::1]:9000", "-a")


@pytest.mark.parametrize("name", [*NO_NAMES, *(pytest.param(name, marks=pytest.mark.long) for name in MORE_NO_NAMES)])
def test_what_is_no_host_name(tmp_path: Path, commands: Forked, name: str) -> None:
    done = commands.run("serve", tmp_path / "data", "--port", 0, "--admin-port", 0, "--hostname", name)
    assert done.returncode == 2 and "--hostname" in done.stderr and "Traceback" not in done.stderr
    assert not os.path.exists(tmp_path / "data")


def test_canonical() -> None:
    for given, expected in (
        ("Storage.Example.com.", "storage.example.com"),
        ("视频.Example.org", "xn--cy2a840a.example.org"),
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8::1", "2001:db8::1"),
    ):
        assert canonical(given) == expected
    assert OwnNames(["[2001:db8::1]"]).owns("[2001:db8::1]:9000")
    assert not OwnNames(["example.com"]).owns("space.example.com:9000")
