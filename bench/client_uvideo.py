"""One timed job with the typed clients: python -m bench.client_uvideo KIND JOB ENDPOINT PUBLIC_KEY SPACE ...

KIND is client or async.  The private key comes on standard input.

upload FILE JOBS VERIFY | download FILE VERIFY | small COUNT AT_ONCE
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.peer import SMALL
from bench.small import report
from uvideo import AsyncClient, Client


def main() -> None:
    kind, job, endpoint, public_key, space, *rest = sys.argv[1:]
    keys = (public_key, sys.stdin.readline().strip())
    options: dict[str, Any] = {"endpoint": endpoint, "download_endpoint": endpoint}
    if job != "small":
        options["checksum"] = rest.pop() == "1"
    if kind == "async":
        asyncio.run(run_async(keys, options, job, space, rest))
        return
    with Client(*keys, **options) as client:
        if job == "upload":
            client.upload(space, "big", Path(rest[0]), part_jobs=int(rest[1]), journal=False)
        elif job == "download":
            client.download(space, "big", rest[0])
        else:
            count, threads = int(rest[0]), int(rest[1])
            report(
                {
                    "put": lambda n: client.put(space, f"s/{n}", SMALL),
                    "get": lambda n: client.get(space, f"s/{n}"),
                    "delete": lambda n: client.delete(space, f"s/{n}"),
                },
                count,
                threads,
            )


async def run_async(keys: tuple[str, str], options: dict[str, Any], job: str, space: str, rest: list[str]) -> None:
    async with AsyncClient(*keys, **options) as client:
        if job == "upload":
            await client.upload(space, "big", Path(rest[0]), part_jobs=int(rest[1]), journal=False)
        elif job == "download":
            await client.download(space, "big", rest[0])
        else:
            figures = {}
            jobs: dict[str, Callable[[int], Awaitable[Any]]] = {
                "put": lambda n: client.put(space, f"s/{n}", SMALL),
                "get": lambda n: client.get(space, f"s/{n}"),
                "delete": lambda n: client.delete(space, f"s/{n}"),
            }
            for name, each in jobs.items():
                figures[name] = await timed(each, int(rest[0]), int(rest[1]))
            print(json.dumps(figures))


async def timed(job: Callable[[int], Awaitable[Any]], count: int, at_once: int) -> dict[str, float]:
    async def work(first: int) -> None:
        for number in range(first, count, at_once):
            await job(number)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work(first) for first in range(at_once)))
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    return {"rate": count / wall, "cpu": used / count * 1e6}


if __name__ == "__main__":
    main()
