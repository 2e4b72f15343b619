"""What else of ours a situation is tried with: Client, AsyncClient and the command, each moving files and streams."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from test import patience

if TYPE_CHECKING:
    from test.regressions.world import World

__all__ = ["CLIENTS", "Asynchronous", "Command", "Outcome", "Typed"]

SECONDS = patience.SECONDS  # that one command may take
NO_WAIT = 0.01  # seconds of a wait before a new try
WATCHED = """
import atexit, re, runpy

def note():
    with open("/proc/self/status") as status, open({path!r}, "w") as file:
        file.write(re.search(r"VmHWM:\\s+([0-9]+)", status.read())[1])

atexit.register(note)
runpy.run_module("uvideo", run_name="__main__", alter_sys=True)
"""


class Outcome(NamedTuple):
    """How a call ended.  error: the name of its class in uvideo.errors, "" of success; said: all that was printed."""

    error: str
    said: str = ""

    @property
    def ok(self) -> bool:
        return not self.error


class Typed:
    """uvideo.Client."""

    name = "Client"

    def __init__(self, world: World) -> None:
        self.world = world
        self.options: dict[str, Any] = {"multipart_threshold": 4 << 20}
        self.retries = 3

    def made(self, kind: Any = None) -> Any:
        """A client as a user has it, but for the length of the waits."""
        import uvideo

        return (kind or uvideo.Client)(
            *self.world.keys,
            endpoint=f"127.0.0.1:{self.world.proxy}",
            state_dir=str(self.world.folder / "state"),
            retry=uvideo.Retry(self.retries, NO_WAIT, NO_WAIT, 20.0, None, None),
            **self.options,
        )

    def run(self, call: Callable[[Any], Any]) -> Outcome:
        """Call a function with a client of its own.  What is not an error of ours comes out."""
        from uvideo.errors import UVideoError

        try:
            with self.made() as client:
                call(client)
        except UVideoError as error:
            return Outcome(type(error).__name__, f"{error!r} {error}")
        return Outcome("")

    def put(self, key: str, source: Any) -> Outcome:
        return self.run(lambda client: client.put(self.world.space, key, source))

    def upload(self, key: str, source: Any) -> Outcome:
        return self.run(lambda client: client.upload(self.world.space, key, source))

    def download(self, key: str, target: Path, start: int | None = None, end: int | None = None) -> Outcome:
        return self.run(lambda client: client.download(self.world.space, key, target, start=start, end=end))

    def delete(self, key: str) -> Outcome:
        return self.run(lambda client: client.delete(self.world.space, key))

    def describe(self) -> Outcome:
        return self.run(lambda client: client.stat_space(self.world.space))

    def update(self) -> Outcome:
        return self.run(lambda client: client.update_space(self.world.space, type="private"))

    def together(self, *uploads: tuple[str, Path]) -> list[Outcome]:
        """Upload several files at a time with one client."""
        from concurrent.futures import ThreadPoolExecutor

        found: list[Outcome] = []
        with self.made() as client, ThreadPoolExecutor(len(uploads)) as pool:
            jobs = [pool.submit(client.upload, self.world.space, key, path) for key, path in uploads]
            found += [Outcome("" if job.exception() is None else type(job.exception()).__name__) for job in jobs]
        return found


class Asynchronous(Typed):
    """uvideo.AsyncClient, in an event loop for each call."""

    name = "AsyncClient"

    def run(self, call: Callable[[Any], Any]) -> Outcome:
        import uvideo

        async def work() -> None:
            async with self.made(uvideo.AsyncClient) as client:
                await call(client)

        try:
            asyncio.run(work())
        except uvideo.errors.UVideoError as error:
            return Outcome(type(error).__name__, f"{error!r} {error}")
        return Outcome("")

    def together(self, *uploads: tuple[str, Path]) -> list[Outcome]:
        async def work(client: Any) -> None:
            await asyncio.gather(*[client.upload(self.world.space, key, path) for key, path in uploads])

        return [self.run(work)]


class Command(Typed):
    """The command, a process for each call."""

    name = "uvideo"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.program = ["-m", "uvideo"]
        self._peak = world.folder / "peak"

    def watch(self) -> None:
        """Let the processes from now on note their peak of memory; what the system counts holds their parent's too."""
        self.program = ["-c", WATCHED.format(path=str(self._peak))]

    def peak(self) -> int:
        """Bytes of memory that the last process had at most."""
        return int(self._peak.read_text()) * 1024

    def start(self, *words: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        public, private = self.world.keys
        options = {f"UVIDEO_{name.upper()}": str(value) for name, value in self.options.items()}
        return subprocess.Popen(
            [sys.executable, *self.program, "--json", "-v", *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.environ.get("PATH", ""),
                "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
                "HOME": str(self.world.folder),
                "NETRC": os.environ.get("NETRC", ""),
                "no_proxy": "*",
                "UVIDEO_ENDPOINT": f"127.0.0.1:{self.world.proxy}",
                "UVIDEO_PUBLIC_KEY": public,
                "UVIDEO_PRIVATE_KEY": private,
                "UVIDEO_RETRIES": str(self.retries),
                **options,
            },
        )

    def ended(self, process: subprocess.Popen[bytes], data: bytes | None = None) -> Outcome:
        """Its Outcome, once it has ended.  AssertionError if exit code and printed errors do not agree."""
        try:
            told, printed = process.communicate(data, SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Outcome("it does not end")
        said = (told + printed).decode("utf-8", "replace")
        assert "Traceback" not in said, said
        errors = [record["error"] for line in printed.splitlines() if (record := json.loads(line))["kind"] == "error"]
        assert bool(errors) == (process.returncode != 0), (process.returncode, said)
        return Outcome(errors[0] if errors else "", said)

    def __call__(self, *words: str) -> Outcome:
        return self.ended(self.start(*words))

    def address(self, key: str) -> str:
        return f"uvideo://{self.world.space}/{key}"

    def put(self, key: str, source: Any) -> Outcome:
        return self.upload(key, source)

    def upload(self, key: str, source: Any) -> Outcome:
        if isinstance(source, Path):
            return self("cp", str(source), self.address(key))
        process = self.start("cp", "-", self.address(key), stdin=subprocess.PIPE)
        return self.ended(process, b"".join(iter(lambda: source.read(1 << 20), b"")))

    def download(self, key: str, target: Path, start: int | None = None, end: int | None = None) -> Outcome:
        if start is None or end is None:
            return self("cp", self.address(key), str(target))
        return self("cat", "--start", str(start), "--end", str(end), self.address(key))

    def delete(self, key: str) -> Outcome:
        return self("rm", self.address(key))

    def describe(self) -> Outcome:
        return self("stat", f"uvideo://{self.world.space}")

    def update(self) -> Outcome:
        return self("spaces", "set", self.world.space, "--type", "private")

    def together(self, *uploads: tuple[str, Path]) -> list[Outcome]:
        jobs = [self.start("cp", str(path), self.address(key)) for key, path in uploads]
        return [self.ended(job) for job in jobs]


#: By the name that the page has for each.
CLIENTS: dict[str, type[Typed]] = {each.name: each for each in (Typed, Asynchronous, Command)}


class Pipe(io.RawIOBase):
    """What a socket or a pipe is: no seek, and each read gives what has just come."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if size is not None and 0 <= size < len(piece):
            self._pieces.insert(0, piece[size:])
            return piece[:size]
        return piece


class Said(logging.Handler):
    """Everything that any logger says while the block runs, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""
        self._loggers = [logging.getLogger(), logging.getLogger("ucloud.uvideo"), logging.getLogger("uvideo")]
        self._lock_of_text = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        with self._lock_of_text:
            self.text += record.getMessage() + "\n"

    def __enter__(self) -> Said:
        self._levels = [each.level for each in self._loggers]
        for each in self._loggers:
            each.setLevel(logging.DEBUG)
        self._loggers[0].addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._loggers[0].removeHandler(self)
        for each, level in zip(self._loggers, self._levels, strict=True):
            each.setLevel(level)
