"""The management plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from test.server.inprocess import running
from test.server.wire import Peer
from ucloud.uvideo.protocol import errors, operation, signature
from ucloud.uvideo.protocol.compat import build_query
from uvideo.server.auth.credentials import Key


def ask(peer: Peer, method: str = "GET", kind: str = "", sign: bool = True, **given: Any) -> dict[str, Any]:
    given.setdefault("PublicKey", peer.credentials.public_key)
    if sign:
        given["Signature"] = signature.action_signature(peer.credentials.private_key, given)
    if method == "GET":
        got = peer.send("GET", "/?" + build_query([(name, str(value)) for name, value in given.items()]))
    elif kind == "json":
        got = peer.send("POST", "/", [("Content-Type", "application/json")], json.dumps(given).encode())
    else:
        body = build_query([(name, str(value)) for name, value in given.items()]).encode()
        got = peer.send("POST", "/", [("Content-Type", "application/x-www-form-urlencoded")], body)
    assert got.status == 200 and got.header("Content-Type") == "application/json" and got.header("X-SessionId")
    found: dict[str, Any] = got.json()
    if found["RetCode"]:
        assert found["Message"] and set(found) == {"RetCode", "Action", "Message"}
    return found


def name_of(peer: Peer) -> str:
    name = peer.space()
    peer.manage(operation.DeleteSpace(name))
    return name


@pytest.mark.parametrize(("method", "kind"), (("GET", ""), ("POST", "form"), ("POST", "json")))
def test_a_space_from_its_creation_to_its_end(peer: Peer, method: str, kind: str) -> None:
    name = name_of(peer)
    made = ask(peer, method, kind, Action="CreateBucket", BucketName=name, Region="cn-sh2", Type="public", Tag="T")
    assert made["RetCode"] == 0 and made["Action"] == "CreateBucketResponse" and made["BucketName"] == name
    (entry,) = ask(peer, method, kind, Action="DescribeBucket", BucketName=name, Offset=7, Limit=3)["DataSet"]
    assert entry["BucketId"] == made["BucketId"] and entry["Type"] == "public" and entry["Region"] == "cn-sh2"
    assert entry["Biz"] == "general" and entry["Tag"] == "T" and isinstance(entry["CreateTime"], int)
    assert entry["Domain"] == {
        "Src": [f"{name}.localhost:{peer.port}"],
        "Cdn": [f"{name}.localhost:{peer.port}"],
        "CustomSrc": [],
        "CustomCdn": [],
    }
    assert ask(peer, method, kind, Action="UpdateBucket", BucketName=name, Type="private")["RetCode"] == 0
    (entry,) = ask(peer, method, kind, Action="DescribeBucket", BucketName=name)["DataSet"]
    assert entry["Type"] == "private"
    peer.do(operation.PutObject(name, "dir/k", mime="video/mp4"), b"12345")
    listed = ask(peer, method, kind, Action="GetFileList", BucketName=name, Offset=0, Limit=20)
    (file,) = listed["DataSet"]
    assert (file["FileName"], file["Size"], file["MimeType"]) == ("dir/k", 5, "video/mp4")
    assert ask(peer, method, kind, Action="GetFileList", BucketName=name, Offset=1)["DataSet"] == []
    assert ask(peer, method, kind, Action="DeleteBucket", BucketName=name)["RetCode"] == 15023
    peer.do(operation.DeleteObject(name, "dir/k"))
    peer.do(operation.InitiateUpload(name, "unfinished"))
    gone = ask(peer, method, kind, Action="DeleteBucket", BucketName=name)
    assert gone["RetCode"] == 0 and gone["BucketId"] == made["BucketId"]
    assert ask(peer, method, kind, Action="DescribeBucket", BucketName=name)["RetCode"] == 15010
    with pytest.raises(errors.SpaceNotFound):
        peer.do(operation.GetObject(name, "k"))


def test_video_spaces(peer: Peer) -> None:
    name = name_of(peer)
    made = ask(peer, Action="CreateVideoSpace", SpaceName=name)
    assert made["Action"] == "CreateVideoSpaceResponse" and made["RetCode"] == 0
    (entry,) = ask(peer, Action="DescribeVideoSpace", SpaceName=name)["DataSet"]
    assert (entry["Biz"], entry["Type"], entry["Region"]) == ("vod", "private", "cn-bj")
    assert ask(peer, Action="UpdateVideoSpace", SpaceName=name, Type="public")["RetCode"] == 0
    listed = ask(peer, Action="GetVideoFileBySpace", SpaceName=name)
    assert listed["Action"] == "GetVideoFileBySpaceResponse" and listed["DataSet"] == []
    assert ask(peer, Action="DeleteVideoSpace", SpaceName=name)["Action"] == "DeleteVideoSpaceResponse"


def test_the_codes_of_refusals(peer: Peer, space: str) -> None:
    def code(**given: Any) -> int:
        return int(ask(peer, **given)["RetCode"])

    assert code(Action="") == 160
    assert code(Action="NoSuchAction") == 161
    assert code(Action="DescribeBucket", sign=False) == 170
    assert code(Action="DescribeBucket", PublicKey="") == 170
    assert code(Action="DescribeBucket", PublicKey="nobody") == 172
    wrong = ask(peer, Action="DescribeBucket", Signature="0" * 40, sign=False)
    assert (wrong["RetCode"], wrong["Action"]) == (171, "DescribeBucketResponse")
    assert wrong["Message"] == "Signature VerifyAC Error"
    taken = ask(peer, Action="CreateBucket", BucketName=space, Region="cn-bj")
    assert taken["RetCode"] == 15000 and "duplicate bucket name" in taken["Message"]
    assert code(Action="CreateBucket", Region="cn-bj") == 15002
    assert code(Action="CreateBucket", BucketName=name_of(peer), Type="secret") == 15003
    assert code(Action="UpdateBucket", BucketName=space, Type="secret") == 15003
    for action in ("DescribeBucket", "UpdateBucket", "DeleteBucket", "GetFileList"):
        assert code(Action=action, BucketName="no-such-space") == 15010
    assert code(Action="DescribeBucket", Limit="x") == 15017
    assert code(Action="UpdateBucket", BucketName=space, StorageClass="NONE") == 15017
    got = peer.send("POST", "/", [("Content-Type", "application/json")], b"{broken")
    assert got.status == 200 and got.json()["RetCode"] == 15017
    assert peer.send("POST", "/", [("Content-Type", "application/json")], b"{}").json()["RetCode"] == 160
    twice = peer.send("POST", "/?Action=DescribeBucket", [], b"Action=DeleteBucket")
    assert twice.json()["RetCode"] == 15017
    surrogate = json.dumps(
        {"Action": "DescribeBucket", "PublicKey": peer.credentials.public_key, "Signature": "x", "A": "\ud800"}
    )
    got = peer.send("POST", "/", [("Content-Type", "application/json")], surrogate.encode())
    assert got.json()["RetCode"] == 15017


@pytest.mark.parametrize("name", ("ab", "a" * 64, "-abc", "abc-", "Abc", "a_b", "a.b", "视频空间", "a b"))
def test_a_name_against_the_rules(peer: Peer, name: str) -> None:
    assert ask(peer, Action="CreateBucket", BucketName=name, Region="cn-bj")["RetCode"] == 15001


def test_numbers_and_booleans_in_json_are_signed_as_text(peer: Peer, space: str) -> None:
    given = {"Action": "GetFileList", "BucketName": space, "Offset": 0, "Limit": 10, "Flag": True}
    assert ask(peer, "POST", "json", **given)["RetCode"] == 0
    listed = ask(peer, "POST", "json", **{"Action": "DescribeBucket", "Domain.10": "x", "Domain.2": "y", "Limit": 1})
    assert listed["RetCode"] == 0 and len(listed["DataSet"]) == 1


def test_pages_of_spaces(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        peer = Peer(server)
        names = sorted(peer.space() for _ in range(23))
        page = peer.manage(operation.DescribeSpace())
        assert [info.space for info in page.spaces] == names[:20]
        page = peer.manage(operation.DescribeSpace(offset=20, limit=2))
        assert [info.space for info in page.spaces] == names[20:22]
        assert peer.manage(operation.DescribeSpace(limit=0)).spaces == ()


def hosts_of(peer: Peer, space: str, host: str) -> list[str]:
    """What DescribeBucket says of a space's hosts, asked under this host."""
    given = {"Action": "DescribeBucket", "BucketName": space, "PublicKey": peer.credentials.public_key}
    given["Signature"] = signature.action_signature(peer.credentials.private_key, given)
    domain = peer.send("GET", "/?" + build_query(sorted(given.items())), host=host).json()["DataSet"][0]["Domain"]
    assert domain["Cdn"] == domain["Src"]
    found: list[str] = domain["Src"]
    return found


