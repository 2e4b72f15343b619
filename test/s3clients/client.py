"""What a client of S3 is asked to do, and where it finds the server.

A class has the methods for which its client has a call.  test_promises.py has a test for each method, by its name.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from test import patience
from test.interpreters import ROOT

__all__ = ["NODE", "PROGRAMS", "Client", "Each", "Listing", "Place", "many", "ran"]

PROGRAMS = ROOT / ".cache" / "s3clients" / "bin"  # made by make test-s3
NODE = PROGRAMS / "node"
MANY = Path(__file__).with_name("many_runs.py")


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
    def put_each(self, bucket: str, keys: Sequence[str], path: Path) -> None: ...
    def get_each(self, bucket: str, keys: Sequence[str], folder: Path) -> None:
        """Into the files 0, 1 ... of the folder."""

    def finish_get(self, bucket: str, key: str, path: Path) -> None:
        """The path holds the first bytes of the object: ask for the rest only."""

    def get_resumed(self, bucket: str, key: str, path: Path) -> None:
        """As get, and the client asks again by itself where a download is cut, as often as it does without settings."""

    def resume(self, bucket: str, key: str, path: Path, part: int) -> None:
        """Go on with the unfinished upload of the key, which ``multipart`` began in another process."""

    def abort(self, bucket: str, key: str) -> None:
        """Abort the unfinished upload of the key."""


class Each:
    """For clients that have no call for many keys."""

    def put_each(self: Any, bucket: str, keys: Sequence[str], path: Path) -> None:
        for key in keys:
            self.put(bucket, key, path)

    def get_each(self: Any, bucket: str, keys: Sequence[str], folder: Path) -> None:
        for number, key in enumerate(keys):
            self.get(bucket, key, folder / str(number))


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


def many(place: Place, script: str, runs: Iterable[Sequence[str | Path]], **more: str) -> bytes:
    """What a program prints that is written in Python, run once for each row of words, in one process."""
    lines = "".join(json.dumps(list(map(str, words))) + "\n" for words in runs)
    return ran(place, [PROGRAMS / "python", MANY, PROGRAMS / script], lines.encode(), **more)
