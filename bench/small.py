"""Many small operations in several threads, each kind timed by itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable


def report(jobs: dict[str, Callable[[int], object]], count: int, threads: int, chosen: str = "") -> None:
    """Print {"job": {"rate": operations a second, "cpu": microseconds of CPU an operation}} as JSON.

    ``chosen``: names of jobs with commas between; all of them if there is none.
    """
    figures = {}
    for name in chosen.split(",") if chosen else jobs:
        job = jobs[name]
        failures: list[BaseException] = []

        def work(first: int, job: Callable[[int], object] = job, failures: list[BaseException] = failures) -> None:
            try:
                for number in range(first, count, threads):
                    job(number)
            except BaseException as error:
                failures.append(error)

        started, cpu = time.perf_counter(), time.process_time()
        workers = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        wall, used = time.perf_counter() - started, time.process_time() - cpu
        if failures:
            raise SystemExit(f"{name}: {failures[0]}")
        figures[name] = {"rate": count / wall, "cpu": used / count * 1e6}
    print(json.dumps(figures))