def test_the_hosts_of_a_space_if_the_server_was_told_no_name(peer: Peer, space: str) -> None:
    """Each of them leads to the space; the host of a provider's management plane, which a proxy brings, does not."""
    video = name_of(peer)
    ask(peer, Action="CreateVideoSpace", SpaceName=video, Region="cn-sh2", Type="public")
    peer.do(operation.PutObject(video, "k"), b"x")
    for host, plain, of_video in (
        ("storage.example.com:8080", ".storage.example.com:8080", ".storage.example.com:8080"),
        ("localhost", ".localhost", ".localhost"),
        ("[::1]:9000", ".localhost:9000", ".localhost:9000"),
        ("127.0.0.1", ".localhost", ".localhost"),
        ("api.ucloud.cn", ".cn-bj.ufileos.com", ".uvideo.ucloud.com.cn"),
        ("API.ucloud.cn.:443", ".cn-bj.ufileos.com", ".uvideo.ucloud.com.cn"),
        ("uploadvideo.auto-ai.com.cn", ".uvideo.auto-ai.com.cn", ".uvideo.auto-ai.com.cn"),
        ("any.cn-bj.ufileos.com", ".cn-bj.ufileos.com", ".cn-sh2.ufileos.com"),
    ):
        assert hosts_of(peer, space, host) == [space + plain], host
        assert hosts_of(peer, video, host) == [video + of_video], host
        assert peer.send("GET", "/k", host=video + of_video).body == b"x"
    for host in ("192.0.2.7:9000", "[2001:db8::7]:9000"):  # no name is below an address
        assert hosts_of(peer, video, host) == [f"{host}/{video}"]
        assert peer.send("GET", f"/{video}/k", host=host).body == b"x"


