"""Management calls as raw requests, signed by the tests' own few lines: tokens, domains, a space's status.

Source: management-plane.md sections 1, 4, 5 and 6, signing.md section 5.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

from test.interop.replay import HELLO, HELLO_ETAG, Client, Reply, conforms, stored

TOKEN = dict.fromkeys(("Region", "TokenId", "TokenName", "PublicKey", "PrivateKey"), str)
TOKEN_SET: dict[str, Any] = {
    **TOKEN,
    **dict.fromkeys(("AllowedOps", "AllowedPrefixes", "AllowedBuckets", "BlackIPList", "WhiteIPList"), [str]),
    **dict.fromkeys(("ExpireTime", "CreateTime", "ModifyTime"), int),
}
STATUS = ("Time", "Storage", "Flux", "FhdCodecTime", "ShdCodecTime", "HdCodecTime", "SdCodecTime")
TYPE = ["Content-Type: text/plain"]


def post(client: Client, kind: str, **given: Any) -> Any:
    """The JSON of a call whose parameters are the body: a form, or a JSON object with numbers in it."""
    given["PublicKey"] = client.public
    text = "".join(name + str(given[name]) for name in sorted(given)) + client.private
    given["Signature"] = hashlib.sha1(text.encode()).hexdigest()
    body = json.dumps(given).encode() if kind == "application/json" else urlencode(given).encode()
    reply = client.ask("POST /", None, [f"Content-Type: {kind}"], body)
    assert reply.status == 200
    return reply.json()


def test_a_call_as_query_form_and_json(old: Client) -> None:
    call = {"Action": "DescribeBucket", "BucketName": old.space}
    for told in (
        old.manage(**call),
        post(old, "application/x-www-form-urlencoded", **call),
        post(old, "application/json", **call, Offset=0, Limit=10),
    ):
        assert (told["RetCode"], told["Action"]) == (0, "DescribeBucketResponse")
        assert [space["BucketName"] for space in told["DataSet"]] == [old.space]


def test_go_decodes_temporary_keys_strictly(old: Client) -> None:
    """Source: ucloud-sdk-go, services/sts: four texts.  The form of Expiration is that of the vendor's guide."""
    given = {"Action": "AssumeRole", "RoleUrn": "ucs:iam::1:role/r", "RoleSessionName": "alice"}
    made = old.manage(**given, DurationSeconds="900")
    conforms(made["Credentials"], dict.fromkeys(("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"), str))
    ends = datetime.strptime(made["Credentials"]["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert 800 < ends.timestamp() - time.time() <= 900
    refused = old.manage(**given, Policy='{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}')
    assert refused["RetCode"] == 15017 and "Policy" in refused["Message"] and "Credentials" not in refused


def test_a_token_does_what_it_may_and_ends(old: Client) -> None:
    given = {"TokenName": "app", "AllowedBuckets.0": old.space, "AllowedPrefixes.0": "in/", "AllowedPrefixes.1": "out/"}
    given |= {"AllowedOps.0": "TOKEN_ALLOW_WRITE", "AllowedOps.1": "TOKEN_DENY_UPDATE"}
    made = old.manage(Action="CreateUFileToken", **given)
    assert (made["RetCode"], made["Action"]) == (0, "CreateUFileTokenResponse")
    conforms(made, {"TokenId": str, "UFileTokenSet": TOKEN_SET})
    token = made["UFileTokenSet"]
    assert token["AllowedPrefixes"] == ["in/", "out/"] and 86000 < token["ExpireTime"] - time.time() < 87000
    (listed,) = old.manage(Action="DescribeUFileToken", TokenId=made["TokenId"])["DataSet"]
    conforms(listed, TOKEN_SET)
    assert listed == token

    app = copy.copy(old)  # on the same connection
    app.public, app.private = token["PublicKey"], token["PrivateKey"]

    def put(key: str) -> Reply:
        return app.ask(f"PUT /{key}", f"PUT\n\ntext/plain\n\n/$space/{key}", TYPE, HELLO)

    stored(put("in/a"), HELLO_ETAG)
    put("in/a").refusal(403, -148658, "permission denied")  # it is there
    put("elsewhere").refusal(403, -148658, "permission denied")
    more = {"TokenId": made["TokenId"], "ProjectId": "org-1"}
    assert old.manage(Action="UpdateUFileToken", **more, **{"AllowedPrefixes.0": "*"})["RetCode"] == 0
    stored(put("elsewhere"), HELLO_ETAG)
    assert old.manage(Action="DeleteUFileToken", **more, Region="cn-bj")["RetCode"] == 0
    put("in/b").refusal(403, -148658, "invalid public key")
    assert old.manage(Action="DeleteUFileToken", **more, Region="cn-bj")["RetCode"] == 15040
    assert old.manage(Action="CreateUFileToken")["RetCode"] == 15002
    assert sorted(old.keys()) == ["elsewhere", "in/a"]


def test_a_space_under_a_domain_of_its_own(old: Client) -> None:
    domain, name = f"cdn.{old.space}.example.com", old.space + "-d"
    made = old.manage(Action="CreateBucket", BucketName=name, Type="public", **{"Domain.0": domain})
    assert made["RetCode"] == 0
    (found,) = old.manage(Action="DescribeBucket", BucketName=name)["DataSet"]
    assert found["Domain"]["CustomSrc"] == [domain] and found["HasUserDomain"] == 1
    taken = old.manage(Action="CreateBucket", BucketName=name + "2", **{"Domain.0": domain})
    assert taken["RetCode"] == 15009 and taken["Message"]
    signature = old.sign(f"PUT\n\ntext/plain\n\n/{name}/a b.txt")
    head = f"PUT /a%20b.txt HTTP/1.1\r\nHost: {domain}:80\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n"
    old.sock.sendall(f"{head}Authorization: UCloud {old.public}:{signature}\r\n\r\n".encode() + HELLO)
    stored(old.receive("PUT"), HELLO_ETAG)
    old.sock.sendall(f"GET /a%20b.txt HTTP/1.1\r\nHost: {domain.upper()}\r\n\r\n".encode())
    assert old.receive("GET").body == HELLO


def test_the_status_of_a_space_counts_in_whole_numbers(old: Client) -> None:
    old.put("a", HELLO)
    assert old.get("a").body == HELLO
    now = int(time.time())
    call = {"Action": "GetVideoSpaceStatus", "SpaceName.0": old.space, "BeginTime": str(now - 60)}
    got = old.manage(**call, EndTime=str(now + 60))
    assert (got["RetCode"], got["Action"]) == (0, "GetVideoSpaceStatusResponse")
    conforms(got["DataSet"], [dict.fromkeys(STATUS, int)])
    assert got["DataSet"][-1]["Storage"] == 11 and sum(day["Flux"] for day in got["DataSet"]) >= 11
    assert old.manage(**call | {"SpaceName.0": "there-is-none-such"})["RetCode"] == 15010
    files = old.manage(Action="GetVideoFileBySpace", SpaceName=old.space)
    assert (files["RetCode"], [entry["FileName"] for entry in files["DataSet"]]) == (0, ["a"])
