"""A program with fsspec; keys, endpoint and all else come from the environment."""

from __future__ import annotations

import os
from typing import Any

import job as jobs

JOB = jobs.read()

from uvideo.fs import UVideoFileSystem  # noqa: E402


class Steps:
    def __init__(self) -> None:
        self.fs = UVideoFileSystem()
        self.folder = f"{JOB['space']}/{JOB['prefix']}"
        self.small, self.large = self.folder + "small", self.folder + "large"
        self.target = os.path.join(JOB["folder"], "got")

    def put(self) -> Any:
        with open(JOB["small"], "rb") as file:
            self.fs.pipe(self.small, file.read())
        return self.fs.info(self.small)["ETag"]

    def multipart(self) -> Any:
        self.fs.put(JOB["large"], self.large)
        return self.fs.info(self.large)["ETag"]

    def get(self) -> Any:
        self.fs.get(self.large, self.target)
        return jobs.sha256(self.target)

    def range(self) -> Any:
        first, last = JOB["range"]
        return self.fs.cat_file(self.large, first, last + 1).decode("latin-1")

    def list(self) -> Any:
        space = JOB["space"] + "/"
        return sorted(each.removeprefix(space) for each in self.fs.find(self.folder))

    def head(self) -> Any:
        return self.fs.size(self.large)

    def delete(self) -> Any:
        self.fs.rm([self.small, self.large])
        return 200 if self.fs.exists(self.large) else 404


jobs.run(JOB, Steps(), OSError)
