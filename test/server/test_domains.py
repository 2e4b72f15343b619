"""Custom domains of a space, and how a space is found by the host, the path and an absolute target."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.server.inprocess import running
from test.server.test_spaces import ask, name_of
from test.server.wire import Peer, exchange, head
from ucloud.uvideo.protocol import errors, operation, provider, signature
from uvideo.server.auth.credentials import Key


def made(peer: Peer, *domains: str, kind: str = "private") -> str:
    name = name_of(peer)
    peer.manage(operation.CreateSpace(name, kind, domains=domains))
    return name


def test_a_request_to_a_domain(peer: Peer) -> None:
    name = name_of(peer)
    space = made(peer, f"Video.{name}.example.com", f"cdn.{name}.example.com", kind="public")
    for host in (f"video.{name}.example.com", f"CDN.{name}.Example.com:8080", f"cdn.{name}.example.com."):
        signed = peer.signed("PUT", space, "dir/k")
        assert peer.send("PUT", "/dir/k", [("Authorization", signed)], b"x", host=host).status == 200
        assert peer.send("GET", "/dir/k", host=host).body == b"x"
        listed = peer.send("GET", "/?list", [("Authorization", peer.signed("GET", space, ""))], host=host)
        assert listed.json()["BucketName"] == space
        query = signature.signed_query(peer.credentials, "GET", space, "dir/k", 4102416000)
        assert peer.send("GET", f"/dir/k?{query}", host=host).body == b"x"
        absolute = head("GET", f"http://{host}/dir/k", [("Host", "proxy.example.com")])
        assert exchange(peer.port, absolute).body == b"x"
    wrong = peer.signed("GET", "video", "dir/k")
    got = peer.send("GET", "/dir/k", [("Authorization", wrong)], host=f"video.{name}.example.com")
    assert got.refusal() == (401, -148658, "invalid signature")
    for host in (f"other.{name}.example.com", f"x.video.{name}.example.com", f"{name}.example.com"):
        assert peer.send("GET", "/dir/k", host=host).refusal()[:2] == (400, -30010)


def test_the_order_of_the_rules(peer: Peer) -> None:
    first, other = peer.space("public"), peer.space("public")
    bound = made(peer, f"{first}.example.com", kind="public")
    for space in (first, other, bound):
        peer.do(operation.PutObject(space, "k"), space.encode())
        peer.do(operation.PutObject(space, f"{other}/k"), f"{space} behind {other}".encode())
    domain = f"{first}.example.com"
    for target, host, bucket, expected in (
        ("/k", domain, None, bound),  # the domain before the first label
        ("/k", f"{first}.example.org", None, first),
        ("/k", domain, other, other),  # the header before all
        (f"/{other}/k", domain, None, f"{bound} behind {other}"),  # a host that has a space before the path
        (f"/{other}/k", "127.0.0.1", None, other),
        (f"/{other}/k", "unknown.example.com", None, other),
    ):
        given = [("Bucket", bucket)] if bucket else []
        assert peer.send("GET", target, given, host=host).body.decode() == expected, (target, host, bucket)
        absolute = head("GET", f"http://{host}{target}", [("Host", "x"), *given])
        assert exchange(peer.port, absolute).body.decode() == expected


def test_what_describe_says(peer: Peer) -> None:
    name = name_of(peer)
    domains = {f"Domain.{number}": f"D{number}.{name}.example.com" for number in range(12)}
    got = ask(peer, Action="CreateBucket", BucketName=name, Region="cn-bj", **domains)
    assert got["RetCode"] == 0
    (entry,) = ask(peer, Action="DescribeBucket", BucketName=name)["DataSet"]
    assert entry["HasUserDomain"] == 1 and entry["Domain"]["CustomCdn"] == []
    assert entry["Domain"]["CustomSrc"] == [f"d{number}.{name}.example.com" for number in range(12)]
    (plain,) = ask(peer, Action="DescribeBucket", BucketName=peer.space())["DataSet"]
    assert plain["HasUserDomain"] == 0 and plain["Domain"]["CustomSrc"] == []


def test_a_domain_belongs_to_one_space_until_that_is_deleted(peer: Peer) -> None:
    domain = f"one.{name_of(peer)}.example.com"
    space, another = made(peer, domain), name_of(peer)
    with pytest.raises(errors.DomainTaken) as caught:
        peer.manage(operation.CreateSpace(another, domains=(f"two.{domain}", domain.upper())))
    assert caught.value.ret_code == 15009
    with pytest.raises(errors.SpaceNotFound):
        peer.manage(operation.DescribeSpace(another))
    peer.manage(operation.DeleteSpace(space))
    assert peer.send("GET", "/k", host=domain).refusal()[:2] == (400, -30010)
    peer.manage(operation.CreateSpace(another, domains=(domain, domain)))
    (info,) = peer.manage(operation.DescribeSpace(another)).spaces
    assert info.custom == (domain,)


NO_DOMAINS = (
    *("localhost", "com", "127.0.0.1", "1.2.3.4", "[::1]", "a.localhost", "http://a.example.com", "a.example.com:80"),
    *("-a.example.com", "a-.example.com", "a..com", "a b.example.com", "视频.example.com", "*.example.com"),
    *("a_b.example.com", "x" * 64 + ".com", ".".join(["x" * 60] * 5), "a.example.c0m-", "a.example.1"),
)


@pytest.mark.parametrize("domain", NO_DOMAINS)
def test_names_that_are_no_domain(peer: Peer, domain: str) -> None:
    name = name_of(peer)
    got = ask(peer, "POST", "json", Action="CreateBucket", BucketName=name, Region="x", **{"Domain.0": domain})
    assert got["RetCode"] == 15008
    assert ask(peer, Action="DescribeBucket", BucketName=name)["RetCode"] == 15010


def test_at_most_a_hundred(peer: Peer) -> None:
    name = name_of(peer)
    many = tuple(f"d{number}.{name}.example.com" for number in range(101))
    with pytest.raises(errors.DomainInvalid):
        peer.manage(operation.CreateSpace(name, domains=many))
    with_many = {f"Domain.{number}": domain for number, domain in enumerate(many[:100])}
    given = {"Action": "CreateBucket", "BucketName": name, "Region": "cn-bj", **with_many}
    assert ask(peer, "POST", "form", **given)["RetCode"] == 0
    assert len(peer.manage(operation.DescribeSpace(name)).spaces[0].custom) == 100


def test_nobody_binds_the_host_of_another_account(tmp_path: Path) -> None:
    with running(tmp_path, more=(Key("other", "other private", "other"),)) as server:
        mine, theirs = Peer(server), Peer(server)
        theirs.credentials = signature.Credentials("other", "other private")
        space = mine.space("public")
        with pytest.raises(errors.DomainTaken):
            theirs.manage(operation.CreateSpace("thief", domains=(f"{space}.storage.example.com",)))
        mine.manage(operation.CreateSpace("mine2", domains=(f"{space}.storage.example.com",)))


def test_which_hosts_may_be_domains() -> None:
    for host, expected in (
        ("Video.Example.com:80", "video.example.com"),
        ("video.example.com.", "video.example.com"),
        ("127.0.0.1:9000", None),
        ("space.localhost:9000", None),
        ("localhost", None),
        ("[::1]:9000", None),
        ("name", None),
        ("", None),
    ):
        assert provider.domain_of(host) == expected, host
