"""A program with Client or, where the job says so, AsyncClient, on the loop that it names."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import job as jobs

JOB = jobs.read()

from uvideo import AsyncClient, Client  # noqa: E402
from uvideo.errors import NotFound, UVideoError  # noqa: E402


class Steps:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.space, self.small, self.large = JOB["space"], JOB["prefix"] + "small", JOB["prefix"] + "large"
        self.target = os.path.join(JOB["folder"], "got")

    def done(self, work: Any) -> Any:
        return work

    def put(self) -> Any:
        with open(JOB["small"], "rb") as file:
            return self.done(self.client.put(self.space, self.small, file.read())).etag

    def multipart(self) -> Any:
        return self.done(self.client.upload(self.space, self.large, Path(JOB["large"]))).etag

    def get(self) -> Any:
        self.done(self.client.download(self.space, self.large, Path(self.target)))
        return jobs.sha256(self.target)

    def range(self) -> Any:
        first, last = JOB["range"]
        return self.done(self.client.get(self.space, self.large, start=first, end=last + 1)).data.decode("latin-1")

    def list(self) -> Any:
        return sorted(each.key for each in self.client.list(self.space, JOB["prefix"]))

    def head(self) -> Any:
        return self.done(self.client.stat(self.space, self.large)).size

    def delete(self) -> Any:
        for key in (self.small, self.large):
            self.done(self.client.delete(self.space, key))
        try:
            return self.head()
        except NotFound as error:
            return error.status


class OnLoop(Steps):
    """The same, awaited."""

    def __init__(self, client: Any, runner: Any) -> None:
        super().__init__(client)
        self.done = runner.run_until_complete

    def list(self) -> Any:
        async def found() -> Any:
            return sorted([each.key async for each in self.client.list(self.space, JOB["prefix"])])

        return self.done(found())


given: dict[str, Any] = {name: JOB[name] for name in ("endpoint", "public_key", "private_key")} | JOB["options"]
if JOB["face"].startswith("async"):
    if JOB["around"] == "uvloop":
        import uvloop

        loop: Any = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    client = AsyncClient(**given)
    jobs.run(JOB, OnLoop(client, loop), UVideoError)
    loop.run_until_complete(client.close())
    loop.close()
else:
    with Client(**given) as client:
        jobs.run(JOB, Steps(client), UVideoError)
