"""The clients by name, and what of them is known not to work."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from test.s3clients.aws_cli import AwsCli
from test.s3clients.boto3_client import Boto3, Boto3Plain
from test.s3clients.client import Place
from test.s3clients.javascript import JavaScript
from test.s3clients.minio_client import Minio
from test.s3clients.obstore_client import Obstore
from test.s3clients.pyarrow_client import PyArrow
from test.s3clients.rclone import Rclone
from test.s3clients.s3cmd import S3cmd
from test.s3clients.s3fs_client import S3fs
from test.s3clients.s5cmd import S5cmd

__all__ = ["CLIENTS", "LEAVES_OUT", "NOT_YET", "refused_in_front", "sent_as_given"]

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
    "javascript": JavaScript,
}

#: (client or "" for all, promise): why it does not work with our server yet.  If it begins to work, its test fails.
NOT_YET: dict[tuple[str, str], str] = {}

_ENDS = ("//", "trailing/", "/leading and trailing/")
_EMPTY = ("a//b.txt", "/leading", "http://other.host/key")
_DOTS = (".", "..", "a/../b/./c.txt", "../../etc/passwd")
_CONTROL = ("line\nbreak", "carriage\rreturn", "tab\there", "\x01control\x7f")

#: Client -> why, and which keys it does not send as they are given, to whatever server.
LEAVES_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "aws-cli": {"it takes a key that ends with / for a folder": _ENDS},
    "s5cmd": {"it takes a key that ends with / for a folder": _ENDS},
    "rclone": {
        "it takes a key that ends with / for a folder": _ENDS,
        "it leaves out empty segments": ("a//b.txt", "/leading"),
        "it writes dot segments with other characters": _DOTS,
    },
    "s3cmd": {
        "it takes a key that ends with / for a folder": _ENDS,
        "it ends a key at the end of a line": ("line\nbreak",),
        "it takes * for a pattern": ("a*b.txt",),
    },
    "minio": {"it refuses dot segments": _DOTS},
    "obstore": {
        "it refuses empty segments, or takes the first and the last away": (*_ENDS, *_EMPTY),
        "it refuses dot segments": _DOTS,
        "it refuses control characters": _CONTROL,
    },
    "pyarrow": {
        "it takes a key that ends with / for a folder": _ENDS,
        "it refuses empty segments": _EMPTY,
        "it signs another path than it sends": _DOTS,
    },
    "s3fs": {"it takes the last slash away": _ENDS, "it reads a version id out of the key": ("a?versionId=null",)},
}


#: What stands before the servers (UVIDEO_TEST_FRONT) -> keys it answers with 400 by itself: docs/operate.md.
REFUSED_IN_FRONT: dict[str, tuple[str, ...]] = {"nginx": ("../../etc/passwd",)}


def refused_in_front() -> tuple[str, ...]:
    """The keys that never come to the servers of this run."""
    return REFUSED_IN_FRONT.get(os.environ.get("UVIDEO_TEST_FRONT", ""), ())


def sent_as_given(client: str, keys: Sequence[str]) -> list[str]:
    """The keys but those that the client leaves out, and those that never come to the servers."""
    left_out = {key for some in LEAVES_OUT.get(client, {}).values() for key in some}
    return [key for key in keys if key not in left_out and key not in refused_in_front()]
