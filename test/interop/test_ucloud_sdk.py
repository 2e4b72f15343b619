"""UCloud's SDK of all its services, unmodified: what it does with spaces and tokens, in a process of its own.

It shares the name `ucloud` with ours, so it is installed into a folder that this process does not see.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from test.interop.packages import installed, told
from test.server_fixture import Server

pytestmark = pytest.mark.long

UCLOUD_SDK_PYTHON3 = "0.11.150"

PROGRAM = """
import json, sys, time
from ucloud.client import Client
from ucloud.core import exc
endpoint, space, public_key, private_key = sys.argv[1:]
settings = {"region": "cn-bj2", "project_id": "", "base_url": endpoint, "timeout": 20}
files = Client(dict(settings, public_key=public_key, private_key=private_key)).ufile()
told = {"made": files.create_bucket({"BucketName": space, "Type": "public"})["BucketName"]}
files.update_bucket({"BucketName": space, "Type": "private"})
told["types"] = [each["Type"] for each in files.describe_bucket({"BucketName": space})["DataSet"]]
made = files.create_ufile_token({"TokenName": "reader", "AllowedOps": ["TOKEN_ALLOW_READ"], "AllowedPrefixes": ["in/"],
                                 "AllowedBuckets": [space], "ExpireTime": int(time.time()) + 90000})
token = made["UFileTokenSet"]
told["token"] = [token["TokenName"], token["AllowedOps"], token["AllowedPrefixes"], token["AllowedBuckets"]]
files.update_ufile_token({"TokenId": made["TokenId"], "TokenName": "renamed"})
listed = [each for each in files.describe_ufile_token({})["DataSet"] if each["TokenId"] == made["TokenId"]]
told["names"] = [each["TokenName"] for each in listed]
files.delete_ufile_token({"TokenId": made["TokenId"]})
told["left"] = [each for each in files.describe_ufile_token({})["DataSet"] if each["TokenId"] == made["TokenId"]]
roles = Client(dict(settings, public_key=public_key, private_key=private_key)).sts()
asked = {"RoleUrn": "ucs:iam::1:role/r", "RoleSessionName": "alice", "DurationSeconds": 900}
told["ends"] = time.strptime(roles.assume_role(asked)["Credentials"]["Expiration"], "%Y-%m-%dT%H:%M:%SZ")[6] < 7
try:
    roles.assume_role(dict(asked, Policy="{}"))
except exc.RetCodeException as error:
    told["policy"] = error.code
files.delete_bucket({"BucketName": space})
try:
    files.delete_bucket({"BucketName": space})
except exc.RetCodeException as error:
    told["refused"] = error.code
print(json.dumps(told))
"""


def test_spaces_and_tokens(server: Server, tmp_path: Path) -> None:
    site = installed(tmp_path, f"ucloud-sdk-python3=={UCLOUD_SDK_PYTHON3}")
    space = "made-by-their-sdk"
    assert told(site, PROGRAM, server.endpoint, space, server.public_key, server.private_key) == {
        "made": space,
        "types": ["private"],
        "token": ["reader", ["TOKEN_ALLOW_READ"], ["in/"], [space]],
        "names": ["renamed"],
        "left": [],
        "ends": True,
        "policy": 15017,
        "refused": 15010,
    }
