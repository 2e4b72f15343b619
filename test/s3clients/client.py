"""What a client of S3 is asked to do, and where it finds the server.

A class has the methods for which its client has a call.  test_promises.py has a test for each method, by its name.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from test import patience
from test.interpreters import ROOT

__all__ = ["PROGRAMS", "Client", "Listing", "Place", "ran"]

PROGRAMS = ROOT / ".cache" / "s3clients" / "bin"  # made by make test-s3


class Place(NamedTuple):
    """``url``: of the server's S3 port.  ``folder``: an empty one, for what a client writes there."""

    url: str
    public: str
    private: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """Variables for a program: the keys, and no settings of whoever runs the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_", "S3"))}
        return {
            **kept,
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": self.public,
            "AWS_SECRET_ACCESS_KEY": self.private,
            "AWS_DEFAULT_REGION": "cn-bj",
            "AWS_REGION": "cn-bj",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "LC_ALL": "C.UTF-8",
        }


class Listing(NamedTuple):
    """Below a prefix, with the delimiter ``/``: whole keys, and common prefixes that end with it."""

    keys: set[str]
    folders: set[str]


class Client(Protocol):
    """All that a client may be able to do."""

    def make(self, bucket: str) -> None: ...
    def put(self, bucket: str, key: str, path: Path) -> None: ...
    def get(self, bucket: str, key: str, path: Path) -> None: ...
    def span(self, bucket: str, key: str, first: int, last: int) -> bytes: ...
    def copy(self, bucket: str, key: str, target: str) -> None: ...
    def listing(self, bucket: str, prefix: str) -> Listing: ...
    def delete(self, bucket: str, keys: Sequence[str]) -> None: ...
    def presign(self, bucket: str, key: str) -> str: ...
    def multipart(self, bucket: str, key: str, path: Path, part: int) -> None: ...


def ran(place: Place, command: Sequence[str | Path], given: bytes = b"", **more: str) -> bytes:
    """What a program prints.  AssertionError with its error output if it fails."""
    environment = {**place.environment(), **more}
    done = subprocess.run(
        list(map(str, command)),
        input=given,
        capture_output=True,
        env=environment,
        cwd=place.folder,
        timeout=patience.SECONDS,
    )
    assert done.returncode == 0, (done.stderr + done.stdout).decode(errors="replace")[-2000:]
    return done.stdout