def test_the_spaces_of_others(tmp_path: Path) -> None:
    with running(tmp_path, more=(Key("other", "other private", "other"),)) as server:
        mine, theirs = Peer(server), Peer(server)
        theirs.credentials = signature.Credentials("other", "other private")
        private, public = mine.space(), mine.space("public")
        mine.do(operation.PutObject(public, "k"), b"x")
        assert theirs.manage(operation.DescribeSpace()).spaces == ()
        for op in (
            operation.DescribeSpace(private),
            operation.UpdateSpace(private, type="public"),
            operation.DeleteSpace(private),
            operation.ListSpaceFiles(private),
        ):
            with pytest.raises(errors.AccessDenied):
                theirs.manage(op)
        with pytest.raises(errors.SpaceExists):
            theirs.manage(operation.CreateSpace(private))
        for op in (operation.PutObject(private, "k"), operation.GetObject(public, "k"), operation.ListFiles(public)):
            assert theirs.call(op).refusal() == (403, -148658, "permission denied")
        assert theirs.send("GET", "/k", host=f"{public}.localhost").body == b"x"


def test_a_call_that_is_too_long_is_refused(peer: Peer) -> None:
    got = peer.send("POST", "/", [("Content-Type", "application/json")], b" " * (1024 * 1024 + 1))
    assert got.json()["RetCode"] == 15017
