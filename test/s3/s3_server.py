"""A real server with an S3 port, and clients of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.client import Config
from botocore.session import Session

from test import patience
from test.server_fixture import Server, start_server

__all__ = ["S3Server", "client", "refusal", "start_s3_server"]


class S3Server(NamedTuple):
    """``url``: of the port that serves only S3.  ``settings``: the environment of commands for its data."""

    server: Server
    url: str
    settings: Mapping[str, str] = {}

    @property
    def port(self) -> int:
        """Of the port that serves only S3."""
        return urlsplit(self.url).port or 0

    @property
    def public_key(self) -> str:
        return self.server.public_key

    @property
    def private_key(self) -> str:
        return self.server.private_key

    def anonymous(self) -> Any:
        """A client that does not sign."""
        return client(self.url, "", "", signature_version=UNSIGNED)

    def client(self, **options: Any) -> Any:
        """A client with the server's own keys."""
        return client(self.url, self.server.public_key, self.server.private_key, **options)

    def account(self, name: str) -> tuple[str, str]:
        """(public key, private key) of a further account."""
        file = self.server.dir.parent / f"{name}.json"
        command = [sys.executable, "-m", "uvideo", "admin", "add-key", str(self.server.dir), "--key-file", str(file)]
        subprocess.run(
            [*command, "--account", name],
            env={**os.environ, **self.settings},
            capture_output=True,
            timeout=patience.SECONDS,
            check=True,
        )
        pair = json.loads(file.read_text())
        return pair["public_key"], pair["private_key"]


@contextmanager
def start_s3_server(folder: Path, *options: str) -> Iterator[S3Server]:
    ready = folder / "ready.json"
    with start_server(folder, "--s3-port", "0", "--no-fsync", "--ready-file", str(ready), *options) as server:
        yield S3Server(server, json.loads(ready.read_text())["s3"])


def client(
    url: str, public: str, private: str, token: str | None = None, verify: str | None = None, **config: Any
) -> Any:
    """A botocore client that asks once.  ``verify``: a file with the server's certificate."""
    made = Config(
        **{
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"total_max_attempts": 1},
            "proxies": {},
            **config,
        },
    )
    return Session().create_client(
        "s3",
        region_name="cn-bj",
        endpoint_url=url,
        verify=verify,
        aws_access_key_id=public or None,
        aws_secret_access_key=private or None,
        aws_session_token=token,
        config=made,
    )


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """(status, code) of the error with which a call is answered."""
    from botocore.exceptions import ClientError

    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError("it was not refused")
