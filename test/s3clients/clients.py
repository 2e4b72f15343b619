"""The clients by name, and what of them is known not to work."""

from __future__ import annotations

from collections.abc import Callable

from test.s3clients.aws_cli import AwsCli
from test.s3clients.boto3_client import Boto3, Boto3Plain
from test.s3clients.client import Place
from test.s3clients.s5cmd import S5cmd

__all__ = ["CLIENTS", "LEAVES_OUT", "NOT_YET"]

CLIENTS: dict[str, Callable[[Place], object]] = {
    "boto3": Boto3,
    "boto3-plain": Boto3Plain,
    "aws-cli": AwsCli,
    "s5cmd": S5cmd,
}

#: (client or "" for all, promise): why it does not work with our server yet.  If it begins to work, its test fails.
NOT_YET: dict[tuple[str, str], str] = {}

#: Keys that a client does not send as they are given, to whatever server.
LEAVES_OUT: dict[str, dict[str, str]] = {
    name: {"/leading and trailing/": "a key that ends with / is a folder, and the file's name is added"}
    for name in ("aws-cli", "s5cmd")
}
