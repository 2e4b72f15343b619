"""The command, once for each step; keys, endpoint and all else come from the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import job as jobs

JOB = jobs.read()
SECONDS = 120


class Refused(Exception):
    """A command that did not end with 0.  ``status``: its exit code."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        super().__init__(done.stderr.decode())
        self.status = done.returncode


def uvideo(*arguments: str) -> bytes:
    done = subprocess.run([sys.executable, "-m", "uvideo", *arguments], capture_output=True, timeout=SECONDS)
    if done.returncode:
        raise Refused(done)
    return done.stdout


class Steps:
    def __init__(self) -> None:
        self.folder = f"uvideo://{JOB['space']}/{JOB['prefix']}"
        self.small, self.large = self.folder + "small", self.folder + "large"
        self.target = os.path.join(JOB["folder"], "got")

    def stat(self, address: str) -> Any:
        return json.loads(uvideo("stat", "--json", address))

    def put(self) -> Any:
        uvideo("cp", JOB["small"], self.small)
        return self.stat(self.small)["etag"]

    def multipart(self) -> Any:
        uvideo("cp", JOB["large"], self.large)
        return self.stat(self.large)["etag"]

    def get(self) -> Any:
        uvideo("cp", self.large, self.target)
        return jobs.sha256(self.target)

    def range(self) -> Any:
        return uvideo("cat", "--range", "{}-{}".format(*JOB["range"]), self.large).decode("latin-1")

    def list(self) -> Any:
        found = uvideo("ls", "--json", "-r", self.folder).splitlines()
        return sorted(json.loads(line)["key"] for line in found)

    def head(self) -> Any:
        return self.stat(self.large)["size"]

    def delete(self) -> Any:
        uvideo("rm", self.small, self.large, "-y")
        try:
            return self.head()
        except Refused as error:
            return 404 if error.status == 4 else error.status


jobs.run(JOB, Steps(), Refused)
