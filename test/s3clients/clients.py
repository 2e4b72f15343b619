"""The clients by name, and what of them is known not to work."""

from __future__ import annotations

from collections.abc import Callable

from test.s3clients.aws_cli import AwsCli
from test.s3clients.boto3_client import Boto3, Boto3Plain
from test.s3clients.client import Place
from test.s3clients.minio_client import Minio
from test.s3clients.obstore_client import Obstore
from test.s3clients.pyarrow_client import PyArrow
from test.s3clients.rclone import Rclone
from test.s3clients.s3cmd import S3cmd
from test.s3clients.s3fs_client import S3fs
from test.s3clients.s5cmd import S5cmd

__all__ = ["CLIENTS", "LEAVES_OUT", "NOT_YET"]

CLIENTS: dict[str, Callable[[Place], object]] = {
    "boto3": Boto3,
    "boto3-plain": Boto3Plain,
    "aws-cli": AwsCli,
    "s5cmd": S5cmd,
    "rclone": Rclone,
    "s3cmd": S3cmd,
    "minio": Minio,
    "obstore": Obstore,
    "pyarrow": PyArrow,
    "s3fs": S3fs,
}

#: (client or "" for all, promise): why it does not work with our server yet.  If it begins to work, its test fails.
NOT_YET: dict[tuple[str, str], str] = {}

_FOLDER = "the client takes a key that ends with / for a folder"
_DOTS = "the client refuses dot segments"
_EMPTY = "the client has no empty segments"

#: Keys that a client does not send as they are given, to whatever server, and why.
LEAVES_OUT: dict[str, dict[str, str]] = {
    "aws-cli": {"/leading and trailing/": _FOLDER},
    "s5cmd": {"/leading and trailing/": _FOLDER},
    "rclone": {
        "a//b.txt": _EMPTY,
        "a/../b/./c.txt": "the client writes dot segments with other characters",
        "/leading and trailing/": _FOLDER,
    },
    "s3cmd": {"/leading and trailing/": _FOLDER, "line\nbreak": "the client ends a key at the end of a line"},
    "minio": {"a/../b/./c.txt": _DOTS},
    "obstore": {
        "a//b.txt": _EMPTY,
        "a/../b/./c.txt": _DOTS,
        "/leading and trailing/": "the client takes the slashes away",
        "line\nbreak": "the client refuses control characters",
    },
    "pyarrow": {
        "a//b.txt": _EMPTY,
        "a/../b/./c.txt": "the client signs another path than it sends",
        "/leading and trailing/": _FOLDER,
    },
    "s3fs": {"/leading and trailing/": "the client takes the last slash away"},
}
